"""Samples for `ops/loss.py`: logits and classes, probabilities, errors away from the kink."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

import tinygrad_course.ops.loss  # noqa: F401

from .base import Sample, apart, numbers, sample_for, shapes


def _target(draw: Any, shape: tuple[int, ...], low: int, classes: int) -> np.ndarray:
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    return rng.integers(low, classes, shape)


@sample_for("one_hot")
def _one_hot(draw: Any) -> Sample:
    classes = draw(st.integers(1, 4))
    return Sample((_target(draw, draw(shapes(1, 3)), -1, classes),), {"classes": classes})


@sample_for("cross_entropy")
def _cross_entropy(draw: Any) -> Sample:
    classes = draw(st.integers(1, 4))
    batch, *space = draw(shapes(1, 3))
    target = _target(draw, (batch, *space), -1, classes)
    return Sample((draw(numbers((batch, classes, *space))), target), {"ignore_index": -1})


@sample_for("binary_cross_entropy")
def _binary_cross_entropy(draw: Any) -> Sample:
    shape = draw(shapes())
    return Sample((draw(numbers(shape, 0.1, 0.9)), draw(numbers(shape, 0.0, 1.0))))


@sample_for("binary_cross_entropy_with_logits")
def _with_logits(draw: Any) -> Sample:
    shape = draw(shapes())
    return Sample((draw(apart(shape)), draw(numbers(shape, 0.0, 1.0))))


@sample_for("squared_error")
def _squared_error(draw: Any) -> Sample:
    shape = draw(shapes())
    return Sample((draw(numbers(shape)), draw(numbers(shape, 2.5, 4.0))), {"scale": draw(st.sampled_from([1.0, 0.25]))})


@sample_for("huber")
def _huber(draw: Any) -> Sample:
    inside, sign = draw(st.booleans()), draw(st.sampled_from([-1, 1]))
    size = draw(numbers(draw(shapes()), 0.1, 0.9)) + (0.0 if inside else 1.0)
    return Sample((np.asarray(sign * size),), {"delta": 1.0})
