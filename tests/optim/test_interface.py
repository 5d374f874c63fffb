"""What an optimizer refuses, its hooks, and subclasses in PyTorch's style."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_course as tc

from .common import give, some_leaves


def test_refusals() -> None:
    a, b = some_leaves()[:2]
    with pytest.raises(TypeError, match=r"single Tensor; put it in a list"):
        tc.optim.SGD(a)
    used = iter([a])
    next(used)
    with pytest.raises(ValueError, match=r"empty parameter list.*generator"):
        tc.optim.SGD(used)
    with pytest.raises(TypeError, match="no fixed order"):
        tc.optim.SGD({a, b})
    with pytest.raises(TypeError, match="iterable of Tensors or dicts, got int"):
        tc.optim.SGD(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="parameter 1 must be a Tensor, got ndarray"):
        tc.optim.SGD([a, a.array])
    with pytest.raises(ValueError, match="given twice"):
        tc.optim.SGD([a, b, a])
    with pytest.raises(ValueError, match="given twice"):
        tc.optim.SGD([{"params": [a]}, {"params": [b, a]}])
    with pytest.raises(ValueError, match=r"not a leaf.*multiply"):
        tc.optim.SGD([a * 2])
    with pytest.raises(ValueError, match="lr >= 0, got -1"):
        tc.optim.SGD([a], lr=-1)
    with pytest.raises(ValueError, match=r"betas\[1\] < 1, got 1.0"):
        tc.optim.Adam([a], betas=(0.9, 1.0))
    with pytest.raises(ValueError, match="momentum >= 0"):
        tc.optim.SGD([{"params": [a], "momentum": -0.5}])
    with pytest.raises(ValueError, match="Nesterov"):
        tc.optim.SGD([a], nesterov=True)
    with pytest.raises(NotImplementedError, match="must define step"):
        tc.optim.Optimizer([a], {}).step()
    with pytest.raises(ValueError, match="no 'lr', which has no default"):
        tc.optim.Optimizer([a], {"lr": tc.optim.optimizer.required})


def test_names_and_generators() -> None:
    a, b = some_leaves()[:2]
    optimizer = tc.optim.SGD((pair for pair in [("first", a), ("second", b)]), lr=0.1)
    assert optimizer.param_groups[0]["param_names"] == ["first", "second"]
    assert optimizer.param_groups[0]["params"] == [a, b] or [
        x is y for x, y in zip(optimizer.param_groups[0]["params"], [a, b])
    ] == [True, True]
    assert "Parameter Group 0" in repr(optimizer) and "lr: 0.1" in repr(optimizer)


def test_zero_grad() -> None:
    params = some_leaves()
    optimizer = tc.optim.SGD(params)
    give(params)
    held = params[0].grad
    optimizer.zero_grad(set_to_none=False)
    assert held is not None and not held.array.any() and all(not p.grad.array.any() for p in params)
    optimizer.zero_grad()
    assert all(p.grad is None for p in params)
    before = [p.array.copy() for p in params]
    optimizer.step()
    assert all(np.array_equal(p.array, k) for p, k in zip(params, before)) and not optimizer.state


def test_closure_and_hooks() -> None:
    (w,) = some_leaves(shapes=[(3,)])
    optimizer = tc.optim.SGD([w], lr=0.1)
    seen: list[Any] = []

    def closure() -> float:
        assert tc.is_grad_enabled()
        give([w])
        return 7.0

    first = optimizer.register_step_pre_hook(
        lambda o, args, kwargs: seen.append(("pre", o is optimizer, w.array.copy()))
    )
    last = optimizer.register_step_post_hook(
        lambda o, args, kwargs: seen.append(("post", o is optimizer, w.array.copy()))
    )
    with tc.no_grad():
        assert optimizer.step(closure) == 7.0
    assert [s[:2] for s in seen] == [("pre", True), ("post", True)] and not np.array_equal(seen[0][2], seen[1][2])
    first.remove(), first.remove(), last.remove()
    optimizer.step()
    assert len(seen) == 2
    optimizer.register_step_pre_hook(lambda o, args, kwargs: 3)
    with pytest.raises(RuntimeError, match="step_pre_hook"):
        optimizer.step()


def test_written_in_pytorchs_style() -> None:
    class Momentum(tc.optim.Optimizer):
        def __init__(self, params: Any, lr: float, mu: float) -> None:
            super().__init__(params, {"lr": lr, "mu": mu})

        @tc.no_grad()
        def step(self, closure: Any = None) -> Any:
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is None:
                        continue
                    g = p.grad.data
                    state = self.state[p]
                    if not state:
                        state["step"] = 0
                        state["v"] = g * 0
                    state["step"] += 1
                    state["v"] = group["mu"] * state["v"] + g
                    p.data = p.data - group["lr"] * state["v"]

    ours, reference = some_leaves(), some_leaves()
    mine, sgd = Momentum(ours, 0.1, 0.8), tc.optim.SGD(reference, lr=0.1, momentum=0.8)
    hooked = []
    mine.register_step_post_hook(lambda *_: hooked.append(1))
    scheduler = tc.optim.lr_scheduler.ExponentialLR(mine, 0.5)
    for seed in range(4):
        give(ours, seed)
        give(reference, seed)
        mine.step()
        sgd.step()
        if seed == 1:  # saving and loading are the base's
            again = [tc.tensor(p.array, requires_grad=True) for p in ours]
            other = Momentum(again, 0.1, 0.8)
            other.load_state_dict(mine.state_dict())
            ours, mine = again, other
    for p, q in zip(ours, reference):
        np.testing.assert_allclose(p.array, q.array, rtol=1e-12)
    assert mine.state[ours[0]]["step"] == 4 and hooked == [1, 1]
    scheduler.step()
