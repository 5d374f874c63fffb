"""Functions that change within the steps of differences: near a zero vector, a cosine turns within its epsilon of 1e-6.

Differences with usual steps then agree on a slope which is not that at the point. Tiny steps see the right one, or the
right ones on both sides, with less precision; they overrule only where they contradict the usual ones by far.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .function import Point
from .numerical import derivative, slopes
from .options import Options
from .report import Row

__all__ = ["wrong_closer"]

STEP = 1e-6
# How precise tiny steps must be, and by how much they must contradict the usual ones.
SHARP = 1e-4
FAR = 1e-2


def wrong_closer(point: Point, rng: np.random.Generator, options: Options, rows: Sequence[Row]) -> list[Row]:
    """Of elements that disagree with differences, those that differences with tiny steps do not justify."""
    vs = options.cotangents(point.outputs(point.values), rng)
    gs = point.gradients(vs)
    names = [point.names[k] for k in point.wrt]
    return [row for row in rows if not _justified(point, names.index(row.input), row.element, vs, gs)]


def _justified(
    point: Point, i: int, element: tuple[int, ...], vs: Sequence[np.ndarray], gs: Sequence[np.ndarray]
) -> bool:
    u = np.zeros_like(point.values[i])
    u[element] = abs(float(point.values[i][element])) or 1.0

    def curve(t: float) -> np.ndarray:
        moved = [*point.values[:i], np.asarray(point.values[i] + t * u), *point.values[i + 1 :]]
        terms = [float((y[v != 0] * v[v != 0]).sum()) for y, v in zip(point.outputs(moved), vs)]
        return np.array([sum(terms)])

    usual = float(derivative(curve).value[0])
    sides = slopes(curve, STEP)
    least, *_, most = sorted(float(side.value[0]) for side in sides)
    size = max(abs(least), abs(most))
    error = max(float(side.error[0]) for side in sides)
    contradicts = error <= SHARP * size and max(abs(least - usual), abs(most - usual)) > FAR * size
    return contradicts and least - 10 * error <= float((gs[i] * u).sum()) <= most + 10 * error
