"""Adam, and AdamW, which takes weight decay out of the gradient."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .optimizer import ParamsT
from .rule import RuleOptimizer

__all__ = ["Adam", "AdamW", "adam"]


def adam(
    p: Any, g: Any, state: dict[str, Any], *, beta1: float, rest1: float, beta2: float, rest2: float, size: float,
    eps: float, weight_decay: float | None = None, keep: float | None = None, amsgrad: bool = False,
    maximize: bool = False,
) -> tuple[Any, dict[str, Any]]:  # fmt: skip
    """One step of Kingma & Ba's algorithm 1, with the corrections for the bias moved into `size` and `eps` (sec. 2)."""
    if maximize:
        g = -g
    if keep is not None:
        p = keep * p
    if weight_decay is not None:
        g = g + weight_decay * p
    m = beta1 * state["exp_avg"] + rest1 * g
    v = beta2 * state["exp_avg_sq"] + (rest2 * g) * g
    new = {"exp_avg": m, "exp_avg_sq": v}
    if amsgrad:
        v = np.maximum(state["max_exp_avg_sq"], v)
        new["max_exp_avg_sq"] = v
    return p - size * m / (np.sqrt(v) + eps), new


class Adam(RuleOptimizer):
    """Adaptive moments: m / √v, where m and v are running means of the gradient and of its square.

    m ← β₁m + (1 − β₁) g,  v ← β₂v + (1 − β₂) g²,  w ← w − η m̂ / (√v̂ + ε), with m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ)
    (Kingma & Ba 2015, algorithm 1). `weight_decay` adds λw to the gradient, as the lecture's L2 does; it is then scaled
    like the rest of the gradient. `AdamW` keeps it apart.

    Args:
        params: parameters, or groups of them.
        lr: the learning rate η.
        betas: β₁ and β₂.
        eps: ε.
        weight_decay: λ.
        amsgrad: divide by the largest v so far (Reddi et al. 2018).
        maximize: go up instead of down.
        decoupled_weight_decay: as `AdamW`.
        foreach, capturable, differentiable, fused: accepted for PyTorch's sake, without effect.

    Raises:
        ValueError: if an option is negative, or a β is not in [0, 1).

    Example:
        >>> import tinygrad_course as tc
        >>> w = tc.tensor([1.0], requires_grad=True)
        >>> optimizer = tc.optim.Adam([w], lr=0.25)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.data
        tensor([0.7500])
    """

    rule = staticmethod(adam)

    def __init__(
        self, params: ParamsT, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, amsgrad: bool = False, *, foreach: bool | None = None, maximize: bool = False,
        capturable: bool = False, differentiable: bool = False, fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:  # fmt: skip
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
                   "maximize": maximize, "decoupled_weight_decay": decoupled_weight_decay}  # fmt: skip
        super().__init__(params, options)

    def check_options(self, group: dict[str, Any]) -> None:
        super().check_options(group)
        self._expect(group, "eps")
        self._expect(group, "weight_decay")
        self._expect_betas(group)

    def buffers(self, group: dict[str, Any]) -> dict[str, float]:
        names = {"exp_avg": 0.0, "exp_avg_sq": 0.0}
        return names | {"max_exp_avg_sq": 0.0} if group["amsgrad"] else names

    def scalars(self, group: dict[str, Any]) -> dict[str, float]:
        return {"step": 0}

    def coefficients(self, group: dict[str, Any], scalars: dict[str, Any]) -> dict[str, Any]:
        scalars["step"] += 1
        t = scalars["step"]
        beta1, beta2 = group["betas"]
        lr, decay = group["lr"], group["weight_decay"]
        root = math.sqrt(1 - beta2**t)
        apart = bool(group["decoupled_weight_decay"])
        return {
            "beta1": beta1,
            "rest1": 1 - beta1,
            "beta2": beta2,
            "rest2": 1 - beta2,
            "size": lr * root / (1 - beta1**t),
            "eps": group["eps"] * root,
            "weight_decay": decay if decay and not apart else None,
            "keep": 1 - lr * decay if decay and apart else None,
            "amsgrad": bool(group["amsgrad"]),
            "maximize": bool(group["maximize"]),
        }


class AdamW(Adam):
    """Adam with decoupled weight decay: w ← w − ηλw, apart from the gradient's step (Loshchilov & Hutter 2019).

    In Adam an added λw would be divided by √v like the gradient, so that weights with large gradients decay less.

    Args:
        params, lr, betas, eps, amsgrad, maximize: as for `Adam`.
        weight_decay: λ.
        foreach, capturable, differentiable, fused: accepted for PyTorch's sake, without effect.

    Example:
        >>> import tinygrad_course as tc
        >>> w = tc.tensor([1.0], requires_grad=True)
        >>> optimizer = tc.optim.AdamW([w], lr=0.25, weight_decay=0.4)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.data
        tensor([0.6500])
    """

    def __init__(
        self, params: ParamsT, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 1e-2, amsgrad: bool = False, *, maximize: bool = False, foreach: bool | None = None,
        capturable: bool = False, differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, decoupled_weight_decay=True)
