"""How chapters are run, and what a finished run depends on."""

from __future__ import annotations

import hashlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from .. import __version__
from .chapters import Chapter

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """What all chapters of a report have in common.

    Attributes:
        out: the report's folder.
        quick: seconds instead of minutes.
        seed: of all random draws.
    """

    out: Path
    quick: bool = False
    seed: int = 0

    def folder(self, chapter: Chapter) -> Path:
        """Where a chapter leaves its files: a folder of its own."""
        return self.out / "chapters" / chapter.name

    def command(self, chapter: Chapter) -> list[str]:
        """How the chapter is called."""
        options = ["--out", str(self.folder(chapter)), "--seed", str(self.seed), "--bare"]
        return [sys.executable, str(chapter.path), *options, *(["--quick"] if self.quick else [])]

    def key(self, chapter: Chapter) -> str:
        """Stands for all that the outcome depends on: the scripts, the settings, the package's version, the data."""
        place = chapter.path.parent
        helpers = [p for p in place.rglob("*") if p.suffix in (".py", ".prototxt") and not p.name[0].isdigit()]
        digest = hashlib.sha256()
        for path in [chapter.path, *sorted(helpers)]:
            digest.update(f"{path.relative_to(place).as_posix()}\0".encode())
            digest.update(path.read_bytes() + b"\0")
        data = os.environ.get("TINYGRAD_COURSE_DATA", "")
        digest.update(repr((self.quick, self.seed, __version__, data)).encode())
        return digest.hexdigest()

    def environment(self, chapter: Chapter, jobs: int) -> dict[str, str]:
        """The variables for a chapter: text in UTF-8 and at once, this very package, threads shared among the jobs."""
        found = {**os.environ, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
        root = Path(__file__).parents[2]
        if chapter.path.parent == root / "examples":  # a checkout, which may not be installed
            found["PYTHONPATH"] = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH", "")]))
        if jobs > 1:
            threads = str(max(1, (os.cpu_count() or 1) // jobs))
            for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
                found.setdefault(name, threads)
        return found
