"""The threads that kernels share: `void tc_parallel(ptr task, ptr context, i64 count)`.

It calls `void task(ptr context, i64 index)` for every index below `count`, in any order and on any thread, and returns
when all calls have. How work is cut into indices is the kernel's business, and must depend on shapes only: then results
do not depend on the number of threads, down to the last bit.

Half of the threads take indices from the front, half from the back: so a thread often gets, job after job, the same
part of what is cut alike, and finds it in its cache.

The threads are the system's, know nothing of Python, and run only code emitted here. One word, `gate`, holds it all
together: the number of the current job in its upper half, and in the lower whether the job is open, and how many
workers are inside. A worker joins by counting itself in, which succeeds only while the job is open; the caller works
too, closes the job when no index is left, and waits for those inside. So nobody waits for a worker that sleeps.
Workers look for work for a while after a job, then sleep in the kernel (futex).

A call from within a task, or from a second thread while a job runs, does its own work alone; so does the child of a
fork, which has no workers. Signals go to Python's threads: Ctrl-C works.
"""

from __future__ import annotations

import ctypes
import os
import signal
import threading
from typing import Any

from ..threads import get_num_threads

__all__ = ["address", "resize", "threads"]

# How often a worker looks for the next job before it sleeps, and the caller for the last worker: about 400 µs. Waking a
# sleeper takes 50 µs and more, and between its kernels eager mode has work of its own.
_LOOKS = 20_000

_IR = """
@gate = internal global i64 0, align 64
@sleeping = internal global i32 0, align 64
@busy = internal global i32 0, align 64
@next = internal global i64 0, align 64
@limit = internal global i64 0, align 64
@task = internal global ptr null
@context = internal global ptr null
@count = internal global i64 0

declare i64 @syscall(i64, ...)
declare void @llvm.x86.sse2.pause()
declare i64 @llvm.smin.i64(i64, i64)

; Sleep while the word is still `seen`; wake some of those who sleep on it.  202 is SYS_futex on x86-64.
define internal void @wait(ptr %word, i32 %seen) nounwind noinline {
  %r = call i64 (i64, ...) @syscall(i64 202, ptr %word, i32 128, i32 %seen, ptr null, ptr null, i32 0)
  ret void
}
define internal void @wake(ptr %word, i32 %some) nounwind noinline {
  %r = call i64 (i64, ...) @syscall(i64 202, ptr %word, i32 129, i32 %some, ptr null, ptr null, i32 0)
  ret void
}

; `turn` is 1 for who takes from the front, 1 << 32 for who takes from the back; @next counts both.
define internal void @drain(ptr %task, ptr %context, i64 %count, i64 %turn) nounwind noinline {
entry:
  %last = sub i64 %count, 1
  %forward = icmp eq i64 %turn, 1
  br label %take
take:
  %taken = atomicrmw add ptr @next, i64 %turn monotonic
  %front = and i64 %taken, 4294967295
  %back = lshr i64 %taken, 32
  %all = add i64 %front, %back
  %more = icmp slt i64 %all, %count
  br i1 %more, label %work, label %done
work:
  %mirrored = sub i64 %last, %back
  %i = select i1 %forward, i64 %front, i64 %mirrored
  call void %task(ptr %context, i64 %i)
  br label %take
done:
  ret void
}

define void @tc_parallel(ptr %task, ptr %context, i64 %count) nounwind {
entry:
  %limit = load atomic i64, ptr @limit monotonic, align 8
  %helped = icmp sgt i64 %limit, 0
  %several = icmp sgt i64 %count, 1
  %shared = and i1 %helped, %several
  br i1 %shared, label %claim, label %alone
claim:
  %pair = cmpxchg ptr @busy, i32 0, i32 1 acquire monotonic
  %mine = extractvalue { i32, i1 } %pair, 1
  br i1 %mine, label %open, label %alone
alone:
  %i = phi i64 [ 0, %entry ], [ 0, %claim ], [ %n, %one ]
  %more = icmp slt i64 %i, %count
  br i1 %more, label %one, label %end
one:
  call void %task(ptr %context, i64 %i)
  %n = add i64 %i, 1
  br label %alone
end:
  ret void
open:
  store ptr %task, ptr @task
  store ptr %context, ptr @context
  store i64 %count, ptr @count
  store atomic i64 0, ptr @next monotonic, align 8
  %old = load atomic i64, ptr @gate monotonic, align 8
  %job = add i64 %old, 4294967296
  %new = or i64 %job, 65536
  store atomic i64 %new, ptr @gate seq_cst, align 8
  %sleepers = load atomic i32, ptr @sleeping seq_cst, align 4
  %any = icmp sgt i32 %sleepers, 0
  br i1 %any, label %rouse, label %help
rouse:
  %upper = getelementptr i8, ptr @gate, i64 4
  %others = sub i64 %count, 1
  %few = call i64 @llvm.smin.i64(i64 %others, i64 1000)
  %some = trunc i64 %few to i32
  call void @wake(ptr %upper, i32 %some)
  br label %help
help:
  call void @drain(ptr %task, ptr %context, i64 %count, i64 1)
  %was = atomicrmw sub ptr @gate, i64 65536 acq_rel
  br label %look
look:
  %looks = phi i32 [ 0, %help ], [ %looked, %again ]
  %now = load atomic i64, ptr @gate acquire, align 8
  %inside = trunc i64 %now to i32
  %empty = icmp eq i32 %inside, 0
  br i1 %empty, label %over, label %again
again:
  call void @llvm.x86.sse2.pause()
  %looked = add i32 %looks, 1
  %patient = icmp ult i32 %looked, LOOKS
  br i1 %patient, label %look, label %rest
rest:
  %last = load atomic i64, ptr @gate acquire, align 8
  %still = trunc i64 %last to i32
  %left = icmp eq i32 %still, 0
  br i1 %left, label %over, label %nap
nap:
  call void @wait(ptr @gate, i32 %still)
  br label %rest
over:
  store atomic i32 0, ptr @busy release, align 4
  ret void
}

; Started with the worker's number; those from `limit` on sit out.
define ptr @worker(ptr %argument) nounwind {
entry:
  %done = alloca i32
  %looks = alloca i32
  store i32 0, ptr %done
  store i32 0, ptr %looks
  %number = ptrtoint ptr %argument to i64
  %upper = getelementptr i8, ptr @gate, i64 4
  br label %look
look:
  %gate = load atomic i64, ptr @gate acquire, align 8
  %high = lshr i64 %gate, 32
  %job = trunc i64 %high to i32
  %seen = load i32, ptr %done
  %same = icmp eq i32 %job, %seen
  br i1 %same, label %idle, label %fresh
idle:
  %looked = load i32, ptr %looks
  %more = add i32 %looked, 1
  store i32 %more, ptr %looks
  %patient = icmp ult i32 %looked, LOOKS
  br i1 %patient, label %pause, label %sleep
pause:
  call void @llvm.x86.sse2.pause()
  br label %look
sleep:
  %s = atomicrmw add ptr @sleeping, i32 1 seq_cst
  call void @wait(ptr %upper, i32 %seen)
  %t = atomicrmw sub ptr @sleeping, i32 1 seq_cst
  br label %again
fresh:
  %limit = load atomic i64, ptr @limit monotonic, align 8
  %wanted = icmp slt i64 %number, %limit
  %bit = and i64 %gate, 65536
  %open = icmp ne i64 %bit, 0
  %go = and i1 %wanted, %open
  br i1 %go, label %join, label %finished
join:
  %with = add i64 %gate, 1
  %pair = cmpxchg ptr @gate, i64 %gate, i64 %with acq_rel monotonic
  %joined = extractvalue { i64, i1 } %pair, 1
  br i1 %joined, label %work, label %look
work:
  %task = load ptr, ptr @task
  %context = load ptr, ptr @context
  %count = load i64, ptr @count
  %odd = and i64 %number, 1
  %forth = icmp eq i64 %odd, 1
  %turn = select i1 %forth, i64 1, i64 4294967296
  call void @drain(ptr %task, ptr %context, i64 %count, i64 %turn)
  %before = atomicrmw sub ptr @gate, i64 1 acq_rel
  %rest = trunc i64 %before to i32
  %last = icmp eq i32 %rest, 1
  br i1 %last, label %alert, label %finished
alert:
  call void @wake(ptr @gate, i32 1)
  br label %finished
finished:
  store i32 %job, ptr %done
  br label %again
again:
  store i32 0, ptr %looks
  br label %look
}

define void @set_limit(i64 %limit) nounwind {
  store atomic i64 %limit, ptr @limit seq_cst, align 8
  ret void
}

; After a fork: nobody works here but the caller.
define void @reset() nounwind {
  store i64 0, ptr @gate
  store i32 0, ptr @sleeping
  store i32 0, ptr @busy
  store i64 0, ptr @limit
  ret void
}
""".replace("LOOKS", str(_LOOKS))

