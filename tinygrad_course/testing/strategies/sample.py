"""A call of a function: its arguments, drawn together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from .arrays import tensors
from .shapes import broadcastable

__all__ = ["Sample", "samples", "together"]


class Sample:
    """What a function is called with.

    Attributes:
        inputs: the positional arguments: arrays, Tensors, and anything else.
        params: the keyword arguments.
    """

    __slots__ = ("inputs", "params")

    def __init__(self, inputs: tuple[Any, ...], params: Mapping[str, Any] | None = None) -> None:
        self.inputs = tuple(inputs)
        self.params = dict(params or {})

    def __repr__(self) -> str:
        arguments = [*map(repr, self.inputs), *(f"{name}={value!r}" for name, value in self.params.items())]
        return f"({', '.join(arguments)})"

    def has_twins(self) -> bool:
        """Whether two floating inputs are equal, as from one seed: a rule that mixes them up would look right."""
        floating = [x for x in self.inputs if isinstance(x, np.ndarray) and x.dtype.kind == "f" and x.size]
        return any(np.array_equal(a, b) for i, a in enumerate(floating) for b in floating[:i])


@st.composite
def samples(draw: st.DrawFn, /, *inputs: Any, **params: Any) -> Sample:
    """Calls with these arguments, each a strategy or a fixed value.

    What must be drawn together, such as an array and an axis of it, comes from one strategy that gives a `Sample`.
    """
    values = [draw(x) if isinstance(x, st.SearchStrategy) else x for x in inputs]
    given = {name: draw(x) if isinstance(x, st.SearchStrategy) else x for name, x in params.items()}
    if len(values) == 1 and isinstance(values[0], Sample):
        return Sample(values[0].inputs, {**values[0].params, **given})
    found = Sample(tuple(values), given)
    assume(not found.has_twins())
    return found


@st.composite
def together(draw: st.DrawFn, /, count: int, **options: Any) -> Sample:
    """Calls with `count` Tensors whose shapes broadcast against each other.

    Args:
        count: of Tensors.
        options: for `tensors`.
    """
    return Sample(tuple(draw(tensors(shape, **options)) for shape in draw(broadcastable(count))))
