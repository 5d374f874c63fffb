"""Compiled code kept on disk: only where nobody else can write, written whole or not at all, checked when read.

A file is `<key>.kernel`: a SHA-256 of the rest, then the rest. Whoever can write to the folder could run code as its
owner; therefore the folder, its parents and the file must belong to the user (parents also to root), and be writable by
nobody else. Where that does not hold nothing is read or written, and kernels are compiled anew in every process.
"""

from __future__ import annotations

import os
import stat
import sys
from hashlib import sha256
from pathlib import Path

from ..config import config

__all__ = ["clear_cache", "folder", "key_of", "read", "refusal", "write"]

_SUFFIX = ".kernel"
_trusted: dict[str, str | None] = {}


def key_of(*parts: str) -> str:
    """A name for what depends on exactly these texts."""
    digest = sha256()
    for part in parts:
        raw = part.encode()
        digest.update(b"%d:" % len(raw))
        digest.update(raw)
    return digest.hexdigest()


def folder() -> Path | None:
    """Where compiled kernels are kept: `tc.config.cache_dir`, else in the user's cache folder; None if turned off."""
    if config.cache_dir is not None:
        return Path(config.cache_dir) if config.cache_dir else None
    if sys.platform == "darwin":
        base = Path("~/Library/Caches")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    try:
        base = base.expanduser()
    except RuntimeError:  # no home
        return None
    return base / "tinygrad_course" / "kernels" if base.is_absolute() else None


def refusal(path: Path) -> str | None:
    """Why kernels may not be loaded from a folder, or None if they may."""
    user = os.geteuid()
    try:
        real = path.resolve(strict=True)
        for place in (real, *real.parents):
            status = os.lstat(place)
            if not stat.S_ISDIR(status.st_mode):
                return f"{place} is not a folder"
            if status.st_uid != user and (place == real or status.st_uid != 0):
                return f"{place} belongs to another user"
            # In a sticky folder (as /tmp) nobody can rename what is another's.
            sticky = place != real and status.st_mode & stat.S_ISVTX
            if status.st_mode & 0o022 and not sticky:
                return f"{place} is writable by others"
    except OSError as error:
        return str(error)
    return None


def _usable(create: bool) -> Path | None:
    """The folder, if it is there (or can be made) and trustworthy."""
    path = folder()
    if path is None or not hasattr(os, "geteuid"):
        return None
    name = str(path)
    if name not in _trusted or not path.is_dir():
        if create:
            try:
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError:
                return None
        if not path.is_dir():
            return None
        _trusted[name] = refusal(path)
    return path if _trusted[name] is None else None


def read(key: str) -> bytes | None:
    """What was kept under this key, if it is whole and nobody else can have written it."""
    path = _usable(create=False)
    if path is None:
        return None
    try:
        number = os.open(path / (key + _SUFFIX), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    with open(number, "rb") as file:
        status = os.fstat(number)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
            return None
        try:
            raw = file.read()
        except OSError:
            return None
    content = raw[32:]
    return content if sha256(key.encode() + content).digest() == raw[:32] else None


def write(key: str, content: bytes) -> bool:
    """Keep this under a key. Readers see the whole of it or nothing; where it cannot be written nothing happens."""
    path = _usable(create=True)
    if path is None:
        return False
    temporary = path / f"{key}.{os.getpid()}.{os.urandom(4).hex()}.part"
    try:
        number = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with open(number, "wb") as file:
                file.write(sha256(key.encode() + content).digest() + content)
            os.replace(temporary, path / (key + _SUFFIX))
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError:  # a full or read-only disk: the kernel runs all the same
        return False
    return True


def clear_cache() -> int:
    """Remove all compiled kernels from the disk, and return their number. Kernels that are in use stay loaded."""
    path = folder()
    if path is None or not path.is_dir():
        return 0
    count = 0
    for file in path.iterdir():
        if file.suffix in (_SUFFIX, ".part"):
            file.unlink(missing_ok=True)
            count += file.suffix == _SUFFIX
    return count
