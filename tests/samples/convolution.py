"""Samples for `ops/convolution.py`: 1 to 3 spatial dimensions, with every parameter varied."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from tinygrad_course.ops.convolution import out_length

from .base import Sample, numbers, sample_for


def _geometry(draw: Any) -> tuple[dict[str, Any], dict[str, tuple[int, ...]]]:
    """Parameters of a convolution, and the shapes of its x, weight and y."""
    ndim = draw(st.sampled_from([1, 2, 2, 3]))
    side = st.integers(1, 2 if ndim > 1 else 3)
    few = st.tuples(*[side] * ndim)
    kernel, dilation = draw(few), draw(few)
    stride = draw(st.sampled_from([(1,) * ndim, (2,) * ndim, tuple(range(1, ndim + 1))]))
    padding = draw(st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 2))] * ndim))
    groups = draw(st.sampled_from([1, 1, 2]))
    outs, ins = groups * draw(st.integers(1, 2)), draw(st.integers(1, 2))
    space = tuple(
        max(1, d * (k - 1) + 1 - sum(p)) + draw(st.integers(0, 2)) for k, d, p in zip(kernel, dilation, padding)
    )
    out = tuple(map(out_length, space, kernel, stride, padding, dilation))
    batch = draw(st.integers(1, 2))
    shapes = {"x": (batch, ins * groups, *space), "w": (outs, ins, *kernel), "y": (batch, outs, *out)}
    return {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}, shapes


@sample_for("convolution")
def _convolution(draw: Any) -> Sample:
    params, shapes = _geometry(draw)
    inputs: list[np.ndarray] = [draw(numbers(shapes["x"])), draw(numbers(shapes["w"]))]
    if draw(st.booleans()):
        inputs.append(draw(numbers(shapes["w"][:1])))
    return Sample(tuple(inputs), params)


@sample_for("convolution_transpose")
def _convolution_transpose(draw: Any) -> Sample:
    params, shapes = _geometry(draw)
    inputs = draw(numbers(shapes["y"])), draw(numbers(shapes["w"]))
    return Sample(inputs, {"space": shapes["x"][2:], **params})


@sample_for("convolution_weight")
def _convolution_weight(draw: Any) -> Sample:
    params, shapes = _geometry(draw)
    inputs = draw(numbers(shapes["y"])), draw(numbers(shapes["x"]))
    return Sample(inputs, {"kernel": shapes["w"][2:], **params})
