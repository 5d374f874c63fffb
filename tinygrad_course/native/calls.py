"""Calling a kernel on arrays: its arguments, its scratch memory, and how its work is cut into tasks."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from ..config import config
from . import count, jit
from .buffers import pointer
from .conv_direct import Machine
from .host import host
from .pool import threads

__all__ = ["ELEMENTS", "Kernel", "compiled", "dense", "machine", "note", "shares"]

ELEMENTS = {np.dtype(np.float32): "float", np.dtype(np.float64): "double"}


class Kernel(NamedTuple):
    """A compiled kernel, called as `kernel(tasks, *arguments)` with arrays and numbers."""

    function: Any
    scratch: int  # bytes for each task

    def __call__(self, tasks: int, *arguments: Any) -> None:
        values = [a if type(a) is int else pointer(a) for a in arguments]
        self.function((ctypes.c_int64 * len(values))(*values), tasks)


_kept: list[np.ndarray] = []


class Scratch:
    """Memory for a kernel's tasks, lent for the duration of a `with` block and kept for the next."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __enter__(self) -> np.ndarray:
        try:
            self.memory = _kept.pop()
        except IndexError:
            self.memory = np.empty(0, np.uint8)
        if self.memory.size < self.size:
            self.memory = np.empty(self.size, np.uint8)
        return self.memory

    def __exit__(self, *exc: object) -> None:
        if len(_kept) < 2:  # threads may compute at once
            _kept.append(self.memory)


@cache
def machine() -> Machine:
    """This processor's vector widths and registers."""
    widest = host().vector_bytes
    # AVX-512 has twice the registers, for narrower vectors as well.
    return Machine(tuple(w for w in (64, 32, 16) if w <= widest), 32 if widest == 64 else 16)


@cache
def compiled(emit: Callable[..., tuple[str, int]], *job: Any) -> Kernel:
    """The kernel that `emit("kernel", *job)` writes, compiled once."""
    text, scratch = emit("kernel", *job)
    library = jit.load(text, ["kernel"], passes=jit.FAST)
    return Kernel(library.function("kernel", ctypes.c_void_p, ctypes.c_int64), -(-scratch // 64) * 64)


def shares(units: int) -> int:
    """How many tasks to cut `units` of equal work into, where the cut does not show in the result."""
    n = threads()
    return 1 if n == 1 else max(1, min(2 * n, units))


def dense(x: np.ndarray) -> np.ndarray:
    """The array in row-major order at an aligned address: itself if it is so."""
    flags = x.flags
    return x if flags.c_contiguous and flags.aligned else np.require(x, requirements=("C", "A"))


def note(name: str, reason: str = "") -> None:
    """Count a call for `tc.native.report`: of a kernel, or of NumPy for a reason."""
    if config.log_kernels:
        count(name, reason)
