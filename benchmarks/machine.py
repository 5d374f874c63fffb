"""The machine and the versions that a figure belongs to."""

import importlib.metadata
import os
import platform
from pathlib import Path

__all__ = ["describe", "version"]


def version(package: str) -> str:
    """The installed version of a package, or "not installed"."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def describe(*packages: str) -> str:
    """One line: processor, cores, system, Python and the versions of packages."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = ", ".join(f"{k}={os.environ[k]}" for k in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS") if k in os.environ)
    parts = [_processor(), f"{cores} cores", platform.system(), f"Python {platform.python_version()}"]
    parts += [f"{name} {version(name)}" for name in packages]
    return "; ".join(parts + ([threads] if threads else []))
