"""Well-conditioned matrices, whose singular values are apart: where decompositions are differentiable."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from .shapes import Shape, shapes

__all__ = ["matrices", "positive_definite", "with_singular_values"]

sides = st.integers(1, 3)
batches = shapes(0, 1, 2)


@st.composite
def with_singular_values(draw: st.DrawFn, rows: int, columns: int, batch: Shape = ()) -> np.ndarray:
    """Matrices with singular values from 1 upwards, all at least 0.5 apart."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    k = min(rows, columns)
    u = np.linalg.qr(rng.normal(size=(*batch, rows, k)))[0]
    v = np.linalg.qr(rng.normal(size=(*batch, columns, k)))[0]
    s = 1 + 0.75 * np.arange(k) + rng.uniform(0, 0.25, (*batch, k))
    return np.asarray(np.matmul(u * s[..., None, :], v.swapaxes(-1, -2)))


@st.composite
def matrices(draw: st.DrawFn, square: bool = False, batch: st.SearchStrategy[Shape] = batches) -> np.ndarray:
    """Small matrices, and stacks of them, of full rank and with singular values that differ."""
    rows = draw(sides)
    return draw(with_singular_values(rows, rows if square else draw(sides), draw(batch)))


@st.composite
def positive_definite(draw: st.DrawFn, batch: st.SearchStrategy[Shape] = batches) -> np.ndarray:
    """Symmetric matrices, and stacks of them, with eigenvalues from 1 upwards that differ."""
    a = draw(matrices(square=True, batch=batch))
    return np.asarray(np.matmul(a, a.swapaxes(-1, -2)))
