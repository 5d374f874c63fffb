"""Samples for `ops/pooling.py`: 1 to 3 spatial dimensions, windows apart and overlapping, with padding and `ceil`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from tinygrad_course.ops.pooling import max_place, out_length

from .base import Sample, apart, numbers, sample_for


def _geometry(draw: Any, dilated: bool) -> tuple[dict[str, Any], tuple[int, ...], tuple[int, ...]]:
    """Parameters of a pooling, its input's shape, and its output's."""
    ndim = draw(st.sampled_from([1, 2, 2, 3]))
    few = st.tuples(*[st.integers(1, 3 if ndim == 1 else 2)] * ndim)
    kernel = draw(few)
    stride = draw(st.one_of(st.just(kernel), few))
    dilation = draw(few) if dilated else (1,) * ndim
    # With dilation a window might lie in the padding altogether, where no maximum is finite.
    padding = tuple(draw(st.integers(0, k // 2)) if d == 1 else 0 for k, d in zip(kernel, dilation))
    ceil = draw(st.booleans())
    space = tuple(
        max(1, d * (k - 1) + 1 - 2 * p) + draw(st.integers(0, 3)) for k, d, p in zip(kernel, dilation, padding)
    )
    out = tuple(out_length(*each, ceil) for each in zip(space, kernel, stride, padding, dilation))
    lead = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    params = {"kernel": kernel, "stride": stride, "padding": padding, "out": out}
    if dilated:
        params["dilation"] = dilation
    return params, lead + space, lead + out


@sample_for("max_pool")
def _max_pool(draw: Any) -> Sample:
    from tinygrad_course.ops.pooling import max_pool

    params, shape, _ = _geometry(draw, dilated=True)
    x = draw(apart(shape))
    assume(np.isfinite(max_pool.forward(x, **params)).any())  # not all windows in the padding
    return Sample((x,), params)


@sample_for("max_place")
def _max_place(draw: Any) -> Sample:
    from tinygrad_course.ops.pooling import max_pool

    params, shape, _ = _geometry(draw, dilated=True)
    x = draw(apart(shape))
    return Sample((x, max_pool.forward(x, **params)), params)


def _known_places(draw: Any) -> tuple[dict[str, Any], np.ndarray, np.ndarray]:
    from tinygrad_course.ops.pooling import max_pool

    params, shape, _ = _geometry(draw, dilated=True)
    x = draw(numbers(shape))
    place = max_place.forward(x, max_pool.forward(x, **params), **params)
    return params, x, place


@sample_for("max_index")
def _max_index(draw: Any) -> Sample:
    params, x, place = _known_places(draw)
    return Sample((place,), {"space": x.shape[2:], **params})


@sample_for("take_in_windows")
def _take(draw: Any) -> Sample:
    params, x, place = _known_places(draw)
    return Sample((x, place), {"space": x.shape[2:], **params})


@sample_for("put_in_windows")
def _put(draw: Any) -> Sample:
    params, x, place = _known_places(draw)
    return Sample((draw(numbers(place.shape)), place), {"space": x.shape[2:], **params})


@sample_for("sum_windows")
def _sum(draw: Any) -> Sample:
    params, x, _ = _geometry(draw, dilated=False)
    return Sample((draw(numbers(x)),), {"space": x[2:], **params})


@sample_for("spread_windows")
def _spread(draw: Any) -> Sample:
    params, x, y = _geometry(draw, dilated=False)
    return Sample((draw(numbers(y)),), {"space": x[2:], **params})


@sample_for("unfold")
def _unfold(draw: Any) -> Sample:
    params, x, _ = _geometry(draw, dilated=True)
    return Sample((draw(numbers(x)),), {"space": x[2:], **params})


@sample_for("fold")
def _fold(draw: Any) -> Sample:
    params, x, y = _geometry(draw, dilated=True)
    columns = x[1] * math.prod(params["kernel"]), math.prod(y[2:])
    return Sample((draw(numbers((x[0], *columns))),), {"space": x[2:], **params})
