"""Values in another order, repeated, or at the border: all of them copies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import bind
from ..tensor import Tensor
from .arguments import Dims, all_dims, dim_of, numpy_names, shape_of
from .indexing import getitem, index_select, take_out
from .joining import stack
from .op import Op, declare
from .shape import broadcast_tensors, broadcast_to, movedim

__all__ = [
    "cartesian_prod", "combinations", "flip", "fliplr", "flipud", "kron", "meshgrid", "pad", "repeat_interleave",
    "roll", "rot90", "tile",
]  # fmt: skip

_flip: Op = declare(
    lambda x, dims: np.flip(x, dims).copy(), vjp=lambda g, _y, _x, dims: _flip.apply(g, dims=dims),
    name="flip", doc="The order of values reversed along dims.",
)  # fmt: skip
_roll: Op = declare(
    lambda x, shifts, dims: np.roll(x, shifts, axis=dims),
    vjp=lambda g, _y, _x, shifts, dims: _roll.apply(g, shifts=tuple(-s for s in shifts), dims=dims),
    name="roll", doc="Values shifted along dims; what leaves at one end enters at the other.",
)  # fmt: skip


def _pad_of(x: Any, widths: tuple[tuple[int, int], ...], value: float = 0.0) -> Any:
    shape = tuple(n + before + after for n, (before, after) in zip(x.shape, widths))
    y = np.full(shape, value, x.dtype) if value else np.zeros(shape, x.dtype)
    y[_inner(x.shape, widths)] = x
    return y


def _inner(shape: Sequence[int], widths: tuple[tuple[int, int], ...]) -> tuple[slice, ...]:
    return tuple(slice(before, before + n) for n, (before, _) in zip(shape, widths))


_pad = declare(
    _pad_of, vjp=lambda g, _y, _x, widths, value=0.0: getitem.apply(g, index=_inner(_x.shape, widths)),
    name="pad", doc="A border of one value around the input.",
)  # fmt: skip

# --- Order --------------------------------------------------------------------------------------------------------


def flip(input: Tensor, *dims: int | Sequence[int]) -> Tensor:
    """The order of values reversed along the given dims.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.flip(tc.tensor([[1, 2], [3, 4]]), (0, 1))
        tensor([[4, 3],
                [2, 1]])
    """
    return bind(_flip, input, dims=all_dims("flip", shape_of(dims), input.array.ndim))


def fliplr(input: Tensor) -> Tensor:
    """The order of columns reversed.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.fliplr(tc.tensor([[1, 2], [3, 4]]))
        tensor([[2, 1],
                [4, 3]])
    """
    return flip(input, 1)


def flipud(input: Tensor) -> Tensor:
    """The order of rows reversed.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.flipud(tc.tensor([1, 2]))
        tensor([2, 1])
    """
    return flip(input, 0)


@numpy_names
def roll(input: Tensor, shifts: int | Sequence[int], dim: Dims = None, *, axis: Dims = None) -> Tensor:
    """Values shifted along `dim`; what leaves at one end enters at the other. Without `dim`, as one flat row.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.roll(tc.tensor([1, 2, 3, 4]), 1)
        tensor([4, 1, 2, 3])
    """
    steps = shape_of((shifts,)) if isinstance(shifts, (tuple, list)) else (int(shifts),)  # type: ignore[arg-type]
    if dim is None:
        return bind(_roll, input.reshape(-1), shifts=steps, dims=(0,)).reshape(input.array.shape)
    dims = tuple(dim_of("roll", d, input.array.ndim) for d in ((dim,) if isinstance(dim, int) else dim))
    if len(dims) != len(steps):
        raise RuntimeError(f"roll: {len(steps)} shifts for {len(dims)} dims; give as many")
    return bind(_roll, input, shifts=steps, dims=dims)


def rot90(input: Tensor, k: int = 1, dims: Sequence[int] = (0, 1)) -> Tensor:
    """Turned by k · 90° in the plane of two dims, from the first towards the second.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.rot90(tc.tensor([[1, 2], [3, 4]]))
        tensor([[2, 4],
                [1, 3]])
    """
    if len(dims) != 2:
        raise RuntimeError(f"rot90: a plane has two dims, got {tuple(dims)}")
    a, b = all_dims("rot90", dims, input.array.ndim)
    if k % 4 == 0:
        return input.clone()
    if k % 4 == 2:
        return flip(input, a, b)
    return flip(input, b).transpose(a, b) if k % 4 == 1 else flip(input.transpose(a, b), b)


# --- Repeating ----------------------------------------------------------------------------------------------------


def repeat(input: Tensor, *repeats: int | Sequence[int]) -> Tensor:
    """Copies laid side by side along each dim, as `tc.tile`; every dim needs a number."""
    counts = shape_of(repeats)
    shape = input.array.shape
    if len(counts) < len(shape):
        raise RuntimeError(
            f"repeat: {len(counts)} numbers for the {len(shape)} dims of shape {shape}; give one for each"
        )
    if any(n < 0 for n in counts):
        raise RuntimeError(f"repeat: numbers of copies cannot be negative, got {counts}")
    shape = (1,) * (len(counts) - len(shape)) + shape
    apart = input.reshape(tuple(n for length in shape for n in (1, length)))
    apart = broadcast_to(apart, tuple(n for pair in zip(counts, shape) for n in pair))
    return apart.reshape(tuple(n * length for n, length in zip(counts, shape)))


def tile(input: Tensor, *dims: int | Sequence[int]) -> Tensor:
    """Copies laid side by side; missing numbers, for the first dims, count as 1.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.tile(tc.tensor([[1, 2]]), (2, 2))
        tensor([[1, 2, 1, 2],
                [1, 2, 1, 2]])
    """
    counts = shape_of(dims)
    return repeat(input, (1,) * (input.array.ndim - len(counts)) + counts)


@numpy_names
def repeat_interleave(
    input: Tensor, repeats: int | Tensor, dim: int | None = None, *, output_size: int | None = None,
    axis: int | None = None,
) -> Tensor:  # fmt: skip
    """Each slice of a dim repeated on the spot, all equally often or each its own number of times.

    Without `dim`, the values of the flattened tensor.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.repeat_interleave(tc.tensor([1, 2]), 2)
        tensor([1, 1, 2, 2])
    """
    if dim is None:
        input, dim = input.reshape(-1), 0
    dim = dim_of("repeat_interleave", dim, input.array.ndim)
    times = np.asarray(repeats._value("repeat_interleave") if isinstance(repeats, Tensor) else repeats)
    n = input.array.shape[dim]
    if times.size and times.min() < 0:
        raise RuntimeError("repeat_interleave: numbers of repeats cannot be negative")
    if times.size not in (1, n):
        raise RuntimeError(f"repeat_interleave: {times.size} numbers of repeats for the {n} slices of dim {dim}")
    return index_select(
        input, dim, Tensor._wrap(np.repeat(np.arange(n), times.reshape(-1) if times.size > 1 else times.item()))
    )


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Tensor, ...]:
    """The coordinates of a grid, from those along its axes: one tensor for each, of the grid's shape.

    Args:
        indexing: "ij", or "xy" to exchange the first two dims.

    Example:
        >>> import tinygrad_course as tc
        >>> rows, columns = tc.meshgrid(tc.tensor([1, 2]), tc.tensor([3, 4]))
        >>> rows, columns
        (tensor([[1, 1],
                [2, 2]]), tensor([[3, 4],
                [3, 4]]))
    """
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        tensors = tuple(tensors[0])
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f"meshgrid: indexing must be 'ij' or 'xy', got {indexing!r}")
    if any(x.ndim > 1 for x in tensors):
        raise RuntimeError(f"meshgrid: expected vectors, got shapes {[tuple(x.shape) for x in tensors]}")
    n = len(tensors)
    places = list(range(n))
    if indexing == "xy" and n > 1:
        places[:2] = 1, 0
    return broadcast_tensors(*(x.reshape((1,) * p + (-1,) + (1,) * (n - 1 - p)) for p, x in zip(places, tensors)))


def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All combinations of one value of each vector, as rows.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.cartesian_prod(tc.tensor([1, 2]), tc.tensor([3, 4])).tolist()
        [[1, 3], [1, 4], [2, 3], [2, 4]]
    """
    if len(tensors) == 1:
        return tensors[0]
    return stack([x.reshape(-1) for x in meshgrid(*tensors)], 1)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All choices of `r` values of a vector, as rows.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.combinations(tc.tensor([1, 2, 3])).tolist()
        [[1, 2], [1, 3], [2, 3]]
    """
    import itertools

    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = list(choose(range(len(input)), r))
    return take_out(input, np.array(rows, dtype=np.intp).reshape(-1, r))


def kron(input: Tensor, other: Tensor) -> Tensor:
    """The Kronecker product: each value of `input` times the whole of `other`, in blocks.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.kron(tc.tensor([1, 10]), tc.tensor([1, 2]))
        tensor([ 1,  2, 10, 20])
    """
    n = max(input.ndim, other.ndim)
    a, b = (x.reshape((1,) * (n - x.ndim) + tuple(x.shape)) for x in (input, other))
    blocks = a.reshape(tuple(k for m in a.shape for k in (m, 1))) * b.reshape(tuple(k for m in b.shape for k in (1, m)))
    return blocks.reshape(tuple(p * q for p, q in zip(a.shape, b.shape)))


# --- The border, and windows --------------------------------------------------------------------------------------


def pad(input: Tensor, pad: Sequence[int], value: float = 0.0) -> Tensor:
    """A border of one value; widths in pairs (before, after) from the last dim to the first, as in `F.pad`.

    Negative widths cut off.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.ops.pad(tc.tensor([1, 2]), (1, 2))
        tensor([0, 1, 2, 0, 0])
    """
    given = shape_of((pad,))
    n = input.array.ndim
    if len(given) % 2 or len(given) > 2 * n:
        raise RuntimeError(f"pad: expected at most {n} pairs of widths for shape {input.array.shape}, got {given}")
    pairs = [(0, 0)] * (n - len(given) // 2) + [(given[i], given[i + 1]) for i in range(len(given) - 2, -1, -2)]
    if any(w < 0 for pair in pairs for w in pair):
        shape = input.array.shape
        if any(m + a + b < 0 for m, (a, b) in zip(shape, pairs)):
            raise RuntimeError(f"pad: widths {given} cut off more than there is in shape {shape}")
        input = take_out(input, tuple(slice(max(-a, 0), m - max(-b, 0)) for m, (a, b) in zip(shape, pairs)))
        pairs = [(max(a, 0), max(b, 0)) for a, b in pairs]
    return bind(_pad, input, widths=tuple(pairs), value=value)


def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """Windows of `size` along a dim, `step` apart, their values in a new last dim."""
    dim = dim_of("unfold", dimension, input.array.ndim)
    n = input.array.shape[dim]
    if not 0 <= size <= n or step < 1:
        raise RuntimeError(f"unfold: windows of {size}, {step} apart, do not fit into dim {dim} of length {n}")
    places = np.arange(0, n - size + 1, step)[:, None] + np.arange(size)
    return movedim(take_out(input, (slice(None),) * dim + (places,)), dim + 1, -1)


METHODS: dict[str, Any] = {
    "flip": flip, "fliplr": fliplr, "flipud": flipud, "kron": kron, "repeat": repeat,
    "repeat_interleave": repeat_interleave, "roll": roll, "rot90": rot90, "tile": tile, "unfold": unfold,
}  # fmt: skip
