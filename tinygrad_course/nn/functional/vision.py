"""Images of another size or shape: interpolation, sampling at given places, and pixels traded for channels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...tensor import Tensor
from ._check import per_dim, require, require_float, require_tensor

__all__ = [
    "affine_grid", "channel_shuffle", "grid_sample", "interpolate", "pixel_shuffle", "pixel_unshuffle", "upsample",
]  # fmt: skip

_DIMS = {"linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2}


# --- Another size -------------------------------------------------------------------------------------------------


def _sizes(
    space: tuple[int, ...], size: Any, scale_factor: Any, recompute: bool | None
) -> list[tuple[int, float | None]]:
    """For each dim the output's length, and the scale to map places by if it is not the ratio of lengths."""
    n = len(space)
    require(
        (size is None) != (scale_factor is None),
        f"interpolate: give either size or scale_factor, got {size} and {scale_factor}", ValueError,
    )  # fmt: skip
    if size is not None:
        return [(length, None) for length in per_dim("interpolate", "size", size, n, 1)]
    factors = tuple(scale_factor) if isinstance(scale_factor, Sequence) else (scale_factor,) * n
    require(len(factors) == n, f"interpolate: expected one scale_factor or {n}, got {factors}", ValueError)
    return [(math.floor(length * float(f)), None if recompute else float(f)) for length, f in zip(space, factors)]


def _ratio(length: int, size: int, factor: float | None, align: bool) -> float:
    if align:
        return (length - 1) / (size - 1) if size > 1 else 0.0
    return 1 / factor if factor else length / size


def _sources(length: int, size: int, factor: float | None, align: bool, clip: bool) -> np.ndarray:
    """Where on the input's axis each output pixel lies."""
    ratio = _ratio(length, size, factor, align)
    i = np.arange(size)
    x = i * ratio if align else (i + 0.5) * ratio - 0.5
    return np.maximum(x, 0) if clip and not align else x


def _linear_weights(length: int, size: int, factor: float | None, align: bool) -> np.ndarray:
    x = _sources(length, size, factor, align, clip=True)
    low = np.minimum(np.floor(x).astype(int), length - 1)
    part = x - low
    weights = np.zeros((size, length))
    rows = np.arange(size)
    weights[rows, low] += 1 - part
    weights[rows, np.minimum(low + 1, length - 1)] += part
    return weights


def _cubic(t: np.ndarray) -> np.ndarray:
    """Keys's kernel with a = -0.75, at distances t from 0 to 2."""
    a = -0.75
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    far = ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
    return np.where(t <= 1, near, far)


def _cubic_weights(length: int, size: int, factor: float | None, align: bool) -> np.ndarray:
    x = _sources(length, size, factor, align, clip=False)
    low = np.floor(x).astype(int)
    weights = np.zeros((size, length))
    rows = np.arange(size)
    for k in range(-1, 3):
        np.add.at(weights, (rows, np.clip(low + k, 0, length - 1)), _cubic(np.abs(x - low - k)))
    return weights


def interpolate(
    input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None, antialias: bool = False,
) -> Tensor:  # fmt: skip
    """Images, rows or volumes of another size.

    Linear and cubic interpolation are a product with a matrix of weights along each dim.

    Shape:
        input (N, C, *S) with 1 to 3 spatial dims.

    Args:
        input: what to resize.
        size: the new spatial size, one number for all dims or one for each.
        scale_factor: or by what to multiply the size.
        mode: 'nearest', 'nearest-exact', 'linear' (1-d), 'bilinear' or 'bicubic' (2-d), 'trilinear' (3-d) or 'area'.
        align_corners: whether the centres of corner pixels stay in place, rather than the outer edges.
        recompute_scale_factor: map places by the ratio of the sizes rather than by scale_factor.
        antialias: not supported.

    Raises:
        ValueError: if not exactly one of size and scale_factor is given, or align_corners does not fit the mode.
        NotImplementedError: for another mode, or a mode for other dims.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nn.functional.interpolate(tc.tensor([[[0.0, 2.0]]]), size=3, mode="linear", align_corners=True)
        tensor([[[0., 1., 2.]]])
    """
    require_tensor("interpolate", input=input)
    n = input.array.ndim - 2
    require(
        1 <= n <= 3,
        f"interpolate: expected an input (N, C, *S) with 1 to 3 spatial dims, got shape {tuple(input.shape)}",
        NotImplementedError,
    )
    if antialias:
        raise NotImplementedError("interpolate: antialias is not supported; blur by avg_pool2d before")
    space = tuple(input.array.shape[2:])
    sizes = _sizes(space, size, scale_factor, recompute_scale_factor)
    if mode in ("nearest", "nearest-exact", "area"):
        require(align_corners is None, f"interpolate: align_corners has no meaning for mode {mode!r}", ValueError)
    if mode == "area":
        from . import pooling

        pool = (pooling.adaptive_avg_pool1d, pooling.adaptive_avg_pool2d, pooling.adaptive_avg_pool3d)[n - 1]
        return pool(input, tuple(s for s, _ in sizes))
    if mode in ("nearest", "nearest-exact"):
        shift = 0.5 if mode == "nearest-exact" else 0.0
        for axis, (length, (new, factor)) in enumerate(zip(space, sizes), start=2):
            ratio = np.float32(_ratio(length, new, factor, False))
            places = np.minimum(np.floor((np.arange(new) + np.float32(shift)) * ratio).astype(int), length - 1)
            if new != length or (places != np.arange(length)).any():
                input = input[(slice(None),) * axis + (Tensor._wrap(places),)]
        return input
    if _DIMS.get(mode) != n:
        raise NotImplementedError(
            f"interpolate: mode {mode!r} does not exist for {n} spatial dims; use 'nearest', 'area' or "
            f"{', '.join(repr(m) for m, d in _DIMS.items() if d == n)}"
        )
    require_float("interpolate", input)
    weigh = _cubic_weights if mode == "bicubic" else _linear_weights
    for axis, (length, (new, factor)) in enumerate(zip(space, sizes), start=2):
        weights = weigh(length, new, factor, bool(align_corners)).astype(input.array.dtype)
        input = (input.movedim(axis, -1) @ Tensor._wrap(weights.T)).movedim(-1, axis)
    return input


