"""Samples for `ops/decomposition.py` and `ops/linalg.py`: well-conditioned matrices with separate singular values."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tinygrad_course.testing.strategies import matrices, positive_definite, with_singular_values

from .base import SAMPLES, Sample, numbers, sample_for, shapes


def _one(x: Any) -> Sample:
    return Sample((x,))


for _name in ("inv", "det", "slogdet", "cofactor"):
    SAMPLES[_name] = matrices(square=True).map(_one)
for _name in ("eigh", "eigvalsh", "cholesky"):
    SAMPLES[_name] = positive_definite().map(_one)
for _name, _params in {
    "svdvals": {}, "svd": {"full": False}, "qr": {"mode": "reduced"}, "pinv": {"rtol": 1e-12},
}.items():  # fmt: skip
    SAMPLES[_name] = matrices().map(lambda x, params=_params: Sample((x,), params))


@sample_for("solve")
def _solve(draw: Any) -> Sample:
    n, k = draw(st.tuples(st.integers(1, 3), st.integers(1, 2)))
    batch = draw(shapes(0, 1, 2))
    a = draw(with_singular_values(n, n, batch if draw(st.booleans()) else ()))
    return Sample((a, draw(numbers((*batch, n, k)))))
