"""`x[...]`: taking values out, adding them back, and writing them.

An index is split into a static template (ints, slices, None, Ellipsis) and the arrays in it, which are inputs of the
operation. So `x[i]` is one primitive, whose adjoint adds a cotangent back at the same places; each is the other's rule.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ..errors import speaking_as
from ..graph import bind
from ..tensor import Tensor
from .arguments import dim_of, numpy_names
from .op import Op, declare
from .views import view

__all__ = ["gather", "index_put", "index_select", "narrow", "select", "take", "take_along_dim"]


class _Array:
    """The mark, in a template, of a place for an index array."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ARRAY"

    def __reduce__(self) -> str:
        return "ARRAY"


ARRAY = _Array()
_STATIC = frozenset({int, slice, type(None), type(Ellipsis)})
_ALL = slice(None)


def split_index(index: Any) -> tuple[Any, list[Any]]:
    """The template of an index, and the arrays in it."""
    if type(index) is not tuple:
        if type(index) in _STATIC:
            return index, []
        index = (index,)
    template: list[Any] = []
    arrays: list[Any] = []
    for part in index:
        if type(part) in _STATIC:
            template.append(part)
        elif isinstance(part, Tensor):
            arrays.append(part)
            template.append(ARRAY)
        elif isinstance(part, (list, tuple, range, np.ndarray)):
            arrays.append(_index_array(part))
            template.append(ARRAY)
        elif isinstance(part, (bool, np.bool_)):
            arrays.append(np.asarray(part))
            template.append(ARRAY)
        elif hasattr(part, "__index__"):
            template.append(part.__index__())
        else:
            raise IndexError(
                f"getitem: an index must be made of integers, slices, None, ..., and integer or bool tensors, "
                f"got {type(part).__name__}"
            )
    return tuple(template), arrays


def _index_array(part: Any) -> np.ndarray:
    if not isinstance(part, np.ndarray):
        part = np.asarray([x.array if isinstance(x, Tensor) else x for x in part])
        if not part.size:
            part = part.astype(np.intp)
    return part


def filled(index: Any, arrays: Any) -> Any:
    """The index that a template and its arrays mean."""
    if not arrays:
        return index
    for a in arrays:
        if a.dtype.kind not in "iub":
            raise IndexError(f"getitem: index tensors must be integer or bool, got {a.dtype}; convert with x.long()")
    # uint8 is PyTorch's older mask dtype.
    given = iter([a.astype(bool) if a.dtype == np.uint8 else a for a in arrays])
    return tuple(next(given) if part is ARRAY else part for part in index)


def _only_array(index: Any, arrays: Any) -> int | None:
    """The dim that is indexed by an integer array, if everything else is taken whole."""
    if len(arrays) != 1 or arrays[0].dtype.kind != "i":
        return None
    for dim, part in enumerate(index):
        if part is ARRAY:
            return dim if all(p == _ALL for p in index[dim + 1 :] if p is not ARRAY) else None
        if part != _ALL:
            return None
    return None


def _getitem_of(x: Any, *arrays: Any, index: Any) -> Any:
    if arrays:
        dim = _only_array(index, arrays)
        if dim is not None and dim < x.ndim:
            return x.take(arrays[0], dim)
    y = x[filled(index, arrays)]
    if type(y) is np.ndarray or arrays:
        return y
    return x[(*index, ...) if type(index) is tuple else (index, ...)]  # a view of the one value, not its number


def _put_add_of(g: Any, *arrays: Any, index: Any, shape: tuple[int, ...]) -> Any:
    out = np.zeros(shape, g.dtype)
    if not arrays or all(a.dtype.kind == "b" for a in arrays):  # no place is named twice
        out[filled(index, arrays)] = g
        return out
    dim = _only_array(index, arrays)
    if dim is not None and g.size > 256:
        _add_rows(np.moveaxis(out, dim, 0), arrays[0], g, dim)
    else:
        np.add.at(out, filled(index, arrays), g)
    return out


def _add_rows(out: np.ndarray, rows: np.ndarray, g: np.ndarray, dim: int) -> None:
    """out[rows] += g, where rows may repeat: sorted, so that each run of equal rows is one sum."""
    g = np.moveaxis(g, tuple(range(dim, dim + rows.ndim)), tuple(range(rows.ndim))).reshape(-1, *out.shape[1:])
    rows = np.where(rows < 0, rows + len(out), rows).reshape(-1)
    order = np.argsort(rows, kind="stable")
    rows = rows[order]
    starts = np.flatnonzero(np.concatenate(([True], rows[1:] != rows[:-1])))
    out[rows[starts]] = np.add.reduceat(g[order], starts, axis=0)


