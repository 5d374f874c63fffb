"""Samples for `ops/shape.py`, `ops/joining.py` and `ops/rearrange.py`."""

from __future__ import annotations

import math
from itertools import accumulate
from typing import Any

import numpy as np
from hypothesis import strategies as st

from .base import Sample, broadcastable, numbers, sample_for, shapes


@sample_for("clone")
def _clone(draw: Any) -> Sample:
    return Sample((draw(numbers(draw(shapes()))),))


@sample_for("reshape")
def _reshape(draw: Any) -> Sample:
    shape = draw(shapes())
    other = draw(st.sampled_from([(-1,), (1, *shape), shape[::-1], (math.prod(shape), 1), (*shape, -1)]))
    return Sample((draw(numbers(shape)),), {"shape": other})


@sample_for("permute")
def _permute(draw: Any) -> Sample:
    shape = draw(shapes())
    return Sample((draw(numbers(shape)),), {"dims": tuple(draw(st.permutations(range(len(shape)))))})


@sample_for("expand")
def _expand(draw: Any) -> Sample:
    a, b = draw(broadcastable(2))
    return Sample((draw(numbers(a)),), {"shape": np.broadcast_shapes(a, b)})


@sample_for("flip")
def _flip(draw: Any) -> Sample:
    shape = draw(shapes(1))
    dims = draw(st.lists(st.integers(0, len(shape) - 1), unique=True, min_size=1))
    return Sample((draw(numbers(shape)),), {"dims": tuple(dims)})


@sample_for("roll")
def _roll(draw: Any) -> Sample:
    shape = draw(shapes(1))
    dims = draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, max_size=3))
    return Sample(
        (draw(numbers(shape)),), {"dims": tuple(dims), "shifts": tuple(draw(st.integers(-4, 4)) for _ in dims)}
    )


@sample_for("tril", "triu")
def _triangle(draw: Any) -> Sample:
    return Sample((draw(numbers(draw(shapes(2)))),), {"diagonal": draw(st.integers(-2, 2))})


@st.composite
def diagonals(draw: Any) -> tuple[tuple[int, ...], int, tuple[int, int]]:
    """A shape, an offset within it, and the two axes that span the matrices."""
    shape = draw(shapes(2))
    axes = draw(st.lists(st.integers(0, len(shape) - 1), min_size=2, max_size=2, unique=True))
    rows, columns = shape[axes[0]], shape[axes[1]]
    return shape, draw(st.integers(1 - rows, columns - 1)), tuple(axes)


@sample_for("diagonal")
def _diagonal(draw: Any) -> Sample:
    shape, offset, axes = draw(diagonals())
    return Sample((draw(numbers(shape)),), {"offset": offset, "axes": axes})


@sample_for("put_diagonal")
def _put_diagonal(draw: Any) -> Sample:
    shape, offset, axes = draw(diagonals())
    of = np.zeros(shape).diagonal(offset, *axes).shape
    return Sample((draw(numbers(of)),), {"offset": offset, "axes": axes, "shape": shape})


@sample_for("pad")
def _pad(draw: Any) -> Sample:
    shape = draw(shapes())
    widths = tuple((draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in shape)
    return Sample((draw(numbers(shape)),), {"widths": widths, "value": draw(st.sampled_from([0.0, 1.5]))})


@sample_for("cat")
def _cat(draw: Any) -> Sample:
    shape = list(draw(shapes(1)))
    axis = draw(st.integers(0, len(shape) - 1))
    lengths = draw(st.lists(st.integers(0, 3), min_size=1, max_size=4).filter(any))
    xs = tuple(draw(numbers((*shape[:axis], n, *shape[axis + 1 :]))) for n in lengths)
    return Sample(xs, {"axis": axis, "bounds": (0, *accumulate(lengths))})


@sample_for("stack")
def _stack(draw: Any) -> Sample:
    shape = draw(shapes())
    xs = tuple(draw(numbers(shape)) for _ in range(draw(st.integers(1, 4))))
    return Sample(xs, {"axis": draw(st.integers(0, len(shape)))})
