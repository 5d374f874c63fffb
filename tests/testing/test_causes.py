"""Causes in calls of any size, of rules that raise, of state and chance, and of what is wrong outside all rules."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import tinygrad_course as tc
from tinygrad_course.testing import GradientError, gradcheck

rng = np.random.default_rng(7)
LARGE, OTHER = rng.normal(size=(12, 12)), rng.normal(size=(12, 12))
POSITIVE = np.abs(LARGE) + 0.5


def failure(fn, *inputs, **options):
    with pytest.raises(GradientError) as caught:
        gradcheck(fn, *inputs, **options)
    return caught.value


def planted(forward, *rules, **options):
    return tc.primitive(forward, vjp=rules if len(rules) > 1 else rules[0], name="planted", **options)


def product(first, second):
    return planted(lambda a, b: a * b, first, second, broadcasts=True)


def matmul(rule):
    return planted(np.matmul, rule, lambda g, y, a, b: a.T @ g)


def biased(rule):
    return planted(lambda x, b: x + b, lambda g, y, x, b: g, rule)


_count = itertools.count(1)
LARGE_CALLS = {
    "sign flipped": (planted(np.tanh, lambda g, y, x: -g * (1 - y * y)), [LARGE]),
    "constant factor 3": (planted(np.tanh, lambda g, y, x: 3 * g * (1 - y * y)), [LARGE]),
    "zero: detached": (planted(np.tanh, lambda g, y, x: 0 * g), [LARGE]),
    "derivative of another function: 1 + h² instead of 1 - h²": (
        planted(np.tanh, lambda g, y, x: g * (1 + y * y)), [LARGE],
    ),
    "derivative of another function: h (1 + h) instead of h (1 - h)": (
        planted(lambda x: 1 / (1 + np.exp(-x)), lambda g, y, x: g * y * (1 + y)), [LARGE],
    ),
    "derivative of another function: x instead of 1 / x": (planted(np.log, lambda g, y, x: g * x), [POSITIVE]),
    "transposed": (matmul(lambda g, y, a, b: (g @ b.T).T), [LARGE, OTHER]),
    "transposed: the cotangent": (matmul(lambda g, y, a, b: g.T @ b.T), [LARGE, OTHER]),
    "transposed: the rule of input 0 gives shape (12, 5)": (
        matmul(lambda g, y, a, b: (g @ b.T).T), [LARGE[:5], OTHER[:, :7]],
    ),
    "missing sum over broadcast axis 0": (biased(lambda g, y, x, b: g[-1]), [LARGE, LARGE[0]]),
    "missing sum over broadcast axis 0 of the output: the rule": (biased(lambda g, y, x, b: g), [LARGE, LARGE[0]]),
    "missing sum over broadcast axis 1": (biased(lambda g, y, x, b: g), [LARGE, LARGE[:, :1]]),
    "swapped: this is the gradient of input 1": (
        product(lambda g, y, a, b: g * a, lambda g, y, a, b: g * a), [LARGE, OTHER],
    ),
    "swapped: this is the gradient of input 0": (
        product(lambda g, y, a, b: g * b, lambda g, y, a, b: g * b), [LARGE, OTHER[0]],
    ),
    "missing sum over broadcast axis 0, 1 of the output": (
        product(lambda g, y, a, b: g * b, lambda g, y, a, b: (g * a)[0, 0]), [LARGE, OTHER[0, 0]],
    ),
    "argument left out of the chain rule: there is no rule for input 1": (
        product(lambda g, y, a, b: g * b, None), [LARGE, OTHER],
    ),
    "argument left out of the chain rule: the rule of input 1 gives zero": (
        product(lambda g, y, a, b: g * b, lambda g, y, a, b: 0 * g), [LARGE, OTHER],
    ),
    "argument left out of the chain rule: the factor input 0": (
        product(lambda g, y, a, b: g * b, lambda g, y, a, b: g), [LARGE, OTHER],
    ),
    "argument left out of the chain rule: the factor 2 · x": (
        planted(lambda x: np.sin(x * x), lambda g, y, x: g * np.cos(x * x)), [LARGE],
    ),
    "float32 leakage: the rule of input 0": (
        planted(np.tanh, lambda g, y, x: (g * (1 - y * y)).astype(np.float32)), [LARGE],
    ),
    "derivative of another function: 1 + h²": (
        # Defined between 0 and 1 only: some of what is near is not.
        planted(lambda x: np.log(x / (1 - x)), lambda g, y, x: g * (1 + y * y)), [np.linspace(0.02, 0.98, 12)],
    ),
    "the rule gives NaN": (planted(np.tanh, lambda g, y, x: g * np.nan), [LARGE]),
    "the rule is not linear": (planted(np.tanh, lambda g, y, x: 1 - y * y), [LARGE]),
    "the rule fails: ZeroDivisionError": (planted(np.tanh, lambda g, y, x: g * (1 // 0)), [LARGE]),
    "dependence on hidden state": (
        planted(np.tanh, lambda g, y, x: g * (1 - y * y) * (1 + next(_count))), [LARGE],
    ),
    "non-determinism": (planted(np.tanh, lambda g, y, x: g * np.random.rand()), [LARGE]),  # noqa: NPY002
}  # fmt: skip


@pytest.mark.parametrize("cause", LARGE_CALLS)
def test_causes_in_large_calls_within_a_function(cause):
    op, inputs = LARGE_CALLS[cause]
    error = failure(lambda *xs: tc.exp(op(*xs) * 0.1), *inputs)
    assert error.cause.startswith(cause)
    assert [s.name for s in error.suspects] == ["planted"]
    assert error.suspects[0].where.startswith(__file__)
    first = str(error).splitlines()[0]
    assert "planted" in first and error.cause in first


def test_a_wrong_call_is_found_among_right_ones_of_the_same_operation():
    halves = planted(lambda x: np.where(x > 0, x * x, x), lambda g, y, x: g * np.where(x > 0, x, 1.0))

    def function(x):
        x = halves(-abs(x) - 1)
        return halves(x * x)

    error = failure(function, LARGE)
    assert len(error.suspects) == 1
    assert error.suspects[0].where == f"{__file__}:{function.__code__.co_firstlineno + 2}"


def test_each_wrong_input_has_its_cause():
    op = product(lambda g, y, a, b: -g * b, lambda g, y, a, b: 2 * g * a)
    error = failure(op, LARGE, OTHER)
    assert error.cause == "sign flipped (input 0); constant factor 2 (input 1)"
    assert error.suspects[0].wrong == (0, 1)


def test_several_calls_are_listed_with_their_causes():
    first = tc.primitive(np.sin, vjp=lambda g, y, x: -g * np.cos(x), name="first")
    second = tc.primitive(np.exp, vjp=lambda g, y, x: 2 * g * y, name="second")
    error = failure(lambda x: second(first(x)), np.array([0.3, 0.5]))
    assert [(s.name, s.cause) for s in error.suspects] == [("first", "sign flipped"), ("second", "constant factor 2")]
    text = str(error).splitlines()
    header = next(i for i, line in enumerate(text) if line.startswith("node"))
    assert text[header].split() == ["node", "wrong", "in", "source", "line", "cause"]
    assert text[header + 1].startswith("first") and text[header + 1].endswith("sign flipped")
    assert text[header + 2].startswith("second") and text[header + 2].endswith("constant factor 2")


class Remembering(tc.autograd.Function):
    """Keeps its input on the class, where the next call overwrites it."""

    @staticmethod
    def forward(ctx, x):
        Remembering.x = x
        return x * x

    @staticmethod
    def backward(ctx, g):
        return 2 * g * Remembering.x


def test_state_that_a_later_call_overwrites():
    error = failure(lambda x: tc.exp(Remembering.apply(x)), np.array([0.5, 1.0]))
    assert error.cause.startswith("dependence on hidden state: the gradient reads what a later call")
    assert [s.name for s in error.suspects] == ["Remembering"]


def no_grad(x):
    with tc.no_grad():
        factor = tc.cos(x)
    return factor * x


OUTSIDE = {
    "detach": lambda x: tc.sin(x) * x.detach(),
    "numpy": lambda x: tc.sin(x) * tc.tensor(np.cos(x.detach().numpy())),
    "no_grad": no_grad,
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_what_left_the_graph_is_found_by_its_line(name):
    fn = OUTSIDE[name]
    error = failure(fn, LARGE[0])
    assert error.cause.startswith("argument left out of the chain rule: detached from the graph")
    line = fn.__code__.co_firstlineno + (2 if name == "no_grad" else 0)
    assert f"{__file__}:{line}" in error.cause
    assert error.suspects == ()


def test_a_gradient_of_zero_outside_all_rules():
    error = failure(lambda x: tc.tensor(np.sin(x.detach().numpy())), LARGE[0])
    assert error.cause.startswith("zero: detached from the graph ('numpy' at ")


def test_right_functions_that_use_values_out_of_the_graph():
    def scaled(x):
        return x * (2 if float(x.sum()) > 0 else 3) - x.detach() * 0

    assert gradcheck(scaled, np.array([0.5, 1.0]))


def test_an_error_in_backward_that_no_rule_has_is_passed_on():
    def fn(x):
        y = tc.sin(x)
        y.register_hook(lambda g: 1 / 0)
        return y * 2

    with pytest.raises(ZeroDivisionError):
        gradcheck(fn, np.array([0.5]))
