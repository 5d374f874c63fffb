"""Products of matrices, C = A B (+ bias): one function for all sizes and strides, made for this processor.

How it comes to be fast. A processor core multiplies and adds two vectors of 8 numbers per cycle, but cannot fetch the
operands of these 16 products from memory in that time. So what is fetched must be used several times, while it is in a
register:

- A tile of C of 6 rows by 2 vectors stays in 12 of the 16 registers while k runs. Each step takes 2 vectors of B's row
  k and 6 numbers of A's column k, and does all 12 products of one with the other: 8 fetches for 12 multiplications.
- 12 sums that do not wait for each other also hide how long one multiplication takes (4 cycles, 2 begun in each).
- The 2 vectors come from a panel: as many columns of B as the tile has, copied so that its rows lie one behind the
  other. A panel is copied once, transposed if need be, and then used by every tile in the same columns. It has at most
  25 kB, so that it stays in the fastest cache; longer sums are done in parts.
- A is read where it is. Its six rows are read in step, each from one end to the other.

At the edges the tile is the same: rows that are not there are read as the last one that is, and not stored. Only where
less than a vector of columns is left, the tile has one vector.

A piece of work is one panel with some rows of C, as sizes alone say; every number of C is computed in one piece, always
in the same order. So the number of threads does not show in the result.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .emit import Function, Module
from .host import Target, host
from .values import Value, vector

__all__ = ["ARGUMENTS", "Job", "address", "plan", "product", "text"]

ROWS, VECTORS = 6, 2  # of the tile
_PANEL = 25_600  # bytes
_ITEM = {"float": 4, "double": 8}

# Strides are in elements; `kc` is how much of k is done at a time, `height` how many rows a piece has.
ARGUMENTS = {
    "a": "ptr", "b": "ptr", "c": "ptr", "bias": "ptr", "m": "i64", "n": "i64", "k": "i64", "a_row": "i64",
    "a_col": "i64", "b_row": "i64", "b_col": "i64", "c_row": "i64", "kc": "i64", "height": "i64", "index": "i64",
}  # fmt: skip


class Job(NamedTuple):
    """How a product is cut: `kc`, `height` and the number of pieces."""

    kc: int
    height: int
    pieces: int


def plan(sizes: tuple[int, int, int], scalar: str, target: Target) -> Job:
    """Cut a product of sizes (M, N, K)."""
    m, n, k = sizes
    width = VECTORS * target.lanes(_ITEM[scalar])
    parts = -(-k * width * _ITEM[scalar] // _PANEL)
    panels = -(-n // width)
    # Enough pieces for some threads, but of 128 rows at least: each piece copies its panel.
    chunks = max(1, min(m // 128, -(-32 // panels)))
    height = -(-m // chunks // ROWS) * ROWS
    return Job(min(k, -(-k // parts // 8) * 8), height, panels * -(-m // height))


def text(scalar: str, target: Target) -> str:
    """The module: `tc_gemm_float` or `tc_gemm_double`, which does one piece."""
    module = Module()
    f = module.define(f"tc_gemm_{scalar}", ARGUMENTS)
    f.overlapping = True  # A and B may be the same
    _Panel(f, scalar, target.lanes(_ITEM[scalar])).emit()
    return module.text()


class _Panel:
    """The code of a piece."""

    def __init__(self, f: Function, scalar: str, lanes: int) -> None:
        self.f, self.scalar, self.lanes = f, scalar, lanes
        self.vector = vector(lanes, scalar)
        self.width = VECTORS * lanes
        self.panel = f.scratch(scalar, _PANEL // _ITEM[scalar])
        self.tile = f.scratch(scalar, ROWS * self.width)
        self.first = [f.variable(self.vector) for _ in range(VECTORS)]
        self.sums = [[f.variable(self.vector) for _ in range(VECTORS)] for _ in range(ROWS)]

    def emit(self) -> None:
        f = self.f
        panels = (f.n + (self.width - 1)) // self.width
        column = f.index % panels * self.width
        top = f.index // panels * f.height
        bottom = f.minimum(top + f.height, f.m)
        columns = f.minimum(f.n - column, self.width)
        b = f.at(f.b, column * f.b_col, self.scalar)
        c = f.at(f.c, column, self.scalar)
        bias = f.at(f.bias, column, self.scalar)
        with f.when(f.op("icmp ne ptr %bias, null", "i1")):  # sums begin with the bias
            for v, x in enumerate(self.first):
                x.set(f.load(self.vector, bias, v * self.lanes, f.mask(self.lanes, columns - v * self.lanes)))
        with f.loop(0, f.k, f.kc) as start:
            count = f.minimum(f.k - start, f.kc)
            self._copy(f.at(b, start * f.b_row, self.scalar), count, columns)
            a = f.at(f.a, start * f.a_col, self.scalar)
            with f.loop(top, bottom, ROWS) as row:
                rows = f.minimum(bottom - row, ROWS)
                narrow = columns <= self.lanes
                with f.when(narrow):
                    self._tile(a, row, rows, count, 1)
                with f.when(~narrow):
                    self._tile(a, row, rows, count, VECTORS)
                self._store(f.at(c, row * f.c_row, self.scalar), rows, columns, start > 0)
            for x in self.first:
                x.set(0.0)

    # --- the panel ------------------------------------------------------------------------------------------------

    def _copy(self, b: Value, count: Value, columns: Value) -> None:
        """Put some rows of B's columns one behind the other."""
        f = self.f
        done = f.variable("i64", 0)
        straight = f.b_col.eq(1)
        with f.when(straight & columns.eq(self.width)), f.loop(0, count) as k:
            for v in range(VECTORS):
                x = f.load(self.vector, b, k * f.b_row + v * self.lanes)
                f.store(x, self.panel, k * self.width + v * self.lanes)
        with f.when(straight & (columns < self.width)), f.loop(0, count) as k:
            for v in range(VECTORS):
                mask = f.mask(self.lanes, columns - v * self.lanes)
                x = f.load(self.vector, b, k * f.b_row + v * self.lanes, mask)
                f.store(x, self.panel, k * self.width + v * self.lanes)
        with f.when(straight):
            done.set(count)
        with f.when(f.b_row.eq(1) & ~straight):  # the columns lie one behind the other: squares of them are turned
            whole = count // self.lanes * self.lanes
            with f.loop(0, whole, self.lanes) as k:
                for v in range(VECTORS):
                    square = [f.load(self.vector, b, self._column(v * self.lanes + i, columns) + k)
                              for i in range(self.lanes)]  # fmt: skip
                    for i, x in enumerate(_turned(f, square)):
                        f.store(x, self.panel, (k + i) * self.width + v * self.lanes)
            done.set(whole)
        with f.loop(done.get(), count) as k, f.loop(0, self.width) as place:
            x = f.load(self.scalar, b, self._column(place, columns) + k * f.b_row)
            f.store(x, self.panel, k * self.width + place)

    def _column(self, number: int | Value, columns: Value) -> Value:
        """Where a column begins; beyond the edge, the last."""
        return self.f.minimum(columns - 1, number) * self.f.b_col

    # --- the tile -------------------------------------------------------------------------------------------------

    def _tile(self, a: Value, row: Value, rows: Value, count: Value, vectors: int) -> None:
        """Sums over k, in registers; of fewer vectors where the panel has few columns."""
        f = self.f
        starts = [f.at(a, (row + f.minimum(rows - 1, i)) * f.a_row, self.scalar) for i in range(ROWS)]
        for sums in self.sums:
            for s, x in zip(sums, self.first):
                s.set(x.get())

        def step(k: Value) -> None:
            right = [f.load(self.vector, self.panel, k * self.width + v * self.lanes) for v in range(vectors)]
            at = k * f.a_col
            for start, sums in zip(starts, self.sums):
                left = f.broadcast(self.vector, start, at)
                for s, x in zip(sums, right):
                    s.set(f.fma(left, x, s.get()))

        whole = count // 4 * 4
        with f.loop(0, whole, 4) as k:
            for i in range(4):
                step(k + i)
        with f.loop(whole, count) as k:
            step(k)

    def _store(self, c: Value, rows: Value, columns: Value, more: Value) -> None:
        """Put the sums into C: added to what is there, if `more`."""
        f = self.f
        whole = columns.eq(self.width) & rows.eq(ROWS)
        for adds in (False, True):
            with f.when(whole & (more if adds else ~more)):
                for i, sums in enumerate(self.sums):
                    for v, s in enumerate(sums):
                        at = f.at(c, f.c_row * i + v * self.lanes, self.scalar)
                        f.store(s.get() + f.load(self.vector, at) if adds else s.get(), at)
        with f.when(~whole):  # row by row
            for i, sums in enumerate(self.sums):
                for v, s in enumerate(sums):
                    f.store(s.get(), self.tile, i * self.width + v * self.lanes)
            with f.loop(0, rows) as row:
                for v in range(VECTORS):
                    at = f.at(c, f.c_row * row + v * self.lanes, self.scalar)
                    here = f.at(self.tile, row * self.width + v * self.lanes, self.scalar)
                    mask = f.mask(self.lanes, columns - v * self.lanes)
                    with f.when(more):
                        f.store(f.load(self.vector, here) + f.load(self.vector, at, 0, mask), here)
                    f.store(f.load(self.vector, here), at, 0, mask)


