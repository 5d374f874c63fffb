"""Spread, norms and other summaries, each by a numerically stable algorithm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..graph import bind
from ..tensor import Tensor
from . import elementwise, extremes, reduction
from .arguments import Dims, axis_of, numpy_names, reduced_count, require_float, spread
from .indexing import ARRAY, put_add
from .op import REGISTRY, declare

__all__ = ["bincount", "corrcoef", "cov", "dist", "histc", "logsumexp", "norm", "std", "std_mean", "var", "var_mean"]

_mean = REGISTRY["mean"]
_add: Any = np.add.reduce

# --- Variance: the mean first, then the squares of what is left ---------------------------------------------------


def _per_degree(shape: Sequence[int], axis: Any, correction: float) -> float:
    """1 / (n - correction): NaN for 0 / 0, as the variance of one value is."""
    degrees = reduced_count(shape, axis) - correction
    return 1 / degrees if degrees > 0 else math.nan


def _var_of(x: Any, axis: Any = None, keepdims: bool = False, correction: float = 1) -> Any:
    require_float("var", x)
    if not reduced_count(x.shape, axis):
        return _add(x, axis, keepdims=keepdims) * math.nan
    centred = x - _mean.forward(x, axis, True)
    return _add(centred * centred, axis, None, None, keepdims) * _per_degree(x.shape, axis, correction)


def _centred(x: Any, axis: Any) -> Any:
    return x - _mean.apply(x, axis=axis, keepdims=True)


def _var_rule(g: Any, _y: Any, x: Any, axis: Any = None, keepdims: bool = False, correction: float = 1) -> Any:
    return (spread(g, x.ndim, axis, keepdims) * (2 * _per_degree(x.shape, axis, correction))) * _centred(x, axis)


def _std_rule(g: Any, y: Any, x: Any, axis: Any = None, keepdims: bool = False, correction: float = 1) -> Any:
    scaled = g * _per_degree(x.shape, axis, correction) / np.where(y == 0, 1, y)
    return spread(scaled, x.ndim, axis, keepdims) * _centred(x, axis)


_var = declare(_var_of, vjp=_var_rule, name="var", lazy=True, doc="The variance over some dims, or all.")
_std = declare(
    lambda x, axis=None, keepdims=False, correction=1: np.sqrt(_var_of(x, axis, keepdims, correction)),
    vjp=_std_rule, name="std", lazy=True,
    doc="The standard deviation over some dims, or all; where it is 0 its gradient is taken as 0.",
)  # fmt: skip


def _correction(name: str, dim: Any, unbiased: bool | None, correction: float | None) -> tuple[Any, float]:
    if isinstance(dim, bool):  # PyTorch's older form: x.var(False)
        dim, unbiased = None, dim
    if unbiased is not None and correction is not None:
        raise TypeError(f"{name}: unbiased= says correction 1 or 0; give one of the two")
    return axis_of(dim), (1 if unbiased is None else int(unbiased)) if correction is None else correction


@numpy_names
def var(
    input: Tensor, dim: Dims | bool = None, unbiased: bool | None = None, keepdim: bool = False, *,
    correction: float | None = None, axis: Dims = None, keepdims: bool = False,
) -> Tensor:  # fmt: skip
    """The variance Σ(x - mean)² / (n - correction) over `dim`, or of all values.

    Args:
        unbiased: True for correction 1 (the default), False for 0.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.var(tc.tensor([1.0, 2.0, 3.0])).item()
        1.0
    """
    axis, correction = _correction("var", dim, unbiased, correction)
    return bind(_var, input, axis=axis, keepdims=keepdim, correction=correction)


@numpy_names
def std(
    input: Tensor, dim: Dims | bool = None, unbiased: bool | None = None, keepdim: bool = False, *,
    correction: float | None = None, axis: Dims = None, keepdims: bool = False,
) -> Tensor:  # fmt: skip
    """The standard deviation, the square root of `var`. Where it is 0 its gradient is taken as 0.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.std(tc.tensor([1.0, 3.0]), correction=0).item()
        1.0
    """
    axis, correction = _correction("std", dim, unbiased, correction)
    return bind(_std, input, axis=axis, keepdims=keepdim, correction=correction)


@numpy_names
def var_mean(
    input: Tensor, dim: Dims | bool = None, unbiased: bool | None = None, keepdim: bool = False, *,
    correction: float | None = None, axis: Dims = None, keepdims: bool = False,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """`var` and `mean`.

    Example:
        >>> import tinygrad_course as tc
        >>> [x.item() for x in tc.var_mean(tc.tensor([1.0, 2.0, 3.0]))]
        [1.0, 2.0]
    """
    over = None if isinstance(dim, bool) else dim
    return var(input, dim, unbiased, keepdim, correction=correction), reduction.mean(input, over, keepdim)


@numpy_names
def std_mean(
    input: Tensor, dim: Dims | bool = None, unbiased: bool | None = None, keepdim: bool = False, *,
    correction: float | None = None, axis: Dims = None, keepdims: bool = False,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """`std` and `mean`.

    Example:
        >>> import tinygrad_course as tc
        >>> [x.item() for x in tc.std_mean(tc.tensor([1.0, 2.0, 3.0]))]
        [1.0, 2.0]
    """
    over = None if isinstance(dim, bool) else dim
    return std(input, dim, unbiased, keepdim, correction=correction), reduction.mean(input, over, keepdim)


def cov(input: Tensor, *, correction: int = 1) -> Tensor:
    """The covariance matrix of variables in rows, observations in columns.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.cov(tc.tensor([[0.0, 2.0], [2.0, 0.0]])).tolist()
        [[2.0, -2.0], [-2.0, 2.0]]
    """
    if input.ndim > 2:
        raise RuntimeError(f"cov: expected at most 2 dims, got shape {tuple(input.shape)}")
    rows = input.reshape(1, -1) if input.ndim < 2 else input
    centred = rows - reduction.mean(rows, 1, True)
    matrix = (centred @ centred.t()) * _per_degree(tuple(rows.shape), 1, correction)
    return matrix.reshape(()) if input.ndim < 2 else matrix


def corrcoef(input: Tensor) -> Tensor:
    """The correlation matrix of variables in rows, observations in columns.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.corrcoef(tc.tensor([[0.0, 2.0], [2.0, 0.0]])).round().tolist()
        [[1.0, -1.0], [-1.0, 1.0]]
    """
    matrix = cov(input)
    if not matrix.ndim:
        return matrix / matrix
    scale = elementwise.sqrt(matrix.diagonal())
    return matrix / scale.unsqueeze(1) / scale


# --- log Σ exp ----------------------------------------------------------------------------------------------------


def _logsumexp_of(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    if not x.size and not reduced_count(x.shape, axis):
        return _add(x, axis, keepdims=keepdims) - math.inf
    if x.dtype.kind != "f":
        x = x.astype(np.float64)
    top = np.maximum.reduce(x, axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    with np.errstate(divide="ignore", over="ignore"):  # rows of -inf, and +inf
        y = np.log(_add(np.exp(x - top), axis, keepdims=keepdims))
    return y + (top if keepdims else top.reshape(y.shape))


def _logsumexp_rule(g: Any, y: Any, x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    y = np.where(y == -math.inf, 0, y)  # a row of -inf: exp(-inf - 0) is 0, not NaN
    return spread(g, x.ndim, axis, keepdims) * np.exp(x - spread(y, x.ndim, axis, keepdims))


_logsumexp = declare(_logsumexp_of, vjp=_logsumexp_rule, name="logsumexp", lazy=True,
                     doc="log Σ exp(x) over some dims, without overflow.")  # fmt: skip


@numpy_names
def logsumexp(input: Tensor, dim: Dims, keepdim: bool = False, *, axis: Dims = None, keepdims: bool = False) -> Tensor:
    """log Σ exp(x) over `dim`, without overflow; -inf where all values are.

    Example:
        >>> import tinygrad_course as tc
        >>> round(tc.logsumexp(tc.tensor([1000.0, 1000.0]), dim=0).item(), 2)
        1000.69
    """
    return bind(_logsumexp, input, axis=axis_of(dim), keepdims=keepdim)


# --- Norms --------------------------------------------------------------------------------------------------------


def _norm_of(x: Any, p: float = 2, axis: Any = None, keepdims: bool = False) -> Any:
    require_float("norm", x)
    if p == 2:
        return np.sqrt(_add(x * x, axis, None, None, keepdims))
    if p == 1:
        return _add(np.abs(x), axis, None, None, keepdims)
    with np.errstate(divide="ignore"):  # 0 to a negative power
        return _add(np.abs(x) ** p, axis, None, None, keepdims) ** (1 / p)


def _norm_rule(g: Any, y: Any, x: Any, p: float = 2, axis: Any = None, keepdims: bool = False) -> Any:
    g = spread(g, x.ndim, axis, keepdims)
    if p == 1:
        return g * np.sign(x)
    y = spread(y, x.ndim, axis, keepdims)
    y = np.where(y == 0, 1, y)
    if p == 2:
        return g * (x / y)
    zero = x == 0
    return g * np.sign(x) * np.where(zero, 0, (np.where(zero, 1, np.abs(x)) / y) ** (p - 1))


_norm = declare(_norm_of, vjp=_norm_rule, name="norm", lazy=True,
                doc="(Σ|x|ᵖ)^(1/p) over some dims, or all, p not 0 or ±inf; at 0 the subgradient 0.")  # fmt: skip


@numpy_names
def norm(
    input: Tensor, p: float | str | None = "fro", dim: Dims = None, keepdim: bool = False,
    dtype: DTypeLike | None = None, *, axis: Dims = None, keepdims: bool = False,
) -> Tensor:  # fmt: skip
    """The p-norm (Σ|x|ᵖ)^(1/p) of the values over `dim`, or of all of them.

    Where the norm has no gradient, at 0, the subgradient 0 is used.

    Args:
        p: a number; inf and -inf for the largest and smallest |x|, 0 for how many are not 0; "fro" as 2.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.norm(tc.tensor([3.0, 4.0])).item()
        5.0
    """
    if dtype is not None:
        input = input.to(dtype)
    require_float("norm", input)
    if p is None or p == "fro":
        p = 2
    if isinstance(p, str):
        raise RuntimeError(f"norm: p must be a number or 'fro', got {p!r}; for 'nuc' see tc.linalg.matrix_norm")
    if p == math.inf:
        return extremes.amax(elementwise.abs(input), dim, keepdim)
    if p == -math.inf:
        return extremes.amin(elementwise.abs(input), dim, keepdim)
    if p == 0:
        return reduction.sum(elementwise.ne(input, 0), dim, keepdim).to(input.dtype)
    return bind(_norm, input, p=p, axis=axis_of(dim), keepdims=keepdim)


def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of input - other.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.dist(tc.tensor([3.0, 4.0]), tc.zeros(2)).item()
        5.0
    """
    return norm(input - other, p)


