"""Parameters and buffers: the tensors that a Module owns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .. import dtypes
from ..tensor import LEAF, Tensor, tensor

__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter", "forget_gradients"]


def _array(data: Any) -> np.ndarray:
    """The values without a copy where there are any yet, as PyTorch's Parameter shares its data."""
    if data is None:
        return np.empty(0, dtypes.get_default_dtype())
    if isinstance(data, Tensor):
        return data.array
    return data if isinstance(data, np.ndarray) else tensor(data).array


class Parameter(Tensor):
    """A tensor that a Module trains: assigned as an attribute, it is found by `module.parameters()`.

    Args:
        data: the initial values; a Tensor's or ndarray's memory is shared, not copied.
        requires_grad: whether gradients are computed for it.

    Raises:
        RuntimeError: if it is to require gradients and the values are not floating.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.nn.Parameter(tc.tensor([1.0, 2.0])).requires_grad
        True
    """

    __slots__ = ()

    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        self.array = _array(data)
        self.node = self._grad = self._base = self._hooks = None
        if requires_grad:
            self.requires_grad = True

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()


class Buffer(Tensor):
    """A tensor that belongs to a Module's state but is not trained, such as running statistics.

    Args:
        data: the initial values, whose memory is shared.
        persistent: whether it is part of `state_dict()`.

    Example:
        >>> import tinygrad_course as tc
        >>> module = tc.nn.Module()
        >>> module.count = tc.nn.Buffer(tc.tensor(0))
        >>> list(module.state_dict())
        ['count']
    """

    __slots__ = ("persistent",)

    def __init__(self, data: Any = None, *, persistent: bool = True) -> None:
        self.array = _array(data)
        self.node = LEAF if isinstance(data, Tensor) and data.node is LEAF else None
        self._grad = self._base = self._hooks = None
        self.persistent = persistent

    @classmethod
    def _wrap(cls, array: np.ndarray, node: Any = None) -> Buffer:
        out = super()._wrap(array, node)
        out.persistent = True  # type: ignore[attr-defined]
        return out  # type: ignore[return-value]


class _Uninitialized(Tensor):
    """What a tensor without values yet says when its values are asked for."""

    __slots__ = ()
    _becomes: type[Tensor]

    def materialize(self, shape: tuple[int, ...], dtype: Any = None) -> None:
        """Give it memory for values of this shape, not yet set to anything, and its proper class."""
        self.array = np.empty(shape, self.array.dtype if dtype is None else dtype)
        self.__class__ = self._becomes  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class UninitializedParameter(_Uninitialized, Parameter):
    """The parameter of a lazy module before its first call, which tells its shape."""

    __slots__ = ()
    _becomes = Parameter

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        super().__init__(np.empty(0, dtype or dtypes.get_default_dtype()), requires_grad)


class UninitializedBuffer(_Uninitialized, Buffer):
    """The buffer of a lazy module before its first call, which tells its shape."""

    __slots__ = ()
    _becomes = Buffer

    def __init__(self, device: Any = None, dtype: Any = None) -> None:
        super().__init__(np.empty(0, dtype or dtypes.get_default_dtype()))


def forget_gradients(parameters: Callable[[], Iterable[Tensor]], set_to_none: bool) -> None:
    """Drop the gradients of parameters, or put them to zero."""
    for parameter in parameters():
        parameter.grad = (
            None if set_to_none or parameter.grad is None else Tensor._wrap(np.zeros_like(parameter.grad.array))
        )
