"""Elementwise arithmetic, comparisons, logic, conversions and random numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from .... import ops
from ....tensor import Tensor
from ..package import OnnxError
from ..reader import dtype_of
from .table import OPERATORS, operator, sized

__all__: list[str] = []


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda step, *inputs: function(*inputs)


_SAME: dict[str, Callable[..., Any]] = {
        "Abs": ops.abs, "Acos": ops.acos, "Acosh": ops.acosh, "Asin": ops.asin, "Asinh": ops.asinh, "Atan": ops.atan,
        "Atanh": ops.atanh, "Ceil": ops.ceil, "Cos": ops.cos, "Cosh": ops.cosh, "Erf": ops.erf, "Exp": ops.exp,
        "Floor": ops.floor, "Log": ops.log, "Neg": ops.negative, "Reciprocal": ops.reciprocal, "Round": ops.round,
        "Sigmoid": ops.sigmoid, "Sign": ops.sign, "Sin": ops.sin, "Sinh": ops.sinh, "Sqrt": ops.sqrt, "Tan": ops.tan,
        "Tanh": ops.tanh, "IsNaN": ops.isnan, "Not": ops.logical_not, "And": ops.logical_and, "Or": ops.logical_or,
        "Xor": ops.logical_xor, "BitwiseAnd": ops.bitwise_and, "BitwiseOr": ops.bitwise_or,
        "BitwiseXor": ops.bitwise_xor, "BitwiseNot": ops.bitwise_not, "Identity": lambda x: x, "MatMul": ops.matmul,
        "Det": ops.det,
}  # fmt: skip
OPERATORS.update({name: _plain(function) for name, function in _SAME.items()})


def _aligned(step: Any, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Before version 7 the second input was broadcast on demand, from an axis on."""
    if step.version < 7 and "axis" in step.attributes:
        b = b.reshape((*b.shape, *(1,) * (a.ndim - step.get("axis", 0) - b.ndim)))
    return a, b


def _pair(name: str, function: Callable[..., Any]) -> None:
    OPERATORS[name] = lambda step, a, b: function(*_aligned(step, a, b))


def _divided(a: Tensor, b: Tensor) -> Any:
    """Whole numbers are divided towards zero."""
    if a.array.dtype.kind == "f":
        return a / b
    quotient, rest = a // b, a % b
    return quotient + ((rest != 0) & ((a < 0) != (b < 0))).to(a.dtype) if a.array.dtype.kind == "i" else quotient


_PAIRS: dict[str, Callable[..., Any]] = {
    "Add": ops.add, "Sub": ops.subtract, "Mul": ops.multiply, "Div": _divided, "Equal": ops.eq, "Greater": ops.gt,
    "GreaterOrEqual": ops.ge, "Less": ops.lt, "LessOrEqual": ops.le,
}  # fmt: skip
for _name, _function in _PAIRS.items():
    _pair(_name, _function)


@operator("Pow")
def pow_(step: Any, a: Tensor, b: Tensor) -> Any:
    if a.array.dtype.kind == "f":
        return ops.power(a, b.to(a.dtype) if b.dtype != a.dtype else b)
    if b.array.dtype.kind == "f":
        return ops.power(a.to(b.dtype), b).to(a.dtype)
    return ops.power(a, b).to(a.dtype)


@operator("Mod")
def mod(step: Any, a: Tensor, b: Tensor) -> Any:
    return ops.fmod(a, b) if step.get("fmod", 0) else ops.remainder(a, b)


@operator("BitShift")
def bit_shift(step: Any, a: Tensor, b: Tensor) -> Any:
    shift = np.left_shift if step.get("direction", "") == "LEFT" else np.right_shift
    return Tensor._wrap(np.asarray(shift(a.array, b.array)))


@operator("IsInf")
def is_inf(step: Any, x: Tensor) -> Any:
    up, down = step.get("detect_positive", 1), step.get("detect_negative", 1)
    y = ops.isinf(x)
    y = y if up else ops.logical_and(y, x < 0)
    return y if down else ops.logical_and(y, x > 0)


