"""Recording: run a function once, for real, and write down what it does as a program.

Values are known by their arrays: every array that an operation makes, or that comes from outside, has a slot. What is
read but was made neither by an operation nor outside must have been computed out of sight; `settle` finds it out, by
comparing the recordings of two calls.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import effects
from ..autograd.tree import flatten
from ..graph import Node, Observer
from ..ops.indexing import ARRAY
from ..overwrites import owner
from ..tensor import LEAF, Tensor
from .program import (
    Argument,
    Call,
    Check,
    Constant,
    Effect,
    GradientOf,
    Held,
    Program,
    SetData,
    SetGrad,
    Write,
)

__all__ = ["Recorder"]

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def calling_line() -> str | None:
    """The file and line outside this package that is being executed."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back  # type: ignore[assignment]
    return None if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


class Recorder(Observer):
    """Writes down one call.

    Args:
        name: of the function.
        arguments: the leaves of its arguments; those that are no Tensors or arrays are passed over.
        leaves: Tensors outside of the call whose `.grad` may matter.

    Attributes:
        program: what was seen so far.
        failure: why the call cannot be repeated, or None.
        wanting: arguments that the function makes require grad.
        live: results in a graph that backward has not used up.
        split: the number of the first instruction of the pass back from them (see `joint.pull`).
        gradients: leaves that it reaches, with their gradients.
        results: the leaves of what the function returned.
        seen: the Tensors that were met, by id, so that another recording can tell which of them live outside.
        before: values that constants had before they were written to, by slot.
    """

    traces = True

    def __init__(self, name: str, arguments: Sequence[Any], leaves: Sequence[Tensor] = ()) -> None:
        self.program = Program(name)
        self.arguments = list(arguments)
        self.failure: str | None = None
        self.wanting = [i for i, x in enumerate(arguments) if isinstance(x, Tensor) and x.node is None]
        self.live: list[Tensor] = []
        self.split = 0
        self.gradients: list[tuple[Tensor, Any]] = []
        self.results: list[Any] = []
        self.seen: dict[int, Tensor] = {}
        self.before: dict[int, np.ndarray] = {}
        self._slots: dict[int, int] = {}
        self._kept: list[Any] = []  # so that no id comes back
        self._memory: dict[int, list[tuple[np.ndarray, int]]] = {}
        self.initial: dict[int, tuple[Tensor, bool]] = {}  # leaves, and whether they had a gradient at the start
        self._numbers: dict[tuple[type, Any], int] = {}
        self._arrays: dict[int, tuple[Tensor, np.ndarray]] = {}  # Tensors from outside, and their arrays as last known
        self._grads: dict[int, tuple[Tensor, Tensor | None]] = {}  # leaves, and their gradients as last known
        self._touched: dict[int, Effect] = {}
        self._touched_grads: dict[int, Effect] = {}
        self._places: dict[int, int] = {}
        self._outside: dict[int, Tensor] = {}  # by the array
        for leaf in leaves:
            self._meet(leaf)
            self._outside.setdefault(id(leaf.array), leaf)
            self._kept.append(leaf.array)
        for position, x in enumerate(arguments):
            if isinstance(x, Tensor):
                self._places.setdefault(id(x), position)
                self._meet(x)
                self._arrays[id(x)] = x, x.array
            if isinstance(x, (Tensor, np.ndarray)):
                array = x.array if isinstance(x, Tensor) else x
                if id(array) not in self._slots:
                    self._enter(array, Argument(position))

    # --- slots --------------------------------------------------------------------------------------------------------

    def _enter(self, array: np.ndarray, source: Any) -> int:
        """A new slot for an array."""
        base = owner(array)
        neighbours = self._memory.setdefault(id(base), [])
        memory = None
        for other, slot in neighbours:
            if np.may_share_memory(other, array):
                memory = self.program.values[slot].memory
                break
        index = self.program.add(array.shape, array.dtype, source, memory, array.flags.c_contiguous)
        neighbours.append((array, index))
        self._slots[id(array)] = index
        self._kept.append(array)
        return index

    def enter_argument(self, array: np.ndarray, position: int) -> None:
        """An argument that the function has not got."""
        self._enter(array, Argument(position))

    def place_of(self, x: Tensor) -> int:
        """Which argument a Tensor is; a negative number of its own if it is none."""
        return self._places.get(id(x), -1 - id(x))

    def _meet(self, x: Tensor) -> None:
        """A Tensor takes part; from now on changes of its gradient are noticed."""
        self.seen.setdefault(id(x), x)
        if x.node is LEAF and id(x) not in self._grads:
            self._grads[id(x)] = x, x._grad
            self.initial[id(x)] = x, x._grad is not None

    def slot_of(self, x: Any) -> int:
        """The slot of an operand; a new one if it comes from outside."""
        if isinstance(x, Tensor):
            return self._slot_of_tensor(x)
        if isinstance(x, np.ndarray):
            known = self._slots.get(id(x))
            return self._enter(x, Constant(x)) if known is None else known
        key = type(x), x
        if key not in self._numbers or x == 0:  # 0.0 and -0.0 are equal, but not the same
            self._numbers[key] = self.program.add((), getattr(x, "dtype", None), Constant(x), -1)
        return self._numbers[key]

    def _slot_of_tensor(self, x: Tensor) -> int:
        self._meet(x)
        slot = self._slots.get(id(x.array))
        if slot is not None:
            return slot
        if type(x.node) is Node:
            self.fail(
                f"it uses a tensor of shape {tuple(x.shape)} in a graph that was recorded outside of the call "
                "(pass x.detach(), or compute it inside)"
            )
        x = self._outside.get(id(x.array), x)  # what x.detach() shares is read through x
        source: Any = Held(x)
        effect = self._touched.get(id(x))
        for leaf, grad in self._grads.values():
            if grad is not None and grad.array is x.array:
                place = self._places.get(id(leaf))
                source = GradientOf(leaf if place is None else Argument(place))
                effect = self._touched_grads.get(id(leaf))
        if effect is None:
            self._arrays.setdefault(id(x), (x, x.array))
        slot = self._enter(x.array, source)
        if effect is not None:
            effect.reloads += (slot,)
            self._arrays[id(x)] = x, x.array
        return slot

    def _masks(self, slot: int) -> bool:
        """Whether it is a mask that may be another one in the next call."""
        v = self.program.values[slot]
        return v.dtype in (np.bool_, np.uint8) and not isinstance(v.source, Constant)

    def fail(self, why: str) -> None:
        """The call cannot be repeated; it goes on all the same."""
        if self.failure is None:
            where = calling_line()
            self.failure = f"{why}, at {where}" if where else why

    # --- what happens -------------------------------------------------------------------------------------------------

    def saw(
        self, op: Any, inputs: tuple[Any, ...], params: dict[str, Any], outs: tuple[Tensor, ...], node: Any
    ) -> None:
        if self.failure:
            return
        slots = tuple([self.slot_of(x) for x in inputs])
        if op.name == "nonzero" or (op.name == "getitem" and any(map(self._masks, slots[1:]))):
            self.fail("the shape of x[mask] or of nonzero(x) depends on values (use tc.where, or multiply by the mask)")
            return
        if all(id(y.array) in self._slots for y in outs):
            return  # another name of the same value
        made = tuple([self._enter(y.array, None) for y in outs])
        self.program.instructions.append(Call(op, slots, params, made, calling_line()))

    def escaped(self, x: Tensor, how: str) -> None:
        self.fail(f"{how} acts on the values of a tensor of shape {tuple(x.shape)} in Python or NumPy")

    def writes(self, x: Tensor, index: Any, value: Any, how: str) -> None:
        if self.failure:
            return
        target = self.slot_of(x)
        memory = self.program.values[target].memory
        home = self.program.values[memory]
        if home.source is not None and not isinstance(home.source, Argument) and memory not in self.before:
            kept = next(a for a, slot in self._memory[id(owner(x.array))] if slot == memory)
            self.before[memory] = kept.copy()
        if isinstance(value, (list, tuple)):
            value = np.asarray(value)
        arrays = []
        if isinstance(index, (np.ndarray, tuple)):
            parts = index if isinstance(index, tuple) else (index,)
            arrays = [self.slot_of(part) for part in parts if isinstance(part, np.ndarray)]
            index = tuple([ARRAY if isinstance(part, np.ndarray) else part for part in parts])
        self.program.instructions.append(Write(target, index, self.slot_of(value), tuple(arrays), calling_line()))

    def checks(self, function: Any, inputs: tuple[Any, ...], params: dict[str, Any]) -> None:
        if not self.failure:
            slots = tuple([self.slot_of(x) for x in inputs])
            self.program.instructions.append(Check(function, slots, params, calling_line()))

    def performs(self, effect: effects.Effect) -> bool:
        if not self.failure:
            for x in effect.touches():
                self._meet(x)
            self.sync()
        return True

    def performed(self, effect: effects.Effect, result: Any) -> None:
        if self.failure:
            return
        _, structure = flatten(result)
        if structure is not None or not (result is None or isinstance(result, Tensor)):
            self.fail(f"{effect.name} returned {type(result).__name__}, where a Tensor or None can be repeated")
            return
        touched = tuple(effect.touches())
        for x in touched:
            if not effect.only_grads:
                _, array = self._arrays.pop(id(x), (x, x.array))
                self._slots.pop(id(array), None)
                self._slots.pop(id(x.array), None)
            for grad in (self._grads.get(id(x), (x, None))[1], x._grad):
                if grad is not None:
                    self._slots.pop(id(grad.array), None)
            self._meet(x)
            if id(x) in self._grads:
                self._grads[id(x)] = x, x._grad
        outputs = (self._enter(result.array, None),) if result is not None else ()
        done = Effect(
            effect.function, effect.args, effect.kwargs, effect.owner, effect.name, outputs, touched,
            effect.only_grads, where=calling_line(),
        )  # fmt: skip
        self._touched_grads.update(dict.fromkeys(map(id, touched), done))
        if not effect.only_grads:
            self._touched.update(dict.fromkeys(map(id, touched), done))
        self._kept.append(touched)
        self.program.instructions.append(done)

    # --- the end ------------------------------------------------------------------------------------------------------

    def sync(self) -> None:
        """Write down what has become of gradients and arrays of Tensors since the last time."""
        for key, (leaf, grad) in list(self._grads.items()):
            if leaf._grad is not grad:
                new = leaf._grad
                if new is not None and type(new.node) is Node:
                    self.fail("a gradient stays in the graph after the call (create_graph=True)")
                place = self._places.get(key)
                slot = None if new is None else self.slot_of(new)
                self._grads[key] = leaf, new
                where = leaf if place is None else Argument(place)
                self.program.instructions.append(SetGrad(where, slot, calling_line()))
        for key, (x, array) in list(self._arrays.items()):
            if type(x.node) is Node and id(x) not in self._places:
                self.fail("a tensor from outside of the call becomes part of its graph")
            elif x.array is not array:
                place = self._places.get(key)
                slot = self.slot_of(x)
                self._arrays[key] = x, x.array
                self.program.instructions.append(SetData(x if place is None else Argument(place), slot, calling_line()))

    def finish(self, result: Any) -> None:
        """The function has returned."""
        if self.failure:
            return
        self.sync()
        self.wanting = [i for i in self.wanting if self.arguments[i].node is LEAF]
        self.results, self.program.structure = flatten(result)
        slots = [self.slot_of(y) for y in (*self.results, *(g for _, g in self.gradients)) if isinstance(y, Tensor)]
        self.program.results = tuple(slots)
        self._kept.clear()
        self._memory.clear()
        self._slots.clear()
