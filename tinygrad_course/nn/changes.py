"""How often modules were changed: so that what was compiled looks at their attributes only when it has to."""

from __future__ import annotations

from itertools import count

__all__ = ["changed", "moment"]

_tick = count(1).__next__
_latest = 0


def changed() -> None:
    """A module was given another attribute, submodule, parameter or hook."""
    global _latest
    _latest = _tick()


def moment() -> int:
    """A number that is another one after each change of any module."""
    return _latest
