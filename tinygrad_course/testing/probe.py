"""Random cotangents and directions: what a gradient is multiplied by so that no error in it can cancel."""

from __future__ import annotations

import numpy as np

__all__ = ["cotangent", "direction"]

# The root of the mean square of magnitudes from 0.5 to 1.5.
SPREAD = (13 / 12) ** 0.5


def cotangent(rng: np.random.Generator, shape: tuple[int, ...], dtype: np.dtype | None = None) -> np.ndarray:
    """Random values of mean 0 and variance 1, with magnitudes around 1: never uniform, and none counts for little."""
    values = np.asarray(rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 1.5, shape) / SPREAD)
    return values if dtype is None else values.astype(dtype)


def direction(rng: np.random.Generator, x: np.ndarray, g: np.ndarray) -> np.ndarray:
    """A random direction at `x`, of the size of its values, so that the same steps suit 1e-6 and 1e6.

    Its signs are those of the gradient `g` that is to be checked (random where that is 0): then the terms of gᵀu add
    up instead of cancelling, and a factor that is wrong by little shows in full.
    """
    finite = np.abs(x[np.isfinite(x)])
    scale = float(np.median(finite)) if finite.size else 1.0
    u = cotangent(rng, x.shape) * (scale if scale > 0 else 1.0)
    return np.asarray(np.where((g > 0) | (g < 0), np.copysign(u, g), u))
