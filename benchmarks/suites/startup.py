"""What it costs to begin: the time of a fresh interpreter that imports a package, and the bytes on disk.

The limit that the project sets itself is 60 ms beyond `import numpy`.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from importlib import metadata
from pathlib import Path

from ..case import Case, Run
from ..machine import users_environment
from ..systems import SYSTEMS

__all__ = ["cases"]


def cases(quick: bool = False) -> list[Case]:
    del quick  # there is nothing to make smaller
    systems: dict[str, Callable[[], Run]] = {
        name: partial(_import, SYSTEMS[name].package)
        for name in ("tc", "torch", "jax", "autograd", "tinygrad", "numpy")
    }
    return [Case("startup", "python -c 'import …', and what it installs", systems, steps=0, share=4, headline=True)]


def _import(package: str) -> Run:
    """Import NumPy, then the package, with compiled modules cached as for any user."""
    command = [sys.executable, "-c", f"import numpy, {package}"]

    def step() -> None:
        subprocess.run(command, check=True, capture_output=True, env=users_environment())

    return Run(step, facts=lambda: {"installed_bytes": float(_installed_bytes(package))})


def _installed_bytes(package: str) -> int:
    """The bytes of a package and of all that it requires."""
    found: dict[str, int] = {}
    wanted = [package]
    while wanted:
        name = re.sub(r"[-_.]+", "-", wanted.pop()).lower()
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:  # required on other systems only
            continue
        if name not in found:
            found[name] = _own_bytes(distribution)
            required = [text for text in distribution.requires or [] if "extra ==" not in text]
            wanted += [re.split(r"[^\w.-]", text, maxsplit=1)[0] for text in required]
    return sum(found.values())


def _own_bytes(distribution: metadata.Distribution) -> int:
    """The bytes of one package, without those that Python compiles later."""
    package = distribution.name.replace("-", "_")
    spec = importlib.util.find_spec(package) if package == "tinygrad_course" else None
    if spec is not None and spec.origin:  # may be installed in place, so that its list of files is short
        files = [path for path in Path(spec.origin).parent.rglob("*") if path.is_file()]
        return sum(path.stat().st_size for path in files if "__pycache__" not in path.parts)
    return sum(file.size or 0 for file in distribution.files or [] if "__pycache__" not in file.parts)
