"""Losses of classes, probabilities and densities. Those of numbers are in `regression`, of pairs in `margin`."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from ...effects import check
from ...graph import traced
from ...ops import loss as ops
from ...ops import where
from ...ops.activation import log_softmax, logsigmoid
from ...ops.special import xlogy
from ...tensor import Tensor
from ._check import reduced, require, require_float, require_tensor

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy", "gaussian_nll_loss", "kl_div",
    "nll_loss", "poisson_nll_loss",
]  # fmt: skip


# --- Classes ---------------------------------------------------------------------------------------------------------


def _class_dims(name: str, input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Logits as (N, C, *S) and classes as (N, *S), from these or from (C) and one class."""
    x, t = input.array.shape, target.array.shape
    require_float(name, input)
    require(
        target.array.dtype.kind in "iu",
        f"{name}: expected class numbers (integers) of shape {(*x[:1], *x[2:])} as target, got {target.dtype} "
        f"{tuple(t)}; use target.long()"
        + (", or give probabilities in the shape of the input" if name == "cross_entropy" else ""),
    )
    if len(x) == 1 and not t:
        return input.reshape((1, *x)), target.reshape((1,))
    if len(x) < 2 or (x[0], *x[2:]) != tuple(t):
        error = ValueError if len(x) >= 2 and len(t) and x[0] != t[0] else RuntimeError
        raise error(
            f"{name}: expected an input (N, C, *S) and a target (N, *S), got {tuple(x)} and {tuple(t)}; the target has "
            "the input's shape without the class dim 1"
        )
    return input, target


def _class_weight(name: str, weight: Tensor | None, classes: int) -> None:
    if weight is not None:
        require(
            weight.array.shape == (classes,),
            f"{name}: expected a weight for each of {classes} classes, got shape {tuple(weight.shape)}",
        )


def _weighed(
    name: str, loss: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str, alone: bool
) -> Tensor:
    """Losses of each target, multiplied by its class's weight; the mean is over the weights that count."""
    if weight is None:
        if reduction != "mean":
            out = reduced(name, loss, reduction)
            return out.reshape(()) if alone else out
        if ignore_index < 0 and not traced() and bool(target._value(name).min(initial=0) >= 0):
            return loss.mean()
        return loss.sum() / (target != ignore_index).sum().to(loss.dtype)
    counted = target != ignore_index
    share = where(counted, weight[where(counted, target, 0)], 0.0)
    loss = loss * share
    if reduction == "mean":
        return loss.sum() / share.sum()
    out = reduced(name, loss, reduction)
    return out.reshape(()) if alone else out


def cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
    ignore_index: int = -100, reduce: bool | None = None, reduction: str = "mean", label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """-log softmax(x) of the target class: -x_t + log Σⱼ exp xⱼ (lecture, ch. 5), without overflow.

    Shape:
        input (C), (N, C) or (N, C, *S); target of the same shape without C (classes), or with it (probabilities).

    Args:
        input: logits.
        target: class numbers, or probabilities of the classes.
        weight: a factor for each class.
        ignore_index: a class number that counts for nothing.
        reduction: 'mean' (over the weights that count), 'sum' or 'none'.
        label_smoothing: how much of the target probability is spread evenly over all classes.
        size_average: deprecated by PyTorch; use reduction.
        reduce: deprecated by PyTorch; use reduction.

    Raises:
        IndexError: for a target that is no class.
        RuntimeError: if shapes or dtypes do not fit.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nn.functional.cross_entropy(tc.tensor([[0.0, 0.0]]), tc.tensor([1]))
        tensor(0.6931)
    """
    require_tensor("cross_entropy", input=input, target=target)
    reduction = legacy(reduction, size_average, reduce)
    require(0 <= label_smoothing <= 1, f"cross_entropy: expected label_smoothing from 0 to 1, got {label_smoothing}")
    dim = 1 if input.array.ndim > 1 else 0
    classes = input.array.shape[dim] if input.array.ndim else 0
    _class_weight("cross_entropy", weight, classes)
    if target.array.dtype.kind == "f" and target.array.shape == input.array.shape:
        return _cross_entropy_of_probabilities(input, target, weight, reduction, label_smoothing, dim, classes)
    x, t = _class_dims("cross_entropy", input, target)
    alone = input.array.ndim == 1
    loss = ops.cross_entropy(x, t, ignore_index=ignore_index)
    hard = _weighed("cross_entropy", loss, t, weight, ignore_index, reduction, alone)
    if not label_smoothing:
        return hard
    spread = -log_softmax(x, 1)
    if weight is not None:
        spread = spread * weight.reshape((1, classes, *(1,) * (x.array.ndim - 2)))
    counted = t != ignore_index
    smooth = where(counted, spread.sum(1), 0.0)
    if reduction == "mean":
        count = counted.to(x.dtype) if weight is None else where(counted, weight[where(counted, t, 0)], 0.0)
        smooth = smooth.sum() / count.sum()
    else:
        smooth = reduced("cross_entropy", smooth, reduction)
        smooth = smooth.reshape(()) if alone else smooth
    return hard * (1 - label_smoothing) + smooth * (label_smoothing / classes)


