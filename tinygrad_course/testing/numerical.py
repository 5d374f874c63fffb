"""Numerical derivatives along a line, with step control.

Difference quotients at a falling sequence of steps are extrapolated to step 0 (Richardson); of all the estimates so
found, each element keeps the one that its neighbours in the table confirm best (C. J. F. Ridders, "Accurate
computation of F'(x) and F'(x) F''(x)", Advances in Engineering Software 4, 1982). Smooth float64 functions come out to
about 1e-11; what is less certain says so by its `error`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

__all__ = ["Estimate", "derivative", "onward", "slopes"]

Curve = Callable[[float], np.ndarray]

STEP = 0.05
# Where values are coarse, longer steps lose less to rounding than they gain.
COARSE = 1e-9
LONGER = 4.0
LEVELS = 12
# Where the table agrees to this much, smaller steps only add rounding.
ENOUGH = 1e-12
# How many times their errors two estimates are apart that contradict each other.
SURE = 100.0


class Estimate(NamedTuple):
    """Derivatives, one per element of the curve.

    Attributes:
        value: the derivatives.
        error: a bound on the error of each (inf where nothing was found).
        size: how large the curve is, per largest step: what is far below it is rounding.
    """

    value: np.ndarray
    error: np.ndarray
    size: np.ndarray


def derivative(curve: Curve, step: float = STEP, floor: float = 0.0) -> Estimate:
    """The derivative at 0 of a function of one number that gives an array, by central differences.

    Args:
        curve: a function of a float; the dtype of what it gives tells how much rounding to expect.
        step: the largest step; the curve should be smooth on a fraction of it, at least.
        floor: the relative rounding of the curve, if it is more than its dtype's.

    Example:
        >>> import numpy as np, tinygrad_course as tc
        >>> found = tc.testing.derivative(lambda t: np.exp(np.array([1.0, 2.0]) * (1 + t)))
        >>> bool(np.allclose(found.value, [np.e, 2 * np.e**2], rtol=1e-10))
        True
    """

    def quotient(h: float) -> tuple[np.ndarray, np.ndarray]:
        above, below = _float64(curve(h)), _float64(curve(-h))
        return (above - below) / (2 * h), np.maximum(np.abs(above), np.abs(below)) / h

    eps = max(floor, _eps(curve))
    return _extrapolate(quotient, step * LONGER if eps > COARSE else step, 4.0, eps)


def slopes(curve: Curve, step: float = STEP) -> tuple[Estimate, Estimate]:
    """The derivatives at 0 from the left and from the right: they differ at a kink.

    Example:
        >>> import numpy as np, tinygrad_course as tc
        >>> left, right = tc.testing.slopes(lambda t: np.abs(np.array([t])))
        >>> float(left.value[0]), float(right.value[0])
        (-1.0, 1.0)
    """
    left, right = onward(lambda t: curve(-t), step), onward(curve, step)
    return left._replace(value=-left.value), right


def onward(curve: Curve, step: float = STEP, floor: float = 0.0) -> Estimate:
    """The derivative at 0 from the right: how fast the curve sets out."""
    here = _float64(curve(0.0))

    def quotient(h: float) -> tuple[np.ndarray, np.ndarray]:
        there = _float64(curve(h))
        return (there - here) / h, np.maximum(np.abs(there), np.abs(here)) / h

    return _extrapolate(quotient, step, 2.0, max(floor, _eps(curve)))


def _eps(curve: Curve) -> float:
    y = np.asarray(curve(0.0))
    return float(np.finfo(y.dtype).eps) if y.dtype.kind == "f" else float(np.finfo(np.float64).eps)


def _float64(x: np.ndarray) -> np.ndarray:
    return np.asarray(x, np.float64)


def _extrapolate(
    quotient: Callable[[float], tuple[np.ndarray, np.ndarray]], step: float, factor: float, eps: float
) -> Estimate:
    """Halve the step, extrapolate, and keep per element the estimate with the smallest error.

    Args:
        quotient: gives the difference quotient at a step, and the size of what was subtracted divided by the step.
        factor: by how much one halving shrinks the leading error of the quotient: 4 if central, 2 if one-sided.
    """
    with np.errstate(all="ignore"):
        first, largest = quotient(step)
        best = np.full(first.shape, np.nan)
        error = np.full(first.shape, np.inf)
        row = [first]
        for level in range(1, LEVELS):
            newest, size = quotient(step / 2**level)
            rounding = 2 * eps * size
            longer = [newest]
            power = factor
            for previous in row:
                longer.append(longer[-1] + (longer[-1] - previous) / (power - 1))
                power *= factor
                spread = np.maximum(np.abs(longer[-1] - longer[-2]), np.abs(longer[-1] - previous)) + rounding
                # Larger steps round least, and may agree across kinks that the smaller ones see.
                sees = np.abs(longer[-1] - best) > SURE * (spread + error)
                better = (spread < error) | sees  # False where NaN
                best = np.where(better, longer[-1], best)
                error = np.where(better, spread, error)
            row = longer
            if level > 2 and np.all(error <= ENOUGH * np.abs(best) + 2 * rounding):
                break
        return Estimate(best, error, largest)
