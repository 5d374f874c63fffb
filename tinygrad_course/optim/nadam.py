"""NAdam: Adam with Nesterov's momentum."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .optimizer import ParamsT
from .rule import RuleOptimizer

__all__ = ["NAdam", "nadam"]


def nadam(
    p: Any, g: Any, state: dict[str, Any], *, beta1: float, rest1: float, beta2: float, rest2: float, eps: float,
    of_gradient: float, of_mean: float,
    weight_decay: float | None = None, keep: float | None = None, maximize: bool = False,
) -> tuple[Any, dict[str, Any]]:  # fmt: skip
    """One step of Dozat (2016), algorithm 2."""
    if maximize:
        g = -g
    if keep is not None:
        p = keep * p
    if weight_decay is not None:
        g = g + weight_decay * p
    m = beta1 * state["exp_avg"] + rest1 * g
    v = beta2 * state["exp_avg_sq"] + (rest2 * g) * g
    step = (of_gradient * g + of_mean * m) / (np.sqrt(v) + eps)
    return p - step, {"exp_avg": m, "exp_avg_sq": v}


class NAdam(RuleOptimizer):
    """Adam that looks ahead: the mean of the gradients is the one that the next step will see.

    (Dozat 2016, algorithm 2, with the momentum schedule μₜ = β₁ (1 − ½ · 0.96^(tψ)).)

    Args:
        params: parameters, or groups of them.
        lr: the learning rate η.
        betas: β₁ and β₂.
        eps: ε.
        momentum_decay: ψ.
        decoupled_weight_decay: shrink the weights apart from the gradient, as `AdamW`.
        weight_decay: λ of the L2 term λw that is added to the gradient, unless decoupled.
        maximize: go up instead of down.
        foreach, capturable, differentiable: accepted for PyTorch's sake, without effect.

    Raises:
        ValueError: if an option is out of its range.

    Example:
        >>> import tinygrad_course as tc
        >>> w = tc.tensor([1.0, -2.0], requires_grad=True)
        >>> optimizer = tc.optim.NAdam([w], lr=0.1)
        >>> for _ in range(100):
        ...     optimizer.zero_grad()
        ...     (w * w).sum().backward()
        ...     optimizer.step()
        >>> bool((w.data * w.data).sum() < 0.1)
        True
    """

    rule = staticmethod(nadam)

    def __init__(
        self, params: ParamsT, lr: float = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, momentum_decay: float = 4e-3, decoupled_weight_decay: bool = False, *,
        foreach: bool | None = None, maximize: bool = False, capturable: bool = False,
        differentiable: bool = False,
    ) -> None:  # fmt: skip
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "momentum_decay":
                   momentum_decay, "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize}  # fmt: skip
        super().__init__(params, options)

    def check_options(self, group: dict[str, Any]) -> None:
        super().check_options(group)
        self._expect(group, "eps")
        self._expect(group, "weight_decay")
        self._expect_betas(group)
        self._expect(group, "momentum_decay")

    def buffers(self, group: dict[str, Any]) -> dict[str, float]:
        return {"exp_avg": 0.0, "exp_avg_sq": 0.0}

    def scalars(self, group: dict[str, Any]) -> dict[str, float]:
        return {"step": 0, "mu_product": 1.0}

    def coefficients(self, group: dict[str, Any], scalars: dict[str, Any]) -> dict[str, Any]:
        scalars["step"] += 1
        t = scalars["step"]
        lr, decay, apart = group["lr"], group["weight_decay"], bool(group["decoupled_weight_decay"])
        beta1, beta2 = group["betas"]
        mu = beta1 * (1 - 0.5 * 0.96 ** (t * group["momentum_decay"]))
        mu_next = beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * group["momentum_decay"]))
        scalars["mu_product"] *= mu
        product = scalars["mu_product"]
        root = math.sqrt(1 - beta2**t)
        return {
            "beta1": beta1,
            "rest1": 1 - beta1,
            "beta2": beta2,
            "rest2": 1 - beta2,
            "eps": group["eps"] * root,
            "of_gradient": lr * root * (1 - mu) / (1 - product),
            "of_mean": lr * root * mu_next / (1 - product * mu_next),
            "weight_decay": decay if decay and not apart else None,
            "keep": 1 - lr * decay if decay and apart else None,
            "maximize": bool(group["maximize"]),
        }
