"""A whole small training step as one native call: forward, backward, and the optimizer's update.

For a small net the work takes less than a microsecond, and what Python does around it is what counts. So conditions
are looked at where they stand in memory. A `Step` is armed after an ordinary call: it then holds everything that its
code touches (the arrays, the Tensors, the optimizer's buffers), and a list of words, each with the value that it must
have: the arrays of the parameters are still the same, nobody else holds the gradients that are about to be written
over. If a word differs, the call is done in the ordinary way, which makes new gradients, and the step is armed again.
Python's lock is held throughout, so words cannot change meanwhile; the interpreters without it do without steps.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from ..native.buffers import pointer
from ..native.formulas import Unlisted
from ..native.host import host
from ..native.updates import formula_of
from ..optim.rule import RuleOptimizer
from ..overwrites import marker
from ..tensor import Tensor
from .native_nest import Layout, elementwise
from .native_segment import Segment, lowers
from .program import Argument, Call, Constant, Effect, Held, Program, SetGrad

__all__ = ["Step", "step"]

# Up to these sizes Python's lock may be held: a few tens of microseconds.
_WORKSPACE, _PARAMETERS = 262_144, 32_768
# So often a step may be armed in vain, one time after the other, before it is given up.
_PATIENCE = 20

_word = ctypes.c_uint64.from_address
_ARRAY_DATA = object.__basicsize__


def _offset(name: str) -> int:
    """Where in a Tensor's memory a slot is."""
    probe, mark = Tensor._wrap(np.empty(0)), object()
    setattr(probe, name, mark)
    places = [i for i in range(8, Tensor.__basicsize__, 8) if _word(id(probe) + i).value == id(mark)]
    if len(places) != 1:
        raise Unlisted("this Python keeps slots elsewhere")
    return places[0]


def _counts_are_words() -> bool:
    """Whether an object's first word grows with the references to it."""
    x = object()
    before = _word(id(x)).value
    more = [x, x, x]
    return _word(id(x)).value == before + len(more)


def step(program: Program) -> Step | None:
    """The program as one native call, if it is a small step or inference with nothing else in it."""
    if getattr(sys, "_is_gil_enabled", lambda: True)() is False or not _counts_are_words():
        return None
    try:
        return Step(program)
    except Unlisted:
        return None


