"""One check of a function at one point: by differences, and at kinks by the slopes on all sides."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .compare import apart, continuous, elements, findings
from .function import Point
from .jacobian import full_findings
from .kinks import ALL, bends, glimpsed, judge
from .options import Options
from .report import Finding, Kink, Row
from .rounding import FINE, rounding
from .stiff import wrong_closer

__all__ = ["Outcome", "examine"]

# Projections of functions that round coarsely: a chance agreement of one is not as rare as in float64.
REPEATS = 3


class Outcome(NamedTuple):
    """What a check found.

    Attributes:
        found: the projections that disagree; empty if the gradient is right.
        rows: the elements that disagree.
        kinks: where the function has several slopes.
        floor: the relative rounding of the function, where it had to be measured; else 0.
    """

    found: list[Finding]
    rows: list[Row]
    kinks: list[Kink]
    floor: float = 0.0


def examine(
    point: Point, rng: np.random.Generator, options: Options, *, order: int = 1, jumps: bool = False
) -> Outcome:
    """Compare the gradient with differences; where these disagree and the point is at a kink, with all slopes."""
    found = _compared(point, rng, options, order, jumps)
    if found and not options.floor:
        floor = rounding(point, rng)
        if options._replace(floor=floor).relative(()) > options.relative(()):
            options = options._replace(floor=floor, repeats=max(options.repeats, REPEATS))
            found = _compared(point, rng, options, order, jumps)
    floor = options.floor
    if not found:
        kinks = judge(point, rng, options).kinks if order == 1 and glimpsed(point, rng) else []
        return Outcome([], [], kinks, floor)
    # Beyond order 1 the gradient jumps at a kink, and what does not jump has kinks there.
    used = continuous(point, rng) if jumps else None
    if (order == 1 or jumps) and bends(point, rng, floor, used):
        verdict = judge(point, rng, options, used)
        if verdict.reliable:
            if verdict.wrong:
                found = [f._replace(reliable=True) for f in found]
                return Outcome(found, _worst(verdict.wrong), verdict.kinks, floor)
            found = apart(point, rng, options, order) if "forward" in options.modes else []
            return Outcome(found, [], verdict.kinks, floor)
    rows = elements(point, rng, options)
    if order == 1 and rows and max(floor, point.coarseness()) < FINE:
        rest = wrong_closer(point, rng, options, rows)
        return Outcome(found if rest else [], rest, [], floor)
    return Outcome(found, rows, [], floor)


def _compared(point: Point, rng: np.random.Generator, options: Options, order: int, jumps: bool) -> list[Finding]:
    compare = full_findings if options.full else findings
    return compare(point, rng, options, order=order, jumps=jumps)


def _worst(rows: list[Row]) -> list[Row]:
    """Each element once, with the output for which it is most wrong; those of single elements first."""
    rows = sorted(rows, key=lambda row: (row.input == ALL, -abs(row.analytic - row.numeric)))
    return list({(row.input, row.element): row for row in reversed(rows)}.values())[::-1]
