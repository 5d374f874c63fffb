"""What a failed check says: the message first, the details after, as a table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

__all__ = ["Finding", "GradientError", "Kink", "Passed", "Row", "table"]


class Row(NamedTuple):
    """One element of a gradient: where it is, what the rule gave, what differences give, and the slopes there.

    At a kink `numeric` is the nearest right value. Where all inputs were moved at once, `input` says so.
    """

    input: str
    element: tuple[int, ...]
    analytic: float
    numeric: float
    low: float = math.nan
    high: float = math.nan


class Finding(NamedTuple):
    """One projection in which gradient and differences disagree.

    Attributes:
        input: the name of the input, such as "input 0".
        order: 1 for the gradient, 2 for the gradient of the gradient.
        analytic: vᵀJu from the rules.
        numeric: vᵀJu from differences.
        tolerance: how far they may be apart.
        reliable: whether the differences settled; if not, the function is rough or not finite at this point.
        mode: "reverse" if vᵀJ was computed first, "forward" if Ju was.
        position: the place of the input among all, parameters included.
    """

    input: str
    order: int
    analytic: float
    numeric: float
    tolerance: float
    reliable: bool = True
    mode: str = "reverse"
    position: int = 0


class Kink(NamedTuple):
    """An element of an input along which a function has several slopes, with a cotangent on one of its outputs.

    Attributes:
        input: the name of the input, such as "input 0".
        element: its index in that input.
        low: the smallest of the slopes.
        high: the largest of the slopes.
        analytic: what the gradient is: any value between them is right.
    """

    input: str
    element: tuple[int, ...]
    low: float
    high: float
    analytic: float


class Passed:
    """The result of a check that found nothing wrong. It is true.

    Attributes:
        kinks: where the function has several slopes, and which of them the gradient has.
        inner: whether there are kinks within the function that its slopes as a whole do not account for, so that its
            rules were each found right for themselves.
        floor: the relative rounding of the function, where it computes in less than float64; else 0.
    """

    def __init__(self, kinks: Sequence[Kink] = (), inner: bool = False, floor: float = 0.0) -> None:
        self.kinks = tuple(kinks)
        self.inner = inner
        self.floor = floor

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        right = f"right, as far as a rounding of {self.floor:.1g} shows" if self.floor else "right"
        if not self.kinks:
            return f"{right}; with kinks inside, at which each rule is right" if self.inner else right
        body = table(
            ("input", "element", "smallest slope", "largest slope", "gradient"),
            ((k.input, k.element, k.low, k.high, k.analytic) for k in self.kinks),
        )
        return f"{right}; at kinks any slope between the one-sided ones is\n{body}"


class GradientError(RuntimeError):
    """A gradient is wrong.

    Attributes:
        findings: the projections that disagree.
        rows: the elements that disagree, the worst first.
        suspects: the calls in the graph whose rule is wrong, in the order in which they were made.
        cause: what is likely wrong, in words; None where the evidence fits nothing, or more than one thing.
    """

    def __init__(
        self, message: str, findings: Sequence[Finding] = (), rows: Sequence[Row] = (), suspects: Sequence[Any] = (),
        cause: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.findings = tuple(findings)
        self.rows = tuple(rows)
        self.suspects = tuple(suspects)
        self.cause = cause


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Text in columns under a header; numbers with 10 digits, so that a relative error of 1e-9 shows."""
    lines = [tuple(header), *(tuple(_cell(x) for x in row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)


def _cell(x: object) -> str:
    return f"{x:.10g}" if isinstance(x, float) else str(x)
