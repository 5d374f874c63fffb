"""Convolutions in 1 to 3 dimensions, their transposes, and windows as columns."""

from __future__ import annotations

from typing import Any

from ...ops import convolution as ops
from ...ops import pooling as windows
from ...tensor import Tensor
from ._check import as_batch, per_dim, require, require_tensor, same_dtype

__all__ = [
    "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "fold", "unfold",
]  # fmt: skip

Ints = int | tuple[int, ...]


def _conv(
    name: str, n: int, input: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any, dilation: Any,
    groups: int,
) -> Tensor:  # fmt: skip
    x, batched = as_batch(name, input, n)
    require_tensor(name, weight=weight)
    same_dtype(name, input, weight=weight, bias=bias)
    outs, ins, *kernel = _weight_shape(name, n, weight, groups)
    require(
        outs % groups == 0,
        f"{name}: {outs} output channels (weight {_shape(weight)}) do not divide into {groups} groups",
    )
    require(
        x.array.shape[1] == ins * groups,
        f"{name}: the input {_shape(input)} has {x.array.shape[1]} channels, but the weight {_shape(weight)} with "
        f"groups={groups} expects {ins * groups}; the weight's second dim times groups must be the input's channels",
    )
    _check_bias(name, bias, outs)
    stride = per_dim(name, "stride", stride, n, 1)
    dilation = per_dim(name, "dilation", dilation, n, 1)
    pads = _pads(name, n, padding, kernel, stride, dilation)
    space = x.array.shape[2:]
    for length, k, d, (lo, hi) in zip(space, kernel, dilation, pads):
        require(
            length + lo + hi >= d * (k - 1) + 1,
            f"{name}: the kernel {tuple(kernel)} with dilation {dilation} is larger than the input's space {space} "
            f"with padding {padding}; use a smaller kernel or more padding",
        )
    inputs = (x, weight) if bias is None else (x, weight, bias)
    y = ops.convolution(*inputs, stride=stride, padding=pads, dilation=dilation, groups=groups)
    return y if batched else y.reshape(y.array.shape[1:])


def _shape(x: Tensor) -> tuple[int, ...]:
    return tuple(x.array.shape)


def _weight_shape(name: str, n: int, weight: Tensor, groups: int) -> tuple[int, ...]:
    require(groups >= 1, f"{name}: expected groups of at least 1, got {groups}")
    require(
        weight.array.ndim == n + 2 and weight.array.size > 0,
        f"{name}: expected a weight of {n + 2} dims (channels, channels / groups, kernel), got {_shape(weight)}",
    )
    return _shape(weight)


def _check_bias(name: str, bias: Tensor | None, outs: int) -> None:
    if bias is not None:
        require(
            bias.array.shape == (outs,),
            f"{name}: expected a bias of shape {(outs,)}, one value for each output channel, got {_shape(bias)}",
        )


