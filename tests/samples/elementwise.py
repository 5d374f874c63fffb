"""Samples for `ops/elementwise.py`: each operation with the interval on which it is smooth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from .base import SAMPLES, Sample, broadcastable, numbers, sample_for, shapes

Values = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def between(low: float, high: float) -> Values:
    return lambda rng, shape: rng.uniform(low, high, shape)


def either_sign(low: float, high: float) -> Values:
    """Of magnitude `low` to `high`, of either sign."""
    return lambda rng, shape: rng.choice([-1.0, 1.0], shape) * rng.uniform(low, high, shape)


def off_integers(low: float, high: float, most: int = 2) -> Values:
    """An integer from -most to most plus a fraction from `low` to `high`: away from the jumps of floor and the like."""
    return lambda rng, shape: rng.integers(-most, most + 1, shape) + rng.uniform(low, high, shape)


def unary(values: Values) -> st.SearchStrategy[Sample]:
    @st.composite
    def sample(draw: Any) -> Sample:
        rng = np.random.default_rng(draw(st.integers(0, 2**16)))
        return Sample((np.asarray(values(rng, draw(shapes()))),))

    return sample()


def binary(first: Values, second: Values) -> st.SearchStrategy[Sample]:
    @st.composite
    def sample(draw: Any) -> Sample:
        rng = np.random.default_rng(draw(st.integers(0, 2**16)))
        a, b = draw(broadcastable(2))
        return Sample((np.asarray(first(rng, a)), np.asarray(second(rng, b))))

    return sample()


anywhere = between(-2, 2)
nonzero = either_sign(0.4, 2)
above_zero = between(0.4, 3)
above_one = between(1.3, 3)
within_one = between(-0.8, 0.8)

UNARY: dict[str, Values] = {
    "abs": nonzero, "acos": within_one, "acosh": above_one, "asin": within_one, "asinh": anywhere, "atan": anywhere,
    "atanh": within_one, "ceil": off_integers(0.1, 0.9), "cos": anywhere, "cosh": anywhere, "exp": anywhere,
    "exp2": anywhere, "expm1": anywhere, "floor": off_integers(0.1, 0.9), "frac": off_integers(0.1, 0.9),
    "log": above_zero, "log10": above_zero, "log1p": between(-0.6, 2), "log2": above_zero, "negative": anywhere,
    "positive": anywhere, "reciprocal": nonzero, "rsqrt": above_zero, "sigmoid": between(-4, 4), "sign": nonzero,
    "sin": anywhere, "sinh": anywhere, "sqrt": above_zero, "square": anywhere, "tan": between(-1.2, 1.2),
    "tanh": anywhere, "trunc": off_integers(0.1, 0.9),
}  # fmt: skip
for _name, _values in UNARY.items():
    SAMPLES[_name] = unary(_values)

# For what has a kink where a = b: values that differ whatever is broadcast against what.
_lower, _upper = off_integers(0.05, 0.4), off_integers(0.6, 0.95)
# For remainders: |b| is nearly 1, and the quotient is far from every integer.
_dividend = lambda rng, shape: (
    rng.choice([-1.0, 1.0], shape) * (rng.integers(0, 3, shape) + rng.uniform(0.35, 0.65, shape))
)
_divisor = either_sign(1, 1.1)

BINARY: dict[str, tuple[Values, Values]] = {
    "add": (anywhere, anywhere), "atan2": (nonzero, nonzero), "copysign": (nonzero, nonzero),
    "divide": (anywhere, nonzero), "fmod": (_dividend, _divisor), "heaviside": (nonzero, anywhere),
    "hypot": (nonzero, nonzero), "ldexp": (anywhere, anywhere), "logaddexp": (anywhere, anywhere),
    "maximum": (_lower, _upper), "minimum": (_lower, _upper), "multiply": (anywhere, anywhere),
    "remainder": (_dividend, _divisor), "subtract": (anywhere, anywhere),
    "floor_divide": (_dividend, _divisor),
}  # fmt: skip
for _name, _pair in BINARY.items():
    SAMPLES[_name] = binary(*_pair)

# --- Without a gradient: values with ties and special ones among them ----------------------------------------------

_special = lambda rng, shape: rng.choice([-np.inf, -1.0, -0.0, 0.0, 1.0, 2.5, np.nan], shape)
_flags = lambda rng, shape: rng.integers(0, 2, shape).astype(bool)
_integers = lambda rng, shape: rng.integers(-9, 10, shape)

for _name in ("isnan", "isinf", "isfinite", "signbit"):
    SAMPLES[_name] = unary(_special)
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    SAMPLES[_name] = binary(_special, _special)
for _name in ("logical_and", "logical_or", "logical_xor"):
    SAMPLES[_name] = binary(_flags, _flags)
for _name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
    SAMPLES[_name] = st.one_of(binary(_integers, _integers), binary(_flags, _flags))
SAMPLES["logical_not"] = unary(_flags)
SAMPLES["bitwise_not"] = st.one_of(unary(_integers), unary(_flags))


@sample_for("power")
def _power(draw: Any) -> Sample:
    """Positive bases with any exponent, or any base with a small integer exponent, which is then constant."""
    a, b = draw(broadcastable(2))
    if draw(st.booleans()):
        return Sample((draw(numbers(a, 0.4, 3)), draw(numbers(b))))
    exponents = np.random.default_rng(draw(st.integers(0, 2**16))).integers(1, 4, b)
    return Sample((draw(numbers(a)), exponents))
