"""Special functions against SciPy over their whole ranges, and against PyTorch at the edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course.ops.special import ndtr

special = pytest.importorskip("scipy.special")

wide = (
    st.floats(-1e3, 1e3, allow_subnormal=False)
    | st.floats(-6, 6, allow_subnormal=False)
    | st.sampled_from([0.0, -0.0, math.inf, -math.inf])
)
CASES = {
    "erf": (tc.erf, special.erf, wide),
    "erfc": (tc.erfc, special.erfc, st.floats(-1e3, 25) | wide.filter(lambda x: x > 30)),
    "ndtr": (ndtr, special.ndtr, wide.filter(lambda x: x > -35 or x == -math.inf)),
    "erfinv": (tc.erfinv, special.erfinv, st.floats(-1, 1, allow_subnormal=False)),
    "lgamma": (tc.lgamma, special.gammaln, st.floats(1e-300, 1e300) | st.floats(1e-3, 20)),
    "digamma": (tc.digamma, special.digamma, st.floats(1e-100, 1e100) | st.floats(1e-3, 20)),
    "logit": (tc.logit, special.logit, st.floats(0, 1)),
    "sinc": (tc.sinc, np.sinc, st.floats(-50, 50)),
}
# Near a zero of the function an error of the argument's last bit is a large relative one.
# In float32 the left tail of ndtr is (1 + erf) / 2, exact to the last bit of 1 only, and π x of sinc is rounded.
ABSOLUTE = {"logit": 1e-7, "ndtr": 1e-7, "sinc": 1e-6}
NEAR_ZERO = {"lgamma": 1e-14, "digamma": 3e-15, "logit": 1e-15, "sinc": 1e-16}


@pytest.mark.parametrize("name", CASES)
def test_double_precision(name):
    ours, reference, values = CASES[name]

    @given(st.lists(values, min_size=1, max_size=20))
    def check(xs):
        x = np.array(xs)
        y = ours(tc.from_numpy(x)).numpy()
        np.testing.assert_allclose(y, reference(x), rtol=3e-13 if name in ("erfc", "ndtr") else 5e-15,
                                   atol=NEAR_ZERO.get(name, 0))  # fmt: skip

    check()


@pytest.mark.parametrize("name", CASES)
def test_single_precision(name):
    ours, reference, values = CASES[name]

    @given(st.lists(values.filter(lambda x: abs(x) < 1e30 and not 0 < abs(x) < 1e-30), min_size=1, max_size=20))
    def check(xs):
        x = np.array(xs, np.float32)
        if name == "erfinv":
            x = np.clip(x, -0.999, 0.999)
        y = ours(tc.from_numpy(x)).numpy()
        assert y.dtype == np.float32
        np.testing.assert_allclose(y, reference(x.astype(float)), rtol=1e-6, atol=ABSOLUTE.get(name, 1e-38))

    check()


@given(st.integers(1, 4), st.lists(st.floats(0.01, 50) | st.floats(-5, -0.01), min_size=1, max_size=10))
def test_polygamma(n, xs):
    torch = pytest.importorskip("torch")
    x = np.array(xs)
    x = x[(x > 0) | (np.abs(x - np.round(x)) > 0.02)]
    y = tc.polygamma(n, tc.from_numpy(x)).numpy()
    np.testing.assert_allclose(y[x > 0], special.polygamma(n, x[x > 0]), rtol=1e-13)
    if n == 1:
        np.testing.assert_allclose(y, torch.polygamma(n, torch.from_numpy(x)).numpy(), rtol=1e-8)


@given(st.floats(-30, 0).filter(lambda x: abs(x - round(x)) > 1e-3))
def test_gamma_left_of_zero(x):
    t = tc.tensor(x, dtype=tc.float64)
    assert tc.lgamma(t).item() == pytest.approx(special.gammaln(x), rel=1e-12, abs=1e-12)
    assert tc.digamma(t).item() == pytest.approx(special.digamma(x), rel=1e-11, abs=1e-11)


@given(st.sampled_from([0.0, 1.0, -2.0]), st.sampled_from([0.0, 2.0, math.inf, math.nan]))
def test_xlogy(x, y):
    torch = pytest.importorskip("torch")
    a, b = tc.tensor(x), tc.tensor(y)
    np.testing.assert_array_equal(
        tc.xlogy(a, b).numpy() if y else _quiet(tc.xlogy, a, b), torch.xlogy(torch.tensor(x), torch.tensor(y)).numpy()
    )


def _quiet(function, *args):
    with np.errstate(divide="ignore"):
        return function(*args).numpy()


def test_gradients_at_the_edges_are_never_nan_from_zero_times_infinity():
    x = tc.tensor([0.0, 0.0], requires_grad=True)
    y = tc.tensor([0.0, 2.0], requires_grad=True)
    tc.xlogy(x, y).sum().backward()
    assert x.grad.tolist() == [0.0, pytest.approx(math.log(2))]
    assert y.grad.tolist() == [0, 0]
    z = tc.tensor([0.0], dtype=tc.float64, requires_grad=True)
    (first,) = tc.autograd.grad(tc.sinc(z).sum(), z, create_graph=True)
    (second,) = tc.autograd.grad(first.sum(), z)
    assert first.item() == 0
    assert second.item() == pytest.approx(-(math.pi**2) / 3)


@pytest.mark.parametrize("name", ["erf", "erfc", "erfinv", "lgamma", "digamma", "sinc"])
def test_edges_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    points = [0.0, -0.0, 1.0, -1.0, -2.0, 2.0, math.inf, math.nan]
    for p in points:
        if name == "sinc" and math.isinf(p):
            continue
        ours = getattr(tc, name)(tc.tensor(p, dtype=tc.float64)).item()
        theirs = getattr(torch, name)(torch.tensor(p, dtype=torch.float64)).item()
        assert ours == pytest.approx(theirs, rel=1e-14, abs=1e-16, nan_ok=True), p


def test_integers_and_empty():
    assert tc.erf(tc.tensor([0, 1])).dtype == tc.float32
    assert tc.erf(tc.zeros(0, 3)).shape == (0, 3)
    assert tc.lgamma(tc.tensor(3.0)).shape == ()
    big = tc.linspace(-5, 5, 100_001)
    np.testing.assert_allclose(big.erf().numpy(), special.erf(big.numpy().astype(float)), atol=4e-7)


def test_the_namespace():
    x = tc.tensor([0.3, 0.6])
    assert (tc.special.expit(x) == x.sigmoid()).all()
    assert (tc.special.gammaln(x) == x.lgamma()).all()
    assert (tc.special.psi(x) == x.digamma()).all()
    np.testing.assert_allclose(tc.special.ndtr(x).numpy(), special.ndtr(x.numpy()), rtol=1e-6)
