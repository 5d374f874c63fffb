"""Running a program by NumPy: one Python function, written for it, that is nothing but the calls in their order.

Arrays that are the same in every call (parameters, constants, planned buffers, and views of them) are bound to names
once, so a line is a call on names. When a parameter gets another array, the names are bound anew.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..ops.indexing import filled
from ..overwrites import mark_overwritten
from ..tensor import Tensor
from .lower import VIEWS
from .memory import buffers, plan, touched
from .program import (
    Argument,
    Call,
    Check,
    Constant,
    Effect,
    Executable,
    GradientOf,
    Held,
    Instruction,
    Kernel,
    Program,
    SetData,
    SetGrad,
    Write,
)

__all__ = ["Replay", "lower"]


def lower(program: Program) -> Executable:
    """The program as something to call; see `program.Executable`."""
    return Replay(program)


class Replay:
    """A program, with the functions that run it: one for each thread that is in the middle of a call.

    Attributes:
        program: what it runs.
        plan: where its values live.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.plan = plan(program)
        dynamic = touched(program)
        moved = {id(i.tensor) for i in program.instructions if isinstance(i, SetData)}
        self._held = [
            (v.index, s.tensor)
            for v, s in program.sourced(Held)
            if v.index not in dynamic and id(s.tensor) not in moved
        ]
        self._tensors = [tensor for _, tensor in self._held]
        self._idle: list[tuple[list[np.ndarray], Callable[..., Any]]] = []
        self._lock = threading.Lock()

    def __call__(self, arguments: Sequence[Any]) -> list[np.ndarray]:
        arrays = [x.array for x in self._tensors]
        with self._lock:
            bound = self._idle.pop() if self._idle else None
        if bound is None or not all(map(_is, bound[0], arrays)):
            bound = arrays, _Writer(self, arrays).function()
        try:
            return bound[1](arguments)
        finally:
            with self._lock:
                self._idle.append(bound)


def _is(a: Any, b: Any) -> bool:
    return a is b


