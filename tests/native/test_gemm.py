"""Products of matrices: right for every size, stride and dtype, on every processor, and by any number of threads."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc

pytest.importorskip("llvmlite")
if not tc.native.available():
    pytest.skip("no native kernels for this computer", allow_module_level=True)

from tinygrad_course.native import gemm, jit
from tinygrad_course.native.host import AARCH64, BASELINE, host

TARGETS = [BASELINE, BASELINE._replace(features="+avx2,+fma"), host()]
TARGETS = [target for target in TARGETS if target.vector_bytes <= host().vector_bytes]

sizes = st.integers(1, 40) | st.sampled_from([63, 64, 65, 96, 127, 401])


def _close(found, a, b, bias=None):
    wanted = a.astype(np.float64) @ b.astype(np.float64) + (0 if bias is None else bias)
    bound = np.abs(a) @ np.abs(b) + (0 if bias is None else np.abs(bias))
    assert found.shape == wanted.shape and found.dtype == a.dtype
    assert (np.abs(found - wanted) <= (a.shape[1] + 2) * np.finfo(a.dtype).eps * bound).all()


@given(m=sizes, n=sizes, k=sizes, turned=st.tuples(st.booleans(), st.booleans()), wide=st.booleans(),
       biased=st.booleans(), target=st.sampled_from(TARGETS), seed=st.integers(0, 9))  # fmt: skip
def test_products(m, n, k, turned, wide, biased, target, seed):
    rng = np.random.default_rng(seed)
    dtype = np.float64 if wide else np.float32
    a = rng.standard_normal((k, m)).T if turned[0] else rng.standard_normal((m, k))
    b = rng.standard_normal((n, k)).T if turned[1] else rng.standard_normal((k, n))
    a, b = (x.astype(dtype, order="K") for x in (a, b))
    bias = rng.standard_normal(n).astype(dtype) if biased else None
    _close(gemm.product(a, b, bias, target=target), a, b, bias)


@given(m=sizes, n=sizes, k=sizes, steps=st.tuples(*[st.integers(-3, 3).filter(bool)] * 4), repeated=st.booleans())
def test_strides(m, n, k, steps, repeated):
    rng = np.random.default_rng(0)
    a = rng.standard_normal((3 * m, 3 * k), np.float32)[:: steps[0], :: steps[1]][:m, :k]
    b = rng.standard_normal((3 * k, 3 * n), np.float32)[:: steps[2], :: steps[3]][:k, :n]
    if repeated:
        a, b = np.broadcast_to(a[:1], a.shape), np.broadcast_to(b[:, :1], b.shape)
    out = np.full((m, n + 5), np.nan, np.float32)
    _close(gemm.product(a, b, out=out[:, :n]), a, b)
    assert np.isnan(out[:, n:]).all()


def test_infinity_and_nan_stay_in_their_rows_and_columns():
    a, b = np.ones((9, 20), np.float32), np.ones((20, 21), np.float32)
    a[8, 3], b[4, 20] = np.nan, np.inf
    found = gemm.product(a, b)
    assert np.isnan(found[8]).all() and np.isinf(found[:8, 20]).all() and (found[:8, :20] == 20).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_matrix_with_itself(dtype):
    a = np.random.default_rng(0).standard_normal((70, 70)).astype(dtype)
    _close(gemm.product(a, a.T), a, a.T)


def test_pieces_cover_the_result_once():
    for sizes in [(1, 1, 1), (64, 128, 128), (6000, 10, 50), (7, 9000, 3), (129, 33, 4000)]:
        job = gemm.plan(sizes, "float", host())
        assert job.height % gemm.ROWS == 0 and 0 < job.kc <= sizes[2]
        panels = -(-sizes[1] // (gemm.VECTORS * host().lanes()))
        assert job.pieces == panels * -(-sizes[0] // job.height)


def test_nothing_outside_of_the_matrices_is_touched():
    script = Path(__file__).with_name("guarded.py")
    done = subprocess.run(
        [sys.executable, script, "gemm", "200"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == ["ran", "200"]


_STEP = """
import sys
import numpy as np
import tinygrad_course as tc

tc.manual_seed(0)
net = tc.nn.Sequential(tc.nn.Linear(100, 150), tc.nn.Tanh(), tc.nn.Linear(150, 90), tc.nn.ReLU(), tc.nn.Linear(90, 70))
x = tc.randn(130, 100)

def step(x):
    net.zero_grad()
    loss = (net(x) ** 2).mean()
    loss.backward()
    return loss

twin = tc.compile(step, fullgraph=True, backend="native")
for _ in range(5):
    loss = twin(x)
sys.stdout.write(b"".join(t.detach().numpy().tobytes() for t in [loss, *(p.grad for p in net.parameters())]).hex())
"""


def test_the_number_of_threads_does_not_show():
    found = set()
    for threads in ("1", "2", "3"):
        done = subprocess.run(
            [sys.executable, "-c", _STEP], capture_output=True, text=True, timeout=300, check=True,
            env={**os.environ, "OMP_NUM_THREADS": threads},
        )  # fmt: skip
        found.add(done.stdout)
    assert len(found) == 1 and len(found.pop()) > 10_000


@given(m=st.integers(4, 70), n=st.integers(8, 70), k=st.integers(1, 90), turned=st.booleans(), linear=st.booleans())
def test_compiled_products(m, n, k, turned, linear):
    def program(x, w, b):
        y = tc.nn.functional.linear(x, w, b) if linear else x @ w.T + b
        return (y.T @ y).T * 2 if turned else (y @ y.T, x.T @ y)

    twin = tc.compile(program, fullgraph=True, backend="native")
    rng = np.random.default_rng(0)
    for _ in range(3):
        args = [tc.from_numpy(rng.standard_normal(shape)) for shape in ((m, k), (n, k), (n,))]
        wanted, got = program(*args), twin(*args)
        for a, b in zip(*((y if isinstance(y, tuple) else (y,)) for y in (wanted, got))):
            np.testing.assert_allclose(b.numpy(), a.numpy(), rtol=1e-9, atol=1e-10)


def test_another_architecture():
    code = jit.assembly(gemm.text("float", AARCH64), AARCH64)
    assert code.count("fmla") >= gemm.ROWS * gemm.VECTORS
