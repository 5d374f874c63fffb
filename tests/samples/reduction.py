"""Samples for `ops/reduction.py` and `ops/statistics.py`: some dims of an array, or all."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from .base import Sample, apart, numbers, sample_for, shapes


@st.composite
def axes(draw: Any, ndim: int) -> Any:
    """None, one axis (negative or not), or several."""
    kind = draw(st.sampled_from(["all", "one", "some"])) if ndim else "all"
    if kind == "all":
        return None
    if kind == "one":
        return draw(st.integers(-ndim, ndim - 1))
    return tuple(draw(st.lists(st.integers(0, ndim - 1), min_size=1, max_size=ndim, unique=True)))


@st.composite
def reduction(draw: Any, values: Any = numbers, **params: Any) -> Sample:
    x = draw(values(draw(shapes())))
    params |= {"axis": draw(axes(x.ndim)), "keepdims": draw(st.booleans())}
    return Sample((x,), params)


@sample_for("sum", "mean", "logsumexp", "all", "any")
def _sum(draw: Any) -> Sample:
    return draw(reduction())


@sample_for("amax", "amin")
def _extreme(draw: Any) -> Sample:
    return draw(reduction(apart))


@sample_for("argmax", "argmin")
def _place(draw: Any) -> Sample:
    x = draw(apart(draw(shapes())))
    axis = draw(st.none() | st.integers(-x.ndim, x.ndim - 1)) if x.ndim else None
    return Sample((x,), {"axis": axis, "keepdims": draw(st.booleans())})


@sample_for("prod")
def _prod(draw: Any) -> Sample:
    x = draw(numbers(draw(shapes(1))))
    if draw(st.booleans()):
        x[draw(st.tuples(*(st.integers(0, n - 1) for n in x.shape)))] = 0
    return Sample((x,), {"axis": draw(st.integers(0, x.ndim - 1)), "keepdims": draw(st.booleans())})


@sample_for("var", "std")
def _var(draw: Any) -> Sample:
    # The standard deviation is smooth away from 0: the values of a group must differ.
    x = draw(apart(draw(shapes(1, min_side=2))))
    axis = draw(axes(x.ndim))
    return Sample(
        (x,), {"axis": axis, "keepdims": draw(st.booleans()), "correction": draw(st.sampled_from([0, 1, 0.5]))}
    )


@sample_for("norm")
def _norm(draw: Any) -> Sample:
    p = draw(st.sampled_from([1, 2, 3, 1.5, -1]))
    return draw(reduction(apart, p=p))


@sample_for("bincount")
def _bincount(draw: Any) -> Sample:
    x = np.array(draw(st.lists(st.integers(0, 6), max_size=8)), np.int64)
    return Sample((x,), {"minlength": draw(st.integers(0, 9))})


@sample_for("histc")
def _histc(draw: Any) -> Sample:
    return Sample((draw(numbers(draw(shapes()))),), {"bins": draw(st.integers(1, 5)), "bounds": (-2, 2)})
