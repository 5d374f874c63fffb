"""RMSprop: gradients divided by a running root mean square."""

from __future__ import annotations

from typing import Any

import numpy as np

from .optimizer import ParamsT
from .rule import RuleOptimizer

__all__ = ["RMSprop", "rmsprop"]


def rmsprop(
    p: Any, g: Any, state: dict[str, Any], *, lr: float, alpha: float, rest: float, eps: float,
    momentum: float | None = None,
    weight_decay: float | None = None, centered: bool = False, maximize: bool = False,
) -> tuple[Any, dict[str, Any]]:  # fmt: skip
    """One step of Tieleman & Hinton's rule, with the options that Graves (2013) and PyTorch add."""
    if maximize:
        g = -g
    if weight_decay is not None:
        g = g + weight_decay * p
    mean_square = alpha * state["square_avg"] + (rest * g) * g
    new = {**state, "square_avg": mean_square}
    if centered:
        mean = alpha * state["grad_avg"] + rest * g
        new["grad_avg"] = mean
        # A variance, but for gradients that hardly change rounding can make the difference negative.
        scaled = g / (np.sqrt(np.maximum(mean_square - mean * mean, 0.0)) + eps)
    else:
        scaled = g / (np.sqrt(mean_square) + eps)
    if momentum is not None:
        scaled = momentum * state["momentum_buffer"] + scaled
        new["momentum_buffer"] = scaled
    return p - lr * scaled, new


class RMSprop(RuleOptimizer):
    """Divides the gradient by a running mean of its magnitude: v ← αv + (1 − α) g²,  w ← w − η g / (√v + ε).

    (Tieleman & Hinton 2012, lecture 6.5 of "Neural networks for machine learning".)

    Args:
        params: parameters, or groups of them.
        lr: the learning rate η.
        alpha: α, how slowly the mean forgets.
        eps: ε.
        momentum: μ; the scaled gradients then enter b ← μb + g / (√v + ε), and the step is −ηb.
        centered: divide by an estimate of the standard deviation, √(v − ḡ²), instead (Graves 2013).
        weight_decay: λ of the L2 term λw that is added to the gradient.
        maximize: go up instead of down.
        foreach, capturable, differentiable: accepted for PyTorch's sake, without effect.

    Raises:
        ValueError: if an option is out of its range.

    Example:
        >>> import tinygrad_course as tc
        >>> w = tc.tensor([1.0, -2.0], requires_grad=True)
        >>> optimizer = tc.optim.RMSprop([w], lr=0.05)
        >>> for _ in range(100):
        ...     optimizer.zero_grad()
        ...     (w * w).sum().backward()
        ...     optimizer.step()
        >>> bool((w.data * w.data).sum() < 0.1)
        True
    """

    rule = staticmethod(rmsprop)

    def __init__(
        self, params: ParamsT, lr: float = 1e-2, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0,
        momentum: float = 0, centered: bool = False, capturable: bool = False, foreach: bool | None = None,
        maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        options = {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay, "momentum": momentum,
                   "centered": centered, "maximize": maximize}  # fmt: skip
        super().__init__(params, options)

    def check_options(self, group: dict[str, Any]) -> None:
        super().check_options(group)
        for option in ("alpha", "eps", "weight_decay", "momentum"):
            self._expect(group, option)

    def buffers(self, group: dict[str, Any]) -> dict[str, float]:
        names = {"square_avg": 0.0}
        if group["momentum"]:
            names["momentum_buffer"] = 0.0
        if group["centered"]:
            names["grad_avg"] = 0.0
        return names

    def scalars(self, group: dict[str, Any]) -> dict[str, float]:
        return {"step": 0}

    def coefficients(self, group: dict[str, Any], scalars: dict[str, Any]) -> dict[str, Any]:
        scalars["step"] += 1
        return {
            "lr": group["lr"],
            "alpha": group["alpha"],
            "rest": 1 - group["alpha"],
            "eps": group["eps"],
            "momentum": group["momentum"] or None,
            "weight_decay": group["weight_decay"] or None,
            "centered": bool(group["centered"]),
            "maximize": bool(group["maximize"]),
        }
