"""Pooling over any number of spatial dimensions: the largest value, or the sum, of each window.

Windows are never gathered. For each place in the window there is one strided slice of the input that holds, for every
window, the value at that place: the maximum is then |window| passes of `np.maximum` over whole arrays. Slices keep the
order of memory that convolutions choose (batch last), in which their rows are contiguous.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from .op import Op, declare

__all__: list[str] = []

Ints = tuple[int, ...]
Pads = tuple[tuple[int, int], ...]


def out_length(length: int, kernel: int, stride: int, padding: int, dilation: int, ceil: bool) -> int:
    """How many windows there are along a dimension; with `ceil`, also one that starts inside and ends outside."""
    free = length + 2 * padding - dilation * (kernel - 1) - 1
    count = (free + (stride - 1 if ceil else 0)) // stride + 1
    if ceil and (count - 1) * stride >= length + padding:
        count -= 1
    return count


def _padded(x: np.ndarray, pads: Pads, fill: Any) -> np.ndarray:
    """x (N, C, *S) with its space padded, in the same order of memory."""
    if not any(map(any, pads)):
        return x
    space = tuple(n + lo + hi for n, (lo, hi) in zip(x.shape[2:], pads))
    out = np.empty_like(x, shape=x.shape[:2] + space)
    out[...] = fill
    out[_inside(x.shape[2:], pads)] = x
    return out


def _inside(space: Ints, pads: Pads) -> tuple[Any, ...]:
    return (..., *(slice(lo, lo + n) for n, (lo, _) in zip(space, pads)))


def _places(kernel: Ints, stride: Ints, dilation: Ints, out: Ints) -> Iterator[tuple[Any, ...]]:
    """For each place in the window, in row order, the index of its values in all windows."""
    for place in product(*map(range, kernel)):
        yield (
            ...,
            *(slice(k * d, k * d + s * (n - 1) + 1, s) for k, d, s, n in zip(place, dilation, stride, out)),
        )


def _pads(space: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, out: Ints) -> Pads:
    """The padding in front, and behind as much as the last window needs (less than nothing means: not reached)."""
    return tuple(
        (p, max(0, d * (k - 1) + s * (n - 1) + 1 - length - p))
        for length, k, s, p, d, n in zip(space, kernel, stride, padding, dilation, out)
    )


def _lowest(dtype: np.dtype) -> Any:
    return -math.inf if dtype.kind == "f" else np.iinfo(dtype).min


# --- The largest value --------------------------------------------------------------------------------------------


def _max_pool(x: np.ndarray, *, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, out: Ints) -> np.ndarray:
    full = _padded(x, _pads(x.shape[2:], kernel, stride, padding, dilation, out), _lowest(x.dtype))
    parts = (full[index] for index in _places(kernel, stride, dilation, out))
    first = next(parts)
    second = next(parts, None)
    if second is None:
        return first.copy(order="K")
    y = np.maximum(first, second)
    for part in parts:
        np.maximum(y, part, out=y)
    return y


def _max_place(
    x: np.ndarray, y: np.ndarray, *, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, out: Ints
) -> np.ndarray:
    full = _padded(x, _pads(x.shape[2:], kernel, stride, padding, dilation, out), _lowest(x.dtype))
    count = math.prod(kernel)
    place = np.zeros_like(y, dtype=np.uint8 if count <= 256 else np.int64)
    # Each window counts the places in front of the first that holds the maximum.
    ahead: Any = None
    has_nan = y.dtype.kind == "f" and bool(y.size) and bool(np.isnan(np.max(y)))
    for index in list(_places(kernel, stride, dilation, out))[:-1]:
        part = full[index]
        other = part != y
        if has_nan:
            other &= (part == part) | (y == y)
        ahead = other if ahead is None else np.logical_and(ahead, other, out=ahead)
        np.add(place, ahead, out=place)
    return place


max_place = declare(
    _max_place, name="max_place",
    doc="The place in its window, in row order, of each maximum y of `max_pool`; the first of equals.",
)  # fmt: skip


def _max_index(
    place: np.ndarray, *, space: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, out: Ints
) -> np.ndarray:
    index: Any = 0
    within = np.unravel_index(place.astype(np.int64), kernel)
    for i, (length, k, s, p, d, n) in enumerate(zip(space, within, stride, padding, dilation, out)):
        start = (np.arange(n) * s - p).reshape((n,) + (1,) * (len(space) - 1 - i))
        # Where all values are -inf, place 0 wins, which may be padding: the first inside stands for it.
        index = index * length + np.clip(start + k * d, 0, length - 1)
    return np.asarray(index)


max_index = declare(_max_index, name="max_index",
                    doc="Where in the flattened space of the input a place in a window is.")  # fmt: skip


def _masked(x: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """x where the mask is true, else 0: by bits, since 0 · inf is not 0 and np.where is several times slower."""
    bits = np.dtype(f"i{x.dtype.itemsize}")
    chosen = mask.astype(bits)
    np.negative(chosen, out=chosen)
    np.bitwise_and(x.view(bits), chosen, out=chosen)
    return chosen.view(x.dtype)


def _put_in_windows(
    g: np.ndarray,
    place: np.ndarray,
    *,
    space: Ints,
    kernel: Ints,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    out: Ints,
) -> np.ndarray:
    pads = _pads(space, kernel, stride, padding, dilation, out)
    full = tuple(n + lo + hi for n, (lo, hi) in zip(space, pads))
    x = np.zeros_like(place, dtype=g.dtype, shape=g.shape[:2] + full)
    apart = all(s >= d * (k - 1) + 1 for s, k, d in zip(stride, kernel, dilation))
    for i, index in enumerate(_places(kernel, stride, dilation, out)):
        part = x[index]
        if apart:
            part[...] = _masked(g, place == i)
        else:
            part += _masked(g, place == i)
    return x[_inside(space, pads)] if any(map(any, pads)) else x


def _take_in_windows(
    x: np.ndarray,
    place: np.ndarray,
    *,
    space: Ints,
    kernel: Ints,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    out: Ints,
) -> np.ndarray:
    full = _padded(x, _pads(space, kernel, stride, padding, dilation, out), 0)
    y = np.zeros_like(place, dtype=x.dtype)
    for i, index in enumerate(_places(kernel, stride, dilation, out)):
        np.copyto(y, full[index], where=place == i)
    return y


take_in_windows = declare(
    _take_in_windows, vjp=(lambda g, _y, _x, place, **p: put_in_windows.apply(g, place, **p), None),
    name="take_in_windows", doc="From each window of x the value at a given place.",
)  # fmt: skip
put_in_windows: Op = declare(
    _put_in_windows, vjp=(lambda h, _x, _g, place, **p: take_in_windows.apply(h, place, **p), None),
    name="put_in_windows", shrinks=False,
    doc="Zeros with values added at a given place of each window; the adjoint of `take_in_windows`.",
)  # fmt: skip
max_pool = declare(
    _max_pool,
    vjp=lambda g, y, x, **p: put_in_windows.apply(g, max_place.apply(x, y, **p), space=tuple(x.shape[2:]), **p),
    name="max_pool",
    doc="The largest value of each window of x (N, C, *S). The gradient goes to the first of equal values.",
)  # fmt: skip


# --- The sum ------------------------------------------------------------------------------------------------------
# Sums over a box are sums along one dimension after the other: k + k passes, not k · k.


def _sum_windows(x: np.ndarray, *, space: Ints, kernel: Ints, stride: Ints, padding: Ints, out: Ints) -> np.ndarray:
    none = (1,) * len(kernel)
    y = _padded(x, _pads(space, kernel, stride, padding, none, out), 0)
    for axis, (k, s, n) in enumerate(zip(kernel, stride, out), start=2):
        if k == 1 and s == 1 and y.shape[axis] == n:
            continue
        lead = (slice(None),) * axis
        parts = (y[(*lead, slice(i, i + s * (n - 1) + 1, s))] for i in range(k))
        first = next(parts)
        second = next(parts, None)
        total = first.copy(order="K") if second is None else first + second
        for part in parts:
            total += part
        y = total
    return y if y is not x else x.copy(order="K")


def _spread_windows(g: np.ndarray, *, space: Ints, kernel: Ints, stride: Ints, padding: Ints, out: Ints) -> np.ndarray:
    pads = _pads(space, kernel, stride, padding, (1,) * len(kernel), out)
    x = g
    for axis, (k, s, n) in enumerate(zip(kernel, stride, out), start=2):
        length = space[axis - 2] + sum(pads[axis - 2])
        lead = (slice(None),) * axis
        shape = (*x.shape[:axis], length, *x.shape[axis + 1 :])
        if k == s and length == k * n:  # every value is in exactly one window
            full = np.empty_like(x, shape=shape)
            for i in range(k):
                full[(*lead, slice(i, i + s * (n - 1) + 1, s))] = x
        else:
            full = np.zeros_like(x, shape=shape)
            for i in range(k):
                full[(*lead, slice(i, i + s * (n - 1) + 1, s))] += x
        x = full
    return x[_inside(space, pads)]


sum_windows = declare(
    _sum_windows, vjp=lambda g, _y, _x, **p: spread_windows.apply(g, **p), name="sum_windows",
    doc="The sum of each window of x (N, C, *S); what lies outside counts as 0.",
)  # fmt: skip
spread_windows: Op = declare(
    _spread_windows, vjp=lambda h, _x, _g, **p: sum_windows.apply(h, **p), name="spread_windows", shrinks=False,
    doc="Every value of g added to its whole window; the adjoint of `sum_windows`.",
)  # fmt: skip


# --- Windows as columns -------------------------------------------------------------------------------------------


def _unfold(x: np.ndarray, *, space: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, out: Ints) -> Any:
    full = _padded(x, _pads(space, kernel, stride, padding, dilation, out), 0)
    columns = np.empty((*x.shape[:2], math.prod(kernel), *out), x.dtype)
    for i, index in enumerate(_places(kernel, stride, dilation, out)):
        columns[:, :, i] = full[index]
    return columns.reshape(x.shape[0], x.shape[1] * math.prod(kernel), math.prod(out))


def _fold(g: np.ndarray, *, space: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, out: Ints) -> Any:
    count = math.prod(kernel)
    pads = _pads(space, kernel, stride, padding, dilation, out)
    columns = g.reshape(g.shape[0], g.shape[1] // count, count, *out)
    x = np.zeros((*columns.shape[:2], *(n + lo + hi for n, (lo, hi) in zip(space, pads))), g.dtype)
    for i, index in enumerate(_places(kernel, stride, dilation, out)):
        x[index] += columns[:, :, i]
    return x[_inside(space, pads)]


unfold = declare(
    _unfold, vjp=lambda g, _y, _x, **p: fold.apply(g, **p), name="unfold", shrinks=False,
    doc="The windows of x (N, C, *S) as columns: (N, C · |kernel|, number of windows).",
)  # fmt: skip
fold: Op = declare(
    _fold, vjp=lambda h, _x, _g, **p: unfold.apply(h, **p), name="fold", shrinks=False,
    doc="Columns added to the windows that they came from; the adjoint of `unfold`.",
)  # fmt: skip
