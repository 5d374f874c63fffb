"""Small random Modules, each with an input."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from ... import nn
from ...random import fork_rng, manual_seed
from .arrays import numbers
from .images import images

__all__ = ["Built", "modules"]

SMOOTH = ("Tanh", "Sigmoid", "SiLU", "GELU", "Softplus", "Mish")
KINKED = ("ReLU", "LeakyReLU", "Hardtanh")
width = st.integers(1, 3)


class Built(NamedTuple):
    """A Module in float64, and an array that it takes."""

    module: nn.Module
    x: np.ndarray


@st.composite
def modules(draw: st.DrawFn, kind: str = "any", *, smooth: bool = True, depth: int = 2) -> Built:
    """Small networks in float64: dense ones, and ones of convolutions that end densely.

    Args:
        kind: "dense", "convolutional" or "any".
        smooth: only of layers without a kink.
        depth: of how many blocks at most.

    Raises:
        ValueError: if `kind` is none of these.
    """
    if kind not in ("dense", "convolutional", "any"):
        raise ValueError(f"modules: kind must be 'dense', 'convolutional' or 'any', got {kind!r}")
    if kind == "any":
        kind = draw(st.sampled_from(["dense", "convolutional"]))
    blocks, seed = draw(st.integers(1, depth)), draw(st.integers(0, 2**16))
    with fork_rng():
        manual_seed(seed)
        if kind == "dense":
            features = draw(width)
            x = draw(numbers((draw(st.integers(1, 3)), features)))
            layers = _dense(draw, features, blocks, smooth)
        else:
            channels = draw(width)
            x = draw(images(channels, (2, 2), 3))
            layers = _convolutional(draw, channels, blocks, smooth)
        return Built(nn.Sequential(*layers).double(), x)


def _activation(draw: Any, smooth: bool) -> nn.Module:
    made: nn.Module = getattr(nn, draw(st.sampled_from(SMOOTH if smooth else SMOOTH + KINKED)))()
    return made


def _dense(draw: Any, features: int, blocks: int, smooth: bool) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for _ in range(blocks):
        outs = draw(width)
        layers += [nn.Linear(features, outs, bias=draw(st.booleans())), _activation(draw, smooth)]
        if draw(st.booleans()):
            # A large eps: the variance of one feature is 0.
            layers.append(nn.LayerNorm(outs, eps=0.1))
        features = outs
    return layers


def _convolutional(draw: Any, channels: int, blocks: int, smooth: bool) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for _ in range(blocks):
        outs = draw(width)
        layers.append(nn.Conv2d(channels, outs, 3, padding=1, stride=draw(st.integers(1, 2))))
        if draw(st.booleans()):
            layers.append(nn.GroupNorm(1, outs, eps=0.1))
        layers.append(_activation(draw, smooth))
        channels = outs
    pool = nn.AdaptiveAvgPool2d(1) if smooth or draw(st.booleans()) else nn.AdaptiveMaxPool2d(1)
    return [*layers, pool, nn.Flatten(), nn.Linear(channels, draw(width))]
