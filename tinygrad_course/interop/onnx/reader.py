"""Reading a file: its arrays, and its attributes as Python values, with all sizes checked before memory is taken.

Nothing in a file is executed. What a file declares (shapes, lengths, places in other files) is compared with what is
there. Data outside of the file is read from regular files in its directory only.
"""

from __future__ import annotations

import math
import os
import stat
from typing import Any

import numpy as np

from .package import OnnxError, onnx_package

__all__ = ["MOST", "Files", "attributes", "parse", "to_array"]

MOST = 1 << 30  # values that one array of a file may declare, or an operator make out of a number

# ONNX's number of an element type: NumPy's dtype, and the field that holds values one by one.
_TYPES: dict[int, tuple[Any, str]] = {
    1: (np.float32, "float_data"), 2: (np.uint8, "int32_data"), 3: (np.int8, "int32_data"),
    4: (np.uint16, "int32_data"), 5: (np.int16, "int32_data"), 6: (np.int32, "int32_data"),
    7: (np.int64, "int64_data"), 9: (np.bool_, "int32_data"), 10: (np.float16, "int32_data"),
    11: (np.float64, "double_data"), 12: (np.uint32, "uint64_data"), 13: (np.uint64, "uint64_data"),
    16: (np.float32, "int32_data"),
}  # fmt: skip
_BFLOAT16 = 16


def dtype_of(number: int, what: str) -> np.dtype:
    """NumPy's dtype for ONNX's number of an element type; bfloat16 becomes float32."""
    if number not in _TYPES:
        raise OnnxError(f"{what}: elements of type {number} are not supported, only floats, integers and bools")
    return np.dtype(_TYPES[number][0])


def parse(data: bytes, name: str) -> Any:
    """The ModelProto of a file's bytes."""
    onnx = onnx_package()
    try:
        model = onnx.ModelProto.FromString(data)
    except Exception as error:  # protobuf's errors, by whichever of its implementations
        raise OnnxError(f"{name}: this is no ONNX file, or a broken one: {error}") from error
    if not model.HasField("graph") or not model.opset_import:
        raise OnnxError(f"{name}: this is no ONNX file: it has no graph, or no version of operators")
    return model


class Files:
    """Reads data that lies beside a model's file.

    Args:
        directory: of the model's file; None if it has none, and so nothing may lie beside it.
    """

    def __init__(self, directory: str | None) -> None:
        self.directory = None if directory is None else os.path.realpath(directory)

    def read(self, location: str, offset: int, length: int, what: str) -> bytes:
        """Bytes of a file, by its path relative to the model's."""
        if self.directory is None:
            raise OnnxError(f"{what}: its data lies in another file, {location!r}; load the model by its path")
        parts = location.replace("\\", "/").split("/")
        if not location or "\0" in location or os.path.isabs(location) or ".." in parts or ":" in parts[0]:
            raise OnnxError(f"{what}: the path {location!r} of its data leads out of the model's directory")
        path = os.path.join(self.directory, *parts)
        if os.path.realpath(path) != os.path.normpath(path):
            raise OnnxError(f"{what}: the path {location!r} of its data goes through a symbolic link")
        try:
            status = os.lstat(path)
            if not stat.S_ISREG(status.st_mode):
                raise OnnxError(f"{what}: {location!r}, where its data should be, is no regular file")
            if offset < 0 or offset + length > status.st_size:
                raise OnnxError(f"{what}: {length} bytes from {offset} do not lie within {location!r}")
            with open(path, "rb") as file:
                file.seek(offset)
                return file.read(length)
        except OSError as error:
            raise OnnxError(f"{what}: its data cannot be read from {location!r}: {error.strerror}") from error


def to_array(tensor: Any, files: Files, what: str = "") -> np.ndarray:
    """The array of a TensorProto."""
    what = what or f"tensor {tensor.name!r}"
    dtype = dtype_of(tensor.data_type, what)
    field = _TYPES[tensor.data_type][1]
    shape = tuple(tensor.dims)
    if any(n < 0 for n in shape) or len(shape) > 64:
        raise OnnxError(f"{what}: {shape} is no shape")
    count = math.prod(shape)
    if count > MOST:
        raise OnnxError(f"{what}: the shape {shape} has {count:,} values; at most {MOST:,} are read")
    if tensor.HasField("segment"):
        raise OnnxError(f"{what}: segments of tensors are not supported")
    width = 2 if tensor.data_type == _BFLOAT16 else dtype.itemsize
    if tensor.data_location == tensor.EXTERNAL:
        data = _external(tensor, files, count * width, what)
    elif tensor.HasField("raw_data"):
        data = tensor.raw_data
    else:
        return _listed(getattr(tensor, field), dtype, tensor.data_type, shape, what)
    if len(data) != count * width:
        raise OnnxError(f"{what}: the shape {shape} of {dtype} needs {count * width} bytes, but there are {len(data)}")
    if tensor.data_type == _BFLOAT16:
        return _widened(np.frombuffer(data, "<u2")).reshape(shape)
    return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype).reshape(shape)


def _external(tensor: Any, files: Files, size: int, what: str) -> bytes:
    given = {entry.key: entry.value for entry in tensor.external_data}
    try:
        offset, length = int(given.get("offset", 0)), int(given.get("length", size))
    except ValueError:
        raise OnnxError(f"{what}: the place of its data is given by {given}, which are no numbers") from None
    if length != size:
        raise OnnxError(f"{what}: its shape needs {size} bytes, but {length} are declared in another file")
    return files.read(given.get("location", ""), offset, length, what)


def _widened(halves: np.ndarray) -> np.ndarray:
    return (halves.astype(np.uint32) << 16).view(np.float32)


def _listed(values: Any, dtype: np.dtype, kind: int, shape: tuple[int, ...], what: str) -> np.ndarray:
    """Values that are written one by one."""
    if len(values) != math.prod(shape):
        raise OnnxError(f"{what}: the shape {shape} needs {math.prod(shape)} values, but there are {len(values)}")
    plain = np.array(values)
    if kind == _BFLOAT16:
        return _widened(plain.astype(np.uint16)).reshape(shape)
    if dtype == np.float16:
        return plain.astype(np.uint16).view(np.float16).reshape(shape)
    return plain.astype(dtype).reshape(shape)


def attributes(node: Any, files: Files) -> dict[str, Any]:
    """A node's attributes as numbers, strings, lists, arrays and GraphProtos."""
    return {a.name: _attribute(a, files, f"{node.op_type} {node.name!r}") for a in node.attribute}


def _attribute(a: Any, files: Files, where: str) -> Any:
    what = f"{where}: attribute {a.name!r}"
    if a.ref_attr_name:
        raise OnnxError(f"{what} refers to a function's attribute {a.ref_attr_name!r}; functions are not supported")
    kinds = {
        a.FLOAT: "f", a.INT: "i", a.STRING: "s", a.TENSOR: "t", a.GRAPH: "g", a.FLOATS: "floats", a.INTS: "ints",
        a.STRINGS: "strings",
    }  # fmt: skip
    if a.type not in kinds:
        raise OnnxError(f"{what} is of kind {a.type}, which is not supported")
    value = getattr(a, kinds[a.type])
    try:
        if a.type == a.TENSOR:
            return to_array(value, files, what)
        if a.type == a.STRING:
            return value.decode()
        if a.type == a.STRINGS:
            return [s.decode() for s in value]
    except UnicodeDecodeError as error:
        raise OnnxError(f"{what}: {error}") from error
    return list(value) if a.type in (a.FLOATS, a.INTS) else value
