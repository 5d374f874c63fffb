"""Samples at kinks and ties: `KINKS[name]` is a function and a strategy of `Sample`s, half of whose values are there.

Places at which a function jumps, or has no finite slope, are not among them: no gradient is right there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course.ops import REGISTRY
from tinygrad_course.testing.strategies import on_kinks

from .base import Sample, broadcastable, shapes
from .pooling import _geometry

__all__ = ["KINKS"]

KINKS: dict[str, tuple[Callable[..., Any], st.SearchStrategy[Sample]]] = {}

# Few values: most draws have ties.
TIES = (-1.0, 0.0, 0.5, 1.0)


def elementwise(name: str, kinks: tuple[float, ...], low: float = -4, high: float = 4, **params: Any) -> None:
    values = shapes(0, 2).flatmap(lambda shape: on_kinks(shape, kinks, low, high))
    KINKS[name] = REGISTRY[name], values.map(lambda x: Sample((x,), params))


elementwise("abs", (0.0,))
elementwise("relu", (0.0,))
elementwise("leaky_relu", (0.0,), negative_slope=0.1)
elementwise("elu", (0.0,), alpha=1.5, scale=1.3, input_scale=0.7)
elementwise("hardtanh", (-1.0, 2.0), min_val=-1.0, max_val=2.0)
elementwise("hardsigmoid", (-3.0, 3.0))
elementwise("hardswish", (-3.0, 3.0))
elementwise("softshrink", (-0.5, 0.5), lambd=0.5)
elementwise("softsign", (0.0,))
elementwise("threshold", (0.5,), threshold=0.5, value=0.5)
elementwise("clamp", (-0.5, 1.0), min=-0.5, max=1.0)
elementwise("logit", (0.25, 0.75), low=0.1, high=0.9, eps=0.25)
elementwise("huber", (-1.0, 0.0, 1.0), delta=1.0)
# Smooth, but computed by cases.
elementwise("sinc", (0.0,), -1, 1)
elementwise("logsigmoid", (0.0,))


@st.composite
def _pair(draw: Any, kinks: tuple[float, ...] = TIES) -> Sample:
    a, b = draw(broadcastable(2, max_dims=2))
    return Sample((draw(on_kinks(a, kinks)), draw(on_kinks(b, kinks))))


for _name in ("maximum", "minimum", "logaddexp", "logaddexp2"):
    KINKS[_name] = REGISTRY[_name], _pair()
KINKS["prelu"] = REGISTRY["prelu"], _pair((0.0,))
KINKS["binary_cross_entropy_with_logits"] = (
    REGISTRY["binary_cross_entropy_with_logits"],
    st.tuples(on_kinks((2, 2)), on_kinks((2, 2), (0.0, 1.0), 0, 1)).map(Sample),
)


@st.composite
def _along(draw: Any, least: int = 1, name: str = "axis", **params: Any) -> Sample:
    """Ties along one axis, or all."""
    shape = draw(shapes(1, 2, 4, least))
    axis = draw(st.integers(0, len(shape) - 1))
    return Sample((draw(on_kinks(shape, TIES)),), {name: axis, **params})


for _name in ("amax", "amin", "prod"):
    KINKS[_name] = REGISTRY[_name], _along(keepdims=False)
KINKS["cumprod"] = REGISTRY["cumprod"], _along()
KINKS["norm of order 1"] = REGISTRY["norm"], _along(p=1, keepdims=False)
KINKS["norm of order 2, at 0"] = REGISTRY["norm"], shapes(1, 2).map(lambda s: Sample((np.zeros(s),), {"p": 2}))
KINKS["norm of order 3"] = REGISTRY["norm"], _along(p=3, keepdims=False).filter(lambda s: np.all(s.inputs[0].any()))


@st.composite
def _pool(draw: Any) -> Sample:
    params, shape, _ = _geometry(draw, dilated=False)
    return Sample((draw(on_kinks(shape, TIES)),), {"dilation": (1,) * (len(shape) - 2), **params})


KINKS["max_pool"] = REGISTRY["max_pool"], _pool()

# Written in terms of primitives.
KINKS["sort"] = (lambda x, dim: tc.sort(x, dim)[0]), _along(name="dim")
KINKS["topk"] = (lambda x, dim: tc.topk(x, 1, dim)[0]), _along(name="dim")
KINKS["median"] = (lambda x, dim: tc.median(x, dim)[0]), _along(name="dim")
KINKS["cummax"] = (lambda x, dim: tc.cummax(x, dim)[0]), _along(name="dim")
KINKS["cummin"] = (lambda x, dim: tc.cummin(x, dim)[0]), _along(name="dim")
KINKS["max of a dim"] = (lambda x, dim: tc.max(x, dim)[0]), _along(name="dim")
KINKS["relu of a sine"] = (
    (lambda x: tc.relu(tc.sin(x)) * tc.exp(x)),
    shapes(0, 2).flatmap(on_kinks).map(lambda x: Sample((x,))),
)
