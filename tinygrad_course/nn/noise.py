"""Corrupt the input while training, so that the network learns what noise does not change (lecture, chapter 9)."""

from __future__ import annotations

from typing import Any

from ..ops import rand_like, randn_like
from ..tensor import Tensor
from .module import Module

__all__ = ["GaussianNoise", "MaskingNoise", "SaltAndPepperNoise"]


def _probability(layer: str, p: float) -> float:
    if not 0 <= p <= 1:
        raise ValueError(f"{layer}: p must be a probability from 0 to 1, got {p}")
    return p


class GaussianNoise(Module):
    """x + std · ε, ε ~ N(0, 1), in training; x in evaluation.

    Bishop (1995), "Training with noise is equivalent to Tikhonov regularization".

    Args:
        std: the standard deviation of the noise.
        generator: where the draws come from.
    """

    def __init__(self, std: float = 0.1, *, generator: Any = None) -> None:
        super().__init__()
        if not std >= 0:
            raise ValueError(f"GaussianNoise: std must not be negative, got {std}")
        self.std = std
        self.generator = generator

    def forward(self, input: Tensor) -> Tensor:
        return input + self.std * randn_like(input, generator=self.generator) if self.training else input

    def extra_repr(self) -> str:
        return f"std={self.std}"


class MaskingNoise(Module):
    """Set each value to 0 with probability p in training; unlike Dropout, nothing is scaled (Vincent et al. 2010).

    Args:
        p: the probability.
        generator: where the draws come from.
    """

    def __init__(self, p: float = 0.5, *, generator: Any = None) -> None:
        super().__init__()
        self.p = _probability("MaskingNoise", p)
        self.generator = generator

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return input
        return input * (rand_like(input, generator=self.generator) >= self.p)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class SaltAndPepperNoise(Module):
    """Set each value with probability p to `low` or `high`, by a fair coin, in training (Vincent et al. 2010).

    Args:
        p: the probability.
        low: the pepper.
        high: the salt.
        generator: where the draws come from.
    """

    def __init__(self, p: float = 0.1, low: float = 0.0, high: float = 1.0, *, generator: Any = None) -> None:
        super().__init__()
        self.p = _probability("SaltAndPepperNoise", p)
        self.low = low
        self.high = high
        self.generator = generator

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return input
        u = rand_like(input, generator=self.generator)
        # One draw decides both: below p / 2 pepper, from there to p salt.
        kept, salt = u >= self.p, (u >= self.p / 2) & (u < self.p)
        pepper = u < self.p / 2
        return input * kept + (self.high * salt + self.low * pepper)

    def extra_repr(self) -> str:
        return f"p={self.p}, low={self.low}, high={self.high}"
