"""Save and load state: tensors in the safetensors format, the structure around them as JSON in its metadata.

The format (github.com/huggingface/safetensors): 8 bytes, little endian, with the length of a JSON header; the header,
which gives each tensor's dtype, shape and place; the values. Nothing in such a file can run.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

from .device import check_device
from .tensor import Tensor

__all__ = ["load", "save"]

Target = str | os.PathLike | IO[bytes]

_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1", "U64": "<u8",
    "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip
_CODES = {np.dtype(d): code for code, d in _DTYPES.items()}
_BF16 = "BF16"  # read as float32, whose upper half it is
_KEY = "tinygrad_course"
_LONGEST_HEADER = 100_000_000  # the format's own limit
_DEEPEST = 100


def save(obj: Any, f: Target) -> None:
    """Write tensors, numbers, strings, None, and dicts, lists and tuples of them.

    A file at a path is replaced in one step once all is on the disk: whatever happens meanwhile, the path holds either
    the old file or the new one. What `state_dict()` of modules, optimizers and schedulers gives can be saved; a flat
    dict of tensors makes a file that other readers of safetensors understand.

    Args:
        obj: what to save.
        f: a path, or a file object that was opened for writing bytes.

    Raises:
        TypeError: for an object of another type, such as a whole Module.
        ValueError: if a container holds itself.

    Example:
        >>> import io, tinygrad_course as tc
        >>> file = io.BytesIO()
        >>> tc.save({"step": 3, "weights": tc.nn.Linear(2, 1).state_dict()}, file)
        >>> state = tc.load(io.BytesIO(file.getvalue()))
        >>> state["step"], state["weights"]["weight"].shape
        (3, Size([1, 2]))
    """
    writer = _Writer()
    structure = writer.encode(obj, (), 0)
    if hasattr(f, "write"):
        writer.write(f, structure)
        return
    path = os.path.realpath(os.fspath(f))
    temporary = f"{path}.{os.getpid()}-{os.urandom(4).hex()}.tmp"
    try:
        with open(temporary, "xb") as file:
            writer.write(file, structure)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
    _sync_folder(os.path.dirname(path))


def _sync_folder(folder: str) -> None:
    """Have the new name itself on the disk, where folders can be synced."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class _Writer:
    """Gathers the tensors of a structure under names, and describes the structure as JSON values."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self._names: dict[Any, str] = {}
        self._open: set[int] = set()

    def encode(self, x: Any, path: tuple[str, ...], depth: int) -> Any:
        if x is None or isinstance(x, (bool, str)):
            return x
        if isinstance(x, (Tensor, np.ndarray)):
            return self._encode_array(x, path)
        if isinstance(x, np.generic):
            return self.encode(x.item(), path, depth)
        if isinstance(x, int):
            return int(x)
        if isinstance(x, float):
            return x if math.isfinite(x) else {"float": repr(x)}
        if isinstance(x, np.dtype):
            return {"dtype": x.name}
        if not isinstance(x, (Mapping, list, tuple)):
            raise TypeError(self._refusal(x, path))
        if id(x) in self._open:
            raise ValueError(f"save: the {type(x).__name__} at {_shown(path)} holds itself")
        if depth >= _DEEPEST:
            raise ValueError(f"save: more than {_DEEPEST} containers within each other at {_shown(path)}")
        self._open.add(id(x))
        if isinstance(x, Mapping):
            pairs = []
            for key, value in x.items():
                if not isinstance(key, (str, int, float, bool)) and key is not None:
                    raise TypeError(f"save: a key at {_shown(path)} is a {type(key).__name__}; use strings or numbers")
                inside = (*path, str(key))
                pairs.append([self.encode(key, inside, depth), self.encode(value, inside, depth + 1)])
            encoded: Any = {"dict": pairs}
        else:
            encoded = [self.encode(item, (*path, str(i)), depth + 1) for i, item in enumerate(x)]
            if isinstance(x, tuple):
                encoded = {"tuple": encoded}
        self._open.discard(id(x))
        return encoded

    def _encode_array(self, x: Any, path: tuple[str, ...]) -> Any:
        array = x.array if isinstance(x, Tensor) else x
        if array.dtype.newbyteorder("<") not in _CODES:
            raise TypeError(f"save: values of dtype {array.dtype} at {_shown(path)} cannot be saved")
        # The same values under two names (shared weights) are stored once, and are shared again after loading.
        key = (array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str)
        name = self._names.get(key) if array.size else None
        if name is None:
            name = ".".join(path) or "tensor"
            while name in self.arrays or name == "__metadata__":
                name += "_"
            self.arrays[name] = array
            self._names[key] = name
        if not isinstance(x, Tensor):
            return {"array": name}
        return {"tensor": name, "requires_grad": True} if x.requires_grad else {"tensor": name}

    def _refusal(self, x: Any, path: tuple[str, ...]) -> str:
        mend = "save tensors, numbers, strings, None, and dicts, lists and tuples of them"
        if hasattr(x, "load_state_dict"):
            mend = "save its state_dict(), and load_state_dict() it into a new one"
        return f"save: cannot save the {type(x).__name__} at {_shown(path)}: {mend}"

    def write(self, file: Any, structure: Any) -> None:
        import json

        # Larger items first, so that every tensor is aligned in the file.
        names = sorted(self.arrays, key=lambda name: -self.arrays[name].itemsize)
        described = json.dumps({"version": 1, "structure": structure}, allow_nan=False, separators=(",", ":"))
        header: dict[str, Any] = {"__metadata__": {_KEY: described}}
        end = 0
        for name in names:
            x = self.arrays[name]
            header[name] = {
                "dtype": _CODES[x.dtype.newbyteorder("<")], "shape": list(x.shape),
                "data_offsets": [end, end + x.nbytes],
            }  # fmt: skip
            end += x.nbytes
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        if len(text) > _LONGEST_HEADER:
            raise ValueError(f"save: the structure takes {len(text)} bytes, more than the format's {_LONGEST_HEADER}")
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for name in names:
            x = self.arrays[name]
            x = np.ascontiguousarray(x, x.dtype.newbyteorder("<"))
            if x.size:
                file.write(x.data.cast("B") if x.ndim else x.tobytes())


def _shown(path: tuple[str, ...]) -> str:
    return repr(".".join(path)) if path else "the top"


def load(f: Target, map_location: Any = None, *, weights_only: bool = True) -> Any:
    """Read what `save` wrote, or any file in the safetensors format (a dict of tensors).

    Memory stays within a small multiple of the file's size, and nothing in the file is ever run.

    Args:
        f: a path, or a file object opened for reading bytes.
        map_location: a device, for compatibility: tensors come to the CPU.
        weights_only: for compatibility: files hold nothing else, so both values do the same.

    Raises:
        RuntimeError: if the file is truncated, damaged, or of another format.
    """
    if isinstance(map_location, str) or type(map_location).__name__ == "device":
        check_device(map_location)
    if hasattr(f, "read"):
        return _Reader(_seekable(f)).load()
    with open(f, "rb") as file:
        return _Reader(_seekable(file)).load()


def _seekable(file: Any) -> Any:
    try:
        file.seek(file.tell())
        return file
    except (AttributeError, OSError):
        import io

        return io.BytesIO(file.read())


class _Reader:
    """Reads one file, believing nothing."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.name = getattr(file, "name", None) or type(file).__name__
        start = file.tell()
        self.size = file.seek(0, 2) - start
        file.seek(start)

    def fail(self, what: str) -> Any:
        raise RuntimeError(f"load: {self.name} {what}")

    def load(self) -> Any:
        header, left = self._header()
        metadata = header.pop("__metadata__", {})
        if not isinstance(metadata, dict):
            self.fail("is damaged: its metadata is no object")
        entries = self._checked(header, left)
        arrays = {}
        for name, (dtype, shape, count) in entries.items():
            arrays[name] = self._read_array(dtype, shape, count)
        if not isinstance(metadata.get(_KEY), str):
            return {name: Tensor._wrap(arrays[name]) for name in header}
        described = self._json(metadata[_KEY], "structure")
        if not isinstance(described, dict) or described.get("version") != 1 or "structure" not in described:
            self.fail("was written by another version: its structure cannot be read")
        return self._decode(described["structure"], arrays, 0)

    def _header(self) -> tuple[dict[str, Any], int]:
        """The parsed header, and how many bytes of values follow."""
        start = self.file.read(8)
        if start[:4] == b"PK\x03\x04":
            self.fail(
                "is a zip archive, as torch.save writes: tc.interop.pytorch.load reads the tensors in it, without "
                "running what else it may hold"
            )
        if len(start) < 8:
            self.fail(f"is truncated: it has {len(start)} bytes")
        length = int.from_bytes(start, "little")
        if length > min(self.size - 8, _LONGEST_HEADER):
            self.fail(f"is truncated or not in the safetensors format: no header of {length} bytes in {self.size}")
        text = self.file.read(length)
        if len(text) != length:
            self.fail("is truncated within its header")
        header = self._json(text, "header")
        if not isinstance(header, dict):
            self.fail("is damaged: its header is no object")
        return header, self.size - 8 - length

    def _json(self, text: str | bytes, what: str) -> Any:
        import json

        def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            found = dict(pairs)
            if len(found) != len(pairs):
                self.fail(f"is damaged: a name occurs twice in its {what}")
            return found

        def refused(constant: str) -> Any:
            self.fail(f"is damaged: its {what} holds {constant}")

        try:
            if isinstance(text, bytes):
                text = text.decode()
            return json.loads(text, object_pairs_hook=unique, parse_constant=refused)
        except (ValueError, RecursionError) as error:
            return self.fail(f"is damaged: its {what} is not valid JSON ({type(error).__name__})")

    def _checked(self, header: dict[str, Any], left: int) -> dict[str, tuple[str, tuple[int, ...], int]]:
        """Each tensor's dtype, shape and bytes, in the order of the values, which must fill the file exactly."""
        places = []
        for name, entry in header.items():
            try:
                dtype, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
                numbers = [*shape, begin, end]
            except (TypeError, KeyError, ValueError):
                self.fail(f"is damaged: the entry of {name[:80]!r} is not as the format wants it")
            if not isinstance(shape, list) or not all(type(n) is int and 0 <= n < 2**63 for n in numbers):
                self.fail(f"is damaged: {name[:80]!r} has a shape or place that is not made of counts")
            if len(shape) > 32:
                self.fail(f"is damaged: {name[:80]!r} has {len(shape)} dimensions")
            if not isinstance(dtype, str) or (dtype not in _DTYPES and dtype != _BF16):
                self.fail(f"holds {name[:80]!r} of dtype {str(dtype)[:20]!r}, which does not exist here")
            itemsize = 2 if dtype == _BF16 else np.dtype(_DTYPES[dtype]).itemsize
            if math.prod(shape) * itemsize != end - begin:
                self.fail(f"is damaged: {name[:80]!r} has shape {shape} and {end - begin} bytes")
            places.append((begin, end, name, dtype, tuple(shape)))
        places.sort(key=lambda place: place[:2])
        reached = 0
        for begin, end, name, _, _ in places:
            if begin != reached:
                self.fail(f"is damaged: the values of {name[:80]!r} do not follow those before")
            reached = end
        if reached != left:
            self.fail(f"is truncated or damaged: {left} bytes of values where {reached} should be")
        return {name: (dtype, shape, end - begin) for begin, end, name, dtype, shape in places}

    def _read_array(self, dtype: str, shape: tuple[int, ...], count: int) -> np.ndarray:
        raw = np.empty(count, np.uint8)
        left = raw.data
        while left:  # a file that is not buffered may give less than is asked for
            got = self.file.readinto(left)
            if not got:
                self.fail("is truncated within its values")
            left = left[got:]
        if dtype == _BF16:
            values = (raw.view("<u2").astype(np.uint32) << 16).view(np.float32)
        elif dtype == "BOOL":
            values = raw != 0
        else:
            values = raw.view(_DTYPES[dtype])
        try:
            return values.astype(values.dtype.newbyteorder("="), copy=False).reshape(shape)
        except ValueError:
            return self.fail(f"is damaged: there is no array of shape {shape}")

    def _decode(self, x: Any, arrays: dict[str, np.ndarray], depth: int) -> Any:
        if depth > 2 * _DEEPEST:
            self.fail("is damaged: its structure is too deep")
        if isinstance(x, list):
            return [self._decode(item, arrays, depth + 1) for item in x]
        if not isinstance(x, dict):
            return x
        for key in ("tensor", "array"):
            if key in x:
                array = arrays.get(x[key]) if isinstance(x[key], str) else None
                if array is None:
                    self.fail("is damaged: its structure names a tensor that is not there")
                if key == "array":
                    return array
                out = Tensor._wrap(array)  # type: ignore[arg-type]
                if x.get("requires_grad") is True and out.dtype.kind == "f":
                    out.requires_grad = True
                return out
        if isinstance(x.get("tuple"), list):
            return tuple(self._decode(x["tuple"], arrays, depth + 1))
        if x.get("float") in ("inf", "-inf", "nan"):
            return float(x["float"])
        if x.get("dtype") in [d.name for d in _CODES]:
            return np.dtype(x["dtype"])
        try:
            return {
                self._decode(key, arrays, depth + 1): self._decode(value, arrays, depth + 1) for key, value in x["dict"]
            }
        except (KeyError, TypeError, ValueError):
            return self.fail("is damaged: its structure is not as `save` writes it")
