"""What a compiled step keeps in memory, and for how long: less than eager code, with the same results."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course import nn
from tinygrad_course.autograd import tree
from tinygrad_course.nn import functional as F

from .twins import agree, same

BACKENDS = ["numpy", pytest.param("native", marks=pytest.mark.skipif(not tc.native.available(), reason="llvmlite"))]


def _names(twin):
    program = twin.entries[-1].program
    return [(i.op.name, program.values[i.outputs[0]].shape) for i in program.instructions if hasattr(i, "op")]


@given(
    data=st.data(), kernel=st.integers(1, 3), stride=st.integers(1, 3), backend=st.sampled_from(["numpy", "native"]),
    wide=st.booleans(),
)  # fmt: skip
def test_relu_and_pooling_change_places(data, kernel, stride, backend, wide):
    if backend == "native" and not tc.native.available():
        return
    padding = data.draw(st.integers(0, kernel // 2))
    shape = (2, 3, *data.draw(st.tuples(st.integers(kernel, 9), st.integers(kernel, 9))))
    dtype = tc.float64 if wide else tc.float32
    w = tc.rand(3, 1, 1, dtype=dtype, requires_grad=True)

    def gradient(x):
        w.grad = None
        y = F.max_pool2d((x * w).relu(), kernel, stride, padding)
        (y * y.detach().exp() + y.sin()).sum().backward()
        return y.detach(), w.grad

    twin = tc.compile(gradient, fullgraph=True, backend=backend)
    for k in range(4):
        # Few values, many of them equal: ties, and windows without a positive value.
        x = tc.from_numpy(np.random.default_rng(k).integers(-3, 3, shape).astype(dtype))
        same(gradient(x), twin(x))
    names = _names(twin)
    pooled = next(shape for name, shape in names if name == "max_pool")
    assert [shape for name, shape in names if name == "relu"] == [pooled]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("use", ["twice", "result", "mask", "kept"])
def test_they_stay_where_the_large_values_are_needed(backend, use):
    w = tc.rand(2, 1, 1, requires_grad=True)

    def gradient(x):
        w.grad = None
        y = (x * w).relu()
        low = F.max_pool2d(y, 2)
        more = {"twice": y, "mask": (y.detach() > 0) * 1.0, "kept": F.max_pool2d(y, 3, 1)}.get(use, low)
        (low * low).sum().backward(retain_graph=True)
        (low.sum() * more.sum()).backward()
        return (y.detach() if use == "result" else low.detach()), w.grad

    twin = tc.compile(gradient, fullgraph=True, backend=backend)
    for k in range(4):
        x = tc.from_numpy(np.random.default_rng(k).standard_normal((2, 2, 6, 6), np.float32))
        same(gradient(x), twin(x))
    assert [shape for name, shape in _names(twin) if name == "relu"] == [(2, 2, 6, 6)]


@pytest.mark.parametrize("backend", BACKENDS)
def test_nan_and_infinity_go_the_same_way(backend):
    def gradient(x):
        x.grad = None
        F.max_pool2d(x.relu(), 2).sum().backward()
        return x.grad

    twin = tc.compile(lambda x: gradient((x + 0.0).detach().requires_grad_()), fullgraph=True, backend=backend)
    for k in range(4):
        x = np.random.default_rng(k).choice([np.nan, np.inf, -np.inf, 1.0, -1.0], (1, 2, 8, 8)).astype(np.float32)
        np.testing.assert_array_equal(twin(tc.from_numpy(x)).numpy(), gradient(tc.from_numpy(x).requires_grad_()))


def _lenet():
    tc.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip
    optimizer = tc.optim.SGD(net.parameters(), lr=0.01, momentum=0.8)

    def step(x, t):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), t)
        loss.backward()
        optimizer.step()
        return loss

    return step, net, optimizer


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_step_of_lenet(backend, monkeypatch):
    plain = tc.compile
    monkeypatch.setattr("tests.compile.twins.compiled", lambda f: plain(f, fullgraph=True, backend=backend))

    def arguments(k):
        rng = np.random.default_rng(k)
        return tc.from_numpy(rng.random((4, 1, 28, 28), np.float32)), tc.from_numpy(rng.integers(0, 10, 4))

    agree(_lenet, arguments, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_step_of_lenet_needs_less_memory_than_eager_by_the_same_kernels(backend):
    x, t = tc.rand(64, 1, 28, 28), tc.zeros(64, dtype=tc.int64)
    # NumPy's convolutions build their windows in blocks of up to 1 MB, which no plan can spare.
    share, kernels = {"native": (0.6, "auto"), "numpy": (0.75, "off")}[backend]

    def peak(step):
        for _ in range(6):
            step(x, t)
        tracemalloc.start()
        try:
            step(x, t)  # gradients that were made before are not counted else
            tracemalloc.reset_peak()
            step(x, t)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    with tc.config.set(kernels=kernels):
        eager = peak(_lenet()[0])
        twin = tc.compile(_lenet()[0], fullgraph=True, backend=backend)
        planned = peak(twin)
    run = twin.entries[0].run
    assert planned + getattr(run, "replay", run).plan.size <= share * eager


@pytest.mark.skipif(not tc.native.available(), reason="needs llvmlite")
@given(n=st.integers(1, 40), m=st.integers(1, 40), way=st.integers(0, 5))
def test_loops_write_over_what_they_read_last(n, m, way):
    """Between operations that make arrays of their own, every elementwise loop works in place, or must not."""
    ends = [
        lambda a, b: a.sort()[0] * 2 + b, lambda a, b: (a.sort()[0] * 2 + b, a), lambda a, b: a + a.T.reshape(a.shape),
        lambda a, b: (a.tanh() * b).T.exp() - a.T, lambda a, b: a * a.sum(0) + a, lambda a, b: [a.exp(), a * 2],
    ]  # fmt: skip

    def program(x, b):
        return ends[way](tc.nn.functional.conv1d(x[None], b[:1, :1, None] * 0 + 1, groups=1)[0] if x.shape[0] == 1
                         else x.cumsum(0), b)  # fmt: skip

    twin = tc.compile(program, fullgraph=True, backend="native")
    for k in range(4):
        rng = np.random.default_rng(k)
        x, b = (tc.from_numpy(rng.standard_normal((n, m), np.float32)) for _ in range(2))
        same(program(x, b), twin(x, b))


def _gradients(a, b, x):
    return tc.autograd.grad(F.linear((a @ x.tanh()).tanh(), b).square().sum(), [a, b, x])


@pytest.mark.skipif(not tc.native.available(), reason="needs llvmlite")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "after",
    [
        # What the product reads may not be written over while it goes on.
        lambda a, b, x: ((x @ b).tanh() * x).cumsum(1),
        lambda a, b, x: ((x @ b).exp() + a, x @ a),
        lambda a, b, x: (x @ b) * 2 + (x @ b).T,  # other parts of the result are needed
        lambda a, b, x: [y := a @ b, (y * x).relu()],
        lambda a, b, x: ((a @ b).tanh() + (b @ a) * x, a.T @ b),
        lambda a, b, x: ((a @ b) + b[0], (a @ b) * x * (a @ b > 0)),
        lambda a, b, x: F.linear(a, b, x[1]).sigmoid() + tc.tensor(1, dtype=tc.int64),
        _gradients,
    ],
)
def test_products_go_on_with_what_is_elementwise(after, dtype):
    """A piece of a large product goes on with the formula that follows, in its part of the matrix."""

    def program(a, b):
        x = a * 2
        c = x.cumsum(0)  # so that x is an array that the next segment is given, and may write over
        return after(a, b, x), c

    twin = tc.compile(program, fullgraph=True, backend="native")
    for k in range(5):  # the first two are recorded
        rng = np.random.default_rng(k)
        a, b = (tc.from_numpy(rng.standard_normal((128, 128)).astype(dtype) / 30) for _ in range(2))
        for leaf in (a, b):  # what is kept for a backward pass is not written over
            leaf.requires_grad_(after is _gradients)
        for ours, theirs in zip(tree.flatten(program(a, b))[0], tree.flatten(twin(a, b))[0], strict=True):
            close = 1e-5 if dtype == np.float32 else 1e-12
            np.testing.assert_allclose(theirs.detach().numpy(), ours.detach().numpy(), rtol=close, atol=close)
