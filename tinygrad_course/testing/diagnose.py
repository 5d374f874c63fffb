"""What is likely wrong with a rule, where the evidence fits one cause.

The evidence is the Jacobian by the rule and by differences, at the call's own inputs and at two points nearby, so that
a constant factor is told from one that merely looks constant at a point.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from ..random import fork_rng, manual_seed
from .function import Point
from .numerical import derivative

__all__ = ["diagnose", "unsteady"]

# Larger Jacobians than this many elements of input or output are not computed.
LARGEST = 64
RTOL = 1e-6

# Derivatives that are taken for one another, as functions of the input x and the output y.
KNOWN: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "1 + h²": lambda x, y: 1 + y * y,
    "1 - h²": lambda x, y: 1 - y * y,
    "1 - x²": lambda x, y: 1 - x * x,
    "h (1 - h)": lambda x, y: y * (1 - y),
    "h (1 + h)": lambda x, y: y * (1 + y),
    "x (1 - x)": lambda x, y: x * (1 - x),
    "1": lambda x, y: np.ones_like(x),
    "h": lambda x, y: y,
    "x": lambda x, y: x,
    "x²": lambda x, y: x * x,
    "cos x": lambda x, y: np.cos(x),
    "sin x": lambda x, y: np.sin(x),
    "exp x": lambda x, y: np.exp(x),
    "1 / x": lambda x, y: 1 / x,
    "1 / x²": lambda x, y: 1 / (x * x),
    "1 / (1 + x²)": lambda x, y: 1 / (1 + x * x),
    "1 / (2h)": lambda x, y: 1 / (2 * y),
    "sign x": lambda x, y: np.sign(x),
    "1 for x > 0, else 0": lambda x, y: np.where(x > 0, 1.0, 0.0),
}


def unsteady(point: Point) -> str | None:
    """Whether a function gives other values when it is called again, and why."""
    if _same(point.outputs(point.values), point.outputs(point.values)):
        return None
    runs = []
    # The functions of users may draw from NumPy's global state.
    before = np.random.get_state()  # noqa: NPY002
    try:
        for _ in range(2):
            with fork_rng():
                manual_seed(0)
                np.random.seed(0)  # noqa: NPY002
                runs.append(point.outputs(point.values))
    finally:
        np.random.set_state(before)  # noqa: NPY002
    if _same(*runs):
        return "non-determinism: each call draws other random numbers; set the seed inside the function"
    return "dependence on hidden state: the same inputs give other values at each call, whatever the seed"


def diagnose(point: Point, position: int, rng: np.random.Generator) -> str | None:
    """The likely cause of a wrong gradient of a call in its input at `position`, or None."""
    if any(x.size > LARGEST for x in [*point.values, *point.outputs(point.values)]):
        return None
    i = point.wrt.index(position)
    points = [point, *(_nearby(point, rng) for _ in range(2))]
    with np.errstate(all="ignore"):
        rules = [_by_rule(p) for p in points]
        slopes = [_by_differences(p) for p in points]
        a, n = (np.concatenate([m[i].ravel() for m in ms]) for ms in (rules, slopes))
        if not np.isfinite(a).all():
            return "the rule gives NaN or infinity"
        if not np.isfinite(n).all():
            return None
        if not _linear(point, i):
            return "the rule is not linear in the cotangent: g is left out, or counts more than once"
        if not a.any():
            return "zero: detached from the graph, or left out of the chain rule"
        factor = float(a @ n / (n @ n)) if n.any() else math.nan
        if _close(a, factor * n):
            return "sign flipped" if abs(factor + 1) < RTOL else f"constant factor {_number(factor)}"
        causes = []
        shape = point.values[i].shape
        if len(shape) >= 2 and shape[-1] == shape[-2]:
            turned = [m[i].reshape(-1, *shape).swapaxes(-1, -2).ravel() for m in slopes]
            if _close(a, np.concatenate(turned)):
                causes.append("transposed")
        for j, other in enumerate(point.wrt):
            alike = j != i and point.values[j].shape == shape
            if alike and _close(a, np.concatenate([m[j].ravel() for m in slopes])):
                causes.append(f"swapped: this is the gradient of input {other}")
        missing = _unsummed(point, i, rules[0][i], slopes[0][i])
        if missing:
            causes.append(missing)
        causes = causes or _other_function(points, i, rules, slopes)
        return causes[0] if len(causes) == 1 else None


def _other_function(
    points: list[Point], i: int, rules: list[list[np.ndarray]], slopes: list[list[np.ndarray]]
) -> list[str]:
    """For an elementwise function: the known derivative that the rule computes, if it is just one."""
    ys = [p.outputs(p.values) for p in points]
    if any(len(y) != 1 or y[0].shape != p.values[i].shape for y, p in zip(ys, points)):
        return []
    if not all(_close(m[i], np.diag(np.diag(m[i]))) for m in (*rules, *slopes)):
        return []
    x = np.concatenate([p.values[i].ravel() for p in points])
    y = np.concatenate([y[0].ravel() for y in ys])
    a, n = (np.concatenate([np.diag(m[i]) for m in ms]) for ms in (rules, slopes))
    given, right = ([name for name, f in KNOWN.items() if _close(v, f(x, y))] for v in (a, n))
    if len(given) != 1:
        return []
    return [f"derivative of another function: {given[0]}" + (f" instead of {right[0]}" if len(right) == 1 else "")]


def _unsummed(point: Point, i: int, a: np.ndarray, n: np.ndarray) -> str | None:
    """Whether the rule counts one place of an axis only, along which the input was broadcast."""
    ys, shape = point.outputs(point.values), point.values[i].shape
    if len(ys) != 1 or ys[0].ndim < len(shape):
        return None
    whole = (1,) * (ys[0].ndim - len(shape)) + shape
    for axis, (long, short) in enumerate(zip(ys[0].shape, whole)):
        if long > 1 and short == 1:
            place = np.indices(ys[0].shape)[axis].ravel()
            if any(_close(a, np.where((place == k)[:, None], n, 0.0)) for k in range(long)):
                return f"missing sum over broadcast axis {axis} of the output"
    return None


def _by_rule(point: Point) -> list[np.ndarray]:
    """Per input, the Jacobian with a row for each element of the outputs, by the backward pass."""
    ys = point.outputs(point.values)
    rows = []
    for k, y in enumerate(ys):
        for place in np.ndindex(y.shape):
            vs = [np.zeros_like(other) for other in ys]
            vs[k][place] = 1
            rows.append([np.ravel(g) for g in point.gradients(vs)])
    return [np.stack([row[i] for row in rows]) for i in range(len(point.wrt))]


def _by_differences(point: Point) -> list[np.ndarray]:
    """The same by differences."""
    found = []
    for i, x in enumerate(point.values):
        columns = []
        for place in np.ndindex(x.shape):
            u = np.zeros(x.shape)
            u[place] = length = abs(float(x[place])) or 1.0

            def curve(t: float, i: int = i, u: np.ndarray = u) -> np.ndarray:
                moved = [*point.values[:i], np.asarray(point.values[i] + t * u), *point.values[i + 1 :]]
                return np.concatenate([y.ravel() for y in point.outputs(moved)])

            columns.append(derivative(curve).value / length)
        found.append(
            np.stack(columns, 1) if columns else np.zeros((sum(y.size for y in point.outputs(point.values)), 0))
        )
    return found


def _linear(point: Point, i: int) -> bool:
    vs = [np.ones_like(y) for y in point.outputs(point.values)]
    return _close(point.gradients([3 * v for v in vs])[i], 3 * point.gradients(vs)[i])


def _nearby(point: Point, rng: np.random.Generator) -> Point:
    """The same function at inputs moved by some percent."""
    return point.moved([x * rng.uniform(0.8, 1.2, x.shape) for x in point.values])


def _number(factor: float) -> str:
    simple = Fraction(factor).limit_denominator(100)
    return str(simple) if simple and abs(float(simple) / factor - 1) < RTOL else f"{factor:.6g}"


def _close(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.abs(a - b).max(initial=0.0) <= RTOL * np.abs(b).max(initial=0.0))


def _same(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    return all(np.array_equal(x, y, equal_nan=True) for x, y in zip(a, b, strict=True))
