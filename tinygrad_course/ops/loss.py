"""Losses whose value or gradient, composed of other operations, would overflow, lose digits, or take many passes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .activation import softmax_op
from .elementwise import sigmoid
from .op import declare

__all__: list[str] = []


def last_or(dim: int, ndim: int) -> int:
    """A dim counted from 0, as -1 if it is the last: rows that lie together have faster sums."""
    return -1 if dim == ndim - 1 else dim


# --- Classes ------------------------------------------------------------------------------------------------------


def _one_hot(target: np.ndarray, *, classes: int) -> np.ndarray:
    places = np.expand_dims(target, 1)
    return places == np.arange(classes).reshape((classes,) + (1,) * (target.ndim - 1))


one_hot = declare(
    _one_hot, name="one_hot",
    doc="Whether each class, along a new dim 1, is the target; false for a target that is none.",
)  # fmt: skip


def check_classes(name: str, target: np.ndarray, classes: int, ignore_index: int) -> np.ndarray | None:
    """Where the target is not ignored, or None if it never is; raise IndexError where it is no class."""
    if not target.size or (target.min() >= 0 and target.max() < classes and not 0 <= ignore_index < classes):
        return None
    counted = target != ignore_index
    wrong = counted & ((target < 0) | (target >= classes))
    if wrong.any():
        raise IndexError(
            f"{name}: target {target[wrong][0]} is no class: with {classes} classes expected 0 to {classes - 1}, "
            f"or ignore_index={ignore_index}"
        )
    return np.asarray(counted)


def _cross_entropy(x: np.ndarray, target: np.ndarray, *, ignore_index: int) -> np.ndarray:
    counted = check_classes("cross_entropy", target, x.shape[1], ignore_index)
    if not x.size:
        return np.zeros_like(x, shape=target.shape)
    shifted = x - np.maximum.reduce(x, axis=1, keepdims=True)
    classes = target if counted is None else np.where(counted, target, 0)
    if x.ndim == 2:
        chosen = shifted[np.arange(len(x)), classes]
    else:
        chosen = np.take_along_axis(shifted, np.expand_dims(classes, 1), 1)[:, 0]
    np.exp(shifted, out=shifted)
    loss = np.log(np.add.reduce(shifted, 1))
    loss -= chosen
    return loss if counted is None else np.where(counted, loss, 0)


def _cross_entropy_rule(g: Any, _y: Any, x: Any, target: Any, ignore_index: int) -> Any:
    g = np.expand_dims(np.where(target == ignore_index, 0.0, g), 1)
    return (softmax_op.apply(x, dim=last_or(1, x.ndim)) - one_hot.apply(target, classes=x.shape[1])) * g


cross_entropy = declare(
    _cross_entropy, vjp=(_cross_entropy_rule, None), name="cross_entropy",
    doc="log Σⱼ exp xⱼ - x_target for each place, with logits x (N, C, *S) and target (N, *S); 0 where it is ignored.",
)  # fmt: skip

# --- Probabilities ------------------------------------------------------------------------------------------------


def _clamped_log(x: Any) -> Any:
    """log x, but not below -100, where PyTorch's loss clamps it."""
    with np.errstate(divide="ignore"):
        return np.maximum(np.log(x), -100.0)


binary_cross_entropy = declare(
    lambda x, t: -(t * _clamped_log(x) + (1 - t) * _clamped_log(1 - x)),
    vjp=(lambda g, _y, x, t: g * (x - t) / np.maximum(x * (1 - x), 1e-12),
         lambda g, _y, x, _t: g * (_clamped_log(1 - x) - _clamped_log(x))),
    name="binary_cross_entropy", broadcasts=True,
    doc="-(t log x + (1 - t) log(1 - x)), elementwise, with logarithms of at least -100.",
)  # fmt: skip
binary_cross_entropy_with_logits = declare(
    lambda x, t: np.maximum(x, 0) - x * t + np.log1p(np.exp(-np.abs(x))),
    vjp=(lambda g, _y, x, t: g * (sigmoid.apply(x) - t), lambda g, _y, x, _t: -g * x),
    name="binary_cross_entropy_with_logits", broadcasts=True,
    doc="-(t log σ(x) + (1 - t) log(1 - σ(x))), elementwise, without overflow.",
)  # fmt: skip

# --- Distances ----------------------------------------------------------------------------------------------------


def _squared_error(x: np.ndarray, t: np.ndarray, *, scale: float) -> Any:
    d = (x - t).ravel(order="K")
    return d.dot(d) * scale


squared_error = declare(
    _squared_error,
    vjp=(lambda g, _y, x, t, scale: (g * (2 * scale)) * (x - t),
         lambda g, _y, x, t, scale: (g * (-2 * scale)) * (x - t)),
    name="squared_error", lazy=False, doc="scale · Σ (x - t)², for x and t of one shape.",
)  # fmt: skip


def _smooth_error(d: np.ndarray, *, delta: float) -> np.ndarray:
    size = np.abs(d)
    return np.where(size < delta, 0.5 * d * d, delta * (size - 0.5 * delta))


huber = declare(
    _smooth_error, vjp=lambda g, _y, d, delta: g * np.minimum(np.maximum(d, -delta), delta), name="huber",
    broadcasts=True, doc="d² / 2 where |d| < delta, else delta (|d| - delta / 2) (Huber, 1964).",
)  # fmt: skip
