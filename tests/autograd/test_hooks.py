"""Hooks on gradients, retain_grad, and hooks after accumulation."""

import gc
import weakref

import pytest

import tinygrad_course as tc


def leaf(*values):
    return tc.tensor(list(values), dtype=tc.float64, requires_grad=True)


@pytest.mark.parametrize("inner", [False, True])
def test_a_hook_sees_and_changes_the_gradient(inner):
    x = leaf(1.0, 2.0)
    target = x * 3.0 if inner else x
    y = target * target
    seen = []
    target.register_hook(lambda g: seen.append(g.tolist()))
    target.register_hook(lambda g: g * 10.0)
    target.register_hook(lambda g: seen.append(g.tolist()))
    y.backward(tc.tensor([1.0, 1.0]))
    g = [6.0, 12.0] if inner else [2.0, 4.0]
    assert seen == [g, [10 * v for v in g]]
    assert x.grad.tolist() == [10 * v * (3 if inner else 1) for v in g]


def test_a_hook_runs_once_on_the_complete_gradient():
    x = leaf(1.0)
    h = x * 2.0
    seen = []
    h.register_hook(lambda g: seen.append(g.item()))
    (h * 3.0 + h * 4.0).backward()
    assert seen == [7.0]


def test_handles_remove_hooks():
    x = leaf(1.0)
    handle = x.register_hook(lambda g: g * 100.0)
    with x.register_hook(lambda g: g * 10.0):
        (x * 1.0).backward()
    assert x.grad.item() == 1000.0
    handle.remove()
    handle.remove()
    x.grad = None
    (x * 1.0).backward()
    assert x.grad.item() == 1.0


def test_hooks_act_on_what_grad_captures_but_retain_grad_does_not_fill():
    x = leaf(2.0)
    h = x * x
    h.retain_grad()
    h.register_hook(lambda g: g * 5.0)
    x.register_hook(lambda g: g + 1.0)
    dh, dx = tc.autograd.grad(h * 3.0, [h, x])
    assert (dh.item(), dx.item()) == (15.0, 61.0)
    assert h.grad is None and x.grad is None


def test_hooks_are_recorded_under_create_graph():
    x = leaf(2.0)
    h = x * 1.0
    handle = h.register_hook(lambda g: g * g)
    (g,) = tc.autograd.grad(h * h * h, x, create_graph=True)  # (3x²)²
    handle.remove()
    (gg,) = tc.autograd.grad(g, x)  # 36 x³
    assert (g.item(), gg.item()) == (144.0, 288.0)


@pytest.mark.parametrize("bad", [1.0, "shape"])
def test_a_hook_that_returns_something_else_is_refused(bad):
    x = leaf(1.0, 2.0)
    x.register_hook(lambda g: tc.tensor([1.0]) if bad == "shape" else bad)
    with pytest.raises(RuntimeError, match=r"hook: expected None or a Tensor of the gradient's shape \(2,\), got"):
        (x * 1.0).backward(tc.tensor([1.0, 1.0]))
    assert x.grad is None


def test_an_exception_in_a_hook_leaves_every_gradient_alone():
    a, b = leaf(1.0), leaf(2.0)

    def hook(g):
        raise ZeroDivisionError("hook")

    b.register_hook(hook)
    with pytest.raises(ZeroDivisionError) as info:
        (a * b).backward()
    assert a.grad is None and b.grad is None
    assert any("a leaf of shape (1,)" in note for note in info.value.__notes__)


def test_hooks_need_a_gradient_and_a_function():
    with pytest.raises(RuntimeError, match=r"register_hook: .*requires_grad_"):
        tc.tensor([1.0]).register_hook(print)
    with pytest.raises(TypeError, match="expected a function, got int"):
        leaf(1.0).register_hook(3)
    with pytest.raises(RuntimeError, match="retain_grad"):
        tc.tensor([1.0]).retain_grad()


def test_retain_grad():
    x = leaf(2.0)
    h = x * x
    assert not h.retains_grad
    h.retain_grad()
    h.retain_grad()
    x.retain_grad()
    assert h.retains_grad and not x.retains_grad
    (h * 3.0).backward(retain_graph=True)
    assert (h.grad.item(), x.grad.item()) == (3.0, 12.0)
    (h * 3.0).backward()
    assert h.grad.item() == 6.0


def test_a_retained_gradient_is_what_hooks_made_of_it_whatever_the_order():
    x = leaf(2.0)
    h = x * x
    h.retain_grad()
    h.register_hook(lambda g: g * 2.0)
    h.backward()
    assert h.grad.item() == 2.0


def test_after_a_change_in_place_the_gradient_of_the_new_value_is_retained():
    x = leaf(2.0)
    h = x * x
    h.retain_grad()
    h *= 3.0
    assert h.retains_grad
    (h * 5.0).backward()
    assert (h.grad.item(), x.grad.item()) == (5.0, 60.0)


def test_retain_grad_with_inputs_fills_each_once():
    x = leaf(2.0)
    h = x * x
    h.retain_grad()
    (h * 3.0).backward(inputs=[h])
    assert h.grad.item() == 3.0 and x.grad is None


def test_retain_grad_does_not_keep_the_tensor():
    x = leaf(2.0)
    h = x * x
    h.retain_grad()
    y = h * 3.0
    ref = weakref.ref(h)
    del h
    assert ref() is None
    y.backward()
    assert x.grad.item() == 12.0


def test_hooks_after_accumulation():
    a, b = leaf(1.0), leaf(2.0)
    seen = []

    def step(p):
        seen.append((p is a, p.grad.item()))
        p.grad = None

    handle = a.register_post_accumulate_grad_hook(step)
    (a * b).backward()
    assert seen == [(True, 2.0)] and a.grad is None and b.grad.item() == 1.0
    handle.remove()
    (a * b).backward()
    assert len(seen) == 1
    tc.autograd.grad(a * b, a)
    assert len(seen) == 1
    with pytest.raises(RuntimeError, match="only leaf tensors"):
        (a * b).register_post_accumulate_grad_hook(step)


def test_hooks_make_no_cycle_with_the_graph():
    gc.collect()
    gc.disable()
    try:
        x = leaf(2.0)
        h = x * x
        handle = h.register_hook(lambda g: None)
        h.retain_grad()
        (h * 2.0).backward()
        del x, h, handle
        assert gc.collect() == 0
    finally:
        gc.enable()
