"""Special functions in NumPy, near full precision in their dtype.

The error function follows Cody, "Rational Chebyshev approximations for the error function" (Math. Comp. 23, 1969); its
inverse Wichura's algorithm AS 241 (Applied Statistics 37, 1988).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .op import declare

__all__ = ["erf", "erfc", "erfinv", "logaddexp2", "logit", "ndtr", "sinc", "xlogy"]


def horner(coefficients: Sequence[float], x: Any) -> Any:
    """The polynomial whose highest coefficient comes first."""
    y = np.full_like(x, coefficients[0])
    for c in coefficients[1:]:
        y *= x
        y += c
    return y


def in_blocks(f: Callable[[np.ndarray], np.ndarray], x: np.ndarray, size: int = 8192) -> np.ndarray:
    """f(x), elementwise, a cache-sized piece at a time: for functions that need many passes."""
    if x.size <= size:
        return f(x)
    flat = x.reshape(-1)
    out = np.empty_like(flat)
    for i in range(0, flat.size, size):
        out[i : i + size] = f(flat[i : i + size])
    return out.reshape(x.shape)


def real(f: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Let an elementwise function of float64 arrays take every real dtype and give back floats of that dtype."""

    def converted(x: Any) -> Any:
        x = np.asarray(x)
        wide = np.atleast_1d(x).astype(np.float64)
        return f(wide).reshape(x.shape).astype(x.dtype if x.dtype.kind == "f" else np.float64, copy=False)

    return converted


# --- The error function -------------------------------------------------------------------------------------------

# erf(x) / x on |x| <= 15/32, in x².
_NEAR = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
# exp(x²) erfc(x) on 15/32 <= x <= 4, in x.
_MIDDLE = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1, 2.98635138197400131e2,
     8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3, 1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
     3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
)  # fmt: skip
# x² (1/√π - x exp(x²) erfc(x)) on x >= 4, in 1/x².
_FAR = (
    (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
     1.60837851487422766e-2, 6.58749161529837803e-4),
    (1.0, 2.56852019228982242, 1.87295284992346047, 5.27905102951428412e-1, 6.05183413124413191e-2,
     2.33520497626869185e-3),
)  # fmt: skip
# erf(x) / x on |x| <= 3.95, in x²: our own least-maximum fit for float32, relative error 2e-9 before rounding.
_SINGLE = (
    (-1.296735068e-8, 4.640493442e-6, 3.779390495e-4, 3.843374002e-3, 5.427480863e-2, 1.851689705e-1, 1.128379169),
    (6.269307082e-5, 1.304066288e-3, 1.544373233e-2, 1.139110113e-1, 4.974351366e-1, 1.0),
)


def _ratio(table: tuple[Sequence[float], Sequence[float]], x: np.ndarray) -> np.ndarray:
    return horner(table[0], x) / horner(table[1], x)


def _tail(a: np.ndarray) -> np.ndarray:
    """erfc(a) for a >= 15/32."""
    a = np.minimum(a, 30)  # erfc underflows before; inf - inf is avoided
    # exp(-a²) with a² split into an exact part and a small rest, to keep all digits.
    cut = np.trunc(a * 16) / 16
    scale = np.exp(-cut * cut) * np.exp(-(a - cut) * (a + cut))
    far = a > 4
    y = _ratio(_MIDDLE, np.where(far, 4, a))
    if far.any():
        x = a[far]
        z = 1 / (x * x)
        y[far] = (1 / math.sqrt(math.pi) - z * _ratio(_FAR, z)) / x
    return scale * y


def _erf64(x: np.ndarray) -> np.ndarray:
    a = np.abs(x)
    y = x * _ratio(_NEAR, np.minimum(a, 0.46875) ** 2)
    tail = ~(a <= 0.46875)
    if tail.any():
        y[tail] = np.copysign(1 - _tail(a[tail]), x[tail])
    return y


def _erfc64(x: np.ndarray) -> np.ndarray:
    a = np.abs(x)
    small = np.minimum(a, 0.46875)
    y = 1 - np.copysign(small, x) * _ratio(_NEAR, small**2)
    tail = ~(a <= 0.46875)
    if tail.any():
        t = _tail(a[tail])
        y[tail] = np.where(x[tail] < 0, 2 - t, t)
    return y


def _erf32(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, -3.95, 3.95)
    return np.clip(x * _ratio(_SINGLE, x * x), -1, 1)


_erf_wide = real(lambda x: in_blocks(_erf64, x))
erfc_array = real(lambda x: in_blocks(_erfc64, x))


def erf_array(x: Any) -> Any:
    if getattr(x, "dtype", None) == np.float32:
        return in_blocks(_erf32, x)
    return _erf_wide(x)


erf = declare(erf_array, vjp=lambda g, _y, x: g * (np.exp(-x * x) * (2 / math.sqrt(math.pi))), name="erf",
              broadcasts=True, doc="The error function 2/√π ∫₀ˣ exp(-t²) dt, elementwise.")  # fmt: skip
erfc = declare(erfc_array, vjp=lambda g, _y, x: g * (np.exp(-x * x) * (-2 / math.sqrt(math.pi))), name="erfc",
               broadcasts=True, doc="1 - erf(x), exact in the right tail, elementwise.")  # fmt: skip