def _turned(f: Function, rows: Sequence[Value]) -> list[Value]:
    """The transpose of a square. Merging row i with row i + n/2, lane by lane, log₂ n times over, does it."""
    n = len(rows)
    low = [i // 2 + n * (i % 2) for i in range(n)]
    high = [i + n // 2 for i in low]
    turned, length = list(rows), n
    while length > 1:
        pairs = list(zip(turned[: n // 2], turned[n // 2 :]))
        turned = [f.shuffle(a, b, places) for a, b in pairs for places in (low, high)]
        length //= 2
    return turned


# --- Calling it -------------------------------------------------------------------------------------------------------

_libraries: dict[tuple[str, Target], Any] = {}  # never freed: other kernels call them
_lock = threading.Lock()


def _load(scalar: str, target: Target) -> Any:
    with _lock:
        if (scalar, target) not in _libraries:
            from . import jit

            _libraries[scalar, target] = jit.load(text(scalar, target), [f"tc_gemm_{scalar}"], target=target)
    return _libraries[scalar, target]


def address(scalar: str) -> int:
    """Where `tc_gemm_float` or `tc_gemm_double` is."""
    return _load(scalar, host()).address(f"tc_gemm_{scalar}")


def product(
    a: np.ndarray, b: np.ndarray, bias: np.ndarray | None = None, *, out: np.ndarray | None = None,
    target: Target | None = None,
) -> np.ndarray:  # fmt: skip
    """a @ b (+ bias), piece by piece in this thread: to try the function out.

    Args:
        a, b: matrices of one dtype, float32 or float64, with any strides.
        bias: added to each row.
        out: the result, whose rows are contiguous.
        target: the processor that the code is for.
    """
    target = target or host()
    (m, k), n, size = a.shape, b.shape[1], a.itemsize
    scalar = "float" if size == 4 else "double"
    c = np.empty((m, n), a.dtype) if out is None else out
    types = [ctypes.c_void_p if type == "ptr" else ctypes.c_int64 for type in ARGUMENTS.values()]
    run = _load(scalar, target).function(f"tc_gemm_{scalar}", *types)
    job = plan((m, n, k), scalar, target)
    arrays = [None if x is None else x.ctypes.data for x in (a, b, c, bias)]
    steps = [step // size for x in (a, b) for step in x.strides]
    for index in range(job.pieces):
        run(*arrays, m, n, k, *steps, c.strides[0] // size, job.kc, job.height, index)
    return c
