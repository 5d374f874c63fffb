"""Elementary functions of vectors, as code: each takes and gives a `Value` of float or double elements.

Largest errors found, in units in the last place:

              exp  expm1  log  log1p  tanh  sigmoid  erf  erfc  ndtr
    float32   1.0   1.7   0.9   2.5    2.4    2.5    5.7   -    5 (of 1, not of the tail)
    float64   0.9   1.7   0.7   1.5    2.6    2.5    3.5  7.0   7 + x² (as x / √2 is rounded)

From |x| = 1 on the errors of tanh are below one unit.
Infinities, NaN, signed zeros, subnormal results and overflow come out as in NumPy; sigmoid is 0 where e⁻ˣ overflows.
There are no branches: where a
function has several ranges all are computed, and each lane takes its own.

The exponential is that of a remainder |r| ≤ (log 2)/2, times a power of 2 that is made from bits; the logarithm is the
series of log((1 + s) / (1 - s)) (see e.g. Muller, "Elementary functions", 2016, ch. 10-11). Their polynomials are our
own least-maximum fits. For the error function see `ops.special`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from ..ops import special
from .values import Value, element

__all__ = [
    "erf", "erfc", "exp", "expm1", "horner", "log", "log1p", "log_of_exponential", "ndtr", "sigmoid", "tanh",
]  # fmt: skip


class _Format(NamedTuple):
    """A floating type: the constants that depend on it."""

    integer: str
    digits: int  # bits after the leading one
    bias: int
    shifter: float  # 1.5 · 2^digits: adding it leaves the nearest integer in the lowest bits
    log2_high: float  # log 2 in two parts: the first times a small integer is exact
    log2_low: float
    top: float  # exp overflows above
    bottom: float  # exp is 0 below
    smallest: float  # normal number
    exp: tuple[float, ...]  # (expm1(r) - r) / r², highest power first
    log: tuple[float, ...]  # (log((1 + s) / (1 - s)) - 2s) / s³, in s²


_FLOAT = _Format(
    "i32", 23, 127, 12582912.0, 0.693359375, -2.1219444005469057e-04, 88.73, -104.0,
    2.0**-126,
    (1.98909908246736538e-4, 1.39336499963092504e-3, 8.33331092548090083e-3, 4.16664649252859054e-2,
     1.66666666816232314e-1, 5.0000000134658092e-1),
    (2.33305819382418938e-1, 2.85508165997115487e-1, 4.00001218769720015e-1, 6.66666665544516463e-1),
)  # fmt: skip
_DOUBLE = _Format(
    "i64", 52, 1023, 6755399441055744.0, 6.93147180369123816490e-01, 1.90821492927058770002e-10, 709.79, -745.2,
    2.0**-1022,
    (2.09146869680868772e-9, 2.51052170047207452e-8, 2.75572736431102953e-7, 2.75572554002064244e-6,
     2.48015873275477412e-5, 1.98412698748206253e-4, 1.38888888888837483e-3, 8.33333333332613513e-3,
     4.16666666666666698e-2, 1.6666666666666671e-1, 0.5),
    (1.46165854248886220e-1, 1.53317106182107716e-1, 1.81828894556749460e-1, 2.22222111302598770e-1,
     2.85714286260032687e-1, 3.99999999998994432e-1, 6.66666666666666969e-1),
)  # fmt: skip


def _format(x: Value) -> _Format:
    return _FLOAT if element(x.type) == "float" else _DOUBLE


def horner(coefficients: Sequence[float], x: Value) -> Value:
    """The polynomial whose highest coefficient comes first."""
    f = x.function
    y = f.value(x.type, coefficients[0])
    for c in coefficients[1:]:
        y = f.fma(y, x, c)
    return y


def _clipped(x: Value, low: float, high: float) -> Value:
    """x within bounds; NaN becomes `low`, so that what follows needs no care."""
    f = x.function
    x = f.select(x > low, x, low)
    return f.select(x < high, x, high)


def _reduced(x: Value) -> tuple[Value, Value]:
    """(n, expm1(r)) with x = n log 2 + r, |r| ≤ (log 2) / 2, and n an integer, as a float."""
    f, c = x.function, _format(x)
    n = f.fma(x, 1 / math.log(2), c.shifter) - c.shifter
    r = f.fma(n, -c.log2_high, x)
    r = f.fma(n, -c.log2_low, r)
    return n, f.fma(horner(c.exp, r), r * r, r)


def _power(n: Value) -> Value:
    """2ⁿ, for an integer n of which the power is a normal number."""
    c = _format(n)
    # The shift leaves of the bits of n + shifter the lowest, which are those of n itself.
    return (((n + c.shifter).bits(c.integer) + c.bias) << c.digits).bits(element(n.type))


def exp(x: Value) -> Value:
    """eˣ."""
    f, c = x.function, _format(x)
    n, q = _reduced(_clipped(x, c.bottom, c.top))
    # In two steps, as neither 2ⁿ nor a subnormal result can be made at once.
    half = f.fma(n, 0.5, c.shifter) - c.shifter
    y = (q + 1.0) * _power(half) * _power(n - half)
    y = f.select(x > c.top, math.inf, y)
    return f.select(x.is_nan(), x, y)


def expm1(x: Value) -> Value:
    """eˣ - 1, exact near 0."""
    f = x.function
    # Below, the result is -1 to the last bit; above, exp is as good.
    small = _expm1_of(_clipped(x, -40.0, 1.0))
    y = f.select(x < 1.0, small, exp(x) - 1.0)
    return f.select(x.eq(0.0), x, y)  # of -0 too


def _expm1_of(x: Value) -> Value:
    """expm1 for |x| ≤ 40."""
    f = x.function
    n, q = _reduced(x)
    power = _power(n)
    return f.fma(power, q, power - 1.0)


def tanh(x: Value) -> Value:
    """t / (t + 2) with t = expm1(2|x|); near ±1 as 1 - 2 / (t + 2), so that 1 - tanh² is exact enough."""
    f = x.function
    a = f.abs(x)
    t = _expm1_of(_clipped(a * 2.0, 0.0, 40.0))
    far = a > 0.5
    y = f.select(far, -2.0, t) / (t + 2.0)
    y = f.select(far, y + 1.0, y)
    return f.select(x.is_nan(), x, f.copysign(y, x))


def sigmoid(x: Value) -> Value:
    """1 / (1 + e⁻ˣ)."""
    return 1.0 / (exp(-x) + 1.0)


def log(x: Value) -> Value:
    """The natural logarithm: -inf at 0, NaN below."""
    f, c = x.function, _format(x)
    tiny = x < c.smallest
    bits = f.select(tiny, x * 2.0**c.digits, x).bits(c.integer)
    # x = 2ᵏ m with √½ ≤ m < √2: taking the bits of √½ off first brings the boundary between powers there.
    root = f.value(x.type, math.sqrt(0.5)).bits(c.integer)
    biased = (bits - root + (c.bias << c.digits)).shift_right(c.digits)
    m = (bits - (biased << c.digits) + (c.bias << c.digits)).bits(element(x.type))
    n = (biased + f.value(x.type, c.shifter).bits(c.integer)).bits(element(x.type)) - (c.shifter + c.bias)
    n = f.select(tiny, n - float(c.digits), n)
    d = m - 1.0
    s = d / (d + 2.0)
    z = s * s
    half = d * d * 0.5
    inner = s * f.fma(z, horner(c.log, z), half)
    y = f.fma(n, c.log2_high, d - (half - f.fma(n, c.log2_low, inner)))
    y = f.select(x < math.inf, y, x)  # inf and NaN
    y = f.select(x.eq(0.0), -math.inf, y)
    return f.select(x < 0.0, math.nan, y)


def log1p(x: Value) -> Value:
    """log(1 + x), exact near 0: log(u) x / (u - 1) with the rounded u = 1 + x."""
    f = x.function
    u = x + 1.0
    y = log(u) * (x / (u - 1.0))
    y = f.select(u.eq(1.0), x, y)
    return f.select(u < math.inf, y, log(u))  # also x itself, where it is NaN


def log_of_exponential(x: Value) -> Value:
    """log(1 + eˣ) for any x, without overflow."""
    f = x.function
    return f.maximum(x, 0.0) + log1p(exp(-f.abs(x)))


# --- The error function -------------------------------------------------------------------------------------------


def _ratio(table: tuple[Sequence[float], Sequence[float]], x: Value) -> Value:
    return horner(table[0], x) / horner(table[1], x)


def _tail(a: Value) -> Value:
    """erfc(a) for a ≥ 15/32."""
    f = a.function
    a = f.select(a < 30.0, a, 30.0)
    sixteenths = _format(a).shifter / 16
    cut = (a + sixteenths) - sixteenths  # its square is exact
    scale = exp(-cut * cut) * exp((cut - a) * (a + cut))
    z = 1.0 / (a * a)
    far = (1 / math.sqrt(math.pi) - z * _ratio(special._FAR, z)) / a
    near = f.select(a < 4.0, a, 4.0)
    return scale * f.select(a > 4.0, far, _ratio(special._MIDDLE, near))


def erf(x: Value) -> Value:
    """2/√π ∫₀ˣ exp(-t²) dt."""
    f = x.function
    if element(x.type) == "float":
        c = _clipped(x, -3.95, 3.95)
        y = c * _ratio(special._SINGLE, c * c)
        y = f.select(f.abs(x) > 3.92, f.copysign(f.value(x.type, 1.0), x), y)  # to the last bit, for what is left of 1
        return f.select(x.is_nan(), x, y)
    a = f.abs(x)
    small = f.select(a < 0.46875, a, 0.46875)
    y = f.select(a > 0.46875, 1.0 - _tail(a), a * _ratio(special._NEAR, small * small))
    return f.select(x.is_nan(), x, f.copysign(y, x))


def erfc(x: Value) -> Value:
    """1 - erf(x), exact in the right tail. Of doubles."""
    f = x.function
    a = f.abs(x)
    small = f.select(a < 0.46875, a, 0.46875)
    near = 1.0 - f.copysign(small, x) * _ratio(special._NEAR, small * small)
    tail = _tail(a)
    y = f.select(a > 0.46875, f.select(x < 0.0, 2.0 - tail, tail), near)
    return f.select(x.is_nan(), x, y)


def ndtr(x: Value) -> Value:
    """The normal distribution function, by the ways of `ops.special.ndtr_array`."""
    if element(x.type) == "float":
        return (erf(x * math.sqrt(0.5)) + 1.0) * 0.5
    return erfc(x * -math.sqrt(0.5)) * 0.5
