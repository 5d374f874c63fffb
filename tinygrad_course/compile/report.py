"""Programs in words, numbers and pictures."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..graph import Spec
from .lower import VIEWS
from .passes import fusion_groups
from .program import Argument, Call, Constant, Effect, GradientOf, Held, Instruction, Kernel, Program, SetData, SetGrad

if TYPE_CHECKING:
    from ..viz.picture import Picture

__all__ = ["Graph", "Line", "Report", "listing", "report"]


def listing(program: Program) -> str:
    """The program as text: one instruction a line, as `%out = op(%in, ...)`."""
    lines = [f"{program.name}:"]
    for v in program.values:
        if v.source is not None and not (isinstance(v.source, Constant) and v.dtype is None):
            lines.append(f"  %{v.index}: {v.dtype}{list(v.shape)} = {_source(v.source)}")
    for i in program.instructions:
        outputs = ", ".join(f"%{slot}: {_kind(program, slot)}" for slot in i.outputs)
        lines.append(f"  {outputs + ' = ' if outputs else ''}{_text(program, i)}")
    lines.append(f"  return {', '.join(_ref(program, slot) for slot in program.results)}")
    return "\n".join(lines)


def _kind(program: Program, slot: int) -> str:
    v = program.values[slot]
    return f"{v.dtype}{list(v.shape)}"


def _ref(program: Program, slot: int) -> str:
    v = program.values[slot]
    return repr(v.source.value) if isinstance(v.source, Constant) and v.dtype is None else f"%{slot}"


def _source(source: Any) -> str:
    if isinstance(source, Argument):
        return f"argument {source.position}"
    if isinstance(source, Held):
        return f"held {type(source.tensor).__name__}"
    return "gradient" if isinstance(source, GradientOf) else "constant"


def _text(program: Program, i: Instruction) -> str:
    reads = [_ref(program, slot) for slot in i.reads]
    if isinstance(i, Call):
        reads += [f"{k}={v}" for k, v in i.params.items() if v is not None]
        return f"{i.op.name}({', '.join(reads)})"
    if isinstance(i, Effect):
        return f"{type(i.owner).__name__}.{i.name}()"
    if isinstance(i, Kernel):
        return f"{i.name}({', '.join(reads)})"
    name = {"SetGrad": "set_grad", "SetData": "set_data"}.get(type(i).__name__, type(i).__name__.lower())
    return f"{name}({', '.join(reads) or 'None'})"


# --- Numbers ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Line:
    """One instruction in a report.

    Attributes:
        name: what is done.
        shape: of the (first) output.
        nbytes: of memory that is read and written.
        flops: floating-point operations.
        seconds: that it took, the fastest of several runs; None where it was not measured.
        where: the line of the recorded code.
    """

    name: str
    shape: tuple[int, ...] | None
    nbytes: int
    flops: int
    seconds: float | None
    where: str | None


@dataclass(slots=True)
class Report:
    """What a compiled program consists of.

    Attributes:
        lines: one for each instruction.
        recorded: how many instructions the recording had.
        buffers: bytes of planned memory.
        unshared: bytes that the same values would take without sharing.
        backend: what runs the program.
    """

    name: str
    lines: list[Line]
    recorded: int
    buffers: int
    unshared: int
    backend: str

    @property
    def flops(self) -> int:
        """Floating-point operations of one call."""
        return sum(line.flops for line in self.lines)

    @property
    def nbytes(self) -> int:
        """Bytes that the instructions read and write in one call."""
        return sum(line.nbytes for line in self.lines)

    def __str__(self) -> str:
        rows = [("operation", "output", "bytes", "flops", "µs", "at")]
        for line in self.lines:
            shape = "" if line.shape is None else str(tuple(line.shape))
            took = "" if line.seconds is None else f"{line.seconds * 1e6:,.1f}"
            rows.append((line.name, shape, f"{line.nbytes:,}", f"{line.flops:,}", took, line.where or ""))
        widths = [max(len(row[k]) for row in rows) for k in range(6)]
        table = [
            "  ".join(
                cell.ljust(width) if k in (0, 1, 5) else cell.rjust(width)
                for k, (cell, width) in enumerate(zip(row, widths))
            ).rstrip()
            for row in rows
        ]
        head = (
            f"{self.name}: {len(self.lines)} instructions of {self.recorded} recorded, backend {self.backend}, "
            f"{self.flops:,} flops, {self.nbytes:,} bytes read and written, buffers of {self.buffers:,} bytes "
            f"({self.unshared:,} without sharing)"
        )
        return "\n".join([head, *table])

    __repr__ = __str__


def report(name: str, recorded: Program, program: Program, run: Any) -> Report:
    """The report of a program; each pure call is timed on values of its shapes."""
    from ..viz.flops import flops

    lines = []
    for i in program.instructions:
        out = program.values[i.outputs[0]] if i.outputs else None
        view = isinstance(i, Call) and i.op.name in VIEWS
        moved = 0 if view else sum(program.values[slot].nbytes for slot in (*i.reads, *i.outputs))
        count = 0
        if isinstance(i, (Call, Kernel)):
            for call in (i,) if isinstance(i, Call) else i.calls:
                shapes = [program.values[slot].shape for slot in call.inputs]
                count += flops(call.op.name, shapes, program.values[call.outputs[0]].shape, call.params)
        seconds = _timed(program, i) if isinstance(i, Call) and not i.draws else None
        text = i.op.name if isinstance(i, Call) else _text(program, i).split("(")[0]
        lines.append(Line(text, None if out is None else out.shape, moved, count, seconds, i.where))
    plan = getattr(run, "plan", None)
    return Report(
        name, lines, len(recorded.instructions), getattr(plan, "size", 0), getattr(plan, "unplanned", 0),
        type(run).__module__.rpartition(".")[2],
    )  # fmt: skip


def _timed(program: Program, call: Call) -> float | None:
    """Seconds of one call on made-up values."""
    inputs: list[Any] = []
    rng = np.random.default_rng(0)
    for slot in call.inputs:
        v = program.values[slot]
        if isinstance(v.source, Constant):
            inputs.append(v.source.value)
        elif v.dtype is not None and v.dtype.kind == "f":
            inputs.append(rng.random(v.shape).astype(v.dtype) + v.dtype.type(0.1))
        else:
            inputs.append(np.zeros(v.shape, v.dtype))
    best = None
    try:
        for _ in range(5):
            start = time.perf_counter()
            call.op.forward(*inputs, **call.params)
            took = time.perf_counter() - start
            best = took if best is None else min(best, took)
    except (ArithmeticError, RuntimeError, ValueError, IndexError):
        return None  # an operation that made-up values do not suit
    return best


# --- Pictures ---------------------------------------------------------------------------------------------------------


class Graph:
    """A program that `tc.viz.draw` draws.

    Args:
        program: the program.
        fused: frame what can run as one loop.
    """

    def __init__(self, program: Program, fused: bool) -> None:
        self.program = program
        self.fused = fused

    def __str__(self) -> str:
        return listing(self.program)

    def picture(self) -> Picture:
        """The program as vertices and edges."""
        from ..viz.build import Builder
        from ..viz.picture import Cluster, Vertex

        program = self.program
        builder = Builder({})
        keys: dict[int, str] = {}
        scopes: dict[int, tuple[str, ...]] = {}
        for number, group in enumerate(fusion_groups(program) if self.fused else ()):
            scope = (f"fused{number}",)
            builder.picture.clusters[scope] = Cluster(f"fused {number + 1}", "one loop")
            scopes.update(dict.fromkeys(group, scope))

        def key_of(slot: int) -> str | None:
            v = program.values[slot]
            if slot not in keys and v.source is not None and v.dtype is not None:
                if isinstance(v.source, Constant):
                    return None
                kind = "input" if isinstance(v.source, Argument) else "parameter"
                builder.names = {id(v): f"{_source(v.source)}"}
                keys[slot] = builder.source(kind, v)
            return keys.get(slot)

        def shown(slot: int) -> Any:
            v = program.values[slot]
            return v.source.value if isinstance(v.source, Constant) else Spec(v.shape, v.dtype)  # type: ignore[arg-type]

        for n, i in enumerate(program.instructions):
            key = f"node{n}"
            if isinstance(i, Call):
                out = program.values[i.outputs[0]]
                builder.call(
                    key, i.op.name, [shown(slot) for slot in i.inputs], i.params, [key_of(slot) for slot in i.inputs],
                    Spec(out.shape, out.dtype), scope=scopes.get(n, ()), where=i.where,  # type: ignore[arg-type]
                )  # fmt: skip
            else:
                kind = "output" if isinstance(i, (SetGrad, SetData, Effect)) else "op"
                builder.picture.add(Vertex(key, kind, _text(program, i).split("(")[0], where=i.where))
                for slot in i.reads:
                    source = key_of(slot)
                    if source is not None:
                        builder.picture.connect(source, key)
            keys.update(dict.fromkeys(i.outputs, key))
        for k, slot in enumerate(program.results):
            v = program.values[slot]
            builder.output(k, len(program.results), Spec(v.shape, v.dtype), key_of(slot))  # type: ignore[arg-type]
        picture = builder.finish()
        for vertex in picture.vertices.values():
            if not isinstance(vertex.value, np.ndarray):
                vertex.value = None
        return picture
