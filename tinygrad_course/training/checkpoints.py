"""Checkpoints: the state of a training on disk, so that it survives a crash."""

from __future__ import annotations

import os
import re
import warnings
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..serialization import load, save
from ..tensor import Tensor

__all__ = ["Checkpoints"]

_NAME = re.compile(r"step-(\d+)\.safetensors")


class Checkpoints:
    """A folder of checkpoints, of which the last few are kept.

    Each is written to a temporary file, synced to the disk and renamed, so a crash leaves either a whole checkpoint or
    none; a checksum tells if one was damaged later.

    Args:
        folder: where the files are; made if it is not there. One training, one folder.
        every: write after this many steps; "epoch" writes at the end of each epoch only (which is done anyway).
        keep: how many of the last checkpoints are kept.

    Raises:
        ValueError: if an option is out of its range.

    Example:
        >>> import tempfile, tinygrad_course as tc
        >>> checkpoints = tc.training.Checkpoints(tempfile.mkdtemp(), every=100, keep=2)
        >>> for step in (1, 2, 3):
        ...     checkpoints.write({"step": step}, step)
        >>> [path.name for path in checkpoints.files()]
        ['step-00000002.safetensors', 'step-00000003.safetensors']
        >>> checkpoints.read_newest()
        {'step': 3}
    """

    def __init__(self, folder: str | os.PathLike[str], every: int | str = "epoch", keep: int = 3) -> None:
        if every != "epoch" and (isinstance(every, (bool, str)) or every < 1):
            raise ValueError(f'Checkpoints: every must be "epoch" or a number of steps, got {every!r}')
        if keep < 1:
            raise ValueError(f"Checkpoints: keep must be at least 1, got {keep!r}")
        self.folder = Path(folder)
        self.every = every
        self.keep = keep

    def due(self, step: int) -> bool:
        """Whether a checkpoint is to be written after this step."""
        return not isinstance(self.every, str) and step % self.every == 0

    def files(self) -> list[Path]:
        """The checkpoints, the oldest first."""
        if not self.folder.is_dir():
            return []
        found = {path: _NAME.fullmatch(path.name) for path in self.folder.iterdir()}
        return sorted((path for path, match in found.items() if match), key=lambda p: int(p.stem.partition("-")[2]))

    def write(self, state: dict[str, Any], step: int) -> None:
        """Write the state after a step, then remove the oldest checkpoints beyond `keep`, and any of a later step.

        A later one is left only where it was damaged and the run went on from one before.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"step-{step:08d}.safetensors"
        save({"checksum": checksum(state), "state": state}, path)
        files = self.files()
        here = files.index(path)
        for other in files[: max(0, here + 1 - self.keep)] + files[here + 1 :]:
            other.unlink(missing_ok=True)

    def read_newest(self) -> dict[str, Any] | None:
        """The state in the newest checkpoint that is whole, or None if there is no checkpoint.

        Raises:
            RuntimeError: if there are checkpoints, and all are damaged. Each damaged one is named in a warning.
        """
        for left in self.folder.glob("step-*.safetensors.*.tmp"):  # of a run that was killed while it wrote
            left.unlink(missing_ok=True)
        files = self.files()
        for path in reversed(files):
            try:
                return _read(path)
            except RuntimeError as error:
                warnings.warn(f"Checkpoints: skipping a damaged checkpoint: {error}", stacklevel=2)
        if files:
            raise RuntimeError(
                f"Checkpoints: none of the {len(files)} checkpoints in {self.folder} can be read; remove them to start "
                "from the beginning"
            )
        return None


def as_checkpoints(checkpoints: Checkpoints | str | os.PathLike[str] | None) -> Checkpoints | None:
    """Checkpoints as they are; a path as those in that folder."""
    return Checkpoints(checkpoints) if isinstance(checkpoints, (str, os.PathLike)) else checkpoints


def _read(path: Path) -> dict[str, Any]:
    found = load(path)
    if not isinstance(found, dict) or not isinstance(found.get("state"), dict) or "checksum" not in found:
        raise RuntimeError(f"load: {path} is no checkpoint of a training")
    if checksum(found["state"]) != found["checksum"]:
        raise RuntimeError(f"load: {path} is damaged: its checksum is wrong")
    return found["state"]


def checksum(x: Any, crc: int = 0) -> int:
    """CRC-32 over a structure of dicts, lists, tensors and numbers, the same before saving and after loading."""
    if isinstance(x, Mapping):
        crc = zlib.crc32(f"dict {len(x)}".encode(), crc)
        for key, value in x.items():
            crc = checksum(value, checksum(key, crc))
        return crc
    if isinstance(x, (list, tuple)):
        crc = zlib.crc32(f"list {len(x)}".encode(), crc)
        for value in x:
            crc = checksum(value, crc)
        return crc
    if isinstance(x, (Tensor, np.ndarray)):
        array = x.array if isinstance(x, Tensor) else x
        crc = zlib.crc32(f"{array.dtype.name} {array.shape}".encode(), crc)
        return zlib.crc32(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data, crc)
    return zlib.crc32(repr(x.item() if isinstance(x, np.generic) else x).encode(), crc)