# --- Counting -----------------------------------------------------------------------------------------------------

_bincount = declare(lambda x, minlength: np.bincount(x, minlength=minlength), name="bincount",
                    doc="How often each of 0, 1, 2, … occurs.")  # fmt: skip
_histc = declare(lambda x, bins, bounds: np.histogram(x, bins, bounds)[0].astype(x.dtype), name="histc",
                 doc="How many values fall into each of some equal bins.")  # fmt: skip


def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, 2, … occurs in a vector of integers; or the sum of the weights of each.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.bincount(tc.tensor([1, 1, 3]))
        tensor([0, 2, 0, 1])
    """
    if input.ndim != 1 or input.dtype.kind not in "iu" or (input.numel() and bool((input < 0).any())):
        raise RuntimeError(
            f"bincount: expected a vector of integers that are not negative, got {input.dtype}{list(input.shape)}"
        )
    counts = bind(_bincount, input, minlength=minlength)
    if weights is None:
        return counts
    return bind(put_add, weights, input, index=(ARRAY,), shape=counts.array.shape)


def histc(input: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:
    """How many values fall into each of `bins` equal bins from `min` to `max` (of the data, if both are 0).

    Example:
        >>> import tinygrad_course as tc
        >>> tc.histc(tc.tensor([1.0, 2.0, 1.0]), bins=4, min=0, max=3).tolist()
        [0.0, 2.0, 1.0, 0.0]
    """
    if min == max == 0 and input.numel():
        values = input._value("histc")
        min, max = float(values.min()), float(values.max())
    if min == max:
        min, max = min - 1, max + 1
    return bind(_histc, input, bins=bins, bounds=(min, max))


METHODS: dict[str, Any] = {name: globals()[name] for name in __all__}
