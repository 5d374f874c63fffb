"""Linear maps of features."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..ops import linear
from ..tensor import Tensor
from . import init
from ._make import check_count, empty
from .module import Module
from .parameter import Parameter

__all__ = ["Bilinear", "Identity", "Linear"]


class Identity(Module):
    """Gives its input unchanged; arguments are accepted and ignored, so that it can stand for any layer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        return input


class Linear(Module):
    """y = x Wᵀ + b.

    W and b are drawn from U[-1/√n_in, 1/√n_in], as in PyTorch; see `nn.init` for the lecture's rules.

    Shape:
        (*, in_features) to (*, out_features).

    Args:
        in_features: the number of inputs n_in.
        out_features: the number of outputs.
        bias: whether there is a b.

    Example:
        >>> import tinygrad_course as tc
        >>> layer = tc.nn.Linear(20, 30)
        >>> layer(tc.zeros(128, 20)).shape
        Size([128, 30])
        >>> layer
        Linear(in_features=20, out_features=30, bias=True)
    """

    bias: Parameter | None

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        check_count("Linear", in_features=in_features, out_features=out_features)
        self.in_features = in_features
        self.out_features = out_features
        self.weight = empty((out_features, in_features), device, dtype)
        self.register_parameter("bias", empty((out_features,), device, dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters afresh."""
        bound = 1 / math.sqrt(self.in_features) if self.in_features else 0.0
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        bias = self.bias
        return linear(input, self.weight) if bias is None else linear(input, self.weight, bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


def linear_of(weight: np.ndarray, bias: np.ndarray | None = None) -> Linear:
    """A Linear with copies of these values."""
    layer = Linear(weight.shape[1], weight.shape[0], bias is not None, dtype=weight.dtype)
    layer.weight.array[...] = weight
    if layer.bias is not None:
        layer.bias.array[...] = bias
    return layer


class Bilinear(Module):
    """yₖ = x₁ᵀ Wₖ x₂ + bₖ.

    Shape:
        (*, in1_features) and (*, in2_features) to (*, out_features).

    Args:
        in1_features: the length of x₁.
        in2_features: the length of x₂.
        out_features: the number of outputs.
        bias: whether there is a b.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nn.Bilinear(2, 3, 4)(tc.zeros(5, 2), tc.zeros(5, 3)).shape
        Size([5, 4])
    """

    bias: Parameter | None

    def __init__(
        self, in1_features: int, in2_features: int, out_features: int, bias: bool = True, device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        check_count("Bilinear", in1_features=in1_features, in2_features=in2_features, out_features=out_features)
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        self.weight = empty((out_features, in1_features, in2_features), device, dtype)
        self.register_parameter("bias", empty((out_features,), device, dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters afresh."""
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        from .functional import bilinear

        return bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )
