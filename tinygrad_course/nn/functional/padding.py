"""Borders: of a constant, mirrored, repeated or wrapped around."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...ops import rearrange
from ...tensor import Tensor
from ._check import require, require_tensor

__all__ = ["pad"]


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """The input with a border.

    Args:
        input: any tensor.
        pad: widths in front of and behind the last dim, then of the one before it, and so on; negative ones cut.
        mode: 'constant'; 'reflect' mirrors without repeating the edge; 'replicate' repeats the edge; 'circular' wraps.
        value: of the constant border.

    Raises:
        RuntimeError: if there are more widths than dims, or a mirrored or wrapped border is wider than the input.
        NotImplementedError: for another mode.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nn.functional.pad(tc.tensor([[1.0, 2.0, 3.0]]), (2, 1), mode="reflect")
        tensor([[3., 2., 1., 2., 3., 2.]])
    """
    require_tensor("pad", input=input)
    shape = input.array.shape
    require(
        len(pad) % 2 == 0 and len(pad) <= 2 * len(shape),
        f"pad: expected a pair of widths for each of up to {len(shape)} dims, last dim first, got {tuple(pad)}",
    )
    if mode == "constant":
        return rearrange.pad(input, tuple(pad), 0.0 if value is None else value)
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(f"pad: expected mode constant, reflect, replicate or circular, got {mode!r}")
    require(not value, f"pad: value={value} is for mode='constant' only", ValueError)
    for i in range(len(pad) // 2):
        dim = len(shape) - 1 - i
        lo, hi = pad[2 * i], pad[2 * i + 1]
        if lo or hi:
            places = _places(mode, shape[dim], lo, hi)
            input = input[(slice(None),) * dim + (Tensor._wrap(places),)]
    return input


def _places(mode: str, length: int, lo: int, hi: int) -> np.ndarray:
    """Where each value of a padded dim comes from."""
    places = np.arange(-lo, length + hi)
    widest = {"reflect": length - 1, "replicate": None, "circular": length}[mode]
    require(
        length > 0 and (widest is None or max(lo, hi) <= widest),
        f"pad: the widths {(lo, hi)} in mode {mode!r} must be at most {widest} for a dim of length {length}",
    )
    if mode == "replicate":
        return np.clip(places, 0, length - 1)
    if mode == "circular":
        return places % length
    places = np.abs(places)
    return np.where(places >= length, 2 * (length - 1) - places, places)
