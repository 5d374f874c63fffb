"""Shapes of small arrays."""

from __future__ import annotations

from hypothesis import strategies as st

__all__ = ["Shape", "broadcastable", "shapes"]

Shape = tuple[int, ...]


def shapes(min_dims: int = 0, max_dims: int = 3, max_side: int = 3, min_side: int = 1) -> st.SearchStrategy[Shape]:
    """Shapes of small arrays; never 0-sized unless `min_side` is 0."""
    return st.lists(st.integers(min_side, max_side), min_size=min_dims, max_size=max_dims).map(tuple)


@st.composite
def broadcastable(draw: st.DrawFn, count: int, max_dims: int = 3, max_side: int = 3) -> tuple[Shape, ...]:
    """`count` shapes that broadcast against each other: some axes of length 1, some left out."""
    full = draw(shapes(0, max_dims, max_side))
    result = []
    for _ in range(count):
        ones = [draw(st.booleans()) and draw(st.booleans()) for _ in full]
        start = draw(st.integers(0, len(full)))
        result.append(tuple(1 if one else n for one, n in zip(ones, full))[start if draw(st.booleans()) else 0 :])
    return tuple(result)
