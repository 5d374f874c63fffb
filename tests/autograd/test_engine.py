"""The backward engine: depth, width, memory, what is computed and what is not, and how it fails."""

import copy
import gc
import sys
import threading
import tracemalloc
import weakref

import numpy as np
import pytest

import tinygrad_course as tc
from tinygrad_course.graph import AccumulateGrad, Node


def leaf(*values, dtype=tc.float64):
    return tc.tensor(list(values), dtype=dtype, requires_grad=True)


def counted(name="counted"):
    """The product of two, with a count of how often each rule ran."""
    calls = [0, 0]

    def left(g, _y, _a, b):
        calls[0] += 1
        return g * b

    def right(g, _y, a, _b):
        calls[1] += 1
        return g * a

    return tc.primitive(lambda a, b: a * b, vjp=(left, right), name=name), calls


# --- depth and width ----------------------------------------------------------------------------------------------


def test_a_chain_of_a_million_operations_is_differentiated_and_freed():
    x = leaf(0.0)
    y = x
    gc.disable()  # it would look through the growing graph again and again
    try:
        for _ in range(1_000_000):
            y = -y
    finally:
        gc.enable()
    assert repr(y.grad_fn).startswith("<negative #")
    y.backward()
    assert x.grad.item() == 1.0
    first = weakref.ref(y.grad_fn)
    del y
    assert first() is None


def test_a_long_chain_is_freed_without_backward_and_is_not_copied_by_recursion():
    x = leaf(0.0)
    y = x
    for _ in range(200_000):
        y = -y
    with pytest.raises(RuntimeError, match="deepcopy"):
        copy.deepcopy(y)
    last = weakref.ref(y.grad_fn)
    del y
    assert last() is None


def test_a_value_used_many_times_gathers_its_gradient_in_one_place():
    n, size = 10_000, 1000
    x = tc.tensor(np.ones(size), requires_grad=True)
    h = x * 1.0
    loss = tc.matmul(h, np.zeros(size))
    parts = [h * float(i) for i in range(n)]
    ones = tc.tensor(np.ones(size))
    tracemalloc.start()
    tc.autograd.backward([*parts, loss], [ones] * n + [tc.tensor(1.0, dtype=tc.float64)])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(x.grad.array, np.full(size, n * (n - 1) / 2))
    assert peak < n * size * 8 / 4  # the cotangents do not wait side by side


# --- memory -------------------------------------------------------------------------------------------------------


def test_values_are_freed_while_backward_still_runs():
    size = 100_000
    alive = []
    held = []

    def rule(g, _y, x):
        alive.append(sum(ref() is not None for ref in held))
        return g * x

    step = tc.primitive(lambda x: x + 1, vjp=rule, name="step")
    x = tc.tensor(np.ones(size), requires_grad=True)
    y = x
    for _ in range(8):
        y = step(y)
        held.append(weakref.ref(y.array))
    out = tc.matmul(y, np.ones(size))
    del y
    out.backward()
    assert alive == [7, 6, 5, 4, 3, 2, 1, 0]


def test_backward_needs_little_memory_beyond_what_forward_saved():
    size, depth = 100_000, 20
    x = tc.tensor(np.ones(size), requires_grad=True)
    tracemalloc.start()
    y = x
    for _ in range(depth):
        y = tc.tanh(y)
    out = tc.matmul(y, np.ones(size))
    del y
    saved = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    out.backward()
    after, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert saved > depth * size * 8
    assert peak - saved < 6 * size * 8
    assert after < 3 * size * 8


def _step(params, x):
    for p in params:
        p.grad = None
    h = tc.tanh(tc.linear(x, params[0], params[1]))
    y = tc.linear(h, params[2], params[3])
    loss = (y * y).sum()
    loss.backward()
    with tc.no_grad():
        for p in params:
            p.array -= 1e-3 * p.grad.array
    return loss


def _parameters():
    shapes = [(3, 1), (3,), (1, 3), (1,)]
    return [tc.tensor(np.full(s, 0.3), requires_grad=True) for s in shapes]


def test_a_training_step_leaves_no_reference_cycle():
    params, x = _parameters(), tc.tensor(np.linspace(-1, 1, 50).reshape(50, 1))
    _step(params, x)
    gc.collect()
    gc.disable()
    try:
        for _ in range(5):
            _step(params, x)
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_ten_thousand_steps_leave_memory_flat():
    params, x = _parameters(), tc.tensor(np.linspace(-1, 1, 50).reshape(50, 1))
    gc.disable()
    try:
        for _ in range(3000):
            _step(params, x)
        blocks, rss = sys.getallocatedblocks(), _peak_rss()
        for _ in range(10_000):
            _step(params, x)
        assert sys.getallocatedblocks() - blocks < 500
        assert _peak_rss() - rss < 2**21
    finally:
        gc.enable()


def _peak_rss():
    resource = pytest.importorskip("resource")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


