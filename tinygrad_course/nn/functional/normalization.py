"""Normalization of batches, layers, groups, instances, neighbouring channels, and of vectors to length 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...autograd.modes import no_grad
from ...ops import normalization as ops
from ...ops import pooling as windows
from ...tensor import Tensor
from ._check import require, require_float, require_tensor

__all__ = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "normalize", "rms_norm"]


def _check_features(name: str, count: int, **vectors: Tensor | None) -> None:
    for argument, v in vectors.items():
        if v is not None and v.array.shape != (count,):
            raise RuntimeError(
                f"{name}: expected {argument} of shape {(count,)}, one value for each channel, got {tuple(v.shape)}"
            )


def _scaled(x: Tensor, weight: Tensor | None, bias: Tensor | None, shape: tuple[int, ...]) -> Tensor:
    """x · weight + bias, where weight and bias are given; they are read in the shape."""
    if weight is not None and weight.array.shape != shape:
        weight = weight.reshape(shape)
    if bias is not None and bias.array.shape != shape:
        bias = bias.reshape(shape)
    if weight is not None and bias is not None:
        return ops.affine(x, weight, bias)
    if weight is not None:
        return x * weight
    return x if bias is None else x + bias


def _follow(running: Tensor, batch: Tensor, momentum: float | Tensor) -> None:
    """Move running statistics towards those of a batch, in place and outside the graph."""
    with no_grad():
        running.copy_(running * (1 - momentum) + batch.detach().reshape(running.array.shape) * momentum)


def batch_norm(
    input: Tensor, running_mean: Tensor | None, running_var: Tensor | None, weight: Tensor | None = None,
    bias: Tensor | None = None, training: bool = False, momentum: float | Tensor | None = 0.1,
    eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """γ (x - μ) / √(σ² + ε) + β for each channel (Ioffe and Szegedy, 2015).

    In training μ and σ² are those of the batch, and the running statistics move towards them in place; in evaluation
    they are the running statistics.

    Shape:
        input (N, C) or (N, C, *S), the others (C).

    Args:
        input: the batch.
        running_mean: updated in training; may be None then.
        running_var: of the unbiased variance.
        weight: γ.
        bias: β.
        training: normalize by the batch.
        momentum: the weight of the batch in the running statistics.
        eps: ε.

    Raises:
        ValueError: in training with one value for each channel, whose deviation is 0.
        RuntimeError: if vectors do not have one value for each channel, or running statistics are missing.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nn.functional.batch_norm(tc.tensor([[1.0], [3.0]]), None, None, training=True, eps=0.0)
        tensor([[-1.],
                [ 1.]])
    """
    require_tensor("batch_norm", input=input)
    require_float("batch_norm", input)
    shape = input.array.shape
    require(len(shape) >= 2, f"batch_norm: expected an input (N, C, ...), got shape {tuple(shape)}")
    _check_features(
        "batch_norm", shape[1], running_mean=running_mean, running_var=running_var, weight=weight, bias=bias
    )
    across = (1, shape[1], *(1,) * (len(shape) - 2))
    if training:
        axes = (0, *range(2, len(shape)))
        count = math.prod(shape[a] for a in axes)
        require(
            count > 1, f"batch_norm: expected more than 1 value for each channel in training, got shape "
            f"{tuple(shape)}; use a larger batch, or evaluate with model.eval()", ValueError,
        )  # fmt: skip
        y, mean, variance = _standardized(input, axes, eps)
        rate = 0.1 if momentum is None else momentum
        if running_mean is not None:
            _follow(running_mean, mean, rate)
        if running_var is not None:
            _follow(running_var, variance * (count / (count - 1)), rate)
        return _scaled(y, weight, bias, across)
    if running_mean is None or running_var is None:
        raise RuntimeError(
            "batch_norm: running_mean and running_var are needed in evaluation; pass training=True to do without"
        )
    scale = (running_var + eps).rsqrt()
    shift = -running_mean * scale
    if weight is not None:
        scale, shift = scale * weight, shift * weight
    if bias is not None:
        shift = shift + bias
    return ops.affine(input, scale.reshape(across), shift.reshape(across))


def _standardized(x: Tensor, axes: tuple[int, ...], eps: float) -> tuple[Tensor, Tensor, Tensor]:
    return ops.standardize(x, axes=axes, eps=float(eps))


def instance_norm(
    input: Tensor, running_mean: Tensor | None = None, running_var: Tensor | None = None, weight: Tensor | None = None,
    bias: Tensor | None = None, use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """γ (x - μ) / √(σ² + ε) + β for each channel of each example (Ulyanov et al., 2016).

    Shape:
        input (N, C, *S), the others (C).

    Args:
        input: the batch.
        running_mean: moves towards the mean over the batch of μ; used if not `use_input_stats`.
        running_var: as running_mean, of σ².
        weight: γ.
        bias: β.
        use_input_stats: normalize each example by itself.
        momentum: the weight of the batch in the running statistics.
        eps: ε.

    Raises:
        ValueError: for one spatial value only, whose deviation is 0.
    """
    require_tensor("instance_norm", input=input)
    require_float("instance_norm", input)
    shape = input.array.shape
    require(len(shape) >= 3, f"instance_norm: expected an input (N, C, *S), got shape {tuple(shape)}")
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    _check_features(
        "instance_norm", shape[1], running_mean=running_mean, running_var=running_var, weight=weight, bias=bias
    )
    axes = tuple(range(2, len(shape)))
    count = math.prod(shape[2:])
    require(
        count > 1, f"instance_norm: expected more than 1 value for each channel, got shape {tuple(shape)}", ValueError
    )
    y, mean, variance = _standardized(input, axes, eps)
    if running_mean is not None:
        _follow(running_mean, mean.detach().mean(0), momentum)
    if running_var is not None:
        _follow(running_var, variance.detach().mean(0) * (count / (count - 1)), momentum)
    return _scaled(y, weight, bias, (1, shape[1], *(1,) * (len(shape) - 2)))


def _last_dims(name: str, input: Tensor, normalized_shape: Sequence[int], **others: Tensor | None) -> tuple[int, ...]:
    require_tensor(name, input=input)
    require_float(name, input)
    wanted = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    shape = input.array.shape
    require(
        0 < len(wanted) <= len(shape) and tuple(shape[-len(wanted) :]) == wanted,
        f"{name}: expected an input whose last dims are normalized_shape {wanted}, got shape {tuple(shape)}",
    )
    for argument, x in others.items():
        if x is not None and x.array.shape != wanted:
            raise RuntimeError(f"{name}: expected {argument} of shape {wanted}, got {tuple(x.shape)}")
    return tuple(range(len(shape) - len(wanted), len(shape)))


def layer_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """γ (x - μ) / √(σ² + ε) + β over the last dims (Ba et al., 2016).

    Args:
        input: whose last dims are `normalized_shape`.
        normalized_shape: the dims that mean and variance are taken over.
        weight: γ, of that shape.
        bias: β, of that shape.
        eps: ε.

    Raises:
        RuntimeError: if the shapes do not fit.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nn.functional.layer_norm(tc.tensor([[1.0, 3.0]]), (2,), eps=0.0)
        tensor([[-1.,  1.]])
    """
    axes = _last_dims("layer_norm", input, normalized_shape, weight=weight, bias=bias)
    y, _, _ = _standardized(input, axes, eps)
    return _scaled(y, weight, bias, tuple(input.array.shape[a] for a in axes))


def rms_norm(
    input: Tensor, normalized_shape: Sequence[int], weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """γ x / √(mean of x² + ε) over the last dims (Zhang and Sennrich, 2019).

    Args:
        input: whose last dims are `normalized_shape`.
        normalized_shape: the dims that the mean is taken over.
        weight: γ, of that shape.
        eps: ε; default: the dtype's machine precision.

    Raises:
        RuntimeError: if the shapes do not fit.
    """
    import numpy as np

    axes = _last_dims("rms_norm", input, normalized_shape, weight=weight)
    smallest = float(np.finfo(input.array.dtype).eps) if eps is None else float(eps)
    return _scaled(
        ops.scale_to_unit(input, axes=axes, eps=smallest), weight, None, tuple(input.array.shape[a] for a in axes)
    )


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """γ (x - μ) / √(σ² + ε) + β over groups of channels of each example (Wu and He, 2018).

    Shape:
        input (N, C, *S); weight and bias (C).

    Raises:
        RuntimeError: if the channels do not divide into the groups.
    """
    require_tensor("group_norm", input=input)
    require_float("group_norm", input)
    shape = input.array.shape
    require(
        len(shape) >= 2 and num_groups > 0 and shape[1] % num_groups == 0,
        f"group_norm: expected channels (dim 1) that divide into {num_groups} groups, got shape {tuple(shape)}",
    )
    _check_features("group_norm", shape[1], weight=weight, bias=bias)
    grouped = input.reshape((shape[0], num_groups, shape[1] // num_groups, *shape[2:]))
    y, _, _ = _standardized(grouped, tuple(range(2, grouped.array.ndim)), eps)
    return _scaled(y.reshape(shape), weight, bias, (1, shape[1], *(1,) * (len(shape) - 2)))


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """x / (k + alpha · mean of x² over `size` neighbouring channels)^beta (Krizhevsky et al., 2012).

    Raises:
        ValueError: for an input without spatial dims, or an empty one.
    """
    require_tensor("local_response_norm", input=input)
    shape = input.array.shape
    require(len(shape) >= 3, f"local_response_norm: expected an input (N, C, *S), got shape {tuple(shape)}", ValueError)
    squares = (input * input).reshape((shape[0], 1, shape[1], -1))
    # A window before and behind: of an even size one more place before.
    total: Any = windows.sum_windows(
        squares, space=tuple(squares.array.shape[2:]), kernel=(size, 1), stride=(1, 1), padding=(size // 2, 0),
        out=tuple(squares.array.shape[2:]),
    )  # fmt: skip
    return input / (total.reshape(shape) * (alpha / size) + k) ** beta


def normalize(input: Tensor, p: float = 2.0, dim: int | tuple[int, ...] = 1, eps: float = 1e-12) -> Tensor:
    """Vectors along a dim divided by their p-norm, or by eps if that is smaller.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nn.functional.normalize(tc.tensor([[3.0, 4.0]]))
        tensor([[0.6000, 0.8000]])
    """
    require_tensor("normalize", input=input)
    return input / input.norm(p, dim, True).clamp(min=eps)