def _pads(name: str, n: int, padding: Any, kernel: Any, stride: Any, dilation: Any) -> tuple[tuple[int, int], ...]:
    """Padding in front and behind for each dim; 'same' puts the odd one behind."""
    if padding == "valid":
        return ((0, 0),) * n
    if padding == "same":
        require(max(stride) == 1, f"{name}: padding='same' needs stride 1, got {stride}")
        totals = [d * (k - 1) for k, d in zip(kernel, dilation)]
        return tuple((t // 2, t - t // 2) for t in totals)
    if isinstance(padding, str):
        raise ValueError(f"{name}: expected padding to be 'same', 'valid' or whole numbers, got {padding!r}")
    return tuple((p, p) for p in per_dim(name, "padding", padding, n))


def conv1d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Ints = 1, padding: Ints | str = 0,
    dilation: Ints = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """Convolution along one dimension; see `conv2d`.

    Shape:
        input (N, C, L) or (C, L), weight (O, C / groups, K), bias (O).
    """
    return _conv("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Ints = 1, padding: Ints | str = 0,
    dilation: Ints = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """Slide kernels over images: y[n, o, p] = b[o] + Σ_{c, k} w[o, c, k] x[n, c, p · stride + k · dilation - padding].

    (As everywhere in deep learning the kernel is not flipped; it is a cross-correlation.)

    Shape:
        input (N, C, H, W) or (C, H, W), weight (O, C / groups, K, K'), bias (O); gives (N, O, H', W') with
        H' = ⌊(H + 2 padding - dilation (K - 1) - 1) / stride⌋ + 1.

    Args:
        input: the images.
        weight: the kernels.
        bias: added to each output channel.
        stride: steps between windows.
        padding: zeros on each side; 'same' keeps the size (for stride 1), 'valid' pads nothing.
        dilation: steps between the places of a window.
        groups: the channels are cut into so many groups that are convolved apart.

    Raises:
        RuntimeError: if channels, groups, dtypes or sizes do not fit.

    Example:
        >>> import tinygrad_course as tc
        >>> edge = tc.tensor([[[[-1.0, 1.0]]]])
        >>> tc.nn.functional.conv2d(tc.tensor([[[[0.0, 0.0, 1.0, 1.0]]]]), edge)
        tensor([[[[0., 1., 0.]]]])
    """
    return _conv("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Ints = 1, padding: Ints | str = 0,
    dilation: Ints = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """Convolution over volumes; see `conv2d`.

    Shape:
        input (N, C, D, H, W) or (C, D, H, W), weight (O, C / groups, K, K', K''), bias (O).
    """
    return _conv("conv3d", 3, input, weight, bias, stride, padding, dilation, groups)


def _conv_transpose(
    name: str, n: int, input: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any,
    output_padding: Any, groups: int, dilation: Any,
) -> Tensor:  # fmt: skip
    x, batched = as_batch(name, input, n)
    require_tensor(name, weight=weight)
    same_dtype(name, input, weight=weight, bias=bias)
    ins, outs, *kernel = _weight_shape(name, n, weight, groups)
    outs *= groups
    require(
        x.array.shape[1] == ins and ins % groups == 0,
        f"{name}: the input {_shape(input)} has {x.array.shape[1]} channels, but the weight {_shape(weight)} expects "
        f"{ins} in {groups} groups; the weight's first dim must be the input's channels",
    )
    _check_bias(name, bias, outs)
    stride = per_dim(name, "stride", stride, n, 1)
    dilation = per_dim(name, "dilation", dilation, n, 1)
    padding = per_dim(name, "padding", padding, n)
    extra = per_dim(name, "output_padding", output_padding, n)
    require(
        all(e < max(s, d) for e, s, d in zip(extra, stride, dilation)),
        f"{name}: output_padding {extra} must be smaller than stride {stride} or dilation {dilation}",
    )
    space = tuple(
        (length - 1) * s - 2 * p + d * (k - 1) + 1 + e
        for length, s, p, d, k, e in zip(x.array.shape[2:], stride, padding, dilation, kernel, extra)
    )
    require(
        min(space) >= 1,
        f"{name}: the output would have the size {space}, for an input {_shape(input)} and padding {padding}; pad less",
    )
    # The convolution whose adjoint this is must have as many windows as the input has places. What lies behind their
    # reach is taken from the padding, and where that is used up, holds zeros.
    beyond = [max(0, e - s + 1) for e, s in zip(extra, stride)]
    less = [min(b, p) for b, p in zip(beyond, padding)]
    zeros = [b - c for b, c in zip(beyond, less)]
    y = ops.convolution_transpose(
        x, weight, space=tuple(length - z for length, z in zip(space, zeros)), stride=stride,
        padding=tuple((p, p - c) for p, c in zip(padding, less)), dilation=dilation, groups=groups,
    )  # fmt: skip
    if any(zeros):
        from .padding import pad

        y = pad(y, [w for z in reversed(zeros) for w in (0, z)])
    if bias is not None:
        y = y + bias.reshape((outs, *(1,) * n))
    return y if batched else y.reshape(y.array.shape[1:])


def conv_transpose1d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Ints = 1, padding: Ints = 0,
    output_padding: Ints = 0, groups: int = 1, dilation: Ints = 1,
) -> Tensor:  # fmt: skip
    """Transposed convolution along one dimension; see `conv_transpose2d`."""
    return _conv_transpose(
        "conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


def conv_transpose2d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Ints = 1, padding: Ints = 0,
    output_padding: Ints = 0, groups: int = 1, dilation: Ints = 1,
) -> Tensor:  # fmt: skip
    """The adjoint of `conv2d`: every value of the input spreads its kernels over the output.

    Shape:
        input (N, C, H, W) or (C, H, W), weight (C, O / groups, K, K'), bias (O); gives (N, O, H', W') with
        H' = (H - 1) stride - 2 padding + dilation (K - 1) + output_padding + 1.

    Args:
        input: the images.
        weight: the kernels, as the weight of the convolution from O to C channels.
        bias: added to each output channel.
        stride: steps between the spread kernels.
        padding: how much is cut from each side of the output.
        output_padding: rows added behind: the convolution with a stride maps several sizes to one.
        groups: the channels are cut into so many groups.
        dilation: steps between the places of a kernel.

    Raises:
        RuntimeError: if channels, groups, dtypes or sizes do not fit.

    Example:
        >>> import tinygrad_course as tc
        >>> kernel = tc.tensor([[[[1.0, 2.0]]]])
        >>> tc.nn.functional.conv_transpose2d(tc.tensor([[[[1.0, 10.0]]]]), kernel, stride=2)
        tensor([[[[ 1.,  2., 10., 20.]]]])
    """
    return _conv_transpose(
        "conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


def conv_transpose3d(
    input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Ints = 1, padding: Ints = 0,
    output_padding: Ints = 0, groups: int = 1, dilation: Ints = 1,
) -> Tensor:  # fmt: skip
    """Transposed convolution over volumes; see `conv_transpose2d`."""
    return _conv_transpose(
        "conv_transpose3d", 3, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


# --- Windows as columns -------------------------------------------------------------------------------------------


def _columns(
    name: str, space: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any
) -> tuple[dict[str, Any], int]:
    """The parameters of unfold and fold, and the number of windows."""
    n = 2
    kernel = per_dim(name, "kernel_size", kernel_size, n, 1)
    dilation = per_dim(name, "dilation", dilation, n, 1)
    padding = per_dim(name, "padding", padding, n)
    stride = per_dim(name, "stride", stride, n, 1)
    out = tuple(windows.out_length(*each, False) for each in zip(space, kernel, stride, padding, dilation))
    require(
        min(out) >= 1,
        f"{name}: the kernel {kernel} with dilation {dilation} is larger than the space {tuple(space)} "
        f"with padding {padding}",
    )
    params = {
        "space": tuple(space), "kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation, "out": out
    }  # fmt: skip
    return params, out[0] * out[1]


def unfold(input: Tensor, kernel_size: Ints, dilation: Ints = 1, padding: Ints = 0, stride: Ints = 1) -> Tensor:
    """The windows of images as columns: (N, C, H, W) to (N, C · |kernel|, number of windows).

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nn.functional.unfold(tc.tensor([[[[1.0, 2.0, 3.0]]]]), (1, 2))
        tensor([[[1., 2.],
                 [2., 3.]]])
    """
    x, batched = as_batch("unfold", input, 2)
    params, _ = _columns("unfold", x.array.shape[2:], kernel_size, dilation, padding, stride)
    y = windows.unfold(x, **params)
    return y if batched else y.reshape(y.array.shape[1:])


def fold(
    input: Tensor, output_size: Ints, kernel_size: Ints, dilation: Ints = 1, padding: Ints = 0, stride: Ints = 1
) -> Tensor:
    """Columns added to the windows of images that they came from: the adjoint of `unfold`.

    Raises:
        RuntimeError: if the columns do not fit the windows of an image of `output_size`.
    """
    x, batched = as_batch("fold", input, 1)
    space = per_dim("fold", "output_size", output_size, 2, 1)
    params, count = _columns("fold", space, kernel_size, dilation, padding, stride)
    rows = params["kernel"][0] * params["kernel"][1]
    require(
        x.array.shape[1] % rows == 0 and x.array.shape[2] == count,
        f"fold: expected columns (N, C · {rows}, {count}) for output_size {space}, got {_shape(input)}",
    )
    y = windows.fold(x, **params)
    return y if batched else y.reshape(y.array.shape[1:])
