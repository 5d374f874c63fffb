"""Norms of vectors and matrices, and what is measured by them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ..tensor import Tensor
from . import statistics
from .arguments import Dims, dim_of, numpy_names
from .convert import cast
from .decomposition import matrices, svdvals
from .linalg import inv, tolerance
from .protocols import implements

__all__ = ["cond", "linalg_norm", "matrix_norm", "matrix_rank", "vector_norm"]


@numpy_names
def vector_norm(
    x: Tensor, ord: float = 2, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None,
    axis: Dims = None, keepdims: bool = False,
) -> Tensor:  # fmt: skip
    """(Σ |x|^ord)^(1/ord) over some dims, or all.

    The 2-norm has no derivative at 0; its gradient there is taken as 0, as PyTorch does.

    Args:
        x: floating values.
        ord: the order; ±inf give the largest and smallest magnitude, 0 counts what is not 0.
        dim: a dim or several; default: all.
        keepdim: keep the reduced dims as 1.
        dtype: cast to this dtype first.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.linalg.vector_norm(tc.tensor([3.0, 4.0]))
        tensor(5.)
    """
    return statistics.norm(x, ord, dim, keepdim, dtype)


@numpy_names
def matrix_norm(
    A: Tensor, ord: Any = "fro", dim: tuple[int, int] = (-2, -1), keepdim: bool = False, *,
    dtype: DTypeLike | None = None, axis: Any = None, keepdims: bool = False,
) -> Tensor:  # fmt: skip
    """A norm of matrices.

    Args:
        A: matrices along two dims.
        ord: "fro" √Σ x²; "nuc" the sum of the singular values; 2 and -2 the largest and smallest of them; 1 and -1 the
            largest and smallest column sum of magnitudes; inf and -inf those of rows.
        dim: the dims of rows and columns.
        keepdim: keep the reduced dims as 1.
        dtype: cast to this dtype first.

    Raises:
        RuntimeError: for another order, or dims that are not two different ones.
    """
    matrices("matrix_norm", A)
    if dtype is not None and A.array.dtype != dtype:
        A = cast(A, dtype=np.dtype(dtype))
    ndim = A.array.ndim
    rows, columns = (dim_of("matrix_norm", d, ndim) for d in dim)
    if rows == columns:
        raise RuntimeError(f"matrix_norm: expected two different dims, got {dim}")
    if ord == "fro":
        return vector_norm(A, 2, (rows, columns), keepdim)
    if ord in ("nuc", 2, -2):
        s = svdvals(A.movedim((rows, columns), (-2, -1)))
        out = s.sum(-1) if ord == "nuc" else s.amax(-1) if ord == 2 else s.amin(-1)
    elif ord in (1, -1, math.inf, -math.inf):
        first, second = (rows, columns) if abs(ord) == 1 else (columns, rows)
        sums = A.abs().sum(first, keepdim=True)
        out = sums.amax(second, keepdim=True) if ord > 0 else sums.amin(second, keepdim=True)
    else:
        raise RuntimeError(f"matrix_norm: expected ord='fro', 'nuc', ±1, ±2 or ±inf, got {ord!r}")
    kept = [1 if i in (rows, columns) else n for i, n in enumerate(A.array.shape)]
    return out.reshape(
        tuple(kept) if keepdim else tuple(n for i, n in enumerate(A.array.shape) if i not in (rows, columns))
    )


@numpy_names
def linalg_norm(
    A: Tensor, ord: Any = None, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None,
    axis: Dims = None, keepdims: bool = False,
) -> Tensor:  # fmt: skip
    """A norm of vectors (one dim) or matrices (two dims); by default the 2-norm of all values.

    Args:
        A: the values.
        ord: default: the 2-norm over all the dims; else as in `vector_norm` for one dim, `matrix_norm` for two.
        dim: one dim or two; default: all.
        keepdim: keep the reduced dims as 1.
        dtype: cast to this dtype first.
    """
    if ord is None:
        return vector_norm(A, 2, dim, keepdim, dtype=dtype)
    pair = not isinstance(dim, int) and dim is not None and len(dim) == 2
    if pair or (dim is None and A.array.ndim == 2):
        rows, columns = dim if pair else (0, 1)  # type: ignore[misc]
        return matrix_norm(A, ord, (rows, columns), keepdim, dtype=dtype)
    return vector_norm(A, ord, dim, keepdim, dtype=dtype)


linalg_norm.__name__ = "norm"


@implements(np.linalg.norm)
def _numpy_norm(x: Tensor, ord: Any = None, axis: Dims = None, keepdims: bool = False) -> Tensor:
    return linalg_norm(x, ord, axis, keepdims)


def cond(A: Tensor, p: Any = None) -> Tensor:
    """The condition number ‖A‖ ‖A⁻¹‖ in the norm `p`; by default the largest over the smallest singular value."""
    matrices("cond", A)
    if p in (None, 2, -2):
        s = svdvals(A)
        return s.amax(-1) / s.amin(-1) if p != -2 else s.amin(-1) / s.amax(-1)
    return matrix_norm(A, p) * matrix_norm(inv(A), p)


def matrix_rank(
    A: Tensor, tol: float | None = None, *, atol: float | None = None, rtol: float | None = None,
    hermitian: bool = False,
) -> Tensor:  # fmt: skip
    """The number of singular values above max(atol, rtol · the largest).

    `rtol` is max(m, n) · eps unless `atol` is given.
    """
    matrices("matrix_rank", A)
    s = svdvals(A)
    least = (tol if atol is None else atol) or 0.0
    relative = (0.0 if least else tolerance(A)) if rtol is None else rtol
    if not s.array.shape[-1]:
        return Tensor._wrap(np.zeros(s.array.shape[:-1], np.int64))
    return (s > np.maximum(s.amax(-1, keepdim=True) * relative, least)).sum(-1)


implements(np.linalg.cond)(cond)
implements(np.linalg.matrix_rank)(matrix_rank)
