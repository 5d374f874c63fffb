"""Decompositions of matrices, in batches: symmetric eigenvalues, singular values, QR, Cholesky.

Their rules divide by differences of eigenvalues (singular values): vectors that belong to equal ones are not unique,
and their gradient is NaN or infinite. The values alone (`eigvalsh`, `svdvals`) have rules that do not divide.
Notation and formulas as in Giles, "An extended collection of matrix derivative results" (2008).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..tensor import Tensor
from .op import declare
from .protocols import implements

__all__ = ["QR", "SVD", "Eigh", "cholesky", "eigh", "eigvalsh", "qr", "svd", "svdvals"]


class Eigh(NamedTuple):
    """Eigenvalues in ascending order, and eigenvectors as columns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class SVD(NamedTuple):
    """A = U diag(S) Vh with S in descending order."""

    U: Tensor
    S: Tensor
    Vh: Tensor


class QR(NamedTuple):
    """A = Q R with orthonormal columns in Q and a triangle in R."""

    Q: Tensor
    R: Tensor


def transposed(x: Any) -> Any:
    return x.swapaxes(-1, -2)


def column(x: Any, count: int = 1) -> Any:
    """x with `count` more dims of length 1 at the end."""
    return x.reshape(tuple(x.shape) + (1,) * count)


def row(x: Any) -> Any:
    return x.reshape((*tuple(x.shape[:-1]), 1, x.shape[-1]))


def symmetric(x: Any) -> Any:
    return 0.5 * (x + transposed(x))


