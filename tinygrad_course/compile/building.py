"""The symbolic form: functions cut out of a graph that is built first, as the lecture's Theano does.

While a graph is built, a `Recorder` watches, so all that a compiled function may have is known of it as well: which
values are drawn, which masks are computed, which parameters are read. A function is the part of that recording between
its inputs and its outputs, executed again operation by operation; `Compiled` makes one native call of it, as of any
other function.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .. import dtypes
from ..autograd.modes import no_grad
from ..effects import check
from ..graph import Node, bind, state
from ..ops.inplace import write
from ..tensor import LEAF, Tensor
from .function import CompileError
from .program import Call, Check, Constant, Effect, GradientOf, Held, SetData, SetGrad, Write
from .record import Recorder

__all__ = ["Building", "Expression", "express"]


class Building(Recorder):
    """What `tc.symbolic()` gives: watches how a graph is built.

    Attributes:
        owners: Tensors that require grad, by the slot of their array: who has its array in later calls.
    """

    def __init__(self) -> None:
        super().__init__("symbolic", [])
        self.owners: dict[int, Tensor] = {}

    def _slot_of_tensor(self, x: Tensor) -> int:
        slot = super()._slot_of_tensor(x)
        if x.node is LEAF:
            self.owners[slot] = x
        return slot

    def place(self, x: Tensor) -> int:
        """The slot of a Tensor, which is to be a part of a function.

        Raises:
            CompileError: if the graph cannot be executed again.
        """
        slot = self.slot_of(x)
        if self.failure:
            raise CompileError(f"compile: the graph cannot be executed again: {self.failure}")
        return slot


def express(inputs: Any, outputs: Any, updates: Any) -> Expression:
    """The function from inputs to outputs of the graph that is being built; see `tc.compile`."""
    building = next((o for o in reversed(state.observers) if isinstance(o, Building)), None)
    if building is None:
        raise RuntimeError(
            "compile: inputs and outputs are values of a graph; build it, and compile it, within `with tc.symbolic():`"
        )
    return Expression(building, _tensors(inputs, "inputs"), outputs, _pairs(updates))


def _tensors(given: Any, what: str) -> list[Tensor]:
    found = [given] if isinstance(given, Tensor) else [] if given is None else list(given)
    for i, x in enumerate(found):
        if not isinstance(x, Tensor):
            raise TypeError(f"compile: {what} are Tensors, but number {i} is {type(x).__name__}")
    return found


def _pairs(updates: Any) -> list[tuple[Tensor, Tensor]]:
    """Updates as pairs; both must be Tensors that fit."""
    found: list[tuple[Tensor, Tensor]] = []
    for i, pair in enumerate((updates.items() if isinstance(updates, Mapping) else updates) or ()):
        if not isinstance(pair, Sequence) or len(pair) != 2 or not all(isinstance(x, Tensor) for x in pair):
            raise TypeError(f"compile: updates are pairs (parameter, new value) of Tensors, but number {i} is {pair!r}")
        p, new = pair
        if type(p.node) is Node:
            raise RuntimeError(f"compile: update {i} is of the result of {p.node.name}, but only leaves can be updated")
        if (p.array.shape, p.array.dtype) != (new.array.shape, new.array.dtype):
            raise RuntimeError(
                f"compile: update {i} gives a parameter of {_kind(p.array)} a value of {_kind(new.array)}; "
                "reshape or convert the value"
            )
        for k, (q, _) in enumerate(found):
            if np.may_share_memory(p.array, q.array):
                raise ValueError(
                    f"compile: updates {k} and {i} are of the same parameter, or of memory that they share"
                )
        found.append((p, new))
    return found


def _kind(x: Any) -> str:
    return f"shape {tuple(x.shape)} and dtype {x.dtype}"


class Expression:
    """A part of a graph as a function of Tensors.

    Raises:
        CompileError: if the graph cannot be executed again.
        ValueError: if an input is given twice, is updated, or if nothing depends on it.
    """

    __name__ = "symbolic"

    def __init__(
        self, building: Building, inputs: Sequence[Tensor], outputs: Any, updates: Sequence[tuple[Tensor, Tensor]]
    ) -> None:
        self._building = building
        self._inputs = [building.place(x) for x in inputs]
        self._kinds = [(x.array.shape, x.array.dtype) for x in inputs]
        self._many = not (outputs is None or isinstance(outputs, Tensor))
        self._outputs = [building.place(y) for y in _tensors(outputs, "outputs")]
        self._updated = {building.place(p): p for p, _ in updates}
        self._news = [building.place(new) for _, new in updates]
        self._default = dtypes._default
        self._values: dict[int, Any] = {}
        made = {slot: i for i in building.program.instructions if isinstance(i, Call) for slot in i.outputs}
        needed = self._needed((*self._outputs, *self._news), {*self._inputs, *self._updated}, made)
        self._check_inputs(needed, made)
        self._sources(needed, made)
        self._steps = list(self._instructions(needed))
        # What is a parameter's memory now would be another value after the updates, or in the next call.
        memory = {building.program.values[slot].memory for slot in (*self._inputs, *self._values)}
        slots = {*self._outputs, *self._news}
        self._copied = {slot for slot in slots if building.program.values[slot].memory in memory}
        del self._building

    # --- what it consists of ------------------------------------------------------------------------------------------

    def _needed(self, wanted: Iterable[int], given: set[int], made: dict[int, Call]) -> set[int]:
        """The slots behind some, back to those that are given."""
        found: set[int] = set()
        stack = list(wanted)
        while stack:
            slot = stack.pop()
            if slot not in found:
                found.add(slot)
                if slot in made and slot not in given:
                    stack.extend(made[slot].inputs)
        return found

    def _check_inputs(self, needed: set[int], made: dict[int, Call]) -> None:
        for i, slot in enumerate(self._inputs):
            if slot in self._inputs[:i]:
                raise ValueError(f"compile: inputs {self._inputs.index(slot)} and {i} are the same Tensor")
            if slot in self._updated:
                raise ValueError(f"compile: input {i} is also updated; a parameter is read without being an input")
            if slot not in needed:
                shape = tuple(self._kinds[i][0])
                raise ValueError(f"compile: no output or update depends on input {i}, of shape {shape}; leave it out")
        for slot in self._updated:
            if not self._needed([slot], set(), made).isdisjoint(self._inputs):
                raise ValueError(
                    f"compile: update {list(self._updated).index(slot)} is of a value that is computed from the "
                    "inputs, but only parameters can be updated"
                )

    def _sources(self, needed: set[int], made: dict[int, Call]) -> None:
        """Find what is neither given nor computed: parameters, and constants."""
        values = self._building.program.values
        given = {values[slot].memory for slot in self._inputs}
        for slot in needed - set(self._inputs):
            source = values[slot].source
            if slot in self._updated:
                self._values[slot] = self._updated[slot]
            elif slot in made:
                continue
            elif isinstance(source, GradientOf):
                raise CompileError("compile: the graph reads a .grad; take gradients by tc.autograd.grad")
            elif isinstance(source, Held):
                self._values[slot] = self._building.owners.get(slot, source.tensor)
            elif isinstance(source, Constant):
                self._values[slot] = source.value
            if values[slot].memory in given:
                raise CompileError("compile: the graph reads the memory of an input in two ways (by x.array, or views)")

    def _instructions(self, needed: set[int]) -> Iterator[Call | Check]:
        """What is to be done, in its order."""
        building = self._building
        building.sync()
        values = building.program.values
        memory = {values[slot].memory for slot in needed}
        given = {*self._inputs, *self._updated}
        for i in building.program.instructions:
            if isinstance(i, Call):
                if any(slot in needed and slot not in given for slot in i.outputs):
                    yield i
            elif isinstance(i, Check):
                if all(slot in needed or isinstance(values[slot].source, Constant) for slot in i.inputs):
                    self._values.update(
                        {slot: s.value for slot in i.inputs if isinstance(s := values[slot].source, Constant)}
                    )
                    yield i
            elif not isinstance(i, Write):
                raise CompileError(f"compile: {_done(i)}{_at(i)} is no part of a graph; give `updates` in its place")
            elif values[values[i.target].memory].source is not None or values[i.target].memory in memory:
                raise CompileError(
                    f"compile: a value is changed in place{_at(i)}, which a graph cannot say. Make modules and "
                    "parameters before it, put batch normalization into eval(), and give `updates` for all that changes"
                )

    # --- what it computes ---------------------------------------------------------------------------------------------

    def __call__(self, *given: Any) -> Any:
        self._check_given(given)
        values = dict(self._values)
        with no_grad():
            values.update(zip(self._inputs, [x if isinstance(x, Tensor) else Tensor._wrap(x) for x in given]))
            for i in self._steps:
                inputs = [values[slot] for slot in i.inputs]
                if isinstance(i, Check):
                    check(i.function, *inputs, **i.params)
                    continue
                try:
                    y = bind(i.op, *inputs, **i.params)
                except Exception as error:
                    error.add_note(f"in the graph that was built{_at(i)}")
                    raise
                outs = y if isinstance(y, tuple) else (y,)
                values.update({k: v for k, v in zip(i.outputs, outs) if k not in values})
            owned = {slot: values[slot].clone() for slot in self._copied}
            values.update((slot, owned[slot]) for slot in self._outputs if slot in owned)
            news = [owned.get(slot, values[slot]) for slot in self._news]
            results = [values[slot] for slot in self._outputs]
            for p, new in zip(self._updated.values(), news):
                write(p, ..., new.array, "update")
        return tuple(results) if self._many else results[0] if results else None

    def _check_given(self, given: Sequence[Any]) -> None:
        if len(given) != len(self._kinds):
            raise TypeError(f"{self.__name__} function: expected {len(self._kinds)} inputs, got {len(given)}")
        for i, (x, (shape, dtype)) in enumerate(zip(given, self._kinds)):
            if not isinstance(x, (Tensor, np.ndarray)):
                raise TypeError(
                    f"{self.__name__} function: input {i} must be a Tensor or array, got {type(x).__name__}"
                )
            if tuple(x.shape) != tuple(shape) or x.dtype != dtype:
                raise (ValueError if x.dtype == dtype else TypeError)(
                    f"{self.__name__} function: the graph was built for an input {i} of shape {tuple(shape)} and dtype "
                    f"{dtype}, got {_kind(x)}; build it for these, too"
                )
        if dtypes._default is not self._default:
            raise RuntimeError(
                f"{self.__name__} function: the graph was built while {self._default} was the default dtype, which is "
                f"now {dtypes._default}; build it anew"
            )


def _done(i: Effect | SetGrad | SetData | Any) -> str:
    if isinstance(i, Effect):
        return f"{i.name}()"
    return "setting a .grad (by backward())" if isinstance(i, SetGrad) else "setting a .data"


def _at(i: Any) -> str:
    return f" at {i.where}" if i.where else ""
