"""Ways to check: forward mode, whole Jacobians, several projections, given cotangents, batches, orders up to 3."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tests.samples.base import numbers, shapes
from tinygrad_course.testing import GradientError, gradcheck
from tinygrad_course.testing.probe import cotangent

seeds = st.integers(0, 2**16)
arrays = shapes(0, 2, 3).flatmap(numbers)
MODES = ["reverse", "forward", "both"]
full = pytest.mark.parametrize("full", [False, True])


def sine(rule):
    return tc.primitive(np.sin, vjp=rule, name="planted")


def smooth(x):
    return tc.tanh(x) * tc.exp(-x * x) + tc.sin(x).sum()


@full
@pytest.mark.parametrize("mode", MODES)
@given(x=arrays, seed=seeds)
def test_right_gradients_pass_in_each_mode(mode, full, x, seed):
    assert gradcheck(smooth, x, mode=mode, full=full, seed=seed, order=2)


@full
@pytest.mark.parametrize("mode", MODES)
@given(x=arrays, factor=st.sampled_from([-1.0, 0.0, 2.0, 1 + 1e-5]), seed=seeds)
def test_wrong_ones_fail_in_each_mode(mode, full, x, factor, seed):
    wrong = sine(lambda g, y, x: g * np.cos(x) * factor)
    with pytest.raises(GradientError) as caught:
        gradcheck(lambda x: tc.exp(wrong(x)), x, mode=mode, full=full, seed=seed)
    assert [s.name for s in caught.value.suspects] == ["planted"]
    assert {f.mode for f in caught.value.findings} == ({"reverse", "forward"} if mode == "both" else {mode})


@full
@given(x=arrays, seed=seeds)
def test_what_is_wrong_in_forward_mode_only_is_found_there(full, x, seed):
    wrong = sine(lambda g, y, x: getattr(g, "array", g) * np.cos(x))
    assert gradcheck(wrong, x, seed=seed)
    for mode in ("forward", "both"):
        with pytest.raises(GradientError, match="of forward mode") as caught:
            gradcheck(lambda x: wrong(x) * 2, x, mode=mode, full=full, seed=seed)
        assert caught.value.cause.startswith("detached inside the rule")


@pytest.mark.parametrize("mode", MODES)
@full
def test_kinks_in_each_mode(mode, full):
    x = np.array([0.0, 1.0, -1.0, 2.0])
    for fn in (tc.relu, tc.abs, lambda x: tc.clamp(x, -1, 1), tc.amax, lambda x: tc.linalg.norm(0 * x)):
        assert gradcheck(fn, x, mode=mode, full=full)
    wrong = tc.primitive(np.abs, vjp=lambda g, y, x: g * np.where(x == 0, 1.5, np.sign(x)), name="planted")
    with pytest.raises(GradientError):
        gradcheck(wrong, x, mode=mode, full=full)


def test_forward_mode_at_a_kink_is_held_to_the_backward_pass():
    wrong = tc.primitive(np.abs, vjp=lambda g, y, x: getattr(g, "array", g) * np.sign(x), name="planted")
    assert gradcheck(wrong, np.array([0.0, 1.0]))
    with pytest.raises(GradientError, match="forward mode"):
        gradcheck(wrong, np.array([0.0, 1.0]), mode="forward")


@given(st.integers(2, 5), seeds)
def test_full_mode_finds_each_wrong_element(n, seed):
    """An error that one projection in a million would miss: in one element, and small beside the others."""
    rng = np.random.default_rng(seed)
    i, j = rng.integers(n, size=2)
    a = rng.normal(size=(n, n)) + 5
    error = np.zeros((n, n))
    error[i, j] = 1e-5

    def rule(g, y, x):
        return (a + error).T @ g

    wrong = tc.primitive(lambda x: a @ x, vjp=rule, name="planted")
    with pytest.raises(GradientError) as caught:
        gradcheck(wrong, rng.normal(size=n), full=True, seed=seed)
    found = caught.value.findings[0]
    np.testing.assert_allclose([found.analytic, found.numeric], [a[i, j] + 1e-5, a[i, j]], rtol=1e-9)


def test_ones_hide_what_cancels_in_the_sum_and_random_cotangents_do_not():
    wrong = tc.primitive(lambda x: x * 1.0, vjp=lambda g, y, x: g.mean() + 0 * x, name="planted")
    x = np.array([0.5, 1.0, 2.0])
    assert gradcheck(wrong, x, cotangent="ones")
    for seed in range(20):
        with pytest.raises(GradientError):
            gradcheck(wrong, x, seed=seed)


def test_given_cotangents():
    first = tc.primitive(lambda x: x * x, vjp=lambda g, y, x: 2 * g * x + g[..., :1] * 0.1, name="planted")
    x = np.array([0.5, 1.0, 2.0])
    assert gradcheck(first, x, cotangent=np.array([0.0, 1.0, -2.0]))
    with pytest.raises(GradientError):
        gradcheck(first, x, cotangent=tc.tensor([1.0, 1.0, -2.0]))
    assert gradcheck(lambda x: (x, x * x), x, cotangent=[np.ones(3), np.ones(3)], order=2)
    with pytest.raises(ValueError, match=r"shapes \[\(3,\)\], got \[\(2,\)\]"):
        gradcheck(first, x, cotangent=np.ones(2))


@given(st.integers(1, 4), st.integers(1, 4), seeds)
def test_projections_estimate_the_error_without_bias(m, n, seed):
    """The mean of (vᵀEu)² over independent v and u of mean 0 and variance 1 is ‖E‖²."""
    rng = np.random.default_rng(seed)
    error = rng.normal(size=(m, n))
    count = 20_000
    v, u = cotangent(rng, (count, m)), cotangent(rng, (count, n))
    estimates = np.einsum("ki,ij,kj->k", v, error, u) ** 2
    mean, spread = estimates.mean(), estimates.std() / count**0.5
    assert abs(mean - (error**2).sum()) < 6 * spread + 1e-12


def test_repeated_projections_find_what_one_misses():
    """A rule that is wrong for one sign of its cotangent only."""
    wrong = tc.primitive(lambda x: 1.0 * x, vjp=lambda g, y, x: g * np.where(g > 0, 1.0, 0.5), name="planted")
    x = np.array(0.5)

    def found(repeats):
        count = 0
        for seed in range(40):
            try:
                gradcheck(wrong, x, seed=seed, repeats=repeats)
            except GradientError:
                count += 1
        return count

    assert found(1) < 35 < found(8) == 40


def test_batched_cotangents():
    class Right(tc.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return 2 * g * ctx.saved_tensors[0]

    class Spent(Right):
        """Its backward works once per call."""

        @staticmethod
        def backward(ctx, g):
            ctx.times = getattr(ctx, "times", 0) + 1
            return 2 * g * ctx.saved_tensors[0] / ctx.times

    x = np.array([0.5, 1.5])
    assert gradcheck(Right.apply, x, batched=True, order=2)
    assert gradcheck(Spent.apply, x)
    with pytest.raises(GradientError, match="several cotangents"):
        gradcheck(Spent.apply, x, batched=True)


@pytest.mark.parametrize("mode", MODES)
@given(x=numbers((2,)), seed=seeds)
def test_third_order(mode, x, seed):
    assert gradcheck(lambda x: tc.tanh(x) * x, x, order=3, mode=mode, seed=seed)


@given(x=numbers((2,)), seed=seeds)
def test_what_is_wrong_at_order_3_only(x, seed):
    """The rule calls an operation whose own gradient is right, and the gradient of that is not."""
    inner = tc.primitive(np.cos, vjp=lambda g, y, x: -g * np.sin(getattr(x, "array", x)), name="inner")
    outer = tc.primitive(np.sin, vjp=lambda g, y, x: g * inner.apply(x), name="outer")
    assert gradcheck(outer, x, order=2, seed=seed)
    with pytest.raises(GradientError, match="order 3") as caught:
        gradcheck(outer, x, order=3, seed=seed)
    assert [s.name for s in caught.value.suspects] == ["outer"]


@pytest.mark.parametrize(
    "options", [{"mode": "backward"}, {"cotangent": "zeros"}, {"repeats": 0}, {"order": 0}], ids=lambda o: next(iter(o))
)
def test_unknown_options(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        gradcheck(tc.sin, np.ones(2), **options)


@pytest.mark.parametrize("mode", MODES)
@full
def test_the_same_seed_gives_the_same_report(mode, full):
    wrong = sine(lambda g, y, x: g * np.cos(x) * 1.5)

    def report(seed):
        with pytest.raises(GradientError) as caught:
            gradcheck(lambda x: wrong(x).sum(), np.linspace(0.5, 1, 3), seed=seed, mode=mode, full=full)
        return str(caught.value)

    assert report(1) == report(1)
