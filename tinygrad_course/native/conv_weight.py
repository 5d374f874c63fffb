"""The gradient of a convolution in its weight, dW[o, c, k, l] = Σ g[n, o, r, q] · x[n, c, place(r, k), place(q, l)].

The sum runs over the pixels, which lie in the lanes of vectors. A tile of `outs` output channels × `ins` input channels
× a row of taps is held in registers: each step loads one vector of g for every output channel and one of x for every
tap, and multiplies all pairs. Only at the end of a block of images are the lanes added up. Where a row of pixels ends
within a vector, both factors are loaded with zeros in the lanes beyond, so that no value from elsewhere, not even an
infinite one, takes part.

The batch is cut into chunks, as many as the shape says; each chunk has its own sum, and the sums are added in order.
So the result does not depend on how many threads there are.
"""

from __future__ import annotations

from typing import NamedTuple

from .conv_direct import Correlation, Machine, Plane, fill_plane
from .ir import Code, Int

__all__ = ["WeightTile", "images_at_once", "weight_kernel", "weight_tile"]


class WeightTile(NamedTuple):
    """What is held in registers: outs × ins × taps sums of `width` lanes each."""

    width: int
    outs: int
    ins: int
    taps: int


def weight_tile(machine: Machine, job: Correlation) -> WeightTile:
    """The tile with the fewest cycles, by the model of `best_tile`."""
    size = 4 if job.element == "float" else 8
    taps_in_all, pixels = job.phases[0].cols.number, job.out_width
    best, least = None, float("inf")
    for bytes_ in machine.widths:
        lanes, unit = bytes_ // size, max(1.0, bytes_ / 32)
        steps = -(-pixels // lanes)
        for outs in range(1, min(job.outs, 8) + 1):
            for ins in range(1, min(job.ins, 6) + 1):
                for taps in range(1, min(taps_in_all, 7) + 1):
                    sums, loads = outs * ins * taps, outs + ins * taps
                    if sums + ins * taps + 1 > machine.registers:
                        continue
                    tiles = -(-job.outs // outs) * -(-job.ins // ins) * -(-taps_in_all // taps)
                    cycles = max(sums * unit / 2, loads * unit / 2, 4 * unit) + 0.5
                    if tiles * cycles * steps < least:
                        best, least = WeightTile(lanes, outs, ins, taps), tiles * cycles * steps
    if best is None:
        raise ValueError("conv: no tile")
    return best


def images_at_once(job: Correlation) -> int:
    """How many images a tile runs over before its lanes are added up: enough to make that a small part of the work."""
    return max(1, min(16, 1024 // max(1, job.out_height * job.out_width)))


def weight_plane(job: Correlation) -> Plane:
    """How x must lie in memory. Rows outside of the image are never read, columns may be."""
    cols, sw = job.phases[0].cols, job.stride[1]
    left = max(0, -cols.lowest)
    right = (job.out_width - 1) * sw + cols.highest
    if left == 0 and right < job.width and sw == 1:
        return Plane(False, 0, 0, job.height, job.width, 0, 1)
    part = -(-(left + max(right + 1, job.width)) // sw)
    return Plane(True, 0, left, job.height, part * sw, part, sw)


def weight_kernel(name: str, job: Correlation, machine: Machine) -> tuple[str, int]:
    """The text of the kernel, and the bytes of scratch memory for each chunk.

    Arguments: g, x, sums (one array of weights for each chunk, zeros at first), scratch, its bytes for each chunk,
    images, chunks.
    """
    tile = weight_tile(machine, job)
    plane = weight_plane(job)
    code = Code(name, job.element, tile.width)
    g, x, sums, scratch = (code.argument(i) for i in range(4))
    pitch, images, chunks = (code.argument(i, "i64") for i in range(4, 7))
    block = images_at_once(job)
    in_plane, weights = job.height * job.width, job.outs * job.weight_out
    own = code.op(f"getelementptr i8, ptr {scratch}, i64 {code.mul(code.index, pitch)}")
    size = block * job.ins * plane.size * code.bytes if plane.copied else 0
    if plane.copied:
        code.clear(own, size)
    total = code.at(sums, code.mul(code.index, job.groups * weights))
    start, stop = code.share(images, chunks)
    blocks = code.div(code.add(code.sub(stop, start), block - 1), block)

    def some_images(i: Int) -> None:
        image = code.add(start, code.mul(i, block))
        count = code.low(code.sub(stop, image), block)

        def group(k: Int) -> None:
            source = code.at(x, code.mul(code.add(code.mul(image, job.groups), k), job.ins * in_plane))
            between = job.groups * job.ins * in_plane
            if plane.copied:

                def copy(j: Int) -> None:
                    fill_plane(
                        code, plane, code.at(source, code.mul(j, between)),
                        code.at(own, code.mul(j, job.ins * plane.size)), job.ins, job.height, job.width,
                    )  # fmt: skip

                code.loop(0, count, copy)
                between = job.ins * plane.size
            places = own if plane.copied else source
            out_plane = job.out_height * job.out_width
            grads = code.at(g, code.mul(code.add(code.mul(image, job.groups), k), job.outs * out_plane))
            _Block(code, job, plane, tile, grads, places, between, code.at(total, code.mul(k, weights)), count).emit()

        code.loop(0, job.groups, group)

    code.loop(0, blocks, some_images)
    return code.text(), size


class _Block(NamedTuple):
    """Some images of one group of channels, and the weights that they add to."""

    code: Code
    job: Correlation
    plane: Plane
    tile: WeightTile
    g: str
    x: str
    between: int  # from image to image of x
    weights: str
    images: Int

    def emit(self) -> None:
        """All tiles; what does not divide gets smaller tiles of its own."""
        job, tile = self.job, self.tile
        for o, outs, o_count in _pieces(job.outs, tile.outs):
            for c, ins, c_count in _pieces(job.ins, tile.ins):
                for u, taps, u_count in _pieces(job.phases[0].cols.number, tile.taps):
                    for k in range(u_count):  # few, and their addresses differ: written out
                        self._tiles(o, outs, o_count, c, ins, c_count, u + k * taps, taps)

    def _tiles(self, o: int, outs: int, o_count: int, c: int, ins: int, c_count: int, u: int, taps: int) -> None:
        code, rows = self.code, self.job.phases[0].rows

        def out_block(i: Int) -> None:
            out = code.add(o, code.mul(i, outs))

            def in_block(j: Int) -> None:
                channel = code.add(c, code.mul(j, ins))
                code.loop(0, rows.number, lambda t: self._tile(out, outs, channel, ins, t, u, taps))

            code.loop(0, c_count, in_block)

        code.loop(0, o_count, out_block)

    def _tile(self, out: Int, outs: int, channel: Int, ins: int, t: Int, u: int, taps: int) -> None:
        code, job, plane = self.code, self.job, self.plane
        out_plane = job.out_height * job.out_width
        rows, cols, sh = job.phases[0].rows, job.phases[0].cols, job.stride[0]
        g = code.at(self.g, code.mul(out, out_plane))
        x = code.at(self.x, code.mul(channel, plane.size))
        place = code.add(rows.start, code.mul(t, rows.pace))  # in x, of output row 0
        first = code.div(code.high(code.sub(sh - 1, place), 0), sh)
        last = code.low(code.div(code.high(code.add(code.sub(job.height - 1, place), sh), 0), sh), job.out_height)
        kept = [(i, k) for i in range(ins) for k in range(taps)]

        def image(n: Int, *sums: str) -> list[str]:
            gn = code.at(g, code.mul(n, job.groups * job.outs * out_plane))
            xn = code.at(x, code.mul(n, self.between))

            def row(r: Int, *sums: str) -> list[str]:
                gr = code.at(gn, code.mul(r, job.out_width))
                xr = code.at(xn, code.mul(code.add(place, code.mul(r, sh)), plane.pitch))

                def step(q: Int, *sums: str, lanes: int | None = None) -> list[str]:
                    gq, xq = code.at(gr, code.mul(q, code.width)), code.at(xr, code.mul(q, code.width))
                    values = [
                        code.load(code.at(xq, i * plane.size + plane.place(0, cols.start + (u + k) * cols.pace)), lanes)
                        for i, k in kept
                    ]
                    new = []
                    for o in range(outs):
                        factor = code.load(code.at(gq, o * out_plane), lanes)
                        new += [code.fma(v, factor, sums[o * len(kept) + i]) for i, v in enumerate(values)]
                    return new

                full, rest = divmod(job.out_width, code.width)
                if full <= 2:
                    for q in range(full):
                        sums = tuple(step(q, *sums))
                else:
                    sums = tuple(code.loop(0, full, step, *sums))
                return step(full, *sums, lanes=rest) if rest else list(sums)

            return code.loop(first, last, row, *sums)

        sums = code.loop(0, self.images, image, *[code.zero] * (outs * len(kept)))
        to = code.add(code.mul(out, job.weight_out), code.mul(channel, job.weight_in))
        to = code.at(self.weights, code.add(to, code.mul(t, job.kernel_width)))
        places = [o * job.weight_out + i * job.weight_in + u + k for o in range(outs) for i, k in kept]
        for start in range(0, len(sums), code.width):
            totals = code.sums(sums[start : start + code.width])
            for lane, at in enumerate(places[start : start + code.width]):
                target = code.at(to, at)
                code.put(code.op(f"fadd {code.element} {code.scalar(target)}, {code.lane(totals, lane)}"), target)


def _pieces(total: int, size: int) -> list[tuple[int, int, int]]:
    """Blocks that cover a total: (start, size, count) of the full ones and of the rest."""
    full, rest = divmod(total, size)
    return [p for p in ((0, size, full), (full * size, rest, 1)) if p[1] and p[2]]