class _Writer:
    """Writes the function for one binding of names."""

    def __init__(self, replay: Replay, arrays: Sequence[np.ndarray]) -> None:
        self.program = replay.program
        self.plan = replay.plan
        self.names: dict[str, Any] = {"ndarray": np.ndarray, "wrap": Tensor._wrap, "fit": _fitted}
        self.static: dict[int, np.ndarray | Any] = buffers(self.program, self.plan)
        self.static |= {slot: array for (slot, _), array in zip(replay._held, arrays)}
        self.lines: list[str] = []
        self.at: list[Instruction | None] = []  # whose line it is
        self.dynamic = touched(self.program)
        written = {self.plan.group[i.target] for i in self.program.instructions if isinstance(i, Write)}
        for v, source in self.program.sourced(Constant):
            if self.plan.group[v.index] not in written:
                self.static[v.index] = source.value
        self.last = self.program.last_reads()

    def function(self) -> Callable[..., Any]:
        """The function that runs the program on a sequence of arguments."""
        for v in self.program.values:
            if v.source is not None and v.index not in self.static and v.index not in self.dynamic:
                self._load(v.index)
        self._forget_gradients()
        for n, i in enumerate(self.program.instructions):
            getattr(self, f"_{type(i).__name__.lower()}")(n, i)
            self._forget(n, i)
        self._line(f"return [{', '.join(self._result(slot) for slot in self.program.results)}]", None)
        head = f"def run(args, {', '.join(f'{name}={name}' for name in self.names)}):"
        body = "\n".join(f"  {line}" for line in self.lines)
        scope = {**self.names, "__name__": __name__}
        exec(compile(f"{head}\n{body}\n", f"<compiled {self.program.name}>", "exec"), scope)
        return _speaking(scope["run"], self.at)

    # --- names --------------------------------------------------------------------------------------------------------

    def _line(self, text: str, instruction: Instruction | None) -> None:
        self.lines.append(text)
        self.at.append(instruction)

    def name(self, x: Any, prefix: str) -> str:
        """A name for an object that is bound."""
        name = f"{prefix}{len(self.names)}"
        self.names[name] = x
        return name

    def ref(self, slot: int) -> str:
        """How a slot is written in the function."""
        if slot in self.static:
            name = f"s{slot}"
            self.names[name] = self.static[slot]
            return name
        return f"v{slot}"

    def _load(self, slot: int, instruction: Instruction | None = None) -> None:
        source = self.program.values[slot].source
        if isinstance(source, Argument):
            x = f"args[{source.position}]"
            text = f"{x} if type({x}) is ndarray else {x}.array"
        elif isinstance(source, Held):
            text = f"{self.name(source.tensor, 't')}.array"
        elif isinstance(source, GradientOf):
            leaf = source.leaf
            text = f"{f'args[{leaf.position}]' if isinstance(leaf, Argument) else self.name(leaf, 't')}._grad.array"
        else:
            assert isinstance(source, Constant)
            text = f"{self.name(source.value, 'c')}.copy()"
        self._line(f"v{slot} = {text}", instruction)

    def _result(self, slot: int) -> str:
        source = self.program.values[slot].source
        text = self.ref(slot)
        if isinstance(source, Constant):
            return f"{self.name(np.asarray(source.value), 'c')}.copy()" if slot in self.static else text
        return text

    def _forget_gradients(self) -> None:
        """Let go of gradients that are set anew before anybody looks at them: `zero_grad` would have."""
        read = {id(s.leaf) for _, s in self.program.sourced(GradientOf)}
        for i in self.program.instructions:
            if isinstance(i, Effect):
                return
            if isinstance(i, SetGrad) and isinstance(i.leaf, Tensor) and id(i.leaf) not in read:
                self._setgrad(-1, SetGrad(i.leaf, None))

    def _forget(self, n: int, i: Instruction) -> None:
        """Let go of arrays that nobody reads any more."""
        results = set(self.program.results)
        done = [
            slot for slot in dict.fromkeys((*i.reads, *i.outputs))
            if slot not in self.static and slot not in results and self.last.get(slot, -1) <= n
            and self.program.values[slot].nbytes > 4096
        ]  # fmt: skip
        if done:
            self._line(" = ".join(f"v{slot}" for slot in done) + " = None", i)

    # --- instructions -------------------------------------------------------------------------------------------------

    def _call(self, n: int, i: Call) -> None:
        values = self.program.values
        if i.op.name in VIEWS and all(slot in self.static for slot in i.inputs) and len(i.outputs) == 1:
            base = self.static[i.inputs[0]]
            view = i.op.forward(*[self.static[slot] for slot in i.inputs], **i.params)
            constant = all(isinstance(values[slot].source, Constant) for slot in i.inputs)
            shared = type(base) is np.ndarray and np.may_share_memory(view, base)
            if type(view) is np.ndarray and view.dtype == values[i.outputs[0]].dtype and (constant or shared):
                self.static[i.outputs[0]] = view
                return
        how = self.plan.calls.get(n)
        if how is not None:
            out = values[i.outputs[0]]
            inputs = [self._operand(slot, i) for slot in i.inputs]
            f = self.name(how.function, "f")
            if out.index in self.plan.onto:
                over = self.plan.onto[out.index]
                self._line(f"{f}({', '.join(inputs)}, v{over})", i)
                self._line(f"v{out.index} = v{over}", i)
            elif out.index in self.plan.offset:
                self._line(f"{f}({', '.join(inputs)}, {self.ref(out.index)})", i)
            else:
                empty = self.name(np.empty, "f")
                shape, dtype = self.name(out.shape, "p"), self.name(out.dtype, "p")
                self._line(f"v{out.index} = {empty}({shape}, {dtype})", i)
                self._line(f"{f}({', '.join(inputs)}, v{out.index})", i)
            return
        f = self.name(i.op.forward, "f")
        inputs = [self.ref(slot) for slot in i.inputs]
        inputs += [f"{key}={self.name(value, 'p')}" for key, value in i.params.items()]
        outputs = ", ".join(f"v{slot}" for slot in i.outputs)
        self._line(f"{outputs}{',' if len(i.outputs) > 1 else ''} = {f}({', '.join(inputs)})", i)
        for slot in i.outputs:
            dtype = self.name(values[slot].dtype, "p")
            self._line(
                f"if type(v{slot}) is not ndarray or v{slot}.dtype is not {dtype}: v{slot} = fit(v{slot}, {dtype})", i
            )

    def _operand(self, slot: int, i: Call) -> str:
        """An operand of a ufunc: a number as an array of the dtype that it is converted to, which is quicker."""
        value = self.static.get(slot)
        if type(value) in (int, float, bool):
            kinds = {v.dtype for s in i.inputs if (v := self.program.values[s]).dtype is not None}
            if (
                len(kinds) == 1
                and (dtype := kinds.pop()).kind == "f"
                and self.program.values[i.outputs[0]].dtype == dtype
            ):
                return self.name(np.array(value, dtype), "n")
        return self.ref(slot)

    def _kernel(self, n: int, i: Kernel) -> None:
        for slot in i.outputs:
            over = self.plan.onto.get(slot)
            if over is not None:
                self._line(f"v{slot} = {self.name(_own, 'f')}(v{over})", i)
            elif slot not in self.static:
                v = self.program.values[slot]
                self._line(
                    f"v{slot} = {self.name(np.empty, 'f')}({self.name(v.shape, 'p')}, {self.name(v.dtype, 'p')})", i
                )
        refs = ", ".join(self.ref(slot) for slot in (*i.inputs, *i.outputs))
        self._line(f"{self.name(i.run, 'f')}({refs})", i)

    def _check(self, n: int, i: Check) -> None:
        inputs = [self.ref(slot) for slot in i.inputs]
        inputs += [f"{key}={self.name(value, 'p')}" for key, value in i.params.items()]
        self._line(f"{self.name(i.function, 'f')}({', '.join(inputs)})", i)

    def _write(self, n: int, i: Write) -> None:
        target = self.ref(i.target)
        if i.arrays:
            arrays = ", ".join(self.ref(slot) for slot in i.arrays)
            index = f"{self.name(filled, 'f')}({self.name(i.index, 'p')}, [{arrays}])"
        else:
            index = self.name(i.index, "p")
        self._line(f"{target}[{index}] = {self.ref(i.value)}", i)
        if self.program.values[self.plan.group[i.target]].source is not None:
            self._line(f"{self.name(mark_overwritten, 'f')}({target})", i)

    def _setgrad(self, n: int, i: SetGrad) -> None:
        leaf = f"args[{i.leaf.position}]" if isinstance(i.leaf, Argument) else self.name(i.leaf, "t")
        if i.value is None:
            self._line(f"{leaf}._grad = None", i)
        else:
            copied = ".copy()" if i.value in self.static else ""
            self._line(f"{leaf}._grad = wrap({self.ref(i.value)}{copied})", i)

    def _setdata(self, n: int, i: SetData) -> None:
        x = f"args[{i.tensor.position}]" if isinstance(i.tensor, Argument) else self.name(i.tensor, "t")
        copied = ".copy()" if i.value in self.static else ""
        self._line(f"{x}.array = {self.ref(i.value)}{copied}", i)

    def _effect(self, n: int, i: Effect) -> None:
        f, args = self.name(i.function, "f"), self.name(i.args, "p")
        call = f"{f}(*{args}, **{self.name(i.kwargs, 'p')})" if i.kwargs else f"{f}(*{args})"
        self._line(f"v{i.outputs[0]} = {call}.array" if i.outputs else call, i)
        for slot in i.reloads:
            self._load(slot, i)


def _fitted(y: Any, dtype: np.dtype) -> np.ndarray:
    return np.asarray(y, dtype)


def _own(a: np.ndarray) -> np.ndarray:
    """An array that may be written over; kernels write in C's order."""
    return a if a.flags.carray else np.empty(a.shape, a.dtype)


def _speaking(run: Callable[..., Any], at: Sequence[Instruction | None]) -> Callable[..., Any]:
    """The function, with errors that tell which operation they come from, and where it was called when recorded."""

    def speaking(arguments: Sequence[Any]) -> Any:
        try:
            return run(arguments)
        except Exception as error:
            trace = error.__traceback__
            while trace is not None and trace.tb_frame.f_code is not run.__code__:
                trace = trace.tb_next
            i = at[trace.tb_lineno - 2] if trace is not None else None
            if i is not None:
                what = i.op.name if isinstance(i, Call) else getattr(i, "name", type(i).__name__)
                error.add_note(f"This happened in a compiled call, at {what}" + (f", {i.where}." if i.where else "."))
            raise

    return speaking
