"""Padding: widen the last dimensions."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from . import functional as F
from ._make import ntuple
from .module import Module

__all__ = [
    "CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d",
    "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d", "ReplicationPad2d", "ReplicationPad3d",
    "ZeroPad1d", "ZeroPad2d", "ZeroPad3d",
]  # fmt: skip


class _Pad(Module):
    """Widths are given as for `F.pad`: (left, right, top, bottom, front, back), or one for all."""

    _n: int
    _mode: str

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding = ntuple(type(self).__name__, "padding", padding, 2 * self._n)

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, mode=self._mode)

    def extra_repr(self) -> str:
        return str(self.padding)


class _ConstantPad(_Pad):
    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class _ZeroPad(_ConstantPad):
    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return str(self.padding)


class ConstantPad1d(_ConstantPad):
    """Widen the last dimension by a constant."""

    _n = 1


class ConstantPad2d(_ConstantPad):
    """Widen the last two dimensions by a constant."""

    _n = 2


class ConstantPad3d(_ConstantPad):
    """Widen the last three dimensions by a constant."""

    _n = 3


class ZeroPad1d(_ZeroPad):
    """Widen the last dimension by zeros."""

    _n = 1


class ZeroPad2d(_ZeroPad):
    """Widen the last two dimensions by zeros.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nn.ZeroPad2d((1, 2, 0, 0))(tc.zeros(1, 1, 4, 4)).shape
        Size([1, 1, 4, 7])
    """

    _n = 2


class ZeroPad3d(_ZeroPad):
    """Widen the last three dimensions by zeros."""

    _n = 3


class _ReflectionPad(_Pad):
    _mode = "reflect"


class _ReplicationPad(_Pad):
    _mode = "replicate"


class _CircularPad(_Pad):
    _mode = "circular"


class ReflectionPad1d(_ReflectionPad):
    """Widen the last dimension by its mirror image, without repeating the edge."""

    _n = 1


class ReflectionPad2d(_ReflectionPad):
    """Widen the last two dimensions by their mirror image, without repeating the edge."""

    _n = 2


class ReflectionPad3d(_ReflectionPad):
    """Widen the last three dimensions by their mirror image, without repeating the edge."""

    _n = 3


class ReplicationPad1d(_ReplicationPad):
    """Widen the last dimension by repeating its edge."""

    _n = 1


class ReplicationPad2d(_ReplicationPad):
    """Widen the last two dimensions by repeating their edge."""

    _n = 2


class ReplicationPad3d(_ReplicationPad):
    """Widen the last three dimensions by repeating their edge."""

    _n = 3


class CircularPad1d(_CircularPad):
    """Widen the last dimension by going on from its other end."""

    _n = 1


class CircularPad2d(_CircularPad):
    """Widen the last two dimensions by going on from their other end."""

    _n = 2


class CircularPad3d(_CircularPad):
    """Widen the last three dimensions by going on from their other end."""

    _n = 3
