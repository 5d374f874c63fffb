"""The weights of Winograd's convolution: to the points, G w Gᵀ, and the gradient back from them, Gᵀ s G.

The lanes of vectors are output channels on the way to the points, and input channels on the way back, as the products
between need them; the nine taps of a lane are picked up, and put down, one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from .conv_direct import Machine
from .ir import Code, Int
from .winograd import taps_transform, weight_transform
from .winograd_unit import lanes, whole_vectors

__all__ = ["Weights", "points_kernel", "taps_kernel"]


class Weights(NamedTuple):
    """Weights of `outs` × `ins` channels, 3 × 3 each, for tiles of m × m results."""

    m: int
    outs: int
    ins: int


def _channels(code: Code, shared: int, inner: int, block: Callable[[Int, Int, int], None]) -> None:
    """Call block(channel, start, count) for the task's part of the `shared` channels, each with all `inner` ones."""

    def channel(c: Int) -> None:
        whole, rest = divmod(inner, code.width)
        code.loop(0, whole, lambda i: block(c, code.mul(i, code.width), code.width))
        if rest:
            block(c, whole * code.width, rest)

    code.loop(*code.share(shared, code.argument(2, "i64")), channel)


def points_kernel(name: str, job: Weights, strides: tuple[int, ...], machine: Machine) -> tuple[str, int]:
    """The text of kernel(w, values (points, C, O), tasks), with O rounded up to whole vectors, zeros beyond.

    Args:
        name: of the kernel.
        job: the weights.
        strides: of the four dims of w, in elements; negative ones turn the taps around.
        machine: the processor.
    """
    code = Code(name, "float", lanes(machine))
    w, u = code.argument(0), code.argument(1)
    padded = whole_vectors(job.outs, machine)
    by_out, by_in, by_row, by_col = strides

    def block(c: Int, o: Int, count: int) -> None:
        source = code.at(w, code.add(code.mul(c, by_in), code.mul(o, by_out)))

        def taps(row: int, col: int) -> str:
            vector = code.zero
            for i in range(count):
                one = code.scalar(code.at(source, i * by_out + row * by_row + col * by_col))
                vector = code.op(f"insertelement {code.vector} {vector}, float {one}, i64 {i}")
            return vector

        columns = [weight_transform(code, [taps(row, col) for row in range(3)], job.m) for col in range(3)]
        to = code.at(u, code.add(code.mul(c, padded), o))
        for i, row in enumerate(zip(*columns)):
            for j, value in enumerate(weight_transform(code, row, job.m)):
                code.store(value, code.at(to, (i * (job.m + 2) + j) * job.ins * padded))

    _channels(code, job.ins, job.outs, block)
    return code.text(), 0


def taps_kernel(name: str, job: Weights, chunks: int, machine: Machine) -> tuple[str, int]:
    """The text of kernel(sums (chunks, points, O, C), w (O, C, 3, 3), tasks): the chunks are added up, in order.

    O and C of the sums are rounded up to whole vectors.
    """
    code = Code(name, "float", lanes(machine))
    sums, w = code.argument(0), code.argument(1)
    size = job.m + 2
    outs, ins = whole_vectors(job.outs, machine), whole_vectors(job.ins, machine)

    def block(o: Int, c: Int, count: int) -> None:
        source = code.at(sums, code.add(code.mul(o, ins), c))

        def total(point: int) -> str:
            value = code.load(code.at(source, point * outs * ins))
            for k in range(1, chunks):
                value = code.plus(value, code.load(code.at(source, (k * size * size + point) * outs * ins)))
            return value

        columns = [taps_transform(code, [total(i * size + j) for i in range(size)], job.m) for j in range(size)]
        to = code.at(w, code.mul(code.add(code.mul(o, job.ins), c), 9))
        for row, values in enumerate(zip(*columns)):
            for col, value in enumerate(taps_transform(code, values, job.m)):
                for i in range(count):
                    code.put(code.lane(value, i), code.at(to, 9 * i + 3 * row + col))

    _channels(code, job.outs, job.ins, block)
    return code.text(), 0
