"""What makes a program run: the backends by name."""

from __future__ import annotations

from ..config import config
from ..native import enabled, require
from .program import Executable, Program

__all__ = ["lower", "names"]


def names() -> list[str]:
    """The backends that there are."""
    return ["eager", "numpy", "native"]


def lower(program: Program, backend: str) -> Executable:
    """The program as something to call, by the named backend or, for "auto", by the best that there is.

    Where `tc.config.kernels` is "off", that is NumPy.
    """
    if backend == "native" and config.native:
        require()
    if backend != "numpy" and enabled():
        from . import native

        return native.Native(program)
    from . import replay

    return replay.lower(program)
