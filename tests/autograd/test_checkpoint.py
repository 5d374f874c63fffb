"""Recomputing instead of storing gives the same bits, with less memory."""

import gc
import tracemalloc
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course.utils.checkpoint import checkpoint, checkpoint_sequential

from .programs import SIDE, fresh_leaves, programs, run


def leaf(*values):
    return tc.tensor(list(values), dtype=tc.float64, requires_grad=True)


def ones(n=1):
    return tc.ones(n, dtype=tc.float64)


@given(programs(max_steps=10), st.integers(0, 99), st.integers(0, 10), st.integers(0, 10))
def test_it_equals_the_plain_run_bitwise(steps, seed, start, stop):
    """A part of a program, all its values returned, is checkpointed: leaves come as arguments and in the closure."""
    start, stop = sorted((min(start, len(steps)), min(stop, len(steps))))
    cotangent = tc.ones(SIDE, SIDE, dtype=tc.float64)

    def middle(values, names):
        for function, places in steps[start:stop]:
            values = [*values, function(*(values[p] for p in places))]
        return values

    grads = []
    for how in (lambda f, *a: f(*a), checkpoint, lambda f, *a: checkpoint(lambda *b: checkpoint(f, *b), *a)):
        leaves = fresh_leaves(seed)
        values = run(steps[:start], leaves)
        values = how(middle, values, {"static": 1})
        for function, places in steps[stop:]:
            values.append(function(*(values[p] for p in places)))
        values[-1].backward(cotangent)
        grads.append([None if x.grad is None else x.grad.array for x in leaves])
    for other in grads[1:]:
        for a, b in zip(grads[0], other):
            assert (a is None) == (b is None)
            if a is not None:
                np.testing.assert_array_equal(a, b)


@given(programs(max_steps=4), st.integers(0, 99))
def test_second_order_equals_the_plain_run_bitwise(steps, seed):
    cotangent = tc.ones(SIDE, SIDE, dtype=tc.float64)

    def f(*leaves):
        return np.tanh(run(steps, leaves)[-1])

    found = []
    for how in (lambda f, *a: f(*a), checkpoint, lambda f, *a: checkpoint(lambda *b: checkpoint(f, *b) * 1.0, *a)):
        leaves = fresh_leaves(seed)
        out = how(f, *leaves)
        first = tc.autograd.grad(out, leaves, cotangent, create_graph=True, materialize_grads=True)
        total = first[0] * first[0] + first[1] * first[1] + first[2] * first[2]
        if not total.requires_grad:
            return
        second = tc.autograd.grad(total, leaves, cotangent, materialize_grads=True)
        found.append([g.array for g in (*first, *second)])
    for other in found[1:]:
        for a, b in zip(found[0], other):
            np.testing.assert_array_equal(a, b)


def block(x, depth=10):
    for _ in range(depth):
        x = np.sin(x)
    return x


def peak_of(function):
    gc.collect()
    tracemalloc.start()
    function()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_is_that_of_the_boundaries_and_one_segment():
    size, blocks, depth = 50_000, 10, 10
    one = size * 8

    def work(apply):
        x = tc.tensor(np.ones(size), requires_grad=True)
        y = x
        for _ in range(blocks):
            y = apply(block, y)
        y.backward(ones(size))
        return x.grad

    plain = peak_of(lambda: work(lambda f, x: f(x)))
    less = peak_of(lambda: work(checkpoint))
    assert plain > blocks * depth * one
    assert less < (blocks + depth + 8) * one


def test_nested_checkpoints_save_more():
    size, depth = 20_000, 8
    one = size * 8

    def inner(x):
        return checkpoint(block, x, depth)

    def outer(x):
        for _ in range(8):
            x = inner(x)
        return x

    def work(apply):
        x = tc.tensor(np.ones(size), requires_grad=True)
        y = x
        for _ in range(8):
            y = apply(outer, y)
        y.backward(ones(size))

    flat = peak_of(lambda: work(lambda f, x: f(x)))
    nested = peak_of(lambda: work(checkpoint))
    assert flat > 64 * one
    assert nested < (8 + 8 + depth + 10) * one


def test_values_are_dropped_after_forward_and_everything_after_backward():
    refs = []

    def f(x):
        h = np.sin(x)
        refs.append(weakref.ref(h.array))
        return h * h

    x = tc.tensor(np.ones(10_000), requires_grad=True)
    y = checkpoint(f, x * 1.0)
    assert refs[0]() is None
    y.backward(ones(10_000))
    assert len(refs) == 2 and refs[1]() is None
    with pytest.raises(RuntimeError, match="freed"):
        y.backward(ones(10_000))


def test_it_leaves_no_reference_cycle():
    x = leaf(1.0, 2.0)
    gc.collect()
    gc.disable()
    try:
        checkpoint(block, x).backward(ones(2))
        checkpoint(block, x)
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_retain_graph():
    x = leaf(1.0, 2.0)
    y = checkpoint(block, x)
    y.backward(ones(2), retain_graph=True)
    once = x.grad.array.copy()
    y.backward(ones(2))
    np.testing.assert_array_equal(x.grad.array, 2 * once)