def ndtr_array(x: Any) -> Any:
    """The normal distribution function: exact tails in float64, a short cut in float32."""
    if getattr(x, "dtype", None) == np.float32:
        y = erf_array(x * math.sqrt(0.5))
        y += 1
        y *= 0.5
        return y
    return 0.5 * erfc_array(-math.sqrt(0.5) * x)


ndtr = declare(ndtr_array, vjp=lambda g, _y, x: g * (np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)), name="ndtr",
               broadcasts=True, doc="The standard normal distribution function, (1 + erf(x / √2)) / 2.")  # fmt: skip

# Wichura's three ranges: the centre, in 0.180625 - q²; then two in r = √(-log p).
_CENTRE = (
    (2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
     1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080),
    (5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
     5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0),
)  # fmt: skip
_NEAR_TAIL = (
    (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258,
     3.64784832476320460504, 5.76949722146069140550, 4.63033784615654529590, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
     6.89767334985100004550e-1, 1.67638483018380384940, 2.05319162663775882187, 1.0),
)  # fmt: skip
_FAR_TAIL = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
     2.96560571828504891230e-1, 1.78482653991729133580, 5.46378491116411436990, 6.65790464350110377720),
    (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
     1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0),
)  # fmt: skip


def _erfinv64(x: np.ndarray) -> np.ndarray:
    a = np.abs(x)
    q = np.minimum(a, 0.85) / 2
    y = q * _ratio(_CENTRE, 0.180625 - q * q)
    tail = a > 0.85
    if tail.any():
        with np.errstate(divide="ignore", invalid="ignore"):
            r = np.sqrt(-np.log((1 - a[tail]) / 2))
        far = np.minimum(r, 30) - 5
        y[tail] = np.where(r <= 5, _ratio(_NEAR_TAIL, np.minimum(r, 5) - 1.6), _ratio(_FAR_TAIL, far))
    y = np.copysign(y * math.sqrt(0.5), x)
    y[a == 1] = np.copysign(math.inf, x[a == 1])
    y[~(a <= 1)] = math.nan
    return y


erfinv = declare(real(_erfinv64), vjp=lambda g, y, _x: g * (np.exp(y * y) * (math.sqrt(math.pi) / 2)), name="erfinv",
                 broadcasts=True, doc="The inverse of erf: ±inf at ±1, NaN beyond.")  # fmt: skip

# --- Logarithms that meet 0 ---------------------------------------------------------------------------------------


def _xlogy(x: Any, y: Any) -> Any:
    zero = (np.equal(x, 0)) & ~np.isnan(y)
    return np.where(zero, 0, x * np.log(np.where(zero, 1, y)))


xlogy = declare(
    _xlogy,
    vjp=(lambda g, _z, x, y: g * np.log(np.where((x == 0) & (y <= 0), 1, y)),
         lambda g, _z, x, y: g * np.where(x == 0, 0, x / np.where(x == 0, 1, y))),
    name="xlogy", broadcasts=True, doc="x log y, elementwise; 0 where x is 0, also at y = 0, with gradient 0 there.",
)  # fmt: skip


def _logit(x: Any, *, eps: float | None) -> Any:
    if eps is not None:
        x = np.clip(x, eps, 1 - eps)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(x) - np.log1p(-x)


def _logit_rule(g: Any, _y: Any, x: Any, eps: float | None) -> Any:
    slope = g / (x * (1 - x))
    return slope if eps is None else np.where((x >= eps) & (x <= 1 - eps), slope, 0)


logit_op = declare(_logit, vjp=_logit_rule, name="logit", broadcasts=True, doc="log(x / (1 - x)), elementwise.")


def logit(input: Any, eps: float | None = None) -> Any:
    """log(x / (1 - x)), the inverse of sigmoid, elementwise; with `eps`, of x clipped to [eps, 1 - eps]."""
    return logit_op(input, eps=eps)


logaddexp2 = declare(
    np.logaddexp2,
    vjp=(lambda g, y, a, _b: g * np.exp2(a - np.where(np.isfinite(y), y, 0)),
         lambda g, y, _a, b: g * np.exp2(b - np.where(np.isfinite(y), y, 0))),
    doc="log₂(2ᵃ + 2ᵇ) without overflow.",
)  # fmt: skip


def _sinc_rule(g: Any, y: Any, x: Any) -> Any:
    # The slope is (cos πx - sinc x) / x; near 0, where that cancels, its series in t = πx.
    t = math.pi * x
    near = np.abs(t) < 0.3
    s = np.where(near, t, 0)
    u = s * s
    series = s * (-1 / 3 + u * (1 / 30 + u * (-1 / 840 + u * (1 / 45360 - u / 3991680))))
    return g * np.where(near, math.pi * series, (np.cos(t) - y) / np.where(near, 1, x))


sinc = declare(np.sinc, vjp=_sinc_rule, name="sinc", broadcasts=True, doc="sin(πx) / (πx), and 1 at 0.")


METHODS: dict[str, Any] = {
    "erf": erf, "erfc": erfc, "erfinv": erfinv, "logaddexp2": logaddexp2, "logit": logit, "sinc": sinc, "xlogy": xlogy,
}  # fmt: skip
