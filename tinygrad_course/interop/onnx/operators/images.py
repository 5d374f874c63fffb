"""Images of another size, and sampled at given places."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ....nn import functional as F
from ....tensor import Tensor
from ..package import OnnxError
from .table import floats, ints, operator, sized

__all__: list[str] = []


@operator("Upsample")
def upsample(step: Any, x: Tensor, scales: Tensor | None = None) -> Any:
    factors = floats(scales, step) if scales is not None else step.get("scales", [])
    sizes = [math.floor(n * f) for n, f in zip(x.shape, factors)]
    mode = {"nearest": "nearest", "linear": "linear", "bilinear": "linear"}.get(step.get("mode", "nearest"), "?")
    return _resized(step, x, dict(enumerate(zip(sizes, factors))), mode, "asymmetric", "floor")


@operator("Resize")
def resize(step: Any, x: Tensor, roi: Any = None, scales: Any = None, lengths: Any = None) -> Any:
    if step.version < 11:
        roi, scales = None, roi
    axes = [a % x.ndim for a in step.get("axes", list(range(x.ndim)))]
    given = floats(scales, step) if scales is not None and scales.array.size else None
    if given is not None:
        factors, sizes = given, [math.floor(x.shape[a] * f) for a, f in zip(axes, given)]
    else:
        sizes = ints(lengths, step)
        factors = [n / x.shape[a] for a, n in zip(axes, sizes)]
        policy = step.get("keep_aspect_ratio_policy", "stretch")
        if policy != "stretch":
            one = min(factors) if policy == "not_larger" else max(factors)
            sizes = [math.floor(x.shape[a] * one + 0.5) for a in axes]
            factors = [one] * len(axes)
    if len(sizes) != len(axes):
        raise OnnxError(f"{len(sizes)} sizes for {len(axes)} axes")
    modes = step.get("coordinate_transformation_mode", "half_pixel" if step.version >= 11 else "asymmetric")
    rounding = step.get("nearest_mode", "round_prefer_floor" if step.version >= 11 else "floor")
    boxes: dict[int, tuple[float, float]] = {}
    if modes == "tf_crop_and_resize":
        edges = floats(roi, step)
        boxes = {a: (edges[i], edges[i + len(axes)]) for i, a in enumerate(axes)}
    return _resized(step, x, dict(zip(axes, zip(sizes, factors))), step.get("mode", "nearest"), modes, rounding, boxes)


def _resized(
    step: Any, x: Tensor, sizes: dict[int, tuple[int, float]], mode: str, coordinates: str, rounding: str,
    boxes: dict[int, tuple[float, float]] | None = None,
) -> Any:  # fmt: skip
    """Along each axis a product with a matrix of weights."""
    sized([sizes.get(a, (n, 1.0))[0] for a, n in enumerate(x.shape)])
    outside = None
    for axis, (size, factor) in sizes.items():
        length = x.shape[axis]
        box = (boxes or {}).get(axis)
        if size == length and factor == 1 and (box is None or box == (0.0, 1.0)):
            continue
        sized([size, length])
        places = _places(length, size, factor, coordinates, box)
        weights = _weights(step, places, length, factor, mode, rounding)
        if box is not None:
            shape = [1] * x.ndim
            shape[axis] = size
            off = ((places < 0) | (places > length - 1)).reshape(shape)
            outside = off if outside is None else outside | off
        matrix = Tensor._wrap(weights.T.astype(x.array.dtype))
        x = (x.movedim(axis, -1) @ matrix).movedim(-1, axis) if x.array.dtype.kind == "f" else _whole(x, weights, axis)
    if outside is not None:
        x = x.masked_fill(
            Tensor._wrap(np.broadcast_to(outside, tuple(x.shape)).copy()), step.get("extrapolation_value", 0.0)
        )
    return x


def _whole(x: Tensor, weights: np.ndarray, axis: int) -> Tensor:
    y = np.moveaxis(np.moveaxis(x.array, axis, -1).astype(np.float64) @ weights.T, -1, axis)
    return Tensor._wrap(y.astype(x.array.dtype))


def _places(length: int, size: int, factor: float, mode: str, box: Any) -> np.ndarray:
    """Where in the input each output value lies."""
    i = np.arange(size, dtype=np.float64)
    if mode == "half_pixel":
        return (i + 0.5) / factor - 0.5
    if mode == "pytorch_half_pixel":
        return (i + 0.5) / factor - 0.5 if size > 1 else i * 0
    if mode == "align_corners":
        return i * (length - 1) / (factor * length - 1) if size > 1 else i * 0
    if mode == "asymmetric":
        return i / factor
    if mode == "half_pixel_symmetric":
        adjust = size / (factor * length)
        return length / 2 * (1 - adjust) + (i + 0.5) / factor - 0.5
    if mode == "tf_crop_and_resize":
        start, end = box
        if size > 1:
            return start * (length - 1) + i * (end - start) * (length - 1) / (size - 1)
        return np.full(size, 0.5 * (start + end) * (length - 1))
    raise OnnxError(f"coordinate_transformation_mode {mode!r} is not supported")


def _weights(step: Any, places: np.ndarray, length: int, factor: float, mode: str, rounding: str) -> np.ndarray:
    weights = np.zeros((len(places), length))
    rows = np.arange(len(places))
    if mode == "nearest":
        roundings: dict[str, Any] = {
            "round_prefer_floor": lambda v: np.ceil(v - 0.5), "round_prefer_ceil": lambda v: np.floor(v + 0.5),
            "floor": np.floor, "ceil": np.ceil,
        }  # fmt: skip
        chosen = roundings[rounding](places)
        weights[rows, np.clip(chosen.astype(int), 0, length - 1)] = 1
        return weights
    if mode not in ("linear", "cubic"):
        raise OnnxError(f"mode {mode!r} is not supported")
    a = step.get("cubic_coeff_a", -0.75)
    scale = min(factor, 1.0) if step.get("antialias", 0) else 1.0
    reach = math.ceil((1 if mode == "linear" else 2) / scale)
    low = np.floor(places).astype(int)
    for k in range(-reach + 1, reach + 1):
        at = low + k
        distance = np.abs(places - at) * scale
        part = np.maximum(1 - distance, 0) if mode == "linear" else _cubic(distance, a)
        if step.get("exclude_outside", 0):
            part = np.where((at < 0) | (at >= length), 0, part)
        np.add.at(weights, (rows, np.clip(at, 0, length - 1)), part)
    return weights / weights.sum(1, keepdims=True)


def _cubic(t: np.ndarray, a: float) -> np.ndarray:
    """Keys's kernel at distances t."""
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    far = ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
    return np.where(t <= 1, near, np.where(t < 2, far, 0))


@operator("GridSample")
def grid_sample(step: Any, x: Tensor, grid: Tensor) -> Any:
    mode = {"linear": "bilinear"}.get(step.get("mode", "linear"), step.get("mode", "linear"))
    return F.grid_sample(x, grid, mode, step.get("padding_mode", "zeros"), bool(step.get("align_corners", 0)))


@operator("AffineGrid")
def affine_grid(step: Any, theta: Tensor, size: Tensor) -> Any:
    return F.affine_grid(theta, ints(size, step), bool(step.get("align_corners", 0)))
