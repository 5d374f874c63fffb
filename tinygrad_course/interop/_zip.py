"""The records of a zip archive that torch.save wrote, read into memory and never onto the disk."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Archive", "ArchiveError"]

_MOST_RECORDS = 200_000


class ArchiveError(Exception):
    """The archive is damaged, or not one that torch.save writes."""


class Archive:
    """An open archive: `read(name)` gives a record as an array of bytes.

    All records lie in one folder of the archive, and none is compressed, as PyTorch needs it to map them into memory.
    So what is read never exceeds the size of the file: `read` counts, in case records overlap.
    """

    def __init__(self, file: Any) -> None:
        import struct
        import zipfile

        start = file.tell()
        self._left = 2 * (file.seek(0, 2) - start)
        file.seek(start)
        try:
            self._zip = zipfile.ZipFile(file)
            infos = self._zip.infolist()
        except (
            zipfile.BadZipFile,
            ValueError,
            OverflowError,
            OSError,
            NotImplementedError,
            EOFError,
            struct.error,
        ) as error:
            raise ArchiveError(f"is a damaged or truncated zip archive ({str(error)[:100]})") from error
        if len(infos) > _MOST_RECORDS:
            raise ArchiveError(f"has {len(infos)} records, more than {_MOST_RECORDS}")
        self._records = {info.filename: info for info in infos}
        if len(self._records) != len(infos):
            raise ArchiveError("is damaged: two records have one name")
        tops = [name.removesuffix("data.pkl") for name in self._records if name.endswith("/data.pkl")]
        if len(tops) != 1 or tops[0].count("/") != 1:
            raise ArchiveError("is a zip archive, but not one that torch.save wrote: it has no single data.pkl")
        self._top = tops[0]

    def __contains__(self, name: str) -> bool:
        return self._top + name in self._records

    def size(self, name: str) -> int:
        """The size of a record; raises ArchiveError if there is none of that name, or it is compressed."""
        info = self._records.get(self._top + name)
        if info is None:
            raise ArchiveError(f"is damaged: it has no record {name[:80]!r}")
        if info.compress_type or info.compress_size != info.file_size or info.flag_bits & 1:
            raise ArchiveError(f"has a compressed or encrypted record {name[:80]!r}, which torch.save does not write")
        return int(info.file_size)

    def read(self, name: str) -> np.ndarray:
        """The bytes of a record, after a check of their checksum."""
        import zipfile

        size = self.size(name)
        self._left -= size
        if self._left < 0:
            raise ArchiveError("is damaged: its records claim more than the file holds")
        out = np.empty(size, np.uint8)
        view = out.data
        try:
            with self._zip.open(self._records[self._top + name]) as member:
                reached = 0
                while chunk := member.read(1 << 20):
                    view[reached : reached + len(chunk)] = chunk
                    reached += len(chunk)
        except (zipfile.BadZipFile, ValueError, OverflowError, OSError, EOFError, RuntimeError) as error:
            raise ArchiveError(f"is damaged in its record {name[:80]!r} ({str(error)[:100]})") from error
        if reached != size:
            raise ArchiveError(f"is truncated in its record {name[:80]!r}")
        return out
