"""The systems that are compared: what each is called, what it needs, and what is set while it runs."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["OURS", "PEERS", "SYSTEMS", "System"]


@dataclass(frozen=True)
class System:
    """One column of the table.

    Attributes:
        title: the head of the column.
        package: what is imported.
        kernels: tinygrad_course only: whether native kernels run in ordinary calls.
        compiled: what it computes is compiled in its first calls, which is shown as a time of its own.
        needs: another package without which this would be the same as a simpler column.
    """

    title: str
    package: str
    kernels: bool = False
    compiled: bool = False
    needs: str = ""

    def missing(self) -> str:
        """The package that is not installed, or ""."""
        absent = [name for name in (self.package, self.needs) if name and importlib.util.find_spec(name) is None]
        return absent[0] if absent else ""

    @contextmanager
    def active(self) -> Iterator[None]:
        """Let native kernels run, or not, within this block; other systems have nothing to set."""
        if self.package != "tinygrad_course":
            yield
            return
        import tinygrad_course as tc

        with tc.config.set(kernels="auto" if self.kernels else "off"):
            yield


SYSTEMS = {
    "tc": System("tinygrad_course, NumPy only", "tinygrad_course"),
    "tc+kernels": System("with kernels", "tinygrad_course", kernels=True, needs="llvmlite"),
    "tc.compile": System("compiled", "tinygrad_course", kernels=True, compiled=True, needs="llvmlite"),
    "torch": System("PyTorch", "torch"),
    "torch.compile": System("torch.compile", "torch", compiled=True),
    "jax": System("JAX jit", "jax", compiled=True),
    "autograd": System("autograd", "autograd"),
    "tinygrad": System("tinygrad jit", "tinygrad", compiled=True),
    "numpy": System("NumPy by hand", "numpy"),
}
OURS = [name for name, system in SYSTEMS.items() if system.package == "tinygrad_course"]
PEERS = [name for name in SYSTEMS if name not in OURS]
