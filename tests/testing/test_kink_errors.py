"""Planted errors at kinks and ties, and beside them: each is found; tolerances are obeyed there as elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course.testing import GradientError, gradcheck

F = tc.nn.functional
seeds = st.integers(0, 2**16)
some = settings(max_examples=10)

RIGHT = {
    "norm at 0": (tc.linalg.norm, np.zeros(3)),
    "norms of rows, one of them 0": (lambda x: tc.linalg.norm(x, dim=1), np.array([[0.0, 0.0], [1.0, 2.0]])),
    "1-norm with a 0": (lambda x: tc.linalg.norm(x, 1), np.array([0.0, 1.0, -2.0])),
    "max-norm with a tie": (lambda x: tc.linalg.norm(x, float("inf")), np.array([2.0, 1.0, -2.0])),
    "clamp at both bounds": (lambda x: tc.clamp(x, -1, 1), np.array([-1.0, 1.0, 0.0, 2.0])),
    "topk of ties": (lambda x: tc.topk(x, 2)[0], np.array([1.0, 1.0, 1.0, 0.0])),
    "cummax of ties": (lambda x: tc.cummax(x, 0)[0], np.array([1.0, 1.0, 0.0, 1.0])),
    "minimum of equals": (lambda x: tc.minimum(x, x * 1.0), np.array([1.0, 2.0])),
    "max pooling of ties": (lambda x: F.max_pool2d(x, 2), np.ones((1, 1, 4, 4))),
    "smooth L1 at its bends": (lambda x: F.smooth_l1_loss(x, tc.zeros(3)), np.array([1.0, -1.0, 0.0])),
    "L1 loss at 0": (lambda x: F.l1_loss(x, tc.ones(3)), np.array([1.0, -1.0, 0.0])),
    "hinge at its bend": (lambda x: tc.relu(1 - x).sum(), np.array([1.0, -1.0, 2.0])),
    "network of relus at 0": (lambda x: (tc.relu(x @ tc.ones(3, 2)) @ tc.ones(2, 1)).sum(), np.zeros((2, 3))),
}


@pytest.mark.parametrize("name", RIGHT)
@some
@given(seed=seeds)
def test_no_false_alarm(name, seed):
    fn, x = RIGHT[name]
    assert gradcheck(fn, x, seed=seed)


def op(forward, rule):
    return tc.primitive(forward, vjp=rule, name="planted")


def norm(direction):
    """The 2-norm, whose gradient at 0 may be anything in the unit ball."""
    return op(lambda x: np.sqrt((x * x).sum()), lambda g, y, x: g * (direction if not x.any() else x / y))


WRONG = {
    "norm: too long in one element": (norm(np.array([1.1, 0.0])), np.zeros(2)),
    "norm: each element possible, the vector not": (norm(np.array([0.9, 0.9])), np.zeros(2)),
    "norm: and with other signs": (norm(np.array([0.9, -0.9])), np.zeros(2)),
    "clamp: passes beyond a bound": (
        op(lambda x: np.clip(x, -1, 1), lambda g, y, x: g * np.where(x > -1, 1.0, 0.0)), np.array([-1.0, 1.0, 2.0]),
    ),
    "clamp: wrong at the bound itself": (
        op(lambda x: np.clip(x, -1, 1), lambda g, y, x: g * np.where(x == 1, -0.01, np.where(abs(x) < 1, 1.0, 0.0))),
        np.array([-1.0, 1.0, 0.5]),
    ),
    "relu: 2 at 0": (
        op(lambda x: np.maximum(x, 0), lambda g, y, x: g * np.where(x == 0, 2.0, x > 0)), np.array([0.0, 1.0]),
    ),
    "relu: right at 0, doubled elsewhere": (
        op(lambda x: np.maximum(x, 0), lambda g, y, x: g * np.where(x > 0, 2.0, 0.0)), np.array([0.0, 1.0]),
    ),
    "abs: the sign of another element": (
        op(np.abs, lambda g, y, x: g * np.sign(x)[::-1]), np.array([0.0, 1.0, -2.0]),
    ),
    "max: ties counted twice": (op(np.max, lambda g, y, x: g * np.where(x == y, 1.0, 0.0)), np.array([1.0, 1.0, 0.0])),
    "max: the share of another": (
        op(np.max, lambda g, y, x: g * np.array([0.5, 0.25, 0.25])), np.array([1.0, 1.0, 0.0]),
    ),
    "sort: ties doubled": (
        op(np.sort, lambda g, y, x: 2 * g[np.argsort(np.argsort(x, kind="stable"))]), np.array([1.0, 1.0, 0.0]),
    ),
    "minimum of two: both get all": (
        tc.primitive(np.minimum, vjp=(lambda g, y, a, b: g * 1.0, lambda g, y, a, b: g * 1.0), name="planted"),
        np.array([1.0, 2.0]), np.array([1.0, 2.0]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
@some
@given(seed=seeds)
def test_planted_errors_are_found_and_located(name, seed):
    fn, *inputs = WRONG[name]
    with pytest.raises(GradientError) as caught:
        gradcheck(lambda *xs: fn(*xs) * 2, *inputs, seed=seed)
    assert [s.name for s in caught.value.suspects] == ["planted"]


@pytest.mark.parametrize("excess", [1e-2, 1e-4, 1e-6])
@pytest.mark.parametrize("at_kink", [True, False])
def test_tolerances_are_obeyed_at_kinks(excess, at_kink):
    def rule(g, y, x):
        return g * np.where(x == 0, 1 + excess * at_kink, np.where(x > 0, 1 + excess * (not at_kink), 0.0))

    wrong, x = op(lambda x: np.maximum(x, 0), rule), np.array([0.0, 1.0])
    with pytest.raises(GradientError):
        gradcheck(wrong, x)
    with pytest.raises(GradientError):
        gradcheck(wrong, x, rtol=excess / 4)
    with pytest.raises(GradientError):
        gradcheck(wrong, x, rtol=0.0, atol=excess / 4)
    assert gradcheck(wrong, x, rtol=4 * excess)
    assert gradcheck(wrong, x, rtol=0.0, atol=4 * excess)


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
@some
@given(seed=seeds)
def test_kinks_at_any_size(size, seed):
    x = np.array([0.0, 1.0, -2.0]) * size
    assert gradcheck(tc.abs, x, seed=seed)
    assert gradcheck(lambda x: tc.clamp(x, -2 * size, size), x, seed=seed)
    with pytest.raises(GradientError):
        gradcheck(op(np.abs, lambda g, y, x: g * np.where(x == 0, 1.01, np.sign(x))), x, seed=seed)


def test_the_one_sided_slopes_are_in_the_report():
    wrong = op(np.abs, lambda g, y, x: g * np.where(x == 0, 1.5, np.sign(x)))
    with pytest.raises(GradientError) as caught:
        gradcheck(wrong, np.array([0.0, 1.0]))
    row = next(row for row in caught.value.rows if row.element == (0,))
    np.testing.assert_allclose([row.low, row.high, row.analytic], [-1, 1, 1.5], atol=1e-9)
    assert "smallest slope" in str(caught.value) and "largest slope" in str(caught.value)


def test_noise_of_differences_is_no_kink():
    passed = gradcheck(lambda x: tc.relu(x) + tc.exp(x), np.array([0.0, 1.0]))
    assert [k.element for k in passed.kinks] == [(0,)]
