"""Native kernels: code made for this processor by LLVM, through `llvmlite` (`pip install "tinygrad_course[fast]"`).

Without llvmlite, and wherever no kernel serves, NumPy does the work: results agree to rounding. `tc.config.kernels`
turns kernels off; `tc.native.report()` tells which path ran.

How a kernel is made, from the bottom up:

- `host`: the processor that code is made for. `host().lanes(4)` float32 numbers fit into a vector.
- `emit`: a builder for LLVM's text form: vectors, loops, tails.
- `vecmath`: exp, log, tanh, erf... of vectors.
- `jit`: `load(text, names)` gives a `Library` of functions; `cache` keeps their code on disk, `image` links it.
- `pool`: the threads; a kernel calls `tc_parallel`.
- `elementwise`: the kernels of the long elementwise functions, and how an operation finds its kernel.
- `gemm`: products of matrices, which compiled programs call; `products` calls it in eager mode.
- `families`: which operations on images, rows and windows have kernels. Those of a convolution are in `conv_direct`,
  `conv_weight` and `conv_winograd`, and `conv` chooses among them; then `pooling`, `norm` and `softmax`. Kernels that
  are specialized on a shape are written with `ir`, an assembler whose addresses fold, and called through `calls`.
"""

from __future__ import annotations

from typing import Any

from ..config import config

__all__ = ["available", "clear_cache", "count", "enabled", "kernels", "report", "require"]

_missing: Any = False  # not looked yet; then why kernels cannot run here, or None


def available() -> bool:
    """Whether native kernels can run here: llvmlite is installed, and this is a processor they are provided for."""
    global _missing
    if _missing is False:
        from .host import missing

        _missing = missing()
    return _missing is None


def enabled() -> bool:
    """Whether native kernels are used: they can run here, and `tc.config.kernels` is not "off"."""
    return config.native and available()


def require() -> None:
    """Raise if native kernels cannot run here.

    Raises:
        ImportError: without llvmlite; the message says what to install.
        RuntimeError: on processors and systems that the kernels have not been tried on.
    """
    if not available():
        kind = ImportError if "install" in _missing else RuntimeError
        raise kind(f"native kernels: {_missing}")


def clear_cache() -> int:
    """Remove all compiled kernels from the disk, and return their number. Kernels in use stay loaded."""
    from . import cache

    return cache.clear_cache()


# --- Which path ran -----------------------------------------------------------------------------------------------

_counts: dict[tuple[str, str], int] = {}


def count(kernel: str, reason: str = "") -> None:
    """Note a call of a kernel, or the reason why NumPy served in its place. Called where `config.log_kernels` is on."""
    key = kernel, reason
    _counts[key] = _counts.get(key, 0) + 1


class Report(dict[tuple[str, str], int]):
    """Calls by (kernel, reason); the reason is empty where the native kernel ran."""

    def __str__(self) -> str:
        if not self:
            return "no calls counted; set tc.config.log_kernels = True first"
        rows = [(name, str(n), reason or "native") for (name, reason), n in sorted(self.items())]
        width = [max(len(row[i]) for row in rows) for i in range(2)]
        return "\n".join(f"{name:<{width[0]}}  {n:>{width[1]}}  {path}" for name, n, path in rows)

    __repr__ = __str__


def report(*, reset: bool = False) -> Report:
    """What ran since `tc.config.log_kernels` was set: calls by kernel, and why NumPy served in its place.

    Example:
        >>> import tinygrad_course as tc
        >>> with tc.config.set(log_kernels=True):
        ...     _ = tc.zeros(100_000).exp()
        >>> found = tc.native.report(reset=True)
    """
    found = Report(_counts)
    if reset:
        _counts.clear()
    return found


def __getattr__(name: str) -> Any:
    if name in ("cache", "elementwise", "emit", "gemm", "host", "image", "jit", "pool", "vecmath"):
        import importlib

        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
