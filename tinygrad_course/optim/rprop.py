"""Resilient propagation: steps from the signs of successive gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..autograd.modes import enable_grad
from .optimizer import ParamsT
from .rule import RuleOptimizer

__all__ = ["Rprop", "rprop"]

VARIANTS = ("iRprop-", "iRprop+", "Rprop-", "Rprop+")


def rprop(
    p: Any, g: Any, state: dict[str, Any], *, down: float, up: float, least: float, most: float, forget: bool = True,
    track: bool = False, backtrack: bool = False, maximize: bool = False,
) -> tuple[Any, dict[str, Any]]:  # fmt: skip
    """One step of the variants in Igel & Hüsken (2003), tables 1-4.

    Where the gradient changed its sign, `forget` skips the step and starts afresh, `backtrack` undoes the last one.
    """
    if maximize:
        g = -g
    agree = g * state["prev"]
    step = state["step_size"]
    step = np.where(agree > 0, step * up, np.where(agree < 0, step * down, step))
    step = np.minimum(np.maximum(step, least), most)
    if forget:
        g = np.where(agree < 0, 0.0, g)
    move = np.sign(g) * step
    new = {**state, "prev": g * 1.0, "step_size": step}
    if track:
        new["move"] = move
    p = p - move
    if backtrack:
        p = np.where(agree < 0, p + state["move"], p)
    return p, new


class Rprop(RuleOptimizer):
    """Resilient propagation (lecture ch. 8): each weight has a step of its own, and only the gradient's sign counts.

    The step grows by η⁺ while the sign stays, and shrinks by η⁻ when it changes. For whole-batch gradients: with
    mini-batches the signs are noise. What happens where the sign changed is the variant's:

    - "iRprop-" (the default, and PyTorch's Rprop): no step there this time, and the next counts as the first;
    - "Rprop-": a step all the same;
    - "Rprop+": the last step there is undone (Riedmiller & Braun 1993);
    - "iRprop+": it is undone only if the loss rose; `step` then needs a closure. Igel & Hüsken's best.

    Source: C. Igel and M. Hüsken, "Improving the Rprop learning algorithm" (2000), and "Empirical evaluation of the
    improved Rprop learning algorithms", Neurocomputing 50 (2003), tables 1-4.

    Args:
        params: parameters, or groups of them.
        lr: the first step size.
        etas: η⁻ and η⁺.
        step_sizes: the least and the largest step.
        variant: see above.
        maximize: go up instead of down.
        capturable, foreach, differentiable: accepted for PyTorch's sake, without effect.

    Raises:
        ValueError: if an option is out of its range.

    Example:
        >>> import tinygrad_course as tc
        >>> w = tc.tensor([3.0, -0.01], requires_grad=True)
        >>> optimizer = tc.optim.Rprop([w], lr=0.1, variant="iRprop+")
        >>> def closure():
        ...     optimizer.zero_grad()
        ...     loss = (w * w * tc.tensor([1.0, 1000.0])).sum()
        ...     loss.backward()
        ...     return loss
        >>> for _ in range(60):
        ...     loss = optimizer.step(closure)
        >>> bool(loss < 1e-3)
        True
    """

    rule = staticmethod(rprop)

    def __init__(
        self, params: ParamsT, lr: float = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50), *, variant: str = "iRprop-", capturable: bool = False,
        foreach: bool | None = None, maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        options = {"lr": lr, "etas": etas, "step_sizes": step_sizes, "variant": variant, "maximize": maximize}
        super().__init__(params, options)

    def _reset_runtime(self) -> None:
        super()._reset_runtime()
        self._loss: float | None = None

    def check_options(self, group: dict[str, Any]) -> None:
        super().check_options(group)
        down, up = group["etas"]
        if not 0 < down < 1 < up:
            raise ValueError(f"Rprop: expected etas (less than 1, more than 1), got {group['etas']}")
        least, most = group["step_sizes"]
        if not 0 <= least <= most:
            raise ValueError(f"Rprop: expected step_sizes (least, largest), got {group['step_sizes']}")
        if group["variant"] not in VARIANTS:
            raise ValueError(f"Rprop: expected variant in {VARIANTS}, got {group['variant']!r}")

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters.

        Args:
            closure: computes the loss again and its gradients. The variant "iRprop+" needs it.

        Raises:
            RuntimeError: if the variant is "iRprop+" and there is no closure.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
            self._loss = float(loss)
        elif any(group["variant"] == "iRprop+" for group in self.param_groups):
            raise RuntimeError('Rprop: the variant "iRprop+" compares losses: call step(closure), or take "iRprop-"')
        super().step()
        return loss

    def buffers(self, group: dict[str, Any]) -> dict[str, float]:
        names = {"prev": 0.0, "step_size": float(group["lr"])}
        return names | {"move": 0.0} if group["variant"].endswith("+") else names

    def scalars(self, group: dict[str, Any]) -> dict[str, float]:
        return {"step": 0, "loss": math.inf} if group["variant"] == "iRprop+" else {"step": 0}

    def coefficients(self, group: dict[str, Any], scalars: dict[str, Any]) -> dict[str, Any]:
        scalars["step"] += 1
        variant = group["variant"]
        backtrack = variant == "Rprop+"
        if variant == "iRprop+":
            loss: Any = self._loss
            backtrack = loss < scalars["loss"] if group["maximize"] else loss > scalars["loss"]
            scalars["loss"] = loss
        return {
            "down": group["etas"][0],
            "up": group["etas"][1],
            "least": group["step_sizes"][0],
            "most": group["step_sizes"][1],
            "forget": variant != "Rprop-",
            "track": variant.endswith("+"),
            "backtrack": bool(backtrack),
            "maximize": bool(group["maximize"]),
        }
