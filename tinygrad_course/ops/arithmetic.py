"""Arithmetic with options, and the usual compositions: what PyTorch's functions offer beyond the operators."""

from __future__ import annotations

import builtins
import math
from typing import Any, TypeAlias

import numpy as np

from ..graph import bind
from ..tensor import Tensor
from . import elementwise
from .choosing import where as _where
from .elementwise import abs as absolute
from .elementwise import acos as arccos
from .elementwise import acosh as arccosh
from .elementwise import asin as arcsin
from .elementwise import asinh as arcsinh
from .elementwise import atan as arctan
from .elementwise import atan2 as arctan2
from .elementwise import atanh as arctanh
from .elementwise import ge as greater_equal
from .elementwise import gt as greater
from .elementwise import le as less_equal
from .elementwise import lt as less
from .elementwise import multiply
from .elementwise import multiply as mul
from .elementwise import ne as not_equal
from .elementwise import negative as neg
from .elementwise import power as pow
from .elementwise import sign as sgn
from .elementwise import trunc as fix
from .op import declare

__all__ = [
    "absolute", "add", "addcdiv", "addcmul", "allclose", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2",
    "arctanh", "deg2rad", "div", "divide", "equal", "fix", "fmax", "fmin", "greater", "greater_equal", "isclose",
    "isneginf", "isposinf", "lerp", "less", "less_equal", "mul", "multiply", "neg", "not_equal", "pow", "rad2deg",
    "round", "rsub", "sgn", "sub", "subtract", "true_divide",
]  # fmt: skip

Value: TypeAlias = Tensor | float


def add(input: Value, other: Value, *, alpha: float = 1) -> Tensor:
    """input + alpha · other, elementwise.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.add(tc.tensor([1, 2]), tc.tensor([3, 4]), alpha=10)
        tensor([31, 42])
    """
    return bind(elementwise.add, input, other if alpha == 1 else other * alpha)


def sub(input: Value, other: Value, *, alpha: float = 1) -> Tensor:
    """input - alpha · other, elementwise.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.sub(tc.tensor([1, 2]), 1)
        tensor([0, 1])
    """
    return bind(elementwise.subtract, input, other if alpha == 1 else other * alpha)


def rsub(input: Value, other: Value, *, alpha: float = 1) -> Tensor:
    """other - alpha · input, elementwise."""
    return sub(other, input, alpha=alpha)


def div(input: Value, other: Value, *, rounding_mode: str | None = None) -> Tensor:
    """input / other, elementwise; of integers too a float.

    Args:
        rounding_mode: "trunc" rounds the quotient towards 0, "floor" down; both keep integers integers.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.div(tc.tensor([-7, 7]), 2, rounding_mode="floor")
        tensor([-4,  3])
    """
    if rounding_mode is None:
        return bind(elementwise.divide, input, other)
    if rounding_mode == "floor":
        return bind(elementwise.floor_divide, input, other)
    if rounding_mode != "trunc":
        raise RuntimeError(f"div: rounding_mode must be None, 'trunc' or 'floor', got {rounding_mode!r}")
    quotient = bind(elementwise.trunc, bind(elementwise.divide, input, other))
    kind = np.result_type(*(x.dtype if isinstance(x, Tensor) else x for x in (input, other)))
    return quotient if kind.kind == "f" else quotient.to(kind)


subtract, divide, true_divide = sub, div, div


def addcmul(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    """input + value · tensor1 · tensor2, elementwise.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.addcmul(tc.tensor([1]), tc.tensor([2]), tc.tensor([3]), value=10)
        tensor([61])
    """
    return add(input, tensor1 * tensor2, alpha=value)


def addcdiv(input: Tensor, tensor1: Tensor, tensor2: Tensor, *, value: float = 1) -> Tensor:
    """input + value · tensor1 / tensor2, elementwise.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.addcdiv(tc.tensor([1.0]), tc.tensor([6.0]), tc.tensor([3.0])).item()
        3.0
    """
    return add(input, tensor1 / tensor2, alpha=value)


def lerp(input: Tensor, end: Tensor, weight: Value) -> Tensor:
    """input + weight · (end - input), elementwise.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.lerp(tc.tensor([0.0]), tc.tensor([10.0]), 0.25).item()
        2.5
    """
    return input + weight * (end - input)


def fmax(input: Tensor, other: Value) -> Tensor:
    """The larger of two values, elementwise; a NaN only if both are. At a tie the input gets the gradient.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.fmax(tc.tensor([1.0, float("nan")]), tc.tensor([2.0, 3.0])).tolist()
        [2.0, 3.0]
    """
    return _where((input >= other) | elementwise.isnan(other), input, other)


def fmin(input: Tensor, other: Value) -> Tensor:
    """The smaller of two values, elementwise; a NaN only if both are. At a tie the input gets the gradient.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.fmin(tc.tensor([1.0, float("nan")]), tc.tensor([2.0, 3.0])).tolist()
        [1.0, 3.0]
    """
    return _where((input <= other) | elementwise.isnan(other), input, other)


_round = declare(lambda x, decimals=0: np.round(x, decimals), vjp=lambda g, _y, _x, decimals=0: g * 0.0, name="round",
                 lazy=True, doc="The nearest integer, or multiple of a power of 10; halves go to even.")  # fmt: skip


def round(input: Tensor, *, decimals: int = 0) -> Tensor:
    """The nearest integers, halves to even; or with `decimals` digits after the point. The gradient is 0.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.round(tc.tensor([0.5, 1.5])).tolist()
        [0.0, 2.0]
    """
    return bind(_round, input, decimals=decimals)


def rad2deg(input: Tensor) -> Tensor:
    """Degrees from radians.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.rad2deg(tc.tensor(0.0)).item()
        0.0
    """
    return input * (180 / math.pi)


def deg2rad(input: Tensor) -> Tensor:
    """Radians from degrees.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.deg2rad(tc.tensor(0.0)).item()
        0.0
    """
    return input * (math.pi / 180)


# --- Comparing ----------------------------------------------------------------------------------------------------

_isclose = declare(
    np.isclose, name="isclose",
    doc="Whether |a - b| ≤ atol + rtol |b|, elementwise.",
)  # fmt: skip


def isclose(input: Tensor, other: Value, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Whether |input - other| ≤ atol + rtol · |other|, elementwise.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.isclose(tc.tensor([1.0, 2.0]), tc.tensor([1.0, 2.1]))
        tensor([ True, False])
    """
    return bind(_isclose, input, other, rtol=rtol, atol=atol, equal_nan=equal_nan)


def allclose(input: Tensor, other: Value, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether all values are close, as `isclose` has it.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.allclose(tc.tensor([1.0]), tc.tensor([1.0 + 1e-7]))
        True
    """
    return builtins.bool(isclose(input, other, rtol, atol, equal_nan).all())


def equal(input: Tensor, other: Tensor) -> bool:
    """Whether shapes and all values are equal.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.equal(tc.tensor([1, 2]), tc.tensor([1, 2]))
        True
    """
    return input.array.shape == other.array.shape and builtins.bool(elementwise.eq(input, other).all())


def isposinf(input: Tensor) -> Tensor:
    """Whether each value is +inf.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.isposinf(tc.tensor([float("inf"), 1.0]))
        tensor([ True, False])
    """
    return elementwise.eq(input, math.inf)


def isneginf(input: Tensor) -> Tensor:
    """Whether each value is -inf.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.isneginf(tc.tensor([float("-inf"), 1.0]))
        tensor([ True, False])
    """
    return elementwise.eq(input, -math.inf)


METHODS: dict[str, Any] = {name: globals()[name] for name in __all__}
