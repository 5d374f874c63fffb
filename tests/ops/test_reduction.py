"""Reductions where formulas end: ties, NaN, infinities, nothing at all, and values that are all equal."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tests.samples.base import numbers, shapes


def gradient(function, values):
    x = tc.tensor(values, dtype=tc.float64, requires_grad=True)
    y = function(x)
    y.sum().backward()
    return x.grad.tolist()


BOTH_NAMES = (
    "sum",
    "mean",
    "nansum",
    "amax",
    "amin",
    "all",
    "any",
    "argmax",
    "argmin",
    "var",
    "std",
    "logsumexp",
    "norm",
)


@pytest.mark.parametrize("name", BOTH_NAMES)
@given(st.data())
def test_numpys_argument_names(name, data):
    x = tc.tensor(data.draw(shapes(1).flatmap(numbers)))
    dim = data.draw(st.integers(-x.ndim, x.ndim - 1))
    function = getattr(tc, name)
    expected = function(x, dim=dim, keepdim=True)
    np.testing.assert_array_equal(function(x, axis=dim, keepdims=True).numpy(), expected.numpy())
    np.testing.assert_array_equal(getattr(x, name)(axis=dim, keepdims=True).numpy(), expected.numpy())
    with pytest.raises(TypeError, match=f"{name}: axis= is another name of dim="):
        function(x, dim=dim, axis=dim)


@given(st.data())
def test_a_keyword_is_never_ignored(data):
    x = tc.ones(2, 3)
    name = data.draw(st.sampled_from(["sum", "mean", "max", "sort", "cumsum", "squeeze", "cat"]))
    with pytest.raises(TypeError):
        getattr(tc, name)(x, 0, sideways=True)


# --- Ties ---------------------------------------------------------------------------------------------------------


def test_ties_share_the_gradient_over_all_but_not_along_a_dim():
    values = [3.0, 1.0, 3.0, 3.0]
    third = 1 / 3
    assert gradient(lambda x: x.max(), values) == pytest.approx([third, 0, third, third])
    assert gradient(lambda x: -x.amin(), [1.0, 1.0]) == [-0.5, -0.5]
    assert gradient(lambda x: x.amax(0), values) == pytest.approx([third, 0, third, third])
    assert gradient(lambda x: x.max(0).values, values) == [1, 0, 0, 0]
    assert gradient(lambda x: tc.max(x, tc.tensor([3.0, 9.0, 0.0, 3.0])), values) == [0.5, 0, 1, 0.5]


def test_a_nan_wins_and_gets_the_gradient():
    values = [1.0, math.nan, 3.0]
    for function in (lambda x: x.max(), lambda x: x.min(), lambda x: x.amax(0), lambda x: x.max(0).values):
        assert math.isnan(function(tc.tensor(values)).item())
        assert gradient(function, values) == [0, 1, 0]
    assert tc.tensor(values).nanmean().item() == 2
    assert gradient(lambda x: x.nansum(), values) == [1, 0, 1]
    assert math.isnan(tc.tensor(values).median().item())
    assert tc.tensor(values).nanmedian().item() == 1
    assert math.isnan(tc.tensor(values).quantile(0.1).item())


# --- Nothing ------------------------------------------------------------------------------------------------------


def test_of_nothing():
    x = tc.zeros(0, 3)
    assert x.sum().item() == 0 and x.prod().item() == 1
    assert x.sum(0).tolist() == [0, 0, 0] and x.prod(0).tolist() == [1, 1, 1]
    assert math.isnan(x.mean().item()) and math.isnan(x.var().item()) and math.isnan(x.median().item())
    assert x.all().item() and not x.any().item()
    assert tc.logsumexp(x, 0).tolist() == [-math.inf] * 3
    assert x.norm().item() == 0 and x.cumsum(0).shape == (0, 3)
    assert x.amax(1).shape == (0,)
    for function in (x.max, x.amin):
        with pytest.raises(RuntimeError, match="no value to choose from"):
            function()
    for function in (lambda: x.max(0), lambda: x.amax(0), x.argmin, lambda: x.median(0)):
        with pytest.raises(IndexError, match="no value to choose from"):
            function()
    with pytest.raises(RuntimeError, match="quantile"):
        x.quantile(0.5)


# --- Subgradients and stability -----------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [1, 2, 3, 1.5, 0.5, math.inf, -math.inf, 0])
def test_norm_at_zero(p):
    x = tc.zeros(3, dtype=tc.float64, requires_grad=True)
    y = x.norm(p)
    assert y.item() == 0
    if y.requires_grad:
        y.backward()
        assert x.grad.tolist() == [0, 0, 0]


def test_std_and_cdist_at_zero():
    assert gradient(lambda x: x.std(), [2.0, 2.0]) == [0, 0]
    assert gradient(lambda x: tc.cdist(x, x), [[1.0, 2.0]]) == [[0, 0]]
    assert math.isnan(tc.tensor([2.0]).std().item())
    assert tc.tensor([2.0]).std(correction=0).item() == 0


def test_variance_of_large_values():
    assert tc.tensor([1e8 + 1, 1e8 + 2, 1e8 + 3], dtype=tc.float64).var().item() == 1
    assert tc.tensor([4096.0, 4097.0], dtype=tc.float32).var().item() == 0.5


def test_logsumexp_never_overflows():
    inf = math.inf
    x = tc.tensor([[-inf, -inf], [1000.0, 1000.0], [inf, 0.0], [-1000.0, -inf]], dtype=tc.float64)
    y = x.logsumexp(1)
    np.testing.assert_allclose(y.numpy(), [-inf, 1000 + math.log(2), inf, -1000])
    finite = x[[0, 1, 3]].detach().requires_grad_()
    finite.logsumexp(1).sum().backward()
    np.testing.assert_allclose(finite.grad.numpy(), [[0, 0], [0.5, 0.5], [1, 0]])
    rows = tc.tensor([[-inf, -inf], [0.0, -inf]], requires_grad=True)
    rows.logsumexp(1).sum().backward()
    assert rows.grad.tolist() == [[0, 0], [1, 0]]
    running = tc.tensor([-inf, 1000.0, 1000.0], dtype=tc.float64, requires_grad=True)
    z = running.logcumsumexp(0)
    np.testing.assert_allclose(z.detach().numpy(), [-inf, 1000, 1000 + math.log(2)])
    z[2].backward()
    np.testing.assert_allclose(running.grad.numpy(), [0, 0.5, 0.5])


@given(st.lists(st.sampled_from([0.0, 2.0, -3.0]), min_size=1, max_size=5))
def test_products_with_zeros(values):
    """The gradient of a product is the product of the others; of the running one, the sum of such products."""
    others = [math.prod(values[:i] + values[i + 1 :]) for i in range(len(values))]
    assert gradient(lambda x: x.prod(), values) == others
    running = [
        sum(math.prod(values[:i] + values[i + 1 : j + 1]) for j in range(i, len(values))) for i in range(len(values))
    ]
    assert gradient(lambda x: x.cumprod(0), values) == running
    x = tc.tensor(values, dtype=tc.float64, requires_grad=True)
    (g,) = tc.autograd.grad(x.prod(), x, create_graph=True)
    second = [
        sum(math.prod(v for k, v in enumerate(values) if k not in (i, j)) for j in range(len(values)) if j != i)
        for i in range(len(values))
    ]
    if g.requires_grad:
        (h,) = tc.autograd.grad(g.sum(), x, materialize_grads=True)
        assert h.tolist() == second


def test_dtypes():
    for dtype in (tc.bool, tc.uint8, tc.int8, tc.int32, tc.int64):
        x = tc.ones(300).to(dtype)
        assert x.sum().dtype == tc.int64 and x.sum().item() == 300
        assert x.prod().dtype == tc.int64 and x.cumsum(0).dtype == tc.int64
        for name in ("mean", "var", "norm"):
            with pytest.raises(RuntimeError, match=f"{name}: expected a floating tensor, got .*x.float"):
                getattr(x, name)()
    assert tc.tensor([1, 2]).mean(dtype=tc.float64).dtype == tc.float64
    half = tc.full((1000,), 100.0, dtype=tc.float16)
    assert half.mean().item() == 100 and half.mean().dtype == tc.float16


def test_results_of_two_parts_have_names():
    x = tc.tensor([[3.0, 1.0], [2.0, 4.0]])
    for function in (tc.max, tc.min, tc.median, tc.sort, tc.cummax, tc.mode):
        result = function(x, dim=1)
        assert tc.equal(
            tc.take_along_dim(x, result.indices.reshape(2, -1), 1).reshape(result.values.shape), result.values
        )
    assert tc.topk(x, 1).values.tolist() == [[3], [4]]
    assert tc.aminmax(x).min.item() == 1


ERRORS = [
    (lambda x: x.sum(2), IndexError, "sum: .*out of bounds"),
    (lambda x: x.sum((0, 0)), RuntimeError, "sum: duplicate"),
    (lambda x: x.prod(5), IndexError, "prod: dim 5 is out of range"),
    (lambda x: x.max(3), IndexError, "argmax: .*out of bounds|argmax: axis"),
    (lambda x: x.cumsum(-3), IndexError, "cumsum: dim -3"),
    (lambda x: tc.sum(3), TypeError, "sum: .*int"),
    (lambda x: x.norm("nuc"), RuntimeError, "norm: .*nuc"),
    (lambda x: x.topk(3), RuntimeError, "topk: k = 3 is out of range for the 2"),
    (lambda x: x.kthvalue(0), RuntimeError, "kthvalue: k = 0"),
    (lambda x: x.quantile(1.5), RuntimeError, "quantile: q must lie between 0 and 1"),
    (lambda x: x.quantile(0.5, interpolation="cubic"), RuntimeError, "quantile: interpolation"),
    (lambda x: x.var(unbiased=True, correction=0), TypeError, "var: unbiased="),
    (tc.bincount, RuntimeError, "bincount: expected a vector of integers"),
]


@pytest.mark.parametrize(("call", "kind", "message"), ERRORS)
def test_bad_arguments(call, kind, message):
    with pytest.raises(kind, match=message):
        call(tc.ones(2, 2))
