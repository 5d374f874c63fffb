"""Elementwise operations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .table import RULES, Case, rule

__all__: list[str] = []

# One operator, whose input has the output's dtype.
_SAME = {
    "abs": "Abs", "acos": "Acos", "acosh": "Acosh", "asin": "Asin", "asinh": "Asinh", "atan": "Atan", "atanh": "Atanh",
    "ceil": "Ceil", "cos": "Cos", "cosh": "Cosh", "erf": "Erf", "exp": "Exp", "floor": "Floor", "log": "Log",
    "negative": "Neg", "reciprocal": "Reciprocal", "relu": "Relu", "sigmoid": "Sigmoid", "sign": "Sign", "sin": "Sin",
    "sinh": "Sinh", "softsign": "Softsign", "sqrt": "Sqrt", "tan": "Tan", "tanh": "Tanh", "hardswish": "HardSwish",
    "mish": "Mish", "clone": "Identity", "positive": "Identity", "bitwise_not": "BitwiseNot", "cast": "Identity",
}  # fmt: skip
_PAIRS = {
    "add": "Add", "subtract": "Sub", "multiply": "Mul", "divide": "Div", "power": "Pow", "maximum": "Max",
    "minimum": "Min", "matmul": "MatMul", "bitwise_and": "BitwiseAnd", "bitwise_or": "BitwiseOr",
    "bitwise_xor": "BitwiseXor", "prelu": "PRelu",
}  # fmt: skip
_COMPARED = {"eq": "Equal", "gt": "Greater", "ge": "GreaterOrEqual", "lt": "Less", "le": "LessOrEqual"}
_LOGICAL = {"logical_and": "And", "logical_or": "Or", "logical_xor": "Xor"}


def _direct(name: str, kind: str, count: int, dtype: Callable[[Case], Any]) -> None:
    """One operator, whose inputs are first brought to a dtype."""
    RULES[name] = lambda c: c.node(kind, *(c.name(i, dtype(c)) for i in range(count)))


def common(c: Case) -> Any:
    """The dtype in which inputs are compared; numbers are weak."""
    return np.result_type(*(ref.value if ref.dtype is None and ref.kind == "constant" else ref.dtype for ref in c.refs))


for _name, _kind in _SAME.items():
    _direct(_name, _kind, 1, lambda c: c.dtype)
for _name, _kind in _PAIRS.items():
    _direct(_name, _kind, 2, lambda c: c.dtype)
for _name, _kind in _LOGICAL.items():
    _direct(_name, _kind, 2, lambda c: bool)
for _name, _kind in _COMPARED.items():
    _direct(_name, _kind, 2, common)


@rule("ne")
def ne(c: Case) -> str:
    return c.node("Not", c.node("Equal", c.name(0, common(c)), c.name(1, common(c))))


@rule("logical_not")
def logical_not(c: Case) -> str:
    return c.node("Not", c.name(0, bool))


@rule("isnan")
def isnan(c: Case) -> str:
    return c.node("IsNaN", c.name())


@rule("isinf")
def isinf(c: Case) -> str:
    return c.node("IsInf", c.name())


@rule("isfinite")
def isfinite(c: Case) -> str:
    return c.node("Not", c.node("Or", c.node("IsInf", c.name()), c.node("IsNaN", c.name())))


@rule("round")
def round_(c: Case) -> str:
    scale = 10.0 ** c.static("decimals") if c.params.get("decimals") else 1.0
    x = c.name(0, c.dtype)
    if scale == 1:
        return c.node("Round", x)
    return c.node("Div", c.node("Round", c.node("Mul", x, c.const(scale))), c.const(scale))


# --- Functions that are composed ----------------------------------------------------------------------------------


def plus(c: Case, x: str, value: float) -> str:
    return str(c.node("Add", x, c.const(value)))


def times(c: Case, x: str, value: float) -> str:
    return x if value == 1 else str(c.node("Mul", x, c.const(value)))


@rule("square")
def square(c: Case) -> str:
    return c.node("Mul", c.name(), c.name())


@rule("rsqrt")
def rsqrt(c: Case) -> str:
    return c.node("Reciprocal", c.node("Sqrt", c.name(0, c.dtype)))


@rule("exp2")
def exp2(c: Case) -> str:
    return c.node("Exp", times(c, c.name(0, c.dtype), math.log(2)))


@rule("expm1")
def expm1(c: Case) -> str:
    return plus(c, c.node("Exp", c.name(0, c.dtype)), -1)


@rule("log1p")
def log1p(c: Case) -> str:
    return c.node("Log", plus(c, c.name(0, c.dtype), 1))


@rule("log2")
def log2(c: Case) -> str:
    return times(c, c.node("Log", c.name(0, c.dtype)), 1 / math.log(2))


@rule("log10")
def log10(c: Case) -> str:
    return times(c, c.node("Log", c.name(0, c.dtype)), 1 / math.log(10))


def truncated(c: Case, x: str) -> str:
    return str(c.node("Mul", c.node("Sign", x), c.node("Floor", c.node("Abs", x))))


@rule("trunc")
def trunc(c: Case) -> str:
    return truncated(c, c.name())


@rule("frac")
def frac(c: Case) -> str:
    return c.node("Sub", c.name(), truncated(c, c.name()))


@rule("erfc")
def erfc(c: Case) -> str:
    return c.node("Sub", c.const(1), c.node("Erf", c.name(0, c.dtype)))


def _ndtr(c: Case, x: str) -> str:
    """Φ(x) = (1 + erf(x / √2)) / 2."""
    return times(c, plus(c, c.node("Erf", times(c, x, math.sqrt(0.5))), 1), 0.5)


@rule("ndtr")
def ndtr(c: Case) -> str:
    return _ndtr(c, c.name(0, c.dtype))


@rule("sinc")
def sinc(c: Case) -> str:
    x = times(c, c.name(0, c.dtype), math.pi)
    zero = c.node("Equal", x, c.const(0))
    return c.node("Where", zero, c.const(1), c.node("Div", c.node("Sin", x), c.node("Where", zero, c.const(1), x)))


@rule("hypot")
def hypot(c: Case) -> str:
    a, b = c.name(0, c.dtype), c.name(1, c.dtype)
    return c.node("Sqrt", c.node("Add", c.node("Mul", a, a), c.node("Mul", b, b)))


@rule("heaviside")
def heaviside(c: Case) -> str:
    x, zero = c.name(0, c.dtype), c.const(0)
    above = c.node("Cast", c.node("Greater", x, zero), to=c.w.dtype(c.dtype))
    return c.node("Where", c.node("Equal", x, zero), c.name(1, c.dtype), above)


@rule("logaddexp")
def logaddexp(c: Case) -> str:
    a, b = c.name(0, c.dtype), c.name(1, c.dtype)
    apart = c.node("Neg", c.node("Abs", c.node("Sub", a, b)))
    return c.node("Add", c.node("Max", a, b), c.node("Log", plus(c, c.node("Exp", apart), 1)))


@rule("xlogy")
def xlogy(c: Case) -> str:
    x = c.name(0, c.dtype)
    zero = c.node("Equal", x, c.const(0))
    return c.node("Where", zero, c.const(0), c.node("Mul", x, c.node("Log", c.name(1, c.dtype))))


@rule("floor_divide")
def floor_divide(c: Case) -> str:
    a, b = c.name(0, c.dtype), c.name(1, c.dtype)
    if c.dtype.kind == "f":
        return c.node("Floor", c.node("Div", a, b))
    return c.node("Div", c.node("Sub", a, c.node("Mod", a, b)), b)


@rule("fmod")
def fmod(c: Case) -> str:
    return c.node("Mod", c.name(0, c.dtype), c.name(1, c.dtype), fmod=1)


@rule("remainder")
def remainder(c: Case) -> str:
    a, b = c.name(0, c.dtype), c.name(1, c.dtype)
    if c.dtype.kind != "f":
        return c.node("Mod", a, b)
    return c.node("Sub", a, c.node("Mul", c.node("Floor", c.node("Div", a, b)), b))


@rule("where")
def where(c: Case) -> str:
    return c.node("Where", c.name(0, bool), c.name(1, c.dtype), c.name(2, c.dtype))


@rule("clamp")
def clamp(c: Case) -> str:
    y = c.name(0, c.dtype)
    y = c.node("Max", y, c.name(1, c.dtype)) if c.has(1) else y
    y = c.node("Min", y, c.name(2, c.dtype)) if c.has(2) else y
    return y if y != c.name(0, c.dtype) else c.node("Identity", y)


@rule("affine")
def affine(c: Case) -> str:
    return c.node("Add", c.node("Mul", c.name(0), c.name(1)), c.name(2))


@rule("combine")
def combine(c: Case) -> str:
    products = c.node("Add", c.node("Mul", c.name(0), c.name(1)), c.node("Mul", c.name(2), c.name(3)))
    return c.node("Add", products, c.name(4))


# --- Activation functions -----------------------------------------------------------------------------------------


@rule("elu")
def elu(c: Case) -> str:
    alpha, scale, inner = (float(c.static(k)) for k in ("alpha", "scale", "input_scale"))
    if inner == 1:
        if scale == 1:
            return c.node("Elu", c.name(), alpha=alpha)
        return c.node("Selu", c.name(), alpha=alpha, gamma=scale)
    if math.isclose(alpha * inner, 1) and scale == 1:
        return c.node("Celu", c.name(), alpha=alpha)
    negative = c.node("Elu", times(c, c.node("Min", c.name(), c.const(0)), inner), alpha=alpha)
    return times(c, c.node("Add", negative, c.node("Relu", c.name())), scale)


@rule("gelu")
def gelu(c: Case) -> str:
    return c.node("Mul", c.name(), _ndtr(c, c.name()))


@rule("gelu_tanh")
def gelu_tanh(c: Case) -> str:
    x = c.name()
    cube = c.node("Mul", c.node("Mul", x, x), x)
    inner = times(c, c.node("Add", x, times(c, cube, 0.044715)), math.sqrt(2 / math.pi))
    return times(c, c.node("Mul", x, plus(c, c.node("Tanh", inner), 1)), 0.5)


@rule("silu")
def silu(c: Case) -> str:
    return c.node("Mul", c.name(), c.node("Sigmoid", c.name()))


@rule("logsigmoid")
def logsigmoid(c: Case) -> str:
    return c.node("Neg", c.node("Softplus", c.node("Neg", c.name())))


@rule("softplus")
def softplus(c: Case) -> str:
    beta, limit = float(c.static("beta")), float(c.static("threshold"))
    inner = times(c, c.name(), beta)
    y = times(c, c.node("Softplus", inner), 1 / beta)
    return c.node("Where", c.node("Greater", inner, c.const(limit)), c.name(), y)


@rule("hardsigmoid")
def hardsigmoid(c: Case) -> str:
    return c.node("HardSigmoid", c.name(), alpha=1 / 6, beta=0.5)


@rule("hardtanh")
def hardtanh(c: Case) -> str:
    return c.node("Clip", c.name(), c.const(c.static("min_val")), c.const(c.static("max_val")))


@rule("leaky_relu")
def leaky_relu(c: Case) -> str:
    return c.node("LeakyRelu", c.name(), alpha=float(c.static("negative_slope")))


@rule("softshrink")
def softshrink(c: Case) -> str:
    return c.node("Shrink", c.name(), lambd=float(c.static("lambd")), bias=float(c.static("lambd")))


@rule("hardshrink")
def hardshrink(c: Case) -> str:
    return c.node("Shrink", c.name(), lambd=float(c.static("lambd")), bias=0.0)


@rule("tanhshrink")
def tanhshrink(c: Case) -> str:
    return c.node("Sub", c.name(), c.node("Tanh", c.name()))


@rule("threshold")
def threshold(c: Case) -> str:
    above = c.node("Greater", c.name(), c.const(c.static("threshold")))
    return c.node("Where", above, c.name(), c.const(c.static("value")))


@rule("softmax")
def softmax(c: Case) -> str:
    return c.node("Softmax", c.name(), axis=c.static("dim"))


@rule("log_softmax")
def log_softmax(c: Case) -> str:
    return c.node("LogSoftmax", c.name(), axis=c.static("dim"))
