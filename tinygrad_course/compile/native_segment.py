"""Part of a program as one native function: which calls it takes, where their values live, and its code.

Values that are only used inside are kept in a workspace, in an order of dims that suits vectors; views of them are
other strides. Calls that work element by element on one shape, one after the other, become one loop whose
intermediate values stay in registers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..native.emit import Module
from ..native.formulas import TYPES, Formula, Step, Unlisted, of_operation
from ..native.host import Target
from .native_nest import Layout, Nest, contiguous, elementwise, tiled
from .native_product import COLUMNS
from .native_rules import RULES, Case
from .program import Call, Constant, Program, Value

__all__ = ["Segment", "lowers"]

_VIEWS = ("permute", "reshape", "expand", "alias")


def lowers(call: Any, values: Sequence[Value]) -> bool:
    """Whether there is native code for an instruction."""
    if not isinstance(call, Call) or call.draws or len(call.outputs) != 1:
        return False
    out = values[call.outputs[0]]
    if out.dtype not in TYPES or not out.size:
        return False
    if any(values[s].dtype is not None and values[s].dtype not in TYPES for s in call.inputs):
        return False
    name = call.op.name
    if name in _VIEWS:
        return values[call.inputs[0]].dtype == out.dtype and len(call.inputs) == 1
    if name in RULES:
        return RULES[name].takes(call, values)
    if not call.op.broadcasts and name != "cast":
        return False
    try:
        _formula(call, values)
    except Unlisted:
        return False
    return True


def _formula(call: Call, values: Sequence[Value]) -> Formula:
    """What an elementwise call computes; Python numbers among its inputs are part of it."""
    if call.op.name == "cast":
        return _conversion(values[call.inputs[0]].dtype, values[call.outputs[0]].dtype)
    sources: dict[int, Any] = {i: values[s].source for i, s in enumerate(call.inputs) if values[s].dtype is None}
    numbers = {i: source.value for i, source in sources.items()}
    arrays = [s for s in call.inputs if values[s].dtype is not None]
    forward = call.op.plain

    def called(*inputs: Any, **params: Any) -> Any:
        rest = iter(inputs)
        return forward(*[numbers[i] if i in numbers else next(rest) for i in range(len(call.inputs))], **params)

    dtypes: list[Any] = [values[s].dtype for s in arrays]
    found = of_operation(call.op.name, called if numbers else forward, dtypes, call.params)
    out: Any = values[call.outputs[0]].dtype
    (result,) = found.results
    if found.dtypes[result] == out:
        return found
    if found.dtypes[result].kind == "f" and out.kind != "f":
        raise Unlisted("floats become integers")
    cast = Step("cast", (result,), found.dtypes[result], out)
    return Formula(found.inputs, (*found.steps, cast), (len(found.dtypes),))


def _conversion(old: Any, new: Any) -> Formula:
    if old == new or (new.kind != "f" and old.kind != "b"):
        raise Unlisted("a view, or a conversion that loses more than digits")
    return Formula((old,), (Step("cast", (0,), old, new),), (1,))


class Segment:
    """Some calls, lowered.

    Args:
        program: whose calls they are.
        calls: in order.
        outside: slots among their outputs that are read elsewhere.
        target: the processor.

    Attributes:
        calls: what it does.
        inputs: slots that must be given, as contiguous arrays.
        outputs: slots that are filled, as contiguous arrays.
        workspace: bytes of scratch memory.
        nests: what is done, for reports: name, pieces.
    """

    # The table of addresses: the workspace, the inputs, the outputs.
    def __init__(self, program: Program, calls: Sequence[Call], outside: set[int], target: Target) -> None:
        self.calls = calls
        self.values = program.values
        self.target = target
        self.module = Module()
        self.nests: list[Nest] = []
        made = [s for c in calls for s in c.outputs]
        read = dict.fromkeys(s for c in calls for s in c.inputs)
        self.layouts: dict[int, Layout] = {}
        self.inputs: list[int] = []
        for slot in read:
            if slot not in made:
                self._given(slot)
        self.outputs = [s for s in made if s in outside]
        first = 1 + len(self.inputs)
        for i, slot in enumerate(self.outputs):
            v = self.values[slot]
            self.layouts[slot] = Layout(first + i, 0, contiguous(v.shape), v.dtype)  # type: ignore[arg-type]
        self.entries = first + len(self.outputs)
        self.workspace = 64  # its first word: whether a nest refuses
        self._last = {s: n for n, c in enumerate(calls) for s in c.inputs}
        self._used: dict[int, int] = {}  # entry of the table -> the last nest that reads it
        self._made: dict[tuple[int, int], int] = {}  # entry of the table and offset -> the nest that writes there
        self._loops: list[tuple[int, list[int], list[int]]] = []  # number, outputs and inputs of elementwise nests
        self._group: list[Call] = []
        self._outside = outside
        for n, call in enumerate(calls):
            self._next(call, calls, n)
        self._flush(calls, len(calls))

    def _given(self, slot: int) -> None:
        v = self.values[slot]
        if v.dtype is None:
            return
        source = v.source
        if isinstance(source, Constant) and source.fixed and v.size <= 4096 and v.memory == slot:
            flat = np.asarray(source.value).reshape(-1)
            uniform = flat.tobytes() == flat[:1].tobytes() * flat.size
            if uniform and math.isfinite(flat[0]):  # no memory: the number is in the code
                self.layouts[slot] = Layout(-1, 0, (0,) * len(v.shape), v.dtype, flat[0].item())
                return
        self.inputs.append(slot)
        self.layouts[slot] = Layout(len(self.inputs), 0, contiguous(v.shape), v.dtype)

    # --- the walk over the calls ----------------------------------------------------------------------------------

    def _next(self, call: Call, calls: Sequence[Call], n: int) -> None:
        values, out = self.values, self.values[call.outputs[0]]
        if self._pointwise(call):
            if self._group:
                shape = values[self._group[0].outputs[0]].shape
                grouped = {c.outputs[0] for c in self._group}
                views = any(s in grouped and values[s].shape != out.shape for s in call.inputs)
                if out.shape != shape or views or len(self._group) >= 24:
                    self._flush(calls, n)
            self._group.append(call)
            return
        self._flush(calls, n)
        name = call.op.name
        if name in _VIEWS:
            self._view(call)
            return
        nest = self._nest(name, None, self.target.lanes(max(out.dtype.itemsize, 4)))  # type: ignore[union-attr]
        inputs = [self.layouts[s] for s in call.inputs]
        rule = RULES[name]
        target = self._place(call.outputs[0], rows=rule.rows)
        self._touches(len(self.nests) - 1, inputs, [target])
        rule.write(Case(nest, call, values, inputs, target, self.target))

    def inplace(self) -> dict[int, tuple[int, ...]]:
        """For each output the inputs whose arrays it may be written into: the loop that makes it reads them last."""
        found = {}
        for nest, outputs, inputs in self._loops:
            over = tuple(s for s in inputs if self._used[self.layouts[s].base] == nest)
            found.update({s: over for s in outputs if s in self.outputs and over})
        return found

    def _pointwise(self, call: Call) -> bool:
        return call.op.name not in _VIEWS and call.op.name not in RULES

    def _flush(self, calls: Sequence[Call], n: int) -> None:
        """Write the loop of the elementwise calls that have been gathered."""
        group, self._group = self._group, []
        if not group:
            return
        values = self.values
        made = [c.outputs[0] for c in group]
        needed = [s for s in made if s in self._outside or self._last.get(s, -1) >= n]
        if not needed:
            return
        shape = values[made[0]].shape
        inputs = [s for s in dict.fromkeys(s for c in group for s in c.inputs) if s not in made]
        inputs = [s for s in inputs if values[s].dtype is not None]
        number = {s: i for i, s in enumerate(inputs)}
        steps: list[Step] = []
        for call in group:
            found = _formula(call, values)
            arrays = [s for s in call.inputs if values[s].dtype is not None]
            names: dict[int, int] = {i: number[s] for i, s in enumerate(arrays)}
            for i, step in enumerate(found.steps):
                operands = tuple(names[x] if isinstance(x, int) else x for x in step.operands)
                steps.append(step._replace(operands=operands))
                names[len(arrays) + i] = len(inputs) + len(steps) - 1
            number[call.outputs[0]] = names[found.results[0]]
        results = tuple(number[s] for s in needed)
        formula = Formula(tuple(values[s].dtype for s in inputs), tuple(steps), results)  # type: ignore[misc]
        wide = max((d.itemsize for d in formula.dtypes if d.kind != "b"), default=4)
        sources = [self.layouts[s].broadcast(values[s].shape, shape) for s in inputs]
        targets = [self._place(s) for s in needed]
        name, lanes = "+".join(dict.fromkeys(c.op.name for c in group)), self.target.lanes(wide)
        straight = [s for s in inputs if s in self.inputs and values[s].shape == shape
                    and sum(x.base == self.layouts[s].base for x in sources) == 1]  # fmt: skip
        host = self._host(sources, lanes)
        if host is None:
            self._nest(name, None, lanes)
            elementwise(self.nests[-1], shape, formula, sources, targets)
        else:  # while the part of the matrix that a thread has made is in its cache
            nest = self.nests[host]
            straight = [s for s in straight if self._used.get(self.layouts[s].base) != host]
            nest.name += "." + name
            tiled(nest, nest.tile(), formula, sources, targets)  # type: ignore[misc]
        home = len(self.nests) - 1 if host is None else host
        self._touches(home, sources, targets)
        self._loops.append((home, needed, straight))

    def _host(self, sources: Sequence[Layout], lanes: int) -> int | None:
        """The product of matrices whose pieces can go on with a formula: it makes the last of the sources."""
        made = [self._made.get((x.base, x.offset), -1) for x in sources]
        host = max(made, default=-1)
        if host < 0 or self.nests[host].tile is None or self.nests[host].lanes != lanes:
            return None
        return host if all(x == self.nests[host].result for x, n in zip(sources, made) if n == host) else None

    def _nest(self, name: str, dtype: np.dtype | None, lanes: int = 0) -> Nest:
        lanes = lanes or self.target.lanes(dtype.itemsize)  # type: ignore[union-attr]
        nest = Nest(self.module, f"n{len(self.nests)}.{name[:40].replace('+', '.')}", lanes)
        self.nests.append(nest)
        return nest

    def _touches(self, number: int, reads: Sequence[Layout], writes: Sequence[Layout]) -> None:
        """Note what a nest reads and writes."""
        for x in reads:
            self._used[x.base] = max(number, self._used.get(x.base, -1))
        self._made.update({(x.base, x.offset): number for x in writes})

    def _place(self, slot: int, rows: bool = False) -> Layout:
        """Where a value goes: to its array outside, or into the workspace, its longest dim innermost if that helps.

        `rows` keeps those of a product of matrices.
        """
        if slot not in self.layouts:
            v = self.values[slot]
            order = list(range(len(v.shape)))
            rows = rows and len(order) > 0 and v.shape[-1] >= COLUMNS
            if not rows and len(order) > 1 and v.shape[-1] < self.target.lanes(4) and max(v.shape) > v.shape[-1]:
                longest = max(order, key=lambda i: v.shape[i])
                order.remove(longest)
                order.append(longest)
            steps = contiguous([v.shape[i] for i in order])
            strides = [0] * len(order)
            for i, s in zip(order, steps):
                strides[i] = s
            self.layouts[slot] = Layout(0, self.workspace, tuple(strides), v.dtype)  # type: ignore[arg-type]
            self.workspace += -(-v.nbytes // 64) * 64
        return self.layouts[slot]

    def _view(self, call: Call) -> None:
        (source,), (slot,) = call.inputs, call.outputs
        old, new, x = self.values[source].shape, self.values[slot].shape, self.layouts[source]
        found: Layout | None = None
        if call.op.name == "permute":
            found = x._replace(strides=tuple(x.strides[d] for d in call.params["dims"]))
        elif call.op.name == "expand":
            found = x.broadcast(old, new)
        elif old == new:
            found = x
        elif x.strides == contiguous(old):
            found = x._replace(strides=contiguous(new))
        elif x.value is not None:
            found = x._replace(strides=(0,) * len(new))
        if slot in self._outside or found is None:  # a copy
            shape = old if found is None else new
            made = self.layouts.get(slot)
            if made is None:
                made = Layout(0, self.workspace, contiguous(new), x.dtype)
                self.workspace += -(-self.values[slot].nbytes // 64) * 64
                self.layouts[slot] = made
            lanes = self.target.lanes(max(x.dtype.itemsize, 4))
            nest = self._nest("copy", None, lanes)
            self._touches(len(self.nests) - 1, [x], [made])
            same = Formula((x.dtype,), (), (0,))
            if found is None:
                elementwise(nest, shape, same, [x], [made._replace(strides=contiguous(old))])
            else:
                elementwise(nest, shape, same, [found], [made])
            return
        self.layouts[slot] = found

    # --- the whole ------------------------------------------------------------------------------------------------

    def text(self, name: str = "segment") -> str:
        """The code: a function of the table of addresses that runs the nests in order, and gives 0.

        It gives another number as soon as a nest refuses the values it gets.
        """
        f = self.module.define(name, {"table": "ptr"}, result="i64")
        flag = f.load("ptr", f.table)
        f.store(f.value("i64", 0), flag)
        for nest in self.nests:
            if nest.pieces > 1:
                f.call("tc_parallel", "void", _symbol(f, nest), f.table, f.value("i64", nest.pieces))
            else:
                f.line(f'call void @"{nest.f.symbol}"(ptr %table, i64 0)')
            if nest.refuses:
                refused = f.load("i64", flag)
                with f.when(refused.ne(0)):
                    f.leave(refused)
        f.line("ret i64 0")
        return self.module.text()


def _symbol(f: Any, nest: Nest) -> Any:
    from ..native.values import Value as Emitted

    return Emitted(f, f"@{nest.f.symbol}", "ptr")
