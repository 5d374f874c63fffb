"""Backends as seen by ordinary scripts: none of the accelerators is there, and switches for them have no effect."""

from __future__ import annotations

from typing import Any

__all__ = ["cuda", "cudnn", "mkldnn", "mps"]


class _Absent:
    """An accelerator that is not there: it says so, and takes settings that then have no effect."""

    def __init__(self, **settings: Any) -> None:
        self.__dict__.update(settings)

    def is_available(self) -> bool:
        """False."""
        return False

    def is_built(self) -> bool:
        """False."""
        return False

    def version(self) -> None:
        """None: it is not there."""


mps = _Absent()
mkldnn = _Absent(enabled=False)
cudnn = _Absent(enabled=False, benchmark=False, deterministic=True, allow_tf32=False)
cuda = _Absent(matmul=_Absent(allow_tf32=False))
