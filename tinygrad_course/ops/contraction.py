"""Products of vectors and matrices under PyTorch's names, made of `matmul`; and distances and cross products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..graph import bind
from ..tensor import Tensor
from . import product
from .arguments import all_dims, dim_of, numpy_names
from .rearrange import roll
from .statistics import norm

__all__ = [
    "addbmm", "addmm", "addmv", "addr", "baddbmm", "bmm", "cdist", "chain_matmul", "cross", "dot", "ger", "inner", "mm",
    "mv", "outer", "tensordot", "trace", "vdot",
]  # fmt: skip

_KIND = {1: "a vector", 2: "a matrix", 3: "a stack of matrices (3 dims)"}


def _times(name: str, a: Tensor, b: Tensor, dims: tuple[int, int]) -> Tensor:
    """The matrix product of operands that must have this many dims."""
    for x, n, which in ((a, dims[0], "first"), (b, dims[1], "second")):
        if x.array.ndim != n:
            raise RuntimeError(
                f"{name}: the {which} operand must be {_KIND[n]}, got shape {x.array.shape}; see matmul for others"
            )
    if a.array.shape[-1] != b.array.shape[max(dims[1] - 2, 0)] or (dims[0] == 3 and len(a) != len(b)):
        raise RuntimeError(f"{name}: shapes {a.array.shape} and {b.array.shape} do not fit")
    if a.array.dtype != b.array.dtype:
        raise RuntimeError(f"{name}: operands must have one dtype, got {a.dtype} and {b.dtype}; convert one of them")
    return bind(product.matmul, a, b)


def dot(input: Tensor, other: Tensor) -> Tensor:
    """The inner product of two vectors.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.dot(tc.tensor([1, 2]), tc.tensor([3, 4]))
        tensor(11)
    """
    return _times("dot", input, other, (1, 1))


vdot = dot


def mv(input: Tensor, vec: Tensor) -> Tensor:
    """Matrix times vector.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.mv(tc.tensor([[1, 2], [3, 4]]), tc.tensor([1, 10]))
        tensor([21, 43])
    """
    return _times("mv", input, vec, (2, 1))


def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """Matrix times matrix.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.mm(tc.tensor([[1, 2]]), tc.tensor([[3], [4]]))
        tensor([[11]])
    """
    return _times("mm", input, mat2, (2, 2))


def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """Matrix times matrix, for each of a stack: (b, n, k) and (b, k, m) give (b, n, m).

    Example:
        >>> import tinygrad_course as tc
        >>> tc.bmm(tc.zeros(5, 2, 3), tc.zeros(5, 3, 4)).shape
        Size([5, 2, 4])
    """
    return _times("bmm", input, mat2, (3, 3))


def _plus(input: Tensor, added: Tensor, beta: float, alpha: float) -> Tensor:
    """beta · input + alpha · added; with beta 0 the input does not count, even if it is NaN."""
    added = added if alpha == 1 else added * alpha
    if beta == 0:
        return added
    return (input if beta == 1 else input * beta) + added


def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta · input + alpha · mat1 mat2.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.addmm(tc.tensor([[1]]), tc.tensor([[1, 2]]), tc.tensor([[3], [4]]), alpha=10)
        tensor([[111]])
    """
    return _plus(input, mm(mat1, mat2), beta, alpha)


def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta · input + alpha · mat vec.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.addmv(tc.tensor([1]), tc.tensor([[1, 2]]), tc.tensor([3, 4]))
        tensor([12])
    """
    return _plus(input, mv(mat, vec), beta, alpha)


def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta · input + alpha · vec1 vec2ᵀ.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.addr(tc.tensor([[1]]), tc.tensor([2]), tc.tensor([3]))
        tensor([[7]])
    """
    return _plus(input, outer(vec1, vec2), beta, alpha)


