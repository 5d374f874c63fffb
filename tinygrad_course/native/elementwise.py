"""Kernels of elementwise formulas on contiguous arrays: all inputs of one shape, one pass, shared among threads."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..config import config
from . import available, count
from .buffers import pointer
from .emit import Module
from .formulas import TYPES, Formula, Unlisted, emit, formula, of_operation
from .host import Target, host
from .values import Value, vector

__all__ = ["CHUNK", "flat", "lanes_for", "pull", "run"]

# Elements of one piece of work: they fit into a core's first cache, and make a piece worth handing over.
CHUNK = 8192

_kernels: dict[Any, Any] = {}


def run(name: str, forward: Callable[..., Any], inputs: Sequence[np.ndarray], params: dict[str, Any]) -> Any:
    """The result of an operation, or None if NumPy is to compute it."""
    x = inputs[0]
    key = name, x.dtype, tuple(params.values())
    kernel = _kernels.get(key, False)
    if kernel is False:
        kernel = _kernels[key] = _made(name, lambda: of_operation(name, forward, [x.dtype], params))
    return _called(name, kernel, inputs, x)


def pull(name: str, rule: Callable[..., Any], g: Any, y: Any, x: Any, params: dict[str, Any]) -> Any:
    """The cotangent of an elementwise operation's input, or None if NumPy is to compute it."""
    key = name, "rule", g.dtype, x.dtype, tuple(params.values())
    kernel = _kernels.get(key, False)
    if kernel is False:
        dtypes = [g.dtype, x.dtype, x.dtype]  # y is of x's dtype
        kernel = _kernels[key] = _made(f"{name} backward", lambda: formula(rule, dtypes, **params))
    if type(kernel) is str:
        return _called(f"{name} backward", kernel, (), g)
    return _called(f"{name} backward", kernel, [(g, y, x)[i] for i in kernel.reads], g)


def _made(name: str, listed: Callable[[], Formula]) -> Any:
    """A kernel, or why there is none."""
    if not available():
        return "not available"
    target = host()
    if target.vector_bytes < 32 and config.kernels != "on":
        return "short vectors"  # NumPy has better code for such processors
    try:
        return Flat(listed(), name, target)
    except Unlisted as reason:
        return f"no formula: {reason}"


def _called(name: str, kernel: Any, inputs: Sequence[Any], like: np.ndarray) -> Any:
    if type(kernel) is str:
        reason = kernel
    elif not all(type(x) is np.ndarray and x.shape == like.shape and x.flags.c_contiguous for x in inputs):
        reason = "not contiguous, or of several shapes"
    elif not all(x.flags.aligned and x.dtype is d for x, d in zip(inputs, kernel.dtypes)):
        reason = "dtype"
    else:
        if config.log_kernels:
            count(name)
        out = np.empty(like.shape, kernel.result)
        kernel.function(*map(pointer, inputs), pointer(out), out.size)
        return out
    if config.log_kernels:
        count(name, reason)
    return None


class Flat:
    """The kernel of a formula with one result.

    Attributes:
        reads: which of the formula's inputs it takes: those that matter.
        dtypes: theirs.
        result: the dtype of the result.
        function: the native function: addresses of the inputs and of the result, and the number of elements.
    """

    def __init__(self, formula: Formula, name: str, target: Target) -> None:
        from . import jit

        used = {x for step in formula.steps for x in step.operands} | set(formula.results)
        self.reads = [i for i in range(len(formula.inputs)) if i in used]
        self.dtypes = [formula.inputs[i] for i in self.reads]
        (result,) = formula.results
        self.result = formula.dtypes[result]
        text = flat(formula, self.reads, target)
        pointers = [ctypes.c_void_p] * (len(self.reads) + 1)
        self.function = jit.load(text, ["kernel"]).function("kernel", *pointers, ctypes.c_int64)


def lanes_for(formula: Formula, target: Target) -> int:
    """As many as the widest numbers of a formula leave room for."""
    return target.lanes(max(d.itemsize for d in formula.dtypes if d.kind != "b") if formula.dtypes else 4)


def flat(formula: Formula, reads: Sequence[int], target: Target) -> str:
    """The text of `kernel(inputs that are read..., results..., n)`; a result may be in the memory of an input."""
    lanes = lanes_for(formula, target)
    module = Module()
    names = [f"x{i}" for i in reads] + [f"y{i}" for i in range(len(formula.results))]

    def piece(f: Any, index: Value) -> None:
        low = index * CHUNK
        high = f.minimum(low + CHUNK, f.n)

        def body(i: Value, mask: Value | None) -> None:
            inputs = [
                load(f, f.arguments[f"x{k}"], i, dtype, lanes, mask)
                if k in reads
                else f.value(vector(lanes, TYPES[dtype]), 0)
                for k, dtype in enumerate(formula.inputs)
            ]
            for k, y in enumerate(emit(formula, inputs, lanes)):
                store(f, y, f.arguments[f"y{k}"], i, mask)

        f.vectors(high, lanes, body, start=low)

    arguments = dict.fromkeys(names, "ptr") | {"n": "i64"}
    module.parallel("kernel", arguments, lambda f: (f.n + (CHUNK - 1)) // CHUNK, piece, overlapping=True)
    return module.text()


def load(f: Any, place: Value, i: Any, dtype: np.dtype, lanes: int, mask: Value | None) -> Value:
    """A vector of an array; booleans, which take a byte each, as bits."""
    scalar = TYPES[dtype]
    if scalar == "i1":
        return f.load(vector(lanes, "i8"), place, i, mask).ne(0)
    return f.load(vector(lanes, scalar), place, i, mask)


def store(f: Any, y: Value, place: Value, i: Any, mask: Value | None) -> None:
    """Write a vector into an array."""
    f.store(y.to("i8") if y.type.endswith(("i1", "i1>")) else y, place, i, mask)
