"""PyTorch's weights: state dicts in `.safetensors` and `.pt`/`.pth` files, read without PyTorch.

Names and layouts of parameters equal PyTorch's, so `model.load_state_dict(tc.interop.pytorch.load(path))` is all.

A `.pt` file is a zip archive with a pickle of the structure and one record of raw bytes per storage. The pickle is read
as data (see `_pickle.py`): tensors, dicts, lists, tuples, numbers and strings are admitted, everything else is refused
by name, and nothing in the file is ever run.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Callable, Mapping
from typing import IO, Any

import numpy as np

from .. import serialization
from ..tensor import Tensor
from ._pickle import Builder, UnpicklingError, read_pickle
from ._zip import Archive, ArchiveError

__all__ = ["load", "save"]

Target = str | os.PathLike | IO[bytes]

_BF16 = "bfloat16"
_DTYPES = {
    "float64": "f8", "double": "f8", "float32": "f4", "float": "f4", "float16": "f2", "half": "f2", "int64": "i8",
    "long": "i8", "int32": "i4", "int": "i4", "int16": "i2", "short": "i2", "int8": "i1", "uint8": "u1", "uint16": "u2",
    "uint32": "u4", "uint64": "u8", "bool": "b1", _BF16: _BF16,
}  # fmt: skip
_STORAGES = {
    "Double": "f8", "Float": "f4", "Half": "f2", "Long": "i8", "Int": "i4", "Short": "i2", "Char": "i1", "Byte": "u1",
    "Bool": "b1", "BFloat16": _BF16, "Untyped": "",
}  # fmt: skip
_LONGEST_PICKLE = 16 << 20  # about 100,000 tensors
_BEFORE_1_6 = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46"
_MOST_REPEATED = 1 << 24


def load(f: Target) -> Any:
    """Read weights that PyTorch saved: a `.safetensors` file, or what `torch.save` wrote.

    Tensors that share memory in the file share it here. bfloat16, which NumPy lacks, becomes float32, whose upper half
    it is, with a warning that counts the tensors.

    Args:
        f: a path, or a file object opened for reading bytes.

    Returns:
        What was saved: usually a dict of tensors, or dicts, lists and tuples with tensors, numbers and strings.

    Raises:
        RuntimeError: if the file is damaged or truncated, of PyTorch's format before 1.6, or holds something else, such
            as a whole module; the message names it.

    Example:
        >>> import io, tinygrad_course as tc
        >>> model, file = tc.nn.Linear(2, 1), io.BytesIO()
        >>> tc.interop.pytorch.save(model.state_dict(), file)
        >>> model.load_state_dict(tc.interop.pytorch.load(io.BytesIO(file.getvalue())))
        <All keys matched successfully>
    """
    if hasattr(f, "read"):
        return _load(serialization._seekable(f))
    with open(f, "rb") as file:
        return _load(file)


def _load(file: Any) -> Any:
    name = getattr(file, "name", None) or type(file).__name__
    start = file.tell()
    magic = file.read(8)
    file.seek(start)
    if magic == _BEFORE_1_6:
        raise RuntimeError(
            f"load: {name} is a pickle, as torch.save wrote before PyTorch 1.6; load it there and save it again: "
            "torch.save(torch.load(path, weights_only=True), path)"
        )
    if magic[:4] != b"PK\x03\x04":
        return serialization.load(file)
    try:
        return _Reader(Archive(file)).load()
    except ArchiveError as error:
        raise RuntimeError(f"load: {name} {error}") from error
    except UnpicklingError as error:
        raise RuntimeError(f"load: {name} cannot be read: {error}") from error


class _Storage:
    """A type of storage in the pickle; its values are read on demand."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype


class _Dtype:
    def __init__(self, code: str) -> None:
        self.code = code


