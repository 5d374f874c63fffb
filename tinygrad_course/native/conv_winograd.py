"""3×3 convolutions with stride 1 by Winograd's algorithm: forward (which the gradient in x is too), and dW.

The lanes of vectors are neighbouring *channels* of one tile. A unit of work is a few images, or some rows of tiles of a
large one:

1. For 8 channels at a time the image is copied into planes with zeros around it; tiles are read in pieces of 4 values,
   transposed so that a vector holds one pixel of 8 channels, and transformed.
2. Then there are (m + 2)² products of matrices, tiles × channels times channels × output channels.
3. The products are transformed back, transposed back, and copied to where they belong.

Tiles and channels beyond the edge cost work, but have no code of their own. A value that is infinite or NaN spoils all
results of its tile. For dW both the input and the gradient are
transformed, and step 2 sums over the tiles.
"""

from __future__ import annotations

from .conv_direct import Machine, best_tile
from .ir import Int
from .winograd import result_transform
from .winograd_unit import Unit, Winograd, cover

__all__ = ["winograd_kernel", "winograd_weight_kernel"]


def winograd_kernel(name: str, job: Winograd, machine: Machine) -> tuple[str, int]:
    """The text of the forward kernel, and the bytes of scratch memory for each task.

    Arguments: x, transformed weights (points, C, O) with O rounded up to whole vectors, bias, y, scratch, its bytes for
    each task, images, units, tasks.
    """
    k = Unit(name, job, machine)
    code, cols = k.code, job.tiles[1]
    x, u, bias, y, scratch = (code.argument(i) for i in range(5))
    pitch, images, units, tasks = (code.argument(i, "i64") for i in range(5, 9))
    k.scratch(scratch, pitch)

    def unit(number: Int) -> None:
        first, count, row, rows = k.unit(number, images)
        k.inputs(x, first, count, row, rows)
        tiles = code.add(code.mul(code.sub(count, 1), job.rows * cols), code.mul(rows, cols))
        _products(k, u, tiles)

        def image_out(n: Int) -> None:
            target = code.at(y, code.mul(code.add(first, n), job.outs * job.out_height * job.out_width))
            code.loop(0, k.outs // k.lanes, lambda o: _results(k, bias, target, n, code.mul(o, k.lanes), row, rows))

        code.loop(0, count, image_out)

    code.loop(*code.share(units, tasks), unit)
    return code.text(), k.bytes


def _products(k: Unit, u: str, tiles: Int) -> None:
    """Step 2: s[point, tile, o] = Σ v[point, tile, c] · u[point, c, o], a block of tiles × outputs in registers."""
    code = k.code
    tile = best_tile(k.machine, 4, max(8, k.most - 8), 1, k.outs)
    code.resize(tile.width)
    step = tile.cols * tile.width

    def point(i: Int) -> None:
        v, w, s = (
            code.at(p, code.mul(i, n)) for p, n in ((k.v, k.step_in), (u, k.job.ins * k.outs), (k.s, k.step_out))
        )

        def outputs(j: Int) -> None:
            out = code.low(code.mul(j, step), k.outs - step)

            def block(b: Int) -> None:
                rows = code.at(v, code.mul(b, tile.outs * k.ins))

                def channel(c: Int, *sums: str) -> list[str]:
                    factors = [
                        code.load(code.at(w, code.add(code.add(code.mul(c, k.outs), out), q * tile.width)))
                        for q in range(tile.cols)
                    ]
                    at, new = code.at(rows, c), []
                    for r in range(tile.outs):
                        value = code.spread(code.scalar(code.at(at, r * k.ins)))
                        new += [code.fma(value, f, sums[r * tile.cols + q]) for q, f in enumerate(factors)]
                    return new

                sums = code.loop(0, k.job.ins, channel, *[code.zero] * (tile.outs * tile.cols))
                to = code.at(s, code.add(code.mul(b, tile.outs * k.outs), out))
                for r in range(tile.outs):
                    for q in range(tile.cols):
                        code.store(sums[r * tile.cols + q], code.at(to, r * k.outs + q * tile.width))

            code.loop(0, code.div(code.add(tiles, tile.outs - 1), tile.outs), block)

        code.loop(0, -(-k.outs // step), outputs)

    code.loop(0, k.job.points, point)
    code.resize(k.lanes)


def _results(k: Unit, bias: str, target: str, n: Int, out: Int, row: Int, rows: Int) -> None:
    """Step 3 for `lanes` channels of an image: tiles into the planes, and what is inside from there to y."""
    code, job, m = k.code, k.job, k.job.m
    from_ = code.at(k.s, code.add(code.mul(n, job.rows * job.tiles[1] * k.outs), out))
    channels = code.low(k.lanes, code.sub(job.outs, out))

    def tile(t: Int, place: Int) -> None:
        s, to = code.at(from_, code.mul(t, k.outs)), code.at(k.planes, place)
        values = [[code.load(code.at(s, (i * (m + 2) + j) * k.step_out)) for i in range(m + 2)] for j in range(m + 2)]
        down = [result_transform(code, column, m) for column in values]
        for i in range(m):
            pixels = result_transform(code, [column[i] for column in down], m)
            # With m = 2 the upper two of the four are not used.
            for p, v in enumerate(k.transposed(pixels + pixels[: 4 - m])):
                for h in range(k.lanes // 4):
                    some = ", ".join(f"i32 {4 * h + q}" for q in range(m))
                    part = code.op(f"shufflevector {code.vector} {v}, {code.vector} poison, <{m} x i32> <{some}>")
                    at = code.at(to, (p + 4 * h) * k.plane + i * k.pitch)
                    code.do(f"store <{m} x float> {part}, ptr {at}, align 4")

    k.tile_loop(rows, tile)
    inside = code.low(code.mul(rows, m), code.sub(job.out_height, code.mul(row, m)))

    def channel(c: Int) -> None:
        place = code.add(code.mul(code.add(out, c), job.out_height * job.out_width), code.mul(row, m * job.out_width))
        start, to = code.at(k.planes, code.mul(c, k.plane)), code.at(target, place)
        one = code.scalar(code.at(bias, code.add(out, c))) if job.bias else "0.0"
        many = code.spread(one)

        def line(r: Int) -> None:
            a, b = code.at(start, code.mul(r, k.pitch)), code.at(to, code.mul(r, job.out_width))
            cover(
                code, job.out_width,
                lambda q: code.store(code.plus(code.load(code.at(a, q)), many), code.at(b, q)),
                lambda q: code.put(code.op(f"fadd float {code.scalar(code.at(a, q))}, {one}"), code.at(b, q)),
            )  # fmt: skip

        code.loop(0, inside, line)

    code.loop(0, channels, channel)


def winograd_weight_kernel(name: str, job: Winograd, machine: Machine) -> tuple[str, int]:
    """The text of the kernel of dW, and the bytes of scratch memory for each chunk of the batch.

    Arguments: g, x, sums (points, O, C) for each chunk, with O and C rounded up to whole vectors, scratch, its bytes
    for each chunk, images, units, chunks.
    """
    k = Unit(name, job, machine)
    code, cols = k.code, job.tiles[1]
    g, x, sums, scratch = (code.argument(i) for i in range(4))
    pitch, images, units, chunks = (code.argument(i, "i64") for i in range(4, 8))
    k.scratch(scratch, pitch)
    total = code.at(sums, code.mul(code.index, job.points * k.outs * k.ins))
    code.clear(total, 4 * job.points * k.outs * k.ins)

    def unit(number: Int) -> None:
        first, count, row, rows = k.unit(number, images)
        k.inputs(x, first, count, row, rows)
        k.gradients(g, first, count, row, rows)
        tiles = code.add(code.mul(code.sub(count, 1), job.rows * cols), code.mul(rows, cols))
        _correlations(k, total, tiles)

    code.loop(*code.share(units, chunks), unit)
    return code.text(), k.bytes


def _correlations(k: Unit, total: str, tiles: Int) -> None:
    """total[point, o, c] += Σ over tiles of s[point, tile, o] · v[point, tile, c]. Here nothing may overlap."""
    code = k.code
    rows, cols, width = _exact_tile(k)
    code.resize(width)
    step = cols * width

    def point(i: Int) -> None:
        v, s = code.at(k.v, code.mul(i, k.step_in)), code.at(k.s, code.mul(i, k.step_out))
        sums_of_point = code.at(total, code.mul(i, k.outs * k.ins))

        def outputs(j: Int) -> None:
            out = code.mul(j, rows)

            def inputs(q: Int) -> None:
                start = code.mul(q, step)
                to = code.at(sums_of_point, code.add(code.mul(out, k.ins), start))
                a, b = code.at(s, out), code.at(v, start)

                def tile(t: Int, *sums: str) -> list[str]:
                    values = [code.load(code.at(code.at(b, code.mul(t, k.ins)), c * width)) for c in range(cols)]
                    factors, new = code.at(a, code.mul(t, k.outs)), []
                    for r in range(rows):
                        factor = code.spread(code.scalar(code.at(factors, r)))
                        new += [code.fma(factor, value, sums[r * cols + c]) for c, value in enumerate(values)]
                    return new

                places = [r * k.ins + c * width for r in range(rows) for c in range(cols)]
                sums = code.loop(0, tiles, tile, *[code.load(code.at(to, place)) for place in places])
                for value, place in zip(sums, places):
                    code.store(value, code.at(to, place))

            code.loop(0, k.ins // step, inputs)

        code.loop(0, k.outs // rows, outputs)

    code.loop(0, k.job.points, point)
    code.resize(k.lanes)


def _exact_tile(k: Unit) -> tuple[int, int, int]:
    """Rows, columns and lanes of the largest block of sums that divides all of them."""
    found = [
        (rows * cols * bytes_, rows, cols, bytes_ // 4)
        for bytes_ in k.machine.widths for rows in (8, 4, 2) for cols in (4, 3, 2, 1)
        if k.outs % rows == 0 and k.ins % (cols * bytes_ // 4) == 0
        and rows * cols + cols + 1 <= k.machine.registers
    ]  # fmt: skip
    return max(found)[1:]
