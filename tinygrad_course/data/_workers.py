"""The threads behind `DataLoader(num_workers=...)`.

Threads and not processes: NumPy, zlib, file reads and Pillow's decoders release the interpreter lock while they work,
so threads overlap where loading takes its time; nothing is pickled or copied between processes; they start in
microseconds, also in notebooks and on systems without fork; and an exception arrives as itself, with its own
traceback.

Workers pay where samples are read from files, decoded, or large. Small images that are in memory already (MNIST, CIFAR)
load faster without: there the work is mostly Python's own, which threads can only take turns at.
"""

import threading
import warnings
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

__all__ = ["WorkerInfo", "WorkerPool", "get_worker_info"]

JOIN_SECONDS = 5.0


class WorkerInfo(NamedTuple):
    """What `get_worker_info` tells the code that runs in a worker."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


class _Here(threading.local):
    info: WorkerInfo | None = None


_here = _Here()


def get_worker_info() -> WorkerInfo | None:
    """Return the DataLoader worker that runs this code, or None in the main thread.

    A stream (`IterableDataset`) is read by one worker, whatever `num_workers` is, and is told so: code that shares a
    stream out by `id` and `num_workers`, as it must with processes, then keeps every sample.
    """
    return _here.info


class WorkerPool:
    """A few threads that run jobs in the order of submission; each result is a Future.

    The threads know the queue and not the pool, so a forgotten pool can be collected.
    """

    def __init__(self, infos: list[WorkerInfo], init: Callable[[int], Any] | None) -> None:
        self._jobs: SimpleQueue[Any] = SimpleQueue()
        self._threads = [
            threading.Thread(
                target=_serve, args=(self._jobs, info, init), name=f"DataLoader worker {info.id}", daemon=True
            )
            for info in infos
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Callable[[], Any]) -> "Future[Any]":
        """Queue a job."""
        future: Future[Any] = Future()
        self._jobs.put((future, job))
        return future

    def close(self) -> None:
        """Drop the queued jobs, stop the threads and wait for them; what runs now comes to its end first."""
        try:
            while True:
                dropped = self._jobs.get_nowait()
                if dropped is not None:
                    dropped[0].cancel()
        except Empty:
            pass
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            if thread is not threading.current_thread():  # a collector may run this inside a worker
                thread.join(JOIN_SECONDS)
                if thread.is_alive():
                    warnings.warn(
                        f"{thread.name} still runs {JOIN_SECONDS:g} s after the loader was closed: "
                        "its dataset is stuck in one sample",
                        UserWarning,
                        stacklevel=2,
                    )


def _serve(jobs: "SimpleQueue[Any]", info: WorkerInfo, init: Callable[[int], Any] | None) -> None:
    _here.info = info
    failure: BaseException | None = None
    if init is not None:
        try:
            init(info.id)
        except BaseException as error:  # handed to the consumer, which raises it
            error.add_note(f"raised by worker_init_fn({info.id}) of a DataLoader")
            failure = error
    while (item := jobs.get()) is not None:
        future, job = item
        if future.set_running_or_notify_cancel():
            try:
                if failure is not None:
                    raise failure
                result = job()
            except BaseException as error:  # handed to the consumer, which raises it
                future.set_exception(error)
            else:
                future.set_result(result)
                del result
        del item, future, job  # an idle worker keeps no batch alive
