"""Choosing between values: by a condition, a mask, bounds, or a place to write to."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import speaking_as
from ..graph import bind, state
from ..tensor import Tensor
from . import elementwise
from .arguments import dim_of
from .indexing import along, check_fits, index_put, put_add, setitem, take_out, with_item
from .op import declare
from .shape import broadcast_tensors, broadcast_to

__all__ = [
    "argwhere", "clamp", "clamp_max", "clamp_min", "clip", "index_add", "index_copy", "index_fill", "masked_fill",
    "masked_scatter", "masked_select", "nan_to_num", "nonzero", "scatter", "scatter_add", "where",
]  # fmt: skip

_where = declare(
    np.where,
    vjp=(None, lambda g, _y, condition, _a, _b: np.where(condition, g, 0.0),
         lambda g, _y, condition, _a, _b: np.where(condition, 0.0, g)),
    name="where", broadcasts=True, doc="a where the condition is true, else b, elementwise.",
)  # fmt: skip
_nonzero = declare(np.argwhere, name="nonzero", doc="The indices of values that are not 0, as rows.")


def where(condition: Tensor, input: Any = None, other: Any = None) -> Any:
    """`input` where the condition is true, else `other`, elementwise; with the condition alone, as `nonzero`.

    A value that is not chosen gets gradient 0, even if it is NaN or infinite.

    Example:
        >>> import tinygrad_course as tc
        >>> x = tc.tensor([-1, 2])
        >>> tc.where(x > 0, x, 0)
        tensor([0, 2])
    """
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    if isinstance(condition, Tensor) and condition.dtype.kind != "b" and condition.dtype != np.uint8:
        raise RuntimeError(f"where: the condition must be bool, got {condition.dtype}; write a comparison, e.g. x != 0")
    return bind(_where, condition, input, other)


def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The indices of values that are not 0: as rows, or with `as_tuple` one tensor for each dim.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nonzero(tc.tensor([0, 5, 6]))
        tensor([[1],
                [2]])
    """
    rows = bind(_nonzero, input)
    if not as_tuple:
        return rows
    return rows.unbind(1) if input.ndim else (bind(_nonzero, input.reshape(1)).reshape(-1),)


def argwhere(input: Tensor) -> Tensor:
    """The indices of values that are not 0, as rows.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.argwhere(tc.tensor([0, 5, 6])).tolist()
        [[1], [2]]
    """
    return bind(_nonzero, input)


# --- Masks --------------------------------------------------------------------------------------------------------


def _check_mask(name: str, mask: Tensor) -> None:
    if mask.dtype.kind != "b" and mask.dtype != np.uint8:
        raise RuntimeError(f"{name}: the mask must be bool, got {mask.dtype}; write a comparison, e.g. mask != 0")


def masked_fill(input: Tensor, mask: Tensor, value: float | Tensor) -> Tensor:
    """`value` where the mask is true, else `input`.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.masked_fill(tc.tensor([1, 2, 3]), tc.tensor([True, False, True]), 0)
        tensor([0, 2, 0])
    """
    _check_mask("masked_fill", mask)
    if isinstance(value, Tensor) and value.ndim:
        raise RuntimeError(f"masked_fill: value must be a number or a 0-d tensor, got shape {tuple(value.shape)}")
    y = bind(_where, mask, value, input)
    return y if y.dtype == input.dtype else y.to(input.dtype)


