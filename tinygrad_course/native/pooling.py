"""Pooling: the largest value or the sum of each window, and what their gradients spread over the windows.

Rows of windows lie in the lanes: for each place in the window there is one vector that holds, for neighbouring windows,
the value at that place. With a stride of 2 it is every other value of two vectors, picked by a shuffle; windows that
reach outside and other strides go through a scratch plane, as in `conv_direct`. Planes are dealt out to the threads.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import product
from typing import NamedTuple

import numpy as np

from .calls import ELEMENTS, Kernel, Scratch, compiled, dense, machine, note, shares
from .conv_direct import Plane, drain_plane, fill_plane
from .ir import Code, Int

__all__ = ["Pooling", "pool", "pooling_kernel"]

Ints = tuple[int, ...]

# Below so many values NumPy is as fast.
WORTH = 1 << 12


class Pooling(NamedTuple):
    """Windows over planes. `kind` is "max", "place", "put", "sum" or "spread"."""

    kind: str
    element: str
    height: int
    width: int
    out_height: int
    out_width: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]

    @property
    def spreads(self) -> bool:
        """Whether values go from the windows to the places, not from the places to the windows."""
        return self.kind in ("put", "spread")

    @property
    def tiles(self) -> bool:
        """Whether windows are 2 wide, beside one another, and none reaches outside."""
        return (
            self.kernel[1] == self.stride[1] == 2 and self.dilation[1] == 1 and self.padding == (0, 0)
            and self.kernel[0] <= self.stride[0] and self.dilation[0] == 1
            and 2 * self.out_width <= self.width and self.reach[0] < self.height
        )  # fmt: skip

    @property
    def reach(self) -> tuple[int, int]:
        """The last row and column that a window covers."""
        rows = (self.out_height - 1) * self.stride[0] + (self.kernel[0] - 1) * self.dilation[0] - self.padding[0]
        cols = (self.out_width - 1) * self.stride[1] + (self.kernel[1] - 1) * self.dilation[1] - self.padding[1]
        return rows, cols

    @property
    def places(self) -> list[tuple[int, int, int]]:
        """(number, row, column) of each place, relative to its window's first."""
        found = product(range(self.kernel[0]), range(self.kernel[1]))
        return [(i, r * self.dilation[0], c * self.dilation[1]) for i, (r, c) in enumerate(found)]


