"""The table of samples, and how its files fill it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from tinygrad_course.testing.strategies import Sample, apart, broadcastable, numbers, shapes

__all__ = ["SAMPLES", "Sample", "apart", "broadcastable", "drawn", "numbers", "sample_for", "shapes"]


SAMPLES: dict[str, st.SearchStrategy[Sample]] = {}


def sample_for(*names: str) -> Callable[[Callable[..., Sample]], Callable[..., Sample]]:
    """Decorate `def sample(draw) -> Sample` to serve the primitives of these names."""

    def register(function: Callable[..., Sample]) -> Callable[..., Sample]:
        @st.composite
        def sample(draw: Any) -> Sample:
            found = function(draw)
            assume(not found.has_twins())
            return found

        for name in names:
            SAMPLES[name] = sample()
        return function

    return register


def drawn(name: str, count: int) -> list[Sample]:
    """The same `count` samples of a primitive every time, varied in shape."""
    found: list[Sample] = []

    @settings(derandomize=True, max_examples=count, database=None, phases=[Phase.generate], deadline=None)
    @given(SAMPLES[name])
    def collect(sample: Sample) -> None:
        found.append(sample)

    collect()
    return found
