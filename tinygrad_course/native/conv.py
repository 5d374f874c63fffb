"""Convolution of arrays by native kernels: which kernel serves, and its call.

`convolution`, `convolution_transpose` and `convolution_weight` take what the operations of those names take, and give
None where NumPy is to serve: kernels are for one and two dimensions, float32 and float64, kernels up to 32 wide, and
work that is worth a call. What comes in any order of memory goes out in the plain one, (N, C, *S) row by row.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ..config import config
from .calls import ELEMENTS, Kernel, Scratch, compiled, dense, machine, note, shares
from .conv_direct import Correlation, Phase, Taps, correlation_kernel
from .conv_weight import weight_kernel
from .conv_winograd import winograd_kernel, winograd_weight_kernel
from .pool import threads
from .winograd_unit import Winograd, plan, whole_vectors
from .winograd_weight import Weights, points_kernel, taps_kernel

__all__ = ["convolution", "convolution_transpose", "convolution_weight"]

Ints = tuple[int, ...]
Pads = tuple[tuple[int, int], ...]

# Below so many multiplications NumPy is as fast.
WORTH = 1 << 19
# In how many chunks the batch's gradients in a weight are summed at most: the result must not depend on the threads.
CHUNKS = 16
# From so many channels on both sides, Winograd's algorithm pays.
CHANNELS = 32


class Geometry(NamedTuple):
    """A convolution in two dimensions (one of length 1 is put in front where there is one)."""

    element: str
    x: Ints  # (N, C, H, W)
    w: Ints  # (O, C / groups, K, L)
    out: Ints  # (H', W')
    stride: Ints
    padding: Pads
    dilation: Ints
    groups: int

    @property
    def work(self) -> int:
        """The number of multiplications."""
        return self.x[0] * math.prod(self.w) * math.prod(self.out)

    @property
    def pointwise(self) -> bool:
        """Whether each window is one place, every place has one, and nothing is padded: rows may be joined then."""
        return self.w[2:] == self.stride == (1, 1) and not any(map(any, self.padding))


def _geometry(
    dtype: np.dtype, x: Ints, w: Ints, out: Ints, stride: Ints, padding: Pads, dilation: Ints, groups: int
) -> Geometry | str:
    """The geometry, or why no kernel serves."""
    if dtype not in ELEMENTS:
        return f"no kernel for {dtype}"
    if len(out) == 1:
        x, w, out = (*x[:2], 1, x[2]), (*w[:2], 1, w[2]), (1, *out)
        stride, padding, dilation = (1, *stride), ((0, 0), *padding), (1, *dilation)
    if len(out) != 2:
        return "no kernel for three dimensions"
    geometry = Geometry(ELEMENTS[dtype], x, w, out, stride, padding, dilation, groups)
    if geometry.work < WORTH or min(x) == 0:
        return "too little work"
    if w[3] > 32:
        return "the kernel is too wide"
    return geometry


# --- Forward, and the gradient in x -------------------------------------------------------------------------------


def _forward_job(q: Geometry, bias: bool) -> Correlation:
    (_, _, height, width), (outs, ins, kh, kw), (oh, ow) = q.x, q.w, q.out
    if q.pointwise:
        height, width, oh, ow = 1, height * width, 1, oh * ow
    rows = Taps(kh, 0, 1, -q.padding[0][0], q.dilation[0])
    cols = Taps(kw, 0, 1, -q.padding[1][0], q.dilation[1])
    outs //= q.groups
    return Correlation(
        q.element, ins, outs, q.groups, height, width, oh, ow, stride=q.stride, spacing=(1, 1),
        phases=(Phase(rows, cols, oh, ow, 0, 0),), kernel_width=kw, weight_out=ins * kh * kw, weight_in=kh * kw,
        weight_group=outs * ins * kh * kw, bias=bias,
    )  # fmt: skip


def _transposed_taps(kernel: int, stride: int, pad: int, dilation: int, phase: int) -> Taps:
    """The taps k that meet the places phase + stride · r, from the place r + (phase + pad - k · dilation) / stride."""
    taps = [k for k in range(kernel) if (phase + pad - k * dilation) % stride == 0]
    if not taps:
        return Taps(0, 0, 1, 0, 1)
    step = taps[1] - taps[0] if len(taps) > 1 else stride
    return Taps(len(taps), taps[0], step, (phase + pad - taps[0] * dilation) // stride, -(step * dilation) // stride)


def _transposed_job(q: Geometry) -> Correlation:
    (_, channels, height, width), (outs, ins, kh, kw), (oh, ow) = q.x, q.w, q.out
    if q.pointwise:
        height, width, oh, ow = 1, height * width, 1, oh * ow
    phases = []
    for a in range(min(q.stride[0], height)):
        rows = _transposed_taps(kh, q.stride[0], q.padding[0][0], q.dilation[0], a)
        for b in range(min(q.stride[1], width)):
            cols = _transposed_taps(kw, q.stride[1], q.padding[1][0], q.dilation[1], b)
            phases.append(
                Phase(rows, cols, len(range(a, height, q.stride[0])), len(range(b, width, q.stride[1])), a, b)
            )
    outs //= q.groups
    return Correlation(
        q.element, outs, channels // q.groups, q.groups, oh, ow, height, width, stride=(1, 1), spacing=q.stride,
        phases=tuple(phases), kernel_width=kw, weight_out=kh * kw, weight_in=ins * kh * kw,
        weight_group=outs * ins * kh * kw, bias=False,
    )  # fmt: skip


@lru_cache(maxsize=256)
def _forward(
    dtype: np.dtype, x: Ints, w: Ints, stride: Ints, padding: Pads, dilation: Ints, groups: int, bias: bool
) -> tuple[Kernel, Ints] | str:
    """The kernel of a convolution, and the shape of its result."""
    out = tuple(
        (n + sum(p) - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in zip(x[2:], w[2:], stride, padding, dilation)
    )
    q = _geometry(dtype, x, w, out, stride, padding, dilation, groups)
    if isinstance(q, str):
        return q
    return compiled(correlation_kernel, _forward_job(q, bias), machine()), (x[0], w[0], *out)


@lru_cache(maxsize=256)
def _transposed(
    dtype: np.dtype, g: Ints, w: Ints, space: Ints, stride: Ints, padding: Pads, dilation: Ints, groups: int
) -> tuple[Kernel, Ints] | str:
    shape = (g[0], w[1] * groups, *space)
    q = _geometry(dtype, shape, w, g[2:], stride, padding, dilation, groups)
    if math.prod(stride) > 9:
        return "the stride is too large"
    if isinstance(q, str):
        return q
    return compiled(correlation_kernel, _transposed_job(q), machine()), shape


def _correlate(
    kernel: Kernel, shape: Ints, groups: int, x: np.ndarray, w: np.ndarray, b: np.ndarray | None
) -> np.ndarray:
    y = np.empty(shape, x.dtype)
    units, parts = shape[0] * groups, 1
    if units < threads():  # a few images only: cut the output channels
        parts = min(-(-2 * threads() // units), shape[1] // groups)
    tasks = shares(units * parts)
    x, w = dense(x), dense(w)
    b = None if b is None else dense(b)
    with Scratch(kernel.scratch * tasks) as scratch:
        kernel(tasks, x, w, 0 if b is None else b, y, scratch, kernel.scratch, units * parts, tasks, parts)
    return y


def convolution(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None = None, *, stride: Ints, padding: Pads, dilation: Ints,
    groups: int,
) -> np.ndarray | None:  # fmt: skip
    """The forward pass of `ops.convolution`, or None."""
    if x.dtype != weight.dtype or (bias is not None and bias.dtype != x.dtype):
        note("convolution", "mixed dtypes")
        return None
    m = _tile_size(x.dtype, x.shape, weight.shape, stride, padding, dilation, groups)
    if m:
        note("convolution")
        return _tiled(m, x, weight, bias, padding, None)
    found = _forward(x.dtype, x.shape, weight.shape, stride, padding, dilation, groups, bias is not None)
    if isinstance(found, str):
        note("convolution", found)
        return None
    note("convolution")
    return _correlate(*found, groups, x, weight, bias)


def convolution_transpose(
    g: np.ndarray, weight: np.ndarray, *, space: Ints, stride: Ints, padding: Pads, dilation: Ints, groups: int
) -> np.ndarray | None:
    """The forward pass of `ops.convolution_transpose`, or None."""
    if g.dtype != weight.dtype:
        note("convolution_transpose", "mixed dtypes")
        return None
    shape = (g.shape[0], weight.shape[1] * groups, *space)
    m = _tile_size(g.dtype, shape, weight.shape, stride, padding, dilation, groups)
    if m:
        note("convolution_transpose")
        turned = weight.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1]
        return _tiled(m, g, turned, None, tuple((2 - lo, 2 - hi) for lo, hi in padding), space)
    found = _transposed(g.dtype, g.shape, weight.shape, space, stride, padding, dilation, groups)
    if isinstance(found, str):
        note("convolution_transpose", found)
        return None
    note("convolution_transpose")
    return _correlate(*found, groups, g, weight, None)


# --- The gradient in the weight -----------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _weight(
    dtype: np.dtype, g: Ints, x: Ints, kernel: Ints, stride: Ints, padding: Pads, dilation: Ints, groups: int
) -> tuple[Kernel, Ints] | str:
    shape = (g[1], x[1] // groups, *kernel)
    q = _geometry(dtype, x, shape, g[2:], stride, padding, dilation, groups)
    if isinstance(q, str):
        return q
    return compiled(weight_kernel, _forward_job(q, False), machine()), shape


def convolution_weight(
    g: np.ndarray, x: np.ndarray, *, kernel: Ints, stride: Ints, padding: Pads, dilation: Ints, groups: int
) -> np.ndarray | None:
    """The forward pass of `ops.convolution_weight`, or None."""
    if g.dtype != x.dtype:
        note("convolution_weight", "mixed dtypes")
        return None
    weight = (g.shape[1], x.shape[1] // groups, *kernel)
    # Long sums at the points of tiles cost digits that tiles of 2 × 2 do not win back.
    if _tile_size(x.dtype, x.shape, weight, stride, padding, dilation, groups) == 4:
        note("convolution_weight")
        return _tiled_weight(4, g, x, padding)
    found = _weight(g.dtype, g.shape, x.shape, kernel, stride, padding, dilation, groups)
    if isinstance(found, str):
        note("convolution_weight", found)
        return None
    note("convolution_weight")
    run, shape = found
    images = len(x)
    chunks = min(images, max(4, min(CHUNKS, (1 << 22) // math.prod(shape))))
    sums = np.zeros((chunks, *shape), x.dtype)
    g, x = dense(g), dense(x)
    with Scratch(run.scratch * chunks) as scratch:
        run(chunks, g, x, sums, scratch, run.scratch, images, chunks)
    return sums[0] if chunks == 1 else np.add.reduce(sums, 0)


# --- By Winograd's algorithm --------------------------------------------------------------------------------------


def _tile_size(
    dtype: np.dtype, x: Ints, w: Ints, stride: Ints, padding: Pads, dilation: Ints, groups: int
) -> int:  # fmt: skip
    """The m of tiles of m × m results that serve best, or 0 for the direct kernels."""
    if w[2:] != (3, 3) or min(w[:2]) < CHANNELS or groups != 1 or dtype != np.float32:
        return 0
    return _fitting_tiles(config.winograd == "fast", x, w, stride, padding, dilation)


@lru_cache(maxsize=256)
def _fitting_tiles(fast: bool, x: Ints, w: Ints, stride: Ints, padding: Pads, dilation: Ints) -> int:
    if stride != (1, 1) or dilation != (1, 1) or max(map(max, padding)) > 2:
        return 0
    out = [n + lo + hi - 2 for n, (lo, hi) in zip(x[2:], padding)]
    if x[0] * math.prod(w) * math.prod(out) < WORTH:
        return 0
    for m in (4, 2) if fast else (2,):
        done = math.prod(-(-n // m) * m for n in out)  # with what tiles compute beyond the edge
        if done <= (1.6 if m == 4 else 1.25) * math.prod(out):
            return m
    return 0


@lru_cache(maxsize=256)
def _tiled_plan(
    m: int, x: Ints, outs: int, out: Ints, padding: Pads, bias: bool, weight: bool
) -> tuple[Winograd, Kernel]:  # fmt: skip
    job = plan(Winograd(m, x[1], outs, x[2], x[3], out[0], out[1], padding[0][0], padding[1][0], bias, 0, 0))
    return job, compiled(winograd_weight_kernel if weight else winograd_kernel, job, machine())


def _tiled(
    m: int, x: np.ndarray, w: np.ndarray, b: np.ndarray | None, padding: Pads, out: Ints | None
) -> np.ndarray:  # fmt: skip
    """The convolution of x with weights w, forward or turned for the gradient in x."""
    if out is None:
        out = tuple(n + lo + hi - 2 for n, (lo, hi) in zip(x.shape[2:], padding))
    job, run = _tiled_plan(m, x.shape, w.shape[0], out, padding, b is not None, False)
    u = _at_points(m, w)
    x = dense(x)
    b = None if b is None else dense(b)
    y = np.empty((len(x), w.shape[0], *out), x.dtype)
    units = -(-len(x) // job.images) * job.chunks
    tasks = shares(units)
    with Scratch(run.scratch * tasks) as scratch:
        run(tasks, x, u, 0 if b is None else b, y, scratch, run.scratch, len(x), units, tasks)
    return y


def _at_points(m: int, w: np.ndarray) -> np.ndarray:
    """Weights (O, C, 3, 3) at the points, (points, C, O)."""
    if not w.flags.aligned:
        w = w.copy()
    outs, ins = w.shape[:2]
    run = compiled(points_kernel, Weights(m, outs, ins), tuple(step // w.itemsize for step in w.strides), machine())
    u = np.empty(((m + 2) ** 2, ins, whole_vectors(outs, machine())), w.dtype)
    tasks = shares(ins)
    run(tasks, w, u, tasks)
    return u


def _tiled_weight(m: int, g: np.ndarray, x: np.ndarray, padding: Pads) -> np.ndarray:
    outs, ins = g.shape[1], x.shape[1]
    job, run = _tiled_plan(m, x.shape, outs, g.shape[2:], padding, False, True)
    units = -(-len(x) // job.images) * job.chunks
    chunks = min(units, 4 if outs * ins > 1 << 12 else 8)
    sums = np.empty((chunks, job.points, *(whole_vectors(n, machine()) for n in (outs, ins))), x.dtype)
    g, x = dense(g), dense(x)
    with Scratch(run.scratch * chunks) as scratch:
        run(chunks, g, x, sums, scratch, run.scratch, len(x), units, chunks)
    w = np.empty((outs, ins, 3, 3), x.dtype)
    tasks = shares(outs)
    compiled(taps_kernel, Weights(m, outs, ins), chunks, machine())(tasks, sums, w, tasks)
    return w
