"""Products of matrices in native code: which are done by the function of `native.gemm`, and the call of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from ..native import gemm
from ..native.emit import Function
from ..native.formulas import TYPES
from ..native.host import Target
from ..native.values import Value
from .native_nest import Layout, Nest, Tile

__all__ = ["COLUMNS", "is_large", "large_product"]

# From so many multiplications on, and with so many rows and columns; else the tiles would be empty for the most part.
LEAST, ROWS, COLUMNS = 16_384, 4, 8
# From so many on a product is shared among threads: about 10 µs.
SHARED = 393_216
# Up to so many bytes of the left matrix; it is read once for each panel of the right one.
LEFT = 1 << 23


def is_large(sizes: tuple[int, int, int], shapes: Sequence[tuple[int, ...]], itemsize: int) -> bool:
    """Whether a product of sizes (M, N, K) is for `gemm`."""
    m, n, k = sizes
    matrices = len(shapes[0]) == len(shapes[1]) == 2
    return matrices and m * n * k >= LEAST and m >= ROWS and n >= COLUMNS and m * k * itemsize <= LEFT


def large_product(
    nest: Nest, sizes: tuple[int, int, int], a: Layout, b: Layout, out: Layout, bias: Layout | None, target: Target
) -> bool:
    """out[m, n] = Σ a[m, k] b[k, n] (+ bias[n]) by `gemm`; False if the operands do not lie in memory as it needs."""
    f, scalar = nest.f, TYPES[out.dtype]
    operands = [a, b, out] if bias is None else [a, b, out, bias]
    rows = out.strides[1] == 1 and (bias is None or bias.strides[0] == 1)
    if not rows or any(x.value is not None for x in operands):
        return False
    job = gemm.plan(sizes, scalar, target)
    bases = [nest.base(x) for x in operands]
    if bias is None:
        bases.append(Value(f, "null", "ptr"))
    numbers = (*sizes, *a.strides, *b.strides, out.strides[0], job.kc, job.height)

    def piece(index: Value) -> None:
        f.call(f"tc_gemm_{scalar}", "void", *bases, *(f.value("i64", x) for x in numbers), index)

    if math.prod(sizes) < SHARED:
        with f.loop(0, job.pieces) as index:
            piece(index)
    else:
        nest.pieces = job.pieces
        piece(f.index)
        width = gemm.VECTORS * nest.lanes
        if sizes[1] % width == 0:
            nest.result = out
            nest.tile = partial(_tile, f, job, sizes[0], sizes[1] // width, width)
    return True


def _tile(f: Function, job: gemm.Job, rows: int, panels: int, width: int) -> Tile:
    """The part of the result that the piece `f.index` gives."""
    top = f.index // panels * job.height
    return Tile(top, f.minimum(top + job.height, rows), f.index % panels * width, width)
