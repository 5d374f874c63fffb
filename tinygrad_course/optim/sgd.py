"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

from typing import Any

from .optimizer import ParamsT
from .rule import RuleOptimizer

__all__ = ["SGD", "sgd"]


def sgd(
    p: Any, g: Any, state: dict[str, Any], *, lr: float, momentum: float | None = None, gain: float | None = None,
    weight_decay: float | None = None, nesterov: bool = False, maximize: bool = False,
) -> tuple[Any, dict[str, Any]]:  # fmt: skip
    """One step: w ← w − η (∂E/∂w + λw), where momentum replaces the gradient by v ← μv + (1 − dampening) gradient."""
    if maximize:
        g = -g
    if weight_decay is not None:
        g = g + weight_decay * p
    if momentum is not None:
        v = momentum * state["momentum_buffer"] + (g if gain is None else gain * g)
        state = {"momentum_buffer": v}
        g = g + momentum * v if nesterov else v
    return p - lr * g, state


class SGD(RuleOptimizer):
    """Gradient descent, w ← w − η ∂E/∂w, with momentum and L2 regularization.

    With momentum μ the steps go along v ← μv + (1 − dampening) ∂E/∂w (v ← ∂E/∂w in the first step). The lecture
    (ch. 8) uses μ = 0.8. `weight_decay` is the lecture's L2 (ch. 9): w ← w − η (∂E/∂w + λw).

    Args:
        params: parameters, or groups of them.
        lr: the learning rate η.
        momentum: μ; 0 for none.
        dampening: takes this share away from each gradient that enters v.
        weight_decay: λ.
        nesterov: step along ∂E/∂w + μv instead (Sutskever et al. 2013).
        maximize: go up instead of down.
        foreach, differentiable, fused: accepted for PyTorch's sake, without effect.

    Raises:
        ValueError: if an option is negative, or Nesterov is asked for without momentum or with dampening.

    Example:
        >>> import tinygrad_course as tc
        >>> w = tc.tensor([4.0], requires_grad=True)
        >>> optimizer = tc.optim.SGD([w], lr=0.1, momentum=0.8)
        >>> for _ in range(100):
        ...     optimizer.zero_grad()
        ...     (w * w).sum().backward()
        ...     optimizer.step()
        >>> abs(w.item()) < 1e-3
        True
    """

    rule = staticmethod(sgd)

    def __init__(
        self, params: ParamsT, lr: float = 1e-3, momentum: float = 0, dampening: float = 0, weight_decay: float = 0,
        nesterov: bool = False, *, maximize: bool = False, foreach: bool | None = None, differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:  # fmt: skip
        options = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
                   "nesterov": nesterov, "maximize": maximize}  # fmt: skip
        super().__init__(params, options)

    def check_options(self, group: dict[str, Any]) -> None:
        super().check_options(group)
        self._expect(group, "momentum")
        self._expect(group, "weight_decay")
        if group["nesterov"] and (group["momentum"] <= 0 or group["dampening"] != 0):
            raise ValueError("SGD: Nesterov's momentum needs momentum > 0 and dampening = 0")

    def buffers(self, group: dict[str, Any]) -> dict[str, float]:
        return {"momentum_buffer": 0.0} if group["momentum"] else {}

    def scalars(self, group: dict[str, Any]) -> dict[str, float]:
        return {"step": 0} if group["momentum"] and group["dampening"] else {}

    def coefficients(self, group: dict[str, Any], scalars: dict[str, float]) -> dict[str, float | None]:
        gain = None
        if scalars:
            scalars["step"] += 1
            # The first gradient enters whole, as in PyTorch.
            gain = 1 - group["dampening"] if scalars["step"] > 1 else None
        return {
            "lr": group["lr"],
            "momentum": group["momentum"] or None,
            "gain": gain,
            "weight_decay": group["weight_decay"] or None,
            "nesterov": group["nesterov"],
            "maximize": group["maximize"],
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        for entry in self.state.values():  # PyTorch keeps no count: where there is a momentum, a step was taken
            if entry.get("momentum_buffer") is not None:
                entry.setdefault("step", 1)
