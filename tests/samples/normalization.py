"""Samples for `ops/normalization.py`: means over the batch, over features, or over all."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

import tinygrad_course.ops.normalization  # noqa: F401

from .base import Sample, apart, numbers, sample_for, shapes


@sample_for("standardize", "scale_to_unit")
def _standardize(draw: Any) -> Sample:
    shape = draw(shapes(1, 4, 3))
    axes = draw(st.sets(st.integers(0, len(shape) - 1), min_size=1).map(lambda s: tuple(sorted(s))))
    return Sample((draw(apart(shape, gap=0.3)),), {"axes": axes, "eps": draw(st.sampled_from([0.1, 1.0]))})


@sample_for("affine")
def _affine(draw: Any) -> Sample:
    shape = draw(shapes(1, 3))
    small = tuple(n if draw(st.booleans()) else 1 for n in shape)
    return Sample((draw(numbers(shape)), draw(numbers(small)), draw(numbers(small))))


@sample_for("mean_product")
def _mean_product(draw: Any) -> Sample:
    shape = draw(shapes(1, 4, 3))
    axes = draw(st.sets(st.integers(0, len(shape) - 1), min_size=1).map(lambda s: tuple(sorted(s))))
    return Sample((draw(numbers(shape)), draw(numbers(shape))), {"axes": axes})


@sample_for("combine")
def _combine(draw: Any) -> Sample:
    shape = draw(shapes(1, 3))
    small = tuple(n if draw(st.booleans()) else 1 for n in shape)
    return Sample(tuple(draw(numbers(s)) for s in (shape, small, shape, small, small)))
