"""Batch, layer, group and instance norm: groups of values that share a mean and a deviation.

In memory an array is [lead][group][inner]: the values of a group are `lead` runs of `inner` neighbours. For a batch
norm of (N, C, H, W) that is [N][C][H · W], for a layer norm [1][rows][features]. A group is one thread's work: three
passes over values that stay in its cache. Sums are made of each run first, and then of the runs, which loses fewer
digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from .calls import ELEMENTS, Kernel, compiled, dense, machine, note, shares
from .ir import Code, Int

__all__ = ["affine", "channel_sums", "combine", "layout", "mean_product", "standardize"]

Ints = tuple[int, ...]

# Sums that are carried at a time, so that one addition need not wait for another.
SUMS = 4


class Norm(NamedTuple):
    """What is to be done: "standardize", "product", "sum", "combine" or "affine"."""

    kind: str
    element: str
    inner: int


def layout(shape: Ints, kept: Sequence[bool]) -> tuple[int, int, int] | None:
    """(lead, groups, inner) where the kept dims are neighbours; dims of length 1 are anywhere."""
    sizes, part = [1, 1, 1], 0
    for n, keep in zip(shape, kept):
        if n == 1:
            continue
        if keep and part == 0:
            part = 1
        elif not keep and part == 1:
            part = 2
        elif keep and part == 2:
            return None
        sizes[part] *= n
    # Without kept dims all is one run.
    return (sizes[0], sizes[1], sizes[2]) if part else (1, 1, sizes[0])


def norm_kernel(name: str, job: Norm, widths: tuple[int, ...]) -> tuple[str, int]:
    """The text of the kernel; it needs no scratch memory.

    Arguments: lead, groups, tasks, then for each kind: "standardize" x, y, mean, variance, ε; "product" a, b, means;
    "sum" x, sums; "affine" x, weight, bias, y; "combine" a, b, c, d, e, y with b, d and e by groups.
    """
    size = 4 if job.element == "float" else 8
    lanes = next((w // size for w in widths if w // size <= job.inner), widths[-1] // size)
    code = Code(name, job.element, lanes)
    lead, groups, tasks = (code.argument(i, "i64") for i in range(3))
    emit = {
        "standardize": _standardize, "product": _product, "sum": _sum, "combine": _combine, "affine": _affine
    }[job.kind]  # fmt: skip
    start, stop = code.share(groups, tasks)
    runs = _Runs(code, job.inner, lead, groups)
    count = runs.length()
    code.loop(start, stop, lambda group: emit(code, runs, group, count))
    return code.text(), 0


class _Runs(NamedTuple):
    """The runs of a group in memory."""

    code: Code
    inner: int
    lead: Int
    groups: Int

    def length(self) -> str:
        """The number of values in a group, as a scalar of the elements' type."""
        kind = self.code.element
        return self.code.op(f"sitofp i64 {self.code.mul(self.lead, self.inner)} to {kind}")

    def each(self, group: Int, body: Callable[[Int, int | None], None]) -> None:
        """Call body(place, lanes) for all vectors of a group; lanes is None for whole ones."""

        def term(place: Int, lanes: int | None) -> str:
            body(place, lanes)
            return ""

        self.total(group, term, sums=False)

    def total(self, group: Int, term: Callable[[Int, int | None], str], *, sums: bool = True) -> str:
        """The sum over a group of the vectors term(place, lanes), whose lanes beyond must be 0: a scalar."""
        code, width = self.code, self.code.width
        full, rest = divmod(self.inner, width)
        many = min(SUMS, full)

        def run(a: Int, *outer: str) -> list[str]:
            base = code.mul(code.add(code.mul(a, self.groups), group), self.inner)

            def block(i: Int, *inner: str) -> list[str]:
                place = code.add(base, code.mul(i, many * width))
                terms = [term(code.add(place, k * width), None) for k in range(many)]
                return [code.plus(s, t) for s, t in zip(inner, terms)]

            found = code.loop(0, full // many if many else 0, block, *[code.zero] * (many if sums else 0))
            more = [(k * width, None) for k in range(full - full % many, full)] if many else []
            for offset, lanes in [*more, *([(full * width, rest)] if rest else [])]:
                found.append(term(code.add(base, offset), lanes))
            if not sums:
                return []
            while len(found) > 1:
                found = [*(code.plus(a, b) for a, b in zip(found[::2], found[1::2])), *found[len(found) // 2 * 2 :]]
            return [code.plus(outer[0], found[0])]

        totals = code.loop(0, self.lead, run, *[code.zero] * sums)
        return code.lane(code.sums(totals), 0) if sums else ""


def _ratio(code: Code, a: str, b: str) -> str:
    return code.op(f"fdiv {code.element} {a}, {b}")


def _standardize(code: Code, runs: _Runs, group: Int, count: str) -> None:
    x, y, means, variances = (code.argument(i) for i in range(3, 7))
    eps = code.scalar(code.argument(7))
    mean = _ratio(code, runs.total(group, lambda at, lanes: code.load(code.at(x, at), lanes)), count)
    middle = code.spread(mean)

    def deviation(at: Int, lanes: int | None) -> str:
        d = code.op(f"fsub {code.vector} {code.load(code.at(x, at), lanes)}, {middle}")
        return d if lanes is None else code.first_lanes(d, lanes)

    def square(at: Int, lanes: int | None) -> str:
        d = deviation(at, lanes)
        return code.op(f"fmul {code.vector} {d}, {d}")

    variance = _ratio(code, runs.total(group, square), count)
    kind = code.element
    root = code.call(kind, f"llvm.sqrt.f{8 * code.bytes}", (kind, code.op(f"fadd {kind} {variance}, {eps}")))
    one = code.op(f"uitofp i1 true to {kind}")
    scale = code.spread(_ratio(code, one, root))
    runs.each(group, lambda at, lanes: code.store(
        code.op(f"fmul {code.vector} {deviation(at, lanes)}, {scale}"), code.at(y, at), lanes
    ))  # fmt: skip
    code.put(mean, code.at(means, group))
    code.put(variance, code.at(variances, group))


def _product(code: Code, runs: _Runs, group: Int, count: str) -> None:
    a, b, means = (code.argument(i) for i in range(3, 6))

    def term(at: Int, lanes: int | None) -> str:
        left, right = code.load(code.at(a, at), lanes), code.load(code.at(b, at), lanes)
        return code.op(f"fmul {code.vector} {left}, {right}")

    code.put(_ratio(code, runs.total(group, term), count), code.at(means, group))


def _sum(code: Code, runs: _Runs, group: Int, count: str) -> None:
    x, sums = (code.argument(i) for i in range(3, 5))
    total = runs.total(group, lambda at, lanes: code.load(code.at(x, at), lanes))
    code.put(total, code.at(sums, group))


def _affine(code: Code, runs: _Runs, group: Int, count: str) -> None:
    x, weights, biases, y = (code.argument(i) for i in range(3, 7))
    weight, bias = (code.spread(code.scalar(code.at(p, group))) for p in (weights, biases))
    runs.each(group, lambda at, lanes: code.store(
        code.fma(code.load(code.at(x, at), lanes), weight, bias), code.at(y, at), lanes
    ))  # fmt: skip


def _combine(code: Code, runs: _Runs, group: Int, count: str) -> None:
    a, bs, c, ds, es, y = (code.argument(i) for i in range(3, 9))
    b, d, e = (code.spread(code.scalar(code.at(p, group))) for p in (bs, ds, es))

    def values(at: Int, lanes: int | None) -> None:
        rest = code.fma(code.load(code.at(c, at), lanes), d, e)
        code.store(code.fma(code.load(code.at(a, at), lanes), b, rest), code.at(y, at), lanes)

    runs.each(group, values)


# --- Calling them -------------------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def _plan(kind: str, dtype: np.dtype, shape: Ints, kept: tuple[bool, ...]) -> tuple[Kernel, int, int] | str:
    """The kernel, lead and groups; or why NumPy is to serve."""
    if dtype not in ELEMENTS:
        return f"no kernel for {dtype}"
    found = layout(shape, kept)
    if found is None or found[2] < 8:
        return "no kernel for this order of dims"
    lead, groups, inner = found
    return compiled(norm_kernel, Norm(kind, ELEMENTS[dtype], inner), machine().widths), lead, groups


def _run(name: str, kind: str, x: np.ndarray, kept: tuple[bool, ...], *arrays: np.ndarray) -> bool:
    """Run a kernel; False where none serves."""
    plan = _plan(kind, x.dtype, x.shape, kept)
    if isinstance(plan, str):
        note(name, plan)
        return False
    note(name)
    kernel, lead, groups = plan
    tasks = shares(groups) if x.size >= 1 << 14 else 1
    kernel(tasks, lead, groups, tasks, *arrays)
    return True


def _plain(*arrays: np.ndarray) -> bool:
    return all(a.flags.c_contiguous and a.dtype == arrays[0].dtype for a in arrays)


def standardize(x: np.ndarray, *, axes: Ints, eps: float) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """The forward pass of `ops.standardize`, or None."""
    if not _plain(x):
        return None
    small = tuple(1 if a in axes else n for a, n in enumerate(x.shape))
    y, mean, variance = np.empty_like(x), np.empty(small, x.dtype), np.empty(small, x.dtype)
    kept = tuple(a not in axes for a in range(x.ndim))
    epsilon = np.full(1, eps, x.dtype)
    return (y, mean, variance) if _run("standardize", "standardize", x, kept, x, y, mean, variance, epsilon) else None


def mean_product(a: np.ndarray, b: np.ndarray, *, axes: Ints) -> np.ndarray | None:
    """The forward pass of `ops.mean_product`, or None."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return None
    kept = tuple(i not in axes for i in range(a.ndim))
    if isinstance(_plan("product", a.dtype, a.shape, kept), str):
        return None
    a, b = dense(a), dense(b)
    out = np.empty(tuple(1 if i in axes else n for i, n in enumerate(a.shape)), a.dtype)
    return out if _run("mean_product", "product", a, kept, a, b, out) else None


def channel_sums(g: np.ndarray) -> np.ndarray | None:
    """The sum of g (N, C, *S) over all but the channels, or None."""
    if not _plain(g):
        return None
    out = np.empty(g.shape[1], g.dtype)
    return out if _run("channel_sums", "sum", g, tuple(i == 1 for i in range(g.ndim)), g, out) else None


def _kept(x: np.ndarray, *small: np.ndarray) -> tuple[bool, ...] | None:
    """Along which dims arrays of one value for each group vary; None if they are not such."""
    shape = small[0].shape
    if len(shape) != x.ndim or any(s.shape != shape for s in small) or not _plain(x, *small):
        return None
    if any(n not in (1, m) for n, m in zip(shape, x.shape)):
        return None
    return tuple(n != 1 for n in shape)


def affine(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray | None:
    """The forward pass of `ops.affine`, or None."""
    kept = _kept(x, weight, bias)
    if kept is None:
        return None
    y = np.empty_like(x)
    return y if _run("affine", "affine", x, kept, x, weight, bias, y) else None


def combine(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray, e: np.ndarray) -> np.ndarray | None:
    """The forward pass of `ops.combine`, or None."""
    if a.shape != c.shape or a.dtype != c.dtype:
        return None
    a, c = dense(a), dense(c)
    kept = _kept(a, b, d, e)
    if kept is None or math.prod(e.shape) == 0:
        return None
    y = np.empty_like(a)
    return y if _run("combine", "combine", a, kept, a, b, c, d, e, y) else None
