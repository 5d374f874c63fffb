"""Normalization within each sample."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from . import init
from ._make import check_count, full
from .module import Module
from .parameter import Parameter

__all__ = ["GroupNorm", "LayerNorm", "LocalResponseNorm", "RMSNorm"]


def _shape(layer: str, normalized_shape: Any) -> tuple[int, ...]:
    shape = (normalized_shape,) if hasattr(normalized_shape, "__index__") else tuple(normalized_shape)
    check_count(layer, **{f"normalized_shape[{i}]": n for i, n in enumerate(shape)})
    return shape


class LayerNorm(Module):
    """γ (x - μ) / √(σ² + ε) + β with mean and variance over the last dimensions of each sample (Ba et al. 2016).

    Shape:
        (*, *normalized_shape), unchanged.

    Args:
        normalized_shape: the lengths of the last dimensions, or of the last one.
        eps: ε.
        elementwise_affine: whether γ and β are learned.
        bias: whether there is a β.

    Example:
        >>> import tinygrad_course as tc
        >>> y = tc.nn.LayerNorm(2)(tc.tensor([[1.0, 3.0]]))
        >>> [round(v, 3) for v in y[0].tolist()]
        [-1.0, 1.0]
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self, normalized_shape: Any, eps: float = 1e-5, elementwise_affine: bool = True, bias: bool = True,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.normalized_shape = _shape("LayerNorm", normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        shape = self.normalized_shape
        self.register_parameter("weight", full(shape, 1.0, device, dtype) if elementwise_affine else None)
        self.register_parameter("bias", full(shape, 0.0, device, dtype) if elementwise_affine and bias else None)

    def reset_parameters(self) -> None:
        """Put the factors to 1 and the shifts to 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(Module):
    """γ x / √(mean(x²) + ε) over the last dimensions (Zhang and Sennrich 2019).

    Args:
        normalized_shape: the lengths of the last dimensions, or of the last one.
        eps: ε; None: the dtype's machine epsilon.
        elementwise_affine: whether γ is learned.
    """

    weight: Parameter | None

    def __init__(
        self, normalized_shape: Any, eps: float | None = None, elementwise_affine: bool = True, device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.normalized_shape = _shape("RMSNorm", normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self.register_parameter(
            "weight", full(self.normalized_shape, 1.0, device, dtype) if elementwise_affine else None
        )

    def reset_parameters(self) -> None:
        """Put the factors to 1."""
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, input: Tensor) -> Tensor:
        return F.rms_norm(input, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Module):
    """γ (x - μ) / √(σ² + ε) + β with mean and variance over groups of channels of each sample (Wu and He 2018).

    Shape:
        (N, C, *), unchanged.

    Args:
        num_groups: into how many groups the channels are divided.
        num_channels: C.
        eps: ε.
        affine: whether γ and β, one per channel, are learned.
        bias: False leaves out β.
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, device: Any = None,
        dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        check_count("GroupNorm", num_groups=num_groups, num_channels=num_channels)
        if not num_groups or num_channels % num_groups:
            raise ValueError(f"GroupNorm: num_channels={num_channels} must be divisible by num_groups={num_groups}")
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self.register_parameter("weight", full((num_channels,), 1.0, device, dtype) if affine else None)
        self.register_parameter("bias", full((num_channels,), 0.0, device, dtype) if affine and bias else None)

    def reset_parameters(self) -> None:
        """Put the factors to 1 and the shifts to 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Tensor) -> Tensor:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class LocalResponseNorm(Module):
    """x / (k + α/n Σ x²)ᵝ, the sum over n neighbouring channels (Krizhevsky et al. 2012)."""

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
