"""Linear algebra: the functions of `tc.linalg`, in batches, with gradients."""

from __future__ import annotations

from .errors import LinAlgError
from .ops import contraction
from .ops.decomposition import cholesky, eigh, eigvalsh, qr, svd, svdvals
from .ops.linalg import (
    det,
    inv,
    lstsq,
    matrix_power,
    multi_dot,
    pinv,
    slogdet,
    solve,
    solve_triangular,
)
from .ops.norms import cond, matrix_norm, matrix_rank, vector_norm
from .ops.norms import linalg_norm as norm
from .ops.product import matmul
from .tensor import Tensor

__all__ = [
    "LinAlgError", "cholesky", "cond", "cross", "det", "eigh", "eigvalsh", "inv", "lstsq", "matmul", "matrix_norm",
    "matrix_power", "matrix_rank", "multi_dot", "norm", "pinv", "qr", "slogdet", "solve", "solve_triangular", "svd",
    "svdvals", "vector_norm",
]  # fmt: skip


def cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """The cross product of the vectors of length 3 along `dim`."""
    return contraction.cross(input, other, dim)
