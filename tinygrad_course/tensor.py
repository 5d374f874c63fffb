"""The Tensor: an array, and its place in the graph.

Operators and methods come from the operations: see `ops/methods.py`, which puts them on `TensorMethods`.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from . import dtypes
from .differentiable import LEAF, Differentiable, Leaf
from .methods import TensorMethods

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from .autograd.hooks import Hooks
    from .graph import Node

__all__ = ["LEAF", "Tensor", "operand", "tensor"]


_PLAIN = frozenset({float, int, bool, np.ndarray})


class Tensor(TensorMethods, Differentiable):
    """An n-dimensional array whose operations are recorded so that gradients can be computed.

    Made by `tc.tensor`, `tc.zeros`, `tc.randn`, `tc.from_numpy` and the like.

    Args:
        data: a nested sequence of numbers, an ndarray or a Tensor; becomes the default float dtype.

    Attributes:
        array: the ndarray that holds the values.
        node: None for a constant, LEAF for a leaf that wants a gradient, else the Node that made it.

    Example:
        >>> import tinygrad_course as tc
        >>> x = tc.tensor([3.0], requires_grad=True)
        >>> (x * x).backward()
        >>> x.grad
        tensor([6.])
    """

    __slots__ = ("__weakref__", "_base", "_grad", "_hooks", "array", "node")

    array: np.ndarray
    node: Node | Leaf | None
    _grad: Tensor | None
    _base: weakref.ref[Tensor] | None
    _hooks: Hooks | None

    def __init__(self, *data: Any) -> None:
        if len(data) == 1 and not isinstance(data[0], int):
            array = tensor(data[0], dtype=dtypes.get_default_dtype()).array
        else:  # Tensor(2, 3) and Tensor() are shapes, as in PyTorch
            array = np.zeros(data or (0,), dtypes.get_default_dtype())
        self.array = array
        self.node = self._grad = self._base = self._hooks = None

    @classmethod
    def _wrap(cls, array: np.ndarray, node: Any = None) -> Tensor:
        """A Tensor around an array, without copying or checking."""
        out = cls.__new__(cls)
        out.array = array
        out.node = node
        out._grad = out._base = out._hooks = None
        return out

    # --- what it is -----------------------------------------------------------------------------------------------

    @property
    def shape(self) -> Size:
        """The lengths of the dimensions."""
        return Size(self.array.shape)

    @property
    def dtype(self) -> np.dtype:
        """The NumPy dtype of the values."""
        return self.array.dtype

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self.array.ndim

    @property
    def itemsize(self) -> int:
        """The bytes of one value."""
        return self.array.itemsize

    @property
    def nbytes(self) -> int:
        """The bytes of all values."""
        return self.array.nbytes

    @property
    def data(self) -> Tensor:
        """A tensor outside the graph that shares the values' memory. Assigning replaces the values."""
        return Tensor._wrap(self.array)

    @data.setter
    def data(self, value: Any) -> None:
        source = value.array if isinstance(value, Tensor) else np.asarray(value)
        if self.requires_grad and source.dtype.kind != "f":
            raise RuntimeError(f"data: a tensor that requires grad needs floating values, got {source.dtype}")
        self.array = source

    # --- NumPy and Python -----------------------------------------------------------------------------------------

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """The values as an ndarray that shares memory.

        Raises:
            RuntimeError: if the tensor requires grad and `force` is False.
        """
        if self.node is not None and not force:
            raise RuntimeError(
                "numpy: this tensor requires grad, and NumPy would not record what is done with it; "
                "use x.detach().numpy()"
            )
        return self._value("numpy")

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        if self.node is not None:
            raise RuntimeError(
                "np.asarray: this tensor requires grad, and NumPy would not record what is done with it; "
                "use x.detach() first, or the functions of tinygrad_course"
            )
        return np.array(self._value("np.asarray"), dtype=dtype, copy=copy)

    def __dlpack__(self, **options: Any) -> Any:
        if self.node is not None:
            raise BufferError("__dlpack__: this tensor requires grad; use x.detach() first")
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.array.__dlpack_device__()

    def item(self) -> Any:
        """The single value as a Python number.

        Raises:
            RuntimeError: if there is not exactly one value.
        """
        if self.array.size != 1:
            raise RuntimeError(
                f"item: expected a tensor with one value, got shape {self.array.shape}; use x.tolist() for more"
            )
        return self._value("item").item()

    def tolist(self) -> Any:
        """The values as nested lists of Python numbers (a number for 0 dimensions)."""
        return self._value("tolist").tolist()

    def _value(self, name: str) -> np.ndarray:
        """The array, for Python code that is about to act on the values; observers may refuse."""
        from .graph import state

        for observer in state.observers:
            observer.escaped(self, name)
        return self.array

    def __bool__(self) -> bool:
        if self.array.size != 1:
            raise RuntimeError(
                f"bool: the truth of a tensor with {self.array.size} values is ambiguous; use x.any() or x.all()"
            )
        return bool(self._value("bool"))

    def __int__(self) -> int:
        return int(self._number())

    def __float__(self) -> float:
        return float(self._number())

    def _number(self) -> Any:
        if self.array.size != 1:
            raise ValueError(f"only a tensor with one value can become a number, this one has shape {self.array.shape}")
        return self.item()

    def __index__(self) -> int:
        if self.array.dtype.kind not in "iub" or self.array.size != 1:
            raise TypeError(f"only integer tensors of one value can be an index, got {self.dtype} {self.array.shape}")
        return int(self.item())

    def __len__(self) -> int:
        if not self.array.ndim:
            raise TypeError("len() of a 0-d tensor")
        return len(self.array)

    def __iter__(self) -> Iterator[Tensor]:
        if not self.array.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return iter([self[i] for i in range(len(self.array))])

    __hash__ = object.__hash__

    def __contains__(self, value: Any) -> bool:
        return bool((self == value).any())

    def __repr__(self) -> str:
        from .printing import tensor_repr

        self._value("printing")
        return tensor_repr(self)

    def __format__(self, spec: str) -> str:
        return self.item().__format__(spec) if spec and not self.array.ndim else object.__format__(self, spec)

    def __copy__(self) -> Tensor:
        return type(self)._wrap(self.array, self.node)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if not self.is_leaf:
            raise RuntimeError(
                "deepcopy: only leaf tensors can be deep-copied, this one was made by "
                f"{self.node!r}; use x.detach().clone()"
            )
        out = type(self)._wrap(self.array.copy(), self.node)
        memo[id(self)] = out
        if self._grad is not None:
            out._grad = Tensor._wrap(self._grad.array.copy())
        return out

    def __reduce__(self) -> Any:
        if not self.is_leaf:
            raise RuntimeError(f"pickle: this tensor was made by {self.node!r}; pickle x.detach() instead")
        return _rebuild, (type(self), self.array, self.requires_grad)

    # --- outside the graph --------------------------------------------------------------------------------------------

    def detach(self) -> Tensor:
        """A tensor with the same memory that is not in the graph."""
        return Tensor._wrap(self.array)

    def detach_(self) -> Tensor:
        """Take this tensor out of the graph, in place."""
        self.node = None
        return self