_lock = threading.Lock()
_library: Any = None  # never freed: the workers are in it
_started = 0
_threads = 0  # not asked for yet


def address() -> int:
    """The address of `tc_parallel`; the workers are started if they have not been."""
    global _library
    with _lock:
        if _library is None:
            from . import jit

            syscall = ctypes.cast(ctypes.CDLL(None).syscall, ctypes.c_void_p).value or 0
            library = jit.load(_IR, ["tc_parallel", "worker"], imports={"syscall": syscall})
            reset = library.function("reset", gil=True)
            os.register_at_fork(after_in_child=lambda: _alone(reset))
            _library = library
    resize()
    return _library.address("tc_parallel")


def threads() -> int:
    """How many threads kernels use, the caller's included."""
    return _threads or _count()


def _count() -> int:
    """Ask the environment, and remember the answer until `resize`."""
    global _threads
    _threads = min(get_num_threads(), 64)
    return _threads


def resize() -> None:
    """Bring the number of workers to what `set_num_threads` says."""
    global _started
    with _lock:
        wanted = _count() - 1
        if _library is None:
            return
        while _started < wanted and _start(_started):
            _started += 1
        _library.function("set_limit", ctypes.c_int64, gil=True)(min(wanted, _started))


def _start(number: int) -> bool:
    """Start a worker that no signal is delivered to."""
    thread = ctypes.c_size_t()
    libc = ctypes.CDLL(None)
    before = signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
    try:
        worker = ctypes.c_void_p(_library.address("worker"))
        failed = libc.pthread_create(ctypes.byref(thread), None, worker, ctypes.c_void_p(number))
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return not failed


def _alone(reset: Any) -> None:
    global _started, _lock
    reset()
    _started = 0
    _lock = threading.Lock()
