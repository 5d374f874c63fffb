"""Planted bugs: ways to break what a right rule gives, and the cause that a report should name for each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from tests.mutation.mutants import AFTER, BEFORE, Mutant, gradient_of, input_as
from tinygrad_course.ops import Op

__all__ = ["KINDS", "SHARED", "Bug", "Kind", "bugs_of"]


class Kind(NamedTuple):
    """A kind of bug.

    Attributes:
        cause: what the diagnosis must say, as a regular expression; None where no cause fits by design.
        order: of the derivative that it makes wrong.
    apart: the least change that counts, relative to the gradient's largest element.
    """

    cause: str | None
    order: int = 1
    apart: float = 1e-5


class Bug(NamedTuple):
    """An operation in which the gradient of one input is wrong.

    Attributes:
        kind: see `KINDS`.
        wrt: the input whose gradient is wrong.
        op: the broken operation.
        cause: as in `Kind`, with the other input's number in it.
    """

    kind: str
    wrt: int
    op: Mutant
    cause: str | None


KINDS: dict[str, Kind] = {
    "sign flipped": Kind("^sign flipped$"),
    "doubled": Kind("^constant factor 2$"),
    "halved": Kind("^constant factor 1/2$"),
    "times 1.001": Kind(r"^constant factor 1\.001$"),
    "zero": Kind("^(zero|argument left out)"),
    "NaN": Kind("NaN or infinity"),
    "transposed": Kind("^transposed"),
    "a slice for the sum": Kind("^missing sum over broadcast axis"),
    "gradient of another input": Kind("^swapped: this is the gradient of input OTHER"),
    "cotangent left out": Kind("not linear in the cotangent"),
    "1 + h² for the derivative": Kind(r"^derivative of another function: 1 \+ h²"),
    "1 for the derivative": Kind("^derivative of another function: 1( instead|$)"),
    "given in float32": Kind("^float32 leakage", apart=1e-9),
    "shifted by one": Kind(None),
    "cotangent averaged": Kind(None),
    "an input read as 1": Kind(None),
    "an input read as 0": Kind(None),
    "inputs detached": Kind(None, order=2),
    "output detached": Kind(None, order=2),
    "cotangent detached": Kind(None, order=2),
}
# Those that need arrays only: planted in the other systems too.
SHARED = (
    "sign flipped", "doubled", "halved", "times 1.001", "zero", "NaN", "transposed", "gradient of another input",
    "cotangent left out", "shifted by one", "cotangent averaged",
)  # fmt: skip


def bugs_of(op: Op, kind: str, differentiable: list[int]) -> Iterator[Bug]:
    """The bugs of one kind in an operation, given the inputs that have a gradient."""
    cause = KINDS[kind].cause
    for i in differentiable:
        if kind in AFTER:
            yield Bug(kind, i, Mutant(op, i, kind, after=AFTER[kind]), cause)
        elif kind in BEFORE:
            yield Bug(kind, i, Mutant(op, i, kind, before=BEFORE[kind]), cause)
        elif kind == "gradient of another input":
            for j in differentiable:
                if j != i:
                    other = str(cause).replace("OTHER", re.escape(str(j)))
                    yield Bug(kind, i, Mutant(op, i, kind, after=gradient_of(j)), other)
        elif kind in MORE:
            yield Bug(kind, i, Mutant(op, i, kind, after=MORE[kind]), cause)
        elif kind.startswith("an input read as"):
            for j in range(max(differentiable) + 1):
                yield Bug(kind, i, Mutant(op, i, kind, before=input_as(j, int(kind[-1]))), cause)
        elif op.broadcasts and not op.variadic and len(op.rules or ()) == 1:
            yield Bug(kind, i, Replaced(op, i, kind), cause)


class Replaced(Mutant):
    """An elementwise operation whose rule is the cotangent times the derivative of another function."""

    def pullback(self, g: Any, y: Any, inputs: Any, params: Any, wanted: Any) -> list[Any]:
        return [g * (1 + y * y) if self.kind.startswith("1 + h²") else g * 1]


def _rounded(i: int, gs: list[Any], _inputs: Any, _y: Any) -> Any:
    return gs[i].astype(np.float32)


MORE = {"NaN": lambda i, gs, _inputs, _y: gs[i] * float("nan"), "given in float32": _rounded}