# --- what is computed ---------------------------------------------------------------------------------------------


def test_no_cotangent_is_computed_for_inputs_that_need_none():
    times, calls = counted()
    a, b = leaf(2.0), tc.tensor([3.0], dtype=tc.float64)
    times(a, b).backward()
    assert calls == [1, 0]
    times(b, a).backward()
    assert calls == [1, 1]


def test_grad_computes_only_on_the_way_to_its_inputs():
    times, calls = counted()
    other, other_calls = counted("other")
    a, b, c = leaf(2.0), leaf(3.0), leaf(5.0)
    y = times(other(a, b), c)
    (dc,) = tc.autograd.grad(y, c, retain_graph=True)
    assert dc.item() == 6.0
    assert (calls, other_calls) == ([0, 1], [0, 0])
    y.backward(inputs=[a])
    assert a.grad.item() == 15.0 and b.grad is None and c.grad is None
    assert (calls, other_calls) == ([1, 1], [1, 0])


def test_a_variadic_operation_is_asked_for_the_wanted_inputs_only():
    asked = []

    def rule(i, g, y, *xs):
        asked.append(i)
        return g * 1.0

    total = tc.primitive(lambda *xs: sum(xs), vjp=rule, variadic=True, name="total")
    a, b, c = leaf(1.0), tc.tensor([1.0], dtype=tc.float64), leaf(1.0)
    total(a, b, c).backward()
    assert asked == [0, 2]


def test_gradients_with_respect_to_intermediate_values_and_to_the_output_itself():
    x = leaf(3.0)
    h = x * x
    y = h * x
    dy, dh, dx = tc.autograd.grad(y, [y, h, x])
    assert (dy.item(), dh.item(), dx.item()) == (1.0, 3.0, 27.0)


def test_an_output_listed_twice_counts_twice_and_an_input_listed_twice_once():
    x = leaf(3.0)
    y = x * x
    tc.autograd.backward([y, y], retain_graph=True)
    assert x.grad.item() == 12.0
    x.grad = None
    y.backward(inputs=[x, x])
    assert x.grad.item() == 6.0


def test_a_leaf_as_output():
    x = leaf(3.0)
    x.backward()
    x.backward()
    assert x.grad.item() == 2.0


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_any_order_by_create_graph(order):
    x = leaf(0.7)
    y = tc.sin(x) * tc.exp(x)
    for _ in range(order):
        (y,) = tc.autograd.grad(y, x, create_graph=True)
    # (e^x sin x)^(n) = 2^(n/2) e^x sin(x + n pi/4)
    expected = 2 ** (order / 2) * np.exp(0.7) * np.sin(0.7 + order * np.pi / 4)
    np.testing.assert_allclose(y.item(), expected, rtol=1e-12)


def test_backward_twice_needs_retain_graph():
    x = leaf(2.0)
    y = tc.exp(x) * x
    y.backward(retain_graph=True)
    first = x.grad.item()
    y.backward()
    assert x.grad.item() == 2 * first
    with pytest.raises(RuntimeError, match=r"freed.*retain_graph=True"):
        y.backward()
    assert x.grad.item() == 2 * first


# --- failures -----------------------------------------------------------------------------------------------------


def test_an_exception_in_a_rule_leaves_every_gradient_alone_and_is_given_the_node():
    def broken(g, _y, _x):
        raise ValueError("no luck")

    bad = tc.primitive(lambda x: x * 1.0, vjp=broken, name="bad")
    a, b = leaf(1.0), leaf(2.0)
    b.grad = tc.tensor([5.0], dtype=tc.float64)
    y = a * b + bad(b) * 2.0
    with pytest.raises(ValueError, match="no luck") as info:
        y.backward()
    assert a.grad is None and b.grad.item() == 5.0
    assert any("<bad #" in note for note in info.value.__notes__)
    assert tc.is_grad_enabled()


def test_an_interrupt_leaves_every_gradient_alone():
    def interrupted(g, _y, _x):
        raise KeyboardInterrupt

    slow = tc.primitive(lambda x: x * 1.0, vjp=interrupted, name="slow")
    a, b = leaf(1.0), leaf(2.0)
    y = slow(a) * b
    with pytest.raises(KeyboardInterrupt):
        y.backward()
    assert a.grad is None and b.grad is None and tc.is_grad_enabled()
    (a * b).backward()
    assert (a.grad.item(), b.grad.item()) == (2.0, 1.0)


def test_a_rule_that_gives_the_wrong_shape_is_named():
    wrong = tc.primitive(lambda x: x * 1.0, vjp=lambda g, _y, _x: np.zeros(7), name="wrong")
    with pytest.raises(RuntimeError, match=r"wrong: its vjp gave a cotangent of shape \(7,\) .* \(2,\)"):
        wrong(leaf(1.0, 2.0)).backward(tc.tensor([1.0, 1.0], dtype=tc.float64))


