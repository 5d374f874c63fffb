"""Numbers of few bits: rounded to multiples of a scale, and back. Rounding has no gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from .... import ops
from ....tensor import Tensor
from ..package import OnnxError
from ..reader import dtype_of
from .table import operator

__all__: list[str] = []


def _spread(step: Any, x: Tensor, values: Tensor) -> Tensor:
    """One value, one for each place of an axis, or one for each block along an axis, in the shape of x."""
    if values.array.size == 1:
        return values.reshape(())
    axis, block = step.get("axis", 1) % x.ndim, step.get("block_size", 0)
    if values.ndim == 1:
        return values.reshape((-1, *(1,) * (x.ndim - 1 - axis)))
    if not block:
        raise OnnxError(f"scales of shape {tuple(values.shape)} need a block_size")
    return values.repeat_interleave(block, axis).narrow(axis, 0, x.shape[axis])


@operator("QuantizeLinear")
def quantize(step: Any, x: Tensor, scale: Tensor, zero: Tensor | None = None) -> Any:
    number = step.get("output_dtype", 0)
    target = (
        zero.array.dtype if zero is not None else dtype_of(number, "output_dtype") if number else np.dtype(np.uint8)
    )
    if target.kind not in "iu":
        raise OnnxError(f"quantization to {target} is not supported")
    limits = np.iinfo(target)
    y = ops.round(x / _spread(step, x, scale))
    y = y if zero is None else y + _spread(step, x, zero).to(x.dtype)
    return y.clamp(int(limits.min), int(limits.max)).to(target)


@operator("DequantizeLinear")
def dequantize(step: Any, x: Tensor, scale: Tensor, zero: Tensor | None = None) -> Any:
    y = x.to(scale.dtype)
    y = y if zero is None else y - _spread(step, x, zero).to(scale.dtype)
    return y * _spread(step, x, scale)


@operator("DynamicQuantizeLinear")
def dynamic_quantize(step: Any, x: Tensor) -> Any:
    low, high = min(0.0, float(x.array.min())), max(0.0, float(x.array.max()))
    scale = np.float32((high - low) / 255)
    zero = np.uint8(np.clip(np.rint(-low / scale), 0, 255)) if scale else np.uint8(0)
    y = np.clip(np.rint(x.array / scale) + zero, 0, 255).astype(np.uint8) if scale else np.zeros(x.shape, np.uint8)
    return tuple(Tensor._wrap(np.asarray(v)) for v in (y, scale, zero))


@operator("MatMulInteger")
def matmul_integer(step: Any, a: Tensor, b: Tensor, a_zero: Any = None, b_zero: Any = None) -> Any:
    wide = np.dtype(np.int32)
    left, right = a.to(wide), b.to(wide)
    if a_zero is not None:
        shift = a_zero.to(wide)
        left = left - (shift.unsqueeze(-1) if shift.ndim == 1 and shift.shape[0] > 1 else shift)
    return left @ (right if b_zero is None else right - b_zero.to(wide))
