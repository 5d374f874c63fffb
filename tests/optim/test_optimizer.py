"""What users do to parameters, groups and state between steps, done to PyTorch's as well."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course.optim.storage import SMALL, Alone

from .common import SHAPES, Pair, give, quadratic_grads, some_leaves

RULES = [
    ("SGD", {"lr": 0.1, "momentum": 0.8, "weight_decay": 0.01}),
    ("Adam", {"lr": 0.05}),
    ("RMSprop", {"lr": 0.02, "momentum": 0.5, "eps": 1e-3}),
    ("NAdam", {"lr": 0.05}),
]
rules = pytest.mark.parametrize(("name", "options"), RULES, ids=[r[0] for r in RULES])


def pair(name: str, options: dict[str, Any], **more: Any) -> tuple[Pair, np.random.Generator]:
    pytest.importorskip("torch").set_default_dtype(pytest.importorskip("torch").float64)
    rng = np.random.default_rng(0)
    return Pair(name, [rng.normal(size=s) for s in SHAPES], **options, **more), rng


# --- what happens between steps -----------------------------------------------------------------------------------

ACTIONS = [
    "plain", "missing", "stale", "replace", "replace_shared", "view", "transpose", "write", "tie", "add", "lr",
    "drop_state", "load", "new_grad", "none_left",
]  # fmt: skip


@rules
@given(data=st.data())
def test_anything_between_steps(name: str, options: dict[str, Any], data: st.DataObject) -> None:
    """Any sequence of such actions leaves us with PyTorch's values."""
    both, rng = pair(name, options)
    torch = both.torch
    held: list[Any] = []  # arrays that the user keeps, with PyTorch's: they must follow the parameter or not alike
    for _ in range(data.draw(st.integers(2, 12))):
        action = data.draw(st.sampled_from(ACTIONS))
        i = data.draw(st.integers(0, len(both.ours) - 1))
        p, q = both.ours[i], both.theirs[i]
        grads: list[Any] = [rng.normal(size=x.array.shape) for x in both.ours]
        if action == "missing":
            grads[i] = None
        elif action == "none_left":
            grads = [None] * len(grads)
        elif action == "replace":
            new = rng.normal(size=p.array.shape)
            p.data, q.data = tc.tensor(new), torch.tensor(new)
        elif action == "replace_shared":
            new = rng.normal(size=p.array.shape)
            mine, other = tc.tensor(new), torch.tensor(new)
            p.data, q.data = mine, other
            held.append((mine, other))
        elif action == "view":
            held.append((p.data, q.data))
        elif action == "transpose" and p.array.ndim > 1:
            new = rng.normal(size=p.array.shape[::-1])
            p.data = tc.tensor(new).array.T
            q.data = torch.tensor(new).permute(*range(new.ndim)[::-1])
        elif action == "write":
            p.array[...] = p.array * 0.5
            q.data.mul_(0.5)
        elif action == "tie" and p.array.shape == (5,):
            same = [k for k, x in enumerate(both.ours) if x.array.shape == p.array.shape and k != i]
            for k in same[:1]:
                p.data, q.data = both.ours[k].data, both.theirs[k].data
        elif action == "add":
            new = rng.normal(size=5)
            both.ours.append(tc.tensor(new, requires_grad=True))
            both.theirs.append(torch.tensor(new, requires_grad=True))
            grads.append(rng.normal(size=5))
            both.opt.add_param_group({"params": [both.ours[-1]], "lr": 0.03})
            both.ref.add_param_group({"params": [both.theirs[-1]], "lr": 0.03})
        elif action == "lr":
            both.opt.param_groups[0]["lr"] = both.ref.param_groups[0]["lr"] = 0.01
        elif action == "drop_state":
            both.opt.state.pop(p, None)
            both.ref.state.pop(q, None)
        elif action == "load":
            both.opt.load_state_dict(copy.deepcopy(both.opt.state_dict()))
            both.ref.load_state_dict(copy.deepcopy(both.ref.state_dict()))
        both.give(grads)
        if action == "new_grad":  # somebody scales, or replaces, a gradient
            p.grad, q.grad = tc.tensor(p.grad.array * 3), q.grad * 3
        elif action == "stale":  # PyTorch looks at the gradient only, not at requires_grad
            p.requires_grad_(False)
            q.requires_grad_(False)
        both.opt.step()
        both.ref.step()
        p.requires_grad_(True)
        q.requires_grad_(True)
        both.check()
        for mine, other in held:
            np.testing.assert_allclose(mine.array, other.numpy(), rtol=1e-10, atol=1e-10)


