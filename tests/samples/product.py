"""Samples for `ops/product.py`: matrices, vectors, and stacks of matrices that broadcast."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from .base import Sample, broadcastable, numbers, sample_for, shapes

sides = st.integers(1, 4)


@sample_for("matmul")
def _matmul(draw: Any) -> Sample:
    n, k, m = draw(sides), draw(sides), draw(sides)
    left, right = draw(broadcastable(2, max_dims=2, max_side=2))
    a = draw(st.sampled_from([(k,), (n, k), (*left, n, k)]))
    b = draw(st.sampled_from([(k,), (k, m), (*right, k, m)]))
    return Sample((draw(numbers(a)), draw(numbers(b))))


@sample_for("linear")
def _linear(draw: Any) -> Sample:
    features, outputs = draw(sides), draw(sides)
    inputs: list[np.ndarray] = [
        draw(numbers((*draw(shapes(0, 3)), features))),
        draw(numbers((outputs, features))),
    ]
    if draw(st.booleans()):
        inputs.append(draw(numbers((outputs,))))
    return Sample(tuple(inputs))