def upsample(
    input: Tensor, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
) -> Tensor:
    """`interpolate` under its older name."""
    return interpolate(input, size, scale_factor, mode, align_corners)


# --- Sampling at given places -------------------------------------------------------------------------------------


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = False) -> Tensor:
    """For each pixel of an output, the place in the input that an affine map sends it to, for `grid_sample`.

    Coordinates go from -1 to 1 in each direction.

    Shape:
        theta (N, 2, 3) and size (N, C, H, W); gives (N, H, W, 2). Or (N, 3, 4) and (N, C, D, H, W).

    Raises:
        ValueError: if the shapes do not fit.
    """
    require_tensor("affine_grid", theta=theta)
    n = len(size) - 2
    require(
        n in (2, 3) and theta.array.shape == (size[0], n, n + 1),
        f"affine_grid: expected theta (N, {n}, {n + 1}) for the size {tuple(size)}, got {tuple(theta.shape)}",
        ValueError,
    )  # fmt: skip
    axes = []
    for length in size[2:]:
        x = np.linspace(-1, 1, length) if length > 1 else np.zeros(length)
        axes.append(x if align_corners else x * ((length - 1) / length))
    # The last dim comes first in a coordinate: (x, y) for (H, W).
    places = np.stack([*np.meshgrid(*axes, indexing="ij")[::-1], np.ones(tuple(size[2:]))], -1)
    flat = Tensor._wrap(places.reshape(-1, n + 1).astype(theta.array.dtype))
    return (flat @ theta.transpose(1, 2)).reshape((size[0], *size[2:], n))


def grid_sample(
    input: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
) -> Tensor:
    """The input at given places (Jaderberg et al., 2015); differentiable in the input and, if bilinear, in the places.

    Shape:
        input (N, C, H, W), grid (N, H', W', 2) with (x, y) from -1 to 1; gives (N, C, H', W'). Or one dim more.

    Args:
        input: what to sample.
        grid: the places.
        mode: 'bilinear' or 'nearest'.
        padding_mode: outside, 'zeros', or the nearest pixel of the 'border', or the 'reflection'.
        align_corners: whether -1 and 1 are the centres of corner pixels rather than the outer edges.

    Raises:
        RuntimeError: if the shapes do not fit.
        ValueError: for another mode.

    Example:
        >>> import tinygrad_course as tc
        >>> x = tc.tensor([[[[1.0, 3.0]]]])
        >>> tc.nn.functional.grid_sample(x, tc.tensor([[[[0.0, 0.0]]]]), align_corners=False)
        tensor([[[[2.]]]])
    """
    require_tensor("grid_sample", input=input, grid=grid)
    n = input.array.ndim - 2
    shape, places = input.array.shape, grid.array.shape
    require(
        n in (2, 3) and len(places) == n + 2 and places[0] == shape[0] and places[-1] == n,
        f"grid_sample: expected an input (N, C, H, W) and a grid (N, H', W', 2), or one dim more, "
        f"got {tuple(shape)} and {tuple(places)}",
    )
    require(
        mode in ("bilinear", "nearest"), f"grid_sample: expected mode 'bilinear' or 'nearest', got {mode!r}", ValueError
    )
    require(
        padding_mode in ("zeros", "border", "reflection"),
        f"grid_sample: expected padding_mode 'zeros', 'border' or 'reflection', got {padding_mode!r}", ValueError,
    )  # fmt: skip
    coordinates = [
        _pixel(grid[..., n - 1 - d], length, bool(align_corners), padding_mode) for d, length in enumerate(shape[2:])
    ]
    if mode == "nearest":
        return _gathered(input, [c.detach().round() for c in coordinates])
    lows = [c.detach().floor() for c in coordinates]
    total: Any = None
    for corner in np.ndindex(*(2,) * n):
        weight: Any = 1
        for c, low, up in zip(coordinates, lows, corner):
            weight = weight * ((c - low) if up else (1 - (c - low)))
        term = _gathered(input, [low + up for low, up in zip(lows, corner)]) * weight.unsqueeze(1)
        total = term if total is None else total + term
    return total


