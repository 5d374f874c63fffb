"""Inverse, determinant, linear systems and powers of matrices, in batches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..tensor import Tensor
from .decomposition import column, matrices, svdvals, transposed
from .op import declare
from .product import matmul
from .protocols import implements

__all__ = [
    "Lstsq", "Slogdet", "cholesky_inverse", "cholesky_solve", "det", "inv", "logdet", "lstsq", "matrix_power",
    "multi_dot", "pinv", "slogdet", "solve", "solve_triangular",
]  # fmt: skip


class Slogdet(NamedTuple):
    """det A = sign · exp(logabsdet)."""

    sign: Tensor
    logabsdet: Tensor


class Lstsq(NamedTuple):
    """The solution of a least-squares problem, and what is known about it."""

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


# --- Inverse and determinant --------------------------------------------------------------------------------------

inv_op = declare(
    np.linalg.inv, vjp=lambda g, y, _a: -np.matmul(np.matmul(transposed(y), g), transposed(y)), name="inv",
    doc="The inverse.",
)  # fmt: skip


@implements(np.linalg.inv)
def inv(A: Tensor) -> Tensor:
    """The inverse of square matrices.

    Raises:
        LinAlgError: if a matrix is singular.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.linalg.inv(tc.eye(2) * 2)
        tensor([[0.5000, 0.0000],
                [0.0000, 0.5000]])
    """
    matrices("inv", A, square=True)
    return inv_op(A)


def _cofactor(a: Any) -> Any:
    # From the singular values, where leaving one out needs no division: right for singular matrices too.
    u, s, vh = np.linalg.svd(a)
    ones = np.ones_like(s[..., :1])
    before = np.cumprod(np.concatenate([ones, s[..., :-1]], -1), -1)
    after = np.cumprod(np.concatenate([ones, s[..., :0:-1]], -1), -1)[..., ::-1]
    sign = np.linalg.det(u) * np.linalg.det(vh)
    return np.matmul(u * (before * after * sign[..., None])[..., None, :], vh)


def _cofactor_rule(g: Any, y: Any, a: Any) -> Any:
    inner = np.sum(g * y, axis=(-2, -1), keepdims=True)
    return (inner * y - np.matmul(np.matmul(y, transposed(g)), y)) / column(np.linalg.det(a), 2)


cofactor_op = declare(_cofactor, vjp=_cofactor_rule, name="cofactor", doc="The matrices of cofactors, det(A) A⁻ᵀ.")
det_op = declare(np.linalg.det, vjp=lambda g, _y, a: column(g, 2) * cofactor_op.apply(a), name="det",
                 doc="The determinant.")  # fmt: skip
slogdet_op = declare(
    lambda a: tuple(np.linalg.slogdet(a)), vjp=lambda g, _y, a: column(g[1], 2) * transposed(np.linalg.inv(a)),
    name="slogdet", doc="The sign of the determinant, and the logarithm of its magnitude.",
)  # fmt: skip


@implements(np.linalg.det)
def det(A: Tensor) -> Tensor:
    """The determinant of square matrices; its gradient (the cofactors) is right for singular matrices too."""
    matrices("det", A, square=True)
    return det_op(A)


@implements(np.linalg.slogdet)
def slogdet(A: Tensor) -> Slogdet:
    """The sign of the determinant, and the logarithm of its magnitude: neither overflows.

    The gradient is that of logabsdet, A⁻ᵀ; for singular matrices backward raises LinAlgError.
    """
    matrices("slogdet", A, square=True)
    return Slogdet(*slogdet_op(A))


def logdet(A: Tensor) -> Tensor:
    """The logarithm of the determinant: NaN where that is negative, -inf where it is 0."""
    matrices("logdet", A, square=True)
    sign, value = slogdet_op(A)
    return np.where(sign < 0, math.nan, value)  # type: ignore[return-value]


# --- Linear systems -----------------------------------------------------------------------------------------------

solve_op = declare(
    np.linalg.solve,
    vjp=(lambda g, y, a, _b: -np.matmul(np.linalg.solve(transposed(a), g), transposed(y)),
         lambda g, _y, a, _b: np.linalg.solve(transposed(a), g)),
    name="solve", broadcasts=True, lazy=False, doc="X with A X = B, for matrices B.",
)  # fmt: skip


@implements(np.linalg.solve)
def solve(A: Any, B: Any, *, left: bool = True) -> Tensor:
    """X with A X = B.

    Args:
        A: square matrices (*, n, n).
        B: matrices (*, n, k), or vectors (n) or (*, n) with the batch shape of A.
        left: False solves X A = B.

    Raises:
        LinAlgError: if a matrix is singular.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.linalg.solve(tc.eye(2) * 2, tc.tensor([2.0, 4.0]))
        tensor([1., 2.])
    """
    A, B = (x if isinstance(x, Tensor) else Tensor._wrap(np.asarray(x)) for x in (A, B))
    matrices("solve", A, square=True)
    if not left:
        return transposed(solve(transposed(A), transposed(B)))
    vectors = B.array.ndim == 1 or B.array.shape == A.array.shape[:-1]
    if not B.array.ndim or B.array.shape[-1 if vectors else -2] != A.array.shape[-1]:
        raise RuntimeError(f"solve: expected A (*, n, n) and B (*, n, k), got {tuple(A.shape)} and {tuple(B.shape)}")
    if vectors:
        x = solve_op(A, column(B))
        return x.reshape(tuple(x.shape[:-1]))
    return solve_op(A, B)


def solve_triangular(A: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False) -> Tensor:
    """X with A X = B, where only the upper (or lower) triangle of A counts.

    Args:
        A: square matrices (*, n, n).
        B: matrices (*, n, k).
        upper: whether the upper triangle counts, or the lower one.
        left: False solves X A = B.
        unitriangular: take the diagonal as 1.
    """
    matrices("solve_triangular", A, square=True)
    n = A.array.shape[-1]
    ones = np.ones((n, n), A.array.dtype)
    mask = np.triu(ones, unitriangular) if upper else np.tril(ones, -unitriangular)
    triangle = A * mask
    if unitriangular:
        triangle = triangle + np.eye(n, dtype=A.array.dtype)
    return solve(triangle, B, left=left)


def cholesky_solve(B: Tensor, L: Tensor, upper: bool = False) -> Tensor:
    """X with A X = B, given the Cholesky factor L of A (its upper one if `upper`)."""
    matrices("cholesky_solve", B)
    matrices("cholesky_solve", L, square=True)
    lower = transposed(L) if upper else L
    return solve(transposed(lower), solve(lower, B))


def cholesky_inverse(L: Tensor, upper: bool = False) -> Tensor:
    """The inverse of A, given its Cholesky factor L (its upper one if `upper`)."""
    matrices("cholesky_inverse", L, square=True)
    lower = transposed(L) if upper else L
    return inv(matmul(lower, transposed(lower)))


def _pinv_rule(g: Any, y: Any, a: Any, rtol: float) -> Any:
    # Golub and Pereyra, "The differentiation of pseudo-inverses" (1973); the rank is taken as constant.
    yt, gt = transposed(y), transposed(g)
    left = gt - np.matmul(a, np.matmul(y, gt))
    right = gt - np.matmul(np.matmul(gt, y), a)
    out = np.matmul(np.matmul(left, y), yt) + np.matmul(yt, np.matmul(y, right))
    return out - np.matmul(np.matmul(yt, g), yt)


pinv_op = declare(lambda a, *, rtol: np.linalg.pinv(a, rcond=rtol), vjp=_pinv_rule, name="pinv",
                  doc="The pseudo-inverse.")  # fmt: skip


def tolerance(A: Tensor) -> float:
    """Singular values below this fraction of the largest are noise: max(m, n) · eps."""
    return max(*A.array.shape[-2:], 1) * float(np.finfo(A.array.dtype).eps)


def pinv(A: Tensor, *, rtol: float | None = None, hermitian: bool = False) -> Tensor:
    """The Moore-Penrose pseudo-inverse; singular values below `rtol` times the largest count as 0.

    Args:
        A: matrices (*, m, n).
        rtol: default: max(m, n) · eps.
        hermitian: accepted for compatibility.
    """
    matrices("pinv", A)
    return pinv_op(A, rtol=tolerance(A) if rtol is None else float(rtol))


@implements(np.linalg.pinv)
def _numpy_pinv(a: Tensor, rcond: float | None = None, hermitian: bool = False) -> Tensor:
    return pinv(a, rtol=rcond)


@implements(np.linalg.lstsq)
def lstsq(A: Tensor, B: Tensor, rcond: float | None = None, *, driver: str | None = None) -> Lstsq:
    """X of least norm that minimizes ‖A X - B‖, by the pseudo-inverse.

    Args:
        A: matrices (*, m, n).
        B: matrices (*, m, k), or a vector (m).
        rcond: singular values below this fraction of the largest count as 0; default: max(m, n) · eps.
        driver: accepted for compatibility.

    Returns:
        solution (*, n, k), residuals (the squared errors (*, k) if m > n and the rank is full, else empty), rank, and
        the singular values.
    """
    matrices("lstsq", A)
    vector = B.array.ndim == 1
    if B.array.ndim < 1 or B.array.shape[-1 if vector else -2] != A.array.shape[-2]:
        raise RuntimeError(f"lstsq: expected A (*, m, n) and B (*, m, k), got {tuple(A.shape)} and {tuple(B.shape)}")
    cut = tolerance(A) if rcond is None else rcond
    solution = matmul(pinv(A, rtol=cut), B)
    singular = svdvals(A).detach().array
    rank = np.sum(singular > cut * singular.max(-1, keepdims=True, initial=0), -1)
    m, n = A.array.shape[-2:]
    if m > n and np.all(rank == n):
        difference = matmul(A, solution) - B
        residuals = (difference * difference).sum(-1 if vector else -2)
    else:
        residuals = Tensor._wrap(np.empty((0,), A.array.dtype))
    return Lstsq(solution, residuals, Tensor._wrap(np.asarray(rank)), Tensor._wrap(singular))


# --- Powers and products ------------------------------------------------------------------------------------------


@implements(np.linalg.matrix_power)
def matrix_power(A: Tensor, n: int) -> Tensor:
    """A multiplied by itself n times, in about log₂ n products; of the inverse if n is negative."""
    matrices("matrix_power", A, square=True)
    if n < 0:
        return matrix_power(inv(A), -n)
    result = None
    while n:
        if n % 2:
            result = A if result is None else matmul(result, A)
        n //= 2
        if n:
            A = matmul(A, A)
    if result is None:
        eye = np.eye(A.array.shape[-1], dtype=A.array.dtype)
        return Tensor._wrap(np.broadcast_to(eye, A.array.shape).copy())
    return result


@implements(np.linalg.multi_dot)
def multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    """The product of several matrices, multiplied in the order that takes the fewest operations.

    Args:
        tensors: at least two matrices; the first and the last may be vectors.

    Raises:
        RuntimeError: for fewer than two tensors, or shapes that do not fit.
    """
    factors = list(tensors)
    if len(factors) < 2:
        raise RuntimeError(f"multi_dot: expected at least two tensors, got {len(factors)}")
    shapes = [tuple(x.shape) for x in factors]
    if any(len(s) != 2 for s in shapes[1:-1]) or any(len(s) not in (1, 2) for s in (shapes[0], shapes[-1])):
        raise RuntimeError(f"multi_dot: expected matrices (vectors only at the ends), got shapes {shapes}")
    rows = [s[0] for s in shapes]
    if len(shapes[0]) == 1:
        rows[0] = 1
    sizes = [*rows, shapes[-1][1] if len(shapes[-1]) == 2 else 1]
    count = len(factors)
    # The classic dynamic program over spans: cost and best split of factors i..j.
    best: dict[tuple[int, int], tuple[int, int]] = {(i, i): (0, i) for i in range(count)}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            best[i, j] = min(
                (best[i, k][0] + best[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)
            )

    def product(i: int, j: int) -> Tensor:
        if i == j:
            return factors[i]
        k = best[i, j][1]
        return matmul(product(i, k), product(k + 1, j))

    return product(0, count - 1)


METHODS: dict[str, Any] = {
    "cholesky_solve": cholesky_solve, "det": det, "inverse": inv, "logdet": logdet, "matrix_power": matrix_power,
    "pinverse": pinv, "slogdet": slogdet,
}  # fmt: skip
