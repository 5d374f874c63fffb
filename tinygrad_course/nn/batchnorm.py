"""Normalization by the statistics of a channel: over the batch (BatchNorm), or over each sample (InstanceNorm)."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes
from ..graph import traced
from ..tensor import Tensor
from . import functional as F
from . import init
from ._make import check_count, full
from .module import Module
from .parameter import Parameter

__all__ = [
    "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d", "SyncBatchNorm",
]  # fmt: skip


class _Norm(Module):
    """Parameters and running statistics of one value per channel."""

    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None
    _ndims: tuple[int, ...]

    def __init__(
        self, num_features: int, eps: float, momentum: float | None, affine: bool, track_running_stats: bool,
        device: Any, dtype: Any, bias: bool,
    ) -> None:  # fmt: skip
        super().__init__()
        check_count(type(self).__name__, num_features=num_features)
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self.register_parameter("weight", full((num_features,), 1.0, device, dtype) if affine else None)
        self.register_parameter("bias", full((num_features,), 0.0, device, dtype) if affine and bias else None)
        self._make_statistics(dtypes.get_default_dtype() if dtype is None else dtype)

    def _make_statistics(self, dtype: Any) -> None:
        n = self.num_features
        tracked = self.track_running_stats
        self.register_buffer("running_mean", Tensor._wrap(np.zeros(n, dtype)) if tracked else None)
        self.register_buffer("running_var", Tensor._wrap(np.ones(n, dtype)) if tracked else None)
        self.register_buffer("num_batches_tracked", Tensor._wrap(np.array(0)) if tracked else None)

    def reset_running_stats(self) -> None:
        """Forget the statistics: mean 0, variance 1."""
        for buffer, value in ((self.running_mean, 0), (self.running_var, 1), (self.num_batches_tracked, 0)):
            if buffer is not None:
                init.constant_(buffer, value)

    def reset_parameters(self) -> None:
        """Forget the statistics, and put the factors to 1 and the shifts to 0."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def _check(self, input: Tensor, channels: int) -> None:
        shape = tuple(input.shape)
        if len(shape) not in self._ndims:
            wanted = " or ".join(f"{n}-d" for n in self._ndims)
            raise ValueError(f"{type(self).__name__}: expected {wanted} input, got shape {shape}")
        if channels != self.num_features:
            raise ValueError(
                f"{type(self).__name__}: expected {self.num_features} channels (num_features), got {channels} "
                f"in shape {shape}"
            )

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_Norm):
    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True, device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias)

    def forward(self, input: Tensor) -> Tensor:
        self._check(input, input.shape[1] if input.ndim > 1 else 0)
        rate: float | Tensor | None = self.momentum
        if self.training and self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)
            if rate is None:  # the plain average over all batches so far
                count = self.num_batches_tracked
                rate = count.to(input.array.dtype).reciprocal() if traced() else 1.0 / count.item()
        by_batch = self.training or not self.track_running_stats
        return F.batch_norm(
            input, self.running_mean, self.running_var, self.weight, self.bias, by_batch, 0.0 if rate is None else rate,
            self.eps,
        )  # fmt: skip


class BatchNorm1d(_BatchNorm):
    """Batch normalization of features; see BatchNorm2d.

    Shape:
        (N, C) or (N, C, L), unchanged.
    """

    _ndims = (2, 3)


class BatchNorm2d(_BatchNorm):
    """γ (x - μ) / √(σ² + ε) + β with mean and variance of each channel over the batch (Ioffe and Szegedy 2015).

    In evaluation μ and σ² are the running averages kept while training.

    Shape:
        (N, C, H, W), unchanged.

    Args:
        num_features: C.
        eps: ε.
        momentum: the weight of a new batch in the running averages; None averages over all batches equally.
        affine: whether γ and β are learned.
        bias: False leaves out β.
        track_running_stats: whether running averages are kept; if not, every batch is normalized by its own.

    Example:
        >>> import tinygrad_course as tc
        >>> norm = tc.nn.BatchNorm2d(3)
        >>> norm(tc.zeros(2, 3, 4, 4)).shape, norm.num_batches_tracked.item()
        (Size([2, 3, 4, 4]), 1)
    """

    _ndims = (4,)


class BatchNorm3d(_BatchNorm):
    """Batch normalization of volumes (N, C, D, H, W); see BatchNorm2d."""

    _ndims = (5,)


class SyncBatchNorm(_BatchNorm):
    """BatchNorm for input of any number of dimensions: with one process there is nothing to synchronize."""

    _ndims = (2, 3, 4, 5)

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: Any = None) -> Module:
        """Return the module: its BatchNorms see all of the batch already."""
        return module


class _InstanceNorm(_Norm):
    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.1, affine: bool = False,
        track_running_stats: bool = False, device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias)

    def forward(self, input: Tensor) -> Tensor:
        single = input.ndim == self._ndims[0]
        self._check(input, input.shape[0 if single else 1] if input.ndim > 1 else 0)
        y = F.instance_norm(
            input.unsqueeze(0) if single else input, self.running_mean, self.running_var, self.weight, self.bias,
            self.training or not self.track_running_stats, self.momentum or 0.0, self.eps,
        )  # fmt: skip
        return y.squeeze(0) if single else y


class InstanceNorm1d(_InstanceNorm):
    """Normalization of each channel of each sequence (N, C, L) or (C, L); see InstanceNorm2d."""

    _ndims = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """(x - μ) / √(σ² + ε) with mean and variance of each channel of each image (Ulyanov et al. 2016).

    Shape:
        (N, C, H, W) or (C, H, W), unchanged.

    Args:
        num_features: C.
        eps: ε.
        momentum: the weight of a new batch in the running averages, if they are kept.
        affine: whether a factor and a shift of each channel are learned.
        track_running_stats: keep running averages, and use them in evaluation.
    """

    _ndims = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Normalization of each channel of each volume (N, C, D, H, W) or (C, D, H, W); see InstanceNorm2d."""

    _ndims = (4, 5)
