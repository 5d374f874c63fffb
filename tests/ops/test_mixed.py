"""NumPy arrays and scalars beside Tensors: the result is a Tensor in the graph, whoever is on the left."""

from __future__ import annotations

import operator
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc

OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]
COMPARISONS = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]


@st.composite
def partners(draw):
    """An array or a NumPy scalar that broadcasts with shape (2, 3)."""
    dtype = draw(st.sampled_from([np.float32, np.float64, np.int64]))
    shape = draw(st.sampled_from([(), (3,), (2, 1), (2, 3), (4, 2, 3)]))
    a = np.asarray(np.random.default_rng(0).uniform(1, 3, shape)).astype(dtype)
    return a[()] if shape == () and draw(st.booleans()) else a


@given(partners(), st.sampled_from(OPERATORS), st.sampled_from([np.float32, np.float64]))
def test_arithmetic(a, op, dtype):
    values = np.random.default_rng(1).uniform(1, 3, (2, 3)).astype(dtype)
    x = tc.tensor(values, requires_grad=True)
    for y, expected in ((op(a, x), op(a, values)), (op(x, a), op(values, a))):
        assert isinstance(y, tc.Tensor)
        assert y.requires_grad
        assert y.shape == expected.shape
        np.testing.assert_allclose(y.detach().numpy(), expected, rtol=1e-5)
        (g,) = tc.autograd.grad(y.sum(), x)
        assert g.dtype == x.dtype
        assert g.shape == x.shape


@given(partners(), st.sampled_from(COMPARISONS))
def test_comparisons(a, op):
    values = np.random.default_rng(1).uniform(1, 3, (2, 3))
    x = tc.tensor(values)
    for y, expected in ((op(a, x), op(a, values)), (op(x, a), op(values, a))):
        assert isinstance(y, tc.Tensor)
        assert y.dtype == tc.bool
        np.testing.assert_array_equal(y.numpy(), expected)


def test_matmul_with_arrays():
    a, x = np.ones((2, 3)), tc.ones(3, 2, dtype=tc.float64, requires_grad=True)
    for y in (a @ x, np.matmul(a, x), np.dot(a, x)):
        assert isinstance(y, tc.Tensor)
        assert y.requires_grad
        np.testing.assert_array_equal(y.detach().numpy(), np.full((2, 2), 3.0))


def test_numpy_scalars_do_not_widen_float32():
    x = tc.ones(2, requires_grad=True)
    assert (np.float32(2) * x).dtype == tc.float32
    assert (x * np.float32(2)).dtype == tc.float32
    assert isinstance(np.float32(2) * x, tc.Tensor)


@pytest.mark.parametrize("name", ["tanh", "exp", "sin", "sqrt", "absolute", "square", "log1p", "sign", "isnan"])
def test_ufuncs(name):
    values = np.array([0.5, 1.5])
    x = tc.tensor(values, requires_grad=True)
    y = getattr(np, name)(x)
    assert isinstance(y, tc.Tensor)
    np.testing.assert_allclose(y.detach().numpy(), getattr(np, name)(values))
    assert y.requires_grad == (name != "isnan")


def test_what_cannot_be_recorded_says_so():
    x = tc.ones(2, requires_grad=True)
    with pytest.raises(TypeError, match=r"np\.fft\.fft|np\.fft"):
        np.fft.fft(x)
    with pytest.raises(TypeError, match="out="):
        np.add(x, 1, out=np.zeros(2))
    a = np.zeros(2)
    with pytest.raises(TypeError):
        a += x
    with pytest.raises(RuntimeError, match="requires grad"):
        np.asarray(x)
    assert np.asarray(x.detach()).dtype == np.float32
    assert np.asarray(tc.arange(3), dtype=float).tolist() == [0, 1, 2]


def test_like_functions():
    x = tc.ones(2, 3, dtype=tc.float64, requires_grad=True)
    for name in ("zeros_like", "ones_like", "empty_like"):
        y = getattr(np, name)(x)
        assert isinstance(y, tc.Tensor)
        assert (y.shape, y.dtype, y.requires_grad) == ((2, 3), tc.float64, False)
    assert np.full_like(x, 3).tolist() == [[3] * 3] * 2


def test_inf_and_nan_are_results_and_not_warnings():
    """NumPy's own arrays warn as before; a fresh process, as the suite turns the project's warnings into errors."""
    code = (
        "import warnings, numpy as np, tinygrad_course as tc\n"
        "with warnings.catch_warnings(record=True) as caught:\n"
        "    x = tc.tensor([0.0, 1.0], requires_grad=True)\n"
        "    (tc.log(x) + 1 / x).sum().backward()\n"
        "    assert not caught, caught[0]\n"
        "    np.log(np.zeros(1))\n"
        "    assert len(caught) == 1\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
