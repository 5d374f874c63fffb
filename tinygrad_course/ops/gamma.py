"""The logarithm of the gamma function and its derivatives, near full precision.

By Stirling's series after a shift of the argument, and for lgamma around its zeros by the series in ζ(k) - 1
(Abramowitz and Stegun 6.1.33, 6.1.41, 6.3.18, 6.4.7).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .op import Op, declare
from .special import horner, real

__all__ = ["digamma", "lgamma", "polygamma"]

_EULER = 0.57721566490153286061
# ζ(k) - 1 for k = 2, 3, ...
_ZETA = (
    0.6449340668482264, 0.2020569031595943, 0.08232323371113819, 0.03692775514336993, 0.01734306198444914,
    0.008349277381922827, 0.00407735619794434, 0.0020083928260822143, 0.0009945751278180853, 0.0004941886041194645,
    0.0002460865533080483, 0.00012271334757848915, 6.124813505870483e-05, 3.058823630702049e-05,
    1.528225940865187e-05, 7.637197637899763e-06, 3.81729326499984e-06, 1.908212716553939e-06,
    9.539620338727962e-07, 4.769329867878064e-07, 2.38450502727733e-07, 1.1921992596531106e-07,
    5.960818905125948e-08, 2.980350351465228e-08, 1.4901554828365043e-08, 7.45071178983543e-09,
    3.725334024788457e-09, 1.862659723513049e-09, 9.313274324196682e-10,
)  # fmt: skip
_LGAMMA_SERIES = (*((-1) ** k * z / k for k, z in reversed([*enumerate(_ZETA, 2)])), 1 - _EULER, 0.0)
# Stirling: B₂ₖ / (2k (2k - 1)), in 1/x².
_STIRLING = (-3617 / 122400, 1 / 156, -691 / 360360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12)
# B₂ₖ, from B₁₆ down to B₂.
_BERNOULLI = (-3617 / 510, 7 / 6, -691 / 2730, 5 / 66, -1 / 30, 1 / 42, -1 / 30, 1 / 6)


def _lgamma_positive(x: np.ndarray) -> np.ndarray:
    """log Γ(x) for x >= 0."""
    large = np.maximum(x, 8)
    big = (large - 0.5) * np.log(large) - large + 0.5 * math.log(2 * math.pi)
    big += horner(_STIRLING, (1 / large) ** 2) / large
    # Elsewhere, shifted to z + 2 with |z| <= 1/2, where log Γ(2 + z) is a series.
    z = np.minimum(x, 8)
    factor = np.ones_like(z)
    for _ in range(6):
        above = z > 2.5
        z = np.where(above, z - 1, z)
        factor = np.where(above, factor * z, factor)
    shift = np.log(factor)
    below = z < 0.5
    with np.errstate(divide="ignore"):
        shift -= np.log(np.where(below, z, 1))
    z = np.where(below, z + 1, z)
    below = z < 1.5
    shift -= np.log1p(np.where(below, z - 1, 0))
    return np.where(x > 8, big, horner(_LGAMMA_SERIES, z - np.where(below, 1, 2)) + shift)


def _sin_pi(x: np.ndarray) -> np.ndarray:
    """sin(πx) with the argument reduced first, so that it is 0 at whole numbers."""
    r = x - 2 * np.round(x / 2)
    return np.sin(math.pi * np.where(np.abs(r) > 0.5, np.copysign(1, r) - r, r))


def _lgamma64(x: np.ndarray) -> np.ndarray:
    y = np.full_like(x, math.inf)
    up = (x >= 0) & np.isfinite(x)
    y[up] = _lgamma_positive(x[up])
    down = (x < 0) & np.isfinite(x)
    if down.any():
        v = x[down]
        with np.errstate(divide="ignore"):  # poles at the whole numbers: inf
            y[down] = math.log(math.pi) - np.log(np.abs(_sin_pi(v))) - _lgamma_positive(1 - v)
    y[np.isnan(x)] = math.nan
    return y


def _hurwitz(s: int, x: np.ndarray) -> np.ndarray:
    """Σ 1 / (x + k)^s over k >= 0 for x > 0 and whole s >= 2, by Euler and Maclaurin after a shift to x >= 10 + s."""
    total = np.zeros_like(x)
    for _ in range(10 + s):
        small = x < 10 + s
        total += np.where(small, np.where(small, x, 1) ** float(-s), 0)
        x = np.where(small, x + 1, x)
    tail = 1 / (s - 1) + 0.5 / x
    squared = (1 / x) ** 2
    term = 0.5 * s * squared
    for k, b in enumerate(reversed(_BERNOULLI), 1):
        tail += b * term
        term = term * ((s + 2 * k - 1) * (s + 2 * k) / ((2 * k + 1) * (2 * k + 2))) * squared
    return total + tail * x ** float(1 - s)


def _digamma_positive(x: np.ndarray) -> np.ndarray:
    total = np.zeros_like(x)
    for _ in range(10):
        small = x < 10
        total -= np.where(small, 1 / np.where(small, x, 1), 0)
        x = np.where(small, x + 1, x)
    z = (1 / x) ** 2
    series = horner([b / n for b, n in zip(_BERNOULLI, range(16, 0, -2))], z) * z
    return total + np.log(x) - 0.5 / x - series


def _cotangent_derivative(n: int, c: np.ndarray) -> np.ndarray:
    """The n-th derivative of π cot(πx) in x, as a polynomial in c = cot(πx)."""
    p = np.polynomial.Polynomial([0.0, math.pi])
    for _ in range(n):
        p = p.deriv() * np.polynomial.Polynomial([-math.pi, 0.0, -math.pi])
    return p(c)


def _polygamma_positive(n: int, x: np.ndarray) -> np.ndarray:
    if n == 0:
        return _digamma_positive(x)
    with np.errstate(over="ignore"):  # near the pole at 0
        return (-1) ** (n + 1) * math.factorial(n) * _hurwitz(n + 1, x)


def _polygamma64(n: int, x: np.ndarray) -> np.ndarray:
    y = np.empty_like(x)
    up = x > 0
    y[up] = _polygamma_positive(n, x[up])
    down = ~up
    if down.any():
        v = x[down]
        # ψₙ(1 - x) (-1)ⁿ - ψₙ(x) = dⁿ/dxⁿ π cot(πx), with the poles at 0, -1, ... as PyTorch has them.
        r = v - np.round(v)
        with np.errstate(divide="ignore", invalid="ignore"):
            c = 1 / np.tan(math.pi * r)
            y[down] = (-1) ** n * _polygamma_positive(n, 1 - v) - _cotangent_derivative(n, c)
        pole = down & (x == np.round(x))
        y[pole] = math.inf if n % 2 else math.nan
        if n == 0:
            zero = x == 0
            y[zero] = np.copysign(math.inf, -x[zero])
    y[x == math.inf] = math.inf if n == 0 else 0
    return y


def polygamma_array(x: Any, *, n: int) -> Any:
    return real(lambda v: _polygamma64(n, v))(x)


polygamma_op: Op = declare(
    polygamma_array, vjp=lambda g, _y, x, n: g * polygamma_op.apply(x, n=n + 1), name="polygamma", broadcasts=True,
    doc="The n-th derivative of digamma, elementwise.",
)  # fmt: skip
lgamma = declare(
    real(_lgamma64), vjp=lambda g, _y, x: g * polygamma_op.apply(x, n=0), name="lgamma", broadcasts=True,
    doc="log |Γ(x)|, elementwise; inf at 0, -1, -2, ...",
)  # fmt: skip


def polygamma(n: int, input: Any) -> Any:
    """The n-th derivative of digamma, elementwise.

    Raises:
        RuntimeError: for negative n.
    """
    if n < 0:
        raise RuntimeError(f"polygamma: expected n >= 0, got {n}")
    return polygamma_op(input, n=n)


def digamma(input: Any) -> Any:
    """The derivative of log Γ, elementwise; NaN at -1, -2, ..."""
    return polygamma_op(input, n=0)


def polygamma_of(x: Any, n: int) -> Any:
    """The n-th derivative of digamma, elementwise."""
    return polygamma(n, x)


polygamma_of.__name__ = "polygamma"
METHODS: dict[str, Any] = {"digamma": digamma, "lgamma": lgamma, "polygamma": polygamma_of}
