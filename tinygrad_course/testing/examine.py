"""One check of a function at one point: by differences, and at kinks by the slopes on all sides."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .compare import elements, findings
from .function import Point
from .kinks import ALL, bends, glimpsed, judge
from .report import Finding, Kink, Row

__all__ = ["Outcome", "examine"]


class Outcome(NamedTuple):
    """What a check found.

    Attributes:
        found: the projections that disagree; empty if the gradient is right.
        rows: the elements that disagree.
        kinks: where the function has several slopes.
    """

    found: list[Finding]
    rows: list[Row]
    kinks: list[Kink]


def examine(
    point: Point,
    rng: np.random.Generator,
    *,
    order: int = 1,
    rtol: float | None = None,
    atol: float = 0.0,
    jumps: bool = False,
) -> Outcome:
    """Compare the gradient with differences; where these disagree and the point is at a kink, with all slopes."""
    found = findings(point, rng, order=order, rtol=rtol, atol=atol, jumps=jumps)
    if not found:
        return Outcome([], [], judge(point, rng).kinks if order == 1 and glimpsed(point, rng) else [])
    if order == 1 and bends(point, rng):
        verdict = judge(point, rng)
        if verdict.reliable:
            if not verdict.wrong:
                return Outcome([], [], verdict.kinks)
            found = [f._replace(reliable=True) for f in found]
            return Outcome(found, _worst(verdict.wrong), verdict.kinks)
    return Outcome(found, elements(point, rng), [])


def _worst(rows: list[Row]) -> list[Row]:
    """Each element once, with the output for which it is most wrong; those of single elements first."""
    rows = sorted(rows, key=lambda row: (row.input == ALL, -abs(row.analytic - row.numeric)))
    return list({(row.input, row.element): row for row in reversed(rows)}.values())[::-1]
