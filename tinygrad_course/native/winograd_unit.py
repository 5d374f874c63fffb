"""A unit of work of Winograd's algorithm: its place in the batch, its scratch memory, and the way of tiles into it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .conv_direct import Machine
from .ir import Code, Int
from .winograd import data_transform, gradient_transform

__all__ = ["Unit", "Winograd", "cover", "lanes", "plan", "whole_vectors"]

Transform = Callable[[Code, list[str], int], list[str]]

# The size in bytes that a unit's transformed values should stay below: that of a second-level cache, nearly.
CACHE = 3 << 18


class Winograd(NamedTuple):
    """A convolution with tiles of m × m results; the padding in front is `top` and `left`."""

    m: int
    ins: int
    outs: int
    height: int
    width: int
    out_height: int
    out_width: int
    top: int
    left: int
    bias: bool
    images: int  # in a unit of work,
    rows: int  # and rows of tiles

    @property
    def tiles(self) -> tuple[int, int]:
        """Rows and columns of tiles in an image."""
        return -(-self.out_height // self.m), -(-self.out_width // self.m)

    @property
    def chunks(self) -> int:
        """Units that an image is cut into."""
        return -(-self.tiles[0] // self.rows)

    @property
    def points(self) -> int:
        return (self.m + 2) ** 2


def plan(job: Winograd) -> Winograd:
    """The job with a good size of its units."""
    rows, cols = job.tiles
    # Where the transformed weights come from far away, they should serve many tiles.
    least = 64 if 4 * job.points * job.ins * job.outs > 4 * CACHE else 24
    most = max(least, CACHE // (4 * job.points * (job.ins + job.outs)))
    if rows * cols <= most:
        return job._replace(images=min(16, most // (rows * cols)), rows=rows)
    return job._replace(images=1, rows=-(-rows // -(-rows // max(1, most // cols))))


def lanes(machine: Machine) -> int:
    """How many channels are transformed at a time; channels are rounded up to a multiple of it."""
    return 8 if machine.widths[0] >= 32 else 4


def whole_vectors(channels: int, machine: Machine) -> int:
    """A number of channels, rounded up."""
    n = lanes(machine)
    return -(-channels // n) * n


class Unit:
    """What both kernels do to a unit. The code is emitted where a method is called."""

    def __init__(self, name: str, job: Winograd, machine: Machine) -> None:
        self.job = job
        self.machine = machine
        self.lanes = lanes(machine)
        self.code = Code(name, "float", self.lanes)
        self.ins, self.outs = whole_vectors(job.ins, machine), whole_vectors(job.outs, machine)
        # 8 rows more than there are tiles, as blocks of rows may end beyond
        self.most = job.images * job.rows * job.tiles[1] + 8
        self.pitch = job.m * job.tiles[1] + 2
        self.plane = (job.m * job.rows + 2) * self.pitch + 6
        # The values of one point to those of the next: not a power of two, so that they do not meet in the cache.
        self.step_in, self.step_out = self.most * self.ins + 16, self.most * self.outs + 16
        self.sizes = [self.lanes * self.plane + 16, job.points * self.step_in, job.points * self.step_out]
        self.bytes = 4 * sum(self.sizes)

    def scratch(self, pointer: str, pitch: Int) -> None:
        """The task's own memory: planes, transformed inputs, transformed outputs. Planes start as zeros."""
        code = self.code
        self.planes = code.op(f"getelementptr i8, ptr {pointer}, i64 {code.mul(code.index, pitch)}")
        self.v = code.at(self.planes, self.sizes[0])
        self.s = code.at(self.v, self.sizes[1])

    def unit(self, number: Int, images: Int) -> tuple[Int, Int, Int, Int]:
        """First image and count of images, first row of tiles and count of rows."""
        code, job = self.code, self.job
        block = code.div(number, job.chunks)
        first = code.mul(block, job.images)
        chunk = 0 if job.chunks == 1 else code.op(f"urem i64 {number}, {job.chunks}")
        row = code.mul(chunk, job.rows)
        rows = job.rows if job.chunks == 1 else code.low(job.rows, code.sub(job.tiles[0], row))
        return first, code.low(job.images, code.sub(images, first)), row, rows

    def tile_loop(self, rows: Int, body: Callable[[Int, Int], None]) -> None:
        """Call body(number of the tile, place of its first pixel in a plane) for the tiles of `rows` rows."""
        code, job, cols = self.code, self.job, self.job.tiles[1]

        def row(r: Int) -> None:
            code.loop(0, cols, lambda c: body(
                code.add(code.mul(r, cols), c), code.add(code.mul(r, job.m * self.pitch), code.mul(c, job.m))
            ))  # fmt: skip

        code.loop(0, rows, row)

    def inputs(self, x: str, first: Int, count: Int, row: Int, rows: Int) -> None:
        """Step 1 for a unit: the tiles of x, transformed, as v[point, tile, channel]."""
        q = self.job
        self._all(x, q.ins, q.height, q.width, q.top, q.left, q.m + 2, data_transform, self.v, self.step_in,
                  first, count, row, rows)  # fmt: skip

    def gradients(self, g: str, first: Int, count: Int, row: Int, rows: Int) -> None:
        """The same for the gradient of the results, as s[point, tile, channel]."""
        q = self.job
        self._all(g, q.outs, q.out_height, q.out_width, 0, 0, q.m, gradient_transform, self.s, self.step_out,
                  first, count, row, rows)  # fmt: skip

    def _all(
        self, array: str, channels: int, height: int, width: int, top: int, left: int, size: int, apply: Transform,
        target: str, step: int, first: Int, count: Int, row: Int, rows: Int,
    ) -> None:  # fmt: skip
        code, job, at_once = self.code, self.job, self.lanes
        padded = -(-channels // at_once) * at_once
        code.clear(self.planes, 4 * self.sizes[0])

        def image(n: Int) -> None:
            source = code.at(array, code.mul(code.add(first, n), channels * height * width))

            def block(c: Int) -> None:
                start = code.mul(c, at_once)
                self.fill(
                    code.at(source, code.mul(start, height * width)), code.low(at_once, code.sub(channels, start)),
                    height, width, code.sub(code.mul(row, job.m), top), left, job.m * (job.rows - 1) + size,
                )  # fmt: skip
                to = code.at(target, code.add(code.mul(n, job.rows * job.tiles[1] * padded), start))
                self.tile_loop(rows, lambda t, place: self.transform(
                    size, apply, code.at(self.planes, place), code.at(to, code.mul(t, padded)), step
                ))  # fmt: skip

            code.loop(0, padded // at_once, block)

        code.loop(0, count, image)

    def fill(self, source: str, channels: Int, height: int, width: int, row: Int, left: int, count: int) -> None:
        """Copy `count` rows of some planes, from `row` on (before the first and behind the last are zeros)."""
        code = self.code
        before = code.low(code.high(code.sub(0, row), 0), count)
        behind = code.high(code.low(code.sub(height, row), count), before)
        wide = min(width, self.pitch - left)

        def one(channel: Int) -> None:
            to = code.at(self.planes, code.add(code.mul(channel, self.plane), left))
            start = code.at(source, code.add(code.mul(channel, height * width), code.mul(row, width)))

            def zero(r: Int) -> None:
                cover(code, wide, lambda k: code.store(code.zero, code.at(code.at(to, code.mul(r, self.pitch)), k)),
                      lambda k: code.put("0.0", code.at(code.at(to, code.mul(r, self.pitch)), k)))  # fmt: skip

            def copy(r: Int) -> None:
                a, b = code.at(start, code.mul(r, width)), code.at(to, code.mul(r, self.pitch))
                cover(code, wide, lambda k: code.store(code.load(code.at(a, k)), code.at(b, k)),
                      lambda k: code.put(code.scalar(code.at(a, k)), code.at(b, k)))  # fmt: skip

            code.loop(0, before, zero)
            code.loop(before, behind, copy)
            code.loop(behind, count, zero)

        code.loop(0, channels, one)

    def transform(self, size: int, apply: Transform, source: str, target: str, step: int) -> None:
        """Read a tile of size × size pixels of `lanes` planes, and store its values at the points, `step` apart."""
        code, m = self.code, self.job.m
        rows = []
        for i in range(size):
            row = self.pieces(source, i * self.pitch)[: min(size, 4)]
            rows.append(row + self.pieces(source, i * self.pitch + size - 4)[8 - size :] if size > 4 else row)
        down = [apply(code, [row[j] for row in rows], m) for j in range(size)]
        for i in range(m + 2):
            for j, value in enumerate(apply(code, [column[i] for column in down], m)):
                code.store(value, code.at(target, (i * (m + 2) + j) * step))

    def pieces(self, source: str, place: int) -> list[str]:
        """Four vectors: pixel 0 to 3 from a place on, of `lanes` planes."""
        code = self.code
        parts = [
            [
                code.op(f"load <4 x float>, ptr {code.at(source, (k + 4 * h) * self.plane + place)}, align 4")
                for h in range(self.lanes // 4)
            ]
            for k in range(4)
        ]
        if self.lanes == 4:
            return self.transposed([p[0] for p in parts])
        places = ", ".join(f"i32 {i}" for i in range(8))
        return self.transposed([
            code.op(f"shufflevector <4 x float> {a}, <4 x float> {b}, <8 x i32> <{places}>") for a, b in parts
        ])  # fmt: skip

    def transposed(self, r: list[str]) -> list[str]:
        """Four vectors as matrices of 4 × 4, one for each 4 lanes, transposed."""
        code, n = self.code, self.lanes

        def mixed(a: str, b: str, order: list[int]) -> str:
            """Lanes of a (0 to 3) and of b (4 to 7), in every group of 4."""
            return code.shuffle(a, b, [i % 4 + h + (n if i >= 4 else 0) for h in range(0, n, 4) for i in order])

        low, high = [0, 4, 1, 5], [2, 6, 3, 7]
        a, b, c, d = mixed(r[0], r[1], low), mixed(r[2], r[3], low), mixed(r[0], r[1], high), mixed(r[2], r[3], high)
        first, last = [0, 1, 4, 5], [2, 3, 6, 7]
        return [mixed(a, b, first), mixed(a, b, last), mixed(c, d, first), mixed(c, d, last)]


def cover(code: Code, count: int, vector: Callable[[Int], None], one: Callable[[Int], None]) -> None:
    """Cover a line by vectors, the last of which overlaps, or by single values if it is short."""
    if count >= code.width:
        last = count - code.width
        code.loop(0, -(-count // code.width), lambda i: vector(code.low(code.mul(i, code.width), last)))
    else:
        code.loop(0, count, one)
