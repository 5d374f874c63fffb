"""What a failed check says: the message first, the details after, as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

__all__ = ["Finding", "GradientError", "Row", "table"]


class Row(NamedTuple):
    """One element of a gradient: where it is, what the rule gave, what differences give."""

    input: str
    element: tuple[int, ...]
    analytic: float
    numeric: float


class Finding(NamedTuple):
    """One projection in which gradient and differences disagree.

    Attributes:
        input: the name of the input, such as "input 0".
        order: 1 for the gradient, 2 for the gradient of the gradient.
        analytic: vᵀJu from the rules.
        numeric: vᵀJu from differences.
        tolerance: how far they may be apart.
        reliable: whether the differences settled; if not, the function is rough or not finite at this point.
    """

    input: str
    order: int
    analytic: float
    numeric: float
    tolerance: float
    reliable: bool = True


class GradientError(RuntimeError):
    """A gradient is wrong.

    Attributes:
        findings: the projections that disagree.
        rows: the elements that disagree, the worst first.
    """

    def __init__(self, message: str, findings: Sequence[Finding] = (), rows: Sequence[Row] = ()) -> None:
        super().__init__(message)
        self.findings = tuple(findings)
        self.rows = tuple(rows)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Text in columns under a header; numbers with 10 digits, so that a relative error of 1e-9 shows."""
    lines = [tuple(header), *(tuple(_cell(x) for x in row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)


def _cell(x: object) -> str:
    return f"{x:.10g}" if isinstance(x, float) else str(x)
