"""Samples for `ops/random.py`."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

import tinygrad_course as tc

from .base import Sample, broadcastable, numbers, sample_for, shapes

FLOATS = st.sampled_from([np.dtype(np.float32), np.dtype(np.float64)])


def generator(draw: Any) -> tc.Generator:
    return tc.Generator().manual_seed(draw(st.integers(0, 2**16)))


@sample_for("uniform")
def _uniform(draw: Any) -> Sample:
    return Sample(
        (), {"size": draw(shapes()), "low": -1, "high": 2, "dtype": draw(FLOATS), "generator": generator(draw)}
    )


@sample_for("normal")
def _normal(draw: Any) -> Sample:
    a, b = draw(broadcastable(2))
    inputs = (draw(numbers(a)), draw(numbers(b, 0.5, 1.5)))
    return Sample(inputs, {"size": None, "dtype": draw(FLOATS), "generator": generator(draw)})


@sample_for("exponential")
def _exponential(draw: Any) -> Sample:
    return Sample((), {"size": draw(shapes()), "rate": 2.0, "dtype": draw(FLOATS), "generator": generator(draw)})


@sample_for("randint")
def _randint(draw: Any) -> Sample:
    params = {"size": draw(shapes()), "low": -2, "high": 5, "dtype": np.dtype(np.int64), "generator": generator(draw)}
    return Sample((), params)


@sample_for("randperm")
def _randperm(draw: Any) -> Sample:
    return Sample((), {"n": draw(st.integers(0, 5)), "dtype": np.dtype(np.int64), "generator": generator(draw)})


@sample_for("bernoulli")
def _bernoulli(draw: Any) -> Sample:
    return Sample((draw(numbers(draw(shapes()), 0, 1)),), {"dtype": draw(FLOATS), "generator": generator(draw)})


@sample_for("poisson")
def _poisson(draw: Any) -> Sample:
    return Sample((draw(numbers(draw(shapes()), 0, 4)),), {"generator": generator(draw)})


@sample_for("multinomial")
def _multinomial(draw: Any) -> Sample:
    replacement = draw(st.booleans())
    weights = draw(numbers(draw(shapes(1, 2)), 0.1, 1))
    count = draw(st.integers(1, 4 if replacement else weights.shape[-1]))
    return Sample((weights,), {"num_samples": count, "replacement": replacement, "generator": generator(draw)})
