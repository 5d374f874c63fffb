"""How a gradient is to be checked: what all parts of a check have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .probe import cotangent

__all__ = ["MODES", "Options"]

MODES = {"reverse": ("reverse",), "forward": ("forward",), "both": ("reverse", "forward")}
# What gradient and differences may be apart by default, relative to the size of the terms that they sum.
RTOL = 1e-7


class Options(NamedTuple):
    """How to check.

    Attributes:
        rtol: the relative difference to accept, or None for the default at the function's precision.
        atol: the absolute difference to accept.
        modes: "reverse" for vᵀJ, "forward" for Ju.
        cotangent: "random", "ones", or an array for each output.
        full: compare whole Jacobians rather than projections.
        repeats: how many projections.
        floor: the relative rounding of the function's values, where it is more than float64's.
    """

    rtol: float | None = None
    atol: float = 0.0
    modes: tuple[str, ...] = ("reverse",)
    cotangent: Any = "random"
    full: bool = False
    repeats: int = 1
    floor: float = 0.0

    def relative(self, ys: Sequence[np.ndarray]) -> float:
        """The relative difference to accept for a function with these outputs.

        A backward pass sums and cancels, so that its rounding is many times the precision. Half of the root of the
        precision is a margin of thousands, and still below every mistake that matters: 2e-4 in float32.
        """
        if self.rtol is not None:
            return self.rtol
        return max([RTOL, *(eps**0.5 / 2 for eps in [self.floor, *(_eps(y) for y in ys)])])

    def cotangents(self, ys: Sequence[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
        """A cotangent for each output, zero for values that are not finite: no difference can be taken of these."""
        if isinstance(self.cotangent, str):
            random = self.cotangent == "random"
            vs = [cotangent(rng, y.shape, y.dtype) if random else np.ones_like(y) for y in ys]
        else:
            vs = self._given(ys)
        return [np.where(np.isfinite(y), v, y.dtype.type(0)) for v, y in zip(vs, ys)]

    def _given(self, ys: Sequence[np.ndarray]) -> list[np.ndarray]:
        given = self.cotangent if isinstance(self.cotangent, (tuple, list)) else [self.cotangent]
        vs = [np.asarray(getattr(v, "array", v)) for v in given]
        if [v.shape for v in vs] != [y.shape for y in ys]:
            shapes, expected = ([tuple(x.shape) for x in xs] for xs in (vs, ys))
            raise ValueError(f"gradcheck: expected cotangents of the outputs' shapes {expected}, got {shapes}")
        return [v.astype(y.dtype) for v, y in zip(vs, ys)]


def _eps(y: np.ndarray) -> float:
    return float(np.finfo(y.dtype).eps)
