"""Running sums, products and extremes along a dim."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..graph import bind
from ..tensor import Tensor
from .arguments import ValuesIndices, dim_of, numpy_names
from .indexing import narrow, take_along_dim
from .joining import cat
from .op import Op, declare

__all__ = ["cummax", "cummin", "cumprod", "cumsum", "diff", "linear_scan", "logcumsumexp"]

_INT64 = np.dtype(np.int64)


def _running(ufunc: np.ufunc) -> Any:
    def forward(x: Any, axis: int) -> Any:
        x = x if x.dtype.kind == "f" else x.astype(_INT64)
        return ufunc.accumulate(x, axis) if x.ndim else x.copy()

    return forward


def _flipped(x: Any, axis: int) -> Any:
    return np.flip(x, axis) if x.ndim else x


_cumsum: Op = declare(
    _running(np.add), vjp=lambda g, _y, _x, axis: _flipped(_cumsum.apply(_flipped(g, axis), axis=axis), axis),
    name="cumsum", doc="The running sum along a dim.",
)  # fmt: skip


# A running product is not differentiated by dividing by its factors, which may be 0, but by the recurrence that the
# chain rule gives: s_t = g_t + x_{t+1} s_{t+1} is the cotangent of y_t, and that of x_t is s_t y_{t-1}.


def _scan_of(a: Any, b: Any, axis: int, reverse: bool = False) -> Any:
    y = np.array(b)
    if not y.ndim:
        return y
    steps, factors = np.moveaxis(y, axis, 0), np.moveaxis(np.broadcast_to(a, y.shape), axis, 0)
    order = range(len(steps) - 2, -1, -1) if reverse else range(1, len(steps))
    last = 1 if reverse else -1
    for t in order:
        steps[t] += factors[t] * steps[t + last]
    return y


def _shifted(x: Any, axis: int, reverse: bool) -> Any:
    """x one step on along the axis, with 0 at the start."""
    if not x.ndim or not x.shape[axis]:
        return x * 0
    lead = (slice(None),) * axis
    edge = x[(*lead, slice(0, 1))] * 0
    if reverse:
        return np.concatenate([x[(*lead, slice(1, None))], edge], axis)
    return np.concatenate([edge, x[(*lead, slice(None, -1))]], axis)


def _scan_b(g: Any, _y: Any, a: Any, _b: Any, axis: int, reverse: bool = False) -> Any:
    return linear_scan.apply(_shifted(a, axis, not reverse), g, axis=axis, reverse=not reverse)


def _scan_a(g: Any, y: Any, a: Any, b: Any, axis: int, reverse: bool = False) -> Any:
    return _scan_b(g, y, a, b, axis, reverse) * _shifted(y, axis, reverse)


linear_scan: Op = declare(
    _scan_of, name="linear_scan",
    vjp=(_scan_a, _scan_b),
    doc="y_t = a_t y_{t-1} + b_t along a dim, for a and b of one shape; `reverse` runs from the end.",
)  # fmt: skip


def _cumprod_rule(g: Any, y: Any, x: Any, axis: int) -> Any:
    if not x.ndim:
        return g
    lead = (slice(None),) * axis
    before = np.concatenate([np.ones_like(x[(*lead, slice(0, 1))]), y[(*lead, slice(None, -1))]], axis)
    return _scan_b(g, y, x, x, axis) * before


_cumprod = declare(_running(np.multiply), vjp=_cumprod_rule, name="cumprod", doc="The running product along a dim.")


@numpy_names
def cumsum(input: Tensor, dim: int, *, dtype: DTypeLike | None = None, axis: int = 0) -> Tensor:
    """The running sum along `dim`.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.cumsum(tc.tensor([1, 2, 3]), dim=0)
        tensor([1, 3, 6])
    """
    x = input if dtype is None else input.to(dtype)
    return bind(_cumsum, x, axis=dim_of("cumsum", dim, input.array.ndim))


@numpy_names
def cumprod(input: Tensor, dim: int, *, dtype: DTypeLike | None = None, axis: int = 0) -> Tensor:
    """The running product along `dim`. The gradient is right where values are 0, too.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.cumprod(tc.tensor([2, 3, 4]), dim=0)
        tensor([ 2,  6, 24])
    """
    x = input if dtype is None else input.to(dtype)
    return bind(_cumprod, x, axis=dim_of("cumprod", dim, input.array.ndim))


def _running_place(ufunc: np.ufunc) -> Any:
    def forward(x: Any, axis: int) -> Any:
        if not x.ndim:
            return np.zeros((), _INT64)
        # The latest place that equals the extreme so far; once a NaN is met, the latest NaN.
        at = np.arange(x.shape[axis]).reshape((-1,) + (1,) * (x.ndim - 1 - axis))
        return np.maximum.accumulate(np.where((x == ufunc.accumulate(x, axis)) | (x != x), at, 0), axis)

    return forward


_cummax_place = declare(_running_place(np.maximum), name="cummax_place", doc="Where the running maximum was met.")
_cummin_place = declare(_running_place(np.minimum), name="cummin_place", doc="Where the running minimum was met.")


@numpy_names
def cummax(input: Tensor, dim: int, *, axis: int = 0) -> ValuesIndices:
    """The running maximum along `dim`, and where it was met: the latest of equals.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.cummax(tc.tensor([1, 3, 2]), dim=0).values
        tensor([1, 3, 3])
    """
    places = bind(_cummax_place, input, axis=dim_of("cummax", dim, input.array.ndim))
    return ValuesIndices(take_along_dim(input, places, dim), places)


@numpy_names
def cummin(input: Tensor, dim: int, *, axis: int = 0) -> ValuesIndices:
    """The running minimum along `dim`, and where it was met: the latest of equals.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.cummin(tc.tensor([2, 3, 1]), dim=0).values
        tensor([2, 2, 1])
    """
    places = bind(_cummin_place, input, axis=dim_of("cummin", dim, input.array.ndim))
    return ValuesIndices(take_along_dim(input, places, dim), places)


def _logcumsumexp_rule(g: Any, y: Any, x: Any, axis: int) -> Any:
    # dx_t = Σ_{s≥t} g_s exp(x_t - y_s): with exp(x_t - y_s) = exp(x_t - y_t) Π exp(y_{k-1} - y_k), a linear scan.
    finite = np.where(np.isfinite(y), y, 0)
    step = np.exp(np.minimum(_shifted(finite, axis, False) - finite, 0))
    return np.exp(x - finite) * _scan_b(g, y, step, g, axis)


_logcumsumexp = declare(_running(np.logaddexp), vjp=_logcumsumexp_rule, name="logcumsumexp",
                        doc="The logarithm of the running sum of exp(x) along a dim, without overflow.")  # fmt: skip


@numpy_names
def logcumsumexp(input: Tensor, dim: int, *, axis: int = 0) -> Tensor:
    """The logarithm of the running sum of exp(x) along `dim`, without overflow.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.logcumsumexp(tc.tensor([1000.0, 1000.0]), dim=0)[0].item()
        1000.0
    """
    return bind(_logcumsumexp, input, axis=dim_of("logcumsumexp", dim, input.array.ndim))


@numpy_names
def diff(
    input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None, *,
    axis: int = -1,
) -> Tensor:  # fmt: skip
    """The differences of neighbours along `dim`, `n` times over.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.diff(tc.tensor([1, 4, 9]))
        tensor([3, 5])
    """
    if not input.array.ndim:
        raise RuntimeError("diff: a 0-d tensor has no neighbours")
    dim = dim_of("diff", dim, input.array.ndim)
    x = cat([part for part in (prepend, input, append) if part is not None], dim)
    for _ in range(min(n, x.shape[dim])):
        length = x.shape[dim]
        above, below = narrow(x, dim, 1, length - 1), narrow(x, dim, 0, length - 1)
        x = above != below if x.array.dtype.kind == "b" else above - below
    return x


METHODS: dict[str, Any] = {name: globals()[name] for name in __all__ if name != "linear_scan"}
