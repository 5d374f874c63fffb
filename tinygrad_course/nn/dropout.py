"""Dropout: remove nodes at random while training."""

from __future__ import annotations

from ..ops import rand_like
from ..tensor import Tensor
from . import functional as F
from .module import Module

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


class _Dropout(Module):
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"{type(self).__name__}: p must be a probability from 0 to 1, got {p}")
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """Remove each value with probability p in training (Srivastava et al. 2014).

    What is left must be scaled so that the expectation is the same in training and in evaluation. There are two ways:

    - scale="training" (default; PyTorch's, called inverted): in training multiply by 1 / (1 - p), in evaluation do
      nothing;
    - scale="evaluation" (the lecture's, chapter 10, and the paper's): in training do not scale, in evaluation multiply
      by 1 - p.

    In both, E[output in training] = output in evaluation; the second is 1 - p times the first.

    Args:
        p: the probability of removal.
        inplace: accepted for compatibility; the result is a new tensor.
        scale: when to scale, "training" or "evaluation".

    Example:
        >>> import tinygrad_course as tc
        >>> drop = tc.nn.Dropout(0.25, scale="evaluation").eval()
        >>> drop(tc.tensor([4.0, 8.0])).tolist()
        [3.0, 6.0]
    """

    def __init__(self, p: float = 0.5, inplace: bool = False, *, scale: str = "training") -> None:
        super().__init__(p, inplace)
        if scale not in ("training", "evaluation"):
            raise ValueError(f"Dropout: scale must be 'training' or 'evaluation', got {scale!r}")
        self.scale = scale

    def forward(self, input: Tensor) -> Tensor:
        if self.scale == "training":
            return F.dropout(input, self.p, self.training)
        if not self.training:
            return input * (1 - self.p)
        return input * (rand_like(input) >= self.p)

    def extra_repr(self) -> str:
        return super().extra_repr() + (f", scale={self.scale!r}" if self.scale != "training" else "")


class Dropout1d(_Dropout):
    """Remove whole channels of (N, C, L) or (C, L) with probability p, and scale the others by 1 / (1 - p)."""

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout1d(input, self.p, self.training)


class Dropout2d(_Dropout):
    """Remove whole channels of (N, C, H, W) or (C, H, W) with probability p (Tompson et al. 2015)."""

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout2d(input, self.p, self.training)


class Dropout3d(_Dropout):
    """Remove whole channels of (N, C, D, H, W) or (C, D, H, W) with probability p, and scale the others."""

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout3d(input, self.p, self.training)


class AlphaDropout(_Dropout):
    """Dropout for networks with SELU: keeps mean 0 and variance 1 (Klambauer et al. 2017)."""

    def forward(self, input: Tensor) -> Tensor:
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_Dropout):
    """AlphaDropout of whole channels."""

    def forward(self, input: Tensor) -> Tensor:
        return F.feature_alpha_dropout(input, self.p, self.training)
