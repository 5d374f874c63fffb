"""Adagrad: steps that shrink with the squares of all gradients so far."""

from __future__ import annotations

from typing import Any

import numpy as np

from .optimizer import ParamsT
from .rule import RuleOptimizer

__all__ = ["Adagrad", "adagrad"]


def adagrad(
    p: Any, g: Any, state: dict[str, Any], *, lr: float, eps: float,
    weight_decay: float | None = None, maximize: bool = False,
) -> tuple[Any, dict[str, Any]]:  # fmt: skip
    """One step of Duchi, Hazan & Singer (2011), with the diagonal of the outer products."""
    if maximize:
        g = -g
    if weight_decay is not None:
        g = g + weight_decay * p
    total = state["sum"] + g * g
    return p - (lr * g) / (np.sqrt(total) + eps), {"sum": total}


class Adagrad(RuleOptimizer):
    """Divides each gradient by the root of the sum of its squares so far: s ← s + g²,  w ← w − η g / (√s + ε).

    Rare features keep a large learning rate (Duchi, Hazan & Singer 2011).

    Args:
        params: parameters, or groups of them.
        lr: the learning rate η.
        lr_decay: in step t the rate is η / (1 + (t − 1) lr_decay).
        initial_accumulator_value: s before the first step.
        eps: ε.
        weight_decay: λ of the L2 term λw that is added to the gradient.
        maximize: go up instead of down.
        foreach, differentiable, fused: accepted for PyTorch's sake, without effect.

    Raises:
        ValueError: if an option is out of its range.

    Example:
        >>> import tinygrad_course as tc
        >>> w = tc.tensor([1.0, -2.0], requires_grad=True)
        >>> optimizer = tc.optim.Adagrad([w], lr=0.5)
        >>> for _ in range(100):
        ...     optimizer.zero_grad()
        ...     (w * w).sum().backward()
        ...     optimizer.step()
        >>> bool((w.data * w.data).sum() < 0.1)
        True
    """

    rule = staticmethod(adagrad)

    def __init__(
        self, params: ParamsT, lr: float = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
        initial_accumulator_value: float = 0, eps: float = 1e-10, foreach: bool | None = None, *,
        maximize: bool = False, differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        options = {"lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
                   "initial_accumulator_value": initial_accumulator_value, "maximize": maximize}  # fmt: skip
        super().__init__(params, options)

    def check_options(self, group: dict[str, Any]) -> None:
        super().check_options(group)
        for option in ("lr_decay", "eps", "weight_decay", "initial_accumulator_value"):
            self._expect(group, option)

    def buffers(self, group: dict[str, Any]) -> dict[str, float]:
        return {"sum": group["initial_accumulator_value"]}

    def scalars(self, group: dict[str, Any]) -> dict[str, float]:
        return {"step": 0}

    def coefficients(self, group: dict[str, Any], scalars: dict[str, Any]) -> dict[str, Any]:
        scalars["step"] += 1
        return {
            "lr": group["lr"] / (1 + (scalars["step"] - 1) * group["lr_decay"]),
            "eps": group["eps"],
            "weight_decay": group["weight_decay"] or None,
            "maximize": bool(group["maximize"]),
        }
