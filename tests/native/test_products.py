"""Products of matrices by kernels: right for all shapes and strides, and BLAS's own threads stay asleep."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course.ops.op import REGISTRY

pytest.importorskip("llvmlite")
if not tc.native.available():
    pytest.skip("no native kernels for this computer", allow_module_level=True)

matmul = REGISTRY["matmul"].forward


@pytest.fixture(autouse=True)
def _on():
    tc.native.report(reset=True)
    with tc.config.set(kernels="on", log_kernels=True):
        yield


def _check(a, b, native=True, **given):
    tc.native.report(reset=True)
    found = matmul(a, b, **given)
    wanted = np.matmul(a.astype(np.float64), b.astype(np.float64))
    bound = np.matmul(np.abs(a), np.abs(b))
    assert found.shape == wanted.shape and found.dtype == a.dtype
    assert (np.abs(found - wanted) <= (a.shape[-1] + 2) * np.finfo(a.dtype).eps * bound).all()
    assert (("matmul", "") in tc.native.report()) == native
    return found


sizes = st.integers(33, 90) | st.sampled_from([128, 300])


@given(
    m=sizes, n=sizes, k=sizes, batch=st.sampled_from([(), (1,), (5,), (2, 3)]), which=st.sampled_from(["a", "b", "ab"]),
    turned=st.tuples(st.booleans(), st.booleans()), wide=st.booleans(), given_out=st.booleans(), seed=st.integers(0, 9),
)  # fmt: skip
def test_batches_and_strides(m, n, k, batch, which, turned, wide, given_out, seed):
    m, n, k = m + 32, n + 32, k + 32
    rng = np.random.default_rng(seed)
    dtype = np.float64 if wide else np.float32
    a, b = (
        rng.standard_normal((*(batch if name in which else ()), *(s[::-1] if t else s))).astype(dtype)
        for name, s, t in zip("ab", ((m, k), (k, n)), turned)
    )
    a, b = (x.swapaxes(-1, -2) if t else x for x, t in zip((a, b), turned))
    if given_out and len(batch) < 2:
        out = np.full((*batch, m, n), np.nan, dtype)
        assert _check(a, b, out=out) is out
    else:
        _check(a, b, native=len(batch) < 2 or which != "b")


def test_heads_of_attention_whose_batches_are_not_contiguous():
    x = np.random.default_rng(0).standard_normal((4, 50, 3, 24)).astype(np.float32)
    q, k = x.swapaxes(1, 2), x[::-1].swapaxes(1, 2)
    _check(q, k.swapaxes(-1, -2))
    _check(q[0], k[1].swapaxes(-1, -2), native=False)  # little work


@pytest.mark.parametrize(
    ("a", "b"),
    [((3, 9000), (9000, 40)), ((9000, 40), (40, 3)), ((2, 1, 64, 64), (1, 3, 64, 64)), ((90000,), (90000, 4))],
    ids=["few rows", "few columns", "batches that are broadcast", "a vector"],
)
def test_numpy_serves_the_rest(a, b):
    rng = np.random.default_rng(0)
    _check(rng.standard_normal(a), rng.standard_normal(b), native=False)


def test_other_dtypes_and_errors_are_numpys():
    a = np.arange(10000).reshape(100, 100)
    assert (matmul(a, a.T) == a @ a.T).all()
    assert matmul(a.astype(np.float32), a.T.astype(float)).dtype == np.float64
    with pytest.raises(ValueError, match="mismatch"):
        matmul(np.ones((100, 100)), np.ones((101, 100)))
    with pytest.raises(RuntimeError, match="linear"):
        tc.nn.functional.linear(tc.ones(100, 100), tc.ones(100, 101))


def test_unaligned_memory():
    raw = np.zeros(4 * 100 * 100 + 1, np.uint8)
    a = raw[1:].view(np.float32).reshape(100, 100)
    a[:] = np.random.default_rng(0).standard_normal((100, 100))
    _check(a, a, native=False)


@pytest.mark.parametrize("shape", [(96, 80), (4, 24, 80)])
def test_a_linear_layer_is_that_of_numpy(shape):
    x = tc.randn(*shape, dtype=tc.float64, requires_grad=True)
    layer = tc.nn.Linear(80, 120, dtype=tc.float64)
    g = tc.randn(*shape[:-1], 120, dtype=tc.float64)
    found = {}
    for kernels in ("off", "on"):
        with tc.config.set(kernels=kernels):
            y = layer(x)
            found[kernels] = [y, *tc.autograd.grad(y, [x, *layer.parameters()], g)]
    assert tc.native.report()["matmul", ""] == 3
    for one, other in zip(found["off"], found["on"], strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one.detach().numpy(), other.detach().numpy(), rtol=1e-12, atol=1e-12)


_STEPS = """
import os, time
from pathlib import Path
import numpy as np

def ticks():  # of a hundredth of a second that each thread but the main one has worked
    return {f.parent.name: int(f.read_text().rsplit(")")[1].split()[11])
            for f in Path("/proc/self/task").glob("*/stat") if f.parent.name != str(os.getpid())}

import tinygrad_course as tc
time.sleep(0.1)  # as long as BLAS's threads look for work when they are new
blas = ticks()
net = tc.nn.Sequential(tc.nn.Conv2d(32, 32, 3), tc.nn.ReLU(), tc.nn.Flatten(), tc.nn.Linear(32 * 36, 200))
x, t = tc.randn(64, 32, 8, 8), tc.zeros(64, dtype=tc.int64)
for _ in range(20):
    tc.nn.functional.cross_entropy(net(x), t).backward()
now = ticks()
assert now.keys() > blas.keys(), "no threads of ours"
print(sum(now[thread] - blas[thread] for thread in blas))
"""


def test_threads_of_blas_sleep_through_a_step():
    environment = os.environ | {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "TINYGRAD_COURSE_KERNELS": "1"}
    done = subprocess.run([sys.executable, "-c", _STEPS], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) <= 1