class Step:
    """See the module. `step(args)` gives the arrays of the results, or None if the ordinary way is to be taken."""

    def __init__(self, program: Program) -> None:
        calls = [i for i in program.instructions if isinstance(i, Call)]
        others = [i for i in program.instructions if not isinstance(i, Call)]
        self.program, self.values = program, program.values
        if not calls or not all(lowers(c, program.values) for c in calls):
            raise Unlisted("calls without code")
        effects = [i for i in others if isinstance(i, Effect)]
        self.sets: list[Any] = [i for i in others if isinstance(i, SetGrad)]
        if (
            len(effects) + len(self.sets) != len(others)
            or len(effects) > 1
            or (effects and others[-1] is not effects[0])
        ):
            raise Unlisted("other instructions")
        if effects and program.instructions[-1] is not effects[0]:
            raise Unlisted("calls after the update")
        if any(i.value is None or isinstance(i.leaf, Argument) for i in self.sets) or bool(self.sets) != bool(effects):
            raise Unlisted("gradients that are not used up")
        if any(v.source is not None and not isinstance(v.source, (Argument, Held, Constant)) for v in program.values):
            raise Unlisted("gradients that are added to")
        self.optimizer: Any = effects[0].owner if effects else None
        if effects:
            self._check(effects[0])
        made = {c.outputs[0] for c in calls}
        if not set(program.results) | {i.value for i in self.sets} <= made:
            raise Unlisted("results that are not computed")
        self.calls = calls
        self.slots = {name: _offset(name) for name in ("array", "node", "_grad", "_hooks")}
        self.leaves: list[Tensor] = []  # that must stay leaves, or constants, as they are
        self.armed = False
        self.failures = 0
        self._made: Any = None

    def _check(self, effect: Effect) -> None:
        o = effect.owner
        plain = isinstance(o, RuleOptimizer) and type(o).step is RuleOptimizer.step and effect.name == "step"
        if not plain or effect.args not in ((), (o,)) or effect.kwargs or effect.outputs or effect.reloads:
            raise Unlisted("an optimizer with a step of its own")

    # --- arming -----------------------------------------------------------------------------------------------------

    def arm(self, arguments: Sequence[Any]) -> None:
        """Get ready, after an ordinary call with these arguments."""
        if self.armed or self.failures > _PATIENCE:
            return
        self.failures += 1
        try:
            if self._bind(arguments):
                self._watch()  # only now: what `_bind` was working with is no longer referenced
                self.armed = True
        except Unlisted:
            self.failures = _PATIENCE + 1

    def _bind(self, arguments: Sequence[Any]) -> bool:
        self.packs: list[Any] = []
        self.params: list[Tensor] = []
        self.runners: list[Any] = []
        self.numbers: list[np.ndarray] = []
        self.remembered: list[Any] = []
        if self.optimizer is not None and not self._bind_optimizer():
            return False
        if any(p._hooks is not None for p in self.params):
            raise Unlisted("parameters with hooks")
        segment = self._code()
        # Gradients, one behind the other for each pack; the parameters' own are these from now on.
        self.flat = [np.empty(pack.size, pack.dtype) for pack in self.packs]
        self.grads: list[Tensor] = []
        home: dict[int, np.ndarray] = {}
        for pack, flat in zip(self.packs, self.flat):
            for p, (low, high) in zip(pack.params, pack.spans):
                view = flat[low:high].reshape(p.array.shape)
                view[...] = p._grad.array
                p._grad = Tensor._wrap(view)
                self.grads.append(p._grad)
                home[id(p)] = view
        slots = {i.value: home[id(i.leaf)] for i in self.sets}
        self.outputs = [slots[s] if s in slots else np.empty(self.values[s].shape, self.values[s].dtype)
                        for s in segment.outputs]  # fmt: skip
        self.results = [self.outputs[segment.outputs.index(s)] for s in self.program.results]
        self.work = np.empty(segment.workspace + 64, np.uint8)
        self.given: list[Any] = []
        self.arguments = list(arguments)
        if not all(isinstance(x, Tensor) for x in arguments):
            raise Unlisted("arguments that are no tensors")
        self.where: dict[int, int] = {}  # argument -> its place in the table
        self.held: list[Tensor] = []
        for i, slot in enumerate(segment.inputs):
            source = self.values[slot].source
            if isinstance(source, Argument):
                self.where[source.position] = 1 + i
                self.given.append(_plain(self.arguments[source.position]))
            elif isinstance(source, Held):
                self.held.append(source.tensor)
                self.given.append(_fit(source.tensor.array))
            else:
                self.given.append(np.ascontiguousarray(source.value))  # type: ignore[union-attr]
        start = pointer(self.work)
        arrays = [*self.given, *self.outputs]
        for pack, flat, numbers in zip(self.packs, self.flat, self.numbers):
            arrays += [_fit(pack.values), flat, *pack.flat, numbers]
        self.kept = arrays
        self.marks = [marker(pack.values) for pack in self.packs]
        self.table = np.array([start + -start % 64, *map(pointer, arrays)], np.uint64)
        return True

    def _bind_optimizer(self) -> bool:
        """Take the optimizer's packs, if they hold all that the program gives gradients to, and nothing else."""
        o = self.optimizer
        if len(o.param_groups) != 1 or len(o._stores) != 1 or o._stores[0].waiting:
            return False
        store = o._stores[0]
        params = [p for pack in store.packs for p in pack.params]
        if {id(p) for p in params} != {id(i.leaf) for i in self.sets} or len(params) != len(self.sets):
            return False
        if any(pack._holes or pack.dtype.char not in "fd" for pack in store.packs):
            return False
        if sum(pack.size for pack in store.packs) > _PARAMETERS:
            raise Unlisted("many parameters")
        self.packs, self.group = list(store.packs), store.group
        self.params = params
        self.entries = [entry for pack in self.packs for entry in pack.entries]
        self.remembered = [(itemgetter(name), pack.entries, tensors) for pack in self.packs
                           for name, tensors in zip(pack.buffers, pack.tensors)]  # fmt: skip
        self.state = list(o.state.values())
        self.groups, self.stores = [self.group], [store]
        self.changing = any(pack.scalars for pack in self.packs)
        self.options = list(self.group.values())
        self.options[list(self.group).index("params")] = list(self.group["params"])
        last = o._last
        if last is None:
            return False
        self.runners = []
        for pack in self.packs:
            scalars = {name: pack.entries[0].get(name, value) for name, value in pack.scalars.items()}
            if any(entry.get(name) != scalars[name] for entry in pack.entries for name in scalars):
                return False
            self.runners.append(o._runner(self.group, dict(scalars), tuple(pack.buffers), pack.dtype))
        self.numbers = [runner._numbers for runner in self.runners]
        return True

    def _code(self) -> Segment:
        """The native function, for these packs."""
        key = [(pack.size, runner.program, pack.dtype) for pack, runner in zip(self.packs, self.runners)]
        if self._made is not None and self._made[0] == key:
            return self._made[1]
        outside = set(self.program.results) | {i.value for i in self.sets}
        segment = Segment(self.program, self.calls, outside, host())
        place = segment.entries
        for size, program, dtype in key:
            formula = formula_of(program, dtype)
            arrays = 2 + len(program.state)
            inputs = [Layout(place + i, 0, (1,), dtype) for i in range(arrays)]
            inputs += [Layout(place + arrays, i * dtype.itemsize, (0,), dtype) for i in range(len(program.numbers))]
            outputs = [inputs[0], *inputs[2:arrays]]
            elementwise(segment._nest("update", dtype), (size,), formula, inputs, outputs)
            place += arrays + 1
        if segment.workspace > _WORKSPACE or any(nest.pieces > 1 for nest in segment.nests):
            raise Unlisted("too large")
        segment.text()
        self.llvm_ir = _guarded(segment)
        from ..native import jit

        library = jit.load(self.llvm_ir, ["step"])
        types = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
        self._function = library.function("step", *types, result=ctypes.c_int32, gil=True)
        self._made = key, segment
        return segment

    def _watch(self) -> None:
        """List the words that must stay as they are."""
        at = self.slots
        places = []
        for t in (*self.held, *self.grads, *(t for _, _, tensors in self.remembered for t in tensors)):
            places += [id(t) + at["array"], id(t.array) + _ARRAY_DATA]
        for t in self.params:
            places += [id(t) + at["array"], id(t) + at["_grad"], id(t) + at["_hooks"]]
        for t in (*self.params, *self.leaves):
            places.append(id(t) + at["node"])
        # How many references there are to what is written over.
        counted = [*map(id, self.grads), *(id(t.array) for t in self.grads), *map(id, self.flat)]
        self.first_argument = len(places)
        for x in self.arguments:
            places += [id(x) + at["array"], id(x.array) + _ARRAY_DATA, id(x) + at["node"]]
        t = x = None
        places += counted
        self.words = np.array([(place, _word(place).value) for place in places], np.uint64)
        self._call = pointer(self.table), pointer(self.words), len(places)
        # What the words point to stays alive.
        self.alive = [t.array for t in self.held]
        self.seen = [x.array for x in self.arguments]
        self.words[:, 1] = [_word(place).value for place in places]

    # --- running ----------------------------------------------------------------------------------------------------

    def __call__(self, arguments: Sequence[Any]) -> list[np.ndarray] | None:
        """Run, if all is as it was."""
        if not self.armed:
            return None
        mine = self.arguments
        if len(arguments) != len(mine):
            return None
        for i, x in enumerate(arguments):
            if x is not mine[i] and not self._take(i, x):
                return None
        o = self.optimizer
        if o is not None and not self._optimizer_as_before():
            self.armed = False
            return None
        if not self._function(*self._call):
            self.armed = False
            return None
        self.failures = 0
        if o is not None:
            o._steps_taken += 1
            for mark in self.marks:
                mark()
            if self.changing:
                for pack, scalars in zip(self.packs, self._scalars):
                    for entry in pack.entries:
                        entry.update(scalars)
        return [y.copy() for y in self.results]

    def _take(self, i: int, x: Any) -> bool:
        """Use another Tensor as an argument, if it is of the same kind."""
        old = self.arguments[i]
        if type(x) is not Tensor or x.node is not None or type(old) is not Tensor:
            return False
        array = x.array
        if array.shape != old.array.shape or array.dtype is not old.array.dtype or not array.flags.carray:
            return False
        place = self.where.get(i)
        if place is not None:
            self.table[place] = pointer(array)
            self.given[place - 1] = array
        at, n = self.slots, self.first_argument + 3 * i
        places = id(x) + at["array"], id(array) + _ARRAY_DATA, id(x) + at["node"]
        self.words[n : n + 3] = [(place, _word(place).value) for place in places]
        self.arguments[i], self.seen[i] = x, array
        return True

    def _optimizer_as_before(self) -> bool:
        o, group = self.optimizer, self.group
        try:  # lists are equal where they hold the same objects; Tensors cannot be compared otherwise
            if o._pre_hooks or o._post_hooks or o.param_groups != self.groups or o._stores != self.stores:
                return False
            if o._stores[0].packs != self.packs or list(o.state.values()) != self.state:
                return False
            for get, entries, tensors in self.remembered:
                if list(map(get, entries)) != tensors:
                    return False
            if not self.changing:
                return list(group.values()) == self.options
        except Exception:
            return False
        if group["params"] != self.params:
            return False
        self._scalars = []
        for pack, runner in zip(self.packs, self.runners):
            scalars = {name: pack.entries[0].get(name, value) for name, value in pack.scalars.items()}
            if o._runner(group, scalars, tuple(pack.buffers), pack.dtype) is not runner:
                return False
            self._scalars.append(scalars)
        return True


def _plain(x: Any) -> np.ndarray:
    if not isinstance(x, Tensor) or x.node is not None:
        raise Unlisted("arguments that are no plain tensors")
    return _fit(x.array)


def _fit(a: np.ndarray) -> np.ndarray:
    if not a.flags.carray:
        raise Unlisted("arrays that are not contiguous")
    return a


def _guarded(segment: Segment) -> str:
    """The segment, behind a look at words: `i32 step(table, words, count)` gives 1 if it ran."""
    f = segment.module.define("step", {"table": "ptr", "words": "ptr", "count": "i64"}, result="i32")
    differs = f.variable("i64", 0)
    with f.loop(0, f.count) as i:
        place = f.load("ptr", f.words, i * 2)
        differs.set(differs.get() | (f.load("i64", place) ^ f.load("i64", f.words, i * 2 + 1)))
    same = differs.get().eq(0)
    with f.when(same):
        f.call("segment", "void", f.table)
    result = f.op(f"zext i1 {same.text} to i32", "i32")
    f.line(f"ret i32 {result.text}")
    return segment.module.text()
