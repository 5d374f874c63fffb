"""What makes a program run: the backends by name."""

from __future__ import annotations

from .program import Executable, Program

__all__ = ["lower", "names"]


def names() -> list[str]:
    """The backends that there are."""
    return ["eager", "numpy"]


def lower(program: Program, backend: str) -> Executable:
    """The program as something to call, by the named backend or, for "auto", by the best that there is."""
    from . import replay

    return replay.lower(program)