def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta · input + alpha · batch1 batch2, for each of a stack.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.baddbmm(tc.ones(1, 1, 1), tc.ones(1, 1, 2), tc.ones(1, 2, 1)).item()
        3.0
    """
    return _plus(input, bmm(batch1, batch2), beta, alpha)


def addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """beta · input + alpha · Σ batch1 batch2, summed over the stack.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.addbmm(tc.ones(1, 1), tc.ones(4, 1, 2), tc.ones(4, 2, 1)).item()
        9.0
    """
    return _plus(input, bmm(batch1, batch2).sum(0), beta, alpha)


def chain_matmul(*matrices: Tensor) -> Tensor:
    """The product of matrices, from left to right.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.chain_matmul(tc.zeros(2, 3), tc.zeros(3, 4), tc.zeros(4, 5)).shape
        Size([2, 5])
    """
    result = matrices[0]
    for matrix in matrices[1:]:
        result = mm(result, matrix)
    return result


def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """The outer product of two vectors: all products of a value of one and a value of the other.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.outer(tc.tensor([1, 2]), tc.tensor([3, 4]))
        tensor([[3, 4],
                [6, 8]])
    """
    if input.array.ndim != 1 or vec2.array.ndim != 1:
        raise RuntimeError(f"outer: expected two vectors, got shapes {input.array.shape} and {vec2.array.shape}")
    return input.unsqueeze(1) * vec2


ger = outer


def inner(input: Tensor, other: Tensor) -> Tensor:
    """Sums of products over the last dims: inner products of vectors.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.inner(tc.tensor([1, 2]), tc.tensor([[3, 4], [5, 6]]))
        tensor([11, 17])
    """
    if not input.array.ndim or not other.array.ndim:
        return input * other
    return tensordot(input, other, ([-1], [-1]))


def tensordot(a: Tensor, b: Tensor, dims: int | Sequence[Any] = 2) -> Tensor:
    """Sums of products over pairs of dims: the last `dims` of a with the first of b, or two lists of dims.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.tensordot(tc.zeros(2, 3, 4), tc.zeros(4, 3, 5), ([1, 2], [1, 0])).shape
        Size([2, 5])
    """
    m, n = a.array.ndim, b.array.ndim
    if isinstance(dims, int):
        if not 0 <= dims <= min(m, n):
            raise RuntimeError(f"tensordot: cannot sum over {dims} dims of shapes {a.array.shape} and {b.array.shape}")
        dims = (range(m - dims, m), range(dims))
    over_a, over_b = (all_dims("tensordot", d, size) for d, size in zip(dims, (m, n)))
    lengths = [a.array.shape[i] for i in over_a]
    if lengths != [b.array.shape[i] for i in over_b]:
        raise RuntimeError(
            f"tensordot: dims {over_a} of {a.array.shape} and {over_b} of {b.array.shape} must be equally long"
        )
    left = [i for i in range(m) if i not in over_a]
    right = [i for i in range(n) if i not in over_b]
    rows, columns = [a.array.shape[i] for i in left], [b.array.shape[i] for i in right]
    k = math.prod(lengths)
    y = bind(
        product.matmul,
        a.permute(*left, *over_a).reshape(math.prod(rows), k),
        b.permute(*over_b, *right).reshape(k, math.prod(columns)),
    )
    return y.reshape((*rows, *columns))


@numpy_names
def cross(input: Tensor, other: Tensor, dim: int | None = None, *, axis: int | None = None) -> Tensor:
    """The cross product of vectors of 3 values along `dim` (by default the first dim of length 3).

    Example:
        >>> import tinygrad_course as tc
        >>> tc.cross(tc.tensor([1, 0, 0]), tc.tensor([0, 1, 0]))
        tensor([0, 0, 1])
    """
    shape, other_shape = input.array.shape, other.array.shape
    d = (shape.index(3) if 3 in shape else -1) if dim is None else dim_of("cross", dim, len(shape))
    if d < 0 or len(other_shape) != len(shape) or not shape or shape[d] != 3 or other_shape[d] != 3:
        raise RuntimeError(f"cross: expected vectors of 3 values along one dim, got shapes {shape} and {other_shape}")
    return roll(input, -1, d) * roll(other, 1, d) - roll(input, 1, d) * roll(other, -1, d)


def cdist(x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str | None = None) -> Tensor:
    """The p-distances of all rows of `x1` (…, n, k) from all rows of `x2` (…, m, k): (…, n, m).

    Where two rows are equal the gradient is 0.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.cdist(tc.tensor([[0.0, 0.0]]), tc.tensor([[3.0, 4.0], [0.0, 1.0]])).tolist()
        [[5.0, 1.0]]
    """
    if x1.array.ndim < 2 or x2.array.ndim < 2 or x1.array.shape[-1] != x2.array.shape[-1]:
        raise RuntimeError(f"cdist: expected rows of equal length, got shapes {x1.array.shape} and {x2.array.shape}")
    return norm(x1.unsqueeze(-2) - x2.unsqueeze(-3), p, -1)


def trace(input: Tensor) -> Tensor:
    """The sum of the diagonal of a matrix.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.trace(tc.tensor([[1, 2], [3, 4]]))
        tensor(5)
    """
    if input.array.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, got shape {input.array.shape}; use x.diagonal(...).sum(-1)")
    return input.diagonal().sum()


_FUNCTIONS_ONLY = ("cdist", "chain_matmul", "tensordot")
METHODS: dict[str, Any] = {name: globals()[name] for name in __all__ if name not in _FUNCTIONS_ONLY}