class _Values:
    """The values of a storage: raw bytes, and the dtype they have if the storage says so."""

    def __init__(self, raw: np.ndarray, dtype: str) -> None:
        self.raw = raw
        self.dtype = dtype
        self._arrays: dict[str, np.ndarray] = {}

    def array(self, dtype: str, order: Any) -> np.ndarray:
        """The values in native byte order, the same array every time."""
        if dtype not in self._arrays:
            item = np.dtype("u2" if dtype == _BF16 else dtype)
            if len(self.raw) % item.itemsize:
                raise UnpicklingError(f"a storage of {len(self.raw)} bytes does not hold {item}")
            values = (self.raw != 0) if item.kind == "b" else self.raw.view(item.newbyteorder(order))
            if dtype == _BF16:
                values = (values.astype(np.uint32) << 16).view(np.float32)
            self._arrays[dtype] = values.astype(values.dtype.newbyteorder("="), copy=False)
        return self._arrays[dtype]


class _Reader:
    """Reads one archive, believing nothing."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self.storages: dict[str, _Values] = {}
        self.widened = 0
        self.order = "<"
        if "byteorder" in archive:
            order = archive.read("byteorder").tobytes()
            if order not in (b"little", b"big"):
                raise ArchiveError(f"is damaged: its byte order is {order[:20]!r}")
            self.order = "<" if order == b"little" else ">"

    def load(self) -> Any:
        size = self.archive.size("data.pkl")
        if size > _LONGEST_PICKLE:
            raise ArchiveError(f"describes its values in {size} bytes, more than {_LONGEST_PICKLE}")
        pickle = self.archive.read("data.pkl").tobytes()
        value = _plain(read_pickle(pickle, self._globals(), self._storage, _refusal), {})
        if self.widened:
            what = "a bfloat16 tensor was" if self.widened == 1 else f"{self.widened} bfloat16 tensors were"
            warnings.warn(f"load: {what} read as float32, because NumPy has no bfloat16", stacklevel=4)
        return value

    def _globals(self) -> dict[str, Any]:
        known: dict[str, Any] = {f"torch.{name}Storage": _Storage(code) for name, code in _STORAGES.items()}
        known["torch.storage.UntypedStorage"] = _Storage("")
        known.update({f"torch.{name}": _Dtype(code) for name, code in _DTYPES.items()})
        builders: dict[str, Callable[..., Any]] = {
            "collections.OrderedDict": _dict,
            "torch.Size": lambda sizes=(): tuple(sizes),
            "torch.device": lambda kind, index=None: kind if index is None else f"{kind}:{index}",
            "torch._utils._rebuild_tensor": self._tensor,
            "torch._utils._rebuild_tensor_v2": lambda values, offset, size, stride, grad, hooks, metadata=None: (
                self._tensor(values, offset, size, stride, grad)
            ),
            "torch._utils._rebuild_tensor_v3": lambda values, offset, size, stride, grad, hooks, dtype, metadata=None: (
                self._tensor(values, offset, size, stride, grad, dtype)
            ),
            "torch._utils._rebuild_parameter": lambda tensor, grad, hooks: _parameter(tensor, grad),
        }
        known.update({name: Builder(name, build) for name, build in builders.items()})
        return known

    def _storage(self, pid: Any) -> _Values:
        """The values that a persistent id ("storage", type, key, location, count) names."""
        if not isinstance(pid, tuple) or len(pid) != 5 or pid[0] != "storage":
            raise UnpicklingError("a storage is not named as PyTorch names it")
        _, kind, key, _, count = pid
        if not isinstance(kind, _Storage) or not isinstance(key, str) or type(count) is not int:
            raise UnpicklingError("a storage is not named as PyTorch names it")
        if not (key.isascii() and key.isalnum()):
            raise UnpicklingError(f"the key of a storage is {key[:40]!r}; PyTorch writes numbers")
        dtype = kind.dtype or "u1"
        found = self.storages.get(key)
        if found is None:
            stored, item = self.archive.size(f"data/{key}"), 2 if dtype == _BF16 else np.dtype(dtype).itemsize
            if stored != count * item:
                raise UnpicklingError(f"the storage {key} has {stored} bytes for {count} values")
            found = self.storages[key] = _Values(self.archive.read(f"data/{key}"), kind.dtype)
        return found

    def _tensor(
        self, values: Any, offset: Any, size: Any, stride: Any, requires_grad: Any = False, dtype: Any = None
    ) -> Tensor:
        code = dtype.code if isinstance(dtype, _Dtype) else getattr(values, "dtype", "")
        numbers = (offset, *size, *stride)
        if not isinstance(values, _Values) or not code or len(size) != len(stride) or len(size) > 32:
            raise UnpicklingError("a tensor is not described as PyTorch describes it")
        if not all(type(n) is int and 0 <= n < 2**48 for n in numbers):
            raise UnpicklingError(f"a tensor of size {str(size)[:60]} and stride {str(stride)[:60]} cannot be")
        array = values.array(code, self.order)
        count = math.prod(size)
        last = offset + sum((n - 1) * s for n, s in zip(size, stride))
        if count and last >= len(array):
            raise UnpicklingError(f"a tensor of size {size} reaches beyond its storage of {len(array)} values")
        if count > max(len(array), _MOST_REPEATED):
            raise UnpicklingError(f"a tensor of size {size} repeats a storage of {len(array)} values too often")
        if count:
            strides = tuple(s * array.itemsize for s in stride)
            view = np.lib.stride_tricks.as_strided(array[offset:], size, strides)
        else:
            view = np.empty(size, array.dtype)
        self.widened += code == _BF16
        return _parameter(Tensor._wrap(view), requires_grad)


def _parameter(tensor: Any, requires_grad: Any) -> Tensor:
    if not isinstance(tensor, Tensor):
        raise UnpicklingError("a parameter is not described as PyTorch describes it")
    if requires_grad is True and tensor.dtype.kind == "f":
        tensor.requires_grad = True
    return tensor


def _dict(pairs: Any = ()) -> dict[Any, Any]:
    return {key: value for key, value in pairs if isinstance(key, str)}


def _plain(x: Any, done: dict[int, Any]) -> Any:
    """Dtypes as NumPy's; refuses storages and functions that stand by themselves. Shared containers stay shared."""
    if id(x) in done:
        return done[id(x)]
    out = x
    if isinstance(x, _Dtype):
        out = np.dtype("f4" if x.code == _BF16 else x.code)
    elif isinstance(x, dict):
        out = {key: _plain(value, done) for key, value in x.items()}
    elif isinstance(x, list):
        out = [_plain(item, done) for item in x]
    elif isinstance(x, tuple):
        out = tuple(_plain(item, done) for item in x)
    elif not isinstance(x, (Tensor, str, int, float, bool, type(None))):
        raise UnpicklingError("it holds a storage, a class or a function by itself; save tensors")
    if isinstance(x, (dict, list, tuple)):
        done[id(x)] = out  # x itself lives as long as the structure that is walked
    return out


