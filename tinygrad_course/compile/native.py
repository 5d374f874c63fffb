"""Native code in place of calls: each run of calls that has code becomes one `Kernel`."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..config import config
from ..native import count
from ..native.buffers import pointer
from .native_segment import Segment, lowers
from .program import Call, Constant, Kernel, Program, SetGrad

__all__ = ["Native", "NativeKernel", "lower"]


class NativeKernel:
    """A segment of a program that can be run: `kernel(*inputs, *outputs)`.

    Attributes:
        llvm_ir: its code as LLVM reads it.
        segment: what it was made from.
    """

    def __init__(self, segment: Segment, name: str) -> None:
        from ..native import jit

        self.segment = segment
        self.llvm_ir = segment.text()
        self.name = name
        self._function = jit.load(self.llvm_ir, ["segment"]).function("segment", ctypes.c_void_p, result=ctypes.c_int64)
        self._inputs = len(segment.inputs)
        self._idle: list[np.ndarray] = []

    def __call__(self, *arrays: np.ndarray) -> None:
        if config.log_kernels:
            count(self.name)
        given = [a if a.flags.carray else np.ascontiguousarray(a) for a in arrays[: self._inputs]]
        try:
            work = self._idle.pop()
        except IndexError:  # the first call, or another thread is in the middle of one
            work = np.empty(self.segment.workspace + 64, np.uint8)
        start = pointer(work)
        table = np.array(
            [start + -start % 64, *map(pointer, given), *map(pointer, arrays[self._inputs :])], np.uint64
        )  # fmt: skip
        refused = self._function(pointer(table))
        self._idle.append(work)
        if refused:
            self._explain(given)

    def _explain(self, given: Sequence[np.ndarray]) -> None:
        """Raise what NumPy would, of values that the code does not take."""
        values = {v.index: v.source.value for v in self.segment.values if isinstance(v.source, Constant)}
        values.update(zip(self.segment.inputs, given))
        with np.errstate(all="ignore"):
            for call in self.segment.calls:
                values[call.outputs[0]] = call.op.forward(*[values[s] for s in call.inputs], **call.params)
        raise RuntimeError(f"{self.name}: values that native code does not take; tc.config.native = False avoids it")


class Native:
    """A program that runs with native kernels, and as one native call if it is a step with nothing else in it.

    Attributes:
        program: with kernels in it.
        step: the whole as one call, or None.
        llvm_ir: the code as LLVM reads it.
    """

    def __init__(self, program: Program) -> None:
        from .native_step import step
        from .replay import Replay

        self.program = lower(program)
        self.replay = Replay(self.program)
        self.step = step(program)

    @property
    def llvm_ir(self) -> str:
        if self.step is not None and self.step.armed:
            return self.step.llvm_ir
        kernels = [i.run for i in self.program.instructions if isinstance(i, Kernel)]
        return "\n".join(kernel.llvm_ir for kernel in kernels if isinstance(kernel, NativeKernel))

    def __call__(self, arguments: Sequence[Any]) -> list[np.ndarray]:
        return self.replay(arguments)


def lower(program: Program) -> Program:
    """The program with native kernels in it."""
    from ..native.host import host

    target = host()
    made: list[Any] = []
    run: list[Any] = []
    last = program.last_reads()
    order = {id(i): n for n, i in enumerate(program.instructions)}

    def flush() -> None:
        calls = [i for i in run if isinstance(i, Call)]
        others = [i for i in run if not isinstance(i, Call)]
        run.clear()
        if len(calls) > 1 or (calls and calls[0].op.name not in ("reshape", "permute", "expand", "alias")):
            made.extend(_kernel(program, calls, others, last, order, target))
            made.extend(others)
        else:
            made.extend(sorted([*calls, *others], key=lambda i: order[id(i)]))

    for i in program.instructions:
        if lowers(i, program.values) or isinstance(i, SetGrad):
            run.append(i)
        else:
            flush()
            made.append(i)
    flush()
    return Program(program.name, program.values, made, program.results, program.structure)


def _kernel(
    program: Program, calls: Sequence[Call], others: Sequence[Any], last: dict[int, int], order: dict[int, int],
    target: Any,
) -> list[Any]:  # fmt: skip
    """A kernel for these calls, and the views that others need, made from its outputs."""
    values = program.values
    end = order[id(calls[-1])]
    made = {s for c in calls for s in c.outputs}
    outside = {s for s in made if last.get(s, -1) > end} | {s for i in others for s in i.reads if s in made}
    views = [c for c in calls if values[c.outputs[0]].memory != c.outputs[0] and c.outputs[0] in outside]
    for view in reversed(views):  # they stay views of what is filled
        outside.discard(view.outputs[0])
        outside |= {s for s in view.inputs if s in made}
    views = [c for c in calls if c in views]
    segment = Segment(program, calls, outside, target)
    name = "+".join(dict.fromkeys(n.name.split(".", 1)[1] for n in segment.nests))[:60]
    kernel = NativeKernel(segment, f"compiled {program.name}: {name}")
    found = Kernel(kernel, tuple(segment.inputs), tuple(segment.outputs), tuple(calls), name, calls[0].where,
                   inplace=segment.inplace())  # fmt: skip
    return [found, *views]