def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The values where the mask is true, as a vector.

    Example:
        >>> import tinygrad_course as tc
        >>> x = tc.tensor([1, 2, 3])
        >>> tc.masked_select(x, x > 1)
        tensor([2, 3])
    """
    _check_mask("masked_select", mask)
    x, mask = broadcast_tensors(input, mask)
    return take_out(x, mask)


def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """A copy with the places where the mask is true filled by the values of `source`, in order.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.masked_scatter(tc.tensor([1, 2, 3]), tc.tensor([True, False, True]), tc.tensor([7, 8, 9]))
        tensor([7, 2, 8])
    """
    _check_mask("masked_scatter", mask)
    mask = broadcast_to(mask, input.array.shape)
    n = int(np.count_nonzero(mask._value("masked_scatter")))
    if n > source.numel():
        raise RuntimeError(f"masked_scatter: the mask has {n} true places, source only {source.numel()} values")
    y = input.clone()
    y[mask] = source.reshape(-1)[:n]
    return y


# --- Bounds -------------------------------------------------------------------------------------------------------


def _clamp_of(x: Any, min: Any = None, max: Any = None) -> Any:
    if min is not None:
        x = np.maximum(x, min)
    return x if max is None else np.minimum(x, max)


def _clamp_rule(g: Any, _y: Any, x: Any, min: Any = None, max: Any = None) -> Any:
    if min is None or max is None:
        return np.where(x <= max if min is None else x >= min, g, 0.0)
    return np.where((x >= min) & (x <= max), g, 0.0)


_clamp = declare(_clamp_of, vjp=_clamp_rule, name="clamp", lazy=True,
                 doc="Values limited to bounds that are numbers; at a bound the gradient passes.")  # fmt: skip


def clamp(input: Tensor, min: float | Tensor | None = None, max: float | Tensor | None = None) -> Tensor:
    """Values below `min` raised to it, above `max` lowered to it. At a bound the gradient passes to the input.

    Args:
        min, max: numbers or tensors that broadcast; one may be None. Where min > max, max wins.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.clamp(tc.tensor([-2, 0, 5]), min=-1, max=1)
        tensor([-1,  0,  1])
    """
    if min is None and max is None:
        raise RuntimeError("clamp: give min, max or both")
    if isinstance(min, (Tensor, np.ndarray)) or isinstance(max, (Tensor, np.ndarray)):
        if min is not None:
            input = bind(_where, elementwise.lt(input, min), min, input)
        return input if max is None else bind(_where, elementwise.gt(input, max), max, input)
    return bind(_clamp, input, min=min, max=max)


clip = clamp


def clamp_min(input: Tensor, min: float | Tensor) -> Tensor:
    """Values below `min` raised to it.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.clamp_min(tc.tensor([-2, 5]), 0)
        tensor([0, 5])
    """
    return clamp(input, min)


def clamp_max(input: Tensor, max: float | Tensor) -> Tensor:
    """Values above `max` lowered to it.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.clamp_max(tc.tensor([-2, 5]), 0)
        tensor([-2,  0])
    """
    return clamp(input, max=max)


_nan_to_num = declare(
    lambda x, nan=0.0, posinf=None, neginf=None: np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf),
    vjp=lambda g, _y, x, nan=0.0, posinf=None, neginf=None: np.where(np.isfinite(x), g, 0.0),
    name="nan_to_num", lazy=True, doc="NaN and infinities replaced by numbers, where the gradient is 0.",
)  # fmt: skip


def nan_to_num(input: Tensor, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """NaN and infinities replaced: by 0 and the largest and smallest number of the dtype, or as given.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nan_to_num(tc.tensor([float("nan"), 1.0])).tolist()
        [0.0, 1.0]
    """
    return bind(_nan_to_num, input, nan=nan, posinf=posinf, neginf=neginf)


# --- Writing along a dim ------------------------------------------------------------------------------------------


def _source(name: str, src: Any, input: Tensor, index: Tensor, dim: int) -> Any:
    """The part of `src` that `index` has places for, of the input's dtype."""
    if not isinstance(src, Tensor):
        return src
    if src.dtype != input.dtype:
        raise RuntimeError(
            f"{name}: input is {input.dtype}, src {src.dtype}; convert one of them, e.g. src.to(x.dtype)"
        )
    if src.ndim != index.ndim:
        raise RuntimeError(f"{name}: index has {index.ndim} dims, src of shape {tuple(src.shape)} must have as many")
    check_fits(name, index, src.array.shape, None, "src")
    if src.array.shape != index.array.shape:
        src = take_out(src, tuple(slice(n) for n in index.array.shape))
    return src