def matrices(name: str, x: Any, square: bool = False) -> None:
    """Raise unless `x` is a floating tensor of matrices."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{name}: expected a Tensor, got {type(x).__name__}")
    shape = tuple(x.array.shape)
    if x.array.dtype.kind != "f":
        raise RuntimeError(f"{name}: expected a floating tensor, got {x.dtype}; use x.float()")
    if len(shape) < 2:
        raise RuntimeError(f"{name}: expected a matrix or a batch of them, got shape {shape}")
    if square and shape[-1] != shape[-2]:
        raise RuntimeError(f"{name}: expected square matrices, got shape {shape}")


# --- Symmetric eigenvalues ----------------------------------------------------------------------------------------


def _eigh_rule(g: Any, y: Any, _a: Any) -> Any:
    w, v = y
    n = w.shape[-1]
    eye = np.eye(n, dtype=w.dtype)
    gap = row(w) - column(w) + eye
    with np.errstate(divide="ignore", invalid="ignore"):
        inner = np.matmul(transposed(v), g[1]) * (1 - eye) / gap
    return symmetric(np.matmul(np.matmul(v, inner + column(g[0]) * eye), transposed(v)))


eigh_op = declare(
    lambda a: tuple(np.linalg.eigh(symmetric(a))), vjp=_eigh_rule, name="eigh",
    doc="Eigenvalues and eigenvectors of the symmetric part.",
)  # fmt: skip


def _eigvalsh_rule(g: Any, _y: Any, a: Any) -> Any:
    v = eigh_op.apply(a)[1]
    return np.matmul(v * row(g), transposed(v))


eigvalsh_op = declare(lambda a: np.linalg.eigvalsh(symmetric(a)), vjp=_eigvalsh_rule, name="eigvalsh",
                      doc="Eigenvalues of the symmetric part.")  # fmt: skip


@implements(np.linalg.eigh)
def eigh(A: Tensor, UPLO: str = "L") -> Eigh:
    """Eigenvalues (ascending) and eigenvectors (columns) of symmetric matrices: A = V diag(w) Vᵀ.

    Args:
        A: symmetric matrices (*, n, n). The symmetric part (A + Aᵀ) / 2 is decomposed, and the gradient is symmetric;
            for symmetric A that is what PyTorch computes from one triangle.
        UPLO: accepted for compatibility; the symmetric part is the same for both triangles.

    Raises:
        LinAlgError: if the decomposition does not converge.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.linalg.eigh(tc.tensor([[2.0, 0.0], [0.0, 1.0]])).eigenvalues
        tensor([1., 2.])
    """
    matrices("eigh", A, square=True)
    return Eigh(*eigh_op(A))


@implements(np.linalg.eigvalsh)
def eigvalsh(A: Tensor, UPLO: str = "L") -> Tensor:
    """Eigenvalues (ascending) of symmetric matrices; differentiable also where some are equal. See `eigh`."""
    matrices("eigvalsh", A, square=True)
    return eigvalsh_op(A)


# --- Singular values ----------------------------------------------------------------------------------------------


def _svd_rule(g: Any, y: Any, _a: Any, full: bool) -> Any:
    (u, s, vh), (gu, gs, gvh) = y, g
    k = s.shape[-1]
    if full:  # the columns beyond k are an arbitrary basis: nothing can depend on them
        u, gu, vh, gvh = u[..., :k], gu[..., :k], vh[..., :k, :], gvh[..., :k, :]
    v, gv, ut = transposed(vh), transposed(gvh), transposed(u)
    eye = np.eye(k, dtype=s.dtype)
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = row(s * s) - column(s * s) + eye
        a, b = np.matmul(ut, gu), np.matmul(vh, gv)
        inner = (a - transposed(a)) / gap * row(s) + column(s) * ((b - transposed(b)) / gap) + column(gs) * eye
        out = np.matmul(np.matmul(u, inner), vh)
        if u.shape[-2] > k:
            rest = gu / row(s)
            out = out + np.matmul(rest - np.matmul(u, np.matmul(ut, rest)), vh)
        if vh.shape[-1] > k:
            rest = gvh / column(s)
            out = out + np.matmul(u, rest - np.matmul(np.matmul(rest, v), vh))
    return out


svd_op = declare(
    lambda a, *, full: tuple(np.linalg.svd(a, full_matrices=full)), vjp=_svd_rule, name="svd",
    doc="The singular value decomposition.",
)  # fmt: skip


def _svdvals_rule(g: Any, _y: Any, a: Any) -> Any:
    u, _, vh = svd_op.apply(a, full=False)
    return np.matmul(u * row(g), vh)


svdvals_op = declare(lambda a: np.linalg.svd(a, compute_uv=False), vjp=_svdvals_rule, name="svdvals",
                     doc="The singular values, in descending order.")  # fmt: skip


def svd(A: Tensor, full_matrices: bool = True) -> SVD:
    """The singular value decomposition A = U diag(S) Vh, with S in descending order.

    Args:
        A: matrices (*, m, n).
        full_matrices: whether U and Vh are square; else they have min(m, n) columns and rows.

    Raises:
        LinAlgError: if it does not converge.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.linalg.svd(tc.eye(2) * 3).S
        tensor([3., 3.])
    """
    matrices("svd", A)
    return SVD(*svd_op(A, full=bool(full_matrices)))


def svdvals(A: Tensor) -> Tensor:
    """The singular values (*, min(m, n)) in descending order; differentiable also where some are equal."""
    matrices("svdvals", A)
    return svdvals_op(A)


@implements(np.linalg.svd)
def _numpy_svd(a: Tensor, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    return svd(a, full_matrices) if compute_uv else svdvals(a)


# --- QR -----------------------------------------------------------------------------------------------------------


def _qr_rule(g: Any, y: Any, _a: Any, mode: str) -> Any:
    (q, r), (gq, gr) = y, g
    m, n = q.shape[-2], r.shape[-1]
    if q.shape[-1] > n:
        raise RuntimeError(
            f"qr: with mode='complete' the last {m - n} columns of Q are arbitrary for a {m} × {n} matrix, so there is "
            "no gradient; use mode='reduced'"
        )
    more = None
    if n > m:  # A = [X | Y] with X = Q R₁ and Y = Q R₂
        more = np.matmul(q, gr[..., m:])
        gq = gq + np.matmul(np.matmul(q, r[..., m:]), transposed(gr[..., m:]))
        r, gr = r[..., :m], gr[..., :m]
    inner = np.matmul(r, transposed(gr)) - np.matmul(transposed(gq), q)
    ones = np.ones(tuple(inner.shape[-2:]), r.dtype)
    inner = inner * np.tril(ones) + transposed(inner * np.tril(ones, -1))
    out = transposed(np.linalg.solve(r, transposed(gq + np.matmul(q, inner))))
    return out if more is None else np.concatenate([out, more], axis=-1)


qr_op = declare(lambda a, *, mode: tuple(np.linalg.qr(a, mode)), vjp=_qr_rule, name="qr", doc="The QR decomposition.")


@implements(np.linalg.qr)
def qr(A: Tensor, mode: str = "reduced") -> QR:
    """The QR decomposition A = Q R.

    Args:
        A: matrices (*, m, n).
        mode: "reduced" gives Q (*, m, k) and R (*, k, n) with k = min(m, n); "complete" a square Q; "r" only R.

    Raises:
        RuntimeError: for another mode; in backward, for the gradient of a complete Q with m > n, which is not unique.
    """
    matrices("qr", A)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(f"qr: expected mode='reduced', 'complete' or 'r', got {mode!r}")
    q, r = qr_op(A, mode="complete" if mode == "complete" else "reduced")
    return QR(Tensor._wrap(np.empty((0,), A.array.dtype)) if mode == "r" else q, r)


# --- Cholesky -----------------------------------------------------------------------------------------------------


def _cholesky_rule(g: Any, y: Any, _a: Any) -> Any:
    n = y.shape[-1]
    yt = transposed(y)
    half = np.tril(np.ones((n, n), y.dtype)) - 0.5 * np.eye(n, dtype=y.dtype)
    inner = np.linalg.solve(yt, np.matmul(yt, g) * half)
    return symmetric(transposed(np.linalg.solve(yt, transposed(inner))))


cholesky_op = declare(lambda a: np.linalg.cholesky(symmetric(a)), vjp=_cholesky_rule, name="cholesky",
                      doc="The lower triangle L with A = L Lᵀ.")  # fmt: skip


def cholesky(A: Tensor, *, upper: bool = False) -> Tensor:
    """The lower triangle L with A = L Lᵀ of symmetric positive definite matrices; Lᵀ if `upper`.

    Args:
        A: matrices (*, n, n); the symmetric part is decomposed, see `eigh`.
        upper: give the upper triangle.

    Raises:
        LinAlgError: if a matrix is not positive definite.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.linalg.cholesky(tc.eye(2) * 4)
        tensor([[2., 0.],
                [0., 2.]])
    """
    matrices("cholesky", A, square=True)
    lower = cholesky_op(A)
    return transposed(lower) if upper else lower


@implements(np.linalg.cholesky)
def _numpy_cholesky(a: Tensor, *, upper: bool = False) -> Tensor:
    return cholesky(a, upper=upper)


# --- PyTorch's older names ----------------------------------------------------------------------------------------


class USV(NamedTuple):
    """A = U diag(S) Vᵀ."""

    U: Tensor
    S: Tensor
    V: Tensor


def old_svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> USV:
    """U, S and V (not its transpose) with A = U diag(S) Vᵀ; `tc.linalg.svd` gives Vᵀ.

    Args:
        input: matrices (*, m, n).
        some: give min(m, n) columns of U and V, not square matrices.
        compute_uv: False gives zeros for U and V, square.
    """
    if not compute_uv:
        matrices("svd", input)
        shape, dtype = input.array.shape, input.array.dtype
        u, v = (Tensor._wrap(np.zeros((*shape[:-2], n, n), dtype)) for n in shape[-2:])
        return USV(u, svdvals(input), v)
    u, s, vh = svd(input, full_matrices=not some)
    return USV(u, s, transposed(vh))


def old_qr(input: Tensor, some: bool = True) -> QR:
    """Q and R with A = Q R, reduced if `some`, else with a square Q; see `tc.linalg.qr`."""
    return qr(input, "reduced" if some else "complete")


def old_cholesky(input: Tensor, upper: bool = False) -> Tensor:
    """The lower triangle L with A = L Lᵀ, or Lᵀ if `upper`; see `tc.linalg.cholesky`."""
    return cholesky(input, upper=upper)


for _function in (old_svd, old_qr, old_cholesky):
    _function.__name__ = _function.__qualname__ = _function.__name__.removeprefix("old_")

METHODS: dict[str, Any] = {"cholesky": old_cholesky, "qr": old_qr, "svd": old_svd}
