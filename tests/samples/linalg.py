"""Samples for `ops/decomposition.py` and `ops/linalg.py`: well-conditioned matrices with separate singular values."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from .base import Sample, numbers, sample_for, shapes


def with_singular_values(draw: Any, rows: int, columns: int, batch: tuple[int, ...]) -> np.ndarray:
    """Matrices with singular values from 1 upwards, all at least 0.5 apart."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    k = min(rows, columns)
    u = np.linalg.qr(rng.normal(size=(*batch, rows, k)))[0]
    v = np.linalg.qr(rng.normal(size=(*batch, columns, k)))[0]
    s = 1 + 0.75 * np.arange(k) + rng.uniform(0, 0.25, (*batch, k))
    return np.asarray(np.matmul(u * s[..., None, :], v.swapaxes(-1, -2)))


def batches() -> st.SearchStrategy[Any]:
    return shapes(0, 1, 2)


@sample_for("inv", "det", "slogdet", "cofactor")
def _square(draw: Any) -> Sample:
    n = draw(st.integers(1, 3))
    return Sample((with_singular_values(draw, n, n, draw(batches())),))


@sample_for("eigh", "eigvalsh", "cholesky")
def _symmetric(draw: Any) -> Sample:
    n = draw(st.integers(1, 3))
    a = with_singular_values(draw, n, n, draw(batches()))
    return Sample((np.matmul(a, a.swapaxes(-1, -2)),))


@sample_for("svdvals")
def _any(draw: Any) -> Sample:
    rows, columns = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    return Sample((with_singular_values(draw, rows, columns, draw(batches())),))


@sample_for("svd")
def _svd(draw: Any) -> Sample:
    return Sample(_any(draw).inputs, {"full": False})


@sample_for("qr")
def _qr(draw: Any) -> Sample:
    return Sample(_any(draw).inputs, {"mode": "reduced"})


@sample_for("pinv")
def _pinv(draw: Any) -> Sample:
    return Sample(_any(draw).inputs, {"rtol": 1e-12})


@sample_for("solve")
def _solve(draw: Any) -> Sample:
    n, k = draw(st.tuples(st.integers(1, 3), st.integers(1, 2)))
    batch = draw(batches())
    a = with_singular_values(draw, n, n, batch if draw(st.booleans()) else ())
    return Sample((a, draw(numbers((*batch, n, k)))))
