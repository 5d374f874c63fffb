"""Tensors made from sizes and numbers."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .. import dtypes
from ..device import check_device
from ..tensor import Tensor, tensor
from .convert import LEGACY, legacy_dtype
from .protocols import implements

__all__ = [
    "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "HalfTensor", "IntTensor", "LongTensor",
    "ShortTensor", "arange", "e", "empty", "empty_like", "eye", "full", "full_like", "inf", "linspace", "logspace",
    "nan", "newaxis", "ones", "ones_like", "pi", "range", "scalar_tensor", "set_default_tensor_type", "tril_indices",
    "triu_indices", "zeros", "zeros_like",
]  # fmt: skip

e, inf, nan, pi = math.e, math.inf, math.nan, math.pi
newaxis = None


def sizes(name: str, shape: Any, size: Any = None) -> tuple[int, ...]:
    """A shape given as numbers, as one sequence, or by `size=`; raises for what is not a size."""
    if size is not None:
        if shape:
            raise TypeError(f"{name}: got sizes by position and size=; give one of them")
        shape = (size,)
    size = shape
    if len(size) == 1 and isinstance(size[0], (tuple, list)):
        size = size[0]
    try:
        shape = tuple([operator.index(n) for n in size])
    except TypeError:
        raise TypeError(f"{name}: expected sizes as integers or one tuple of them, got {tuple(size)!r}") from None
    if shape and min(shape) < 0:
        raise RuntimeError(f"{name}: sizes cannot be negative, got {shape}")
    return shape


def made(array: np.ndarray, requires_grad: bool = False) -> Tensor:
    out = Tensor._wrap(array)
    if requires_grad:
        out.requires_grad = True
    return out


def _settings(name: str, dtype: DTypeLike | None, device: Any) -> np.dtype:
    check_device(device, name)
    return dtypes.get_default_dtype() if dtype is None else dtypes.check_dtype(name, dtype)


def _like(name: str, x: Any, dtype: DTypeLike | None, device: Any) -> tuple[tuple[int, ...], np.dtype]:
    check_device(device, name)
    if not isinstance(x, Tensor):
        raise TypeError(f"{name}: expected a Tensor, got {type(x).__name__}")
    return x.array.shape, x.array.dtype if dtype is None else dtypes.check_dtype(name, dtype)


# --- Filled -------------------------------------------------------------------------------------------------------


def zeros(
    *shape: Any, size: Any = None, dtype: DTypeLike | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of zeros.

    Args:
        shape: the lengths of the dimensions, as numbers or one tuple.
        size: the same by name.
        dtype: default: the default float dtype.
        device: only the CPU exists.
        requires_grad: record operations on it.

    Raises:
        RuntimeError: for a negative size.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.zeros(2, 3)
        tensor([[0., 0., 0.],
                [0., 0., 0.]])
    """
    return made(np.zeros(sizes("zeros", shape, size), _settings("zeros", dtype, device)), requires_grad)


