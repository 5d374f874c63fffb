"""The table of samples, and the strategies that its files share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

__all__ = ["SAMPLES", "Sample", "apart", "broadcastable", "drawn", "numbers", "sample_for", "shapes"]


@dataclass(frozen=True)
class Sample:
    """A call of a primitive: positional arrays and keyword parameters."""

    inputs: tuple[np.ndarray, ...]
    params: dict[str, Any] = field(default_factory=dict)


SAMPLES: dict[str, st.SearchStrategy[Sample]] = {}


def sample_for(*names: str) -> Callable[[Callable[..., Sample]], Callable[..., Sample]]:
    """Decorate `def sample(draw) -> Sample` to serve the primitives of these names."""

    def register(function: Callable[..., Sample]) -> Callable[..., Sample]:
        @st.composite
        def sample(draw: Any) -> Sample:
            found = function(draw)
            assume(not _has_twins(found.inputs))
            return found

        for name in names:
            SAMPLES[name] = sample()
        return function

    return register


def _has_twins(inputs: tuple[Any, ...]) -> bool:
    """Whether two floating inputs are equal, as from one seed: a rule that mixes them up would look right."""
    floating = [x for x in inputs if isinstance(x, np.ndarray) and x.dtype.kind == "f" and x.size]
    return any(np.array_equal(a, b) for i, a in enumerate(floating) for b in floating[:i])


# Hypothesis draws the shapes, and a seed for the values: it then shrinks what matters, and values stay generic.


def shapes(min_dims: int = 0, max_dims: int = 3, max_side: int = 3, min_side: int = 1) -> st.SearchStrategy[Any]:
    """Shapes of small arrays; never 0-sized unless `min_side` is 0."""
    return st.lists(st.integers(min_side, max_side), min_size=min_dims, max_size=max_dims).map(tuple)


@st.composite
def broadcastable(draw: Any, count: int, max_dims: int = 3, max_side: int = 3) -> tuple[tuple[int, ...], ...]:
    """`count` shapes that broadcast against each other: some axes of length 1, some left out."""
    full = draw(shapes(0, max_dims, max_side))
    result = []
    for _ in range(count):
        ones = [draw(st.booleans()) and draw(st.booleans()) for _ in full]
        start = draw(st.integers(0, len(full)))
        result.append(tuple(1 if one else n for one, n in zip(ones, full))[start if draw(st.booleans()) else 0 :])
    return tuple(result)


@st.composite
def numbers(draw: Any, shape: tuple[int, ...], low: float = -2.0, high: float = 2.0) -> np.ndarray:
    """An array of the shape with values from `low` to `high`, none of them special."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    return np.asarray(rng.uniform(low, high, shape))


@st.composite
def apart(draw: Any, shape: tuple[int, ...], gap: float = 0.2) -> np.ndarray:
    """An array whose values all differ by at least `gap` from each other and from 0: no ties, no kinks at 0."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    size = int(np.prod(shape, dtype=int))
    steps = rng.permutation(np.concatenate([np.arange(-size, 0), np.arange(1, size + 1)]))[:size]
    return np.asarray((steps * gap * 1.5 + rng.uniform(-gap / 4, gap / 4, size)).reshape(shape))


def drawn(name: str, count: int) -> list[Sample]:
    """The same `count` samples of a primitive every time, varied in shape."""
    found: list[Sample] = []

    @settings(derandomize=True, max_examples=count, database=None, phases=[Phase.generate], deadline=None)
    @given(SAMPLES[name])
    def collect(sample: Sample) -> None:
        found.append(sample)

    collect()
    return found
