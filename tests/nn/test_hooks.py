"""Forward and backward hooks of modules, against PyTorch's where it is there."""

import copy
import gc

import numpy as np
import pytest

import tinygrad_course as tc
from tinygrad_course import nn


def test_forward_hooks_in_order_and_removable():
    layer = nn.Identity()
    seen = []
    first = layer.register_forward_hook(lambda m, args, y: seen.append("first"))
    layer.register_forward_hook(lambda m, args, y: seen.append("second"))
    layer.register_forward_hook(lambda m, args, y: seen.append("zeroth"), prepend=True)
    layer.register_forward_pre_hook(lambda m, args: seen.append("pre"))
    layer(1)
    assert seen == ["pre", "zeroth", "first", "second"]
    first.remove()
    first.remove()
    seen.clear()
    layer(1)
    assert seen == ["pre", "zeroth", "second"]


def test_last_removal_makes_calls_direct_again():
    layer = nn.Identity()
    with layer.register_forward_hook(lambda *a: None):
        assert "_hooks" in layer.__dict__
    assert "_hooks" not in layer.__dict__


def test_hooks_replace_arguments_and_output():
    layer = nn.Identity()
    layer.register_forward_pre_hook(lambda m, args: args[0] + 1)
    layer.register_forward_hook(lambda m, args, y: (args, y * 10))
    args, y = layer(tc.tensor(2.0))
    assert args[0].item() == 3.0
    assert y.item() == 30.0


def test_hooks_with_kwargs():
    class Add(nn.Module):
        def forward(self, x, *, other):
            return x + other

    layer = Add()
    layer.register_forward_pre_hook(lambda m, a, k: (a, {"other": k["other"] * 2}), with_kwargs=True)
    layer.register_forward_hook(lambda m, a, k, y: y + k["other"], with_kwargs=True)
    assert layer(1, other=10) == 41


def test_handle_does_not_keep_the_module_alive():
    import weakref

    layer = nn.Linear(1, 1)
    handle = layer.register_forward_hook(lambda *a: None)
    ref = weakref.ref(layer)
    del layer
    gc.collect()
    assert ref() is None
    handle.remove()


def test_copied_hooks_belong_to_the_copy():
    layer = nn.Identity()
    seen = []
    layer.register_forward_hook(_note)
    layer.seen = seen
    twin = copy.deepcopy(layer)
    twin(1)
    assert (len(layer.seen), len(twin.seen)) == (0, 1)


def _note(module, args, y):
    module.seen.append(1)


def test_full_backward_hook_sees_what_pytorch_shows():
    torch = pytest.importorskip("torch")
    w = np.arange(6.0).reshape(3, 2)
    x0 = np.array([[1.0, 2.0]])
    shown = {}
    for name, lib, make in (("tc", tc, tc.tensor), ("torch", torch, torch.tensor)):
        layer = lib.nn.Linear(2, 3, bias=False).double()
        layer.load_state_dict({"weight": make(w)})
        seen = shown[name] = []
        layer.register_full_backward_pre_hook(lambda m, go, seen=seen: seen.append(go[0].tolist()))
        layer.register_full_backward_hook(lambda m, gi, go, seen=seen: seen.extend([gi[0].tolist(), go[0].tolist()]))
        x = make(x0, requires_grad=True)
        (layer(x * 1) ** 2).sum().backward()
        seen.append(x.grad.tolist())
    assert len(shown["tc"]) == 4
    for a, b in zip(shown["tc"], shown["torch"]):
        np.testing.assert_allclose(a, b)


def test_full_backward_hook_replaces_gradients():
    layer = nn.Linear(2, 2)
    layer.register_full_backward_hook(lambda m, gi, go: (gi[0] * 0 + 7,))
    layer.register_full_backward_pre_hook(lambda m, go: (go[0] * 3,))
    x = tc.ones(1, 2, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad.tolist() == [[7.0, 7.0]]
    assert layer.bias.grad.tolist() == [3.0, 3.0]


def test_full_backward_hook_without_input_gradients():
    layer = nn.Linear(2, 2)
    seen = []
    layer.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go[0].tolist())))
    layer(tc.ones(1, 2)).sum().backward()
    assert seen == [((None,), [[1.0, 1.0]])]


def test_full_backward_hook_refuses_other_shapes():
    layer = nn.Linear(2, 2)
    layer.register_full_backward_hook(lambda m, gi, go: (tc.zeros(5),))
    x = tc.ones(1, 2, requires_grad=True)
    with pytest.raises(RuntimeError, match="expected a Tensor of shape"):
        layer(x).sum().backward()


def test_backward_hook_of_several_inputs_and_outputs():
    class Two(nn.Module):
        def forward(self, a, b):
            return a * b, a + b

    layer = Two()
    seen = []
    layer.register_full_backward_hook(lambda m, gi, go: seen.append(([g.item() for g in gi], [g.item() for g in go])))
    a, b = tc.tensor(2.0, requires_grad=True), tc.tensor(3.0, requires_grad=True)
    p, s = layer(a, b)
    (5 * p + s).backward()
    assert seen == [([16.0, 11.0], [5.0, 1.0])]
    assert (a.grad.item(), b.grad.item()) == (16.0, 11.0)


def test_double_backward_through_hooks():
    layer = nn.Identity()
    layer.register_full_backward_hook(lambda m, gi, go: None)
    x = tc.tensor(2.0, requires_grad=True)
    (g,) = tc.autograd.grad(layer(x) ** 3, x, create_graph=True)
    (h,) = tc.autograd.grad(g, x)
    assert h.item() == 12.0


def test_not_a_function():
    with pytest.raises(TypeError, match="expected a function"):
        nn.Identity().register_forward_hook(3)
