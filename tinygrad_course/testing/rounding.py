"""How finely a function computes: the relative rounding of its values, measured.

A function that casts to float32 somewhere inside does not tell; its values do. High differences of values at equal
small steps leave nothing of a smooth function, and all of its rounding (J. J. Moré and S. M. Wild, "Estimating
computational noise", SIAM Journal on Scientific Computing 33, 2011).
"""

from __future__ import annotations

from math import factorial

import numpy as np

from .function import Point
from .probe import direction

__all__ = ["FINE", "rounding"]

# Steps relative to the inputs: far below the scale of any function, many units in the last place of a float32.
STEP = 2.0**-15
LONG_STEP = 2.0**-8
POINTS = 32
ORDERS = (4, 5, 6)
# Beside the point, as differences across a kink there would look like rounding.
BESIDE = 0.03
# More than a float16's is no rounding.
LARGEST = 2e-3
# What float64 is far below, and float32 far above.
FINE = 1e-12


def rounding(point: Point, rng: np.random.Generator) -> float:
    """The relative rounding of the outputs near a point: about 1e-16 for float64; 0 where it cannot be told."""
    # Values on a grid may happen to step evenly, which looks exact: the largest counts.
    found = (_beside(point, rng) for _ in range(3))
    return max((noise for noise in found if noise <= LARGEST), default=0.0)


def _beside(point: Point, rng: np.random.Generator) -> float:
    us = [direction(rng, x, np.zeros_like(x)) for x in point.values]
    side = rng.choice([-1.0, 1.0])

    def values(step: float) -> np.ndarray:
        lines = [
            [np.asarray(x + t * u) for x, u in zip(point.values, us)]
            for t in side * (BESIDE + step * np.arange(POINTS))
        ]
        outputs = (point.outputs(line) for line in lines)
        return np.stack([np.concatenate([y.ravel().astype(np.float64) for y in ys]) for ys in outputs])

    with np.errstate(all="ignore"):
        table = values(STEP)
        noise, size = _noise(table), np.abs(table).max(0)
        # Values that mostly stay the same over such steps are rounded to more than the step.
        still = (np.diff(table, axis=0) == 0).mean(0) > 0.5
        if still.any():
            noise = np.where(still, _noise(values(LONG_STEP)), noise)
    told = np.isfinite(noise) & (size > 0)
    # What happens to be near zero may well have lost digits on the way; others tell.
    size = np.maximum(size, np.median(size[told])) if told.any() else size
    return float((noise[told] / size[told]).max(initial=0.0))


def _noise(table: np.ndarray) -> np.ndarray:
    """The rounding of each column of values at equal steps."""
    noise = np.full(table.shape[1], np.inf)
    for k in ORDERS:
        differences = np.diff(table, k, axis=0)
        noise = np.minimum(noise, np.sqrt(factorial(k) ** 2 / factorial(2 * k) * (differences**2).mean(0)))
    return noise
