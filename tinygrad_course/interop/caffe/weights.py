"""Caffe's binary files: weights (`.caffemodel`) and a solver's state (`.solverstate`).

They are protocol buffers; of these the few wire types that Caffe uses are read and written here, by the rules of
"Protocol Buffers: Encoding": a field is a varint with its number and wire type, then a varint, 4 or 8 bytes, or a
length and that many bytes.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...nn import Module
from .net import Net

__all__ = ["CaffeFileError", "load_weights", "read_state", "save_weights", "write_state"]

Path = str | os.PathLike[str]
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# Field numbers of caffe.proto.
_LAYER, _OLD_LAYER, _DATA, _DOUBLE, _SHAPE = 100, 2, 5, 8, 7


class CaffeFileError(RuntimeError):
    """The file is truncated or damaged, or does not fit the network."""


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for i in range(10):
        if place >= len(data):
            raise CaffeFileError("it is truncated")
        byte = data[place]
        place += 1
        value |= (byte & 127) << (7 * i)
        if byte < 128:
            return value, place
    raise CaffeFileError("it is damaged: a number does not end")


def _fields(data: memoryview) -> Iterator[tuple[int, int, Any]]:
    """(number, wire type, value) of each field of a message."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, place = _varint(data, place)
            yield number, kind, value
            continue
        if kind not in (_BYTES, _FIXED32, _FIXED64):
            raise CaffeFileError(f"it is damaged, or no file of Caffe's: a field has the wire type {kind}")
        length = 4 if kind == _FIXED32 else 8
        if kind == _BYTES:
            length, place = _varint(data, place)
        if length > len(data) - place:
            raise CaffeFileError("it is truncated")
        yield number, kind, data[place : place + length]
        place += length


def _blob(data: memoryview) -> np.ndarray:
    """A BlobProto: its values in their shape."""
    old, dims, parts = [1, 1, 1, 1], None, []
    for number, kind, value in _fields(data):
        if number in (1, 2, 3, 4) and kind == _VARINT:
            old[number - 1] = value
        elif number == _SHAPE and kind == _BYTES:
            dims = []
            for inner, wire, dim in _fields(value):
                if inner == 1 and wire == _VARINT:
                    dims.append(dim)
                elif inner == 1 and wire == _BYTES:
                    place = 0
                    while place < len(dim):
                        one, place = _varint(dim, place)
                        dims.append(one)
        elif number in (_DATA, _DOUBLE) and kind in (_BYTES, _FIXED32, _FIXED64):
            dtype = np.dtype("<f4" if number == _DATA else "<f8")
            if len(value) % dtype.itemsize:
                raise CaffeFileError("it is damaged: a blob has half a value")
            parts.append(np.frombuffer(value, dtype))
    values = np.concatenate(parts) if parts else np.zeros(0, "<f4")
    shape = old if dims is None else dims
    if math.prod(shape) != values.size or len(shape) > 32:
        raise CaffeFileError(f"it is damaged: a blob of shape {shape[:8]} has {values.size} values")
    return values.reshape(shape).astype(values.dtype.newbyteorder("="))


def _read(path: Path) -> memoryview:
    with open(path, "rb") as file:
        return memoryview(file.read())


def read_blobs(path: Path) -> dict[str, list[np.ndarray]]:
    """The blobs of each layer of a `.caffemodel`, by the layer's name.

    Raises:
        CaffeFileError: if the file is truncated or damaged.
    """
    found = {}
    try:
        for number, kind, value in _fields(_read(path)):
            if number not in (_LAYER, _OLD_LAYER) or kind != _BYTES:
                continue
            name_at, blobs_at = (1, 7) if number == _LAYER else (4, 6)
            name, blobs = "", []
            for inner, wire, part in _fields(value):
                if inner == name_at and wire == _BYTES:
                    name = bytes(part).decode("utf-8", "replace")
                elif inner == blobs_at and wire == _BYTES:
                    blobs.append(_blob(part))
            if blobs:
                found[name] = blobs
    except CaffeFileError as error:
        raise CaffeFileError(f"{os.fspath(path)}: {error}") from None
    return found


def _held(module: Module) -> list[Any]:
    """The tensors of a layer in the order of its blobs."""
    if hasattr(module, "blobs"):
        return [getattr(module, name) for name in module.blobs()]
    return [p for p in module._parameters.values() if p is not None]


def load_weights(net: Net, path: Path) -> None:
    """Copy weights into the layers of the same names.

    Raises:
        CaffeFileError: if the file is damaged, no layer has a name in it, or a blob has another size.
    """
    found = read_blobs(path)
    taken = 0
    for step in net._steps:
        blobs = found.get(step.title)
        held = _held(net.layers[step.name])
        if blobs is None or not held:
            continue
        taken += 1
        if len(blobs) != len(held) or any(b.size != t.array.size for b, t in zip(blobs, held)):
            have, want = [b.shape for b in blobs], [tuple(t.shape) for t in held]
            raise CaffeFileError(f"{os.fspath(path)}: the layer {step.title!r} has blobs {have} there, and {want} here")
        for blob, t in zip(blobs, held):
            t.data = blob.reshape(t.shape).astype(t.dtype)
    if not taken:
        raise CaffeFileError(f"{os.fspath(path)}: it has no weights for any layer of this network")


# --- writing ---------------------------------------------------------------------------------------------------------


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return _number(number << 3 | _VARINT) + _number(value)
    return _number(number << 3 | _BYTES) + _number(len(value)) + value


def _packed(array: np.ndarray) -> bytes:
    """A BlobProto of an array, in the precision it has."""
    double = array.dtype == np.float64
    shape = _field(1, b"".join(_number(n) for n in array.shape))
    values = np.ascontiguousarray(array, "<f8" if double else "<f4").tobytes()
    return _field(_SHAPE, shape) + _field(_DOUBLE if double else _DATA, values)


def _write(path: Path, data: bytes) -> None:
    """Replace a file in one step."""
    temporary = f"{os.fspath(path)}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def save_weights(net: Net, path: Path) -> None:
    """Write a `.caffemodel` that Caffe and `load_weights` read."""
    out = [_field(1, net.name.encode())]
    for step in net._steps:
        blobs = b"".join(_field(7, _packed(t.array)) for t in _held(net.layers[step.name]))
        out.append(_field(_LAYER, _field(1, step.title.encode()) + _field(2, step.kind.encode()) + blobs))
    _write(path, b"".join(out))


def write_state(path: Path, iteration: int, model: str, history: list[np.ndarray], current_step: int) -> None:
    """Write a `.solverstate`: the iteration, the file of the weights, and what the rule remembers."""
    blobs = b"".join(_field(3, _packed(h)) for h in history)
    _write(path, _field(1, iteration) + _field(2, model.encode()) + blobs + _field(4, current_step))


def read_state(path: Path) -> tuple[int, str, list[np.ndarray]]:
    """The iteration, the file of the weights, and the history of a `.solverstate`."""
    iteration, model, history = 0, "", []
    try:
        for number, kind, value in _fields(_read(path)):
            if number == 1 and kind == _VARINT:
                iteration = value
            elif number == 2 and kind == _BYTES:
                model = bytes(value).decode("utf-8", "replace")
            elif number == 3 and kind == _BYTES:
                history.append(_blob(value))
    except CaffeFileError as error:
        raise CaffeFileError(f"{os.fspath(path)}: {error}") from None
    return iteration, model, history
