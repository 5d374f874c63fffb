"""Kinks: where a function has several slopes, which gradients are right.

Right is any product of the cotangent with generalized gradients in the sense of F. H. Clarke (Optimization and
Nonsmooth Analysis, 1983): averages of the gradients at points next to this one. What these can be is found from
one-sided slopes F(d) along directions d, each extrapolated to the point itself, hence without an error of displacement:

- F(u) and -F(-u), the slopes to the right and to the left along u. Where a function is convex or concave, such as
  relu, abs and max, these two bound the generalized slopes along u.
- (F(w + eu) - F(w)) / e for displacements w: the slope along u beside the point, on the side of w. By the mean value
  theorem it lies between the generalized slopes whatever e is, so nothing wrong is let through. These are what
  counts where a function is neither convex nor concave: the median of three equal values has F(u) = -F(-u) = the
  median of u along every u, and yet its gradients are those of the values themselves.

The samples of w are few, so the interval is one from inside: a rule that picks an exotic generalized gradient at a tie
of many values could be called wrong. Displacements in rising and in falling order, and in the order in which the rule
itself has put equal values, make sure that those which choose one of equals are not.

Every output is held to its own interval along every input element
(groups of them where there are many), and along directions through all inputs: by elements alone, a maximum that gives
each of its ties the whole cotangent would pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .function import Point
from .numerical import Estimate, onward
from .options import Options
from .probe import cotangent
from .report import Kink, Row

__all__ = ["Verdict", "bends", "glimpsed", "judge"]

# What a row calls a direction through all inputs.
ALL = "all inputs"
NEAR = 0.125
MARGIN = 10.0
# How far slopes may be from linear in the direction before that is called a bend.
BEND = 1e-6
ROUGH = 1e-3
# The step where usual ones do not settle.
CLOSE = 2.0**-17
GROUPS = 48
DISPLACEMENTS = 5
# The step at which a bend is looked for: far below any curvature's, far above rounding.
GLANCE = 2.0**-20


class Verdict(NamedTuple):
    """What was found at a kink: the kinks, the rows that are wrong, and whether slopes exist at all."""

    kinks: list[Kink]
    wrong: list[Row]
    reliable: bool


class Rays:
    """A function of all inputs of a point in one vector, and its one-sided slopes along rays from there."""

    def __init__(self, point: Point, used: list[np.ndarray], floor: float = 0.0) -> None:
        self.point = point
        self.used = used
        self.floor = max(floor, point.floor)
        self.sizes = [x.size for x in point.values]
        self.starts = np.cumsum([0, *self.sizes])
        self.scale = np.concatenate([np.full(x.size, _scale(x)) for x in point.values])

    def along(self, d: np.ndarray) -> Estimate:
        """The slopes of all outputs at the start of the ray.

        Where they do not settle there is another kink nearby: tiny steps stay on this side of it.
        """
        usual = onward(lambda t: self.at(t, d), floor=self.floor)
        rough = usual.error > ROUGH * np.abs(usual.value)
        if not rough.any():
            return usual
        close = onward(lambda t: self.at(t, d), CLOSE, self.floor)
        better = rough & (close.error < usual.error)
        return Estimate(*(np.where(better, b, a) for a, b in zip(usual, close)))

    def at(self, t: float, d: np.ndarray) -> np.ndarray:
        moved = [
            np.asarray(x + t * part.reshape(x.shape))
            for x, part in zip(self.point.values, np.split(d, self.starts[1:-1]))
        ]
        ys = [y[mask] for y, mask in zip(self.point.outputs(moved), self.used)]
        return np.concatenate(ys) if ys else np.zeros(0)

    def element(self, j: int) -> tuple[str, tuple[int, ...]]:
        """The input and the index in it of element j of the vector."""
        i = int(np.searchsorted(self.starts, j, "right")) - 1
        index = np.unravel_index(j - self.starts[i], self.point.values[i].shape)
        return self.point.names[self.point.wrt[i]], tuple(int(k) for k in index)


def glimpsed(point: Point, rng: np.random.Generator) -> bool:
    """Whether the slopes to the left and to the right differ along one direction: three evaluations."""
    rays = Rays(point, [np.isfinite(y) for y in point.outputs(point.values)])
    u = cotangent(rng, rays.scale.shape) * rays.scale
    with np.errstate(all="ignore"):
        left, here, right = (rays.at(t, u) for t in (-GLANCE, 0.0, GLANCE))
        jump = np.abs((right - here) - (here - left))
        eps = max([2.0**-52, *(float(np.finfo(y.dtype).eps) for y in point.outputs(point.values))])
        rounding = 8 * eps * np.abs(here)
        return bool(np.any(jump > ROUGH * np.maximum(np.abs(right - here), np.abs(here - left)) + rounding))


def bends(point: Point, rng: np.random.Generator, floor: float = 0.0, used: Sequence[np.ndarray] | None = None) -> bool:
    """Whether the point is at a kink: whether one-sided slopes fail to be linear in the direction."""
    rays = Rays(point, _finite(point, used), floor)
    for _ in range(4):
        a, b = (cotangent(rng, rays.scale.shape) * rays.scale for _ in range(2))
        slopes = [rays.along(d) for d in (a, b, a + b, -a)]
        fa, fb, fab, back = (s.value for s in slopes)
        error = MARGIN * sum(s.error for s in slopes) + BEND * (np.abs(fa) + np.abs(fb))
        with np.errstate(invalid="ignore"):
            if np.any(np.abs(fa + fb - fab) > error) or np.any(np.abs(fa + back) > error):
                return True
    return False


def judge(
    point: Point, rng: np.random.Generator, options: Options, used: Sequence[np.ndarray] | None = None
) -> Verdict:
    """Hold the gradient to the slopes on all sides of a point.

    Args:
        used: masks of the outputs that are looked at; default: all finite ones.
    """
    ys = point.outputs(point.values)
    used = _finite(point, used)
    rays = Rays(point, used, options.floor)
    rtol = options.relative(ys)
    n, m = len(rays.scale), sum(int(mask.sum()) for mask in used)
    groups = _groups(rng, m)
    signs = cotangent(rng, (m,)) if m > GROUPS else np.ones(m)
    gradients = np.stack([_row(point, used, np.where(group, signs, 0.0)) for group in groups])
    # Apart by more than NEAR times a difference of directions: a step along u changes no order.
    order = np.arange(1, n + 1) * rays.scale / 2
    displaced = [order, -order]
    # The order in which a sort's own rule has put equal values, whatever it is, shows in this gradient.
    placed = _row(point, used, np.arange(1.0, m + 1))
    largest = float(np.abs(placed).max(initial=0.0))
    if 0 < largest < np.inf:
        displaced.append(placed / largest * n * rays.scale / 2)
    displaced += [cotangent(rng, (n,)) * rays.scale for _ in range(DISPLACEMENTS)]
    base = [(w, rays.along(w)) for w in displaced]
    single = [np.where(group, rays.scale, 0.0) for group in _groups(rng, n)]
    whole = [rays.scale, np.abs(cotangent(rng, (n,))) * rays.scale]
    whole += [cotangent(rng, (n,)) * rays.scale for _ in range(3)]
    # Along itself a gradient that is too long shows best.
    total = gradients.sum(0) * rays.scale
    steep = float(np.abs(total).max(initial=0.0))
    if 0 < steep < np.inf:
        whole.append(total / steep * rays.scale)
    kinks: list[Kink] = []
    wrong: list[Row] = []
    reliable = True
    for k, u in enumerate([*single, *whole]):
        low, high, error = _interval(rays, base, u)
        reliable = reliable and bool(
            np.all(error <= ROUGH * np.maximum(np.abs(low), np.abs(high)) + max(rtol, 1e-6) * rays.scale.max())
        )
        length = float(np.abs(u).max())
        steepest = float(np.abs([low, high]).max(initial=0.0))
        name, element = rays.element(int(np.flatnonzero(u)[0])) if k < len(single) else (ALL, ())
        for group, g in zip(groups, gradients):
            v = signs[group]
            ends = np.stack([v * low[group], v * high[group]])
            least, most = float(ends.min(0).sum()), float(ends.max(0).sum())
            size = float(np.abs(ends).max(0).sum() + np.abs(g * u).sum())
            slack = rtol * size + options.atol + MARGIN * float(error[group].sum())
            analytic = float(g @ u)
            if not least - slack <= analytic <= most + slack:
                # The nearest slope is what the gradient should have been at least.
                nearest = least if analytic < least else most
                wrong.append(Row(name, element, *(x / length for x in (analytic, nearest, least, most))))
            elif most - least > 2 * slack + BEND * steepest and k < len(single):
                kinks.append(Kink(name, element, least / length, most / length, analytic / length))
    return Verdict(kinks, wrong, reliable)


def _interval(
    rays: Rays, base: Sequence[tuple[np.ndarray, Estimate]], u: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The least and the greatest slope of each output along u, on any side of the point, and their error."""
    ahead, behind = rays.along(u), rays.along(-u)
    samples = [ahead.value, -behind.value]
    error = np.maximum(ahead.error, behind.error)
    for w, start in base:
        plus, minus = rays.along(w + NEAR * u), rays.along(w - NEAR * u)
        for a, b in ((plus, start), (start, minus)):
            good = (a.error + b.error) / NEAR <= BEND * (np.abs(a.value) + np.abs(b.value)) + error
            samples.append(np.where(good, (a.value - b.value) / NEAR, samples[0]))
    return np.minimum.reduce(samples), np.maximum.reduce(samples), error


def _finite(point: Point, used: Sequence[np.ndarray] | None) -> list[np.ndarray]:
    return [np.isfinite(y) for y in point.outputs(point.values)] if used is None else list(used)


def _row(point: Point, used: Sequence[np.ndarray], v: np.ndarray) -> np.ndarray:
    """The gradient in all inputs, for a cotangent of the finite outputs."""
    vs, start = [], 0
    for mask, y in zip(used, point.outputs(point.values)):
        part = np.zeros(mask.shape, y.dtype)
        count = int(mask.sum())
        part[mask] = v[start : start + count]
        start += count
        vs.append(part)
    return np.concatenate([np.ravel(g) for g in point.gradients(vs)])


def _groups(rng: np.random.Generator, n: int) -> list[np.ndarray]:
    """The indices 0 to n - 1 one by one, as masks; in random groups where there are many."""
    place = np.arange(n) if n <= GROUPS else rng.permutation(n) % GROUPS
    return [place == k for k in range(min(n, GROUPS))]


def _scale(x: np.ndarray) -> float:
    finite = np.abs(x[np.isfinite(x) & (x != 0)])
    return float(np.median(finite)) if finite.size else 1.0
