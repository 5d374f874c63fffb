"""`check_gradients`: right functions pass, and a wrong one fails at the smallest inputs that show it."""

from __future__ import annotations

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course.testing import GradientError, admits, check_gradients
from tinygrad_course.testing import strategies as some
from tinygrad_course.testing.defaults import chosen


def planted(rule):
    return tc.primitive(lambda x: x**3, vjp=rule, name="planted")


def failure(test):
    with pytest.raises(GradientError) as caught:
        test()
    return caught.value


@check_gradients(some.together(2, low=0.5), order=2)
def test_a_test_made_by_the_decorator(a, b):
    """Collected by pytest as it is."""
    return a**b


@check_gradients(some.tensors((2, 3), on=(0.0,)), kwargs={"dim": st.integers(0, 1)})
def test_keywords_and_kinks(x, dim):
    return tc.relu(x).amax(dim)


def test_the_counterexample_is_the_smallest():
    wrong = planted(lambda g, y, x: g * np.where(x > 1, 2 * x * x, 3 * x * x))
    error = failure(check_gradients(some.tensors())(wrong))
    assert "constant factor" in str(error) or error.cause is None
    notes = "\n".join(error.__notes__)
    assert "tensor(1.0625, dtype=float64)" in notes and "Explanation" not in notes
    assert error.rows[0].element == () and "hypothesis" not in str(error)


def test_a_bug_in_the_last_element_shrinks_to_two():
    def rule(g, y, x):
        right = g * 3 * x**2
        return right * np.where(np.arange(x.shape[0]) == 1, -1, 1) if len(x.shape) == 1 and x.shape[0] > 1 else right

    error = failure(check_gradients(some.tensors())(planted(rule)))
    assert "tensor([0." in error.__notes__[0] or "[0.0000, " in "".join(error.__notes__)


def test_places_without_a_derivative_are_left_out():
    few = hypothesis.settings(max_examples=15, deadline=None, suppress_health_check=list(hypothesis.HealthCheck))
    check_gradients(some.tensors((2,), on=(0.0,)), settings=few)(tc.sign)()
    check_gradients(some.tensors((2,), low=0, on=(0.0,)), settings=few)(tc.sqrt)()


def test_what_was_admitted_is_drawn():
    seen = []

    @admits(some.tensors((2,), low=1, high=3), 2.0)
    def scaled(x, factor):
        seen.append(x.detach().numpy())
        return x * factor

    check_gradients()(scaled)()
    assert all(x.shape == (2,) for x in seen) and np.min(seen) > 0.8
    with pytest.raises(TypeError, match="got none for <lambda>"):
        check_gradients()(lambda x: x)
    with pytest.raises(TypeError, match="cannot mark a int"):
        admits(1.0)(3)


def test_modules_and_options(monkeypatch):
    wrong = planted(lambda g, y, x: g * 3 * np.square(getattr(x, "array", x)))
    check_gradients(some.tensors((2,), low=1))(wrong)()
    failure(check_gradients(some.tensors((2,), low=1), order=2)(wrong))
    monkeypatch.setitem(chosen, "order", 2)
    failure(check_gradients(some.tensors((2,), low=1))(wrong))
    check_gradients(some.tensors((2, 3), dtype=np.float32))(tc.nn.Linear(3, 2))()


def test_the_number_of_examples_and_the_seed_can_be_chosen(monkeypatch):
    monkeypatch.setitem(chosen, "examples", 3)
    monkeypatch.setitem(chosen, "seed", 7)
    runs = []
    for _ in range(2):
        drawn = []
        check_gradients(some.tensors().map(lambda x, drawn=drawn: drawn.append(str(x)) or x))(tc.sin)()
        runs.append(drawn)
    assert runs[0] == runs[1] and len(runs[0]) == 3
