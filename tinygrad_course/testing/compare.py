"""Compare gradients with differences: the scalar vᵀJu per input, and single elements when it disagrees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .function import Point
from .numerical import Estimate, derivative
from .probe import cotangent, direction
from .report import Finding, Row

__all__ = ["elements", "findings"]

RTOL = 1e-7
# What the differences' own error counts for, and how large it may be before they say nothing.
MARGIN = 10.0
ROUGH = 1e-3
# Elements that are looked at one by one after a failure.
LOOK_AT = 256


def findings(
    point: Point, rng: np.random.Generator, *, order: int = 1, rtol: float | None = None, atol: float = 0.0
) -> list[Finding]:
    """The inputs of a function in which its gradient disagrees with differences, in one random projection each."""
    ys = point.outputs(point.values)
    vs = [cotangent(rng, y.shape, y.dtype) for y in ys]
    size = sum(float(np.abs(v * y).sum()) for v, y in zip(vs, ys))
    if rtol is None:
        rtol = max([RTOL, *(float(np.finfo(y.dtype).eps) ** 0.5 / 2 for y in ys)])
    found = []
    for i, g in enumerate(point.gradients(vs)):
        u = direction(rng, point.values[i])
        along = _along(point, i, u)
        v = np.concatenate([v.ravel() for v in vs]) if vs else np.zeros(0)
        analytic, numeric = float((g * u).sum()), float((v * along.value).sum())
        error = float((np.abs(v) * along.error).sum())
        scale = max(float(np.abs(g * u).sum()), float(np.abs(v * along.value).sum()))
        tolerance = rtol * scale + atol + MARGIN * error
        # Written so that NaN anywhere is a disagreement.
        reliable = error <= max(ROUGH * scale, rtol * size)
        if not (reliable and abs(analytic - numeric) <= tolerance):
            found.append(Finding(f"input {point.wrt[i]}", order, analytic, numeric, tolerance, bool(reliable)))
    return found


def elements(point: Point, rng: np.random.Generator, *, rtol: float = 1e-6) -> list[Row]:
    """The elements of all gradients that disagree with differences, the worst first."""
    ys = point.outputs(point.values)
    vs = [cotangent(rng, y.shape, y.dtype) for y in ys]
    v = np.concatenate([v.ravel() for v in vs]) if vs else np.zeros(0)
    rows = []
    for i, g in enumerate(point.gradients(vs)):
        for element in list(np.ndindex(g.shape))[:LOOK_AT]:
            u = np.zeros(g.shape)
            u[element] = abs(point.values[i][element]) or 1.0
            along = _along(point, i, u)
            numeric = float((v * along.value).sum()) / u[element]
            error = float((np.abs(v) * along.error).sum()) / u[element]
            analytic = float(g[element])
            if not abs(analytic - numeric) <= rtol * max(abs(analytic), abs(numeric)) + MARGIN * error:
                rows.append(Row(f"input {point.wrt[i]}", element, analytic, numeric))
    return sorted(rows, key=lambda row: -abs(row.analytic - row.numeric))


def _along(point: Point, i: int, u: np.ndarray) -> Estimate:
    """The derivative of all outputs, in a row, along the direction `u` of input `i`."""
    values: Sequence[np.ndarray] = point.values

    def curve(t: float) -> np.ndarray:
        moved = [*values[:i], np.asarray(values[i] + t * u), *values[i + 1 :]]
        outputs = [y.ravel() for y in point.outputs(moved)]
        return np.concatenate(outputs) if outputs else np.zeros(0)

    return derivative(curve)
