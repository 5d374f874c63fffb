"""Batches of images, and what a convolution is called with."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from .arrays import numbers
from .sample import Sample

__all__ = ["convolutions", "images"]


@st.composite
def images(
    draw: st.DrawFn, channels: int | None = None, least: tuple[int, ...] = (1, 1), most: int = 4, batch: int = 2
) -> np.ndarray:
    """Batches of small images, (N, C, *space), with generic values.

    Args:
        channels: how many; default: 1 to 3.
        least: the least length of each spatial dim, as many as there are to be.
        most: by how much at most the spatial dims are longer than that, plus 1.
        batch: the largest batch.
    """
    space = tuple(n + draw(st.integers(0, most - 1)) for n in least)
    c = draw(st.integers(1, 3)) if channels is None else channels
    return draw(numbers((draw(st.integers(1, batch)), c, *space)))


@st.composite
def convolutions(draw: st.DrawFn, ndim: int | None = None) -> Sample:
    """What `F.conv1d`, `F.conv2d` or `F.conv3d` take: input, weight, perhaps a bias; stride, padding and the like.

    Args:
        ndim: the number of spatial dims; default: 1 to 3, to be told from the weight.
    """
    n = draw(st.integers(1, 3)) if ndim is None else ndim
    few = st.tuples(*[st.integers(1, 2 if n > 1 else 3)] * n)
    kernel, dilation, stride = draw(few), draw(few), draw(few)
    padding = draw(st.tuples(*[st.integers(0, 2)] * n))
    groups = draw(st.integers(1, 2))
    ins, outs = draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    least = tuple(max(1, d * (k - 1) + 1 - 2 * p) for k, d, p in zip(kernel, dilation, padding))
    inputs = [draw(images(ins * groups, least, 3)), draw(numbers((outs, ins, *kernel)))]
    if draw(st.booleans()):
        inputs.append(draw(numbers((outs,))))
    return Sample(tuple(inputs), {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups})
