"""The pool of threads: every piece is done once, by whatever threads there are, in children of a fork too."""

import ctypes
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

import tinygrad_course as tc
from tinygrad_course.native import jit, pool
from tinygrad_course.native.emit import Module


@pytest.fixture(params=[1, 2, 5])
def threads(request, monkeypatch):
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, str(request.param))
    pool.resize()
    yield request.param
    monkeypatch.undo()
    pool.resize()


def _counting(nested=False):
    """`count(x, n)` adds 1 to each of n integers, a piece each; nested, every piece is two again."""
    module = Module()

    def piece(f, i):
        f.store(f.load("i64", f.x, i) + 1, f.x, i)

    module.parallel("count", {"x": "ptr", "n": "i64"}, lambda f: f.n, piece)
    if nested:

        def pair(f, i):
            f.call("count", "void", f.at(f.x, i * 2, "i64"), f.value("i64", 2))

        module.parallel("pairs", {"x": "ptr", "n": "i64"}, lambda f: f.n // 2, pair)
    return jit.load(module.text()).function("pairs" if nested else "count", ctypes.c_void_p, ctypes.c_int64)


@pytest.mark.parametrize("nested", [False, True])
def test_every_piece_is_done_once(threads, nested):
    count = _counting(nested)
    assert pool.threads() == threads
    for n in (0, 1, 2, 3, 64, 1000):
        n = 2 * (n // 2) if nested else n
        x = np.zeros(n + 1, np.int64)
        for _ in range(200):
            count(x.ctypes.data, n)
        assert (x[:n] == 200).all() and x[n] == 0


def test_callers_on_several_threads_do_not_disturb_each_other(threads):
    count = _counting()
    arrays = [np.zeros(500, np.int64) for _ in range(4)]

    def work(x):
        for _ in range(300):
            count(x.ctypes.data, x.size)

    callers = [threading.Thread(target=work, args=(x,)) for x in arrays]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert all((x == 300).all() for x in arrays)


def test_results_do_not_depend_on_the_number_of_threads(monkeypatch):
    x = tc.randn(3, 50_001)
    found = []
    for n in (1, 2, 3, 7):
        monkeypatch.setenv("OMP_NUM_THREADS", str(n))
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", str(n))
        pool.resize()
        found.append([f(x).numpy() for f in (tc.nn.functional.gelu, tc.sigmoid, tc.nn.functional.softplus)])
    monkeypatch.undo()
    pool.resize()
    for others in found[1:]:
        for a, b in zip(found[0], others):
            np.testing.assert_array_equal(a, b)


def test_the_number_of_threads_follows_set_num_threads(monkeypatch):
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "1")
    _counting()
    with pytest.warns(UserWarning, match="BLAS"):
        tc.set_num_threads(3)
    assert pool.threads() == 3 and pool._started >= 2
    monkeypatch.undo()
    pool.resize()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of forks in processes with threads
def test_a_child_of_a_fork_works_alone(threads):
    count = _counting()
    x = np.zeros(100, np.int64)
    count(x.ctypes.data, 100)
    child = os.fork()
    if child == 0:
        y = np.zeros(100, np.int64)
        for _ in range(100):
            count(y.ctypes.data, 100)
        pool.resize()  # a pool of its own, if it asks for one
        for _ in range(100):
            count(y.ctypes.data, 100)
        os._exit(0 if (y == 200).all() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    count(x.ctypes.data, 100)
    assert (x == 2).all()


_LOOP = """
import ctypes, sys, numpy as np
import tinygrad_course as tc
x = tc.randn(400_000)
try:
    print("ready", flush=True)
    while True:
        tc.nn.functional.gelu(x)
except KeyboardInterrupt:
    print("stopped")
"""


def test_interrupts_reach_python():
    environment = {**os.environ, "OMP_NUM_THREADS": "3"}
    child = subprocess.Popen([sys.executable, "-c", _LOOP], env=environment, stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline().strip() == "ready"
    child.send_signal(signal.SIGINT)
    out, _ = child.communicate(timeout=60)
    assert out.strip() == "stopped" and child.returncode == 0
