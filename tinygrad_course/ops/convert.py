"""Conversion between dtypes, devices and Tensor-likes, and the questions one asks about dtypes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from .. import dtypes
from ..device import CPU, check_device, device
from ..tensor import Tensor
from .op import declare

__all__ = [
    "can_cast", "cast", "finfo", "iinfo", "is_complex", "is_floating_point", "is_tensor", "promote_types",
    "result_type",
]  # fmt: skip

cast = declare(
    lambda x, *, dtype: x.astype(dtype), vjp=lambda g, _y, _x, dtype: g.astype(_x.dtype, copy=False), name="cast",
    lazy=True, shrinks=False, doc="The values in another dtype; the gradient is cast back.",
)  # fmt: skip


def astype(x: Tensor, dtype: DTypeLike, *, copy: bool = True) -> Tensor:
    """The values in another dtype, as a copy (or the tensor itself if it has that dtype and `copy` is False)."""
    chosen = dtypes.check_dtype("astype", dtype)
    return x if x.array.dtype == chosen and not copy else cast(x, dtype=chosen)


def _as(x: Tensor, dtype: np.dtype) -> Tensor:
    return x if x.array.dtype == dtype else cast(x, dtype=dtype)


def to(
    x: Tensor, *target: Any, dtype: DTypeLike | None = None, device: Any = None, other: Tensor | None = None,
    non_blocking: bool = False, copy: bool = False, memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """The tensor with another dtype or on another device; itself if nothing changes and `copy` is False.

    Args:
        target: a dtype, a device, or a tensor whose dtype to take; or a device and then a dtype.
        dtype: the dtype.
        device: only the CPU exists.
        other: a tensor whose dtype to take.
        copy: copy also if nothing changes.

    Raises:
        RuntimeError: for a device that is not there.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.arange(3).to(tc.float32)
        tensor([0., 1., 2.])
        >>> tc.zeros(2).to("cpu", tc.float64).dtype
        dtype('float64')
    """
    for item in target:
        if isinstance(item, Tensor):
            other = item
        elif isinstance(item, bool):
            continue  # non_blocking and copy by position: the CPU does not tell them apart
        elif isinstance(item, (type(CPU), int)) or (
            isinstance(item, str) and item.split(":")[0] in ("cpu", "cuda", "mps")
        ):
            device = item
        elif item is not None:
            dtype = item
    check_device(device, "to")
    if other is not None:
        dtype = other.array.dtype
    chosen = x.array.dtype if dtype is None else dtypes.check_dtype("to", dtype)
    return cast(x, dtype=chosen) if copy or chosen != x.array.dtype else x


def type_(x: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The tensor in another dtype, named by a dtype or a legacy name; without one, the legacy name of its own.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.zeros(2).type()
        'tc.FloatTensor'
        >>> tc.zeros(2).type(tc.LongTensor)
        tensor([0, 0])
    """
    if dtype is None:
        return f"tc.{LEGACY_OF[x.array.dtype]}"
    return _as(x, legacy_dtype("type", dtype))


type_.__name__ = type_.__qualname__ = "type"


LEGACY: dict[str, np.dtype] = {
    "FloatTensor": dtypes.float32, "DoubleTensor": dtypes.float64, "HalfTensor": dtypes.float16,
    "ByteTensor": dtypes.uint8, "CharTensor": dtypes.int8, "ShortTensor": dtypes.int16, "IntTensor": dtypes.int32,
    "LongTensor": dtypes.int64, "BoolTensor": dtypes.bool,
}  # fmt: skip
LEGACY_OF = {dtype: name for name, dtype in LEGACY.items()}


def legacy_dtype(name: str, kind: Any) -> np.dtype:
    """The dtype that a dtype, a legacy constructor or its name stands for."""
    if isinstance(kind, str):
        found = LEGACY.get(kind.rsplit(".", 1)[-1])
        if found is not None:
            return found
    return dtypes.check_dtype(name, getattr(kind, "dtype", kind))


def type_as(x: Tensor, other: Tensor) -> Tensor:
    """The tensor in the dtype of another."""
    return _as(x, other.array.dtype)


def _caster(name: str, dtype: np.dtype, note: str = "") -> Callable[[Tensor], Tensor]:
    def method(x: Tensor) -> Tensor:
        return _as(x, dtype)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"The tensor as {dtype}{note}; itself if it has that dtype."
    return method


