"""Functions that compute in less than float64: promoted where they allow it, held to their own rounding where not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_course as tc
from tests.samples.base import numbers, shapes
from tinygrad_course.testing import GradientError, gradcheck
from tinygrad_course.testing.function import at
from tinygrad_course.testing.rounding import rounding

seeds = st.integers(0, 2**16)
arrays = shapes(0, 2, 3).flatmap(numbers)


def planted(factor):
    return tc.primitive(
        lambda x: np.sin(x) + 2, vjp=lambda g, y, x: g * np.cos(x) * x.dtype.type(factor), name="planted"
    )


def whole(op):
    return op


def casts(op):
    return lambda x: op(x.to(tc.float32)) * 2


def casts_and_returns(op):
    return lambda x: tc.exp(op(x.to(tc.float32)).to(tc.float64))


def constant(op):
    return lambda x: op(x.to(tc.float32) * tc.tensor(0.7)).sum()


def refuses(op):
    def function(x):
        if x.dtype != tc.float32:
            raise TypeError("expected float32")
        return op(x) * 3

    return function


def half(op):
    return lambda x: op(x.to(tc.float16)).to(tc.float64)


def half_sum(op):
    return lambda x: op(x.to(tc.float16)).sum()


COARSE = [casts, casts_and_returns, constant, refuses]


@pytest.mark.parametrize("made", [whole, *COARSE], ids=lambda f: f.__name__)
@given(x=arrays, seed=seeds)
def test_no_false_alarm(made, x, seed):
    passed = gradcheck(made(planted(1.0)), x.astype(np.float32), seed=seed)
    if made is whole:
        assert passed.floor == 0 and repr(passed) == "right"


@settings(max_examples=10)
@pytest.mark.parametrize("made", COARSE, ids=lambda f: f.__name__)
@given(x=arrays, factor=st.sampled_from([0.0, -1.0, 0.5, 1.01, 2.0]), seed=seeds)
def test_wrong_gradients_are_found(made, x, factor, seed):
    with pytest.raises(GradientError) as caught:
        gradcheck(made(planted(factor)), x.astype(np.float32), seed=seed)
    assert [s.name for s in caught.value.suspects] == ["planted"]


@pytest.mark.parametrize("made", [half, half_sum], ids=lambda f: f.__name__)
@given(x=arrays, factor=st.sampled_from([1.0, 0.0]), seed=seeds)
def test_float16_is_right_wrong_or_too_coarse_to_tell(made, x, factor, seed):
    try:
        gradcheck(made(planted(factor)), x.astype(np.float32), seed=seed)
        assert factor == 1
    except GradientError as error:
        wrong = any(finding.reliable for finding in error.findings)
        assert factor == 0 if wrong else "cannot be checked" in str(error)


@pytest.mark.parametrize("made", COARSE, ids=lambda f: f.__name__)
def test_order_2_and_forward_mode_in_float32(made):
    x = np.array([[0.5, -1.0], [1.5, 0.25]], np.float32)
    assert gradcheck(made(planted(1.0)), x, order=2, mode="both")
    assert gradcheck(made(planted(1.0)), x, full=True)


def test_kinks_in_float32():
    x = np.array([0.0, 1.0, -2.0], np.float32)
    for fn in (tc.relu, tc.abs, tc.amax, lambda x: tc.sort(x)[0]):
        assert gradcheck(lambda x, fn=fn: fn(x.to(tc.float32)), x)
    wrong = tc.primitive(np.abs, vjp=lambda g, y, x: g * np.where(x == 0, 1.5, np.sign(x)), name="planted")
    with pytest.raises(GradientError):
        gradcheck(lambda x: wrong(x.to(tc.float32)), x)


def test_the_floor_is_told():
    x = np.array([0.5, 1.0], np.float32)
    passed = gradcheck(casts(planted(1.0)), x)
    assert passed.floor == pytest.approx(np.finfo(np.float32).eps)
    assert "rounding of 1e-07" in repr(passed)


@given(x=arrays, seed=seeds)
def test_rounding_is_measured(x, seed):
    def measured(fn):
        return rounding(at(fn, [x]), np.random.default_rng(seed))

    assert measured(lambda x: tc.exp(tc.sin(x)) + 1) < 1e-14
    assert measured(lambda x: abs(x) + 1) < 1e-14
    assert 1e-9 < measured(lambda x: (tc.exp(tc.sin(x)) + 1).to(tc.float32).to(tc.float64)) < 1e-6


def test_parameters_of_a_module_are_promoted_and_left_as_they_are():
    layer = tc.nn.Linear(3, 2)
    before = layer.weight.clone()
    passed = gradcheck(layer, tc.randn(4, 3), order=2)
    assert passed.floor == 0
    assert layer.weight.dtype == tc.float32 and bool((layer.weight == before).all()) and layer.weight.grad is None


@given(x=arrays, seed=seeds)
def test_rules_that_leak_float32(x, seed):
    leaks = tc.primitive(np.sin, vjp=lambda g, y, x: (g * np.cos(x)).astype(np.float32), name="planted")
    with pytest.raises(GradientError, match="as coarse as float32") as caught:
        gradcheck(lambda x: tc.exp(leaks(x)), x, seed=seed)
    assert caught.value.cause == "float32 leakage: the rule of input 0 gives float32 for float64 values"
    assert [(s.name, s.wrong) for s in caught.value.suspects] == [("planted", (0,))]


def test_complex_values_are_refused():
    with pytest.raises(TypeError, match=r"input 0 has dtype complex128.*real and imaginary"):
        gradcheck(lambda z: z, np.array([1j]))
    with pytest.raises(TypeError, match="input 1 has dtype object"):
        gradcheck(lambda x, y: x, np.ones(2), np.array([None]))


def test_an_error_of_the_function_itself_is_passed_on():
    def broken(x):
        raise KeyError("mine")

    for dtype in (np.float32, np.float64):
        with pytest.raises(KeyError, match="mine"):
            gradcheck(broken, np.ones(2, dtype))
