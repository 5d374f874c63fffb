"""Adamax: Adam with the largest instead of the mean square gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from .optimizer import ParamsT
from .rule import RuleOptimizer

__all__ = ["Adamax", "adamax"]


def adamax(
    p: Any, g: Any, state: dict[str, Any], *, size: float, beta1: float, rest1: float, beta2: float, eps: float,
    weight_decay: float | None = None, maximize: bool = False,
) -> tuple[Any, dict[str, Any]]:  # fmt: skip
    """One step of Kingma & Ba (2015), algorithm 2."""
    if maximize:
        g = -g
    if weight_decay is not None:
        g = g + weight_decay * p
    m = beta1 * state["exp_avg"] + rest1 * g
    largest = np.maximum(beta2 * state["exp_inf"], np.abs(g) + eps)
    return p - size * m / largest, {"exp_avg": m, "exp_inf": largest}


class Adamax(RuleOptimizer):
    """Adam in the infinity norm: u ← max(β₂u, |g| + ε),  w ← w − η / (1 − β₁ᵗ) · m / u.

    (Kingma & Ba 2015, algorithm 2.)

    Args:
        params: parameters, or groups of them.
        lr: the learning rate η.
        betas: β₁ for the mean, β₂ for the decay of the maximum.
        eps: ε.
        weight_decay: λ of the L2 term λw that is added to the gradient.
        maximize: go up instead of down.
        foreach, capturable, differentiable: accepted for PyTorch's sake, without effect.

    Raises:
        ValueError: if an option is out of its range.

    Example:
        >>> import tinygrad_course as tc
        >>> w = tc.tensor([1.0, -2.0], requires_grad=True)
        >>> optimizer = tc.optim.Adamax([w], lr=0.1)
        >>> for _ in range(100):
        ...     optimizer.zero_grad()
        ...     (w * w).sum().backward()
        ...     optimizer.step()
        >>> bool((w.data * w.data).sum() < 0.1)
        True
    """

    rule = staticmethod(adamax)

    def __init__(
        self, params: ParamsT, lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, foreach: bool | None = None, *, maximize: bool = False, differentiable: bool = False,
        capturable: bool = False,
    ) -> None:  # fmt: skip
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, options)

    def check_options(self, group: dict[str, Any]) -> None:
        super().check_options(group)
        self._expect(group, "eps")
        self._expect(group, "weight_decay")
        self._expect_betas(group)

    def buffers(self, group: dict[str, Any]) -> dict[str, float]:
        return {"exp_avg": 0.0, "exp_inf": 0.0}

    def scalars(self, group: dict[str, Any]) -> dict[str, float]:
        return {"step": 0}

    def coefficients(self, group: dict[str, Any], scalars: dict[str, Any]) -> dict[str, Any]:
        scalars["step"] += 1
        beta1, beta2 = group["betas"]
        return {
            "size": group["lr"] / (1 - beta1 ** scalars["step"]),
            "beta1": beta1,
            "rest1": 1 - beta1,
            "beta2": beta2,
            "eps": group["eps"],
            "weight_decay": group["weight_decay"] or None,
            "maximize": bool(group["maximize"]),
        }
