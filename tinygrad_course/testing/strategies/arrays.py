"""Arrays and Tensors: generic values, values apart from each other, values on kinks, probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

from ...tensor import Tensor, tensor
from .shapes import Shape, shapes

__all__ = ["apart", "dtypes", "numbers", "on_kinks", "probabilities", "tensors"]

# Values that Hypothesis draws one by one are multiples of this: exact in every dtype, and short to print.
STEP = 1 / 16


def dtypes(kinds: str = "f") -> st.SearchStrategy[np.dtype]:
    """dtypes of these kinds: f (float32, float64), i (int32, int64), b (bool), as in `dtypes("fi")`."""
    known = {"f": (np.float64, np.float32), "i": (np.int64, np.int32), "b": (np.bool_,)}
    if not kinds or (unknown := set(kinds) - set(known)):
        raise ValueError(f"dtypes: expected some of the kinds f, i and b, got {''.join(sorted(unknown)) or 'none'}")
    return st.sampled_from([np.dtype(t) for kind in kinds for t in known[kind]])


@st.composite
def numbers(draw: st.DrawFn, shape: Shape, low: float = -2.0, high: float = 2.0) -> np.ndarray:
    """An array of the shape with values from `low` to `high`, none of them special."""
    return np.asarray(_rng(draw).uniform(low, high, shape))


@st.composite
def apart(draw: st.DrawFn, shape: Shape, gap: float = 0.2) -> np.ndarray:
    """An array whose values all differ by at least `gap` from each other and from 0: no ties, no kinks at 0."""
    rng = _rng(draw)
    size = math.prod(shape)
    steps = rng.permutation(np.concatenate([np.arange(-size, 0), np.arange(1, size + 1)]))[:size]
    return np.asarray((steps * gap * 1.5 + rng.uniform(-gap / 4, gap / 4, size)).reshape(shape))


@st.composite
def on_kinks(
    draw: st.DrawFn, shape: Shape, kinks: Sequence[float] = (0.0,), low: float = -2.0, high: float = 2.0
) -> np.ndarray:
    """An array of which about half of the values are exactly one of `kinks`, hence with ties, the others generic."""
    rng = _rng(draw)
    here = rng.choice(np.asarray(kinks, np.float64), shape)
    return np.asarray(np.where(rng.random(shape) < 0.5, here, rng.uniform(low, high, shape)))


@st.composite
def tensors(
    draw: st.DrawFn,
    shape: Shape | st.SearchStrategy[Shape] | None = None,
    *,
    low: float = -2.0,
    high: float = 2.0,
    away_from: Sequence[float] = (),
    gap: float = 0.125,
    on: Sequence[float] = (),
    distinct: bool = False,
    dtype: Any = np.float64,
    requires_grad: bool = False,
) -> Tensor:
    """Tensors whose every value is drawn, so that it shrinks to a simple number: to the one nearest to 0.

    Args:
        shape: a shape, or a strategy for shapes; default: `shapes()`.
        low: the least value.
        high: the greatest value.
        away_from: places, such as kinks, from which values keep the distance `gap`.
        gap: see `away_from`.
        on: places, such as kinks, on which values are exactly, often.
        distinct: no value occurs twice: no ties.
        dtype: a floating dtype, or a strategy for dtypes.
        requires_grad: of the Tensor.

    Raises:
        ValueError: if no value is left between `low` and `high`.

    Example:
        >>> from tinygrad_course.testing import strategies as some
        >>> import hypothesis
        >>> hypothesis.find(some.tensors((2,), low=0.5), lambda x: x.sum() > 1)
        tensor([0.5000, 0.5625], dtype=float64)
    """
    size = draw(shapes() if shape is None else shape) if not isinstance(shape, tuple) else shape
    steps = range(math.ceil(low / STEP), math.floor(high / STEP) + 1)
    free = [k * STEP for k in steps if all(abs(k * STEP - kink) >= gap for kink in away_from)]
    free.sort(key=lambda value: (abs(value), value < 0))
    if not free and not on:
        raise ValueError(f"tensors: no multiple of {STEP} lies between {low} and {high} away from {tuple(away_from)}")
    value = st.sampled_from(free) if free else st.sampled_from(list(on))
    if on and free:
        value = st.one_of(st.sampled_from(list(on)), value)
    count = math.prod(size)
    if distinct and count > len(set(free) | set(on)):
        raise ValueError(f"tensors: {count} distinct values do not fit between {low} and {high}")
    values = draw(st.lists(value, min_size=count, max_size=count, unique=distinct))
    kind = draw(dtype) if isinstance(dtype, st.SearchStrategy) else dtype
    return tensor(np.array(values, kind).reshape(size), requires_grad=requires_grad)


@st.composite
def probabilities(
    draw: st.DrawFn, shape: Shape | st.SearchStrategy[Shape] | None = None, dim: int = -1, least: float = 0.02
) -> np.ndarray:
    """Arrays whose values along `dim` are positive and add up to 1; none is much below `least`.

    Args:
        shape: a shape with at least one dim, or a strategy for shapes; default: vectors and batches of them.
        dim: the dim along which a distribution lies.
        least: a probability, at most about 1 over the length of `dim`.
    """
    size = shape if isinstance(shape, tuple) else draw(shapes(1, 2, 4) if shape is None else shape)
    if not size:
        raise ValueError("probabilities: expected a shape with at least one dim, got ()")
    weights = _rng(draw).exponential(1.0, size)
    p = weights / weights.sum(dim, keepdims=True) + least
    return np.asarray(p / p.sum(dim, keepdims=True))


def _rng(draw: st.DrawFn) -> np.random.Generator:
    return np.random.default_rng(draw(st.integers(0, 2**16)))
