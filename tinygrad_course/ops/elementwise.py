"""Elementwise operations: each declared once, as its NumPy function and its vector-Jacobian rules.

Inputs broadcast; the engine sums cotangents back. Where a function has a kink, the rule gives the subgradient that
PyTorch gives, and its comment says which.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from .op import declare

__all__ = [
    "abs", "acos", "acosh", "add", "asin", "asinh", "atan", "atan2", "atanh", "bitwise_and", "bitwise_not",
    "bitwise_or", "bitwise_xor", "ceil", "copysign", "cos", "cosh", "divide", "eq", "exp", "exp2", "expm1", "floor",
    "floor_divide", "fmod", "frac", "ge", "gt", "heaviside", "hypot", "isfinite", "isinf", "isnan", "ldexp", "le",
    "log", "log10", "log1p", "log2", "logaddexp", "logical_and", "logical_not", "logical_or", "logical_xor", "lt",
    "maximum", "minimum", "multiply", "ne", "negative", "positive", "power", "reciprocal", "remainder", "rsqrt",
    "sigmoid", "sign", "signbit", "sin", "sinh", "sqrt", "square", "subtract", "tan", "tanh", "trunc",
]  # fmt: skip

# --- Arithmetic ---------------------------------------------------------------------------------------------------

add = declare(np.add, vjp=(lambda g, _y, _a, _b: g, lambda g, _y, _a, _b: g), doc="a + b, elementwise.")
subtract = declare(np.subtract, vjp=(lambda g, _y, _a, _b: g, lambda g, _y, _a, _b: -g), doc="a - b, elementwise.")
multiply = declare(np.multiply, vjp=(lambda g, _y, _a, b: g * b, lambda g, _y, a, _b: g * a), doc="a * b, elementwise.")
divide = declare(
    np.divide, vjp=(lambda g, _y, _a, b: g / b, lambda g, y, _a, b: -g * y / b),
    doc="a / b, elementwise; of integers too a float.",
)  # fmt: skip
negative = declare(np.negative, vjp=lambda g, _y, _x: -g, doc="-x, elementwise.")
positive = declare(np.positive, vjp=lambda g, _y, _x: g, doc="+x, elementwise.")
reciprocal = declare(lambda x: 1.0 / x, vjp=lambda g, y, _x: -g * y * y, name="reciprocal", broadcasts=True,
                     doc="1 / x, elementwise.")  # fmt: skip
square = declare(np.square, vjp=lambda g, _y, x: (2 * g) * x, doc="x², elementwise.")


def _power(a: Any, b: Any) -> Any:
    # The operator, not np.power: it has short cuts for the exponents 2, 0.5 and -1.
    if isinstance(b, int) and b < 0 and not isinstance(a, (int, float)) and a.dtype.kind in "iu":
        raise RuntimeError("power: integers to negative integer powers are not integers; use x.float() ** n")
    return operator.pow(a, b)


def _power_base(g: Any, _y: Any, a: Any, b: Any) -> Any:
    if type(b) is int and b == 2:
        return (2 * g) * a
    if isinstance(b, (int, float)):
        # d(a⁰)/da = 0 also at a = 0, where a⁻¹ is not finite.
        return (g * b) * a ** (b - 1) if b != 0 else g * 0.0
    return g * np.where(b == 0, 0.0, b * a ** np.where(b == 0, 1, b - 1))


def _power_exponent(g: Any, y: Any, a: Any, b: Any) -> Any:
    # 0ᵇ is constantly 0 for b > 0: its slope is 0, not 0 · log 0.
    if isinstance(a, (int, float)):
        return g * y * math.log(a) if a > 0 else g * np.where((a == 0) & (b >= 0), 0.0, math.nan)
    zero = (a == 0) & (b >= 0)
    return g * np.where(zero, 0.0, y * np.log(np.where(zero, 1, a)))


power = declare(_power, vjp=(_power_base, _power_exponent), name="power", broadcasts=True,
                doc="a to the power b, elementwise. The slope of a⁰ in a, and of 0ᵇ in b, is 0.")  # fmt: skip


def _where_equal(g: Any, chosen: Any, tie: Any) -> Any:
    """The share of g for an operand that was chosen; half of it at a tie, as PyTorch does."""
    return np.where(tie, g * 0.5, np.where(chosen, g, 0.0))


# The derivative of a remainder in the divisor is minus the quotient, which is constant between jumps.
maximum = declare(
    np.maximum,
    vjp=(
        lambda g, _y, a, b: _where_equal(g, a > b, a == b),
        lambda g, _y, a, b: _where_equal(g, b > a, a == b),
    ),
    doc="The larger of a and b, elementwise; a NaN wins. At a tie each gets half of the gradient.",
)
minimum = declare(
    np.minimum,
    vjp=(
        lambda g, _y, a, b: _where_equal(g, a < b, a == b),
        lambda g, _y, a, b: _where_equal(g, b < a, a == b),
    ),
    doc="The smaller of a and b, elementwise; a NaN wins. At a tie each gets half of the gradient.",
)
remainder = declare(np.remainder, vjp=(lambda g, _y, _a, _b: g, lambda g, _y, a, b: -g * np.floor_divide(a, b)),
                    doc="a modulo b with the sign of b, as Python's %.")  # fmt: skip
fmod = declare(np.fmod, vjp=(lambda g, _y, _a, _b: g, lambda g, _y, a, b: -g * np.trunc(a / b)),
               doc="a modulo b with the sign of a, as C's fmod.")  # fmt: skip
floor_divide = declare(np.floor_divide, vjp=(lambda g, _y, _a, _b: g * 0.0, lambda g, _y, _a, _b: g * 0.0),
                       doc="The largest integer not above a / b; the gradient is 0.")  # fmt: skip
copysign = declare(
    np.copysign, vjp=(lambda g, _y, a, b: g * np.sign(a) * np.copysign(1.0, b), None),
    doc="|a| with the sign of b. The slope at a = 0 is 0.",
)  # fmt: skip
hypot = declare(
    np.hypot,
    vjp=(lambda g, y, a, _b: g * a / np.where(y == 0, 1, y), lambda g, y, _a, b: g * b / np.where(y == 0, 1, y)),
    doc="√(a² + b²) without overflow; the gradient at (0, 0) is taken as 0.",
)  # fmt: skip
ldexp = declare(lambda a, b: a * np.exp2(b), vjp=(lambda g, _y, _a, b: g * np.exp2(b),
                lambda g, y, _a, _b: g * y * math.log(2)), name="ldexp", broadcasts=True, doc="a · 2ᵇ.")  # fmt: skip
logaddexp = declare(
    np.logaddexp,
    vjp=(lambda g, y, a, _b: g * np.exp(a - np.where(np.isfinite(y), y, 0)),
         lambda g, y, _a, b: g * np.exp(b - np.where(np.isfinite(y), y, 0))),
    doc="log(exp a + exp b) without overflow.",
)  # fmt: skip

# --- Exponentials and logarithms ----------------------------------------------------------------------------------

exp = declare(np.exp, vjp=lambda g, y, _x: g * y, doc="e to the power x, elementwise.")
exp2 = declare(np.exp2, vjp=lambda g, y, _x: g * y * math.log(2), doc="2 to the power x, elementwise.")
expm1 = declare(np.expm1, vjp=lambda g, y, _x: g * (y + 1), doc="exp(x) - 1, exact near 0.")
log = declare(np.log, vjp=lambda g, _y, x: g / x, doc="Natural logarithm, elementwise; -inf at 0, NaN below.")
log2 = declare(np.log2, vjp=lambda g, _y, x: g / (x * math.log(2)), doc="Logarithm to base 2, elementwise.")
log10 = declare(np.log10, vjp=lambda g, _y, x: g / (x * math.log(10)), doc="Logarithm to base 10, elementwise.")
log1p = declare(np.log1p, vjp=lambda g, _y, x: g / (1 + x), doc="log(1 + x), exact near 0.")


def _sigmoid(x: Any) -> Any:
    # Where exp overflows, 1 / inf is the 0 that is wanted; choosing the sign by np.where takes six times as long.
    with np.errstate(over="ignore"):
        y = np.exp(-x)
        y += 1
        return np.divide(1, y, out=y if type(y) is np.ndarray else None)  # quicker than np.reciprocal


sigmoid = declare(_sigmoid, vjp=lambda g, y, _x: g * (y * (1 - y)), name="sigmoid", broadcasts=True,
                  doc="1 / (1 + exp(-x)), elementwise, without overflow.")  # fmt: skip

# --- Roots: the slope at 0 is infinite; a zero cotangent must still give 0, never 0 · inf = NaN ---------------------


def _divide_or_zero(g: Any, x: Any) -> Any:
    """g / x, but 0 where g is 0."""
    if type(x) is np.ndarray and x.size and np.minimum.reduce(x, None) > 0:
        return g / x
    return g / (x + ((x == 0) & (g == 0)))


sqrt = declare(np.sqrt, vjp=lambda g, y, _x: _divide_or_zero(0.5 * g, y),
               doc="Square root, elementwise. The slope at 0 is inf, but a zero cotangent gives 0 there.")  # fmt: skip
rsqrt = declare(lambda x: 1.0 / np.sqrt(x), vjp=lambda g, y, x: (-0.5 * g) * y / x, name="rsqrt", broadcasts=True,
                doc="1 / √x, elementwise.")  # fmt: skip

# --- Trigonometric and hyperbolic ---------------------------------------------------------------------------------

sin = declare(np.sin, vjp=lambda g, _y, x: g * np.cos(x), doc="Sine of x in radians, elementwise.")
cos = declare(np.cos, vjp=lambda g, _y, x: -g * np.sin(x), doc="Cosine of x in radians, elementwise.")
tan = declare(np.tan, vjp=lambda g, y, _x: g * (1 + y * y), doc="Tangent of x in radians, elementwise.")
asin = declare(np.arcsin, vjp=lambda g, _y, x: g / np.sqrt(1 - x * x), name="asin", doc="Inverse sine, in radians.")
acos = declare(np.arccos, vjp=lambda g, _y, x: -g / np.sqrt(1 - x * x), name="acos", doc="Inverse cosine, in radians.")
atan = declare(np.arctan, vjp=lambda g, _y, x: g / (1 + x * x), name="atan", doc="Inverse tangent, in radians.")


def _radius_squared(a: Any, b: Any) -> Any:
    """a² + b², but 1 at the origin."""
    r = a * a + b * b
    return np.where(r == 0, 1, r)


atan2 = declare(
    np.arctan2, name="atan2",
    vjp=(lambda g, _y, a, b: g * b / _radius_squared(a, b), lambda g, _y, a, b: -g * a / _radius_squared(a, b)),
    doc="The angle of the point (b, a), in radians from -π to π. The gradient at (0, 0) is taken as 0.",
)  # fmt: skip
sinh = declare(np.sinh, vjp=lambda g, _y, x: g * np.cosh(x), doc="Hyperbolic sine, elementwise.")
cosh = declare(np.cosh, vjp=lambda g, _y, x: g * np.sinh(x), doc="Hyperbolic cosine, elementwise.")
tanh = declare(np.tanh, vjp=lambda g, y, _x: g * (1 - y * y), doc="Hyperbolic tangent; h' = 1 - h² (lecture, ch. 4).")
asinh = declare(np.arcsinh, vjp=lambda g, _y, x: g / np.hypot(x, 1), name="asinh", doc="Inverse hyperbolic sine.")
acosh = declare(np.arccosh, vjp=lambda g, _y, x: g / np.sqrt(x * x - 1), name="acosh", doc="Inverse hyperbolic cosine.")
atanh = declare(np.arctanh, vjp=lambda g, _y, x: g / (1 - x * x), name="atanh", doc="Inverse hyperbolic tangent.")

# --- Steps and kinks ----------------------------------------------------------------------------------------------

abs = declare(np.abs, vjp=lambda g, _y, x: g * np.sign(x), name="abs", doc="|x|, elementwise. The slope at 0 is 0.")
sign = declare(np.sign, vjp=lambda g, _y, _x: g * 0.0, doc="-1, 0 or 1, elementwise; the gradient is 0.")
floor = declare(np.floor, vjp=lambda g, _y, _x: g * 0.0, doc="The largest integer not above x; the gradient is 0.")
ceil = declare(np.ceil, vjp=lambda g, _y, _x: g * 0.0, doc="The smallest integer not below x; the gradient is 0.")
trunc = declare(np.trunc, vjp=lambda g, _y, _x: g * 0.0, doc="x without its fraction; the gradient is 0.")
frac = declare(
    lambda x: x - np.trunc(x), vjp=lambda g, _y, _x: g, name="frac", broadcasts=True, doc="The fraction of x."
)
heaviside = declare(np.heaviside, vjp=(lambda g, _y, _a, _b: g * 0.0, lambda g, _y, a, _b: np.where(a == 0, g, 0.0)),
                    doc="0 below 0, 1 above, b at 0.")  # fmt: skip

# --- Tests and logic: no gradient, but operations, so that tracing never bakes in a mask ---------------------------

eq = declare(np.equal, name="eq", doc="a == b, elementwise.")
ne = declare(np.not_equal, name="ne", doc="a != b, elementwise.")
lt = declare(np.less, name="lt", doc="a < b, elementwise.")
le = declare(np.less_equal, name="le", doc="a <= b, elementwise.")
gt = declare(np.greater, name="gt", doc="a > b, elementwise.")
ge = declare(np.greater_equal, name="ge", doc="a >= b, elementwise.")
isnan = declare(np.isnan, doc="Whether each value is NaN.")
isinf = declare(np.isinf, doc="Whether each value is infinite.")
isfinite = declare(np.isfinite, doc="Whether each value is neither NaN nor infinite.")
signbit = declare(np.signbit, doc="Whether each value has its sign bit set.")
logical_and = declare(np.logical_and, doc="a and b, elementwise.")
logical_or = declare(np.logical_or, doc="a or b, elementwise.")
logical_xor = declare(np.logical_xor, doc="Whether exactly one of a and b is true, elementwise.")
logical_not = declare(np.logical_not, doc="not x, elementwise.")
bitwise_and = declare(np.bitwise_and, doc="a & b, elementwise.")
bitwise_or = declare(np.bitwise_or, doc="a | b, elementwise.")
bitwise_xor = declare(np.bitwise_xor, doc="a ^ b, elementwise.")
bitwise_not = declare(np.bitwise_not, name="bitwise_not", doc="~x, elementwise.")
