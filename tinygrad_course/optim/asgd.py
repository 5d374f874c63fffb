"""Averaged stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from .optimizer import ParamsT
from .rule import RuleOptimizer

__all__ = ["ASGD", "asgd"]


def asgd(
    p: Any, g: Any, state: dict[str, Any], *, eta: float, keep: float, share: float | None = None,
    weight_decay: float | None = None, maximize: bool = False,
) -> tuple[Any, dict[str, Any]]:  # fmt: skip
    """One step; `share` is the weight of the new point in the average, None for all of it."""
    if maximize:
        g = -g
    if weight_decay is not None:
        g = g + weight_decay * p
    p = keep * p - eta * g
    ax = state["ax"]
    return p, {"ax": p * 1.0 if share is None else ax + share * (p - ax)}


class ASGD(RuleOptimizer):
    """Descends as SGD with a falling rate, and keeps the average of the points in `state[p]["ax"]`.

    The rate is ηₜ = η / (1 + λ₀ηt)^α (Polyak & Juditsky 1992; Bottou 2010).

    Args:
        params: parameters, or groups of them.
        lr: the learning rate η.
        lambd: λ₀; the weights also shrink by the factor 1 − λ₀ηₜ.
        alpha: α.
        t0: the step after which averaging starts.
        weight_decay: λ of the L2 term λw that is added to the gradient.
        maximize: go up instead of down.
        foreach, capturable, differentiable: accepted for PyTorch's sake, without effect.

    Raises:
        ValueError: if an option is out of its range.

    Example:
        >>> import tinygrad_course as tc
        >>> w = tc.tensor([1.0, -2.0], requires_grad=True)
        >>> optimizer = tc.optim.ASGD([w], lr=0.1)
        >>> for _ in range(100):
        ...     optimizer.zero_grad()
        ...     (w * w).sum().backward()
        ...     optimizer.step()
        >>> bool((w.data * w.data).sum() < 0.1)
        True
    """

    rule = staticmethod(asgd)

    def __init__(
        self, params: ParamsT, lr: float = 1e-2, lambd: float = 1e-4, alpha: float = 0.75, t0: float = 1e6,
        weight_decay: float = 0, foreach: bool | None = None, maximize: bool = False, capturable: bool = False,
        differentiable: bool = False,
    ) -> None:  # fmt: skip
        options = {"lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay, "maximize":
                   maximize}  # fmt: skip
        super().__init__(params, options)

    def check_options(self, group: dict[str, Any]) -> None:
        super().check_options(group)
        self._expect(group, "weight_decay")

    def buffers(self, group: dict[str, Any]) -> dict[str, float]:
        return {"ax": 0.0}

    def scalars(self, group: dict[str, Any]) -> dict[str, float]:
        return {"step": 0, "eta": float(group["lr"]), "mu": 1.0}

    def coefficients(self, group: dict[str, Any], scalars: dict[str, Any]) -> dict[str, Any]:
        scalars["step"] += 1
        t, eta, share = scalars["step"], scalars["eta"], scalars["mu"]
        lr, lambd = group["lr"], group["lambd"]
        # As in PyTorch, the numbers found at the end of a step serve the next one.
        scalars["eta"] = lr / (1 + lambd * lr * t) ** group["alpha"]
        scalars["mu"] = 1 / max(1, t - group["t0"])
        return {
            "eta": eta,
            "keep": 1 - lambd * eta,
            "share": None if share == 1 else share,
            "weight_decay": group["weight_decay"] or None,
            "maximize": bool(group["maximize"]),
        }
