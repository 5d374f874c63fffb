"""The table of samples, and the strategies that its files share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

__all__ = ["SAMPLES", "Sample", "sample_for"]


@dataclass(frozen=True)
class Sample:
    """A call of a primitive: positional arrays and keyword parameters."""

    inputs: tuple[np.ndarray, ...]
    params: dict[str, Any] = field(default_factory=dict)


SAMPLES: dict[str, st.SearchStrategy[Sample]] = {}


def sample_for(*names: str) -> Callable[[Callable[..., Sample]], Callable[..., Sample]]:
    """Decorate `def sample(draw) -> Sample` to serve the primitives of these names."""

    def register(function: Callable[..., Sample]) -> Callable[..., Sample]:
        for name in names:
            SAMPLES[name] = st.composite(function)()
        return function

    return register
