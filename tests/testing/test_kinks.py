"""At exact kinks and ties the checker accepts every generalized gradient, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tests.samples.base import shapes
from tinygrad_course.testing import GradientError, gradcheck

F = tc.nn.functional
seeds = st.integers(0, 2**16)
# Few values, so that most draws have ties and stand on the kinks at 0 and at 1 and -1.
grid = st.sampled_from([-1.0, 0.0, 0.0, 0.5, 1.0, 1.0, 2.0])


def on_grid(shape):
    size = int(np.prod(shape))
    return st.lists(grid, min_size=size, max_size=size).map(lambda values: np.array(values).reshape(shape))


arrays = shapes(0, 2, 3).flatmap(on_grid)
lists = st.integers(1, 6).flatmap(lambda n: on_grid((n,)))
images = on_grid((1, 1, 3, 4))

RIGHT = {
    "relu": (tc.relu, arrays),
    "abs": (tc.abs, arrays),
    "clamp": (lambda x: tc.clamp(x, -1, 1), arrays),
    "hardtanh": (F.hardtanh, arrays),
    "leaky_relu": (lambda x: F.leaky_relu(x, 0.1), arrays),
    "relu of a sine": (lambda x: tc.relu(tc.sin(x)) * tc.exp(x), arrays),
    "maximum with a constant": (lambda x: tc.maximum(x, tc.ones_like(x)), arrays),
    "max": (lambda x: tc.max(x, 0)[0], lists),
    "amax": (tc.amax, lists),
    "amin": (tc.amin, lists),
    "sort": (lambda x: tc.sort(x)[0], lists),
    "median": (tc.median, lists),
    "max_pool2d": (lambda x: F.max_pool2d(x, 2), images),
    "overlapping max_pool2d": (lambda x: F.max_pool2d(x, 2, stride=1), images),
}


@pytest.mark.parametrize("name", RIGHT)
@given(data=st.data(), seed=seeds)
def test_no_false_alarm(name, data, seed):
    fn, values = RIGHT[name]
    assert gradcheck(fn, data.draw(values), seed=seed)


@pytest.mark.parametrize("name", ["relu", "abs", "clamp", "max", "amax", "sort", "max_pool2d"])
@given(data=st.data(), seed=seeds)
def test_no_false_alarm_at_order_2(name, data, seed):
    fn, values = RIGHT[name]
    assert gradcheck(fn, data.draw(values), order=2, seed=seed)


@given(lists, st.data(), seeds)
def test_no_false_alarm_for_two_inputs_that_tie(x, data, seed):
    y = data.draw(on_grid(x.shape))
    assert gradcheck(tc.maximum, x, y, seed=seed)
    assert gradcheck(tc.minimum, x, y, seed=seed)


def rectifier(slope, here):
    """max(x, 0), with rules that give `slope` to the right of 0 and `here` at 0."""
    return tc.primitive(
        lambda x: np.maximum(x, 0),
        vjp=lambda g, y, x: g * np.where(x > 0, slope, np.where(x == 0, here, 0.0)), name="rectifier",
    )  # fmt: skip


with_zero = lists.map(lambda x: np.append(x, [0.0, 1.0]))


@given(with_zero, st.floats(0, 1), seeds)
def test_any_slope_in_between_is_right(x, here, seed):
    passed = gradcheck(rectifier(1.0, here), x, seed=seed)
    kinks = {k.element: k for k in passed.kinks}
    if here != 0.5:  # the mean of both slopes is what central differences give as well
        assert set(kinks) == {tuple(int(i) for i in k) for k in np.argwhere(x == 0)}
    for kink in kinks.values():
        np.testing.assert_allclose([kink.low, kink.high, kink.analytic], [0, 1, here], atol=1e-9)


@given(with_zero, st.sampled_from([-1.0, -0.01, 1.01, 2.0]), seeds)
def test_a_slope_outside_is_wrong(x, here, seed):
    with pytest.raises(GradientError) as caught:
        gradcheck(rectifier(1.0, here), x, seed=seed)
    for row in caught.value.rows:
        if row.element:
            assert x[row.element] == 0
            np.testing.assert_allclose([row.low, row.high, row.analytic], [0, 1, here], atol=1e-9)
    assert "smallest slope" in str(caught.value)


@given(with_zero, st.sampled_from([-1.0, 0.999, 1.001, 2.0]), st.floats(0, 1), seeds)
def test_a_kink_elsewhere_hides_nothing(x, slope, here, seed):
    with pytest.raises(GradientError) as caught:
        gradcheck(rectifier(slope, here), x, seed=seed)
    assert {row.element for row in caught.value.rows if row.element} == {
        tuple(int(i) for i in k) for k in np.argwhere(x > 0)
    }


@given(with_zero, st.sampled_from([-1.0, 2.0, 1.001]), seeds)
def test_a_sum_over_kinks_hides_nothing(x, slope, seed):
    with pytest.raises(GradientError):
        gradcheck(lambda x: rectifier(slope, 0.0)(x).sum(), x, seed=seed)


tied = st.integers(2, 5).map(lambda n: np.array([1.0] * n + [0.25]))
MUTANTS = {
    "all ties get everything": (np.max, lambda g, y, x: g * np.where(x == y, 1.0, 0.0)),
    "nobody gets anything": (np.max, lambda g, y, x: g * np.where(x > y, 1.0, 0.0)),
    "the smallest gets it": (np.max, lambda g, y, x: g * np.where(x == x.min(), 1.0, 0.0)),
    "shared, and doubled": (np.max, lambda g, y, x: g * np.where(x == y, 2.0, 0.0) / np.sum(x == y)),
    "shared with the wrong sign": (np.max, lambda g, y, x: g * np.where(x == y, -1.0, 0.0) / np.sum(x == y)),
    "sorted the other way": (np.sort, lambda g, y, x: g[::-1][np.argsort(np.argsort(x, kind="stable"))]),
    "sort as the identity": (np.sort, lambda g, y, x: g),
    "abs doubled": (lambda x: np.abs(x - 1), lambda g, y, x: g * 2 * np.sign(x - 1)),
    "abs with a slope of 1.5 at 0": (lambda x: np.abs(x - 1), lambda g, y, x: g * np.where(x < 1, -1.0, 1.5)),
}


@pytest.mark.parametrize("name", MUTANTS)
@given(x=tied, seed=seeds)
def test_mutants_are_found_at_ties(name, x, seed):
    forward, vjp = MUTANTS[name]
    with pytest.raises(GradientError):
        gradcheck(tc.primitive(forward, vjp=vjp, name="mutant"), x, seed=seed)


@given(tied, st.data(), seeds)
def test_any_share_among_ties_is_right(x, data, seed):
    share = np.array([data.draw(st.floats(0.1, 1)) for _ in x[:-1]] + [0.0])
    share /= share.sum()
    assert gradcheck(tc.primitive(np.max, vjp=lambda g, y, x: g * share, name="shared"), x, seed=seed)


@given(st.sampled_from([1e-6, 1e-5, 1e-4]), st.sampled_from([-1.0, 1.0]), seeds)
def test_a_kink_next_to_a_kink(near, side, seed):
    """Slopes on all sides do not settle by usual steps."""
    x = np.array([0.0, side * near, 0.3, -0.2])
    assert gradcheck(lambda x: tc.relu(x).sum() + tc.relu(x.sum() - 0.1), x, seed=seed)
    with pytest.raises(GradientError):
        gradcheck(rectifier(-0.5, 1.0), x, seed=seed)


def test_the_report_says_where_the_kinks_are():
    passed = gradcheck(tc.abs, np.array([[1.0, 0.0], [-2.0, 3.0]]))
    assert [(k.input, k.element) for k in passed.kinks] == [("input 0", (0, 1))]
    np.testing.assert_allclose(passed.kinks[0][2:], [-1, 1, 0], atol=1e-9)
    assert "at kinks any slope" in repr(passed) and "(0, 1)" in repr(passed)
    assert repr(gradcheck(tc.abs, np.array([1.0]))) == "right"


def test_many_elements_are_checked_in_groups():
    x = np.zeros((10, 10))
    assert gradcheck(tc.abs, x).kinks
    with pytest.raises(GradientError):
        gradcheck(rectifier(1.0, 1.1), x)


@pytest.mark.parametrize("seed", range(5))
def test_a_sort_may_put_equal_values_in_any_order(seed):
    """NumPy's own order of these is neither that of their places nor its reverse."""
    assert gradcheck(lambda x: tc.sort(x)[0], np.array([-1.0, -1.0, 0.0, 0.0, -1.0, -1.0]), seed=seed)
