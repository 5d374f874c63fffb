"""Gradients own their memory: no two share any, whatever the rules passed on and whoever looked on."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc

from .programs import SIDE, fresh_leaves, programs, run


def assert_apart(arrays):
    for a, b in combinations(arrays, 2):
        assert not np.shares_memory(a, b)
    for a in arrays:
        assert a.flags.writeable


@given(programs(), st.integers(0, 99), st.booleans(), st.booleans(), st.booleans())
def test_gradients_of_random_programs_are_apart_and_writable(steps, seed, create_graph, retain, hook):
    leaves = fresh_leaves(seed)
    values = run(steps, leaves)
    seen = []
    for v in values:
        if retain:
            v.retain_grad()
        if hook:
            v.register_hook(seen.append)
    cotangent = tc.tensor(np.random.default_rng(seed).normal(size=(SIDE, SIDE)))
    values[-1].backward(cotangent, create_graph=create_graph)
    grads = [v.grad.array for v in values if (v.is_leaf or v.retains_grad) and v.grad is not None]
    assert_apart([*grads, cotangent.array, *(x.array for x in leaves)])
    if not create_graph:
        shown = [g.array.copy() for g in seen]
        for g in grads:
            g += 1.0
        for g, before in zip(seen, shown):
            np.testing.assert_array_equal(g.array, before)


@given(programs(), st.integers(0, 99))
def test_results_of_grad_are_apart(steps, seed):
    leaves = fresh_leaves(seed)
    out = run(steps, leaves)[-1]
    cotangent = tc.ones(SIDE, SIDE, dtype=tc.float64)
    found = tc.autograd.grad(out, [*leaves, out], cotangent, allow_unused=True)
    assert_apart([*(g.array for g in found if g is not None), cotangent.array])


@given(programs(), st.integers(0, 99))
def test_two_backward_passes_add_up(steps, seed):
    a, b = fresh_leaves(seed), fresh_leaves(seed)
    cotangent = tc.ones(SIDE, SIDE, dtype=tc.float64)
    for leaves, times in ((a, 1), (b, 2)):
        out = run(steps, leaves)[-1]
        for i in range(times):
            out.backward(cotangent, retain_graph=i + 1 < times)
    for x, y in zip(a, b):
        if x.grad is None:
            assert y.grad is None
        else:
            np.testing.assert_array_equal(2 * x.grad.array, y.grad.array)


@given(programs(), st.integers(0, 99))
def test_raw_and_recorded_backward_agree_bitwise(steps, seed):
    a, b = fresh_leaves(seed), fresh_leaves(seed)
    cotangent = tc.ones(SIDE, SIDE, dtype=tc.float64)
    run(steps, a)[-1].backward(cotangent)
    run(steps, b)[-1].backward(cotangent, create_graph=True)
    for x, y in zip(a, b):
        assert (x.grad is None) == (y.grad is None)
        if x.grad is not None:
            np.testing.assert_array_equal(x.grad.array, y.grad.array)


def test_a_fresh_gradient_is_not_copied():
    made = []

    def rule_fresh(g, _y, x):
        result = g * x
        made.append(result.ctypes.data)
        return result

    op = tc.primitive(lambda x: x * 1.0, vjp=rule_fresh, name="fresh")
    x = tc.tensor(np.ones(1000), requires_grad=True)
    op(x).backward(tc.tensor(np.ones(1000)))
    assert x.grad.array.ctypes.data == made[0]


@pytest.mark.parametrize("kept", ["closure", "input", "cotangent"])
def test_what_a_rule_passes_on_is_copied(kept):
    mask = np.full(5, 2.0)
    rules = {
        "closure": lambda g, y, x: mask,
        "input": lambda g, y, x: x,
        "cotangent": lambda g, y, x: g,
    }
    op = tc.primitive(lambda x: x * 1.0, vjp=rules[kept], name="passing")
    x = tc.tensor(np.ones(5), requires_grad=True)
    g = tc.tensor(np.ones(5))
    op(x).backward(g)
    assert_apart([x.grad.array, mask, x.array, g.array])


def test_the_gradient_array_is_grown_in_place():
    x = tc.tensor([1.0, 2.0], requires_grad=True)
    ones = tc.tensor([1.0, 1.0])
    (x * 3).backward(ones)
    held = x.grad
    (x * 3).backward(ones)
    assert x.grad is held and held.tolist() == [6.0, 6.0]


def test_growing_a_gradient_that_a_graph_needs_is_noticed():
    x = tc.tensor([1.0, 2.0], requires_grad=True)
    w = tc.tensor([1.0, 2.0], requires_grad=True)
    ones = tc.tensor([1.0, 1.0])
    (x * 3).backward(ones)
    y = w * x.grad
    (x * 3).backward(ones)
    with pytest.raises(RuntimeError, match="overwritten in place"):
        y.backward(ones)
