"""Samples for `ops/special.py`, `ops/gamma.py` and `ops/convert.py`."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from .base import SAMPLES, Sample, broadcastable, numbers, sample_for, shapes
from .elementwise import between, either_sign, unary

SAMPLES.update(
    {
        "erf": unary(between(-2.5, 2.5)),
        "erfc": unary(between(-2.5, 2.5)),
        "erfinv": unary(between(-0.9, 0.9)),
        "ndtr": unary(between(-3, 3)),
        "lgamma": unary(between(0.5, 5)),
        "sinc": unary(either_sign(0.2, 2)),
    }
)


@sample_for("polygamma")
def _polygamma(draw: Any) -> Sample:
    return Sample((draw(numbers(draw(shapes()), 0.7, 4.0)),), {"n": draw(st.integers(0, 2))})


@sample_for("logit")
def _logit(draw: Any) -> Sample:
    x = draw(numbers(draw(shapes()), 0.1, 0.9))
    eps = draw(st.sampled_from([None, 0.3]))
    if eps is not None:  # some values are clipped, none is near the edge
        x = np.asarray(np.where(np.abs(np.abs(x - 0.5) - 0.2) < 0.05, 0.5, x))
    return Sample((x,), {"eps": eps})


@sample_for("xlogy")
def _xlogy(draw: Any) -> Sample:
    a, b = draw(broadcastable(2))
    return Sample((draw(numbers(a)), draw(numbers(b, 0.4, 3.0))))


@sample_for("logaddexp2")
def _logaddexp2(draw: Any) -> Sample:
    a, b = draw(broadcastable(2))
    return Sample((draw(numbers(a)), draw(numbers(b))))


@sample_for("cast")
def _cast(draw: Any) -> Sample:
    # To float64 only: differences in a narrower dtype would measure its rounding.
    return Sample((draw(numbers(draw(shapes()))),), {"dtype": np.dtype(np.float64)})
