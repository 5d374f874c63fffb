"""Rows of a table by their numbers, and numbers as one-hot rows."""

from __future__ import annotations

import numpy as np

from ...autograd.modes import no_grad
from ...effects import check
from ...ops import where
from ...ops.elementwise import eq
from ...tensor import Tensor
from ._check import require, require_tensor

__all__ = ["embedding", "one_hot"]


def embedding(
    input: Tensor, weight: Tensor, padding_idx: int | None = None, max_norm: float | None = None,
    norm_type: float = 2.0, scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Tensor:  # fmt: skip
    """The rows of a table with the given numbers.

    Shape:
        input (*) of whole numbers, weight (rows, features); gives (*, features).

    Args:
        input: the numbers.
        weight: the table.
        padding_idx: a row that gets no gradient.
        max_norm: rescale, in place, rows that are used and longer than this.
        norm_type: the p of that length.
        scale_grad_by_freq: divide the gradient of a row by how often it is used here.
        sparse: accepted for PyTorch's signature; gradients are dense.

    Raises:
        IndexError: for a number that is no row.
        RuntimeError: if the input does not hold whole numbers.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nn.functional.embedding(tc.tensor([1, 1]), tc.tensor([[0.0], [5.0]]))
        tensor([[5.],
                [5.]])
    """
    require_tensor("embedding", input=input, weight=weight)
    require(weight.array.ndim == 2, f"embedding: expected a weight (rows, features), got shape {tuple(weight.shape)}")
    numbers = input.array
    require(numbers.dtype.kind in "iu", f"embedding: expected whole numbers, got {numbers.dtype}; use input.long()")
    rows = weight.array.shape[0]
    check(_check_rows, input, rows=rows)
    if padding_idx is not None:
        require(-rows <= padding_idx < rows, f"embedding: padding_idx {padding_idx} is not a row of {rows}")
        padding_idx %= rows
    if max_norm is not None:
        _shorten(weight, input._value("embedding(max_norm=...)"), max_norm, norm_type)
    if scale_grad_by_freq and weight.requires_grad:
        numbers = input._value("embedding(scale_grad_by_freq=True)")
        counts = np.maximum(np.bincount(numbers.ravel(), minlength=rows), 1).astype(weight.array.dtype)
        share = Tensor._wrap(1 / counts[:, None])
        weight = weight * share + (weight * (1 - share)).detach()
    if padding_idx is not None and weight.requires_grad:
        fixed = eq(Tensor._wrap(np.arange(rows)[:, None]), padding_idx)
        weight = where(fixed, weight.detach(), weight)
    return weight[input]


def _check_rows(numbers: np.ndarray, rows: int) -> None:
    if numbers.size and not (numbers.min() >= 0 and numbers.max() < rows):
        wrong = numbers[(numbers < 0) | (numbers >= rows)][0]
        raise IndexError(f"embedding: number {wrong} is no row of the weight; expected 0 to {rows - 1}")


def _shorten(weight: Tensor, numbers: np.ndarray, max_norm: float, norm_type: float) -> None:
    used = np.unique(numbers)
    lengths = np.linalg.norm(weight.array[used], norm_type, axis=1)
    long = lengths > max_norm
    with no_grad():
        rows = weight.array.copy()
        rows[used[long]] *= (max_norm / (lengths[long] + 1e-7)).astype(rows.dtype)[:, None]
        weight.copy_(Tensor._wrap(rows))


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Whole numbers as rows with a 1 at that place: (*) to (*, num_classes).

    Args:
        tensor: the numbers.
        num_classes: default: one more than the largest number.

    Raises:
        RuntimeError: for negative numbers, numbers of at least num_classes, or floats.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nn.functional.one_hot(tc.tensor([0, 2]))
        tensor([[1, 0, 0],
                [0, 0, 1]])
    """
    require_tensor("one_hot", tensor=tensor)
    numbers = tensor.array
    require(numbers.dtype.kind in "iu", f"one_hot: expected whole numbers, got {numbers.dtype}; use tensor.long()")
    require(numbers.size > 0 or num_classes > 0, "one_hot: of no numbers, num_classes must be given")
    if num_classes == -1:
        num_classes = int(tensor._value("one_hot").max()) + 1
    check(_check_places, tensor, num_classes=num_classes)
    return eq(tensor.unsqueeze(-1), Tensor._wrap(np.arange(num_classes))).to(np.dtype(np.int64))


def _check_places(numbers: np.ndarray, num_classes: int) -> None:
    least, most = numbers.min(initial=0), numbers.max(initial=0)
    require(least >= 0, f"one_hot: expected numbers of at least 0, got {least}")
    require(not numbers.size or most < num_classes, f"one_hot: number {most} does not fit into {num_classes} classes")