def test_several_outputs_of_nests_and_keyword_arguments_and_parameters_in_closures():
    w = leaf(3.0)

    def f(x, *, scale):
        h = x * w
        return {"a": h * scale, "b": (np.sin(h), "text")}

    x = leaf(2.0)
    out = checkpoint(f, x, scale=5.0)
    assert out["b"][1] == "text"
    (out["a"] + out["b"][0]).backward()
    np.testing.assert_allclose(w.grad.item(), 10.0 + 2.0 * np.cos(6.0), rtol=1e-14)
    np.testing.assert_allclose(x.grad.item(), 15.0 + 3.0 * np.cos(6.0), rtol=1e-14)


def test_inputs_need_no_gradient_for_parameters_to_have_one():
    w = leaf(3.0)
    checkpoint(lambda x: x * w * w, tc.tensor([2.0])).backward()
    assert w.grad.item() == 12.0


def test_random_numbers_are_drawn_again_and_the_generator_goes_on():
    draws = []

    def f(x):
        noise = tc.random.default_generator().numpy.normal(size=3)
        draws.append(noise)
        return x * noise * x

    tc.manual_seed(3)
    x = leaf(1.0, 2.0, 3.0)
    y = checkpoint(f, x)
    tc.random.default_generator().numpy.normal()
    state = tc.random.default_generator().get_state()
    y.backward(ones(3))
    np.testing.assert_array_equal(draws[0], draws[1])
    np.testing.assert_array_equal(x.grad.array, 2 * draws[0] * [1.0, 2.0, 3.0])
    assert tc.random.default_generator().get_state() == state


def test_modules_with_dropout_and_changes_in_place_inside():
    net = tc.nn.Sequential(tc.nn.Linear(3, 8), tc.nn.Dropout(0.5), tc.nn.Tanh(), tc.nn.Linear(8, 2))

    def f(x):
        y = net(x) * 2.0
        y[0] = y[1] * 3.0
        return y

    x = tc.randn(4, 3)
    grads = []
    for run_it in (f, lambda x: checkpoint(f, x)):
        net.zero_grad()
        tc.manual_seed(1)
        (run_it(x) ** 2).sum().backward()
        grads.append([p.grad.array.copy() for p in net.parameters()])
    assert any(g.any() for g in grads[0])
    for a, b in zip(*grads):
        np.testing.assert_array_equal(a, b)


def test_functions_may_differentiate_inside():
    def f(x):
        return tc.func.grad(lambda z: z * z * z)(x) * x

    x = tc.tensor(2.0, requires_grad=True)
    checkpoint(f, x).backward()  # d/dx 3x³ = 9x²
    assert x.grad.item() == 36.0


def test_functions_of_the_users_own_inside():
    class Square(tc.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x, x * 2.0)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[1]

    x = leaf(3.0)
    checkpoint(lambda x: Square.apply(np.sin(x)), x).backward()
    np.testing.assert_allclose(x.grad.item(), 2 * np.sin(3.0) * np.cos(3.0), rtol=1e-14)


def test_hooks_inside_stay():
    seen = []

    def f(x):
        h = x * 2.0
        if not seen:
            h.register_hook(lambda g: seen.append(g.item()))
        return h * 3.0

    checkpoint(f, leaf(1.0)).backward()
    assert seen == [3.0]


def test_without_gradients_it_is_just_a_call():
    with tc.no_grad():
        assert not checkpoint(block, leaf(1.0)).requires_grad


def test_a_function_that_does_something_else_is_refused():
    calls = []

    def other_operation(x):
        calls.append(1)
        return np.sin(x) * 2.0 if len(calls) == 1 else np.cos(x) * 2.0

    def more_operations(x):
        calls.append(1)
        return np.sin(x) if len(calls) == 1 else np.sin(np.sin(x))

    for f, message in (
        (other_operation, r"other_operation did something else the second time: operation 0 was sin"),
        (more_operations, r"more_operations did something else the second time: it recorded 1 operations, and now 2"),
    ):
        calls.clear()
        x = leaf(1.0)
        y = checkpoint(f, x)
        with pytest.raises(RuntimeError, match=message):
            y.backward()
        assert x.grad is None


@pytest.mark.parametrize("where", ["argument", "closure", "replaced"])
def test_inputs_overwritten_before_backward_are_noticed(where):
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    h = x * 1.0
    y = checkpoint(lambda h: np.sin(h) * np.sin(w), h)
    from tinygrad_course.overwrites import mark_overwritten

    if where == "replaced":
        w.data = np.zeros(2)
    else:
        array = (h if where == "argument" else w).array
        array[0] = 0.0
        mark_overwritten(array)
    with pytest.raises(RuntimeError, match="was overwritten before backward"):
        y.backward(ones(2))


def test_sequential():
    x = leaf(0.3)
    plain = leaf(0.3)
    functions = [np.sin, np.cos, np.tanh, lambda x: x * x, np.exp]
    for segments in (1, 2, 5):
        x.grad = plain.grad = None
        checkpoint_sequential(functions, segments, x, use_reentrant=False).backward()
        np.exp(np.tanh(np.cos(np.sin(plain))) ** 2).backward()
        np.testing.assert_allclose(x.grad.item(), plain.grad.item(), rtol=1e-14)
    for segments in (0, 6):
        with pytest.raises(ValueError, match="expected 1 to 5 segments"):
            checkpoint_sequential(functions, segments, x)
