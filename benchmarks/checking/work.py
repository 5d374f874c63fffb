"""What there is to do, in steps that can be repeated and resumed: each is a name and a function of no arguments."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

__all__ = ["Counts", "bulk", "derive"]

# What a step counted; "examples" lists the first of what went wrong, in words.
Counts = dict[str, Any]


def derive(*parts: object) -> int:
    """A seed that depends on all parts and on nothing else."""
    return zlib.crc32("/".join(map(str, parts)).encode())


def bulk(strategy: st.SearchStrategy[Any], count: int, start: int, use: Callable[[Any], None]) -> None:
    """Call `use` with up to `count` values of a strategy: fewer where there are not so many."""

    @settings(
        max_examples=count, database=None, phases=[Phase.generate], deadline=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @seed(start)
    @given(strategy)
    def go(value: Any) -> None:
        use(value)

    go()
