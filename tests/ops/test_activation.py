"""Activations against PyTorch: values, gradients at kinks and tails, both precisions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tests.samples.base import shapes
from tinygrad_course.ops import activation

torch = pytest.importorskip("torch")
functional = torch.nn.functional

CASES = {
    "relu": {}, "relu6": {}, "leaky_relu": {"negative_slope": 0.2}, "elu": {"alpha": 0.7}, "selu": {},
    "celu": {"alpha": 1.7}, "hardtanh": {"min_val": -0.5, "max_val": 2.0}, "hardsigmoid": {}, "hardswish": {},
    "softshrink": {"lambd": 0.5}, "hardshrink": {"lambd": 0.5}, "threshold": {"threshold": 0.5, "value": 7.0},
    "softplus": {"beta": 2.0}, "logsigmoid": {}, "silu": {}, "mish": {}, "gelu": {}, "softsign": {}, "tanhshrink": {},
}  # fmt: skip
KINKS = [0.0, 0.5, -0.5, 1.0, -1.0, 2.0, 3.0, -3.0, 6.0, 10.0, 20.5, 1000.0, -1000.0]
values = st.lists(st.sampled_from(KINKS) | st.floats(-30, 30), min_size=1, max_size=12)
# PyTorch computes with 1/6 and the constants of celu in float32, also for float64.
TOLERANCE = {"hardsigmoid": 6e-8, "celu": 2e-7}


@pytest.mark.parametrize("name", [*CASES, "gelu_tanh"])
def test_values_and_gradients(name):
    function, params = name, CASES.get(name, {})
    if name == "gelu_tanh":
        function, params = "gelu", {"approximate": "tanh"}

    @given(values, st.sampled_from(["float32", "float64"]))
    def check(xs, dtype):
        x = tc.tensor(xs, dtype=getattr(tc, dtype), requires_grad=True)
        t = torch.tensor(xs, dtype=getattr(torch, dtype), requires_grad=True)
        y, z = getattr(activation, function)(x, **params), getattr(functional, function)(t, **params)
        g = np.linspace(0.5, 1.5, len(xs)).astype(dtype)
        y.backward(tc.tensor(g))
        z.backward(torch.tensor(g))
        assert y.dtype == x.grad.dtype == x.dtype
        tolerance = {"rtol": 2e-5, "atol": 2e-6} if dtype == "float32" else {
            "rtol": max(1e-12, TOLERANCE.get(name, 0)), "atol": 1e-13 + TOLERANCE.get(name, 0) / 10
        }  # fmt: skip
        np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), **tolerance)
        np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy(), **tolerance)

    check()


@given(shapes(1, 4, 5), st.data())
def test_prelu(shape, data):
    count = data.draw(st.sampled_from([1, shape[1] if len(shape) > 1 else 1]))
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=shape), rng.normal(size=count)
    x, w = tc.tensor(a, requires_grad=True), tc.tensor(b, requires_grad=True)
    t, v = torch.tensor(a, requires_grad=True), torch.tensor(b, requires_grad=True)
    (activation.prelu(x, w) ** 2).sum().backward()
    (functional.prelu(t, v) ** 2).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy())
    np.testing.assert_allclose(w.grad.numpy(), v.grad.numpy())


@given(shapes(0, 3, 40, 1), st.integers(-3, 2), st.sampled_from(["float32", "float64"]), st.integers(0, 2**16))
def test_softmax(shape, dim, dtype, seed):
    n = max(len(shape), 1)
    a = np.asarray(np.random.default_rng(seed).normal(size=shape) * 10).astype(dtype)
    g = np.asarray(np.random.default_rng(seed + 1).normal(size=shape)).astype(dtype)
    for name in ("softmax", "log_softmax", "softmin"):
        function = getattr(activation, name)
        if not -n <= dim < n:
            with pytest.raises(IndexError, match="out of range"):
                function(tc.tensor(a), dim)
            continue
        x, t = tc.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
        y, z = function(x, dim), getattr(functional, name)(t, dim)
        y.backward(tc.tensor(g))
        z.backward(torch.tensor(g))
        tolerance = {"rtol": 1e-4, "atol": 1e-5} if dtype == "float32" else {"rtol": 1e-11, "atol": 1e-12}
        assert y.dtype == x.dtype
        np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), **tolerance)
        np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy(), **tolerance)


@pytest.mark.parametrize("row", [[1000.0, -1000.0], [-math.inf, 1.0], [-math.inf, -math.inf], [math.inf, 1.0]])
def test_softmax_of_extremes(row):
    for name in ("softmax", "log_softmax"):
        ours, theirs = getattr(tc, name)(tc.tensor(row), 0), getattr(torch, name)(torch.tensor(row), 0)
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_softmax_of_other_dtypes():
    assert tc.softmax(tc.tensor([1, 2]), 0, dtype=tc.float64).dtype == tc.float64
    with pytest.raises(RuntimeError, match=r"softmax: expected a floating tensor, got int64; use x\.float\(\)"):
        tc.softmax(tc.tensor([1, 2]), 0)
    assert tc.softmax(tc.zeros(0, 3), 1).shape == (0, 3)
    assert tc.softmax(tc.zeros(3, 0), 1).shape == (3, 0)


@given(shapes(1, 3), st.integers(0, 2))
def test_glu(shape, dim):
    dim = dim % len(shape)
    shape = tuple(2 * n if i == dim else n for i, n in enumerate(shape))
    a = np.random.default_rng(0).normal(size=shape)
    x, t = tc.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
    activation.glu(x, dim).sum().backward()
    functional.glu(t, dim).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy())


def test_bad_arguments():
    x = tc.zeros(3)
    for call, message in (
        (lambda: activation.glu(x), "even length"),
        (lambda: activation.gelu(x, approximate="erf"), "approximate"),
        (lambda: activation.prelu(tc.zeros(2, 3), tc.zeros(2)), "each of 3 channels"),
        (lambda: activation.softshrink(x, -1), "lambd >= 0"),
        (lambda: activation.celu(x, 0), "alpha"),
    ):
        with pytest.raises(RuntimeError, match=message):
            call()
    with pytest.raises(ValueError, match="min_val <= max_val"):
        activation.hardtanh(x, 2, 1)


def test_relu_keeps_only_its_output():
    x = tc.ones(100_000, requires_grad=True)
    y = tc.relu(x * 1)
    assert [type(a).__name__ for a in y.node.inputs] == ["Spec"]
    assert y.node.output is y.array
