"""RAdam: Adam that waits for its variance estimate."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .optimizer import ParamsT
from .rule import RuleOptimizer

__all__ = ["RAdam", "radam"]


def radam(
    p: Any, g: Any, state: dict[str, Any], *, beta1: float, rest1: float, beta2: float, rest2: float, size: float,
    eps: float | None = None,
    weight_decay: float | None = None, keep: float | None = None, maximize: bool = False,
) -> tuple[Any, dict[str, Any]]:  # fmt: skip
    """One step of Liu et al. (2020), algorithm 2; without `eps`, one whose variance is not yet tractable."""
    if maximize:
        g = -g
    if keep is not None:
        p = keep * p
    if weight_decay is not None:
        g = g + weight_decay * p
    m = beta1 * state["exp_avg"] + rest1 * g
    v = beta2 * state["exp_avg_sq"] + (rest2 * g) * g
    step = size * m
    if eps is not None:
        step = step / (np.sqrt(v) + eps)
    return p - step, {"exp_avg": m, "exp_avg_sq": v}


class RAdam(RuleOptimizer):
    """Adam rectified: the first steps, whose variance estimate is worthless, are plain momentum.

    (Liu et al. 2020, algorithm 2. With ρₜ = ρ∞ − 2tβ₂ᵗ / (1 − β₂ᵗ), steps are adaptive, rectified by rₜ, if ρₜ > 5.)

    Args:
        params: parameters, or groups of them.
        lr: the learning rate η.
        betas: β₁ and β₂.
        eps: ε.
        decoupled_weight_decay: shrink the weights apart from the gradient, as `AdamW`.
        weight_decay: λ of the L2 term λw that is added to the gradient, unless decoupled.
        maximize: go up instead of down.
        foreach, capturable, differentiable: accepted for PyTorch's sake, without effect.

    Raises:
        ValueError: if an option is out of its range.

    Example:
        >>> import tinygrad_course as tc
        >>> w = tc.tensor([1.0, -2.0], requires_grad=True)
        >>> optimizer = tc.optim.RAdam([w], lr=0.1)
        >>> for _ in range(100):
        ...     optimizer.zero_grad()
        ...     (w * w).sum().backward()
        ...     optimizer.step()
        >>> bool((w.data * w.data).sum() < 0.1)
        True
    """

    rule = staticmethod(radam)

    def __init__(
        self, params: ParamsT, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, decoupled_weight_decay: bool = False, *,
        foreach: bool | None = None, maximize: bool = False, capturable: bool = False,
        differentiable: bool = False,
    ) -> None:  # fmt: skip
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "decoupled_weight_decay":
                   decoupled_weight_decay, "maximize": maximize}  # fmt: skip
        super().__init__(params, options)

    def check_options(self, group: dict[str, Any]) -> None:
        super().check_options(group)
        self._expect(group, "eps")
        self._expect(group, "weight_decay")
        self._expect_betas(group)

    def buffers(self, group: dict[str, Any]) -> dict[str, float]:
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0}

    def scalars(self, group: dict[str, Any]) -> dict[str, float]:
        return {"step": 0}

    def coefficients(self, group: dict[str, Any], scalars: dict[str, Any]) -> dict[str, Any]:
        scalars["step"] += 1
        t = scalars["step"]
        lr, decay, apart = group["lr"], group["weight_decay"], bool(group["decoupled_weight_decay"])
        beta1, beta2 = group["betas"]
        limit = 2 / (1 - beta2) - 1  # ρ∞
        length = limit - 2 * t * beta2**t / (1 - beta2**t)  # ρₜ
        size, eps = lr / (1 - beta1**t), None
        if length > 5:
            rectified = (length - 4) * (length - 2) * limit / ((limit - 4) * (limit - 2) * length)
            size *= math.sqrt(rectified * (1 - beta2**t))
            eps = group["eps"]
        return {
            "beta1": beta1,
            "rest1": 1 - beta1,
            "beta2": beta2,
            "rest2": 1 - beta2,
            "size": size,
            "eps": eps,
            "weight_decay": decay if decay and not apart else None,
            "keep": 1 - lr * decay if decay and apart else None,
            "maximize": bool(group["maximize"]),
        }
