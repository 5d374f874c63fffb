"""What it costs to begin: the time of a fresh interpreter that imports a package, and the bytes on disk.

The limit that the project sets itself is 60 ms beyond `import numpy`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from ..case import PACKAGES, Case, Run

__all__ = ["cases"]


def cases(quick: bool = False) -> list[Case]:
    del quick  # there is nothing to make smaller
    systems: dict[str, Callable[[], Run]] = {
        system: lambda package=package: _import(package) for system, package in PACKAGES.items()
    }
    return [Case("startup", "python -c 'import …', and what it installs", systems, steps=0, headline=True)]


def _import(package: str) -> Run:
    """Import NumPy, then the package, with compiled modules cached as for any user."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", f"import numpy, {package}"]

    def step() -> None:
        subprocess.run(command, check=True, capture_output=True, env=env)

    return Run(step, facts=lambda: {"bytes installed": float(_installed_bytes(package))})


def _installed_bytes(package: str) -> int:
    """The bytes of the package's own files, without those of what it depends on."""
    import importlib.util

    if package == "tinygrad_course":  # may be installed in place, so that pip knows of no files
        spec = importlib.util.find_spec(package)
        folder = Path(spec.origin).parent  # type: ignore[union-attr, arg-type]
        return sum(p.stat().st_size for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    files = importlib.metadata.files(package) or []
    return sum(f.size or 0 for f in files)
