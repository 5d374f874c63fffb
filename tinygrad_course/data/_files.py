"""Finding data files: the user's, or the small ones that ship with the package."""

import os
import warnings
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

import numpy as np

from .errors import DataFileError
from .idx import read_idx_stream

__all__ = ["ENVIRONMENT", "default_root", "find_all", "read_shipped", "resolve_root", "say_once"]

ENVIRONMENT = "TINYGRAD_COURSE_DATA"


def default_root() -> Path:
    """Return where data go when no `root` is given: $TINYGRAD_COURSE_DATA, else the user's cache folder."""
    chosen = os.environ.get(ENVIRONMENT)
    if chosen:
        return Path(chosen).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "tinygrad_course"


def resolve_root(root: str | os.PathLike[str] | None) -> Path:
    """Return the folder to look in: the given one, or the default one."""
    return default_root() if root is None else Path(root).expanduser()


def find_all(root: Path, folders: Iterable[str], names: Iterable[Iterable[str]]) -> list[Path] | None:
    """Return one file for each entry of `names` (alternatives), all from one of the folders in `root`, or None.

    All from one folder: images of one download must not be paired with labels of another.
    """
    wanted = [list(alternatives) for alternatives in names]
    for folder in folders:
        found = [next((p for n in alts if (p := root / folder / n).is_file()), None) for alts in wanted]
        if all(found):
            return [path for path in found if path is not None]
    return None


def read_shipped(name: str) -> np.ndarray:
    """Read an IDX file that ships in the package (also from a zipped wheel)."""
    resource = files(__package__).joinpath("files", name)
    try:
        with resource.open("rb") as raw:
            return read_idx_stream(raw, f"tinygrad_course/data/files/{name}")
    except FileNotFoundError as error:
        raise DataFileError(f"the package lacks its file data/files/{name}; reinstall tinygrad_course") from error


_said: set[str] = set()


def say_once(message: str, stacklevel: int) -> None:
    """Warn, the first time that this message comes up in the process."""
    if message not in _said:
        _said.add(message)
        warnings.warn(message, UserWarning, stacklevel=stacklevel + 1)