@rules
def test_packed_and_alone_agree_bitwise(name: str, options: dict[str, Any]) -> None:
    """The same parameters, once in one buffer, once each in its own memory (somebody else holds it)."""
    for dtype in (np.float32, np.float64):
        first, second = some_leaves(dtype=dtype), some_leaves(dtype=dtype)
        keep = [p.array for p in second]
        a, b = (getattr(tc.optim, name)(ps, **options) for ps in (first, second))
        for seed in range(20):
            give(first, seed)
            give(second, seed)
            a.step()
            b.step()
        assert len(a._stores[0].packs) == 1 and len(b._stores[0].packs) == len(SHAPES)
        assert all(p.array is k for p, k in zip(second, keep))
        for p, q in zip(first, second):
            assert p.array.dtype == dtype
            np.testing.assert_array_equal(p.array, q.array)


def test_one_buffer_holds_the_small_ones() -> None:
    params = some_leaves(shapes=[(4,), (3, 3), (SMALL + 1,), (2,)])
    optimizer = tc.optim.SGD(params, lr=0.1, momentum=0.8)
    give(params)
    optimizer.step()
    (packed, alone) = optimizer._stores[0].packs
    assert isinstance(alone, Alone) and not isinstance(packed, Alone)
    assert all(np.shares_memory(params[i].array, packed.values) for i in (0, 1, 3))
    buffers = [optimizer.state[p]["momentum_buffer"] for p in params]
    flat = packed.values
    for seed in range(3):
        give(params, seed)
        optimizer.step()
    assert optimizer._stores[0].packs == [packed, alone] and packed.values is flat
    assert all(optimizer.state[p]["momentum_buffer"] is b for p, b in zip(params, buffers))


def test_replaced_values_are_packed_again() -> None:
    params = some_leaves()
    optimizer = tc.optim.Adam(params)
    give(params)
    optimizer.step()
    for _ in range(3):
        old = [p.array for p in params]
        values = [a.copy() for a in old]
        for p in params:
            p.data = tc.tensor(p.array * 0.5)  # weight clipping and the like
        give(params)
        optimizer.step()
        (pack,) = optimizer._stores[0].packs
        assert all(np.shares_memory(p.array, pack.values) for p in params)
        assert all(np.array_equal(a, v) for a, v in zip(old, values))  # who held the old values still has them


def test_cast_between_steps() -> None:
    params = some_leaves(dtype=np.float32)
    optimizer = tc.optim.SGD(params, lr=0.1, momentum=0.8)
    give(params)
    optimizer.step()
    moments = [optimizer.state[p]["momentum_buffer"].array.copy() for p in params]
    for p in params:
        p.data = p.array.astype(np.float64)
    give(params)
    before = [p.array.copy() for p in params]
    optimizer.step()
    for p, start, v in zip(params, before, moments):
        assert p.array.dtype == np.float64
        np.testing.assert_allclose(p.array, start - 0.1 * (0.8 * v.astype(float) + p.grad.array), rtol=1e-12)


def test_reshaped_parameter_raises() -> None:
    (p,) = some_leaves(shapes=[(4,)])
    optimizer = tc.optim.SGD([p], momentum=0.8)
    give([p])
    optimizer.step()
    p.data = np.zeros(6)
    give([p])
    with pytest.raises(RuntimeError, match=r"momentum_buffer.*\(4,\).*\(6,\)"):
        optimizer.step()


def test_mixed_dtypes_in_a_group() -> None:
    params = some_leaves(dtype=np.float32)[:2] + some_leaves(dtype=np.float64)[:2]
    optimizer = tc.optim.Adam(params, lr=0.1)
    give(params)
    optimizer.step()
    assert [p.array.dtype for p in params] == [np.float32] * 2 + [np.float64] * 2
    assert [optimizer.state[p]["exp_avg"].dtype for p in params] == [np.float32] * 2 + [np.float64] * 2


def test_two_optimizers_of_the_same_parameters() -> None:
    torch = pytest.importorskip("torch")
    params = some_leaves()
    others = [torch.tensor(p.array.copy(), requires_grad=True) for p in params]
    ours = tc.optim.SGD(params, lr=0.1, momentum=0.5), tc.optim.Adam(params, lr=0.01)
    theirs = torch.optim.SGD(others, lr=0.1, momentum=0.5), torch.optim.Adam(others, lr=0.01)
    for seed in range(6):
        give(params, seed)
        for p, q in zip(params, others):
            q.grad = torch.tensor(p.grad.array)
        ours[seed % 2].step()
        theirs[seed % 2].step()
    for p, q in zip(params, others):
        np.testing.assert_allclose(p.array, q.detach().numpy(), rtol=1e-10, atol=1e-12)


