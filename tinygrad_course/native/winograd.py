"""The transforms of Winograd's convolution, as matrices and as code.

A convolution of 3 values with m + 2 gives m results; by polynomials that is multiplying at m + 2 points (Winograd,
1980; Lavin and Gray, "Fast algorithms for convolutional neural networks", 2015). Here the points are 0, ∞ and pairs ±p:
then each transform splits into an even and an odd half that serve both points of a pair. In two dimensions

    y = Aᵀ [(G w Gᵀ) ∘ (Bᵀ d B)] A,

with (m + 2)² multiplications for m² results of 9 products each: 4 times fewer for m = 4. What is saved is paid for in
digits. The pairs ±1/√2, ±√2 keep all powers near 1, and lose a quarter of the digits that ±1, ±2 do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np

from .ir import Code

__all__ = [
    "PAIRS", "data_transform", "gradient_transform", "result_transform", "taps_transform", "weight_transform",
]  # fmt: skip

# For tiles of m × m results, the points besides 0 and infinity.
PAIRS: dict[int, tuple[float, ...]] = {2: (1.0,), 4: (math.sqrt(0.5), math.sqrt(2.0))}


def _points(m: int) -> list[float]:
    return [0.0, *(s * p for p in PAIRS[m] for s in (1, -1))]


@cache
def _g(m: int) -> list[list[float]]:
    """G, whose rows give the values of a polynomial of 3 coefficients at the points, by Lagrange's denominators."""
    points = _points(m)
    rows = [
        [p**k / math.prod(p - q for j, q in enumerate(points) if j != i) for k in range(3)]
        for i, p in enumerate(points)
    ]
    return [*rows, [0.0, 0.0, 1.0]]


# --- In one dimension, on vectors ---------------------------------------------------------------------------------


def combination(code: Code, terms: Sequence[tuple[float, str]]) -> str:
    """Σ factor · vector."""
    terms = sorted((t for t in terms if t[0]), key=lambda t: t[0] != 1)
    factor, total = terms[0]
    if factor != 1:
        total = code.op(f"fmul {code.vector} {total}, {code.number(factor)}")
    for factor, v in terms[1:]:
        if abs(factor) == 1:
            total = code.op(f"{'fadd' if factor > 0 else 'fsub'} {code.vector} {total}, {v}")
        else:
            total = code.fma(v, code.number(factor), total)
    return total


def _in_pair(code: Code, even: str, odd: str, p: float) -> list[str]:
    """even + p · odd and even - p · odd."""
    return [combination(code, [(1, even), (p, odd)]), combination(code, [(1, even), (-p, odd)])]


def data_transform(code: Code, d: Sequence[str], m: int) -> list[str]:
    """Bᵀ d: for each point the product of the other points' (x - q), as a polynomial whose powers are the values d."""
    squares = [p * p for p in PAIRS[m]]
    every = np.poly(squares)[::-1]  # in x², lowest power first
    out = [combination(code, [(round(c, 12), d[2 * k]) for k, c in enumerate(every)])]
    for i, p in enumerate(PAIRS[m]):
        others = np.atleast_1d(np.poly(squares[:i] + squares[i + 1 :]))[::-1]
        even = combination(code, [(round(c, 12), d[2 * k + 2]) for k, c in enumerate(others)])
        odd = combination(code, [(round(c, 12), d[2 * k + 1]) for k, c in enumerate(others)])
        out += _in_pair(code, even, odd, p)
    return [*out, combination(code, [(round(c, 12), d[2 * k + 1]) for k, c in enumerate(every)])]


def result_transform(code: Code, s: Sequence[str], m: int) -> list[str]:
    """Aᵀ s: power k of each point, summed."""
    pairs = []
    for i in range(len(PAIRS[m])):
        a, b = s[1 + 2 * i], s[2 + 2 * i]
        pairs.append((combination(code, [(1, a), (1, b)]), combination(code, [(1, a), (-1, b)])))
    out = []
    for k in range(m):
        terms = [(round(p**k, 12), pair[k % 2]) for p, pair in zip(PAIRS[m], pairs)]
        terms += [(1.0, s[0])] * (k == 0) + [(1.0, s[-1])] * (k == m - 1)
        out.append(combination(code, terms))
    return out


def gradient_transform(code: Code, g: Sequence[str], m: int) -> list[str]:
    """A g: the values of the polynomial with the coefficients g at the points."""
    out = [g[0]]
    for p in PAIRS[m]:
        even = combination(code, [(round(p**k, 12), g[k]) for k in range(0, m, 2)])
        odd = combination(code, [(round(p ** (k - 1), 12), g[k]) for k in range(1, m, 2)])
        out += _in_pair(code, even, odd, p)
    return [*out, g[-1]]


def weight_transform(code: Code, w: Sequence[str], m: int) -> list[str]:
    """G w."""
    return [combination(code, list(zip(row, w))) for row in _g(m)]


def taps_transform(code: Code, s: Sequence[str], m: int) -> list[str]:
    """Gᵀ s."""
    return [combination(code, list(zip(column, s))) for column in zip(*_g(m))]
