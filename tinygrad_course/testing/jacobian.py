"""Whole Jacobians, or chosen rows and columns of them: by the rules, and by differences."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from .compare import MARGIN, ROUGH, continuous
from .function import Point
from .numerical import derivative
from .options import Options
from .report import Finding

__all__ = ["columns", "full_findings", "rows"]

# How many units of rounding an element of a gradient may be off that sums terms as large as the largest.
ROUNDINGS = 64


def rows(point: Point, places: Iterable[int]) -> list[np.ndarray]:
    """Per input, a row of the Jacobian for each of these places in all outputs, by the backward pass."""
    ys = point.outputs(point.values)
    starts = np.cumsum([0, *(y.size for y in ys)])
    found = []
    for place in places:
        vs = [np.zeros_like(y) for y in ys]
        k = int(np.searchsorted(starts, place, "right")) - 1
        vs[k].flat[place - starts[k]] = 1
        found.append([np.ravel(g) for g in point.gradients(vs)])
    return [np.stack([row[i] for row in found]) for i in range(len(point.wrt))]


def forward_columns(point: Point, i: int) -> np.ndarray:
    """The Jacobian in input `i` of the point, by forward mode: one column for each of its elements."""
    found = []
    for place in range(point.values[i].size):
        us = [np.zeros_like(x) for x in point.values]
        us[i].flat[place] = 1
        found.append(np.concatenate([t.ravel() for t in point.tangents(us)]))
    return np.stack(found, 1)


def columns(point: Point, i: int, places: Iterable[int], floor: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """A column of the Jacobian for each of these places in input `i` of the point, by differences; and its error."""
    x = point.values[i]
    values, errors = [], []
    for place in places:
        u = np.zeros(x.shape)
        u.flat[place] = length = abs(float(x.flat[place])) or 1.0

        def curve(t: float, u: np.ndarray = u) -> np.ndarray:
            moved = [*point.values[:i], np.asarray(x + t * u), *point.values[i + 1 :]]
            return np.concatenate([y.ravel() for y in point.outputs(moved)])

        found = derivative(curve, floor=max(floor, point.floor))
        values.append(found.value / length)
        errors.append(found.error / length)
    return np.stack(values, 1), np.stack(errors, 1)


def full_findings(
    point: Point, rng: np.random.Generator, options: Options, *, order: int = 1, jumps: bool = False
) -> list[Finding]:
    """As `findings`, but by each element of each Jacobian: the worst one per input."""
    ys = point.outputs(point.values)
    used = [np.isfinite(y) for y in ys]
    if jumps:
        used = [u & still for u, still in zip(used, continuous(point, rng))]
    counted = np.concatenate([u.ravel() for u in used]) if ys else np.zeros(0, bool)
    places = np.flatnonzero(counted)
    if not places.size:
        return []
    rtol = options.relative(ys)
    eps = max(options.floor, *(float(np.finfo(y.dtype).eps) for y in ys))
    by_rule = rows(point, [int(k) for k in places]) if "reverse" in options.modes else None
    found = []
    for i, x in enumerate(point.values):
        if not x.size:
            continue
        numeric, error = (m[places] for m in columns(point, i, range(x.size), options.floor))
        for mode in options.modes:
            a = by_rule[i] if mode == "reverse" and by_rule is not None else forward_columns(point, i)[places]
            with np.errstate(invalid="ignore"):
                scale = np.maximum(np.abs(a), np.abs(numeric))
                level = float(scale[np.isfinite(scale)].max(initial=0.0))
                # A zero among large elements is exact to their rounding only.
                tolerance = rtol * scale + options.atol + MARGIN * error + ROUNDINGS * eps * level
                settled = error <= np.maximum(ROUGH * scale, max(rtol * level, options.atol))
                excess = np.where(settled & (tolerance < math.inf), np.abs(a - numeric) - tolerance, math.inf)
            excess[np.isnan(excess)] = math.inf
            worst = np.unravel_index(int(np.argmax(excess)), excess.shape)
            if excess[worst] > 0:
                where = point.wrt[i]
                analytic, right, bound = (float(m[worst]) for m in (a, numeric, tolerance))
                reliable = bool(settled[worst])
                found.append(Finding(point.names[where], order, analytic, right, bound, reliable, mode, where))
    return found
