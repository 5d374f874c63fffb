"""The course of a check: each order in turn and, when one fails, which call is to blame, and why."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .batched import batched_findings
from .compare import findings
from .diagnose import diagnose
from .examine import examine
from .function import Point
from .kinks import bends, glimpsed, judge
from .locate import Suspect, calls, locate
from .message import message
from .options import Options
from .probe import direction
from .report import Finding, GradientError, Kink, Passed, Row
from .steady import precision, unsteady

__all__ = ["check"]

# Suspects that are diagnosed: rules that are wrong in many calls are wrong in the same way.
DIAGNOSED = 4


def check(
    name: str, point: Point, options: Options, *, orders: Sequence[int] = (1,), seed: int = 0, batched: bool = False,
    nondet: float = 0.0,
) -> Passed:  # fmt: skip
    """Check a function at a point; see `gradcheck`.

    Args:
        orders: those to check.
        nondet: how far values may be apart that are computed twice.
    """
    rng = np.random.default_rng(seed)
    case = _Case(name, point, options, rng)
    options = options._replace(floor=case.steady(nondet))
    case.options = options
    inner = False
    kinks: list[Kink] = []
    floor = max(options.floor, point.coarseness())
    for k in range(1, max(orders) + 1):
        if k > 1:
            point = point.raised(rng, options)
            options = options if isinstance(options.cotangent, str) else options._replace(cotangent="random")
        if k not in orders:
            kinks += judge(point, rng, options).kinks if glimpsed(point, rng) else []
            continue
        found, rows, here, coarse = examine(point, rng, options, order=k, jumps=bool(kinks))
        floor = max(floor, coarse)
        if found:
            case.fail(k, found, rows)
            inner = True
        elif batched:
            apart = batched_findings(point, rng, options, order=k)
            if apart:
                raise case.error(k, apart, [], [], "several cotangents pulled through one graph affect each other")
        kinks += here
    return Passed(kinks, inner, floor)


class _Case:
    """A function under suspicion."""

    def __init__(self, name: str, point: Point, options: Options, rng: np.random.Generator) -> None:
        self.name = name
        self.point = point
        self.options = options
        self.rng = rng

    def steady(self, nondet: float) -> float:
        """The relative rounding; raise if the backward pass fails, is not repeatable, or coarser than the function."""
        point, rng = self.point, self.rng
        if not point.outputs(point.values):  # errors of the forward pass are the user's own
            raise TypeError("gradcheck: expected the function to give floating Tensors, got none to differentiate")
        try:
            cause = unsteady(point, nondet)
            floor, leak = (0.0, None) if cause else precision(point, rng)
        except Exception as error:
            suspects = locate(point, rng, self.options)
            if not suspects:
                raise
            raise self.error(1, [], [], suspects, None, "the backward pass fails") from error
        if cause or leak:
            suspects = [s for s in locate(point, rng, self.options) if s.cause]
            what = "the gradient is as coarse as float32" if leak else "the gradient is not determined by the inputs"
            found = findings(point, rng, self.options._replace(rtol=0.0))
            raise self.error(1, found, [], suspects, leak[1] if leak and not suspects else cause, what)
        return floor

    def fail(self, order: int, found: list[Finding], rows: list[Row]) -> None:
        """Raise, unless only the chain rule at a kink is to blame."""
        suspects = locate(self.point, self.rng, self.options, order)
        open_question = order == 1 or not any(f.reliable for f in found)
        if not suspects and open_question and self._inner(order):
            return
        raise self.error(order, found, rows, suspects, None if suspects else self._detached(found))

    def error(
        self, order: int, found: Sequence[Finding], rows: Sequence[Row], suspects: Sequence[Suspect],
        cause: str | None, what: str | None = None,
    ) -> GradientError:  # fmt: skip
        """The failure, with the cause of each suspect."""
        told = [s._replace(cause=diagnose(s, self.rng)) for s in suspects[:DIAGNOSED]]
        suspects = [*told, *suspects[DIAGNOSED:]]
        cause = cause or (suspects[0].cause if suspects else None)
        text = message(self.name, order, found, rows, suspects, cause, what)
        return GradientError(text, found, rows, suspects, cause)

    def _detached(self, found: Sequence[Finding]) -> str | None:
        """Where values left the graph, if each recorded rule is right."""
        places = calls(self.point)[1]
        at = f" ({places[0].name!r} at {places[0].where})" if places else ""
        if all(f.analytic == 0 for f in found):
            return f"zero: detached from the graph{at}, as each recorded rule is right"
        if places:
            return f"argument left out of the chain rule: detached from the graph{at}, as each recorded rule is right"
        return None

    def _inner(self, order: int) -> bool:
        """Whether the gradient is right all around a kink, so that only the chain rule at the kink is to blame.

        relu(x) - relu(-x) is x, yet the rules give 0 at 0, each with a right slope of its own.
        """
        for _ in range(4):
            beside = self.point.moved([x + 0.01 * direction(self.rng, x, np.zeros_like(x)) for x in self.point.values])
            for _ in range(1, order):
                beside = beside.raised(self.rng, self.options)
            if findings(beside, self.rng, self.options, order=order):
                return False
        return any(bends(call.point(), self.rng) for call in calls(self.point)[0])