getitem: Op = declare(
    _getitem_of, name="getitem", doc="x[index].",
    vjp=lambda g, _y, _x, *arrays, index: put_add.apply(g, *arrays, index=index, shape=tuple(_x.shape)),
)  # fmt: skip
put_add: Op = declare(
    _put_add_of, name="put_add", doc="Zeros of a shape, with values added at an index; the adjoint of x[index].",
    vjp=lambda g, _y, _x, *arrays, index, shape: getitem.apply(g, *arrays, index=index),
)  # fmt: skip


def _setitem_of(x: Any, value: Any, *arrays: Any, index: Any) -> Any:
    y = np.array(x)  # a single value may come as a NumPy scalar
    y[filled(index, arrays)] = value
    return y


setitem: Op = declare(
    _setitem_of, name="setitem", doc="A copy of x with other values at an index.",
    vjp=(
        lambda g, _y, _x, _value, *arrays, index: setitem.apply(g, 0, *arrays, index=index),
        lambda g, _y, _x, _value, *arrays, index: getitem.apply(g, *arrays, index=index),
    ),
)  # fmt: skip


def take_out(x: Tensor, index: Any) -> Tensor:
    """`x[index]`: a view for ints and slices, a copy for index tensors and masks.

    Negative steps work, as in NumPy.

    Raises:
        IndexError: if an index is out of range, or there are more than dims.
    """
    template, arrays = split_index(index)
    if arrays:
        return bind(getitem, x, *arrays, index=template)
    if not x.array.ndim and type(template) is int:
        raise IndexError("getitem: a 0-d tensor has no dim to index; use x.item() to get its number")
    return view(getitem, x, index=template)


def with_item(x: Tensor, index: Any, value: Any) -> Tensor:
    """A copy of `x` with `value` at the index, as an operation of both."""
    template, arrays = split_index(index)
    if isinstance(value, Tensor):
        raw = _getitem_of(x.array, *(a.array if isinstance(a, Tensor) else a for a in arrays), index=template)
        extra = value.ndim - raw.ndim
        if extra > 0 and set(value.array.shape[:extra]) == {1}:
            value = value.reshape(value.array.shape[extra:])
        if value.array.shape != raw.shape:
            value = value.expand(raw.shape)
        if value.dtype != x.dtype and value.requires_grad:
            value = value.to(x.dtype)
    return bind(setitem, x, value, *arrays, index=template)


def index_put(input: Tensor, indices: Any, values: Any, accumulate: bool = False) -> Tensor:
    """A copy with `values` at the places that the index tensors name; added there with `accumulate`.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.index_put(tc.tensor([1, 2, 3]), (tc.tensor([0, 0]),), tc.tensor([5, 5]), accumulate=True)
        tensor([11,  2,  3])
    """
    index = tuple(indices)
    if not accumulate:
        return with_item(input, index, values)
    template, arrays = split_index(index)
    chosen = take_out(input, index)
    values = chosen * 0 + values
    return input + bind(put_add, values, *arrays, index=template, shape=input.array.shape)


def select(input: Tensor, dim: int, index: int) -> Tensor:
    """One slice of a dim, which is dropped: a view.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.select(tc.tensor([[1, 2], [3, 4]]), 1, 0)
        tensor([1, 3])
    """
    dim = dim_of("select", dim, input.array.ndim)
    with speaking_as("select"):
        return view(getitem, input, index=(_ALL,) * dim + (index,))


def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """`length` slices of a dim from `start`: a view.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.narrow(tc.tensor([1, 2, 3, 4]), 0, 1, 2)
        tensor([2, 3])
    """
    dim = dim_of("narrow", dim, input.array.ndim)
    n = input.array.shape[dim]
    start = int(start)
    first = start + n if start < 0 else start
    if first < 0 or length < 0 or first + length > n:
        raise RuntimeError(f"narrow: {length} slices from {start} do not lie within the {n} of dim {dim}")
    return view(getitem, input, index=(_ALL,) * dim + (slice(first, first + length),))


