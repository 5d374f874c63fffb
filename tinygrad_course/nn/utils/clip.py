"""Keep gradients from growing too large."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import cast

import numpy as np

from ...effects import perform
from ...overwrites import mark_overwritten
from ...tensor import Tensor

__all__ = ["clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]

Tensors = Tensor | Iterable[Tensor]


def _gradients(parameters: Tensors) -> list[np.ndarray]:
    listed = [parameters] if isinstance(parameters, Tensor) else parameters
    return [p.grad.array for p in listed if p.grad is not None]


def _norm(arrays: list[np.ndarray], norm_type: float, error_if_nonfinite: bool) -> np.ndarray:
    """The norm of all values together. Of large arrays no float64 copies are made."""
    p = float(norm_type)
    if not arrays:
        return np.zeros((), np.float32)
    dtype = np.result_type(*arrays)
    if math.isinf(p):
        total = max(float(np.max(np.abs(a), initial=0)) for a in arrays)
    elif p == 2:
        total = math.sqrt(sum(float(np.vdot(a, a)) for a in arrays))
        if math.isinf(total) and all(np.isfinite(a).all() for a in arrays):  # the squares overflowed, not the values
            total = math.sqrt(sum(float(np.square(a, dtype=np.float64).sum()) for a in arrays))
    else:
        total = sum(float((np.abs(a) ** p).sum(dtype=np.float64)) for a in arrays) ** (1 / p)
    if error_if_nonfinite and not math.isfinite(total):
        raise RuntimeError(
            f"clip_grad_norm_: the norm of the gradients is {total}; find where it comes from, e.g. by "
            "tc.autograd.detect_anomaly(), or pass error_if_nonfinite=False to scale all the same"
        )
    return np.asarray(total, dtype)


def get_total_norm(
    tensors: Tensors, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Tensor:
    """The p-norm of the values of all tensors together."""
    listed = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    return Tensor._wrap(_norm([x._value("get_total_norm") for x in listed], norm_type, error_if_nonfinite))


def clip_grads_with_norm_(
    parameters: Tensors, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scale all gradients by max_norm / total_norm where that is less than 1."""
    total_norm._value("clip_grads_with_norm_")
    _scale(parameters, max_norm, total_norm)


def _scale(parameters: Tensors, max_norm: float, total_norm: Tensor) -> None:
    factor = float(max_norm) / (float(total_norm.array) + 1e-6)
    if factor >= 1:
        return
    for g in _gradients(parameters):
        g *= factor
        mark_overwritten(g)


def clip_grad_norm_(
    parameters: Tensors, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:  # fmt: skip
    """Scale all gradients together, in place, so that their norm is at most `max_norm` (Pascanu et al. 2013).

    Args:
        parameters: those whose `.grad` are scaled; those without are passed over.
        max_norm: the largest norm.
        norm_type: p, or inf.
        error_if_nonfinite: raise if the norm is not finite.
        foreach: accepted for compatibility.

    Returns:
        The norm before.

    Example:
        >>> import tinygrad_course as tc
        >>> w = tc.tensor([3.0, 4.0], requires_grad=True)
        >>> (w * w / 2).sum().backward()
        >>> tc.nn.utils.clip_grad_norm_([w], 1.0).item()
        5.0
        >>> [round(v, 3) for v in w.grad.tolist()]
        [0.6, 0.8]
    """
    listed = [parameters] if isinstance(parameters, Tensor) else list(parameters)

    def clip() -> Tensor:
        total = Tensor._wrap(_norm(_gradients(listed), norm_type, error_if_nonfinite))
        _scale(listed, max_norm, total)
        return total

    return cast(Tensor, perform(clip, owner=listed, name="clip_grad_norm_", touches=lambda: listed, only_grads=True))


def clip_grad_value_(parameters: Tensors, clip_value: float, foreach: bool | None = None) -> None:
    """Cut every value of the gradients to [-clip_value, clip_value], in place."""
    listed = [parameters] if isinstance(parameters, Tensor) else list(parameters)

    def clip() -> None:
        for g in _gradients(listed):
            np.clip(g, -clip_value, clip_value, out=g)
            mark_overwritten(g)

    perform(clip, owner=listed, name="clip_grad_value_", touches=lambda: listed, only_grads=True)
