"""Caffe's fillers: the initial values of weights."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ...dtypes import get_default_dtype
from ...random import default_generator
from ..prototxt import Message

__all__ = ["fill"]

Shape = tuple[int, ...]


def fill(shape: Shape, filler: Message, default: tuple[str, float] = ("constant", 0.0)) -> np.ndarray:
    """Values for a blob of `shape`.

    Args:
        shape: for a convolution (outputs, inputs, height, width).
        filler: the text in `weight_filler { ... }`.
        default: the type and value if the text gives none.
    """
    kind = filler.text("type", default[0] if not filler.fields else "constant")
    if kind not in _FILLERS:
        raise filler.error(f"filler: type must be one of {', '.join(_FILLERS)}, got {kind!r}", "type")
    if kind == "constant":
        return np.full(shape, filler.number("value", default[1] if not filler.fields else 0.0), get_default_dtype())
    return _FILLERS[kind](shape, filler, default_generator().numpy).astype(get_default_dtype())


def _fan(shape: Shape, m: Message) -> float:
    """The number that `variance_norm` chooses, as Caffe counts it: values per output, and per input channel."""
    count = math.prod(shape)
    fan_in, fan_out = count / shape[0], count / (shape[1] if len(shape) > 1 else 1)
    kind = m.choice("variance_norm", "FAN_IN", "FAN_OUT", "AVERAGE")
    return {"FAN_IN": fan_in, "FAN_OUT": fan_out, "AVERAGE": (fan_in + fan_out) / 2}[kind]


def _uniform(shape: Shape, m: Message, rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(m.number("min", 0.0), m.number("max", 1.0), shape)


def _gaussian(shape: Shape, m: Message, rng: np.random.Generator) -> np.ndarray:
    values = rng.normal(m.number("mean", 0.0), m.number("std", 1.0), shape)
    sparse = m.integer("sparse", -1)
    if sparse >= 0:  # so many inputs of each output are not 0, in expectation
        values *= rng.random(shape) < sparse / shape[0]
    return values


def _xavier(shape: Shape, m: Message, rng: np.random.Generator) -> np.ndarray:
    bound = math.sqrt(3 / _fan(shape, m))
    return rng.uniform(-bound, bound, shape)


def _msra(shape: Shape, m: Message, rng: np.random.Generator) -> np.ndarray:
    return rng.normal(0.0, math.sqrt(2 / _fan(shape, m)), shape)


def _positive_unitball(shape: Shape, m: Message, rng: np.random.Generator) -> np.ndarray:
    values = rng.random(shape)
    return values / values.reshape(shape[0], -1).sum(1).reshape(-1, *(1,) * (len(shape) - 1))


def _bilinear(shape: Shape, m: Message, rng: np.random.Generator) -> np.ndarray:
    """Weights of a deconvolution that enlarges by interpolation."""
    if len(shape) != 4 or shape[2] != shape[3]:
        raise m.error(f"filler: bilinear needs square kernels, got a blob of shape {shape}")
    factor = math.ceil(shape[3] / 2)
    centre = (2 * factor - 1 - factor % 2) / (2 * factor)
    line = 1 - np.abs(np.arange(shape[3]) / factor - centre)
    return np.broadcast_to(np.outer(line, line), shape)


_FILLERS: dict[str, Callable[..., np.ndarray]] = {
    "constant": lambda shape, m, rng: np.zeros(shape), "uniform": _uniform, "gaussian": _gaussian, "xavier": _xavier,
    "msra": _msra, "positive_unitball": _positive_unitball, "bilinear": _bilinear,
}  # fmt: skip
