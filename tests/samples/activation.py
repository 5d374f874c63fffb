"""Samples for `ops/activation.py`: kinks are kept at a distance."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from .base import SAMPLES, Sample, broadcastable, numbers, sample_for, shapes
from .elementwise import Values, between, either_sign, unary

away_from_zero = either_sign(0.2, 3)


def away_from(*kinks: float, low: float = -5, high: float = 5, gap: float = 0.1) -> Values:
    """From `low` to `high`, but moved by `gap` where a kink is nearer than that."""

    def values(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        x = np.asarray(rng.uniform(low, high, shape))
        for kink in kinks:
            x = np.where(np.abs(x - kink) < gap, kink + 2 * gap, x)
        return np.asarray(x)

    return values


def _with(values: Values, **params: Any) -> st.SearchStrategy[Sample]:
    return st.tuples(unary(values), st.fixed_dictionaries(params)).map(lambda pair: Sample(pair[0].inputs, pair[1]))


SAMPLES.update(
    {
        "relu": unary(away_from_zero),
        "leaky_relu": _with(away_from_zero, negative_slope=st.sampled_from([0.0, 0.1, 1.5])),
        "elu": _with(
            away_from_zero, alpha=st.sampled_from([0.5, 1.5]), scale=st.sampled_from([1.0, 1.3]),
            input_scale=st.sampled_from([1.0, 0.7]),
        ),
        "hardtanh": _with(away_from(-1, 2), min_val=st.just(-1.0), max_val=st.just(2.0)),
        "hardsigmoid": unary(away_from(-3, 3)),
        "hardswish": unary(away_from(-3, 3)),
        "softshrink": _with(away_from(-0.5, 0.5), lambd=st.just(0.5)),
        "hardshrink": _with(away_from(-0.5, 0.5), lambd=st.just(0.5)),
        "threshold": _with(away_from(0.5), threshold=st.just(0.5), value=st.just(2.0)),
        "softplus": _with(away_from(2), beta=st.sampled_from([1.0, 2.0]), threshold=st.just(20.0)),
        "logsigmoid": unary(between(-4, 4)),
        "silu": unary(between(-4, 4)),
        "mish": unary(between(-4, 4)),
        "gelu": unary(between(-3, 3)),
        "gelu_tanh": unary(between(-3, 3)),
        "softsign": unary(away_from_zero),
        "tanhshrink": unary(between(-2, 2)),
    }
)  # fmt: skip


@sample_for("prelu")
def _prelu(draw: Any) -> Sample:
    a, b = draw(broadcastable(2))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    return Sample((np.asarray(away_from_zero(rng, a)), draw(numbers(b))))


@sample_for("softmax", "log_softmax")
def _softmax(draw: Any) -> Sample:
    shape = draw(shapes(1))
    dim = draw(st.integers(0, len(shape) - 1))
    return Sample((draw(numbers(shape, -3, 3)),), {"dim": -1 if dim == len(shape) - 1 else dim})