def scatter(
    input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: float | None = None, reduce: str | None = None
) -> Tensor:
    """A copy with values of `src` written along a dim: out[index[i][j]][j] = src[i][j] for dim 0.

    Args:
        index: as many dims as input; says for each value of `src` where along `dim` it goes.
        src: a tensor at least as large as index, or a number.
        value: a number, in place of src.
        reduce: "add" or "multiply" instead of overwriting.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.scatter(tc.zeros(2, 3), 1, tc.tensor([[0], [2]]), 1.0).tolist()
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    src = value if src is None else src
    if src is None:
        raise TypeError("scatter: give src or value")
    shape = input.array.shape
    dim = dim_of("scatter", dim, len(shape))
    if not shape:
        return scatter(input.reshape(1), 0, index.reshape(-1), _as_row(src), reduce=reduce).reshape(())
    template, arrays = along("scatter", shape, dim, index)
    check_fits("scatter", index, shape, dim, "the input")
    src = _source("scatter", src, input, index, dim)
    if reduce is None:
        with speaking_as("scatter", RuntimeError):
            return bind(setitem, input, src, *arrays, index=template)
    if reduce == "add":
        if not isinstance(src, Tensor):
            src = Tensor._wrap(np.full(index.array.shape, src, input.dtype))
        with speaking_as("scatter", RuntimeError):
            return input + bind(put_add, src, *arrays, index=template, shape=shape)
    if reduce != "multiply":
        raise RuntimeError(f"scatter: reduce must be None, 'add' or 'multiply', got {reduce!r}")
    if state.grad and (input.requires_grad or (isinstance(src, Tensor) and src.requires_grad)):
        raise RuntimeError("scatter: reduce='multiply' has no gradient; detach the tensors, or use tc.prod of groups")
    out = input.array.copy()
    places = tuple(a.array if isinstance(a, Tensor) else a for a in arrays)
    np.multiply.at(out, places, src.array if isinstance(src, Tensor) else src)
    return Tensor._wrap(out)


def _as_row(src: Any) -> Any:
    return src.reshape(-1) if isinstance(src, Tensor) else src


def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """A copy with values of `src` added along a dim: out[index[i][j]][j] += src[i][j] for dim 0.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.scatter_add(tc.tensor([1, 1]), 0, tc.tensor([0, 0, 1]), tc.tensor([5, 6, 7]))
        tensor([12,  8])
    """
    return scatter(input, dim, index, src, reduce="add")


def _slices(name: str, input: Tensor, dim: int, index: Tensor) -> tuple[Any, ...]:
    if index.ndim > 1:
        raise IndexError(f"{name}: index must have one dim, got shape {tuple(index.shape)}; flatten it first")
    return (slice(None),) * dim_of(name, dim, input.array.ndim) + (index.reshape(-1),)


def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1) -> Tensor:
    """A copy with alpha · `source` added to the slices of a dim that `index` names, repeatedly if named so.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.index_add(tc.tensor([1, 1]), 0, tc.tensor([0, 0]), tc.tensor([5, 6]))
        tensor([12,  1])
    """

    return index_put(input, _slices("index_add", input, dim, index), source if alpha == 1 else source * alpha, True)


def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """A copy with the slices of a dim that `index` names replaced by those of `source`.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.index_copy(tc.tensor([1, 1]), 0, tc.tensor([1]), tc.tensor([5]))
        tensor([1, 5])
    """

    return with_item(input, _slices("index_copy", input, dim, index), source)


def index_fill(input: Tensor, dim: int, index: Tensor, value: float | Tensor) -> Tensor:
    """A copy with the slices of a dim that `index` names filled by one value.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.index_fill(tc.tensor([1, 1]), 0, tc.tensor([1]), 5)
        tensor([1, 5])
    """

    return with_item(input, _slices("index_fill", input, dim, index), value)


def _where_method(self: Tensor, condition: Tensor, other: Tensor | float) -> Tensor:
    """The tensor where the condition is true, else `other`."""
    return where(condition, self, other)


METHODS: dict[str, Any] = {name: globals()[name] for name in __all__} | {"where": _where_method}
