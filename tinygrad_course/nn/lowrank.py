"""A linear layer whose weight matrix is a product of two thin ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..ops import linear
from ..tensor import Tensor
from . import init
from ._make import check_count, empty
from .linear import Linear, linear_of
from .module import Module
from .parameter import Parameter

__all__ = ["LowRankLinear"]


class LowRankLinear(Module):
    """y = x (U V)ᵀ + b, with U (out, K) and V (K, in): weight-matrix reduction (lecture, chapter 9).

    K (in + out) parameters stand for in · out. The initial values give y the variance that Linear gives it.

    Shape:
        (*, in_features) to (*, out_features).

    Args:
        in_features: the number of inputs.
        out_features: the number of outputs.
        rank: K.
        bias: whether there is a b.

    Example:
        >>> import tinygrad_course as tc
        >>> layer = tc.nn.LowRankLinear(100, 50, rank=4)
        >>> sum(p.numel() for p in layer.parameters())
        650
    """

    bias: Parameter | None

    def __init__(
        self, in_features: int, out_features: int, rank: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        check_count("LowRankLinear", in_features=in_features, out_features=out_features, rank=rank)
        if rank < 1:
            raise ValueError("LowRankLinear: rank must be at least 1")
        self.in_features = in_features
        self.out_features = out_features
        self.rank = rank
        self.U = empty((out_features, rank), device, dtype)
        self.V = empty((rank, in_features), device, dtype)
        self.register_parameter("bias", empty((out_features,), device, dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters afresh."""
        init.uniform_(self.U, -1 / math.sqrt(self.rank), 1 / math.sqrt(self.rank))
        n = max(1, self.in_features)
        init.uniform_(self.V, -math.sqrt(3 / n), math.sqrt(3 / n))
        if self.bias is not None:
            init.uniform_(self.bias, -1 / math.sqrt(n), 1 / math.sqrt(n))

    @property
    def weight(self) -> Tensor:
        """The product U V, as the weight of a Linear."""
        return self.U @ self.V

    @classmethod
    def from_linear(cls, layer: Linear, rank: int) -> LowRankLinear:
        """The layer of this rank that is nearest to a Linear in Frobenius norm, by truncated SVD.

        W = P Σ Qᵀ; U = P_K √Σ_K and V = √Σ_K Q_Kᵀ (Eckart and Young 1936).

        Raises:
            ValueError: if the rank is larger than the weight's smaller side.
        """
        weight = layer.weight.array
        largest = min(weight.shape)
        if not 1 <= rank <= largest:
            raise ValueError(f"LowRankLinear.from_linear: rank must be from 1 to {largest}, got {rank}")
        out = cls(layer.in_features, layer.out_features, rank, layer.bias is not None, dtype=weight.dtype)
        p, sigma, q = np.linalg.svd(weight, full_matrices=False)
        root = np.sqrt(sigma[:rank])
        out.U.array[...] = p[:, :rank] * root
        out.V.array[...] = root[:, None] * q[:rank]
        if out.bias is not None and layer.bias is not None:
            out.bias.array[...] = layer.bias.array
        return out

    def to_linear(self) -> Linear:
        """A Linear with the product as its weight."""
        return linear_of(self.U.array @ self.V.array, None if self.bias is None else self.bias.array)

    def forward(self, input: Tensor) -> Tensor:
        inner = linear(input, self.V)
        return linear(inner, self.U) if self.bias is None else linear(inner, self.U, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, rank={self.rank}, "
            f"bias={self.bias is not None}"
        )