def ones(
    *shape: Any, size: Any = None, dtype: DTypeLike | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of ones; see `zeros`."""
    return made(np.ones(sizes("ones", shape, size), _settings("ones", dtype, device)), requires_grad)


def empty(
    *shape: Any, size: Any = None, dtype: DTypeLike | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor whose values are whatever was in memory; see `zeros`."""
    return made(np.empty(sizes("empty", shape, size), _settings("empty", dtype, device)), requires_grad)


def full(
    size: Any, fill_value: Any, *, dtype: DTypeLike | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor filled with one value, of the value's dtype (Python floats: the default dtype).

    Example:
        >>> import tinygrad_course as tc
        >>> tc.full((2,), 7)
        tensor([7, 7])
    """
    check_device(device, "full")
    value = fill_value if isinstance(fill_value, Tensor) else tensor(fill_value)
    chosen = value.array.dtype if dtype is None else dtypes.check_dtype("full", dtype)
    return made(np.full(sizes("full", (size,)), value.array, chosen), requires_grad)


def scalar_tensor(s: Any, *, dtype: DTypeLike | None = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A 0-dimensional tensor of the default dtype."""
    return made(np.array(s, _settings("scalar_tensor", dtype, device)), requires_grad)


def zeros_like(
    input: Tensor, *, dtype: DTypeLike | None = None, device: Any = None, requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """Zeros of the shape, and unless given the dtype, of another tensor."""
    return made(np.zeros(*_like("zeros_like", input, dtype, device)), requires_grad)


def ones_like(
    input: Tensor, *, dtype: DTypeLike | None = None, device: Any = None, requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """Ones of the shape, and unless given the dtype, of another tensor."""
    return made(np.ones(*_like("ones_like", input, dtype, device)), requires_grad)


def empty_like(
    input: Tensor, *, dtype: DTypeLike | None = None, device: Any = None, requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """Uninitialized values of the shape, and unless given the dtype, of another tensor."""
    return made(np.empty(*_like("empty_like", input, dtype, device)), requires_grad)


def full_like(
    input: Tensor, fill_value: Any, *, dtype: DTypeLike | None = None, device: Any = None, requires_grad: bool = False,
    memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """One value in the shape, and unless given the dtype, of another tensor."""
    shape, chosen = _like("full_like", input, dtype, device)
    value = fill_value.array if isinstance(fill_value, Tensor) else fill_value
    return made(np.full(shape, value, chosen), requires_grad)


def eye(
    n: int, m: int | None = None, *, dtype: DTypeLike | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """The n × m matrix (default: square) with ones on the diagonal."""
    shape = sizes("eye", (n, n if m is None else m))
    return made(np.eye(*shape, dtype=_settings("eye", dtype, device)), requires_grad)


# --- Sequences of numbers -----------------------------------------------------------------------------------------


def _number(name: str, x: Any) -> Any:
    if isinstance(x, (Tensor, np.ndarray, np.generic)):
        x = x.item()
    if not isinstance(x, (int, float)):
        raise TypeError(f"{name}: expected a number, got {type(x).__name__}")
    return x


def _steps(name: str, start: Any, end: Any, step: Any) -> tuple[Any, Any, Any]:
    start, end, step = (_number(name, x) for x in (start, end, step))
    if step == 0 or not all(map(math.isfinite, (start, end, step))):
        raise RuntimeError(f"{name}: needs finite bounds and a step other than 0, got {start}, {end}, step {step}")
    if (end - start) * step < 0:
        raise RuntimeError(f"{name}: the step {step} leads from {start} away from {end}; change its sign")
    return start, end, step


def arange(
    start: Any, end: Any = None, step: Any = 1, *, dtype: DTypeLike | None = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """The numbers from `start` (default 0) to before `end`: int64 if all arguments are ints, else the default dtype.

    Value i is start + i · step, computed in float64: the last value does not drift.

    Raises:
        RuntimeError: if `step` is 0 or leads away from `end`.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.arange(3)
        tensor([0, 1, 2])
        >>> tc.arange(0, 1, 0.25)
        tensor([0.0000, 0.2500, 0.5000, 0.7500])
    """
    if end is None:
        start, end = 0, start
    start, end, step = _steps("arange", start, end, step)
    whole = all(isinstance(x, int) for x in (start, end, step))
    chosen = _settings("arange", dtypes.int64 if whole and dtype is None else dtype, device)
    if whole:
        return made(np.arange(start, end, step, dtype=np.int64).astype(chosen, copy=False), requires_grad)
    return made(_spaced(start, step, math.ceil((end - start) / step), chosen), requires_grad)


def _spaced(start: float, step: float, count: int, dtype: np.dtype) -> np.ndarray:
    values = np.arange(count, dtype=np.float64)
    values *= step
    values += start
    return values.astype(dtype, copy=False)


def range(
    start: Any, end: Any = None, step: Any = 1, *, dtype: DTypeLike | None = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """The numbers from `start` (default 0) to `end` inclusive, as floats; `arange` is what you want."""
    if end is None:
        start, end = 0, start
    start, end, step = _steps("range", start, end, step)
    chosen = _settings("range", dtype, device)
    return made(_spaced(start, step, math.floor((end - start) / step) + 1, chosen), requires_grad)


def linspace(
    start: Any, end: Any, steps: int, *, dtype: DTypeLike | None = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """`steps` numbers evenly spaced from `start` to `end`, both included.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.linspace(0, 1, 3)
        tensor([0.0000, 0.5000, 1.0000])
    """
    (count,) = sizes("linspace", (steps,))
    chosen = _settings("linspace", dtype, device)
    values = np.linspace(_number("linspace", start), _number("linspace", end), count)
    return made(values.astype(chosen, copy=False), requires_grad)


def logspace(
    start: Any, end: Any, steps: int, base: float = 10.0, *, dtype: DTypeLike | None = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """`steps` numbers evenly spaced on a logarithmic scale, from base^start to base^end."""
    (count,) = sizes("logspace", (steps,))
    chosen = _settings("logspace", dtype, device)
    values = np.logspace(_number("logspace", start), _number("logspace", end), count, base=base)
    return made(values.astype(chosen, copy=False), requires_grad)


def tril_indices(row: int, col: int, offset: int = 0, *, dtype: DTypeLike = np.int64, device: Any = None) -> Tensor:
    """The indices (2 × count) of the lower triangle of a row × col matrix, row by row."""
    chosen = _settings("tril_indices", dtype, device)
    rows, columns = sizes("tril_indices", (row, col))
    return made(np.stack(np.tril_indices(rows, offset, columns)).astype(chosen))


def triu_indices(row: int, col: int, offset: int = 0, *, dtype: DTypeLike = np.int64, device: Any = None) -> Tensor:
    """The indices (2 × count) of the upper triangle of a row × col matrix, row by row."""
    chosen = _settings("triu_indices", dtype, device)
    rows, columns = sizes("triu_indices", (row, col))
    return made(np.stack(np.triu_indices(rows, offset, columns)).astype(chosen))


# --- In the manner of another tensor ------------------------------------------------------------------------------


def new_zeros(
    x: Tensor,
    *shape: Any,
    size: Any = None,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Zeros of the given size in the dtype of this tensor."""
    return zeros(
        *shape, size=size, dtype=x.array.dtype if dtype is None else dtype, device=device, requires_grad=requires_grad
    )


def new_ones(
    x: Tensor,
    *shape: Any,
    size: Any = None,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Ones of the given size in the dtype of this tensor."""
    return ones(
        *shape, size=size, dtype=x.array.dtype if dtype is None else dtype, device=device, requires_grad=requires_grad
    )


def new_empty(
    x: Tensor,
    *shape: Any,
    size: Any = None,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Uninitialized values of the given size in the dtype of this tensor."""
    return empty(
        *shape, size=size, dtype=x.array.dtype if dtype is None else dtype, device=device, requires_grad=requires_grad
    )


def new_full(
    x: Tensor, size: Any, fill_value: Any, *, dtype: DTypeLike | None = None, device: Any = None,
    requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """One value in the given size and the dtype of this tensor."""
    chosen = x.array.dtype if dtype is None else dtype
    return full(size, fill_value, dtype=chosen, device=device, requires_grad=requires_grad)


def new_tensor(
    x: Tensor, data: Any, *, dtype: DTypeLike | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of a copy of the data, in the dtype of this tensor."""
    return tensor(data, dtype=x.array.dtype if dtype is None else dtype, device=device, requires_grad=requires_grad)


def new(x: Tensor, *data: Any) -> Tensor:
    """A tensor in the dtype of this one, of a size given by ints or of data; see `new_zeros`, `new_tensor`."""
    return _legacy(x.array.dtype, data)


def _legacy(dtype: np.dtype, data: tuple[Any, ...]) -> Tensor:
    if len(data) == 1 and not isinstance(data[0], int):
        return tensor(data[0], dtype=dtype)
    return zeros(*(data or (0,)), dtype=dtype)


def _constructor(name: str, dtype: np.dtype) -> Callable[..., Tensor]:
    def construct(*data: Any) -> Tensor:
        return _legacy(dtype, data)

    construct.__name__ = construct.__qualname__ = name
    construct.__doc__ = (
        f"A {dtype} tensor of data, or of zeros of a size given by ints. Prefer `tc.tensor`, `tc.zeros`."
    )
    construct.dtype = dtype  # type: ignore[attr-defined]
    return construct


BoolTensor, ByteTensor, CharTensor, DoubleTensor, FloatTensor, HalfTensor, IntTensor, LongTensor, ShortTensor = (
    _constructor(name, LEGACY[name]) for name in sorted(LEGACY)
)


def set_default_tensor_type(t: Any) -> None:
    """Set the default dtype by a legacy constructor or its name; prefer `tc.set_default_dtype`."""
    dtypes.set_default_dtype(legacy_dtype("set_default_tensor_type", t))


# --- NumPy's names, for rules that run on Tensors -----------------------------------------------------------------

for _function, _own in (
    (np.zeros_like, zeros_like), (np.ones_like, ones_like), (np.empty_like, empty_like), (np.full_like, full_like),
):  # fmt: skip
    implements(_function)(_own)

METHODS: dict[str, Any] = {
    function.__name__: function for function in (new, new_empty, new_full, new_ones, new_tensor, new_zeros)
}
