"""Terms of formulas: names, numbers, and operations applied to terms. `formula` builds and simplifies them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["TESTS", "Shape", "Symbol", "Term", "mentions", "name", "names_in", "number", "size"]

Shape = tuple[int, ...]

# Operations whose result is true or false.
TESTS = frozenset({
    "eq", "ne", "lt", "le", "gt", "ge", "isnan", "isinf", "isfinite", "isclose", "signbit", "logical_and", "logical_or",
    "logical_not", "logical_xor", "all", "any", "one_hot", "isin",
})  # fmt: skip


@dataclass(frozen=True, eq=False)
class Symbol:
    """A name in formulas.

    Attributes:
        text: a Python identifier.
        latex: how it is written on the board.
        shape: of the value.
        value: the value, where it is still in memory.
        backward: it stands for a cotangent.
    """

    text: str
    latex: str
    shape: Shape
    value: Any = None
    backward: bool = False


@dataclass(frozen=True)
class Term:
    """An expression: a name, a number, or an operation applied to terms.

    `op` is a primitive's name, or "name", "number", "plus" (a sum of terms), "times" (an elementwise product, its
    number first) or "power" (with a constant exponent).
    """

    op: str
    args: tuple[Term, ...] = ()
    params: tuple[tuple[str, Any], ...] = ()
    shape: Shape = ()

    @property
    def value(self) -> Any:
        """What a "name" or a "number" or the exponent of a "power" is."""
        return self.params[0][1]

    @property
    def boolean(self) -> bool:
        """Whether its values are true or false."""
        if self.op == "name":
            return getattr(self.value.value, "dtype", None) == np.bool_
        return self.op in TESTS or (self.op in ("expand", "reshape", "permute", "getitem") and self.args[0].boolean)


def name(symbol: Symbol) -> Term:
    """The term that is a name."""
    return Term("name", params=(("symbol", symbol),), shape=symbol.shape)


def number(value: float) -> Term:
    """The term that is a number."""
    return Term("number", params=(("value", value),))


def size(term: Term) -> int:
    """How many operations a term has."""
    return sum(map(size, term.args)) + (term.op not in ("name", "number", "expand", "reshape"))


def names_in(term: Term) -> set[Symbol]:
    """The names that a term mentions."""
    return {term.value} if term.op == "name" else set().union(*map(names_in, term.args))


def mentions(term: Term, test: Callable[[Symbol], bool]) -> bool:
    """Whether a name in the term passes the test."""
    return test(term.value) if term.op == "name" else any(mentions(a, test) for a in term.args)
