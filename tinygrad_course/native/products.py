"""Products of matrices in eager mode: `gemm`'s pieces, dealt out to the threads that all kernels share.

NumPy's BLAS has threads of its own. For some 30 ms after each product they look for more work, on the cores that the
kernels want by then: a step of a convolutional network takes twice the time. So what BLAS would give to its threads is
done here.
"""

from __future__ import annotations

import ctypes
import math
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..ops.product import BY_BLAS
from . import gemm, jit
from .buffers import pointer
from .calls import ELEMENTS, note
from .emit import Function, Module
from .host import Target, host
from .values import Value

__all__ = ["matmul", "text"]

# What the kernel reads from its table of numbers: how often to call `gemm`, for each of how many products, the numbers
# that it passes on, and the elements from one matrix to the next.
_PASSED = [name for name, kind in gemm.ARGUMENTS.items() if kind == "i64" and name != "index"]
_NUMBERS = ["pieces", "products", *_PASSED, "a_next", "b_next", "c_next"]


def text(scalar: str, target: Target) -> str:
    """The module: `kernel(a, b, c, numbers)`."""
    module = Module()

    def number(f: Function, name: str) -> Value:
        return f.load("i64", f.numbers, _NUMBERS.index(name))

    def piece(f: Function, index: Value) -> None:
        pieces = number(f, "pieces")
        matrix = index // pieces
        places = [f.at(f.arguments[x], matrix * number(f, f"{x}_next"), scalar) for x in "abc"]
        passed = [number(f, name) for name in _PASSED]
        f.call(f"tc_gemm_{scalar}", "void", *places, Value(f, "null", "ptr"), *passed, index % pieces)

    arguments = dict.fromkeys(["a", "b", "c", "numbers"], "ptr")
    module.parallel("kernel", arguments, lambda f: number(f, "pieces") * number(f, "products"), piece, overlapping=True)
    return module.text()


@cache
def _kernel(scalar: str) -> Any:
    return jit.load(text(scalar, host()), ["kernel"]).function("kernel", *[ctypes.c_void_p] * 4)


class _Plan(NamedTuple):
    """How a product is done: `kernel(a, b, c, numbers)` into a result of this shape."""

    kernel: Any
    shape: tuple[int, ...]
    numbers: np.ndarray
    address: int


@lru_cache(maxsize=1024)
def _plan(
    dtype: np.dtype, other: np.dtype, a: tuple[int, ...], b: tuple[int, ...], a_steps: tuple[int, ...],
    b_steps: tuple[int, ...],
) -> _Plan | str | None:  # fmt: skip
    """The plan for these dtypes, shapes and strides; or why no kernel serves, None where that is not worth a word."""
    if len(a) < 2 or len(b) < 2:
        return None
    m, k, n = *a[-2:], b[-1]
    leading = max(a[:-2], b[:-2], key=len)
    if k != b[-2]:
        return None  # to raise
    if dtype != other or dtype not in ELEMENTS:
        return f"no kernel for {dtype} and {other}"
    if m < gemm.ROWS or n < 4:
        return "few rows or columns"
    if {a[:-2], b[:-2]} - {(), leading}:
        return "batches of several shapes"
    if len(leading) > 1:
        return "batches in several dims"
    size = dtype.itemsize
    scalar = ELEMENTS[dtype]
    job = gemm.plan((m, n, k), scalar, host())
    steps = [step // size for step in (*a_steps[-2:], *b_steps[-2:])]
    nexts = [s[0] // size if len(s) == 3 else 0 for s in (a_steps, b_steps)]
    numbers = np.array(
        [job.pieces, math.prod(leading), m, n, k, *steps, n, job.kc, job.height, *nexts, m * n], np.int64
    )
    return _Plan(_kernel(scalar), (*leading, m, n), numbers, pointer(numbers))


def matmul(a: np.ndarray, b: np.ndarray, out: np.ndarray | None = None) -> np.ndarray | None:
    """The forward pass of `ops.matmul`, or None."""
    if type(b) is not np.ndarray or not b.ndim or a.size * b.shape[-1] <= BY_BLAS:
        return None
    if a.ndim > 2 and out is None and (b.ndim == 2 or (a.ndim > 3 and a.shape[:-2] == b.shape[:-2])):
        # One product of all rows; or one dim of batches
        x, w = (a.reshape(-1, a.shape[-1]), b) if b.ndim == 2 else (y.reshape(-1, *y.shape[-2:]) for y in (a, b))
        y = matmul(x, w)
        return None if y is None else y.reshape(*a.shape[:-1], b.shape[-1])
    plan = _plan(a.dtype, b.dtype, a.shape, b.shape, a.strides, b.strides)
    if not isinstance(plan, _Plan):
        if plan is not None:
            note("matmul", plan)
        return None
    if not (a.flags.aligned and b.flags.aligned and (out is None or out.flags.c_contiguous)):
        note("matmul", "not aligned, or a result that is not contiguous")
        return None
    note("matmul")
    y = np.empty(plan.shape, a.dtype) if out is None else out
    plan.kernel(pointer(a), pointer(b), pointer(y), plan.address)
    return y
