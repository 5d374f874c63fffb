"""Taking values out and putting them at places, sorting and choosing."""

from __future__ import annotations

from typing import Any

import numpy as np

from .... import ops
from ....tensor import Tensor
from ..package import OnnxError
from .table import floats, ints, operator, sized

__all__: list[str] = []


def _counted(index: Tensor, length: int) -> Tensor:
    """Places counted from the front; an error if one is outside."""
    array = index.array
    if array.dtype.kind not in "iu":
        raise OnnxError(f"places are whole numbers, not {array.dtype}")
    if array.size and not (-length <= int(array.min()) and int(array.max()) < length):
        raise OnnxError(f"places from {array.min()} to {array.max()} do not lie within {length}")
    return (
        ops.where(index < 0, index + length, index)
        if array.size and array.dtype.kind == "i" and array.min() < 0
        else index
    )


@operator("Gather")
def gather(step: Any, x: Tensor, index: Tensor) -> Any:
    axis = step.get("axis", 0) % max(x.ndim, 1)
    return x[(slice(None),) * axis + (_counted(index, x.shape[axis]),)]


@operator("GatherElements")
def gather_elements(step: Any, x: Tensor, index: Tensor) -> Any:
    axis = step.get("axis", 0)
    return x.gather(axis, _counted(index, x.shape[axis]))


@operator("GatherND")
def gather_nd(step: Any, x: Tensor, index: Tensor) -> Any:
    return x[_places(index, x, step.get("batch_dims", 0))]


def _places(index: Tensor, x: Tensor, batch: int) -> tuple[Any, ...]:
    """The index that vectors along the last dim name, after `batch` dims that go along with x's."""
    depth = index.shape[-1]
    lead = index.shape[:-1]
    grid: list[Any] = []
    for i in range(batch):
        grid.append(Tensor._wrap(np.arange(lead[i]).reshape((-1,) + (1,) * (len(lead) - 1 - i))))
    return (*grid, *(_counted(index[..., i], x.shape[batch + i]) for i in range(depth)))


def _combined(x: Tensor, index: tuple[Any, ...], values: Tensor, how: str) -> Any:
    if how == "none":
        y = x.clone()
        return ops.index_put(y, index, values)
    if how == "add":
        return ops.index_put(x, index, values, accumulate=True)
    arrays = np.broadcast_arrays(*(i.array for i in index))
    copy: Any = x.array.copy()
    function = {"mul": np.multiply, "max": np.maximum, "min": np.minimum}[how]
    function.at(copy, tuple(arrays), values.array)
    return Tensor._wrap(copy)


@operator("ScatterND")
def scatter_nd(step: Any, x: Tensor, index: Tensor, values: Tensor) -> Any:
    return _combined(x, _places(index, x, 0), values, step.get("reduction", "none"))


@operator("ScatterElements", "Scatter")
def scatter_elements(step: Any, x: Tensor, index: Tensor, values: Tensor) -> Any:
    axis = step.get("axis", 0) % x.ndim
    grid: list[Any] = [Tensor._wrap(a) for a in np.ix_(*(np.arange(n) for n in index.shape))]
    grid[axis] = _counted(index, x.shape[axis])
    return _combined(x, tuple(grid), values, step.get("reduction", "none"))


@operator("TensorScatter")
def tensor_scatter(step: Any, past: Tensor, update: Tensor, start: Tensor | None = None) -> Any:
    axis, count = step.get("axis", -2) % past.ndim, past.shape[0]
    first = np.zeros(count, np.int64) if start is None else np.array(ints(start, step))
    grid: list[Any] = [Tensor._wrap(a) for a in np.ix_(*(np.arange(n) for n in update.shape))]
    rows = first.reshape((-1,) + (1,) * (past.ndim - 1)) + grid[axis].array
    if step.get("mode", "linear") == "circular":
        rows = rows % past.shape[axis]
    grid[axis] = _counted(Tensor._wrap(rows), past.shape[axis])
    return _combined(past, tuple(grid), update, "none")


