"""Pooling in 1 to 3 dimensions: the largest, mean or p-norm of windows of a given size, or of a given number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...effects import check
from ...ops import pooling as ops
from ...tensor import Tensor
from ._check import as_batch, per_dim, require, require_float, require_tensor

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d",
    "adaptive_max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d", "lp_pool1d", "lp_pool2d", "lp_pool3d",
    "max_pool1d", "max_pool2d", "max_pool3d", "max_unpool1d", "max_unpool2d", "max_unpool3d",
]  # fmt: skip

Ints = int | tuple[int, ...]
Size = int | None | Sequence[int | None]


def _geometry(
    name: str, x: Tensor, n: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> dict[str, Any]:
    """The parameters of a pooling of x (N, C, *S)."""
    kernel = per_dim(name, "kernel_size", kernel_size, n, 1)
    given = stride is None or (isinstance(stride, (tuple, list)) and not stride)
    strides = kernel if given else per_dim(name, "stride", stride, n, 1)
    dilation = per_dim(name, "dilation", dilation, n, 1)
    padding = per_dim(name, "padding", padding, n)
    require(
        all(2 * p <= d * (k - 1) + 1 for k, d, p in zip(kernel, dilation, padding)),
        f"{name}: padding {padding} must be at most half of the kernel {kernel} (with dilation {dilation})",
    )
    space = x.array.shape[2:]
    out = tuple(ops.out_length(*each, ceil_mode) for each in zip(space, kernel, strides, padding, dilation))
    require(
        min(out) >= 1,
        f"{name}: the kernel {kernel} with dilation {dilation} is larger than the input's space "
        f"{space} with padding {padding}; use a smaller kernel",
    )
    return {"kernel": kernel, "stride": strides, "padding": padding, "dilation": dilation, "out": out}


def _unbatched(x: Tensor, batched: bool) -> Tensor:
    return x if batched else x.reshape(x.array.shape[1:])


# --- The largest value --------------------------------------------------------------------------------------------


def _max_pool(
    name: str, n: int, input: Tensor, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool,
    return_indices: bool,
) -> Any:  # fmt: skip
    x, batched = as_batch(name, input, n)
    params = _geometry(name, x, n, kernel_size, stride, padding, dilation, ceil_mode)
    y = ops.max_pool(x, **params)
    if not return_indices:
        return _unbatched(y, batched)
    place = ops.max_place(x.detach(), y.detach(), **params)
    return _unbatched(y, batched), _unbatched(ops.max_index(place, space=tuple(x.array.shape[2:]), **params), batched)


def max_pool1d(
    input: Tensor, kernel_size: Ints, stride: Ints | None = None, padding: Ints = 0, dilation: Ints = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """The largest value of each window of (N, C, L); see `max_pool2d`."""
    return _max_pool("max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: Tensor, kernel_size: Ints, stride: Ints | None = None, padding: Ints = 0, dilation: Ints = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """The largest value of each window. The gradient goes to it alone, to the first of equals.

    Shape:
        (N, C, H, W) or (C, H, W); gives (N, C, H', W') with
        H' = ⌊(H + 2 padding - dilation (kernel_size - 1) - 1) / stride⌋ + 1 (⌈ ⌉ with `ceil_mode`).

    Args:
        input: the images.
        kernel_size: of the window.
        stride: steps between windows; default: the kernel size.
        padding: places on each side that never win.
        dilation: steps between the places of a window.
        ceil_mode: also count a last window that reaches beyond the input.
        return_indices: give as well where, in the flattened image, each maximum was.

    Raises:
        RuntimeError: if the kernel is larger than the padded input, or padding larger than half of it.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nn.functional.max_pool2d(tc.tensor([[[1.0, 2.0], [3.0, 0.0]]]), 2)
        tensor([[[3.]]])
    """
    return _max_pool("max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(
    input: Tensor, kernel_size: Ints, stride: Ints | None = None, padding: Ints = 0, dilation: Ints = 1,
    ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """The largest value of each window of (N, C, D, H, W); see `max_pool2d`."""
    return _max_pool("max_pool3d", 3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _max_unpool(
    name: str, n: int, input: Tensor, indices: Tensor, kernel_size: Any, stride: Any, padding: Any, output_size: Any
) -> Tensor:
    x, batched = as_batch(name, input, n)
    require_tensor(name, indices=indices)
    require(
        input.array.shape == indices.array.shape,
        f"{name}: expected input and indices of one shape, got {tuple(input.shape)} and {tuple(indices.shape)}",
    )
    kernel = per_dim(name, "kernel_size", kernel_size, n, 1)
    strides = kernel if stride is None else per_dim(name, "stride", stride, n, 1)
    padding = per_dim(name, "padding", padding, n)
    if output_size is None:
        space = tuple((m - 1) * s - 2 * p + k for m, s, p, k in zip(x.array.shape[2:], strides, padding, kernel))
    else:
        space = tuple(output_size)[-n:]
    count = math.prod(space)
    lead = x.array.shape[:2]
    check(_check_places, indices, count=count, name=name, space=space)
    rows = x.reshape((*lead, -1))
    zeros = Tensor._wrap(np.zeros((*lead, count), x.array.dtype))
    y = zeros.scatter(2, indices.reshape((*lead, -1)), rows)
    return _unbatched(y.reshape((*lead, *space)), batched)


def _check_places(places: np.ndarray, count: int, name: str, space: tuple[int, ...]) -> None:
    require(
        not places.size or (places.min() >= 0 and places.max() < count),
        f"{name}: an index is outside of an output of size {space}; pass the output_size of the pooling's input",
    )


def max_unpool1d(
    input: Tensor, indices: Tensor, kernel_size: Ints, stride: Ints | None = None, padding: Ints = 0,
    output_size: Any = None,
) -> Tensor:  # fmt: skip
    """Zeros with the maxima of `max_pool1d` at their places; see `max_unpool2d`."""
    return _max_unpool("max_unpool1d", 1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Tensor, indices: Tensor, kernel_size: Ints, stride: Ints | None = None, padding: Ints = 0,
    output_size: Any = None,
) -> Tensor:  # fmt: skip
    """Zeros with the maxima of `max_pool2d(..., return_indices=True)` at their places.

    Raises:
        RuntimeError: if an index lies outside of the output.
    """
    return _max_unpool("max_unpool2d", 2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Tensor, indices: Tensor, kernel_size: Ints, stride: Ints | None = None, padding: Ints = 0,
    output_size: Any = None,
) -> Tensor:  # fmt: skip
    """Zeros with the maxima of `max_pool3d` at their places; see `max_unpool2d`."""
    return _max_unpool("max_unpool3d", 3, input, indices, kernel_size, stride, padding, output_size)


# --- Means and norms ----------------------------------------------------------------------------------------------


def _sums(name: str, x: Tensor, params: dict[str, Any]) -> Tensor:
    kept = {k: v for k, v in params.items() if k != "dilation"}
    return ops.sum_windows(x, space=tuple(x.array.shape[2:]), **kept)


def _avg_pool(
    name: str, n: int, input: Tensor, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool,
    count_include_pad: bool, divisor_override: int | None,
) -> Tensor:  # fmt: skip
    x, batched = as_batch(name, input, n)
    require_float(name, input)
    params = _geometry(name, x, n, kernel_size, stride, padding, 1, ceil_mode)
    total = _sums(name, x, params)
    if divisor_override is not None:
        require(divisor_override != 0, f"{name}: divisor_override cannot be 0")
        return _unbatched(total / divisor_override, batched)
    counts = []
    for length, k, s, p, m in zip(x.array.shape[2:], *(params[key] for key in ("kernel", "stride", "padding", "out"))):
        start = np.arange(m) * s - p
        if count_include_pad:
            counts.append(np.minimum(start + k, length + p) - start)
        else:
            counts.append(np.minimum(start + k, length) - np.maximum(start, 0))
    if all((c == c[0]).all() for c in counts):
        return _unbatched(total / math.prod(int(c[0]) for c in counts), batched)
    divisor: Any = counts[0]
    for c in counts[1:]:
        divisor = divisor[..., None] * c
    return _unbatched(total / divisor.astype(x.array.dtype), batched)


def avg_pool1d(
    input: Tensor, kernel_size: Ints, stride: Ints | None = None, padding: Ints = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    """The mean of each window of (N, C, L); see `avg_pool2d`."""
    return _avg_pool("avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: Tensor, kernel_size: Ints, stride: Ints | None = None, padding: Ints = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """The mean of each window of (N, C, H, W) or (C, H, W).

    Args:
        input: the images.
        kernel_size: of the window.
        stride: steps between windows; default: the kernel size.
        padding: zeros on each side.
        ceil_mode: also count a last window that reaches beyond the input.
        count_include_pad: whether padded zeros count as values.
        divisor_override: divide the sum by this number instead.

    Raises:
        RuntimeError: if the kernel is larger than the padded input, or padding larger than half of it.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nn.functional.avg_pool2d(tc.tensor([[[1.0, 2.0], [3.0, 0.0]]]), 2)
        tensor([[[1.5000]]])
    """
    return _avg_pool(
        "avg_pool2d", 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def avg_pool3d(
    input: Tensor, kernel_size: Ints, stride: Ints | None = None, padding: Ints = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """The mean of each window of (N, C, D, H, W); see `avg_pool2d`."""
    return _avg_pool(
        "avg_pool3d", 3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def _lp_pool(name: str, n: int, input: Tensor, p: float, kernel_size: Any, stride: Any, ceil_mode: bool) -> Tensor:
    x, batched = as_batch(name, input, n)
    params = _geometry(name, x, n, kernel_size, stride, 0, 1, ceil_mode)
    return _unbatched(_sums(name, x**p, params) ** (1.0 / p), batched)


def lp_pool1d(
    input: Tensor, norm_type: float, kernel_size: Ints, stride: Ints | None = None, ceil_mode: bool = False
) -> Tensor:
    """(Σ xᵖ)^(1/p) over each window of (N, C, L)."""
    return _lp_pool("lp_pool1d", 1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(
    input: Tensor, norm_type: float, kernel_size: Ints, stride: Ints | None = None, ceil_mode: bool = False
) -> Tensor:
    """(Σ xᵖ)^(1/p) over each window of (N, C, H, W)."""
    return _lp_pool("lp_pool2d", 2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(
    input: Tensor, norm_type: float, kernel_size: Ints, stride: Ints | None = None, ceil_mode: bool = False
) -> Tensor:
    """(Σ xᵖ)^(1/p) over each window of (N, C, D, H, W)."""
    return _lp_pool("lp_pool3d", 3, input, norm_type, kernel_size, stride, ceil_mode)


# --- Windows that adapt: output i covers the input from ⌊i S / m⌋ to ⌈(i + 1) S / m⌉ ------------------------------


def _output_size(name: str, x: Tensor, n: int, output_size: Size) -> tuple[int, ...]:
    sizes = tuple(output_size) if isinstance(output_size, (tuple, list)) else (output_size,) * n
    require(len(sizes) == n, f"{name}: expected output_size to be one number or {n}, got {sizes}")
    filled = [length if size is None else size for size, length in zip(sizes, x.array.shape[2:])]
    return per_dim(name, "output_size", filled, n, 1)


def _bounds(length: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    i = np.arange(size)
    return i * length // size, -(-(i + 1) * length // size)


def _adaptive_avg_pool(name: str, n: int, input: Tensor, output_size: Size) -> Tensor:
    x, batched = as_batch(name, input, n)
    require_float(name, input)
    sizes = _output_size(name, x, n, output_size)
    space = x.array.shape[2:]
    if all(length and length % size == 0 for length, size in zip(space, sizes)):
        kernel = tuple(length // size for length, size in zip(space, sizes))
        return _unbatched(_avg_pool(name, n, x, kernel, kernel, 0, False, True, None), batched)
    for axis, (length, size) in enumerate(zip(space, sizes), start=2):
        start, stop = _bounds(length, size)
        place = np.arange(length)
        weight = (place >= start[:, None]) & (place < stop[:, None])
        mean = (weight / weight.sum(1, keepdims=True)).astype(x.array.dtype)
        x = (x.movedim(axis, -1) @ Tensor._wrap(mean.T)).movedim(-1, axis)
    return _unbatched(x, batched)


def adaptive_avg_pool1d(input: Tensor, output_size: Size) -> Tensor:
    """Means over windows chosen such that (N, C, L) becomes (N, C, output_size)."""
    return _adaptive_avg_pool("adaptive_avg_pool1d", 1, input, output_size)


def adaptive_avg_pool2d(input: Tensor, output_size: Size) -> Tensor:
    """Means over windows chosen such that (N, C, H, W) becomes (N, C, *output_size); None keeps a size.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nn.functional.adaptive_avg_pool2d(tc.arange(6.0).reshape(1, 2, 3), (1, 2))
        tensor([[[2., 3.]]])
    """
    return _adaptive_avg_pool("adaptive_avg_pool2d", 2, input, output_size)


def adaptive_avg_pool3d(input: Tensor, output_size: Size) -> Tensor:
    """Means over windows chosen such that (N, C, D, H, W) becomes (N, C, *output_size)."""
    return _adaptive_avg_pool("adaptive_avg_pool3d", 3, input, output_size)


def _adaptive_max_pool(name: str, n: int, input: Tensor, output_size: Size, return_indices: bool) -> Any:
    x, batched = as_batch(name, input, n)
    sizes = _output_size(name, x, n, output_size)
    space = x.array.shape[2:]
    require(min(space) > 0, f"{name}: expected an input with values, got shape {tuple(input.shape)}")
    # Windows of unequal length are made equal by repeating their last place, which changes neither maximum nor first.
    kernel = []
    sources = []
    for axis, (length, size) in enumerate(zip(space, sizes), start=2):
        start, stop = _bounds(length, size)
        k = int((stop - start).max())
        places = np.minimum(start[:, None] + np.arange(k), stop[:, None] - 1).ravel()
        if len(places) != length:
            x = x[(slice(None),) * axis + (Tensor._wrap(places),)]
        kernel.append(k)
        sources.append(places)
    found = _max_pool(name, n, x, tuple(kernel), tuple(kernel), 0, 1, False, return_indices)
    if not return_indices:
        return _unbatched(found, batched)
    y, index = found
    along_dims = np.unravel_index(index._value(f"{name}(return_indices=True)"), [len(s) for s in sources])
    flat = np.ravel_multi_index(tuple(s[a] for s, a in zip(sources, along_dims)), space)
    return _unbatched(y, batched), _unbatched(Tensor._wrap(np.asarray(flat)), batched)


def adaptive_max_pool1d(input: Tensor, output_size: Size, return_indices: bool = False) -> Any:
    """Maxima over windows chosen such that (N, C, L) becomes (N, C, output_size)."""
    return _adaptive_max_pool("adaptive_max_pool1d", 1, input, output_size, return_indices)


def adaptive_max_pool2d(input: Tensor, output_size: Size, return_indices: bool = False) -> Any:
    """Maxima over windows chosen such that (N, C, H, W) becomes (N, C, *output_size); None keeps a size.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nn.functional.adaptive_max_pool2d(tc.arange(6.0).reshape(1, 2, 3), (1, 2))
        tensor([[[4., 5.]]])
    """
    return _adaptive_max_pool("adaptive_max_pool2d", 2, input, output_size, return_indices)


def adaptive_max_pool3d(input: Tensor, output_size: Size, return_indices: bool = False) -> Any:
    """Maxima over windows chosen such that (N, C, D, H, W) becomes (N, C, *output_size)."""
    return _adaptive_max_pool("adaptive_max_pool3d", 3, input, output_size, return_indices)
