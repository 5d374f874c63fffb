"""Convolutions, and their adjoints, the transposed convolutions."""

from __future__ import annotations

import math
from typing import Any

from ..tensor import Tensor
from . import functional as F
from . import init
from ._make import check_count, empty, ntuple
from .module import Module
from .parameter import Parameter

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]

_MODES = ("zeros", "reflect", "replicate", "circular")


class _ConvNd(Module):
    """What all convolutions share: arguments, checks, and parameters of shape (out, in / groups, *kernel)."""

    bias: Parameter | None
    output_padding: tuple[int, ...]
    _n: int
    _transposed = False

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
        groups: int, bias: bool, padding_mode: str, device: Any, dtype: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        layer = type(self).__name__
        check_count(layer, in_channels=in_channels, out_channels=out_channels, groups=groups)
        if not groups or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{layer}: in_channels={in_channels} and out_channels={out_channels} must be divisible by "
                f"groups={groups}"
            )
        if padding_mode not in _MODES:
            raise ValueError(f"{layer}: padding_mode must be one of {', '.join(_MODES)}, got {padding_mode!r}")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = ntuple(layer, "kernel_size", kernel_size, self._n)
        self.stride = ntuple(layer, "stride", stride, self._n)
        self.dilation = ntuple(layer, "dilation", dilation, self._n)
        self.padding = self._checked_padding(layer, padding)
        self.groups = groups
        self.padding_mode = padding_mode
        if self._transposed:
            shape = (in_channels, out_channels // groups, *self.kernel_size)
        else:
            shape = (out_channels, in_channels // groups, *self.kernel_size)
        self.weight = empty(shape, device, dtype)
        self.register_parameter("bias", empty((out_channels,), device, dtype) if bias else None)
        self.reset_parameters()

    def _checked_padding(self, layer: str, padding: Any) -> Any:
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(f"{layer}: padding must be 'same', 'valid' or integers, got {padding!r}")
            if padding == "same" and any(s != 1 for s in self.stride):
                raise ValueError(f"{layer}: padding='same' needs stride 1, got {self.stride}")
            return padding
        return ntuple(layer, "padding", padding, self._n)

    def reset_parameters(self) -> None:
        """Draw the parameters afresh from U[-1/√n_in, 1/√n_in]."""
        fan_in = math.prod(self.weight.array.shape[1:])
        if not fan_in:
            return
        bound = 1 / math.sqrt(fan_in)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def _padded(self, input: Tensor) -> tuple[Tensor, Any]:
        """The input with the mode's padding put on, and what the convolution itself is still to pad."""
        if self.padding_mode == "zeros":
            return input, self.padding
        widths = []
        for i in reversed(range(self._n)):
            if self.padding == "same":
                total = self.dilation[i] * (self.kernel_size[i] - 1)
                widths += [total // 2, total - total // 2]
            else:
                widths += [0, 0] if self.padding == "valid" else [self.padding[i]] * 2
        return F.pad(input, widths, mode=self.padding_mode), 0

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        if isinstance(self.padding, str) or any(self.padding):
            text += f", padding={self.padding}"
        if any(d != 1 for d in self.dilation):
            text += f", dilation={self.dilation}"
        if self._transposed and any(self.output_padding):
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text


class _Conv(_ConvNd):
    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        dilation: Any = 1, groups: int = 1, bias: bool = True, padding_mode: str = "zeros", device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype
        )


class Conv1d(_Conv):
    """Cross-correlation of sequences with learned kernels; see Conv2d.

    Shape:
        (N, C_in, L) or (C_in, L) to (N, C_out, L') or (C_out, L').
    """

    _n = 1

    def forward(self, input: Tensor) -> Tensor:
        x, padding = self._padded(input)
        return F.conv1d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv2d(_Conv):
    """Cross-correlation of images with learned kernels: local fields with shared weights (lecture, chapter 13).

    y[n, o, i, j] = b[o] + Σ_c,u,v W[o, c, u, v] x[n, c, s·i + d·u - p, s·j + d·v - p]

    Shape:
        (N, C_in, H, W) or (C_in, H, W) to (N, C_out, H', W') or (C_out, H', W'),
        H' = ⌊(H + 2p - d (k - 1) - 1) / s⌋ + 1.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        kernel_size: k, one for both dimensions or a pair.
        stride: s.
        padding: p, or "same" (the input's size; stride 1) or "valid" (none).
        dilation: d, the distance between the kernel's points.
        groups: split the channels into groups that do not see each other.
        bias: whether there is a b.
        padding_mode: what is padded: "zeros", "reflect", "replicate" or "circular".

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nn.Conv2d(3, 8, 5, padding=2)(tc.zeros(1, 3, 32, 32)).shape
        Size([1, 8, 32, 32])
    """

    _n = 2

    def forward(self, input: Tensor) -> Tensor:
        x, padding = self._padded(input)
        return F.conv2d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv3d(_Conv):
    """Cross-correlation of volumes with learned kernels; see Conv2d.

    Shape:
        (N, C_in, D, H, W) or (C_in, D, H, W) to the same with C_out.
    """

    _n = 3

    def forward(self, input: Tensor) -> Tensor:
        x, padding = self._padded(input)
        return F.conv3d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class _ConvTranspose(_ConvNd):
    """Weights are (in, out / groups, *kernel): those of the convolution that this one is the adjoint of."""

    _transposed = True

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any = 1, padding: Any = 0,
        output_padding: Any = 0, groups: int = 1, bias: bool = True, dilation: Any = 1, padding_mode: str = "zeros",
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        if padding_mode != "zeros":
            raise ValueError(f"{type(self).__name__}: only padding_mode='zeros' exists, got {padding_mode!r}")
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, device, dtype
        )
        self.output_padding = ntuple(type(self).__name__, "output_padding", output_padding, self._n)

    def _output_padding(self, input: Tensor, output_size: Any) -> tuple[int, ...]:
        """The output padding that gives `output_size`."""
        if output_size is None:
            return self.output_padding
        n = self._n
        sizes = tuple(output_size)[-n:]
        smallest = [
            (length - 1) * s - 2 * p + d * (k - 1) + 1
            for length, s, p, d, k in zip(input.shape[-n:], self.stride, self.padding, self.dilation, self.kernel_size)
        ]
        for size, low, s in zip(sizes, smallest, self.stride):
            if not low <= size < low + s:
                raise ValueError(
                    f"{type(self).__name__}: output_size {sizes} cannot be reached; "
                    f"sizes from {tuple(smallest)} to less than one stride {self.stride} more can"
                )
        return tuple(size - low for size, low in zip(sizes, smallest))


class ConvTranspose1d(_ConvTranspose):
    """The adjoint of Conv1d; see ConvTranspose2d."""

    _n = 1

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        extra = self._output_padding(input, output_size)
        return F.conv_transpose1d(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )


class ConvTranspose2d(_ConvTranspose):
    """The adjoint of Conv2d: spreads every value over a kernel's field, and so makes images larger.

    Shape:
        (N, C_in, H, W) or (C_in, H, W) to (N, C_out, H', W') or (C_out, H', W'),
        H' = (H - 1) s - 2p + d (k - 1) + output_padding + 1.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        kernel_size: k.
        stride: s.
        padding: p, taken away at each side.
        output_padding: added at one side, to choose between the sizes that Conv2d would map to this input's.
        groups: split the channels into groups that do not see each other.
        bias: whether a bias is added.
        dilation: d.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nn.ConvTranspose2d(8, 3, 4, stride=2, padding=1)(tc.zeros(1, 8, 16, 16)).shape
        Size([1, 3, 32, 32])
    """

    _n = 2

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        extra = self._output_padding(input, output_size)
        return F.conv_transpose2d(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )


class ConvTranspose3d(_ConvTranspose):
    """The adjoint of Conv3d; see ConvTranspose2d."""

    _n = 3

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        extra = self._output_padding(input, output_size)
        return F.conv_transpose3d(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )
