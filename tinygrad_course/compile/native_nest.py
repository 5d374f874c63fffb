"""Loops over arrays of known shapes, as LLVM code: elementwise formulas, sums, and small matrix products.

An operand is a `Layout`: where its memory is, and how many elements each of its dims steps over (0 where it is
broadcast). One dim runs along the vectors: the longest in which the result's elements are neighbours. Operands whose
elements are neighbours in that dim are read by vectors, those that stay the same are put into all lanes, and others are
picked up one by one. Shapes are constants of the code, so tails are masks that are known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..native.emit import Function, Module
from ..native.formulas import TYPES, Formula, emit
from ..native.values import Value, lanes_of, vector

__all__ = [
    "Layout",
    "Nest",
    "Tile",
    "collapsed",
    "contiguous",
    "elementwise",
    "product",
    "tiled",
    "total",
    "vector_axis",
]

# Elements of a nest from which on it is divided among threads, and about how many a piece then has.
PARALLEL, PIECE = 32_768, 16_384
# Vectors whose sum is added to a larger one: rounding errors grow with the length of a sum.
BLOCK = 32


class Layout(NamedTuple):
    """Where an array is.

    Attributes:
        base: which entry of the table of addresses.
        offset: bytes from there.
        strides: in elements, for each dim.
        dtype: of the elements.
        value: a number that all elements have, in place of memory.
    """

    base: int
    offset: int
    strides: tuple[int, ...]
    dtype: np.dtype
    value: float | None = None

    def broadcast(self, shape: Sequence[int], to: Sequence[int]) -> Layout:
        """As an operand of a larger shape."""
        strides = [0 if n == 1 else s for n, s in zip(shape, self.strides)]
        return self._replace(strides=(0,) * (len(to) - len(shape)) + tuple(strides))


class Tile(NamedTuple):
    """A part of a matrix: rows from `top` to `bottom`, and `width` columns from `left` on."""

    top: Value
    bottom: Value
    left: Value
    width: int


def contiguous(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of an array in C's order."""
    strides, step = [], 1
    for n in reversed(shape):
        strides.append(step)
        step *= n
    return tuple(strides[::-1])


class Nest:
    """One nest of loops, to be written: its function takes the table of addresses, and the number of a piece.

    Attributes:
        pieces: how many there are.
        refuses: whether the code may `refuse`.
        result, tile: of a product of matrices that is shared among threads: where the result is, and the
            part of it that a piece gives.
    """

    def __init__(self, module: Module, name: str, lanes: int) -> None:
        self.f: Function = module.define(name, {"table": "ptr", "index": "i64"}, internal=True)
        self.f.overlapping = True
        self.lanes = lanes
        self.name = name
        self.pieces = 1
        self.refuses = False
        self.result: Layout | None = None
        self.tile: Callable[[], Tile] | None = None
        self._bases: dict[tuple[int, int], Value] = {}

    def base(self, layout: Layout) -> Value:
        """The address of an operand's first element."""
        key = layout.base, layout.offset
        if key not in self._bases:
            with self.f.entry():
                address = self.f.load("ptr", self.f.at(self.f.table, layout.base, "ptr"))
                self._bases[key] = self.f.at(address, layout.offset, "i8") if layout.offset else address
        return self._bases[key]

    def refuse(self, condition: Value) -> None:
        """Where it holds in any lane, values are not such as the code is made for: the first word of the workspace."""
        f, lanes = self.f, lanes_of(condition.type)
        self.refuses = True
        some = f.call(f"llvm.vector.reduce.or.v{lanes}i1", "i1", condition) if lanes > 1 else condition
        with f.when(some):
            f.store(f.value("i64", 1), f.load("ptr", f.table))

    def index(self, layout: Layout, at: Sequence[Any]) -> Any:
        """The number of the element at these places, each an int or a value."""
        known: int = 0
        found: Value | None = None
        for place, step in zip(at, layout.strides):
            if not step:
                continue
            if isinstance(place, int):
                known += place * step
            else:
                part = place * step if step != 1 else place
                found = part if found is None else found + part
        if found is None:
            return known
        return found + known if known else found

    def load(self, layout: Layout, at: Sequence[Any], axis: int, count: int) -> Value:
        """A vector along `axis` from a place on, of which `count` lanes matter."""
        f, scalar = self.f, TYPES[layout.dtype]
        stored = "i8" if scalar == "i1" else scalar
        type = vector(self.lanes, stored)
        if layout.value is not None:
            x = f.value(type, layout.value)
        else:
            base, i, step = self.base(layout), self.index(layout, at), layout.strides[axis] if axis >= 0 else 0
            if step == 0:
                x = f.broadcast(type, base, i)
            elif step == 1:
                x = f.load(type, base, i, None if count == self.lanes else f.mask(self.lanes, count))
            else:
                x = f.value(type, 0)
                start = f.at(base, i, stored)
                for lane in range(count):
                    one = f.load(stored, start, lane * step)
                    x = f.op(f"insertelement {x}, {one}, i64 {lane}", type)
        return x.ne(0) if scalar == "i1" else x

    def store(self, y: Value, layout: Layout, at: Sequence[Any], axis: int, count: int) -> None:
        """Write the first `count` lanes along `axis`."""
        f = self.f
        if TYPES[layout.dtype] == "i1":
            y = y.to("i8")
        base, i, step = self.base(layout), self.index(layout, at), layout.strides[axis] if axis >= 0 else 0
        if step == 1 and count > 1:
            f.store(y, base, i, None if count == self.lanes else f.mask(self.lanes, count))
            return
        start = f.at(base, i, y.type)
        for lane in range(count):
            f.store(f.lane(y, lane), start, lane * step)

    def loops(self, shape: Sequence[int], axes: Sequence[int], at: list[Any], body: Callable[[], None]) -> None:
        """Run along some dims, by ones; places are filled into `at`."""
        if not axes:
            body()
            return
        axis, *others = axes
        if shape[axis] == 1:
            at[axis] = 0
            self.loops(shape, others, at, body)
            return
        with self.f.loop(0, shape[axis]) as i:
            at[axis] = i
            self.loops(shape, others, at, body)

    def vectors(
        self, shape: Sequence[int], axis: int, at: list[Any], body: Callable[[int], None],
        start: Any = 0, stop: int | Value | None = None,
    ) -> None:  # fmt: skip
        """Run along one dim by vectors: `body(count)` for whole ones, then for the rest."""
        if axis < 0:
            body(1)
            return
        n = shape[axis]
        whole = n // self.lanes * self.lanes
        if isinstance(stop, Value):  # of a piece; pieces consist of whole vectors, but for the last
            with self.f.loop(start, self.f.minimum(stop, whole), self.lanes) as i:
                at[axis] = i
                body(self.lanes)
            if n > whole:
                with self.f.when(stop >= n):
                    at[axis] = whole
                    body(n - whole)
            return
        if whole == self.lanes:
            at[axis] = 0
            body(self.lanes)
        elif whole:
            with self.f.loop(0, whole, self.lanes) as i:
                at[axis] = i
                body(self.lanes)
        if n > whole:
            at[axis] = whole
            body(n - whole)


def collapsed(shape: Sequence[int], layouts: Sequence[Layout]) -> tuple[list[int], list[Layout]]:
    """The same loops with fewer dims: those of length 1 dropped, neighbours made one where all operands allow."""
    dims = [i for i, n in enumerate(shape) if n != 1]
    strides = [[x.strides[i] for i in dims] for x in layouts]
    lengths = [shape[i] for i in dims]
    i = 0
    while i + 1 < len(lengths):
        if all(s[i] == s[i + 1] * lengths[i + 1] for s in strides):
            lengths[i : i + 2] = [lengths[i] * lengths[i + 1]]
            for s in strides:
                del s[i]
        else:
            i += 1
    return lengths, [x._replace(strides=tuple(s)) for x, s in zip(layouts, strides)]


def vector_axis(shape: Sequence[int], first: Layout, others: Sequence[Layout], lanes: int) -> int:
    """The dim that runs along the vectors, or -1 if there are no dims."""

    def gain(i: int) -> tuple[float, int]:
        full = min(shape[i], lanes)
        cost = sum(1 if x.strides[i] in (0, 1) else full for x in (first, first, *others) if x.value is None)
        return full / max(cost, 1), shape[i]

    return max(range(len(shape)), key=gain, default=-1)


def elementwise(
    nest: Nest, shape: Sequence[int], formula: Formula, inputs: Sequence[Layout], outputs: Sequence[Layout]
) -> None:
    """outputs[...] = formula(inputs[...]), for every place of a shape."""
    lengths, layouts = collapsed(shape, [*inputs, *outputs])
    sources, targets = layouts[: len(inputs)], layouts[len(inputs) :]
    axis = vector_axis(lengths, targets[0], [*sources, *targets[1:]], nest.lanes)
    at: list[Any] = [0] * len(lengths)

    def body(count: int) -> None:
        values = [nest.load(x, at, axis, count) for x in sources]
        for y, target in zip(emit(formula, values, nest.lanes), targets):
            nest.store(y, target, at, axis, count)

    size = math.prod(lengths)
    others = [i for i in range(len(lengths)) if i != axis]
    if size >= PARALLEL and lengths[0] > 1:
        f, first = nest.f, lengths[0]
        each = max(1, PIECE // (size // first))
        if axis == 0:
            each = -(-each // nest.lanes) * nest.lanes
        nest.pieces = -(-first // each)
        low = f.index * each
        high = f.minimum(low + each, first)
        if axis == 0:
            nest.loops(lengths, others, at, lambda: nest.vectors(lengths, 0, at, body, low, high))
        else:
            with f.loop(low, high) as i:
                at[0] = i
                rest = [k for k in others if k]
                nest.loops(lengths, rest, at, lambda: nest.vectors(lengths, axis, at, body))
        return
    nest.loops(lengths, others, at, lambda: nest.vectors(lengths, axis, at, body))


def tiled(nest: Nest, tile: Tile, formula: Formula, inputs: Sequence[Layout], outputs: Sequence[Layout]) -> None:
    """`elementwise` on a part of a matrix."""
    with nest.f.loop(tile.top, tile.bottom) as row:
        for step in range(0, tile.width, nest.lanes):
            at = [row, tile.left + step]
            values = [nest.load(x, at, 1, nest.lanes) for x in inputs]
            for y, target in zip(emit(formula, values, nest.lanes), outputs):
                nest.store(y, target, at, 1, nest.lanes)


def total(
    nest: Nest, shape: Sequence[int], reduced: Sequence[int], terms: Sequence[Layout], out: Layout,
    more: Callable[..., Value], finish: Callable[[Value, Sequence[Any], int, int], Value] | None = None,
) -> None:  # fmt: skip
    """Sums over some dims of a shape: sum ← more(sum, *terms[...]) from 0 on; `out` has stride 0 in these dims.

    `finish(sum, place, axis, count)` may turn a sum into the result. Sums run in several lanes, and these are added by
    halves: an order that depends on shapes only. Long runs are summed in blocks.
    """
    f, type = nest.f, vector(nest.lanes, TYPES[out.dtype])
    kept = [i for i in range(len(shape)) if i not in reduced]

    def gain(i: int) -> tuple[float, int]:
        full = min(shape[i], nest.lanes)
        cost = sum(1 if x.strides[i] in (0, 1) else full for x in terms)
        return full / cost, shape[i]

    axis = max(range(len(shape)), key=gain, default=-1)
    at: list[Any] = [0] * len(shape)
    ends = finish or (lambda x, *_: x)
    accumulated = f.variable(type)
    inner = [i for i in reduced if i != axis]

    def add(count: int) -> None:
        old = accumulated.get()
        new = more(old, *(nest.load(x, at, axis, count) for x in terms))
        if axis >= 0 and count < nest.lanes and axis in reduced:
            new = f.select(f.mask(nest.lanes, count), new, old)
        accumulated.set(new)

    if axis in reduced or axis < 0:
        step = BLOCK * nest.lanes
        long = axis >= 0 and shape[axis] > 2 * step
        sums = f.variable(type) if long else accumulated

        def run() -> None:
            if not long:
                nest.vectors(shape, axis, at, add)
                return
            with f.loop(0, shape[axis], step) as start:
                accumulated.set(0.0)
                nest.vectors(shape, axis, at, add, start, f.minimum(start + step, shape[axis]))
                sums.set(sums.get() + accumulated.get())

        def one() -> None:
            sums.set(0.0)
            nest.loops(shape, inner, at, run)
            y = sums.get()
            y = f.splat(type, f.total(y)) if axis >= 0 else y
            for i in reduced:
                at[i] = 0
            nest.store(ends(y, at, -1, 1), out, at, -1, 1)

        nest.loops(shape, kept, at, one)
    else:

        def several(count: int) -> None:
            accumulated.set(0.0)
            nest.loops(shape, inner, at, lambda: add(count))
            for i in inner:
                at[i] = 0
            nest.store(ends(accumulated.get(), at, axis, count), out, at, axis, count)

        nest.loops(shape, [i for i in kept if i != axis], at, lambda: nest.vectors(shape, axis, at, several))


def product(
    nest: Nest, sizes: tuple[int, int, int], a: Layout, b: Layout, out: Layout, bias: Layout | None = None
) -> None:
    """out[m, n] = Σ a[m, k] b[k, n] (+ bias[n]), for sizes (M, N, K)."""
    m, n, k = sizes
    terms = [
        a._replace(strides=(a.strides[0], 0, a.strides[1])),
        b._replace(strides=(0, b.strides[1], b.strides[0])),
    ]
    out = out._replace(strides=(*out.strides, 0))

    def finish(y: Value, at: Sequence[Any], axis: int, count: int) -> Value:
        if bias is None:
            return y
        return y + nest.load(bias._replace(strides=(0, bias.strides[0], 0)), at, axis, count)

    total(nest, (m, n, k), (2,), terms, out, lambda y, x, w: nest.f.fma(x, w, y), finish)
