"""Linear and bilinear maps, and distances between vectors."""

from __future__ import annotations

import numpy as np

from ...ops import linear as _linear
from ...tensor import Tensor
from ._check import require, require_tensor

__all__ = ["bilinear", "cosine_similarity", "linear", "pairwise_distance"]


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x Wᵀ + b.

    Shape:
        input (*, in), weight (out, in) or (in), bias (out); gives (*, out).

    Raises:
        RuntimeError: if the last dim of the input is not that of the weight.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nn.functional.linear(tc.tensor([1.0, 2.0]), tc.tensor([[3.0, 4.0]]))
        tensor([11.])
    """
    require_tensor("linear", input=input, weight=weight)
    x, w = input.array, weight.array
    if not x.ndim or not 1 <= w.ndim <= 2 or x.shape[-1] != w.shape[-1]:
        raise RuntimeError(
            f"linear: the last dim of the input {tuple(x.shape)} must be that of the weight {tuple(w.shape)}: "
            "(*, in) and (out, in)"
        )
    if w.ndim == 1:
        y = input @ weight
        return y if bias is None else y + bias
    return _linear(input, weight) if bias is None else _linear(input, weight, bias)


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """y_k = x₁ᵀ W_k x₂ + b_k.

    Shape:
        input1 (*, in1), input2 (*, in2), weight (out, in1, in2), bias (out); gives (*, out).

    Raises:
        RuntimeError: if the shapes do not fit.
    """
    require_tensor("bilinear", input1=input1, input2=input2, weight=weight)
    a, b, w = input1.array.shape, input2.array.shape, weight.array.shape
    require(
        len(w) == 3 and a[:-1] == b[:-1] and (a[-1], b[-1]) == w[1:],
        f"bilinear: expected (*, in1), (*, in2) and (out, in1, in2), got {tuple(a)}, {tuple(b)} and {tuple(w)}",
    )
    left = (input1.reshape((-1, a[-1])) @ weight.permute(1, 0, 2).reshape((w[1], -1))).reshape((-1, w[0], w[2]))
    y = (left @ input2.reshape((-1, b[-1], 1))).reshape((*a[:-1], w[0]))
    return y if bias is None else y + bias


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """x₁ · x₂ / (max(|x₁|, eps) max(|x₂|, eps)) along a dim.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nn.functional.cosine_similarity(tc.tensor([[1.0, 0.0]]), tc.tensor([[1.0, 1.0]]))
        tensor([0.7071])
    """
    require_tensor("cosine_similarity", x1=x1, x2=x2)
    shape = np.broadcast_shapes(x1.array.shape, x2.array.shape)
    x1, x2 = x1.expand(shape), x2.expand(shape)
    a = x1 / x1.norm(2, dim, True).clamp(min=eps)
    b = x2 / x2.norm(2, dim, True).clamp(min=eps)
    return (a * b).sum(dim)


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Tensor:
    """The p-norm of x₁ - x₂ + eps along the last dim.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nn.functional.pairwise_distance(tc.tensor([[3.0, 0.0]]), tc.tensor([[0.0, 4.0]]), eps=0.0)
        tensor([5.])
    """
    require_tensor("pairwise_distance", x1=x1, x2=x2)
    return (x1 - x2 + eps).norm(p, -1, keepdim)
