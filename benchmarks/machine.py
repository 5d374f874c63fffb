"""The machine, the threads and the versions that a figure belongs to; the memory of a process."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

__all__ = [
    "describe",
    "facts",
    "give_back_memory",
    "peak_bytes",
    "reset_peak",
    "set_threads",
    "thread_counts",
    "users_environment",
    "version",
]

_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def version(package: str) -> str:
    """The installed version of a package, or "not installed"."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def set_threads(count: int) -> None:
    """Let every library of this process, and of those it starts, use so many threads; call it before NumPy loads."""
    for name in _VARIABLES:
        os.environ[name] = str(count)
    if count == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ["CPU_COUNT"] = str(count)  # tinygrad's


def users_environment(**changes: str) -> dict[str, str]:
    """The environment of a process that begins as a user's does: Python finds its modules compiled."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | changes


def thread_counts() -> dict[str, int]:
    """How many threads the environment grants, and PyTorch if it is loaded says it uses."""
    import sys

    counts = {name: int(os.environ[name]) for name in _VARIABLES if os.environ.get(name, "").isdigit()}
    if "torch" in sys.modules:
        counts["torch"] = sys.modules["torch"].get_num_threads()
    return counts


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def facts(*packages: str) -> dict[str, Any]:
    """Processor, cores, system, Python and the versions of packages."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "processor": _processor(),
        "cores": cores,
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
    }


def describe(known: dict[str, Any]) -> str:
    """`facts` in one line."""
    parts = [known["processor"], f"{known['cores']} cores", known["system"], f"Python {known['python']}"]
    return "; ".join(parts + [f"{name} {number}" for name, number in known["versions"].items()])


def give_back_memory() -> None:
    """Hand freed memory back to the system, where the C library can, so that it is not taken for memory in use."""
    import ctypes
    import gc

    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):  # not glibc
        return


def reset_peak() -> int:
    """Forget the peak of this process's memory, where the system can; what it holds now, in bytes."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return 0
    return peak_bytes()


def peak_bytes() -> int:
    """The most memory that this process has held, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