@operator("Sum")
def sum_(step: Any, *xs: Tensor) -> Any:
    return reduce(ops.add, xs)


@operator("Mean")
def mean(step: Any, *xs: Tensor) -> Any:
    return reduce(ops.add, xs) / len(xs)


@operator("Max")
def maximum(step: Any, *xs: Tensor) -> Any:
    return reduce(ops.maximum, xs)


@operator("Min")
def minimum(step: Any, *xs: Tensor) -> Any:
    return reduce(ops.minimum, xs)


@operator("Clip")
def clip(step: Any, x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Any:
    if step.version < 11:
        given = [step.get("min"), step.get("max")]
        low, high = (None if v is None else Tensor._wrap(np.asarray(v, x.array.dtype)) for v in given)
    y = x if low is None else ops.maximum(x, low)
    return y if high is None else ops.minimum(y, high)


@operator("Where")
def where(step: Any, condition: Tensor, a: Tensor, b: Tensor) -> Any:
    return ops.where(condition, a, b)


@operator("Cast")
def cast(step: Any, x: Tensor) -> Any:
    to = step.get("to", 1)
    with np.errstate(invalid="ignore", over="ignore"):
        return x.to(dtype_of(to, "to"))


@operator("CastLike")
def cast_like(step: Any, x: Tensor, like: Tensor) -> Any:
    with np.errstate(invalid="ignore", over="ignore"):
        return x.to(like.dtype)


@operator("BitCast")
def bit_cast(step: Any, x: Tensor) -> Any:
    target = dtype_of(step.get("to", 1), "to")
    if target.itemsize != x.array.dtype.itemsize:
        raise OnnxError(f"BitCast from {x.dtype} to {target}, which are of different width")
    return Tensor._wrap(np.ascontiguousarray(x.array).view(target).reshape(x.array.shape))


@operator("Swish")
def swish(step: Any, x: Tensor) -> Any:
    return x * ops.sigmoid(x * step.get("alpha", 1.0))


# --- Random numbers -----------------------------------------------------------------------------------------------


def _drawn(step: Any, shape: Any, dtype: Any, normal: bool) -> Any:
    shape = sized(shape)
    if normal:
        y = ops.randn(*shape) * step.get("scale", 1.0) + step.get("mean", 0.0)
    else:
        low, high = step.get("low", 0.0), step.get("high", 1.0)
        y = ops.rand(*shape) * (high - low) + low
    return y.to(dtype)


@operator("RandomNormal", "RandomUniform")
def random(step: Any) -> Any:
    shape = step.get("shape", [])
    return _drawn(step, shape, dtype_of(step.get("dtype", 1), "dtype"), step.kind == "RandomNormal")


@operator("RandomNormalLike", "RandomUniformLike")
def random_like(step: Any, x: Tensor) -> Any:
    dtype = dtype_of(step.attributes["dtype"], "dtype") if "dtype" in step.attributes else x.dtype
    return _drawn(step, x.shape, dtype, step.kind == "RandomNormalLike")


@operator("Bernoulli")
def bernoulli(step: Any, p: Tensor) -> Any:
    dtype = dtype_of(step.attributes["dtype"], "dtype") if "dtype" in step.attributes else p.dtype
    return ops.bernoulli(p).to(dtype)


# --- Windows of signals -------------------------------------------------------------------------------------------


@operator("HannWindow", "HammingWindow", "BlackmanWindow")
def window(step: Any, size: Tensor) -> Any:
    n = int(size.array.item())
    (n,) = sized([n])
    period = n if step.get("periodic", 1) else n - 1
    angle = np.arange(n) * (2 * math.pi / max(period, 1))
    weights = {
        "HannWindow": (0.5, 0.5, 0.0), "HammingWindow": (25 / 46, 21 / 46, 0.0), "BlackmanWindow": (0.42, 0.5, 0.08)
    }[step.kind]  # fmt: skip
    y = weights[0] - weights[1] * np.cos(angle) + weights[2] * np.cos(2 * angle)
    return Tensor._wrap(y.astype(dtype_of(step.get("output_datatype", 1), "output_datatype")))