def _refusal(name: str) -> str:
    return (
        f"it holds {name}, which is not admitted: only tensors, dicts, lists, tuples, numbers and strings are; "
        "save model.state_dict(), with what belongs to it as plain values"
    )


def save(state: Mapping[str, Tensor | np.ndarray], f: Target) -> None:
    """Write a state dict as a safetensors file: `safetensors.torch.load_file(path)` reads it in PyTorch.

    Args:
        state: tensors under names, as `model.state_dict()` gives them. Shared ones are written under each name.
        f: a path, whose file is replaced in one step, or a file object opened for writing bytes.

    Raises:
        TypeError: if it holds something other than tensors under strings.
    """
    plain: dict[str, Tensor] = {}
    places = set()
    for name, x in state.items():
        if not isinstance(name, str) or not isinstance(x, (Tensor, np.ndarray)):
            raise TypeError(
                f"save: safetensors holds tensors under names, got {type(x).__name__} at {name!r}; tc.save writes "
                "nested dicts, lists and numbers"
            )
        if name == "__metadata__":
            raise TypeError("save: the format keeps the name '__metadata__' for itself; rename that tensor")
        array = x.array if isinstance(x, Tensor) else x
        place = array.__array_interface__["data"][0]
        plain[name] = Tensor._wrap(array.copy() if place in places else array)
        places.add(place)
    serialization.save(plain, f)
