"""Fixed or learned basis functions: y(x) = wᵀ Φ(x) + b (lecture, chapter 1).

Put a Linear behind one of these: `nn.Sequential(nn.GaussianBasis(...), nn.Linear(M, 1))`. With fixed centres the model
is linear in its parameters; with `trainable=True` the basis is learned too, as a network learns it.
"""

from __future__ import annotations

import math
from typing import Any, Self

import numpy as np

from .. import dtypes
from ..ops import exp, sigmoid
from ..random import default_generator
from ..tensor import Tensor
from .module import Module
from .parameter import Parameter

__all__ = ["GaussianBasis", "SigmoidBasis"]


def _values(x: Any) -> np.ndarray:
    return np.array(x.array if isinstance(x, Tensor) else x)


class _Basis(Module):
    """Centres and widths, as parameters or as buffers."""

    def __init__(self, centers: Any, width: Any, trainable: bool) -> None:
        super().__init__()
        c = _values(centers)
        c = c.astype(c.dtype if c.dtype.kind == "f" else dtypes.get_default_dtype())
        if c.ndim == 1:
            c = c[:, None]
        if c.ndim != 2 or not len(c):
            raise ValueError(f"{type(self).__name__}: expected centers of shape (M,) or (M, d), got {c.shape}")
        s = _values(width).astype(c.dtype)
        if s.shape not in ((), (len(c),)) or not (s > 0).all():
            raise ValueError(f"{type(self).__name__}: width must be positive, one or {len(c)} of them, got {width}")
        self.trainable = trainable
        self._add("centers", c)
        self._add("width", s)

    def _add(self, name: str, values: np.ndarray) -> None:
        if self.trainable:
            self.register_parameter(name, Parameter(values))
        else:
            self.register_buffer(name, Tensor._wrap(values))

    @classmethod
    def from_samples(
        cls, samples: Any, count: int, width: Any = None, *, trainable: bool = False, generator: Any = None
    ) -> Self:
        """A basis on key samples: `count` of the samples, drawn without repetition, are the centres.

        Args:
            samples: (N,) or (N, d).
            count: the number of basis functions.
            width: default: the mean distance from a centre to the one nearest to it.
            trainable: whether centres and widths are parameters.
            generator: where the draws come from.
        """
        x = _values(samples)
        x = x[:, None] if x.ndim == 1 else x
        if x.ndim != 2 or not 1 <= count <= len(x):
            raise ValueError(f"{cls.__name__}.from_samples: cannot choose {count} centers of samples {x.shape}")
        rng = (default_generator() if generator is None else generator).numpy
        centers = x[np.sort(rng.permutation(len(x))[:count])]
        if width is None:
            apart = np.sqrt(((centers[:, None] - centers[None]) ** 2).sum(-1))
            np.fill_diagonal(apart, np.inf)
            width = float(apart.min(1).mean()) if count > 1 else 1.0
            width = width or 1.0
        return cls(centers, width, trainable=trainable)

    def _differences(self, x: Tensor) -> Tensor:
        """x - cⱼ for every centre: (*, M, d)."""
        d = self.centers.array.shape[1]
        if not x.ndim or x.shape[-1] != d:
            mend = "; use x.unsqueeze(-1)" if d == 1 else ""
            raise RuntimeError(
                f"{type(self).__name__}: expected (*, {d}) as the centers have, got {tuple(x.shape)}{mend}"
            )
        return x.unsqueeze(-2) - self.centers

    def extra_repr(self) -> str:
        count, d = self.centers.array.shape
        return f"{count} centers of {d} dimensions" + (", trainable=True" if self.trainable else "")


class GaussianBasis(_Basis):
    """Φⱼ(x) = exp(-‖x - cⱼ‖² / (2 s²)) (Bishop 2006, equation 3.4).

    Shape:
        (*, d) to (*, M).

    Args:
        centers: the cⱼ, of shape (M,) for d = 1, or (M, d).
        width: s, one or M of them.
        trainable: whether centres and widths are parameters.

    Example:
        >>> import tinygrad_course as tc
        >>> phi = tc.nn.GaussianBasis([-1.0, 0.0, 1.0], width=0.5)
        >>> phi(tc.zeros(4, 1)).shape
        Size([4, 3])
    """

    def __init__(self, centers: Any, width: Any = 1.0, *, trainable: bool = False) -> None:
        super().__init__(centers, width, trainable)

    def forward(self, input: Tensor) -> Tensor:
        apart = self._differences(input)
        return exp((apart * apart).sum(-1) / (-2.0 * self.width * self.width))


class SigmoidBasis(_Basis):
    """Φⱼ(x) = σ(aⱼᵀ(x - cⱼ) / s), for d = 1 σ((x - cⱼ) / s) (Bishop 2006, equation 3.6).

    Shape:
        (*, d) to (*, M).

    Args:
        centers: the cⱼ, of shape (M,) for d = 1, or (M, d).
        width: s, one or M of them.
        directions: the aⱼ, of shape (M, d); default: all along (1, …, 1) / √d.
        trainable: whether centres, widths and directions are parameters.
    """

    def __init__(self, centers: Any, width: Any = 1.0, directions: Any = None, *, trainable: bool = False) -> None:
        super().__init__(centers, width, trainable)
        shape, dtype = self.centers.array.shape, self.centers.array.dtype
        a = np.full(shape, 1 / math.sqrt(shape[1])) if directions is None else _values(directions)
        if a.shape != shape:
            raise ValueError(f"SigmoidBasis: expected directions of the centers' shape {shape}, got {a.shape}")
        self._add("directions", a.astype(dtype))

    def forward(self, input: Tensor) -> Tensor:
        return sigmoid((self._differences(input) * self.directions).sum(-1) / self.width)
