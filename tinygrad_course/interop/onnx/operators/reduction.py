"""Sums, means, extremes and norms over some axes, where they are, and running sums."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .... import ops
from ....tensor import Tensor
from .table import OPERATORS, ints, operator

__all__ = ["axes_of"]


def axes_of(step: Any, x: Tensor, axes: Tensor | None) -> tuple[int, ...] | None:
    """The axes of a reduction: an attribute of old, an input since; None for all."""
    found = step.get("axes", []) if axes is None else ints(axes, step)
    return tuple(a % x.ndim for a in found) if found else None


def _reducing(function: Callable[..., Any]) -> Callable[..., Any]:
    def compute(step: Any, x: Tensor, axes: Tensor | None = None) -> Any:
        found = axes_of(step, x, axes)
        if found is None and step.get("noop_with_empty_axes", 0):
            return function(x, (), True)
        return function(x, tuple(range(x.ndim)) if found is None else found, bool(step.get("keepdims", 1)))

    return compute


def _kept(x: Tensor, reduced: Any) -> Any:
    """Whole numbers keep their width."""
    return reduced if reduced.dtype == x.dtype else reduced.to(x.dtype)


def _sum(x: Tensor, axes: Any, keep: bool) -> Any:
    return _kept(x, x.sum(axes, keep)) if axes else x


def _mean(x: Tensor, axes: Any, keep: bool) -> Any:
    return (x.mean(axes, keep) if x.array.dtype.kind == "f" else _sum(x, axes, keep) // _count(x, axes)) if axes else x


def _count(x: Tensor, axes: Any) -> int:
    return int(np.prod([x.shape[a] for a in axes]))


def _prod(x: Tensor, axes: Any, keep: bool) -> Any:
    for axis in sorted(axes, reverse=True):
        x = _kept(x, x.prod(axis, keep))
    return x


def _extreme(largest: bool) -> Callable[..., Any]:
    def compute(x: Tensor, axes: Any, keep: bool) -> Any:
        if not axes:
            return x
        if not _count(x, axes):
            shape = tuple(1 if i in axes else n for i, n in enumerate(x.shape) if keep or i not in axes)
            kind = x.array.dtype
            limits: Any = np.iinfo(kind) if kind.kind in "iu" else None
            low, high = (limits.min, limits.max) if limits else (-np.inf, np.inf) if kind.kind == "f" else (0, 1)
            return Tensor._wrap(np.full(shape, low if largest else high, kind))
        whole = x.to(np.dtype(np.uint8)) if x.array.dtype.kind == "b" else x
        y = whole.amax(axes, keep) if largest else whole.amin(axes, keep)
        return y.to(x.dtype) if y.dtype != x.dtype else y

    return compute


def _log_sum_exp(x: Tensor, axes: Any, keep: bool) -> Any:
    if not axes:
        return x
    if not _count(x, axes):
        return _sum(x, axes, keep).log()
    return x.logsumexp(axes, keep)


for _name, _function in {
    "ReduceSum": _sum, "ReduceMean": _mean, "ReduceProd": _prod, "ReduceMax": _extreme(True),
    "ReduceMin": _extreme(False), "ReduceL1": lambda x, a, k: _sum(ops.abs(x), a, k),
    "ReduceL2": lambda x, a, k: ops.sqrt(_sum(x * x, a, k)).to(x.dtype) if a else ops.abs(x),
    "ReduceSumSquare": lambda x, a, k: _sum(x * x, a, k), "ReduceLogSum": lambda x, a, k: ops.log(_sum(x, a, k)),
    "ReduceLogSumExp": _log_sum_exp,
}.items():  # fmt: skip
    OPERATORS[_name] = _reducing(_function)


@operator("ArgMax", "ArgMin")
def arg(step: Any, x: Tensor) -> Any:
    axis, keep, last = step.get("axis", 0), bool(step.get("keepdims", 1)), step.get("select_last_index", 0)
    if last:
        x = x.flip(axis)
    place = x.argmax(axis, keepdim=keep) if step.kind == "ArgMax" else x.argmin(axis, keepdim=keep)
    return x.shape[axis] - 1 - place if last else place


@operator("CumSum", "CumProd")
def cumulative(step: Any, x: Tensor, axis: Tensor) -> Any:
    (dim,) = ints(axis, step)
    turned, exclusive, product = bool(step.get("reverse", 0)), bool(step.get("exclusive", 0)), step.kind == "CumProd"
    y = x.flip(dim) if turned else x
    if exclusive:
        first = Tensor._wrap(np.full_like(x.array.take([0], dim), int(product)))
        y = ops.cat([first, y.narrow(dim, 0, x.shape[dim] - 1)], dim)
    y = _kept(x, y.cumprod(dim) if product else y.cumsum(dim))
    return y.flip(dim) if turned else y


@operator("LpNormalization")
def lp_normalization(step: Any, x: Tensor) -> Any:
    axis, p = step.get("axis", -1), step.get("p", 2)
    norm = x.norm(p, axis, True)
    return ops.where(norm == 0, 0.0, x / ops.where(norm == 0, 1.0, norm)).to(x.dtype)


@operator("MeanVarianceNormalization")
def mean_variance_normalization(step: Any, x: Tensor) -> Any:
    axes = tuple(a % x.ndim for a in step.get("axes", [0, 2, 3]))
    away = x - x.mean(axes, True)
    return away / ((away * away).mean(axes, True).sqrt() + 1e-9)
