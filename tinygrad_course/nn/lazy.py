"""Layers that learn their input's size from their first call, and are ordinary layers from then on."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from .batchnorm import BatchNorm1d, BatchNorm2d, BatchNorm3d, _BatchNorm
from .convolution import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, _ConvNd
from .linear import Linear
from .module import Module
from .parameter import UninitializedBuffer, UninitializedParameter

__all__ = [
    "LazyBatchNorm1d", "LazyBatchNorm2d", "LazyBatchNorm3d", "LazyConv1d", "LazyConv2d", "LazyConv3d",
    "LazyConvTranspose1d", "LazyConvTranspose2d", "LazyConvTranspose3d", "LazyLinear",
]  # fmt: skip


class _Lazy(Module):
    """Before its first call, works out sizes from the input, and becomes the class it stands for.

    Parameters keep their identity, so an optimizer may be made before; initialize them (call the module once) before
    counting, saving or stepping.
    """

    _becomes: type[Module]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.initialize_parameters(args[0] if args else next(iter(kwargs.values())))
        self.__class__ = self._becomes  # type: ignore[assignment]
        return self(*args, **kwargs)

    def has_uninitialized_params(self) -> bool:
        """Whether some parameter has no values yet."""
        values = (*self._parameters.values(), *self._buffers.values())
        return any(isinstance(x, (UninitializedParameter, UninitializedBuffer)) for x in values)

    def initialize_parameters(self, input: Tensor) -> None:
        """Make the parameters, unless a state dict that was loaded has done so."""
        fresh = self.has_uninitialized_params()
        for name, shape in self._shapes(input).items():
            x = getattr(self, name)
            if isinstance(x, (UninitializedParameter, UninitializedBuffer)):
                x.materialize(shape)
        if fresh:
            self.reset_parameters()

    def reset_parameters(self) -> None:
        if not self.has_uninitialized_params():
            super().reset_parameters()  # type: ignore[misc]

    def _shapes(self, input: Tensor) -> dict[str, tuple[int, ...]]:
        """The parameters' shapes, after setting the module's sizes by the input."""
        raise NotImplementedError


class LazyLinear(_Lazy, Linear):
    """A Linear whose in_features are the last dimension of its first input.

    Example:
        >>> import tinygrad_course as tc
        >>> layer = tc.nn.LazyLinear(4)
        >>> layer(tc.zeros(2, 7)).shape, layer
        (Size([2, 4]), Linear(in_features=7, out_features=4, bias=True))
    """

    _becomes = Linear

    def __init__(self, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(0, out_features, bias, device, dtype)
        self.weight = UninitializedParameter(dtype=dtype)
        if bias:
            self.bias = UninitializedParameter(dtype=dtype)

    def _shapes(self, input: Tensor) -> dict[str, tuple[int, ...]]:
        self.in_features = input.shape[-1]
        return {"weight": (self.out_features, self.in_features), "bias": (self.out_features,)}


class _LazyConv(_Lazy, _ConvNd):
    def __init__(self, out_channels: int, kernel_size: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(0, 0, kernel_size, *args, **kwargs)
        self.out_channels = out_channels
        if out_channels % self.groups:
            raise ValueError(
                f"{type(self).__name__}: out_channels={out_channels} must be divisible by groups={self.groups}"
            )
        dtype = self.weight.dtype
        self.weight = UninitializedParameter(dtype=dtype)
        if self.bias is not None:
            self.bias = UninitializedParameter(dtype=dtype)

    def _shapes(self, input: Tensor) -> dict[str, tuple[int, ...]]:
        if input.ndim not in (self._n + 1, self._n + 2):
            raise RuntimeError(f"{type(self).__name__}: expected {self._n + 2}-d input, got shape {tuple(input.shape)}")
        self.in_channels = input.shape[-self._n - 1]
        if self.in_channels % self.groups:
            raise ValueError(
                f"{type(self).__name__}: {self.in_channels} input channels must be divisible by groups={self.groups}"
            )
        ends = (self.out_channels, self.in_channels // self.groups)
        if self._transposed:
            ends = (self.in_channels, self.out_channels // self.groups)
        return {"weight": (*ends, *self.kernel_size), "bias": (self.out_channels,)}


class LazyConv1d(_LazyConv, Conv1d):
    """A Conv1d whose in_channels are those of its first input; arguments from `out_channels` on as Conv1d's."""

    _becomes = Conv1d


class LazyConv2d(_LazyConv, Conv2d):
    """A Conv2d whose in_channels are those of its first input; arguments from `out_channels` on as Conv2d's."""

    _becomes = Conv2d


class LazyConv3d(_LazyConv, Conv3d):
    """A Conv3d whose in_channels are those of its first input; arguments from `out_channels` on as Conv3d's."""

    _becomes = Conv3d


class LazyConvTranspose1d(_LazyConv, ConvTranspose1d):
    """A ConvTranspose1d whose in_channels are those of its first input."""

    _becomes = ConvTranspose1d


class LazyConvTranspose2d(_LazyConv, ConvTranspose2d):
    """A ConvTranspose2d whose in_channels are those of its first input."""

    _becomes = ConvTranspose2d


class LazyConvTranspose3d(_LazyConv, ConvTranspose3d):
    """A ConvTranspose3d whose in_channels are those of its first input."""

    _becomes = ConvTranspose3d


class _LazyBatchNorm(_Lazy, _BatchNorm):
    def __init__(
        self, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True,
        device: Any = None, dtype: Any = None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(0, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        if affine:
            self.weight = UninitializedParameter(dtype=dtype)
        if affine and bias:
            self.bias = UninitializedParameter(dtype=dtype)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(dtype=dtype)
            self.running_var = UninitializedBuffer(dtype=dtype)

    def _shapes(self, input: Tensor) -> dict[str, tuple[int, ...]]:
        if input.ndim not in self._ndims:
            raise ValueError(f"{type(self).__name__}: cannot take input of shape {tuple(input.shape)}")
        self.num_features = input.shape[1]
        return dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (self.num_features,))


class LazyBatchNorm1d(_LazyBatchNorm, BatchNorm1d):
    """A BatchNorm1d whose num_features are the channels of its first input."""

    _becomes = BatchNorm1d


class LazyBatchNorm2d(_LazyBatchNorm, BatchNorm2d):
    """A BatchNorm2d whose num_features are the channels of its first input."""

    _becomes = BatchNorm2d


class LazyBatchNorm3d(_LazyBatchNorm, BatchNorm3d):
    """A BatchNorm3d whose num_features are the channels of its first input."""

    _becomes = BatchNorm3d
