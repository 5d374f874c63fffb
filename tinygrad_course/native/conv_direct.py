"""Convolution without a matrix of windows: forward, and the gradient in x, on plain (N, C, H, W) arrays.

Both are one *correlation*: an output place (r, q) is the sum over channels c and taps (t, u) of

    w[o, c, kh(t), kw(u)] · x[c, r · row_stride + a(t), q · col_stride + b(u)],

where a and b are the places of the taps, from the padding and dilation. The gradient in x of a convolution with stride
s is s · s correlations of stride 1, one for each phase of the output, each with the taps that meet it.

How it becomes fast: a tile of `outs` channels × (rows · cols) vectors of neighbouring pixels is held in registers while
the sum runs; each step loads the vectors of pixels once for all channels, and each weight once for all pixels, so that
multiplying, not loading, is what takes the time. Which tile fits best is searched with a small model of its cost.
Tiles at the edge overlap their neighbours: the same values are computed twice and stored twice, and no code for rests
is needed. Where windows reach outside, or columns have a stride, an image is first copied into a scratch plane with
zeros around it and columns sorted by their phase, so that every load is of contiguous values within bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .ir import Code, Int

__all__ = [
    "Correlation",
    "Machine",
    "Plane",
    "Taps",
    "Tile",
    "best_tile",
    "correlation_kernel",
    "drain_plane",
    "fill_plane",
]


class Machine(NamedTuple):
    """What matters of a processor: the widths of its vectors in bytes, widest first, and how many registers it has."""

    widths: tuple[int, ...]
    registers: int


class Taps(NamedTuple):
    """The taps of a kernel along one dimension: tap t is weight `first + t·step`, at the place `start + t·pace`."""

    number: int
    first: int
    step: int
    start: int
    pace: int

    @property
    def lowest(self) -> int:
        return self.start + min(0, self.pace * (self.number - 1))

    @property
    def highest(self) -> int:
        return self.start + max(0, self.pace * (self.number - 1))


class Phase(NamedTuple):
    """One of the interleaved grids that make up the output: its taps, its size and where it begins."""

    rows: Taps
    cols: Taps
    height: int
    width: int
    row: int
    col: int


class Correlation(NamedTuple):
    """A correlation of planes; sizes are those of one group of channels."""

    element: str
    ins: int
    outs: int
    groups: int
    height: int
    width: int
    out_height: int
    out_width: int
    stride: tuple[int, ...]  # of the input's places
    spacing: tuple[int, ...]  # of the output's places in one phase
    phases: tuple[Phase, ...]
    kernel_width: int
    weight_out: int  # how far apart the weights of neighbouring output and input channels are
    weight_in: int
    weight_group: int
    bias: bool


class Plane(NamedTuple):
    """How an input plane lies in memory: as it is, or copied with zeros around and columns sorted by phase."""

    copied: bool
    top: int
    left: int
    rows: int
    pitch: int  # from row to row
    part: int  # from phase to phase of the columns
    phases: int

    @property
    def size(self) -> int:
        return self.rows * self.pitch

    def place(self, row: int, col: int) -> int:
        """Where the value of a row and column is, which may be outside of the image by its padding."""
        col += self.left
        return (row + self.top) * self.pitch + col % self.phases * self.part + col // self.phases


class Tile(NamedTuple):
    """The block of the output that is held in registers: outs × (rows × cols) vectors of `width` values."""

    width: int
    outs: int
    rows: int
    cols: int


def best_tile(machine: Machine, size: int, outs: int, height: int, width: int) -> Tile:
    """The tile that covers `outs` planes of height × width in the fewest cycles per tap, by a model.

    A cycle does two multiply-adds of 32 bytes, or two loads; a wider vector counts as several. Sums must be at least 8
    in number, or their latency of 4 cycles shows.
    """
    best, least = None, float("inf")
    for bytes_ in machine.widths:
        lanes = bytes_ // size
        unit = max(1.0, bytes_ / 32)
        for rows in range(1, min(height, 8) + 1):
            for cols in range(1, min(-(-width // lanes), 6) + 1):
                if cols > 1 and cols * lanes > width:
                    continue
                pixels = rows * cols
                for block in range(1, min(outs, 8) + 1):
                    if block * pixels + pixels + 1 > machine.registers:
                        continue
                    tiles = -(-outs // block) * -(-height // rows) * -(-max(width, lanes) // (cols * lanes))
                    cycles = max(block * pixels * unit / 2, (pixels * unit + block) / 2, 4 * unit) + 0.25
                    if tiles * cycles < least:
                        best, least = Tile(lanes, block, rows, cols), tiles * cycles
    if best is None:
        raise ValueError(f"conv: no tile for planes of {height} × {width}")
    return best


def plane_of(job: Correlation, widest: int) -> Plane:
    """How the input must lie in memory for all phases of a correlation; tiles may read `widest` values too far."""
    sh, sw = job.stride
    top = max(0, *(-p.rows.lowest for p in job.phases))
    bottom = max((p.height - 1) * sh + p.rows.highest for p in job.phases)
    left = max(0, *(-p.cols.lowest for p in job.phases))
    right = max((p.width - 1) * sw + p.cols.highest for p in job.phases)
    narrow = any(p.width < widest for p in job.phases)
    if top == 0 and left == 0 and bottom < job.height and right < job.width and sw == 1 and not narrow:
        return Plane(False, 0, 0, job.height, job.width, 0, 1)
    part = -(-(left + max(right + 1, job.width)) // sw) + widest
    return Plane(True, top, left, top + max(job.height, bottom + 1), part * sw, part, sw)


def fill_plane(code: Code, plane: Plane, source: str, target: str, planes: Int, height: int, width: int) -> None:
    """Copy `planes` planes into the inside of prepared ones, whose rest stays as it is."""
    _each_row(code, plane, planes, height, width, source, target, lambda row, inside, first, count: _copy(
        code, code.at(row, first), inside, count, plane.phases, 1
    ))  # fmt: skip


def drain_plane(code: Code, plane: Plane, source: str, target: str, height: int, width: int) -> None:
    """Copy the inside of a prepared plane out."""
    _each_row(code, plane, 1, height, width, target, source, lambda row, inside, first, count: _copy(
        code, inside, code.at(row, first), count, 1, plane.phases
    ))  # fmt: skip


def _each_row(
    code: Code, plane: Plane, planes: Int, height: int, width: int, outer: str, inner: str,
    act: Callable[[str, str, int, int], None],
) -> None:  # fmt: skip
    """Call act(row, inside, first, count) for each phase of each row: `inside` holds every phases-th of the row."""

    def one_plane(c: Int) -> None:
        def one_row(r: Int) -> None:
            row = code.at(outer, code.add(code.mul(c, height * width), code.mul(r, width)))
            to = code.at(inner, code.add(code.mul(c, plane.size), code.mul(code.add(r, plane.top), plane.pitch)))
            for first in range(min(plane.phases, width)):
                inside = code.at(to, plane.place(-plane.top, first))
                act(row, inside, first, len(range(first, width, plane.phases)))

        code.loop(0, height, one_row)

    code.loop(0, planes, one_plane)


def _copy(code: Code, source: str, target: str, count: int, step: int, spacing: int) -> None:
    """Copy `count` values that lie `step` apart to places `spacing` apart."""
    if step == spacing == 1 and count >= code.width:

        def block(i: Int) -> None:
            place = code.low(code.mul(i, code.width), count - code.width)
            code.store(code.load(code.at(source, place)), code.at(target, place))

        code.loop(0, -(-count // code.width), block)
        return

    def one(i: Int) -> None:
        code.put(code.scalar(code.at(source, code.mul(i, step))), code.at(target, code.mul(i, spacing)))

    code.loop(0, count, one)


def scratch_size(job: Correlation, plane: Plane) -> int:
    """How many values of scratch memory each thread needs."""
    return job.ins * plane.size + 64 if plane.copied else 0


def correlation_kernel(name: str, job: Correlation, machine: Machine) -> tuple[str, int]:
    """The text of a correlation over a batch, and the bytes of scratch memory for each of its tasks.

    Arguments: x, w, bias, y, scratch, bytes of scratch for a task, units, tasks, parts. The units of work, (image,
    group, part of the output channels), are dealt out evenly over the tasks.
    """
    size = 4 if job.element == "float" else 8
    tiles = [best_tile(machine, size, job.outs, p.height, p.width) for p in job.phases]
    plane = plane_of(job, max(t.width for t in tiles))
    code = Code(name, job.element, max(t.width for t in tiles))
    x, w, bias, y, scratch = (code.argument(i) for i in range(5))
    pitch, units, tasks, parts = (code.argument(i, "i64") for i in range(5, 9))

    own = code.op(f"getelementptr i8, ptr {scratch}, i64 {code.mul(code.index, pitch)}")
    bytes_ = scratch_size(job, plane) * size
    if plane.copied:
        code.clear(own, bytes_)

    def work(unit: Int) -> None:
        part = code.op(f"urem i64 {unit}, {parts}")
        image = code.div(unit, parts)  # counts the groups of all images
        group = 0 if job.groups == 1 else code.op(f"urem i64 {image}, {job.groups}")
        source = code.at(x, code.mul(image, job.ins * job.height * job.width))
        if plane.copied:
            fill_plane(code, plane, source, own, job.ins, job.height, job.width)
        weights = code.at(w, code.mul(group, job.weight_group))
        biases = code.at(bias, code.mul(group, job.outs)) if job.bias else ""
        target = code.at(y, code.mul(image, job.outs * job.out_height * job.out_width))
        for phase, tile in zip(job.phases, tiles):
            _phase(code, job, plane, phase, tile, own if plane.copied else source, weights, biases, target, part, parts)

    code.loop(*code.share(units, tasks), work)
    return code.text(), bytes_


def _phase(
    code: Code, job: Correlation, plane: Plane, phase: Phase, tile: Tile, x: str, w: str, bias: str, y: str,
    part: Int, parts: Int,
) -> None:  # fmt: skip
    """One phase of one image: all tiles of the output channels that belong to the part."""
    code.resize(tile.width)
    blocks = -(-job.outs // tile.outs)
    first = code.div(code.mul(part, blocks), parts)
    last = code.div(code.mul(code.add(part, 1), blocks), parts)
    step = tile.cols * tile.width

    def row_block(i: Int) -> None:
        row = code.low(code.mul(i, tile.rows), phase.height - tile.rows)

        def channels(j: Int) -> None:
            out = code.low(code.mul(j, tile.outs), job.outs - tile.outs)

            def columns(k: Int) -> None:
                col = code.low(code.mul(k, step), max(0, phase.width - step))
                _tile(code, job, plane, phase, tile, x, w, bias, y, out, row, col)

            code.loop(0, -(-phase.width // step), columns)

        code.loop(first, last, channels)

    code.loop(0, -(-phase.height // tile.rows), row_block)


def _tile(
    code: Code, job: Correlation, plane: Plane, phase: Phase, tile: Tile, x: str, w: str, bias: str, y: str,
    out: Int, row: Int, col: Int,
) -> None:  # fmt: skip
    """One tile: sums that start at the bias, run over channels and taps, and are stored."""
    pixels = [(r, c * tile.width) for r in range(tile.rows) for c in range(tile.cols)]
    outs = range(tile.outs)
    starts = [code.spread(code.scalar(code.at(bias, code.add(out, o)))) if job.bias else code.zero for o in outs]
    sums = [start for start in starts for _ in pixels]
    x = code.at(x, code.add(code.mul(row, job.stride[0] * plane.pitch), col))
    w = code.at(w, code.mul(out, job.weight_out))
    rows, cols = phase.rows, phase.cols
    # Rows of taps that lie outside for the whole tile are left out, where that is worth the counting.
    top, bottom = row_range(code, job, phase, tile, row)

    def channel(c: Int, *sums: str) -> list[str]:
        xc = code.at(x, code.mul(c, plane.size))
        wc = code.at(w, code.mul(c, job.weight_in))

        def tap_row(t: Int, *sums: str) -> list[str]:
            new = list(sums)
            xt = code.at(xc, code.mul(t, rows.pace * plane.pitch))
            wt = code.at(wc, code.mul(t, rows.step * job.kernel_width))
            for u in range(cols.number):
                place = cols.start + u * cols.pace
                values = [
                    code.load(code.at(xt, plane.place(rows.start + r * job.stride[0], place) + c)) for r, c in pixels
                ]
                weight = rows.first * job.kernel_width + cols.first + u * cols.step
                for o in outs:
                    factor = code.spread(code.scalar(code.at(wt, o * job.weight_out + weight)))
                    for k, value in enumerate(values):
                        at = o * len(pixels) + k
                        new[at] = code.fma(value, factor, new[at])
            return new

        if isinstance(top, int) and isinstance(bottom, int) and _unrolls(rows, cols, tile):
            for t in range(top, bottom):
                sums = tuple(tap_row(t, *sums))
            return list(sums)
        return code.loop(top, bottom, tap_row, *sums)

    sums = code.loop(0, job.ins, channel, *sums) if rows.number * cols.number else sums
    to = code.at(y, code.mul(out, job.out_height * job.out_width))
    to = code.at(to, code.add(code.mul(row, job.spacing[0] * job.out_width), code.mul(col, job.spacing[1])))
    for o in outs:
        for k, (r, c) in enumerate(pixels):
            place = o * job.out_height * job.out_width + phase.col + c * job.spacing[1]
            place += (phase.row + r * job.spacing[0]) * job.out_width
            _put(code, sums[o * len(pixels) + k], code.at(to, place), phase.width - c, job.spacing[1])


def _unrolls(rows: Taps, cols: Taps, tile: Tile) -> bool:
    """Whether all taps are written out: that saves a loop, and costs time to compile."""
    pixels = tile.rows * tile.cols
    return rows.number * cols.number * (tile.outs * pixels + 2 * tile.outs + pixels) <= 400


def row_range(code: Code, job: Correlation, phase: Phase, tile: Tile, row: Int) -> tuple[Int, Int]:
    """The range of rows of taps that meet the image in some row of the tile."""
    taps, stride = phase.rows, job.stride[0]
    outside = max(0, -taps.lowest) + max(0, (phase.height - 1) * stride + taps.highest - job.height + 1)
    if outside * 8 < phase.height * stride or taps.number == 1:
        return 0, taps.number
    base = code.add(code.mul(row, stride), taps.start)  # the place of tap 0 in the tile's first row
    reach = (tile.rows - 1) * stride
    if taps.pace > 0:
        # base + t · pace + reach >= 0, and base + t · pace <= height - 1
        low = code.div(code.high(code.sub(taps.pace - 1 - reach, base), 0), taps.pace)
        high = code.div(code.high(code.add(code.sub(job.height - 1, base), taps.pace), 0), taps.pace)
    else:
        # base + t · pace <= height - 1, and base + t · pace + reach >= 0
        pace = -taps.pace
        low = code.div(code.high(code.add(code.sub(base, job.height - 1), pace - 1), 0), pace)
        high = code.div(code.high(code.add(base, reach + pace), 0), pace)
    return code.low(low, taps.number), code.low(high, taps.number)


def _put(code: Code, value: str, target: str, lanes: int, spacing: int) -> None:
    """Store the lanes of a vector that are inside, `spacing` places apart."""
    if spacing == 1:
        code.store(value, target, lanes)
        return
    for i in range(min(lanes, code.width)):
        code.put(code.lane(value, i), code.at(target, i * spacing))