def test_backward_through_overwritten_values_raises() -> None:
    w = tc.tensor([1.0, 2.0], requires_grad=True)
    v = tc.tensor([1.0, 3.0], requires_grad=True)
    optimizer = tc.optim.SGD([w, v], lr=0.1)
    for _ in range(2):  # in the second round the values are in the optimizer's buffer
        y = w * v
        ones = tc.tensor([1.0, 1.0])
        y.backward(ones, retain_graph=True)
        optimizer.step()
    with pytest.raises(RuntimeError, match="overwritten"):
        y.backward(ones)


def test_no_memory_is_kept_or_made_anew() -> None:
    params = some_leaves()
    optimizer = tc.optim.Adam(params)
    give(params)
    optimizer.step()
    flat = weakref.ref(optimizer._stores[0].packs[0].flat[0])
    del optimizer
    gc.collect()
    assert flat() is None


# --- state ---------------------------------------------------------------------------------------------------------


@rules
def test_saved_state_continues_bit_for_bit(name: str, options: dict[str, Any]) -> None:
    params = some_leaves()
    optimizer = getattr(tc.optim, name)(params, **options)
    for seed in range(5):
        give(params, seed)
        optimizer.step()
    saved = copy.deepcopy(optimizer.state_dict())
    again = [tc.tensor(p.array, requires_grad=True) for p in params]
    other = getattr(tc.optim, name)(again, lr=9.0)
    other.load_state_dict(saved)
    pickled_params, pickled = pickle.loads(pickle.dumps((params, optimizer)))
    copied_params, copied = copy.deepcopy((params, optimizer))
    for seed in range(5, 10):
        for ps, o in ((params, optimizer), (again, other), (pickled_params, pickled), (copied_params, copied)):
            give(ps, seed)
            o.step()
    for p, q, r, s in zip(params, again, pickled_params, copied_params):
        for x in (q, r, s):
            np.testing.assert_array_equal(p.array, x.array)
    # What was saved is not changed by going on, and groups and names are PyTorch's.
    assert list(saved["state"]) == [0, 1, 2, 3, 4] and saved["param_groups"][0]["params"] == [0, 1, 2, 3, 4]
    assert other.param_groups[0]["lr"] == options["lr"]


@rules
def test_pytorch_state_can_be_loaded(name: str, options: dict[str, Any]) -> None:
    both, rng = pair(name, options)
    for _ in range(3):
        both.step(quadratic_grads(both.ours, rng))
    fresh = [tc.tensor(p.array, requires_grad=True) for p in both.ours]
    optimizer = getattr(tc.optim, name)(fresh, **options)
    optimizer.load_state_dict(both.ref.state_dict())
    both.ours, both.opt = fresh, optimizer
    for _ in range(3):
        both.step(quadratic_grads(both.ours, rng))
    both.check()


def test_dampened_momentum_goes_on() -> None:
    options = {"lr": 0.1, "momentum": 0.8, "dampening": 0.3}
    both, rng = pair("SGD", options)
    both.step(quadratic_grads(both.ours, rng))
    fresh = [tc.tensor(p.array, requires_grad=True) for p in both.ours]
    optimizer = tc.optim.SGD(fresh, **options)
    optimizer.load_state_dict(both.ref.state_dict())
    both.ours, both.opt = fresh, optimizer
    both.step(quadratic_grads(both.ours, rng))
    both.check()


def test_groups_as_pytorch() -> None:
    options = {"lr": 0.1, "momentum": 0.5}
    groups = [([0, 2], {"lr": 0.01}), ([1], {"weight_decay": 0.3}), ([3, 4], {"momentum": 0.0})]
    both, rng = pair("SGD", {}, groups=groups, **options)
    for _ in range(10):
        both.step(quadratic_grads(both.ours, rng))
    both.check()
    mine, theirs = both.opt.state_dict()["param_groups"], both.ref.state_dict()["param_groups"]
    for a, b in zip(mine, theirs):
        assert a.items() <= b.items()


def test_load_messages() -> None:
    optimizer = tc.optim.SGD(some_leaves())
    saved = optimizer.state_dict()
    with pytest.raises(ValueError, match="has 1 parameter groups, this optimizer 2"):
        a, b, *_ = some_leaves()
        tc.optim.SGD([{"params": [a]}, {"params": [b]}]).load_state_dict(saved)
    with pytest.raises(ValueError, match="has 5 parameters, in this optimizer 2"):
        tc.optim.SGD(some_leaves()[:2]).load_state_dict(saved)
