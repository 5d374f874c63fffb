"""Softmax, its logarithm, the cross-entropy of classes, and one-hot rows, as loops of a segment.

A row is the elements along one dim. Where they are neighbours they are read by vectors; where the rows lie side by
side, a vector holds one element of each of several rows, and nothing has to be added up across its lanes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..native.formulas import TYPES
from ..native.values import Value, element, vector
from ..native.vecmath import exp, log
from .native_nest import Layout, Nest, vector_axis

__all__ = ["cross_entropy", "one_hot", "softmax"]


class _Rows:
    """The rows of a shape along `dim`, with the layouts of what is read and written.

    Attributes:
        at: the place in the shape that loops are at.
        count: lanes that matter there.
    """

    def __init__(self, nest: Nest, shape: Sequence[int], dim: int, first: Layout, *others: Layout) -> None:
        self.nest, self.f, self.shape, self.dim = nest, nest.f, shape, dim
        self.axis = vector_axis(shape, first, others, nest.lanes)
        self.type = vector(nest.lanes, TYPES[others[-1].dtype])
        self.at: list[Any] = [0] * len(shape)
        self.count = 1

    def each(self, body: Callable[[], None]) -> None:
        """For each row, or as many rows as lie side by side."""
        others = [i for i in range(len(self.shape)) if i not in (self.dim, self.axis)]
        if self.axis == self.dim:
            self.nest.loops(self.shape, others, self.at, body)
        else:
            self.nest.loops(
                self.shape, others, self.at,
                lambda: self.nest.vectors(self.shape, self.axis, self.at, lambda count: self._of(count, body)),
            )  # fmt: skip

    def _of(self, count: int, body: Callable[[], None]) -> None:
        self.count = count
        body()

    def along(self, body: Callable[[], None]) -> None:
        """For each element, or vector of elements, of the row."""
        if self.axis == self.dim:
            self.nest.vectors(self.shape, self.dim, self.at, lambda count: self._of(count, body))
        else:
            self.nest.loops(self.shape, [self.dim], self.at, body)

    def fold(self, first: float, more: Callable[[Value], Value], across: Callable[[Value], Value]) -> Value:
        """first, then more(...) for each element; `across` does the same for the lanes of a vector."""
        f = self.f
        found = f.variable(self.type, first)

        def step() -> None:
            old = found.get()
            new = more(old)
            if self.axis == self.dim and self.count < self.nest.lanes:
                new = f.select(f.mask(self.nest.lanes, self.count), new, old)
            found.set(new)

        self.along(step)
        return f.value(self.type, across(found.get())) if self.axis == self.dim else found.get()

    def load(self, x: Layout) -> Value:
        return self.nest.load(x, self.at, self.axis, self.count)

    def store(self, y: Value, out: Layout) -> None:
        self.nest.store(y, out, self.at, self.axis, self.count)

    def classes(self, scalar: str) -> Value:
        """The places along the row."""
        type = vector(self.nest.lanes, scalar)
        place = self.at[self.dim]
        numbers = self.f.value(type, place.to(scalar) if isinstance(place, Value) else place)
        return numbers + self.f.lane_numbers(type) if self.axis == self.dim else numbers

    def exponentials(self, x: Layout, out: Layout | None = None) -> tuple[Value, Value]:
        """The largest element of the row, and Σ exp(x - largest); these exponentials go to `out`."""
        f = self.f
        top = self.fold(-math.inf, lambda y: f.maximum(y, self.load(x)), f.largest)

        def add(y: Value) -> Value:
            e = exp(self.load(x) - top)
            if out is not None:
                self.store(e, out)
            return y + e

        return top, self.fold(0.0, add, f.total)


def softmax(nest: Nest, shape: Sequence[int], dim: int, x: Layout, out: Layout, *, logarithm: bool) -> None:
    """out = softmax(x) along a dim, or its logarithm."""
    rows = _Rows(nest, shape, dim, out, x)

    def row() -> None:
        top, whole = rows.exponentials(x, None if logarithm else out)
        if logarithm:
            below = log(whole)
            rows.along(lambda: rows.store(rows.load(x) - top - below, out))
        else:
            factor = 1.0 / whole
            rows.along(lambda: rows.store(rows.load(out) * factor, out))

    rows.each(row)


def cross_entropy(
    nest: Nest, shape: Sequence[int], x: Layout, target: Layout, out: Layout, ignore_index: int
) -> None:  # fmt: skip
    """out[n] = log Σ exp x[n, :] - x[n, target[n]], or 0 where the target is to be ignored; refuses other targets."""
    f = nest.f
    target, out = (y._replace(strides=(*y.strides, 0)) for y in (target, out))
    rows = _Rows(nest, shape, 1, x, target, x)

    def row() -> None:
        top, whole = rows.exponentials(x)
        rows.at[1] = 0
        t = rows.load(target)
        ignored = t.eq(ignore_index)
        nest.refuse(((t < 0) | (t >= shape[1])) & t.ne(ignore_index))

        def choose(y: Value) -> Value:
            return y + f.select(rows.classes(element(t.type)).eq(t), rows.load(x), 0.0)

        chosen = rows.fold(0.0, choose, f.total)
        rows.at[1] = 0
        y = f.select(ignored, 0.0, log(whole) - (chosen - top))
        if rows.axis == 1:
            nest.store(y, out, rows.at, -1, 1)
        else:
            rows.store(y, out)

    rows.each(row)


def one_hot(nest: Nest, shape: Sequence[int], target: Layout, out: Layout) -> None:
    """out[n, c, ...] = whether target[n, ...] is c."""
    target = target._replace(strides=(target.strides[0], 0, *target.strides[1:]))
    rows = _Rows(nest, shape, 1, out, target)
    scalar = TYPES[target.dtype]
    rows.each(lambda: rows.along(lambda: rows.store(rows.load(target).eq(rows.classes(scalar)), out)))