def test_an_input_without_a_rule_is_named():
    half = tc.primitive(lambda a, b: a * b, vjp=lambda g, _y, _a, b: g * b, name="half_declared")
    a, b = leaf(2.0), leaf(3.0)
    half(a, 3.0).backward()
    assert a.grad.item() == 3.0
    with pytest.raises(RuntimeError, match="half_declared: input 1 wants a gradient, but there are vjp rules for 1"):
        half(a, b).backward()
    stop = tc.primitive(lambda a, b: a * b, vjp=(lambda g, _y, _a, b: g * b, None), name="stops")
    stop(a, b).backward()
    assert b.grad is None and a.grad.item() == 6.0


def test_rules_may_give_numbers_and_arrays_also_when_recorded():
    two = tc.primitive(lambda x: 2.0 * x, vjp=lambda g, _y, _x: 2.0, name="two")
    masked = tc.primitive(lambda x: 3.0 * x, vjp=lambda g, _y, _x: np.full(2, 3.0), name="masked")
    ones = tc.ones(2, dtype=tc.float64)
    for create_graph in (False, True):
        x = leaf(1.0, 2.0)
        (two(x) + masked(x) + masked(x) + x * x).backward(ones, create_graph=create_graph)
        assert x.grad.tolist() == [10.0, 12.0]


def test_cotangents_are_checked():
    x = leaf(1.0, 2.0)
    y = x * x
    with pytest.raises(RuntimeError, match=r"only for one value may the cotangent be left out"):
        y.backward()
    with pytest.raises(RuntimeError, match=r"cotangent has shape \(3,\), the output \(2,\)"):
        y.backward(tc.tensor([1.0, 2.0, 3.0]))
    with pytest.raises(RuntimeError, match="2 cotangents for 1 outputs"):
        tc.autograd.backward([y], [None, None])
    y.backward(tc.tensor([1, 2]))  # integers are converted
    assert x.grad.tolist() == [2.0, 8.0] and x.grad.dtype == tc.float64


def test_outputs_and_inputs_outside_the_graph_are_refused():
    x, constant = leaf(1.0), tc.tensor([1.0])
    with pytest.raises(RuntimeError, match="does not require grad"):
        constant.backward()
    with pytest.raises(RuntimeError, match=r"input 0 of shape \(1,\) does not require grad"):
        tc.autograd.grad(x * 2, constant)
    with pytest.raises(RuntimeError, match="allow_unused=True"):
        tc.autograd.grad(x * 2, leaf(1.0))
    assert tc.autograd.grad(x * 2, leaf(1.0), allow_unused=True) == (None,)
    (zero,) = tc.autograd.grad(x * 2, leaf(1.0, 2.0), materialize_grads=True)
    assert zero.tolist() == [0.0, 0.0]
    with pytest.raises(RuntimeError, match="inputs is empty"):
        (x * 2).backward(inputs=[])
    with pytest.raises(TypeError, match="expected Tensors"):
        tc.autograd.backward(3.0)


# --- threads ------------------------------------------------------------------------------------------------------


def test_threads_add_their_gradients_to_shared_leaves_in_full():
    x = tc.tensor(np.ones(2000), requires_grad=True)
    threads, rounds = 4, 50
    ones = tc.tensor(np.ones(2000))

    def work():
        for _ in range(rounds):
            (x * 2.0).backward(ones)

    started = [threading.Thread(target=work) for _ in range(threads)]
    for t in started:
        t.start()
    for t in started:
        t.join()
    np.testing.assert_array_equal(x.grad.array, np.full(2000, 2.0 * threads * rounds))


def test_grad_mode_belongs_to_the_thread():
    seen = []
    with tc.no_grad():
        t = threading.Thread(target=lambda: seen.append(tc.is_grad_enabled()))
        t.start()
        t.join()
    assert seen == [True]


# --- what a student sees ------------------------------------------------------------------------------------------


def test_the_graph_can_be_walked():
    x, c = leaf(1.0), tc.tensor([2.0], dtype=tc.float64)
    y = tc.tanh(x * c)
    assert x.is_leaf and x.grad_fn is None and not y.is_leaf and c.is_leaf
    node = y.grad_fn
    assert isinstance(node, Node) and node.name == "tanh" and repr(node) == f"<tanh #{node.seq}>"
    ((times, _),) = node.next_functions
    assert times.name == "multiply"
    (to_x, _), (to_c, _) = times.next_functions
    assert isinstance(to_x, AccumulateGrad) and to_x.variable is x and to_c is None
    assert to_x.next_functions == () and to_x.name == "AccumulateGrad"


def test_variable_is_a_tensor():
    x = tc.autograd.Variable(tc.tensor([2.0]), requires_grad=True)
    (x * x).backward()
    assert isinstance(x, tc.Tensor) and x.grad.item() == 4.0
