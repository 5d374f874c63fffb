"""Triangles and diagonals of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph import bind
from ..tensor import Tensor
from .arguments import all_dims
from .op import Op, declare
from .views import view

__all__ = ["diag", "diag_embed", "diagflat", "diagonal", "tril", "triu"]

_tril: Op = declare(lambda x, diagonal=0: np.tril(x, diagonal),
                vjp=lambda g, _y, _x, diagonal=0: _tril.apply(g, diagonal=diagonal),
                name="tril", doc="The values above a diagonal replaced by 0.")  # fmt: skip
_triu: Op = declare(lambda x, diagonal=0: np.triu(x, diagonal),
                vjp=lambda g, _y, _x, diagonal=0: _triu.apply(g, diagonal=diagonal),
                name="triu", doc="The values below a diagonal replaced by 0.")  # fmt: skip


def _diagonal_of(x: Any, offset: int, axes: tuple[int, int]) -> Any:
    y = x.diagonal(offset, *axes)
    y.flags.writeable = x.flags.writeable  # a view like any other
    return y


def _put_diagonal_of(g: Any, offset: int, axes: tuple[int, int], shape: tuple[int, ...]) -> Any:
    out = np.zeros(shape, g.dtype)
    _diagonal_of(out, offset, axes)[...] = g
    return out


_diagonal: Op = declare(
    _diagonal_of, name="diagonal", doc="The diagonals of matrices, as the last dim.",
    vjp=lambda g, _y, _x, offset, axes: _put_diagonal.apply(g, offset=offset, axes=axes, shape=tuple(_x.shape)),
)  # fmt: skip
_put_diagonal: Op = declare(
    _put_diagonal_of, name="put_diagonal", doc="Zeros of a shape with given diagonals; the adjoint of `diagonal`.",
    vjp=lambda g, _y, _x, offset, axes, shape: _diagonal.apply(g, offset=offset, axes=axes),
)  # fmt: skip


def _check_matrices(name: str, x: Tensor) -> None:
    if x.array.ndim < 2:
        raise RuntimeError(f"{name}: expected matrices, got shape {x.array.shape}")


def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """The lower triangle: values above the diagonal replaced by 0.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.tril(tc.tensor([[1, 2], [3, 4]]))
        tensor([[1, 0],
                [3, 4]])
    """
    _check_matrices("tril", input)
    return bind(_tril, input, diagonal=diagonal)


def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """The upper triangle: values below the diagonal replaced by 0.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.triu(tc.tensor([[1, 2], [3, 4]]), diagonal=1)
        tensor([[0, 2],
                [0, 0]])
    """
    _check_matrices("triu", input)
    return bind(_triu, input, diagonal=diagonal)


def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The diagonal of the matrices that two dims span, as the last dim: a view.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.diagonal(tc.tensor([[1, 2], [3, 4]]))
        tensor([1, 4])
    """
    _check_matrices("diagonal", input)
    axes = all_dims("diagonal", (dim1, dim2), input.array.ndim)
    return view(_diagonal, input, offset=offset, axes=axes)


def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Matrices with the last dim on their diagonal and 0 elsewhere.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.diag_embed(tc.tensor([1, 2]))
        tensor([[1, 0],
                [0, 2]])
    """
    n = input.array.ndim + 1
    axes = all_dims("diag_embed", (dim1, dim2), n)
    size = input.array.shape[-1] + abs(offset)
    lengths = iter(input.array.shape[:-1])
    shape = tuple(size if d in axes else next(lengths) for d in range(n))
    return bind(_put_diagonal, input, offset=offset, axes=axes, shape=shape)


def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """The matrix with a vector on its diagonal; of a matrix, the diagonal.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.diag(tc.tensor([[1, 2], [3, 4]])), tc.diag(tc.tensor([1, 2])).tolist()
        (tensor([1, 4]), [[1, 0], [0, 2]])
    """
    if input.array.ndim == 1:
        return diag_embed(input, diagonal)
    if input.array.ndim != 2:
        raise RuntimeError(f"diag: expected a vector or a matrix, got shape {input.array.shape}; use x.diagonal()")
    return _the_diagonal(input, diagonal).clone()


_the_diagonal = diagonal


def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """The matrix with all values on its diagonal.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.diagflat(tc.tensor([[1], [2]])).tolist()
        [[1, 0], [0, 2]]
    """
    return diag_embed(input.reshape(-1), offset)


METHODS: dict[str, Any] = {name: globals()[name] for name in __all__}
