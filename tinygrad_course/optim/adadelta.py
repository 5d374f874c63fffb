"""Adadelta: steps in the units of the parameters."""

from __future__ import annotations

from typing import Any

import numpy as np

from .optimizer import ParamsT
from .rule import RuleOptimizer

__all__ = ["Adadelta", "adadelta"]


def adadelta(
    p: Any, g: Any, state: dict[str, Any], *, lr: float, rho: float, rest: float, eps: float,
    weight_decay: float | None = None, maximize: bool = False,
) -> tuple[Any, dict[str, Any]]:  # fmt: skip
    """One step of Zeiler (2012), algorithm 1."""
    if maximize:
        g = -g
    if weight_decay is not None:
        g = g + weight_decay * p
    mean_square = rho * state["square_avg"] + (rest * g) * g
    delta = np.sqrt(state["acc_delta"] + eps) / np.sqrt(mean_square + eps) * g
    mean_delta = rho * state["acc_delta"] + (rest * delta) * delta
    return p - lr * delta, {"square_avg": mean_square, "acc_delta": mean_delta}


class Adadelta(RuleOptimizer):
    """Scales the gradient by the ratio of two running means: w ← w − η (RMS[Δw] / RMS[g]) g.

    The step then has the units of w, and needs hardly any learning rate (Zeiler 2012, algorithm 1).

    Args:
        params: parameters, or groups of them.
        lr: the learning rate η.
        rho: how slowly the means forget.
        eps: added under both roots.
        weight_decay: λ of the L2 term λw that is added to the gradient.
        maximize: go up instead of down.
        foreach, capturable, differentiable: accepted for PyTorch's sake, without effect.

    Raises:
        ValueError: if an option is out of its range.

    Example:
        >>> import tinygrad_course as tc
        >>> w = tc.tensor([1.0, -2.0], requires_grad=True)
        >>> optimizer = tc.optim.Adadelta([w], lr=10.0)
        >>> for _ in range(100):
        ...     optimizer.zero_grad()
        ...     (w * w).sum().backward()
        ...     optimizer.step()
        >>> bool((w.data * w.data).sum() < 0.1)
        True
    """

    rule = staticmethod(adadelta)

    def __init__(
        self, params: ParamsT, lr: float = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0,
        foreach: bool | None = None, *, capturable: bool = False, maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        options = {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}  # fmt: skip
        super().__init__(params, options)

    def check_options(self, group: dict[str, Any]) -> None:
        super().check_options(group)
        self._expect(group, "eps")
        self._expect(group, "weight_decay")
        if not 0 <= group["rho"] <= 1:
            raise ValueError(f"Adadelta: expected 0 <= rho <= 1, got {group['rho']}")

    def buffers(self, group: dict[str, Any]) -> dict[str, float]:
        return {"square_avg": 0.0, "acc_delta": 0.0}

    def scalars(self, group: dict[str, Any]) -> dict[str, float]:
        return {"step": 0}

    def coefficients(self, group: dict[str, Any], scalars: dict[str, Any]) -> dict[str, Any]:
        scalars["step"] += 1
        return {
            "lr": group["lr"],
            "rho": group["rho"],
            "rest": 1 - group["rho"],
            "eps": group["eps"],
            "weight_decay": group["weight_decay"] or None,
            "maximize": bool(group["maximize"]),
        }
