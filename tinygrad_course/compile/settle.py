"""Believe a recording when a second one, of another call, says the same.

Optimizers make their state in the first step, and gradients are None before it, so the first recordings of a function
may differ; and what a function computes out of sight (a mask drawn by NumPy, a number taken from an array) looks like a
constant in one recording, but not in two.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..tensor import Tensor
from .program import Argument, Call, Check, Constant, Effect, Held, Program, SetData, SetGrad, Write
from .record import Recorder

__all__ = ["settle"]


def settle(first: Recorder, second: Recorder) -> tuple[Program | None, str]:
    """The program that both recordings are of, or None and what differs."""
    a, b = _outside(first, second), _outside(second, first)
    if len(a) != len(b):
        which = (b if len(b) > len(a) else a)[min(len(a), len(b))]
        return None, f"one call did {len(a)} things, the next one {len(b)}: {_told(which)} only happened in one of them"
    used: dict[int, int] = {}
    for x, y in zip(a, b):
        difference = _differ(x, y)
        if difference:
            return None, f"{_told(y)}: {difference}"
        for p, q in zip((*x.reads, *x.outputs), (*y.reads, *y.outputs)):
            if used.setdefault(p, q) != q:
                return None, f"{_told(y)} used other values in one call than in the next"
    program = second.program
    if len(first.program.results) != len(program.results) or not _same(first.program.structure, program.structure):
        return None, "one call returned something else than the next"
    for p, q in zip(first.program.results, program.results):
        if used.setdefault(p, q) != q:
            return None, "one call returned other values than the next"
    for (x, _), (y, _) in zip(first.gradients, second.gradients):
        if x is not y and first.place_of(x) != second.place_of(y):
            return None, f"a leaf of shape {tuple(y.shape)} was not the same in two calls"
    for x, y in zip(first.results, second.results):
        if not isinstance(y, Tensor) and not _same(x, y):
            return (
                None,
                f"one call returned {x!r:.40}, the next one {y!r:.40}, which is no Tensor and so looks constant",
            )
    constants: dict[int, Constant] = {}
    for p, q in used.items():
        difference = _unite(first, second, p, q, constants)
        if difference:
            where = next((i.where for i in b if q in i.reads), None)
            return None, difference + (f", used at {where}" if where else "")
    for slot, source in constants.items():
        program.values[slot].source = source
    program.instructions = b
    return program, ""


def _outside(recorder: Recorder, other: Recorder) -> list[Any]:
    """The instructions, without gradients of leaves that were made inside the call."""
    return [
        i for i in recorder.program.instructions
        if not isinstance(i, SetGrad) or isinstance(i.leaf, Argument) or id(i.leaf) in other.seen
    ]  # fmt: skip


def _told(i: Any) -> str:
    name = i.op.name if isinstance(i, Call) else i.name if isinstance(i, Effect) else type(i).__name__.lower()
    return f"{name} at {i.where}" if i.where else name


def _differ(x: Any, y: Any) -> str:
    """What is not the same about two instructions, apart from the values they work on; "" if nothing."""
    if type(x) is not type(y) or len(x.reads) != len(y.reads) or len(x.outputs) != len(y.outputs):
        return f"there was {_told(x)} in another call"
    if isinstance(x, Call):
        if x.op is not y.op and (x.op.name != y.op.name or getattr(x.op, "cls", x) is not getattr(y.op, "cls", y)):
            return f"there was {_told(x)} in another call"
        if not _same(x.params, y.params):
            return f"its parameters were {x.params} in another call, and are {y.params}"
    elif isinstance(x, Write):
        if not _same(x.index, y.index):
            return f"it wrote at {x.index} in another call, and at {y.index}"
    elif isinstance(x, Check):
        if not _same(x.params, y.params):
            return f"its parameters were {x.params} in another call, and are {y.params}"
    elif isinstance(x, SetGrad):
        if (x.leaf is not y.leaf and x.leaf != y.leaf) or (x.value is None) != (y.value is None):
            return "the gradient of another leaf was set, or there was none"
    elif isinstance(x, SetData):
        if x.tensor is not y.tensor and x.tensor != y.tensor:
            return "another tensor was given new data"
    elif x.owner is not y.owner and not (
        isinstance(x.owner, list) and list(map(id, x.owner)) == list(map(id, y.owner))
    ):
        return "it acted on something else in another call"
    elif x.name != y.name or len(x.reloads) != len(y.reloads):
        return "it did something else in another call"
    return ""


def _same(a: Any, b: Any) -> bool:
    """Whether two parameters are equal: of the same type, nested, NaN equal to itself."""
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    if isinstance(a, dict):
        return list(a) == list(b) and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, slice):
        return (a.start, a.stop, a.step) == (b.start, b.stop, b.step)
    if callable(a) and getattr(a, "__code__", a) is getattr(b, "__code__", b):
        return True
    return bool(a == b) or (a != a and b != b)


def _unite(first: Recorder, second: Recorder, p: int, q: int, constants: dict[int, Constant]) -> str:
    """Decide where a value comes from that both calls used; gives what speaks against it."""
    x, y = first.program.values[p], second.program.values[q]
    if (x.shape, x.dtype, x.memory == p) != (y.shape, y.dtype, y.memory == q):
        return f"a value has shape {x.shape} and dtype {x.dtype} in one call, {y.shape} and {y.dtype} in the next"
    a, b = x.source, y.source
    if type(a) is not type(b):
        return f"a value of shape {y.shape} came from somewhere else in another call"
    if a is None or a == b:
        return ""
    if isinstance(a, Held) and isinstance(b, Held):
        if a.tensor is b.tensor:
            return ""
        if np.may_share_memory(a.tensor.array, b.tensor.array):
            return (
                f"a value of shape {y.shape} is a view of memory that lives outside of the call, made out of sight "
                "(from x.array, or x.detach() of a tensor that the function's code does not name)"
            )
        values = _original(first, p, a.tensor.array), _original(second, q, b.tensor.array)
    elif isinstance(a, Constant) and isinstance(b, Constant):
        values = _original(first, p, a.value), _original(second, q, b.value)
    elif getattr(a, "leaf", a) is getattr(b, "leaf", b):
        return ""
    else:
        return f"a value of shape {y.shape} came from somewhere else in another call"
    if isinstance(values[0], np.ndarray) and _one_place(*values):
        constants[q] = Constant(values[1], fixed=False)
        return ""
    if not _same(*values):
        return (
            f"a value of shape {y.shape} was not the same in two calls, but no operation has computed it: it was made "
            "out of sight, by Python, NumPy or through x.array, or kept from the call before"
        )
    constants[q] = Constant(values[1])
    return ""


def _one_place(a: np.ndarray, b: Any) -> bool:
    """Whether two arrays, both alive, are one, or the same view of one."""
    return a is b or (
        isinstance(b, np.ndarray)
        and a.base is not None
        and a.__array_interface__ == b.__array_interface__
        and a.dtype == b.dtype
    )


def _original(recorder: Recorder, slot: int, value: Any) -> Any:
    return recorder.before.get(slot, value)
