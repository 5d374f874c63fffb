"""Softmax, its logarithm, and the cross-entropy of classes, along rows of neighbours.

A row stays in the first-level cache while it is read three times: for its largest value, for the sum of the
exponentials of what is below that, and for the results. Blocks of rows are dealt out to the threads.
"""

from __future__ import annotations

import ctypes
import math
from functools import lru_cache
from typing import Any

import numpy as np

from ..ops.loss import check_classes
from . import jit
from .buffers import pointer
from .calls import ELEMENTS, dense, note
from .emit import Function, Module
from .host import Target, host
from .values import Value, vector
from .vecmath import exp, log

__all__ = ["cross_entropy", "log_softmax", "softmax", "softmax_text"]

# Values that a piece of work has about: small ones for many threads, large ones for few calls.
PIECE = 1 << 14


def softmax_text(kind: str, scalar: str, n: int, target: Target) -> str:
    """The text of kernel(x, y, target classes, number of rows) for rows of n values.

    Args:
        kind: "softmax", "log_softmax", or "cross_entropy", whose y has one value for each row.
        scalar: "float" or "double".
        n: the length of a row.
        target: the processor.
    """
    lanes = target.lanes(4 if scalar == "float" else 8)
    while lanes > 4 and lanes >= 2 * n:
        lanes //= 2
    type = vector(lanes, scalar)
    rows_at_once = max(1, PIECE // n)
    module = Module()

    def piece(f: Function, index: Value) -> None:
        first = index * rows_at_once
        with f.loop(first, _smaller(f, first + rows_at_once, f.rows)) as row:
            one_row(f, row)

    def one_row(f: Function, row: Value) -> None:
        start = row * n
        largest, total = f.variable(type, -math.inf), f.variable(type, 0.0)

        def see(i: Value, mask: Value | None) -> None:
            v = f.load(type, f.x, start + i, mask)
            largest.set(f.maximum(largest.get(), v if mask is None else f.select(mask, v, -math.inf)))

        f.vectors(n, lanes, see)
        top = f.largest(largest.get())
        tops = f.value(type, top)

        def add(i: Value, mask: Value | None) -> None:
            e = exp(f.load(type, f.x, start + i, mask) - tops)
            total.set(total.get() + (e if mask is None else f.select(mask, e, 0.0)))
            if kind == "softmax":
                f.store(e, f.y, start + i, mask)

        f.vectors(n, lanes, add)
        whole = f.total(total.get())
        if kind == "softmax":
            factor = f.value(type, f.value(scalar, 1.0) / whole)
            f.vectors(n, lanes, lambda i, m: f.store(f.load(type, f.y, start + i, m) * factor, f.y, start + i, m))
            return
        logs = log(f.value(type, whole))
        if kind == "log_softmax":
            f.vectors(n, lanes, lambda i, m: f.store(f.load(type, f.x, start + i, m) - tops - logs, f.y, start + i, m))
            return
        chosen = f.load(scalar, f.x, start + f.load("i64", f.classes, row))
        f.store(f.lane(logs, 0) - (chosen - top), f.y, row)

    arguments = {"x": "ptr", "y": "ptr", "classes": "ptr", "rows": "i64"}
    module.parallel("kernel", arguments, lambda f: (f.rows + (rows_at_once - 1)) // rows_at_once, piece)
    return module.text()


def _smaller(f: Function, a: Value, b: Value) -> Value:
    return f.select(a < b, a, b)


@lru_cache(maxsize=256)
def _kernel(kind: str, dtype: np.dtype, n: int) -> Any:
    library = jit.load(softmax_text(kind, ELEMENTS[dtype], n, host()), ["kernel"])
    return library.function("kernel", *[ctypes.c_void_p] * 3, ctypes.c_int64)


def _along_rows(kind: str, x: np.ndarray, y: np.ndarray, classes: np.ndarray | None, n: int) -> None:
    note(kind)
    x = dense(x)
    _kernel(kind, x.dtype, n)(pointer(x), pointer(y), 0 if classes is None else pointer(classes), x.size // n)


def _served(kind: str, x: np.ndarray, n: int, rows: bool) -> bool:
    """Whether a kernel serves x, whose n values are to be compared; else a note says why not."""
    if x.dtype not in ELEMENTS:
        note(kind, f"no kernel for {x.dtype}")
    elif not rows:
        note(kind, "not along the last dim")
    else:
        return n > 0
    return False


def softmax(x: np.ndarray, *, dim: int) -> np.ndarray | None:
    """The forward pass of `ops.activation.softmax`, or None."""
    return _rows("softmax", x, dim)


def log_softmax(x: np.ndarray, *, dim: int) -> np.ndarray | None:
    """The forward pass of `ops.activation.log_softmax`, or None."""
    return _rows("log_softmax", x, dim)


def _rows(kind: str, x: np.ndarray, dim: int) -> np.ndarray | None:
    n = x.shape[dim]
    if not _served(kind, x, n, dim in (-1, x.ndim - 1)):
        return None
    y = np.empty(x.shape, x.dtype)
    _along_rows(kind, x, y, None, n)
    return y


def cross_entropy(x: np.ndarray, target: np.ndarray, *, ignore_index: int) -> np.ndarray | None:
    """The forward pass of `ops.loss.cross_entropy` of logits (N, C), or None.

    Raises:
        IndexError: for a target that is no class.
    """
    if not _served("cross_entropy", x, x.shape[1], x.ndim == 2):
        return None
    counted = check_classes("cross_entropy", target, x.shape[1], ignore_index)
    classes = np.ascontiguousarray(target if counted is None else np.where(counted, target, 0), np.int64)
    y = np.empty(len(x), x.dtype)
    _along_rows("cross_entropy", x, y, classes, x.shape[1])
    return y if counted is None else np.where(counted, y, 0)