def _cross_entropy_of_probabilities(
    input: Tensor, target: Tensor, weight: Tensor | None, reduction: str, label_smoothing: float, dim: int, classes: int
) -> Tensor:
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    terms = log_softmax(input, dim) * target
    if weight is not None:
        terms = terms * weight.reshape((classes, *(1,) * (input.array.ndim - dim - 1)))
    loss = -terms.sum(dim)
    if reduction == "mean":
        return loss.sum() / max(1, loss.array.size)
    return reduced("cross_entropy", loss, reduction)


def nll_loss(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
    ignore_index: int = -100, reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """-x_t: the negative log-likelihood, of log-probabilities and class numbers; see `cross_entropy`.

    Raises:
        IndexError: for a target that is no class.
        RuntimeError: if shapes or dtypes do not fit.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nn.functional.nll_loss(tc.tensor([[-1.0, -2.0]]), tc.tensor([1]))
        tensor(2.)
    """
    require_tensor("nll_loss", input=input, target=target)
    reduction = legacy(reduction, size_average, reduce)
    x, t = _class_dims("nll_loss", input, target)
    _class_weight("nll_loss", weight, x.array.shape[1])
    check(_check_classes, t, classes=x.array.shape[1], ignore_index=ignore_index)
    places = where(t != ignore_index, t, 0).unsqueeze(1)
    loss = where(t != ignore_index, -x.gather(1, places).squeeze(1), 0.0)
    return _weighed("nll_loss", loss, t, weight, ignore_index, reduction, input.array.ndim == 1)


def _check_classes(target: np.ndarray, classes: int, ignore_index: int) -> None:
    ops.check_classes("nll_loss", target, classes, ignore_index)


def legacy(reduction: str, size_average: bool | None, reduce: bool | None) -> str:
    """The reduction that PyTorch's old arguments mean."""
    if size_average is None and reduce is None:
        return reduction
    warnings.warn(
        "size_average and reduce are deprecated; use reduction='none', 'mean' or 'sum'", FutureWarning, stacklevel=3
    )
    if reduce is False:
        return "none"
    return "sum" if size_average is False else "mean"


# --- Probabilities and densities -------------------------------------------------------------------------------------


def _same_shape(name: str, input: Tensor, target: Tensor, error: type[Exception] = ValueError) -> None:
    require_tensor(name, input=input, target=target)
    if input.array.shape != target.array.shape:
        raise error(
            f"{name}: expected input and target of one shape, got {tuple(input.shape)} and {tuple(target.shape)}; "
            "reshape one of them, e.g. by unsqueeze(1)"
        )


def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """-(t log x + (1 - t) log(1 - x)) of probabilities x; logarithms are at least -100.

    Raises:
        ValueError: if shapes differ.
        RuntimeError: for inputs outside of [0, 1].

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nn.functional.binary_cross_entropy(tc.tensor([0.5]), tc.tensor([1.0]))
        tensor(0.6931)
    """
    _same_shape("binary_cross_entropy", input, target)
    require_float("binary_cross_entropy", input)
    check(_check_probabilities, input)
    loss: Any = ops.binary_cross_entropy(input, target)
    if weight is not None:
        loss = loss * weight
    return reduced("binary_cross_entropy", loss, legacy(reduction, size_average, reduce))


def _check_probabilities(x: np.ndarray) -> None:
    if x.size and not (x.min() >= 0 and x.max() <= 1):
        raise RuntimeError(
            f"binary_cross_entropy: expected probabilities from 0 to 1, got values from {x.min()} to {x.max()}; "
            "apply sigmoid, or use binary_cross_entropy_with_logits"
        )


def binary_cross_entropy_with_logits(
    input: Tensor, target: Tensor, weight: Tensor | None = None, size_average: bool | None = None,
    reduce: bool | None = None, reduction: str = "mean", pos_weight: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """-(p t log σ(x) + (1 - t) log(1 - σ(x))) of logits x, without overflow.

    Args:
        input: logits.
        target: probabilities.
        weight: a factor for each value.
        pos_weight: p, a factor for positive targets.
        reduction: 'mean', 'sum' or 'none'.
        size_average: deprecated by PyTorch; use reduction.
        reduce: deprecated by PyTorch; use reduction.

    Raises:
        ValueError: if shapes differ.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nn.functional.binary_cross_entropy_with_logits(tc.tensor([0.0]), tc.tensor([1.0]))
        tensor(0.6931)
    """
    name = "binary_cross_entropy_with_logits"
    _same_shape(name, input, target)
    require_float(name, input)
    loss: Any
    if pos_weight is None:
        loss = ops.binary_cross_entropy_with_logits(input, target)
    else:
        loss = (1 - target) * input - (1 + (pos_weight - 1) * target) * logsigmoid(input)
    if weight is not None:
        loss = loss * weight
    return reduced(name, loss, legacy(reduction, size_average, reduce))


def kl_div(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None,
    reduction: str = "mean", log_target: bool = False,
) -> Tensor:  # fmt: skip
    """t (log t - x) of log-probabilities x and probabilities t: summed, the Kullback-Leibler divergence.

    Args:
        input: log-probabilities.
        target: probabilities, or their logarithms with `log_target`.
        reduction: 'batchmean' (the divergence for each example), 'mean' (over all values), 'sum' or 'none'.
        log_target: whether the target holds logarithms.
        size_average: deprecated by PyTorch; use reduction.
        reduce: deprecated by PyTorch; use reduction.
    """
    require_tensor("kl_div", input=input, target=target)
    reduction = legacy(reduction, size_average, reduce)
    loss = target.exp() * (target - input) if log_target else xlogy(target, target) - target * input
    if reduction == "batchmean":
        return loss.sum() / (input.array.shape[0] if input.array.ndim else 1)
    return reduced("kl_div", loss, reduction)


def poisson_nll_loss(
    input: Tensor, target: Tensor, log_input: bool = True, full: bool = False, size_average: bool | None = None,
    eps: float = 1e-8, reduce: bool | None = None, reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """exp(x) - t x: the negative log-likelihood of counts t with rate exp(x), or of rate x if not `log_input`.

    Args:
        input: logarithms of rates, or rates.
        target: counts.
        log_input: whether the input holds logarithms.
        full: add Stirling's approximation of log t! for t > 1.
        eps: added to rates before the logarithm.
        reduction: 'mean', 'sum' or 'none'.
        size_average: deprecated by PyTorch; use reduction.
        reduce: deprecated by PyTorch; use reduction.
    """
    require_tensor("poisson_nll_loss", input=input, target=target)
    loss = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        safe = where(target > 1, target, 1)
        stirling = safe * safe.log() - safe + 0.5 * (2 * math.pi * safe).log()
        loss = loss + where(target > 1, stirling, 0.0)
    return reduced("poisson_nll_loss", loss, legacy(reduction, size_average, reduce))


def _check_variances(var: np.ndarray) -> None:
    if var.size and var.min() < 0:
        raise ValueError(f"gaussian_nll_loss: expected variances of at least 0, got {var.min()}")


def gaussian_nll_loss(
    input: Tensor, target: Tensor, var: Tensor | float, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """(log σ² + (x - t)² / σ²) / 2: the negative log-likelihood of t with mean x and variance σ² (at least eps).

    Args:
        input: means.
        target: values.
        var: variances, of the input's shape, with a last dim of 1, or without it.
        full: add log(2π) / 2.
        eps: the smallest variance; it does not count for gradients.
        reduction: 'mean', 'sum' or 'none'.

    Raises:
        ValueError: for a negative variance, or one whose shape does not fit.
    """
    name = "gaussian_nll_loss"
    require_tensor(name, input=input, target=target)
    if not isinstance(var, Tensor):
        var = Tensor._wrap(np.full(input.array.shape, var, input.array.dtype))
    shape = input.array.shape
    if var.array.shape != shape:
        if shape[:-1] == var.array.shape:
            var = var.unsqueeze(-1)
        elif shape[:-1] != var.array.shape[:-1] or var.array.shape[-1] != 1:
            raise ValueError(f"{name}: var of shape {tuple(var.shape)} does not fit an input of shape {tuple(shape)}")
    check(_check_variances, var)
    # Clamped in value only: the gradient passes as if it were not.
    var = var + (var.clamp(min=eps) - var).detach()
    loss = 0.5 * (var.log() + (input - target) ** 2 / var)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return reduced(name, loss, reduction)
