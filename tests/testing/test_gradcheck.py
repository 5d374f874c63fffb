"""The checker accepts what is right, rejects what is wrong in each of many ways, and says where."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tests.samples.base import numbers, shapes
from tinygrad_course.testing import GradientError, gradcheck

arrays = shapes(0, 3, 3).flatmap(numbers)
seeds = st.integers(0, 2**16)


def unary(vjp, forward=np.tanh):
    return tc.primitive(forward, vjp=vjp, name="wrong")


def off(factor):
    return unary(lambda g, y, x: g * (1 - y * y) * factor)


WRONG = {
    "sign": off(-1.0),
    "zero": off(0.0),
    "doubled": off(2.0),
    "a tenth of a percent": off(1.001),
    "one in a million": off(1 + 1e-6),
    "misprint of the lecture": unary(lambda g, y, x: g * (1 + y * y)),
    "term dropped": unary(lambda g, y, x: g),
    "cotangent left out": unary(lambda g, y, x: 1 - y * y),
    "cotangent squared": unary(lambda g, y, x: g * g * (1 - y * y)),
    "input for output": unary(lambda g, y, x: g * (1 - x * x)),
    "NaN": off(float("nan")),
    "infinite": off(float("inf")),
    "constant added": unary(lambda g, y, x: g * (1 - y * y) + 0.01),
}


@pytest.mark.parametrize("name", WRONG)
@given(x=arrays.filter(lambda x: np.abs(x).min() > 0.05), seed=seeds)
def test_wrong_rules_are_rejected(name, x, seed):
    with pytest.raises(GradientError, match="wrong"):
        gradcheck(WRONG[name], x, seed=seed)


@given(x=arrays, seed=seeds)
def test_the_right_rule_is_accepted(x, seed):
    assert gradcheck(off(1.0), x, order=2, seed=seed)


@given(x=arrays.filter(lambda x: np.abs(x).min() > 0.05), seed=seeds)
def test_a_detached_rule_is_right_at_order_1_and_rejected_at_order_2(x, seed):
    detached = unary(lambda g, y, x: g * (1 - np.tanh(getattr(x, "array", x)) ** 2))
    gradcheck(detached, x, seed=seed)
    with pytest.raises(GradientError, match="gradient of the gradient"):
        gradcheck(detached, x, order=2, seed=seed)


@given(x=arrays.filter(lambda x: np.abs(x).min() > 0.05), seed=seeds)
def test_a_detached_cotangent_is_rejected_at_order_2(x, seed):
    detached = unary(lambda g, y, x: getattr(g, "array", g) * (1 - y * y))
    gradcheck(detached, x, seed=seed)
    with pytest.raises(GradientError):
        gradcheck(detached, x, order=2, seed=seed)


@given(st.integers(2, 4), seeds)
def test_a_transposed_gradient_is_rejected(n, seed):
    rng = np.random.default_rng(seed)
    wrong = tc.primitive(
        np.matmul, vjp=(lambda g, y, a, b: (g @ b.T).T, lambda g, y, a, b: a.T @ g), name="wrong_matmul"
    )
    with pytest.raises(GradientError) as caught:
        gradcheck(wrong, rng.normal(size=(n, n)), rng.normal(size=(n, n)), seed=seed)
    assert {row.input for row in caught.value.rows} == {"input 0"}


@given(st.integers(2, 4), seeds)
def test_a_missing_sum_is_rejected(n, seed):
    """A bias whose gradient is that of the first sample only."""
    rng = np.random.default_rng(seed)
    wrong = tc.primitive(lambda x, b: x + b, vjp=(lambda g, y, x, b: g, lambda g, y, x, b: g[0]), name="wrong_bias")
    with pytest.raises(GradientError, match="input 1"):
        gradcheck(wrong, rng.normal(size=(n, 3)), rng.normal(size=3), seed=seed)


@given(st.integers(1, 5), st.data())
def test_a_single_wrong_element_is_found_and_named(n, data):
    k = data.draw(st.integers(0, n - 1))
    one = np.eye(n)[k] * 0.01
    wrong = tc.primitive(np.sin, vjp=lambda g, y, x: g * np.cos(x) + one, name="wrong_sine")
    with pytest.raises(GradientError) as caught:
        gradcheck(wrong, np.linspace(0.5, 1, n), seed=data.draw(seeds))
    assert [row.element for row in caught.value.rows] == [(k,)]
    assert caught.value.rows[0].analytic - caught.value.rows[0].numeric == pytest.approx(0.01)


def test_the_message_is_a_table_of_function_input_element_and_both_values():
    with pytest.raises(GradientError) as caught:
        gradcheck(WRONG["misprint of the lecture"], np.array([0.5, -1.0]))
    text = str(caught.value)
    assert text.startswith("wrong: the gradient disagrees with differences: the vjp of 'wrong' in input 0 called at ")
    for word in ("function", "input", "element", "analytic", "numeric", "input 0", "(0,)", "(1,)"):
        assert word in text
    row = max(caught.value.rows, key=lambda row: row.element)
    assert abs(row.analytic / row.numeric) == pytest.approx((1 + np.tanh(1) ** 2) / (1 - np.tanh(1) ** 2))


def test_long_tables_are_cut():
    with pytest.raises(GradientError, match=r"and 92 more elements"):
        gradcheck(WRONG["sign"], np.linspace(0.5, 1, 100))


def test_the_same_seed_gives_the_same_report():
    def report(seed):
        with pytest.raises(GradientError) as caught:
            gradcheck(WRONG["zero"], np.linspace(0.5, 1, 3), seed=seed)
        return str(caught.value)

    assert report(1) == report(1) != report(2)


def test_float32_inputs_are_promoted_and_left_as_they_are():
    x = tc.tensor([0.5, 1.0], requires_grad=True)
    gradcheck(lambda a: tc.exp(tc.sin(a) * 3), x, order=2)
    assert x.dtype == tc.float32 and x.grad is None and x.tolist() == [0.5, 1.0]


def test_only_inputs_that_require_grad_are_checked_if_any_does():
    wrong = tc.primitive(np.multiply, vjp=(lambda g, y, a, b: g * b, lambda g, y, a, b: g), name="wrong")
    a, b = np.array([2.0]), np.array([3.0])
    gradcheck(wrong, tc.tensor(a, requires_grad=True), b)
    with pytest.raises(GradientError, match="input 1"):
        gradcheck(wrong, a, b)


def test_integers_and_other_values_pass_through():
    gradcheck(lambda x, n, scale: x**n * scale, np.array([1.5, 2.0]), np.array([2, 3]), 0.5)


def test_several_outputs_are_checked_together():
    gradcheck(lambda x: (tc.sin(x), tc.exp(x), x > 0), np.array([0.3, 0.7]), order=2)
    with pytest.raises(GradientError):
        gradcheck(lambda x: (tc.sin(x), WRONG["sign"](x)), np.array([0.3, 0.7]))


@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1e3, 1e8])
def test_values_of_any_size(scale):
    x = np.array([1.0, -2.0, 1.5]) * scale
    gradcheck(lambda a: a * a * a, x, order=2)
    with pytest.raises(GradientError):
        gradcheck(tc.primitive(lambda a: a**3, vjp=lambda g, y, a: 0 * g, name="wrong"), x)


def test_third_order():
    gradcheck(tc.tanh, np.array([0.3, -0.8]), order=3)


def test_a_function_that_is_constant_passes_and_one_that_ignores_an_input_too():
    gradcheck(tc.floor, np.array([0.5, 1.3]), order=2)
    gradcheck(lambda x, y: x * 2, np.array([0.5]), np.array([1.5]), order=2)


def test_what_cannot_be_checked_says_so():
    jump = tc.primitive(lambda x: np.where(x > 0, 1.0, -1.0), vjp=lambda g, y, x: g * 0.0, name="jump")
    with pytest.raises(GradientError, match="cannot be checked here"):
        gradcheck(jump, np.array([0.0]))


def test_nothing_to_differentiate_is_an_error():
    with pytest.raises(TypeError, match="at least one floating"):
        gradcheck(lambda n: n, np.array([1, 2]))
    with pytest.raises(TypeError, match="give Tensors, got float"):
        gradcheck(lambda x: 1.0, np.array([1.0]))
    for nothing in (lambda x: None, lambda x: x.argmax(), lambda x: ()):
        with pytest.raises(TypeError, match="none to differentiate"):
            gradcheck(nothing, np.array([1.0]))
    with pytest.raises(TypeError, match=r"expected a function.*got int"):
        gradcheck(3, np.array([1.0]))


@pytest.mark.parametrize("options", [{"order": 0}, {"order": "2"}, {"rtol": -1.0}, {"atol": -1.0}, {"repeats": 0}])
def test_options_that_make_no_sense(options):
    with pytest.raises(ValueError, match=f"expected.*{next(iter(options.values()))}"):
        gradcheck(tc.tanh, np.array([1.0]), **options)
