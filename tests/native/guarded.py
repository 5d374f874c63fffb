"""Run kernels on arrays that lie at the edge of memory that cannot be touched. Usage: guarded.py FAMILY COUNT [SEED].

Each array is put right before, or right behind, a page without any rights. A kernel that reads or writes one value too
far ends this process with a signal, which the test that started it sees.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from typing import Any

import numpy as np

import tinygrad_course as tc
from tinygrad_course.compile import native as compiled
from tinygrad_course.compile.program import Argument, Constant, Kernel
from tinygrad_course.native import calls, conv, gemm, pooling
from tinygrad_course.nn import functional as F
from tinygrad_course.ops import convolution as conv_ops
from tinygrad_course.ops import pooling as pool_ops

PAGE = mmap.PAGESIZE
mprotect = ctypes.CDLL(None).mprotect
mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


class Guarded:
    """Takes the place of `np` in a module: its new arrays are guarded, at their end or their beginning in turn."""

    def __init__(self) -> None:
        self.turn = 0
        self.kept: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)

    def empty(self, shape: Any, dtype: Any = float) -> np.ndarray:
        self.turn += 1
        return self.place(np.empty(shape, dtype), at_end=self.turn % 2 == 0)

    def zeros(self, shape: Any, dtype: Any = float) -> np.ndarray:
        out = self.empty(shape, dtype)
        out[...] = 0
        return out

    def place(self, x: np.ndarray, *, at_end: bool) -> np.ndarray:
        """A copy whose memory ends, or begins, at a page that cannot be touched."""
        pages = -(-max(x.nbytes, 1) // PAGE)
        memory = mmap.mmap(-1, (pages + 2) * PAGE)
        start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        for page in (start, start + (pages + 1) * PAGE):
            if mprotect(page, PAGE, 0):
                raise OSError("mprotect failed")
        offset = PAGE + (pages * PAGE - x.nbytes if at_end else 0)
        out = np.ndarray(x.shape, x.dtype, memory, offset)
        out[...] = x
        self.kept.append(memory)
        return out


guard = Guarded()


def convolution(rng: np.random.Generator) -> None:
    def whole(low: int, high: int) -> int:
        return int(rng.integers(low, high + 1))

    groups, ins, outs = whole(1, 2), whole(1, 4), whole(1, 9)
    kernel, stride, dilation = ((whole(1, high), whole(1, high)) for high in (5, 2, 2))
    padding = tuple((whole(0, 2), whole(0, 2)) for _ in range(2))
    if rng.random() < 0.5:  # the path that reads the input where it lies
        padding, stride = ((0, 0), (0, 0)), (1, 1)
    space = tuple(d * (k - 1) + 1 + whole(0, 20) for k, d in zip(kernel, dilation))
    dtype = np.float32 if rng.random() < 0.8 else np.float64
    end = bool(rng.random() < 0.7)
    x = guard.place(rng.standard_normal((whole(1, 3), ins * groups, *space)).astype(dtype), at_end=end)
    w = guard.place(rng.standard_normal((outs * groups, ins, *kernel)).astype(dtype), at_end=end)
    b = guard.place(rng.standard_normal(outs * groups).astype(dtype), at_end=end)
    p: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    y = conv.convolution(x, w, b, **p)
    assert y is not None
    g = guard.place(y, at_end=end)
    dx = conv.convolution_transpose(g, w, space=space, **p)
    dw = conv.convolution_weight(g, x, kernel=kernel, **p)
    wanted = (
        conv_ops._convolution(x, w, b, **p),
        conv_ops._convolution_transpose(g, w, space=space, **p),
        conv_ops._convolution_weight(g, x, kernel=kernel, **p),
    )
    for found, want in zip((y, dx, dw), wanted):
        assert found is not None
        np.testing.assert_allclose(found, want, rtol=1e-3, atol=1e-4 * max(1.0, float(np.abs(want).max())))


def winograd(rng: np.random.Generator) -> None:
    def whole(low: int, high: int) -> int:
        return int(rng.integers(low, high + 1))

    padding = ((whole(0, 2), whole(0, 2)), (whole(0, 2), whole(0, 2)))
    end = bool(rng.random() < 0.7)
    x = guard.place(
        rng.standard_normal((whole(1, 5), whole(1, 18), whole(3, 14), whole(3, 14))).astype(np.float32), at_end=end
    )
    w = guard.place(rng.standard_normal((whole(1, 18), x.shape[1], 3, 3)).astype(np.float32), at_end=end)
    b = guard.place(rng.standard_normal(len(w)).astype(np.float32), at_end=end)
    m = 4 if rng.random() < 0.6 else 2
    y = conv._tiled(m, x, w, b, padding, None)
    g = guard.place(y, at_end=end)
    dw = conv._tiled_weight(m, g, x, padding)
    p: dict[str, Any] = {"stride": (1, 1), "padding": padding, "dilation": (1, 1), "groups": 1}
    wanted = conv_ops._convolution(x, w, b, **p), conv_ops._convolution_weight(g, x, kernel=(3, 3), **p)
    for found, want in zip((y, dw), wanted):
        np.testing.assert_allclose(found, want, rtol=1e-3, atol=1e-4 * max(1.0, float(np.abs(want).max())))


def pool(rng: np.random.Generator) -> None:
    def whole(low: int, high: int) -> int:
        return int(rng.integers(low, high + 1))

    kernel, stride = (whole(1, 3), whole(1, 3)), (whole(1, 3), whole(1, 3))
    padding = (whole(0, kernel[0] // 2), whole(0, kernel[1] // 2))
    if rng.random() < 0.5:
        kernel, stride, padding = (2, 2), (2, 2), (0, 0)
    space = (kernel[0] + whole(0, 9), kernel[1] + 3 * stride[1] + whole(0, 30))
    out = tuple(pool_ops.out_length(*v, 1, False) for v in zip(space, kernel, stride, padding))
    end = bool(rng.random() < 0.7)
    x = guard.place(rng.integers(-3, 3, (2, 3, *space)).astype(np.float32), at_end=end)
    p: dict[str, Any] = {"kernel": kernel, "stride": stride, "padding": padding, "out": out}
    y = pooling.pool("max", x, space=space, dilation=(1, 1), **p)
    assert y is not None
    y = guard.place(y, at_end=end)
    place = pooling.pool("place", x, y, space=space, dilation=(1, 1), **p)
    assert place is not None
    place = guard.place(place, at_end=end)
    found = (y, place, pooling.pool("put", y, place, space=space, dilation=(1, 1), **p))
    found += (pooling.pool("sum", x, space=space, **p), pooling.pool("spread", y, space=space, **p))
    wanted = (
        pool_ops._max_pool(x, dilation=(1, 1), **p),
        pool_ops._max_place(x, y, dilation=(1, 1), **p),
        pool_ops._put_in_windows(y, place, space=space, dilation=(1, 1), **p),
        pool_ops._sum_windows(x, space=space, **p),
        pool_ops._spread_windows(y, space=space, **p),
    )
    for mine, want in zip(found, wanted):
        np.testing.assert_array_equal(mine, want)


def product(rng: np.random.Generator) -> None:
    def matrix(rows: int, cols: int) -> np.ndarray:
        way, end = rng.integers(3), bool(rng.random() < 0.7)
        x = rng.standard_normal((rows, cols) if way == 0 else (cols, rows)).astype(dtype)
        x = guard.place(np.repeat(np.repeat(x, 2, 0), 3, 1) if way == 2 else x, at_end=end)
        return x if way == 0 else x.T if way == 1 else x.T[::3, ::2]

    dtype = np.float32 if rng.random() < 0.6 else np.float64
    m, n, k = (int(2 ** rng.uniform(0, high)) for high in (7, 7, 9))
    a, b = matrix(m, k), matrix(k, n)
    bias = guard.place(rng.standard_normal(n).astype(dtype), at_end=True) if rng.random() < 0.5 else None
    out = guard.place(np.full((m, n), np.nan, dtype), at_end=bool(rng.random() < 0.7))
    wanted = a.astype(np.float64) @ b.astype(np.float64) + (0 if bias is None else bias)
    found = gemm.product(a, b, bias, out=out)
    # Each sum errs by at most k units of the sum of the sizes of its terms.
    sizes = np.abs(a) @ np.abs(b) + (0 if bias is None else np.abs(bias))
    assert (np.abs(found - wanted) <= (k + 2) * np.finfo(dtype).eps * sizes).all(), (m, n, k)


def segment(rng: np.random.Generator) -> None:
    """Forward and backward pass of a classifier, and of a regression, compiled: inputs, results and workspace."""

    def whole(low: int, high: int) -> int:
        return int(rng.integers(low, high + 1))

    n, features, classes = whole(1, 40), whole(1, 40), whole(1, 40)
    dtype = np.float32 if rng.random() < 0.7 else np.float64
    ignored, regression = whole(-1, classes), rng.random() < 0.3
    x, w, b = (rng.standard_normal(shape).astype(dtype) for shape in ((n, features), (classes, features), (classes,)))
    t = rng.integers(0, classes, n).astype(np.int32 if rng.random() < 0.3 else np.int64)

    def passes(x: Any, t: Any, *leaves: Any) -> Any:
        leaves = tuple(p.requires_grad_() for p in leaves)
        y = F.linear(x, *leaves)
        if regression:
            loss = F.mse_loss(tc.softmax(y, 1), tc.log_softmax(y, 0).detach())
        else:
            loss = F.cross_entropy(y, t, ignore_index=ignored, reduction="sum")
        return loss, *tc.autograd.grad(loss, leaves), (y.detach() > 0).sum(1)

    run = tc.compile(passes, fullgraph=True, backend="native")
    for _ in range(3):
        wanted = [y.detach().numpy() for y in run(*map(tc.from_numpy, (x, t, w, b)))]
    program = run.entries[-1].run.program
    (kernel,) = (i for i in program.instructions if isinstance(i, Kernel))
    given = {s.position: v.index for v, s in program.sourced(Argument)}
    end = bool(rng.random() < 0.7)
    values = {slot: (x, t, w, b)[place] for place, slot in given.items()}
    values |= {v.index: np.asarray(s.value) for v, s in program.sourced(Constant)}
    inputs = [guard.place(values[slot], at_end=end) for slot in kernel.inputs]
    outputs = [
        guard.place(np.full(v.shape, 7, v.dtype), at_end=end) for v in map(program.values.__getitem__, kernel.outputs)
    ]
    kernel.run(*inputs, *outputs)
    found = dict(zip(kernel.outputs, outputs))
    compared = [(y, want) for slot, want in zip(program.results, wanted) if (y := found.get(slot)) is not None]
    assert compared
    for y, want in compared:
        np.testing.assert_array_equal(y, want)


def slip(rng: np.random.Generator) -> None:
    """What a kernel with a mistake does: reads one value too far."""
    x = guard.place(rng.standard_normal(5), at_end=True)
    np.lib.stride_tricks.as_strided(x, (6,)).sum()


_FAMILIES = {
    "conv": convolution, "gemm": product, "pool": pool, "segment": segment, "winograd": winograd, "slip": slip,
}  # fmt: skip


def main(family: str, count: int, seed: int = 0) -> None:
    for module in (calls, compiled, conv, pooling):
        module.np = guard  # type: ignore[attr-defined]
        if hasattr(module, "WORTH"):
            module.WORTH = 0
    rng = np.random.default_rng(seed)
    for _ in range(count):
        _FAMILIES[family](rng)
        guard.kept.clear()  # what is in use is held by its array
        calls._kept.clear()
    print("ran", count)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
