"""IDX files: the format of MNIST and its kin (Y. LeCun, "The MNIST database": THE IDX FILE FORMAT).

Two zero bytes, a type byte, the number of dimensions, each dimension as a big-endian 32-bit number, then the values in
C order, big-endian.
"""

import os
import struct
import zlib
from typing import IO, Any

import numpy as np

from .errors import DataFileError

__all__ = ["read_idx"]

_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_CHUNK = 1 << 20
# DEFLATE codes 258 bytes in no less than 2 bits: nothing expands further, so a header that claims more is a lie.
_MOST_EXPANSION = 1032
_GZIP_MAGIC = b"\x1f\x8b"


def read_idx(path: str | os.PathLike[str], *, ndim: int | None = None) -> np.ndarray:
    """Read an IDX file, plain or gzipped, into an array of native byte order.

    The header is checked against the size of the file before anything is allocated, and the checksum of a gzip stream
    is verified.

    Args:
        path: the file.
        ndim: the number of dimensions that it must have.

    Raises:
        DataFileError: if the file is truncated, too long, corrupt, or no IDX file; the message names it.
        FileNotFoundError: if there is no such file.
    """
    with open(path, "rb") as raw:
        return read_idx_stream(raw, os.fspath(path), ndim=ndim)


def read_idx_stream(raw: IO[bytes], name: str, *, ndim: int | None = None) -> np.ndarray:
    """Read an IDX array from an open file; `name` is for messages."""
    stored = raw.seek(0, os.SEEK_END)
    raw.seek(0)
    compressed = raw.read(2) == _GZIP_MAGIC
    raw.seek(0)
    if not compressed:
        return _parse(raw, name, stored, ndim)
    import gzip

    try:
        with gzip.GzipFile(fileobj=raw) as stream:
            return _parse(stream, name, stored * _MOST_EXPANSION, ndim)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataFileError(f"{name}: the gzip stream is corrupt or truncated ({error}); {_MEND}") from error


_MEND = "delete the file and download it again"


def _parse(stream: Any, name: str, at_most: int, ndim: int | None) -> np.ndarray:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _DTYPES:
        raise DataFileError(f"{name}: not an IDX file (it begins with {magic!r}); {_MEND}")
    dtype, dims = np.dtype(_DTYPES[magic[2]]), magic[3]
    if dims == 0 or dims > 8 or (ndim is not None and dims != ndim):
        wanted = "1 to 8" if ndim is None else str(ndim)
        raise DataFileError(f"{name}: the IDX header says {dims} dimensions, expected {wanted}")
    head = stream.read(4 * dims)
    if len(head) < 4 * dims:
        raise DataFileError(f"{name}: truncated in the IDX header; {_MEND}")
    shape = struct.unpack(f">{dims}I", head)
    size = dtype.itemsize
    for length in shape:  # Python integers: a hostile product cannot overflow
        size *= length
    if size > at_most:
        raise DataFileError(
            f"{name}: the IDX header claims shape {shape}, more than a file of this size holds; {_MEND}"
        )
    body = _read_exactly(stream, size, name, shape)
    return np.frombuffer(body, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def _read_exactly(stream: Any, size: int, name: str, shape: tuple[int, ...]) -> bytearray:
    """Read `size` bytes and the end of the file, a chunk at a time: memory follows what arrives, not the claim."""
    body = bytearray()
    while len(body) < size:
        chunk = stream.read(min(_CHUNK, size - len(body)))
        if not chunk:
            raise DataFileError(
                f"{name}: truncated: the IDX header claims shape {shape} ({size} bytes), found {len(body)}; {_MEND}"
            )
        body += chunk
    if stream.read(1):  # for gzip, reaching the end is also what verifies the checksum
        raise DataFileError(f"{name}: longer than its IDX header says (shape {shape}); {_MEND}")
    return body
