"""Sums, means, extremes and norms over some axes, and running sums."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..lengths import Varying
from .elementwise import plus
from .table import RULES, Case, rule

__all__: list[str] = []


def over(c: Case, kind: str, x: str, axes: list[int], keep: bool) -> str:
    """A node that reduces; over no axes nothing changes."""
    if not axes:
        return str(c.node("Identity", x))
    keepdims = int(keep)
    if kind == "ReduceSum" or c.w.opset >= 18:
        return str(c.node(kind, x, c.w.ints(axes), keepdims=keepdims))
    return str(c.node(kind, x, axes=axes, keepdims=keepdims))


def _reducing(name: str, kind: str) -> None:
    RULES[name] = lambda c: over(c, kind, c.name(0, c.dtype), c.axes(), c.params.get("keepdims", False))


for _name, _kind in {
    "sum": "ReduceSum", "mean": "ReduceMean", "prod": "ReduceProd", "amax": "ReduceMax", "amin": "ReduceMin",
    "logsumexp": "ReduceLogSumExp",
}.items():  # fmt: skip
    _reducing(_name, _kind)


def _holds(c: Case, kind: str) -> str:
    x = c.node("Cast", c.name(0, bool), to=c.w.dtype(np.int32))
    return str(c.node("Cast", over(c, kind, x, c.axes(), c.params.get("keepdims", False)), to=c.w.dtype(bool)))


RULES["any"] = lambda c: _holds(c, "ReduceMax")
RULES["all"] = lambda c: _holds(c, "ReduceMin")


def _place(c: Case, kind: str) -> str:
    x, axis = c.name(), c.params.get("axis")
    if axis is None:
        x, axis = c.node("Reshape", x, c.w.ints([-1])), 0
    return str(c.node(kind, x, axis=int(axis), keepdims=int(c.params.get("keepdims", False))))


RULES["argmax"] = lambda c: _place(c, "ArgMax")
RULES["argmin"] = lambda c: _place(c, "ArgMin")


def count(c: Case, axes: list[int], correction: float = 0) -> str:
    """How many values are reduced to one, less a correction, as a number of the output's dtype."""
    lengths = [c.shape()[a] for a in axes]
    if not any(isinstance(n, Varying) for n in lengths):
        return c.const(math.prod(lengths) - correction)
    found = [n.values if isinstance(n, Varying) else (n,) * len(c.w.tried) for n in lengths]
    total = c.w.number(Varying([math.prod(each) for each in zip(*found)]), c.dtype)
    return plus(c, total, -correction) if correction else total


def centred(c: Case, axes: list[int]) -> tuple[str, str]:
    """x less its mean, and the mean."""
    mean = over(c, "ReduceMean", c.name(), axes, True)
    return str(c.node("Sub", c.name(), mean)), mean


def _variance(c: Case) -> str:
    axes, correction = c.axes(), c.params.get("correction", 1)
    away, _ = centred(c, axes)
    total = over(c, "ReduceSum", c.node("Mul", away, away), axes, c.params.get("keepdims", False))
    return str(c.node("Div", total, count(c, axes, correction)))


RULES["var"] = _variance
RULES["std"] = lambda c: c.node("Sqrt", _variance(c))


@rule("standardize")
def standardize(c: Case) -> tuple[str, str, str]:
    axes = list(c.static("axes"))
    away, mean = centred(c, axes)
    variance = over(c, "ReduceMean", c.node("Mul", away, away), axes, True)
    deviation = c.node("Sqrt", plus(c, variance, c.static("eps")))
    return c.node("Div", away, deviation), mean, variance


@rule("scale_to_unit")
def scale_to_unit(c: Case) -> str:
    mean = over(c, "ReduceMean", c.node("Mul", c.name(), c.name()), list(c.static("axes")), True)
    return c.node("Div", c.name(), c.node("Sqrt", plus(c, mean, c.static("eps"))))


@rule("mean_product")
def mean_product(c: Case) -> str:
    return over(c, "ReduceMean", c.node("Mul", c.name(0), c.name(1)), list(c.static("axes")), True)


@rule("norm")
def norm(c: Case) -> str:
    p, axes, keep = float(c.params.get("p", 2)), c.axes(), c.params.get("keepdims", False)
    if p in (1.0, 2.0):
        return over(c, f"ReduceL{int(p)}", c.name(), axes, keep)
    powers: Any = c.node("Pow", c.node("Abs", c.name()), c.const(p))
    return c.node("Pow", over(c, "ReduceSum", powers, axes, keep), c.const(1 / p))


@rule("cumsum")
def cumsum(c: Case) -> str:
    return c.node("CumSum", c.name(0, c.dtype), c.w.constant(c.static("axis"), np.int64))
