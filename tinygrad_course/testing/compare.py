"""Compare gradients with differences: the scalar vᵀJu per input, and single elements when it disagrees."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .function import Point
from .numerical import derivative
from .probe import cotangent, direction
from .report import Finding, Row

__all__ = ["elements", "findings"]

RTOL = 1e-7
# What the differences' own error counts for, and how large it may be before they say nothing.
MARGIN = 10.0
ROUGH = 1e-3
# Elements that are looked at one by one after a failure.
LOOK_AT = 256
# A step that moves what is continuous by next to nothing.
TINY = 1e-10
LINES = 4


def findings(
    point: Point,
    rng: np.random.Generator,
    *,
    order: int = 1,
    rtol: float | None = None,
    atol: float = 0.0,
    jumps: bool = False,
) -> list[Finding]:
    """The inputs of a function in which its gradient disagrees with differences, in one random projection each.

    Args:
        jumps: leave out outputs that jump, as the gradient does where the function has a kink.
    """
    ys = point.outputs(point.values)
    vs = _cotangents(ys, rng)
    if jumps:
        vs = [np.where(still, v, v.dtype.type(0)) for v, still in zip(vs, _continuous(point, rng))]
    nothing = not jumps and any(y.size for y in ys) and not any(v.any() for v in vs)
    if rtol is None:
        rtol = max([RTOL, *(float(np.finfo(y.dtype).eps) ** 0.5 / 2 for y in ys)])
    found = []
    for i, g in enumerate(point.gradients(vs)):
        u = direction(rng, point.values[i], g)
        numeric, total, error, size = _difference(point, i, u, vs)
        analytic = float((g * u).sum())
        scale = max(float(np.abs(g * u).sum()), total)
        tolerance = rtol * scale + atol + MARGIN * error
        # Written so that NaN or infinity anywhere is a disagreement.
        reliable = not nothing and error <= max(ROUGH * scale, rtol * size)
        if not (reliable and abs(analytic - numeric) <= tolerance < math.inf):
            found.append(Finding(f"input {point.wrt[i]}", order, analytic, numeric, tolerance, reliable))
    return found


def elements(point: Point, rng: np.random.Generator, *, rtol: float = 1e-7) -> list[Row]:
    """The elements of all gradients that disagree with differences, the worst first."""
    vs = _cotangents(point.outputs(point.values), rng)
    rows = []
    for i, g in enumerate(point.gradients(vs)):
        for element in list(np.ndindex(g.shape))[:LOOK_AT]:
            u = np.zeros(g.shape)
            u[element] = length = abs(float(point.values[i][element])) or 1.0
            numeric, _, error, _ = (float(x / length) for x in _difference(point, i, u, vs))
            analytic = float(g[element])
            bound = rtol * max(abs(analytic), abs(numeric)) + MARGIN * error
            if not abs(analytic - numeric) <= bound < math.inf:
                rows.append(Row(f"input {point.wrt[i]}", element, analytic, numeric, numeric, numeric))
    return sorted(rows, key=lambda row: -abs(row.analytic - row.numeric))


def _cotangents(ys: Sequence[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """Random cotangents, zero for values that are not finite: no difference can be taken of these."""
    return [np.where(np.isfinite(y), cotangent(rng, y.shape, y.dtype), y.dtype.type(0)) for y in ys]


def _continuous(point: Point, rng: np.random.Generator) -> list[np.ndarray]:
    """Which outputs go over to their values here rather than jump, on lines through the point.

    The lines are random ones, and one along which equal values come to stand in falling order on one side and in
    rising order on the other: this changes the place of every tie.
    """
    here = point.outputs(point.values)
    still = [np.isfinite(y) for y in here]
    lines = [[direction(rng, x, np.zeros_like(x)) for x in point.values] for _ in range(LINES)]
    lines.append([np.arange(1.0, x.size + 1).reshape(x.shape) for x in point.values])
    with np.errstate(all="ignore"):
        for us in lines:
            for t in (-TINY, TINY):
                there = point.outputs([np.asarray(x + t * u) for x, u in zip(point.values, us)])
                still = [s & (np.abs(a - b) <= TINY**0.5 * (np.abs(a) + 1)) for s, a, b in zip(still, here, there)]
    return still


def _difference(point: Point, i: int, u: np.ndarray, vs: Sequence[np.ndarray]) -> tuple[float, ...]:
    """vᵀJu from differences along `u` of input `i`; the sum of its terms' sizes; its error; the function's size."""
    values = point.values
    used = [v != 0 for v in vs]

    def curve(t: float) -> np.ndarray:
        moved = [*values[:i], np.asarray(values[i] + t * u), *values[i + 1 :]]
        ys = [y[mask] for y, mask in zip(point.outputs(moved), used)]
        return np.concatenate(ys) if ys else np.zeros(0)

    v = np.concatenate([v[mask] for v, mask in zip(vs, used)]) if vs else np.zeros(0)
    found = derivative(curve)
    terms = v * found.value
    return tuple(float(x) for x in (terms.sum(), np.abs(terms).sum(), np.abs(v) @ found.error, np.abs(v) @ found.size))
