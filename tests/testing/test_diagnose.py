"""Planted bugs: the failure names the call, its line, and the likely cause."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course.testing import GradientError, gradcheck

seeds = st.integers(0, 2**16)


def failure(fn, *inputs, **options):
    with pytest.raises(GradientError) as caught:
        gradcheck(fn, *inputs, **options)
    return caught.value


def tanh(rule):
    return tc.primitive(np.tanh, vjp=rule, name="planted")


def matmul(first, second):
    return tc.primitive(np.matmul, vjp=(first, second), name="planted")


def both(first, second):
    return tc.primitive(lambda a, b: a * a * b, vjp=(first, second), name="planted")


right = {"a": lambda g, y, a, b: g * 2 * a * b, "b": lambda g, y, a, b: g * a * a}
X, W = np.array([[0.3, -0.8], [1.1, 0.4]]), np.array([[0.5, 1.5], [-0.7, 0.9]])

PLANTED = {
    "sign flipped": (tanh(lambda g, y, x: -g * (1 - y * y)), [X]),
    "constant factor 2": (tanh(lambda g, y, x: 2 * g * (1 - y * y)), [X]),
    "constant factor 1/3": (tanh(lambda g, y, x: g * (1 - y * y) / 3), [X]),
    "constant factor 1.001": (tanh(lambda g, y, x: 1.001 * g * (1 - y * y)), [X]),
    "zero: detached": (tanh(lambda g, y, x: g * 0), [X]),
    "1 + h² instead of 1 - h²": (tanh(lambda g, y, x: g * (1 + y * y)), [X]),
    "1 instead of 1 - h²": (tanh(lambda g, y, x: g), [X]),
    "h (1 - h) instead of 1 - h²": (tanh(lambda g, y, x: g * y * (1 - y)), [X]),
    "1 - x² instead of 1 - h²": (tanh(lambda g, y, x: g * (1 - x * x)), [X]),
    "not linear in the cotangent": (tanh(lambda g, y, x: 1 - y * y), [X]),
    "NaN": (tanh(lambda g, y, x: g * np.nan), [X]),
    "transposed": (matmul(lambda g, y, a, b: (g @ b.T).T, lambda g, y, a, b: a.T @ g), [X, W]),
    "swapped: this is the gradient of input 1": (both(right["b"], right["b"]), [X, W]),
    "missing sum over broadcast axis 0": (
        tc.primitive(lambda x, b: x + b, vjp=(lambda g, y, x, b: g, lambda g, y, x, b: g[0]), name="planted"),
        [X, np.array([0.2, 0.7])],
    ),
}


@pytest.mark.parametrize("cause", PLANTED)
@given(seed=seeds)
def test_the_cause_is_named(cause, seed):
    op, inputs = PLANTED[cause]
    error = failure(op, *inputs, seed=seed)
    assert error.cause is not None and cause in error.cause
    assert [s.name for s in error.suspects] == ["planted"]
    assert cause in str(error).splitlines()[0]


@pytest.mark.parametrize("cause", ["sign flipped", "constant factor 2", "1 + h² instead of 1 - h²"])
@given(depth=st.integers(0, 3), seed=seeds)
def test_the_wrong_call_is_found_within_a_function(cause, depth, seed):
    planted = PLANTED[cause][0]

    def network(x, w):
        for _ in range(depth):
            x = tc.sin(x @ w) + x
        x = tc.relu(planted(x)) @ w
        return tc.exp(x).sum(0)

    error = failure(network, X, W, seed=seed)
    assert [(s.name, s.wrong) for s in error.suspects] == [("planted", (0,))]
    assert cause in error.cause
    line = network.__code__.co_firstlineno + 3
    assert error.suspects[0].where == f"{__file__}:{line}"
    assert f"'planted' in input 0 called at {__file__}:{line}" in str(error).splitlines()[0]


def test_a_function_written_as_a_class_is_located():
    class Planted(tc.autograd.Function):
        @staticmethod
        def forward(ctx, x, factor):
            ctx.save_for_backward(x)
            ctx.factor = factor
            return x * x * factor

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return -2 * g * x * ctx.factor, None

    error = failure(lambda x: tc.exp(Planted.apply(tc.sin(x), 3.0)), X)
    assert [s.name for s in error.suspects] == ["Planted"] and error.cause == "sign flipped"


def test_causes_that_no_rule_has():
    counter = itertools.count()
    assert "hidden state" in failure(lambda x: x * next(counter), X).cause
    assert "non-determinism" in failure(lambda x: x * tc.randn(2, 2), X).cause
    error = failure(lambda x: tc.tensor(np.sin(x.detach().numpy())), X)
    assert error.suspects == () and "detached" in error.cause


def test_what_fits_nothing_is_given_no_name():
    error = failure(tanh(lambda g, y, x: g * (1 - y * y) + 0.01 * g * x), X)
    assert error.cause is None and error.suspects[0].name == "planted"


def test_a_rule_that_is_wrong_at_order_2_only_is_located():
    detached = tanh(lambda g, y, x: g * (1 - np.tanh(getattr(x, "array", x)) ** 2))
    error = failure(lambda x: tc.exp(detached(x) * x), X, order=2)
    assert [(s.name, s.order) for s in error.suspects] == [("planted", 2)]


def test_kinks_that_cancel_are_no_false_alarm():
    assert gradcheck(lambda x: tc.relu(x) - tc.relu(-x), np.array([0.0, 1.0])).inner
    twice = tc.primitive(lambda x: 1.0 * x, vjp=lambda g, y, x: 2 * g, name="planted")
    error = failure(lambda x: twice(tc.relu(x) - tc.relu(-x)), np.array([0.0, 1.0]))
    assert [s.name for s in error.suspects] == ["planted"]
    outside = failure(lambda x: tc.relu(x) - tc.relu(-x) + x.detach() * x, np.array([0.0, 1.0]))
    assert outside.suspects == ()
