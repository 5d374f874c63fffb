"""Numerical derivatives against closed forms: to 1e-9 relative where the function is smooth, honest where it is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_course.testing import derivative, slopes

SMOOTH = {
    "exp": (np.exp, np.exp),
    "sin": (np.sin, np.cos),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    "cube": (lambda x: x**3, lambda x: 3 * x**2),
    "atan": (np.arctan, lambda x: 1 / (1 + x * x)),
    "bell": (lambda x: np.exp(-x * x), lambda x: -2 * x * np.exp(-x * x)),
}
points = st.floats(-2, 2).filter(lambda x: abs(x) > 1e-3)


@pytest.mark.parametrize("name", SMOOTH)
@given(x=points)
def test_smooth_functions_to_1e_9(name, x):
    f, df = SMOOTH[name]
    found = derivative(lambda t: np.array([f(x + t)]))
    scale = max(abs(df(x)), 1e-2)  # sin has slopes near 0, where only the absolute error is small
    assert abs(found.value[0] - df(x)) <= 1e-9 * scale
    assert abs(found.value[0] - df(x)) <= 10 * found.error[0] + 1e-15
    assert found.error[0] <= 1e-8 * scale


@given(st.floats(0.003, 3))
def test_a_singularity_nearby_shrinks_the_step(x):
    """log and 1/x are not defined on all of the first step."""
    found = derivative(lambda t: np.array([np.log(x + t * x), 1 / (x + t * x)]))
    np.testing.assert_allclose(found.value, [1, -1 / x], rtol=1e-9)


@given(st.floats(1e-3, 0.04), st.sampled_from([-1.0, 1.0]))
def test_a_kink_within_the_first_step_is_stepped_over(x, sign):
    found = derivative(lambda t: np.abs(np.array([sign * x + t])))
    np.testing.assert_allclose(found.value, [sign], rtol=1e-9)


@given(st.floats(2e-3, 3e-3), st.floats(-3, 3), st.floats(1, 3), st.floats(1, 3))
def test_kinks_that_the_larger_steps_agree_across_are_seen_by_the_smaller(ahead, slope, up, down):
    """Beside a curve for which the smaller steps are needed."""

    def curve(t):
        rest = slope * t
        return np.array([rest + max(ahead, up * t, -down * t), rest + max(ahead / 8, up * t)])

    np.testing.assert_allclose(derivative(curve).value, slope, rtol=1e-9, atol=1e-9)


@given(st.floats(-3, 3), st.floats(-3, 3))
def test_slopes_differ_at_a_kink(left_slope, right_slope):
    left, right = slopes(lambda t: np.array([t * (left_slope if t < 0 else right_slope) + t * t]))
    np.testing.assert_allclose(left.value, [left_slope], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(right.value, [right_slope], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", SMOOTH)
def test_slopes_agree_where_smooth(name):
    f, df = SMOOTH[name]
    for side in slopes(lambda t: np.array([f(0.7 + t)])):
        np.testing.assert_allclose(side.value, [df(0.7)], rtol=1e-8)


def test_each_element_chooses_its_own_step():
    rates = np.array([1e-3, 1.0, 300.0])
    found = derivative(lambda t: np.sin(rates * (1 + t)))
    np.testing.assert_allclose(found.value, rates * np.cos(rates), rtol=1e-8)


def test_nothing_finite_is_reported_as_infinite_error():
    found = derivative(lambda t: np.array([np.nan, 1.0]))
    assert found.error[0] == np.inf and found.error[1] < 1e-10


def test_float32_curves_know_their_rounding():
    found = derivative(lambda t: np.array([np.exp(np.float32(1 + t))], np.float32))
    assert 1e-7 < found.error[0] < 1e-2
    assert abs(found.value[0] - np.e) < 10 * found.error[0]


def test_constants_have_slope_zero():
    found = derivative(lambda t: np.full((2, 3), 5.0))
    assert found.value.shape == (2, 3)
    assert (found.value == 0).all() and (found.error < 1e-10).all()