@operator("OneHot")
def one_hot(step: Any, index: Tensor, depth: Tensor, values: Tensor) -> Any:
    n, axis = int(floats(depth, step)[0]), step.get("axis", -1)
    axis = axis + index.ndim + 1 if axis < 0 else axis
    sized([*index.shape, n])
    shape = [1] * (index.ndim + 1)
    shape[axis] = n
    each = Tensor._wrap(np.arange(n).reshape(shape))
    places = index.to(np.dtype(np.int64))
    hit = ops.where(places < 0, places + n, places).unsqueeze(axis) == each
    return ops.where(hit, values[1], values[0])


@operator("NonZero")
def non_zero(step: Any, x: Tensor) -> Any:
    return Tensor._wrap(np.array(np.nonzero(x.array), np.int64).reshape(x.ndim, -1))


@operator("Compress")
def compress(step: Any, x: Tensor, condition: Tensor) -> Any:
    if "axis" not in step.attributes:
        x, axis = x.reshape(-1), 0
    else:
        axis = step.get("axis", 0) % x.ndim
    kept = np.flatnonzero(condition.array[: x.shape[axis]])
    return x[(slice(None),) * axis + (Tensor._wrap(kept),)]


@operator("TopK")
def top_k(step: Any, x: Tensor, k: Tensor | None = None) -> Any:
    (count,) = ints(k, step) if k is not None else [step.get("k", 1)]
    axis, largest = step.get("axis", -1), bool(step.get("largest", 1))
    if not 0 <= count <= x.shape[axis]:
        raise OnnxError(f"k = {count} of {x.shape[axis]} values")
    order = x.argsort(axis, descending=largest, stable=True).narrow(axis, 0, count)
    return x.gather(axis, order), order


@operator("Unique")
def unique(step: Any, x: Tensor) -> Any:
    axis = step.get("axis")
    found, first, inverse, counts = np.unique(x.array, True, True, True, axis=axis)
    inverse = inverse.reshape(-1)
    if not step.get("sorted", 1):
        order = np.argsort(first)
        back = np.argsort(order)
        found = np.take(found, order, 0 if axis is None else axis)
        first, counts, inverse = first[order], counts[order], back[inverse]
    return tuple(Tensor._wrap(np.asarray(a)) for a in (found, first, inverse, counts))


@operator("NonMaxSuppression")
def non_max_suppression(step: Any, boxes: Tensor, scores: Tensor, *limits: Tensor | None) -> Any:
    """Of boxes that overlap more than a limit, those with the highest score (whole numbers, without a gradient)."""
    given = [None if v is None else floats(v, step) for v in (*limits, *[None] * (3 - len(limits)))]
    most, overlap, least = (v[0] if v else default for v, default in zip(given, (0.0, 0.0, -np.inf)))
    kept: list[tuple[int, int, int]] = []
    for n, corners in enumerate(boxes.array):
        if step.get("center_point_box", 0):
            x, y, w, h = corners.T
            corners = np.stack([y - h / 2, x - w / 2, y + h / 2, x + w / 2], 1)
        low, high = np.minimum(corners[:, :2], corners[:, 2:]), np.maximum(corners[:, :2], corners[:, 2:])
        area = np.prod(high - low, 1)
        for c, row in enumerate(scores.array[n]):
            chosen: list[int] = []
            for i in np.argsort(-row, kind="stable"):
                if row[i] <= least or len(chosen) >= most:
                    break
                sides = np.minimum(high[chosen], high[i]) - np.maximum(low[chosen], low[i])
                shared = np.prod(np.maximum(sides, 0), 1)
                if not np.any(shared / (area[chosen] + area[i] - shared) > overlap):
                    chosen.append(int(i))
            kept += [(n, c, i) for i in chosen]
    return Tensor._wrap(np.array(kept, np.int64).reshape(-1, 3))