def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The slices of a dim that a 1-d integer tensor names.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.index_select(tc.tensor([[1, 2], [3, 4]]), 1, tc.tensor([1, 1, 0]))
        tensor([[2, 2, 1],
                [4, 4, 3]])
    """
    dim = dim_of("index_select", dim, input.array.ndim)
    if index.ndim > 1:
        raise IndexError(f"index_select: index must have one dim, got shape {tuple(index.shape)}; flatten it first")
    if not input.array.ndim:
        return input.reshape(1)[index].reshape(())
    with speaking_as("index_select"):
        return bind(getitem, input, index.reshape(-1), index=(_ALL,) * dim + (ARRAY,))


def take(input: Tensor, index: Tensor) -> Tensor:
    """Values of the flattened tensor, in the shape of `index`.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.take(tc.tensor([[1, 2], [3, 4]]), tc.tensor([0, 3]))
        tensor([1, 4])
    """
    with speaking_as("take"):
        return bind(getitem, input.reshape(-1), index, index=(ARRAY,))


# --- Along a dim --------------------------------------------------------------------------------------------------


def along(name: str, shape: tuple[int, ...], dim: int, index: Any) -> tuple[Any, list[Any]]:
    """The index, split, that takes from each line along a dim the places that `index` names in it."""
    if index.dtype.kind not in "iu":
        raise RuntimeError(f"{name}: index must be an integer tensor, got {index.dtype}; convert with index.long()")
    if index.ndim != len(shape):
        raise RuntimeError(
            f"{name}: index of shape {tuple(index.shape)} must have as many dims as the input of shape {shape}"
        )
    arrays = list(_grid(tuple(index.shape)))
    arrays[dim] = index
    return (ARRAY,) * len(arrays), arrays


def at_places(x: Tensor, places: Tensor, dim: int) -> Tensor:
    """From each line along a dim the one value at its place; the dim is dropped."""
    if not x.array.ndim:
        return x.reshape(())
    arrays = list(_grid(places.array.shape))
    arrays.insert(dim, places)
    return bind(getitem, x, *arrays, index=(ARRAY,) * len(arrays))


@lru_cache(64)
def _grid(shape: tuple[int, ...]) -> tuple[Any, ...]:
    """For each dim its coordinates, shaped so that they broadcast against each other to `shape`."""
    return tuple(np.ix_(*(np.arange(n) for n in shape)))


def check_fits(name: str, index: Any, shape: tuple[int, ...], dim: int | None, what: str) -> None:
    for d, (i, n) in enumerate(zip(index.shape, shape)):
        if i > n and d != dim:
            raise RuntimeError(
                f"{name}: index of shape {tuple(index.shape)} is longer than {what} of shape {shape} in dim {d}"
            )


def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """Along each line of a dim the values at `index`: out[i][j] = input[index[i][j]][j] for dim 0.

    Shape:
        index: as many dims as input, no longer than it except along `dim`; the output has its shape.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.gather(tc.tensor([[1, 2], [3, 4]]), 1, tc.tensor([[0, 0], [1, 0]]))
        tensor([[1, 1],
                [4, 3]])
    """
    shape = input.array.shape
    dim = dim_of("gather", dim, len(shape))
    if not shape:
        return input.reshape(1)[index.reshape(-1)].reshape(index.array.shape)
    template, arrays = along("gather", shape, dim, index)
    check_fits("gather", index, shape, dim, "the input")
    with speaking_as("gather", RuntimeError):
        return bind(getitem, input, *arrays, index=template)


@numpy_names
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None, *, axis: int | None = None) -> Tensor:
    """As `gather`, with input and indices broadcast against each other in the other dims.

    Example:
        >>> import tinygrad_course as tc
        >>> x = tc.tensor([[30, 10], [20, 40]])
        >>> tc.take_along_dim(x, tc.argsort(x, dim=1), dim=1)
        tensor([[10, 30],
                [20, 40]])
    """
    if dim is None:
        return take(input, indices.reshape(-1))
    shape = input.array.shape
    if not shape:
        return input.reshape(indices.array.shape)
    dim = dim_of("take_along_dim", dim, len(shape))
    template, arrays = along("take_along_dim", shape, dim, indices)
    for d, (n, m) in enumerate(zip(shape, indices.array.shape)):
        if d == dim or n == m:
            continue
        if n == 1:  # the input is repeated along d
            arrays[d] = np.zeros_like(arrays[d])
        elif m == 1:  # the indices are
            arrays[d] = np.arange(n).reshape((n,) + (1,) * (len(shape) - 1 - d))
        else:
            raise RuntimeError(
                f"take_along_dim: shapes {shape} and {indices.array.shape} differ in dim {d}, where neither is 1"
            )
    return bind(getitem, input, *arrays, index=template)


METHODS: dict[str, Any] = {name: globals()[name] for name in __all__} | {"__getitem__": take_out}