def _pixel(x: Tensor, length: int, align: bool, padding_mode: str) -> Tensor:
    """Coordinates from -1 to 1 in pixels of a dim, moved inside unless what lies outside is 0."""
    x = (x + 1) * ((length - 1) / 2) if align else (x + 1) * (length / 2) - 0.5
    if padding_mode == "reflection":
        low, span = (0.0, length - 1.0) if align else (-0.5, float(length))
        if span == 0:
            x = x * 0.0
        else:
            inside = (x - low).abs()
            turns = (inside.detach() / span).floor()
            rest = inside - turns * span
            odd = turns.detach() % 2
            x = rest * (1 - odd) + (span - rest) * odd + low
    return x if padding_mode == "zeros" else x.clamp(0, length - 1)


def _gathered(input: Tensor, places: list[Tensor]) -> Tensor:
    """Values (N, C, *out) at whole-numbered places (N, *out) of each dim; 0 outside."""
    space = input.array.shape[2:]
    inside: Any = None
    index = []
    for x, length in zip(places, space):
        fits = (x >= 0) & (x <= length - 1)
        inside = fits if inside is None else inside & fits
        index.append(x.clamp(0, length - 1).to(np.dtype(np.int64)))
    batch = np.arange(input.array.shape[0]).reshape((-1,) + (1,) * len(space))
    # Indexed dims move to the front, around the channels: (N, *out, C).
    values = input[(Tensor._wrap(batch), slice(None), *index)].movedim(-1, 1)
    return values * inside.to(input.dtype).unsqueeze(1)


# --- Pixels and channels ------------------------------------------------------------------------------------------


def pixel_shuffle(input: Tensor, upscale_factor: int) -> Tensor:
    """Channels spread into pixels: (*, C r², H, W) to (*, C, H r, W r) (Shi et al., 2016).

    Raises:
        RuntimeError: if the channels do not divide by r².
    """
    require_tensor("pixel_shuffle", input=input)
    r = upscale_factor
    shape = tuple(input.array.shape)
    require(
        len(shape) >= 3 and r > 0 and shape[-3] % (r * r) == 0,
        f"pixel_shuffle: expected an input (*, C · {r}², H, W), got shape {shape}",
    )
    *lead, c, h, w = shape
    x = input.reshape((-1, c // (r * r), r, r, h, w)).permute(0, 1, 4, 2, 5, 3)
    return x.reshape((*lead, c // (r * r), h * r, w * r))


def pixel_unshuffle(input: Tensor, downscale_factor: int) -> Tensor:
    """Pixels gathered into channels: (*, C, H r, W r) to (*, C r², H, W); the inverse of `pixel_shuffle`.

    Raises:
        RuntimeError: if height or width do not divide by r.
    """
    require_tensor("pixel_unshuffle", input=input)
    r = downscale_factor
    shape = tuple(input.array.shape)
    require(
        len(shape) >= 3 and r > 0 and shape[-2] % r == 0 and shape[-1] % r == 0,
        f"pixel_unshuffle: expected an input (*, C, H · {r}, W · {r}), got shape {shape}",
    )
    *lead, c, h, w = shape
    x = input.reshape((-1, c, h // r, r, w // r, r)).permute(0, 1, 3, 5, 2, 4)
    return x.reshape((*lead, c * r * r, h // r, w // r))


def channel_shuffle(input: Tensor, groups: int) -> Tensor:
    """Channels of (N, C, *) dealt out over groups (Zhang et al., 2017).

    Raises:
        RuntimeError: if the channels do not divide into the groups.
    """
    require_tensor("channel_shuffle", input=input)
    shape = tuple(input.array.shape)
    require(
        len(shape) >= 3 and groups > 0 and shape[1] % groups == 0,
        f"channel_shuffle: expected channels (dim 1) that divide into {groups} groups, got shape {shape}",
    )
    return input.reshape((shape[0], groups, shape[1] // groups, *shape[2:])).transpose(1, 2).reshape(shape)
