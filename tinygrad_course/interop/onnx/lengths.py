"""Numbers that depend on the size of the inputs.

A call is observed for several sizes of its dynamic axes. What is the same every time is static; what is not becomes a
`Varying`, from whose values a formula in the sizes is found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import numpy as np

__all__ = ["Varying", "affine", "merge", "sizes_to_try"]

Sizes = dict[str, int]


class Varying:
    """The values that one number, shape or array took, one for each observed call.

    It is no number: a conversion that would compute with it, and so write the value of one call into the file, fails.
    """

    __slots__ = ("values",)

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = tuple(values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Varying) and self.values == other.values

    def __hash__(self) -> int:
        return hash(self.values)

    def __repr__(self) -> str:
        return f"Varying{self.values}"


def sizes_to_try(sizes: Sizes) -> list[Sizes]:
    """The sizes to observe: as given, each axis and each pair one longer, and all by different steps as a check."""
    names = list(sizes)
    longer = [(name,) for name in names] + list(combinations(names, 2))
    tried = [sizes, *({**sizes, **{name: sizes[name] + 1 for name in some}} for some in longer)]
    return [*tried, {name: n + 2 + i for i, (name, n) in enumerate(sizes.items())}] if names else tried


def merge(values: Sequence[Any]) -> Any:
    """One value for what several calls have seen: itself if it never varies, else with `Varying` where it does."""
    first = values[0]
    if isinstance(first, (tuple, list)) and all(type(v) is type(first) and len(v) == len(first) for v in values):
        return tuple(merge(each) for each in zip(*values))
    if isinstance(first, slice) and all(isinstance(v, slice) for v in values):
        return slice(*(merge([getattr(v, part) for v in values]) for part in ("start", "stop", "step")))
    if isinstance(first, np.ndarray):
        same = all(isinstance(v, np.ndarray) and v.dtype == first.dtype and _equal(v, first) for v in values[1:])
        return first if same else Varying(values)
    if all(v is first or (type(v) is type(first) and (v == first or v != v)) for v in values[1:]):
        return first
    return Varying(values)


def _equal(a: np.ndarray, b: np.ndarray) -> bool:
    return a is b or (a.shape == b.shape and a.tobytes() == b.tobytes())


def affine(values: Sequence[Any], tried: Sequence[Sizes]) -> dict[tuple[str, ...], int] | None:
    """Whole numbers c with value = Σ c[names] · Π sizes[names], over no, one and two names; None if there are none.

    Example:
        >>> from tinygrad_course.interop.onnx.lengths import affine
        >>> affine([6, 9, 12], [{"batch": 2}, {"batch": 3}, {"batch": 4}])
        {('batch',): 3}
    """
    names = list(tried[0])
    terms: list[tuple[str, ...]] = [(), *((name,) for name in names), *combinations(names, 2)]
    product: Callable[[Sizes, tuple[str, ...]], int] = lambda sizes, term: int(np.prod([sizes[n] for n in term]))
    table = np.array([[product(sizes, term) for term in terms] for sizes in tried], np.float64)
    wanted = np.array(values, np.float64)
    found = np.rint(np.linalg.lstsq(table, wanted, rcond=None)[0])
    if not np.array_equal(table @ found, wanted):
        return None
    return {term: int(c) for term, c in zip(terms, found) if c}
