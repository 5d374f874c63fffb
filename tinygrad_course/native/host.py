"""The processor that code is made for, in LLVM's words."""

from __future__ import annotations

import importlib.util
import platform
import sys
from pathlib import Path
from typing import NamedTuple

from . import cache

__all__ = ["AARCH64", "BASELINE", "Target", "host", "missing"]


class Target(NamedTuple):
    """What LLVM is told about a processor.

    Attributes:
        triple: architecture and system.
        cpu: the model, which decides what is fast.
        features: what it can do besides (+) or cannot (-), separated by commas.
    """

    triple: str
    cpu: str
    features: str

    @property
    def vector_bytes(self) -> int:
        """The width of its vector registers."""
        has = self.features.split(",")
        if "+avx512f" in has and "+avx512vl" in has and "+avx512dq" in has:
            return 64
        return 32 if "+avx2" in has else 16

    @property
    def fused(self) -> bool:
        """Whether a·b + c is one instruction with one rounding."""
        return "+fma" in self.features.split(",") or self.triple.startswith("aarch64")

    def lanes(self, itemsize: int = 4) -> int:
        """How many elements of this size a vector has."""
        return self.vector_bytes // itemsize


# What every 64-bit x86 has, and what every 64-bit ARM has.
BASELINE = Target("x86_64-unknown-linux-gnu", "x86-64", "")
AARCH64 = Target("aarch64-unknown-linux-gnu", "generic", "+neon")

_host: Target | None = None


def missing() -> str | None:
    """What keeps native kernels from running here, as the end of a sentence; None if nothing does."""
    if importlib.util.find_spec("llvmlite") is None:
        return 'llvmlite is not installed; pip install "tinygrad_course[fast]"'
    if sys.platform != "linux" or platform.machine().lower() not in ("x86_64", "amd64") or sys.maxsize < 2**32:
        return f"they are provided for Linux on 64-bit x86, and this is {sys.platform} on {platform.machine()}"
    return None


def host() -> Target:
    """This computer's processor. LLVM is asked once, and its answer kept with the compiled kernels."""
    global _host
    if _host is None:
        key = cache.key_of("host", llvm_version(), _description())
        kept = cache.read(key)
        if kept is None:
            import llvmlite.binding as llvm

            features = llvm.get_host_cpu_features().flatten()
            kept = "\n".join([llvm.get_process_triple(), llvm.get_host_cpu_name(), features]).encode()
            cache.write(key, kept)
        _host = Target(*kept.decode().split("\n"))
    return _host


def llvm_version() -> str:
    """The version of llvmlite, which stands for that of its LLVM; known without loading that."""
    import llvmlite

    return llvmlite.__version__


def _description() -> str:
    """What the system says of the first processor, less what changes while it runs."""
    text = Path("/proc/cpuinfo").read_text(errors="replace").split("\n\n")[0]
    return "\n".join(line for line in text.splitlines() if not line.startswith(("cpu MHz", "bogomips", "processor")))
