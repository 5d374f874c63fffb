"""The text of a failure: the message first, the details after, as tables."""

from __future__ import annotations

from collections.abc import Sequence

from .locate import Suspect
from .report import Finding, Row, table

__all__ = ["message"]

SHOWN = 8


def message(
    name: str, order: int, found: Sequence[Finding], rows: Sequence[Row], suspects: Sequence[Suspect],
    cause: str | None, what: str | None = None,
) -> str:  # fmt: skip
    """What is wrong, where and why in one line; then the elements, or the projections; then the calls to blame.

    Args:
        what: what is wrong, if it is not that gradient and differences disagree.
    """
    parts = [f"{name}: {what or _what(order, found)}{_place(suspects, cause)}"]
    if rows:
        parts.append(_elements(name, rows))
    elif found:
        modes = {"reverse": "vᵀJu, reverse", "forward": "vᵀJu, forward"}
        values = ((name, f.input, modes[f.mode], f.analytic, f.numeric) for f in found)
        parts.append(table(("function", "input", "of", "analytic", "numeric"), values))
    if suspects:
        parts.append(_calls(suspects))
    return "\n".join(parts)


def _what(order: int, found: Sequence[Finding]) -> str:
    which = {1: "the gradient", 2: "the gradient of the gradient"}.get(order, f"the derivative of order {order}")
    if not all(f.reliable for f in found):
        why = "differences do not settle: a kink, a jump, no finite value, or a rounding as coarse as float16's"
        return f"{which} cannot be checked here, as {why}"
    forward = " of forward mode" if found and all(f.mode == "forward" for f in found) else ""
    return f"{which}{forward} disagrees with differences"


def _place(suspects: Sequence[Suspect], cause: str | None) -> str:
    what = f": {cause}" if cause else ""
    if not suspects:
        return what
    first = suspects[0]
    at = f" called at {first.where}" if first.where else ""
    others = f" (and {len(suspects) - 1} more calls)" if len(suspects) > 1 else ""
    return f": the vjp of {first.name!r} in {_inputs(first)}{at}{others}{what}"


def _elements(name: str, rows: Sequence[Row]) -> str:
    slopes = any(row.low != row.high for row in rows)
    header = ("function", "input", "element", "analytic", "numeric", "smallest slope", "largest slope")
    width = 7 if slopes else 5
    body = table(header[:width], ((name, *row)[:width] for row in rows[:SHOWN]))
    return f"{body}\n... and {len(rows) - SHOWN} more elements" if len(rows) > SHOWN else body


def _calls(suspects: Sequence[Suspect]) -> str:
    values = ((s.name, _inputs(s), s.where or "?", s.cause or "?") for s in suspects[:SHOWN])
    body = table(("node", "wrong in", "source line", "cause"), values)
    return f"{body}\n... and {len(suspects) - SHOWN} more calls" if len(suspects) > SHOWN else body


def _inputs(suspect: Suspect) -> str:
    count = len(suspect.point.inputs)
    inputs = [str(i) for i in suspect.wrong if i < count]
    return f"input {' and '.join(inputs)}" if inputs else "its cotangent"