_NAMED: dict[str, np.dtype] = {
    "float": dtypes.float32, "double": dtypes.float64, "half": dtypes.float16, "long": dtypes.int64,
    "int": dtypes.int32, "short": dtypes.int16, "char": dtypes.int8, "byte": dtypes.uint8, "bool": dtypes.bool,
}  # fmt: skip
_CASTERS = {name: _caster(name, d, "" if d.kind in "fb" else ", fractions cut off") for name, d in _NAMED.items()}


def cpu(x: Tensor) -> Tensor:
    """The tensor itself: it is on the CPU."""
    return x


def cuda(x: Tensor, device: Any = None, non_blocking: bool = False) -> Tensor:
    """Raise RuntimeError: there is no GPU; ask `tc.cuda.is_available()` first."""
    check_device("cuda" if device is None else device, "cuda")
    return x


def pin_memory(x: Tensor, device: Any = None) -> Tensor:
    """The tensor itself: there is no GPU to copy to."""
    return x


def data_ptr(x: Tensor) -> int:
    """The address of the first value: equal for tensors that share memory from their first value on."""
    return int(x.array.ctypes.data)


def get_device(x: Tensor) -> int:
    """-1: the tensor is on the CPU."""
    return -1


def is_tensor(x: object) -> bool:
    """Whether `x` is a Tensor."""
    return isinstance(x, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """Whether the values are floating numbers."""
    return input.array.dtype.kind == "f"


def is_complex(input: Tensor) -> bool:
    """False: there are no complex tensors."""
    return False


def promote_types(type1: DTypeLike, type2: DTypeLike) -> np.dtype:
    """The dtype of the sum of tensors of two dtypes.

    NumPy's rules, but float64 comes only of float64: an int64 and a float32 tensor give the default dtype.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.promote_types(tc.int64, tc.float32)
        dtype('float32')
    """
    a, b = dtypes.check_dtype("promote_types", type1), dtypes.check_dtype("promote_types", type2)
    found = np.promote_types(a, b)
    return dtypes.get_default_dtype() if found == np.float64 and found not in (a, b) else found


def result_type(tensor1: Any, tensor2: Any) -> np.dtype:
    """The dtype of the sum of two tensors or numbers; Python numbers are weak."""
    values = [x.array if isinstance(x, Tensor) else x for x in (tensor1, tensor2)]
    found = np.result_type(*values)
    if found == np.float64 and not any(getattr(x, "dtype", None) == np.float64 for x in values):
        return dtypes.get_default_dtype()
    return found


def can_cast(from_: DTypeLike, to: DTypeLike) -> bool:
    """Whether PyTorch's promotion rules allow the cast: never from float to int, nor from a number to bool."""
    order = {"b": 0, "u": 1, "i": 1, "f": 2}
    a, b = dtypes.check_dtype("can_cast", from_), dtypes.check_dtype("can_cast", to)
    return order[a.kind] <= order[b.kind]


def finfo(dtype: DTypeLike | None = None) -> Any:
    """The limits of a floating dtype (default: the default dtype): `eps`, `min`, `max`, `tiny`, `bits`."""
    return np.finfo(dtypes.get_default_dtype() if dtype is None else dtype)


def iinfo(dtype: DTypeLike) -> Any:
    """The limits of an integer dtype: `min`, `max`, `bits`."""
    return np.iinfo(dtype)


METHODS: dict[str, Any] = {
    "astype": astype, "to": to, "type": type_, "type_as": type_as, "cpu": cpu, "cuda": cuda, "data_ptr": data_ptr,
    "get_device": get_device, "is_complex": is_complex, "is_floating_point": is_floating_point,
    "pin_memory": pin_memory, **_CASTERS,
}  # fmt: skip


def _device(x: Tensor) -> device:
    """Where the values are: the CPU."""
    return CPU


def _is_cuda(x: Tensor) -> bool:
    """False: there is no GPU."""
    return False


def _is_sparse(x: Tensor) -> bool:
    """False: all tensors are dense."""
    return False


def _is_cpu(x: Tensor) -> bool:
    """True: all tensors are on the CPU."""
    return True


PROPERTIES: dict[str, property] = {
    "device": property(_device), "is_cpu": property(_is_cpu), "is_cuda": property(_is_cuda),
    "is_sparse": property(_is_sparse),
}  # fmt: skip