def _lanes(job: Pooling, widths: tuple[int, ...], size: int) -> int:
    lanes = [w // size for w in widths]
    return next((n for n in lanes if n <= job.out_width), lanes[-1])


def _plane(job: Pooling, lanes: int) -> Plane:
    (bottom, right), sw = job.reach, job.stride[1]
    inside = job.padding == (0, 0) and bottom < job.height and right < job.width and job.out_width >= lanes
    if inside and (job.tiles or (not job.spreads and sw == 1)):
        return Plane(False, 0, 0, job.height, job.width, 0, 1)
    part = -(-(job.padding[1] + max(right + 1, job.width)) // sw) + lanes
    rows = job.padding[0] + max(bottom + 1, job.height)
    return Plane(True, job.padding[0], job.padding[1], rows, part * sw, part, sw)


def pooling_kernel(name: str, job: Pooling, widths: tuple[int, ...]) -> tuple[str, int]:
    """The text of the kernel, and the bytes of scratch memory for each task.

    Arguments: a, b, result, scratch, its bytes for each task, planes, tasks. `a` holds the inputs of max, place and
    sum, else the values to spread; `b` the outputs of max for "place", and the places (a byte each) for "put".
    """
    size = 4 if job.element == "float" else 8
    code = Code(name, job.element, _lanes(job, widths, size))
    plane = _plane(job, code.width)
    a, b, result, scratch = (code.argument(i) for i in range(4))
    pitch, planes, tasks = (code.argument(i, "i64") for i in range(4, 7))
    own = code.op(f"getelementptr i8, ptr {scratch}, i64 {code.mul(code.index, pitch)}")
    fill = ("0xFFF0000000000000" if job.kind in ("max", "place") else "0.0") if plane.copied else ""
    room = plane.size + 16 if plane.copied else 0
    if fill and not job.spreads:
        code.loop(0, room, lambda i: code.put(fill, code.at(own, i)))
    pixels, outs = job.height * job.width, job.out_height * job.out_width

    def one(p: Int) -> None:
        big, small = (result, a) if job.spreads else (a, result)
        big = code.at(big, code.mul(p, pixels))
        small_element = "i8" if job.kind == "place" else None
        small = code.at(small, code.mul(p, outs), small_element)
        other = "" if job.kind in ("max", "sum", "spread") else code.at(
            b, code.mul(p, outs), "i8" if job.kind == "put" else None
        )  # fmt: skip
        if job.spreads:
            target = own if plane.copied else big
            covered = job.tiles and job.height == job.kernel[0] * job.out_height == job.stride[0] * job.out_height
            if plane.copied or not (covered and job.width == 2 * job.out_width):
                count = (plane.size if plane.copied else pixels) * size
                code.clear(target, count)
            _Windows(code, job, plane, target, small, other).spread()
            if plane.copied:
                drain_plane(code, plane, own, big, job.height, job.width)
            return
        if plane.copied:
            fill_plane(code, plane, big, own, 1, job.height, job.width)
        _Windows(code, job, plane, own if plane.copied else big, small, other).gather()

    code.loop(*code.share(planes, tasks), one)
    return code.text(), room * size


class _Windows(NamedTuple):
    """The windows of one plane: `x` are the places, `y` one value for each window, `other` what else there is."""

    code: Code
    job: Pooling
    plane: Plane
    x: str
    y: str
    other: str

    def _rows(self, block: Callable[[Int, Int, int | None], None], overlap: bool) -> None:
        """Call block(row, column, lanes) for vectors of windows that cover the rows."""
        code, width = self.code, self.job.out_width
        full, rest = divmod(width, code.width)

        def row(r: Int) -> None:
            if overlap and full:
                last = width - code.width
                code.loop(0, full + bool(rest), lambda q: block(r, code.low(code.mul(q, code.width), last), None))
                return
            code.loop(0, full, lambda q: block(r, code.mul(q, code.width), None))
            if rest:
                block(r, full * code.width, rest)

        code.loop(0, self.job.out_height, row)

    def _values(self, r: Int, q: Int) -> Callable[[int, int], str]:
        """A function that gives the vector of a place in the windows from (r, q) on."""
        code, job, plane = self.code, self.job, self.plane
        start = code.at(self.x, code.mul(r, job.stride[0] * plane.pitch))
        top, left = job.padding
        if plane.copied or job.stride[1] == 1:
            start = code.at(start, q)
            return lambda row, col: code.load(code.at(start, plane.place(row - top, col - left)))
        start = code.at(start, code.mul(q, 2))
        pairs: dict[int, tuple[str, str]] = {}

        def value(row: int, col: int) -> str:
            if row not in pairs:
                at = code.at(start, row * plane.pitch)
                pairs[row] = code.load(at), code.load(code.at(at, code.width))
            return code.shuffle(*pairs[row], range(col, 2 * code.width, 2))

        return value

    def gather(self) -> None:
        """max, place and sum: from the places to the windows."""
        code, job = self.code, self.job
        v = code.vector

        def block(r: Int, q: Int, lanes: int | None) -> None:
            value = self._values(r, q)
            to = code.add(code.mul(r, job.out_width), q)
            if job.kind == "place":
                y = code.load(code.at(self.other, to), lanes)
                ints = f"<{code.width} x i{8 * code.bytes}>"
                number = code.same_int(len(job.places) - 1)
                y_nan = code.op(f"fcmp uno {v} {y}, {y}")
                for i, row, col in job.places[-2::-1]:  # so that the first of equals is the last to be chosen
                    x = value(row, col)
                    equal, nan = code.op(f"fcmp oeq {v} {x}, {y}"), code.op(f"fcmp uno {v} {x}, {x}")
                    both = code.op(f"and <{code.width} x i1> {nan}, {y_nan}")
                    here = code.op(f"or <{code.width} x i1> {equal}, {both}")
                    number = code.op(f"select <{code.width} x i1> {here}, {ints} {code.same_int(i)}, {ints} {number}")
                code.store_bytes(number, code.at(self.y, to, "i8"), lanes)
                return
            best = value(*job.places[0][1:])
            for _, row, col in job.places[1:]:
                x = value(row, col)
                if job.kind == "sum":
                    best = code.plus(best, x)
                    continue
                larger, nan = code.op(f"fcmp ogt {v} {x}, {best}"), code.op(f"fcmp uno {v} {x}, {x}")
                take = code.op(f"or <{code.width} x i1> {larger}, {nan}")
                best = code.op(f"select <{code.width} x i1> {take}, {v} {x}, {v} {best}")
            code.store(best, code.at(self.y, to), lanes)

        self._rows(block, overlap=True)

    def spread(self) -> None:
        """put and spread: from the windows to the places. Sums are made in the order of the places of a window."""
        code, job, plane = self.code, self.job, self.plane
        v, top, left = code.vector, *job.padding

        def block(r: Int, q: Int, lanes: int | None) -> None:
            at = code.add(code.mul(r, job.out_width), q)
            g = code.load(code.at(self.y, at), lanes)
            number = code.load_bytes(code.at(self.other, at, "i8"), lanes) if job.kind == "put" else ""
            ints = f"<{code.width} x i{8 * code.bytes}>"

            def part(i: int) -> str:
                if job.kind == "spread":
                    return g
                here = code.op(f"icmp eq {ints} {number}, {code.same_int(i)}")
                return code.op(f"select <{code.width} x i1> {here}, {v} {g}, {v} {code.zero}")

            to = code.at(self.x, code.mul(r, job.stride[0] * plane.pitch))
            if not plane.copied:  # each place is in one window only: store pairs of columns
                to = code.at(to, code.mul(q, 2))
                w = code.width
                zipped = [k // 2 + w * (k % 2) for k in range(2 * w)]
                for i, row, col in job.places:
                    if col == 0:
                        pair = part(i), part(i + 1)
                        code.store(code.shuffle(*pair, zipped[:w]), code.at(to, row * plane.pitch))
                        code.store(code.shuffle(*pair, zipped[w:]), code.at(to, row * plane.pitch + w))
                return
            to = code.at(to, q)
            for i, row, col in job.places:
                place = code.at(to, plane.place(row - top, col - left))
                code.store(code.plus(code.load(place), part(i)), place)

        self._rows(block, overlap=not plane.copied)


# --- Calling it ---------------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _plan(
    kind: str, dtype: np.dtype, shape: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, out: Ints
) -> Kernel | str:
    if dtype not in ELEMENTS:
        return f"no kernel for {dtype}"
    if len(out) != 2:
        return f"no kernel for {len(out)} dimensions"
    if np.prod(shape) < WORTH:
        return "too little work"
    if kernel[0] * kernel[1] > 49 or out[1] < 3:  # every place is written out, and rows should fill a vector
        return "windows too large, or too few"
    job = Pooling(kind, ELEMENTS[dtype], *shape[2:], *out, kernel, stride, padding, dilation)  # type: ignore[arg-type, call-arg]
    return compiled(pooling_kernel, job, machine().widths)


def pool(
    kind: str, a: np.ndarray, b: np.ndarray | None = None, *, kernel: Ints, stride: Ints, padding: Ints, out: Ints,
    dilation: Ints | None = None, space: Ints | None = None,
) -> np.ndarray | None:  # fmt: skip
    """One of the pooling operations on arrays (see `pooling_kernel` for a and b), or None where NumPy is to serve."""
    space = space or a.shape[2:]
    shape = (*a.shape[:2], *space)
    run = _plan(kind, a.dtype, shape, kernel, stride, padding, dilation or (1,) * len(out), out)
    if isinstance(run, str):
        note(f"pool: {kind}", run)
        return None
    note(f"pool: {kind}")
    a = dense(a)
    b = None if b is None else dense(b)
    spreads = kind in ("put", "spread")
    result = np.empty(shape if spreads else (*shape[:2], *out), np.uint8 if kind == "place" else a.dtype)
    planes = shape[0] * shape[1]
    tasks = 1 if a.size < 1 << 14 else shares(planes)
    with Scratch(run.scratch * tasks) as scratch:
        run(tasks, a, 0 if b is None else b, result, scratch, run.scratch, planes, tasks)
    return result