class Size(tuple[int, ...]):
    """The shape of a tensor: a tuple that prints as PyTorch's and counts its elements."""

    __slots__ = ()

    def numel(self) -> int:
        """The number of values in a tensor of this shape."""
        n = 1
        for length in self:
            n *= length
        return n

    def __repr__(self) -> str:
        return f"Size({list(self)})"


def _rebuild(cls: type[Tensor], array: np.ndarray, requires_grad: bool) -> Tensor:
    return cls._wrap(array, LEAF if requires_grad else None)


def operand(name: str, x: Any) -> Any:
    """An operand that is no Tensor, as an array or a Python number (numbers stay weak in promotion)."""
    if type(x) in _PLAIN:
        if type(x) is not np.ndarray:
            return x
    elif not isinstance(x, (np.ndarray, np.generic, float, int, list, tuple)):
        if isinstance(x, complex):
            dtypes.check_dtype(name, np.complex128)
        raise TypeError(f"{name}: expected a Tensor, an array or a number, got {type(x).__name__}")
    if isinstance(x, (list, tuple)):
        return tensor(x).array
    dtypes.check_dtype(name, x.dtype) if hasattr(x, "dtype") else None
    return x


def tensor(
    data: Any,
    dtype: DTypeLike | None = None,
    device: Any = None,
    requires_grad: bool = False,
    *,
    pin_memory: bool = False,
) -> Tensor:
    """Make a tensor from a copy of the data.

    Python floats become the default dtype (float32), ints int64; arrays and tensors keep their dtype.

    Args:
        data: a number, a nested sequence of numbers or tensors, an ndarray, or a Tensor.
        dtype: a dtype such as `tc.float64`.
        device: only "cpu" exists.
        requires_grad: record operations on it.

    Raises:
        TypeError: if the data are no numbers, or complex.
        ValueError: if nested sequences have unequal lengths.
        RuntimeError: if an integer tensor is to require gradients.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.tensor([[1, 2], [3, 4]])
        tensor([[1, 2],
                [3, 4]])
        >>> tc.tensor([0.5], dtype=tc.float64, requires_grad=True)
        tensor([0.5000], dtype=float64, requires_grad=True)
    """
    if device is not None:
        from .device import check_device

        check_device(device, "tensor")
    if isinstance(data, Tensor):
        array = np.array(data.array, dtype=dtype)
    elif isinstance(data, (np.ndarray, np.generic)):
        array = np.array(data, dtype=dtype)
    else:
        try:
            array = np.array(_plain(data))
        except ValueError as error:
            raise ValueError(f"tensor: nested sequences must have equal lengths ({error})") from None
        if array.dtype == np.float64 and not _holds_float64(data):
            array = array.astype(dtypes.get_default_dtype() if dtype is None else dtype)
        elif dtype is not None:
            array = array.astype(dtypes.check_dtype("tensor", dtype))
    if array.dtype.kind == "O":
        raise TypeError(f"tensor: expected numbers, got {type(data).__name__} {str(data)[:40]!r}")
    dtypes.check_dtype("tensor", array.dtype)
    out = Tensor._wrap(array)
    if requires_grad:
        out.requires_grad = True
    return out


def _plain(data: Any) -> Any:
    """Nested sequences with the Tensors in them as arrays."""
    if isinstance(data, Tensor):
        return data.array
    if isinstance(data, (list, tuple)):
        return [_plain(x) for x in data] if any(isinstance(x, (Tensor, list, tuple)) for x in data) else data
    if isinstance(data, range):
        return np.arange(data.start, data.stop, data.step)
    return data


def _holds_float64(data: Any) -> bool:
    """Whether float64 was asked for by an array inside the data, rather than by Python floats."""
    if isinstance(data, (list, tuple)):
        return any(_holds_float64(x) for x in data[:8])
    return getattr(data, "dtype", None) == np.float64
