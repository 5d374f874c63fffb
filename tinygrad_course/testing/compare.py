"""Compare gradients with differences: the scalar vᵀJu per input, and single elements when it disagrees."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .function import Point
from .numerical import derivative
from .options import Options
from .probe import direction
from .report import Finding, Row

__all__ = ["apart", "continuous", "elements", "findings"]

# What the differences' own error counts for, and how large it may be before they say nothing.
MARGIN = 10.0
ROUGH = 1e-3
# Elements that are looked at one by one after a failure.
LOOK_AT = 256
# A step that moves what is continuous by next to nothing.
TINY = 1e-10
LINES = 4


def findings(
    point: Point, rng: np.random.Generator, options: Options, *, order: int = 1, jumps: bool = False
) -> list[Finding]:
    """The inputs of a function in which its gradient disagrees with differences, in random projections.

    Cotangents v are independent of mean 0 and variance 1, and so are directions u, but for the first one and a scale:
    hence the mean of (vᵀEu)² is ‖E‖², the size of the error E of the Jacobian, whatever E is. The first direction has
    the signs of the gradient, so that the terms of vᵀJu add up and a factor that is wrong by little shows in full.

    Args:
        jumps: leave out outputs that jump, as the gradient does where the function has a kink.
    """
    ys = point.outputs(point.values)
    found: list[Finding] = []
    for repeat in range(options.repeats):
        vs = options.cotangents(ys, rng)
        if jumps:
            vs = [np.where(still, v, v.dtype.type(0)) for v, still in zip(vs, continuous(point, rng))]
        found += _projected(point, rng, options, vs, order, jumps, aligned=repeat == 0)
        if found:
            break
    return found


def _projected(
    point: Point, rng: np.random.Generator, options: Options, vs: list[np.ndarray], order: int, jumps: bool,
    aligned: bool,
) -> list[Finding]:  # fmt: skip
    nothing = not jumps and any(v.size for v in vs) and not any(v.any() for v in vs)
    rtol = options.relative(vs)
    gs = point.gradients(vs) if "reverse" in options.modes else None
    found = []
    for i, x in enumerate(point.values):
        u = direction(rng, x, gs[i] if gs is not None and aligned else np.zeros_like(x))
        numeric, total, error, size = _difference(point, i, u, vs, options.floor)
        for mode in options.modes:
            terms = [gs[i] * u] if mode == "reverse" and gs is not None else _forward(point, i, u, vs)
            analytic = float(sum(t.sum() for t in terms))
            scale = max(float(sum(np.abs(t).sum() for t in terms)), total)
            tolerance = rtol * scale + options.atol + MARGIN * error
            # Written so that NaN or infinity anywhere is a disagreement.
            # A zero gradient must not pass for want of digits, as a float16 has too few.
            lost = MARGIN * error > ROUGH * size and tolerance >= max(abs(analytic), abs(numeric))
            reliable = not (nothing or lost) and error <= max(ROUGH * scale, rtol * size, options.atol)
            if not (reliable and abs(analytic - numeric) <= tolerance < math.inf):
                where = point.wrt[i]
                found.append(Finding(point.names[where], order, analytic, numeric, tolerance, reliable, mode, where))
    return found


def apart(point: Point, rng: np.random.Generator, options: Options, order: int = 1) -> list[Finding]:
    """The inputs in which forward and backward mode disagree with each other, which they do not at kinks either."""
    vs = options.cotangents(point.outputs(point.values), rng)
    rtol = options.relative(vs)
    found = []
    for i, g in enumerate(point.gradients(vs)):
        u = direction(rng, point.values[i], np.zeros_like(g))
        terms = _forward(point, i, u, vs)
        forward, reverse = float(sum(t.sum() for t in terms)), float((g * u).sum())
        tolerance = rtol * float(sum(np.abs(t).sum() for t in [*terms, g * u])) + options.atol
        if not abs(forward - reverse) <= tolerance < math.inf:
            where = point.wrt[i]
            found.append(Finding(point.names[where], order, forward, reverse, tolerance, True, "forward", where))
    return found


def elements(point: Point, rng: np.random.Generator, options: Options) -> list[Row]:
    """The elements of all gradients that disagree with differences, the worst first."""
    vs = options.cotangents(point.outputs(point.values), rng)
    rtol = options.relative(vs)
    rows = []
    for i, g in enumerate(point.gradients(vs)):
        for element in list(np.ndindex(g.shape))[:LOOK_AT]:
            u = np.zeros(g.shape)
            u[element] = length = abs(float(point.values[i][element])) or 1.0
            numeric, _, error, _ = (float(x / length) for x in _difference(point, i, u, vs, options.floor))
            analytic = float(g[element])
            bound = rtol * max(abs(analytic), abs(numeric)) + options.atol / length + MARGIN * error
            if not abs(analytic - numeric) <= bound < math.inf:
                rows.append(Row(point.names[point.wrt[i]], element, analytic, numeric, numeric, numeric))
    return sorted(rows, key=lambda row: -abs(row.analytic - row.numeric))


def continuous(point: Point, rng: np.random.Generator) -> list[np.ndarray]:
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


def _forward(point: Point, i: int, u: np.ndarray, vs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The terms of vᵀ(Ju), for a direction of input `i` alone."""
    us = [u if k == i else np.zeros_like(x) for k, x in enumerate(point.values)]
    return [np.where(v != 0, v * t, 0.0) for v, t in zip(vs, point.tangents(us))]


def _difference(
    point: Point, i: int, u: np.ndarray, vs: Sequence[np.ndarray], floor: float
) -> tuple[float, float, float, float]:
    """vᵀJu from differences along `u` of input `i`; the sum of its terms' sizes; its error; the function's size."""
    values = point.values
    used = [v != 0 for v in vs]

    def curve(t: float) -> np.ndarray:
        moved = [*values[:i], np.asarray(values[i] + t * u), *values[i + 1 :]]
        ys = [y[mask] for y, mask in zip(point.outputs(moved), used)]
        return np.concatenate(ys) if ys else np.zeros(0)

    v = np.concatenate([v[mask] for v, mask in zip(vs, used)]) if vs else np.zeros(0)
    found = derivative(curve, floor=max(floor, point.floor))
    terms = v * found.value
    return float(terms.sum()), float(np.abs(terms).sum()), float(np.abs(v) @ found.error), float(np.abs(v) @ found.size)
