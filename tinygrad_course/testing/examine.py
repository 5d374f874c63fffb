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
TRIES = 3


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
    """Compare the gradient with differences; where these disagree and the point is at a kink, with all slopes.

    Beyond order 1, where differences do not settle at a kink, other directions are tried.
    """
    for _ in range(TRIES if jumps and order > 1 else 1):
        outcome = _examined(point, rng, options, order, jumps)
        if not outcome.found or any(f.reliable for f in outcome.found):
            break
    return outcome


def _examined(point: Point, rng: np.random.Generator, options: Options, order: int, jumps: bool) -> Outcome:
    found = _compared(point, rng, options, order, jumps)
    judged = _judged(found, point, rng, options, order, jumps) if order == 1 else None
    if judged and not judged.found:
        return judged
    # A kink nearby looks like rounding, so that is measured only now.
    given = options
    if found and not options.floor:
        floor = rounding(point, rng)
        if options._replace(floor=floor).relative(()) > options.relative(()):
            options = options._replace(floor=floor, repeats=max(options.repeats, REPEATS))
            found = _compared(point, rng, options, order, jumps)
    if order > 1 or options is not given:
        judged = _judged(found, point, rng, options, order, jumps)
    floor = options.floor
    if judged:
        return judged
    if not found:
        kinks = judge(point, rng, options).kinks if order == 1 and glimpsed(point, rng) else []
        return Outcome([], [], kinks, floor)
    rows = elements(point, rng, options)
    if order == 1 and rows and max(floor, point.coarseness()) < FINE:
        rest = wrong_closer(point, rng, options, rows)
        return Outcome(found if rest else [], rest, [], floor)
    return Outcome(found, rows, [], floor)


def _judged(
    found: list[Finding], point: Point, rng: np.random.Generator, options: Options, order: int, jumps: bool
) -> Outcome | None:
    """What the slopes on all sides say of a gradient that disagrees with differences; None if there is one slope only.

    Beyond order 1 the gradient jumps at a kink, and what does not jump has kinks there.
    """
    if not found or not (order == 1 or jumps):
        return None
    used = continuous(point, rng) if jumps else None
    if not bends(point, rng, options.floor, used):
        return None
    verdict = judge(point, rng, options, used)
    if not verdict.reliable:
        return None
    if verdict.wrong:
        found = [f._replace(reliable=True) for f in found]
        return Outcome(found, _worst(verdict.wrong), verdict.kinks, options.floor)
    found = apart(point, rng, options, order) if "forward" in options.modes else []
    return Outcome(found, [], verdict.kinks, options.floor)


def _compared(point: Point, rng: np.random.Generator, options: Options, order: int, jumps: bool) -> list[Finding]:
    compare = full_findings if options.full else findings
    return compare(point, rng, options, order=order, jumps=jumps)


def _worst(rows: list[Row]) -> list[Row]:
    """Each element once, with the output for which it is most wrong; those of single elements first."""
    rows = sorted(rows, key=lambda row: (row.input == ALL, -abs(row.analytic - row.numeric)))
    return list({(row.input, row.element): row for row in reversed(rows)}.values())[::-1]
