"""A whole training step as one native call: forward, backward, and the optimizer's update.

For a small net the work takes less than a microsecond, and what Python does around it is what counts; for a perceptron
that takes most of a millisecond it still is a tenth. A `Step` is bound after an ordinary call: it then owns all memory
that its code touches, gradients included, and can be called through a `Door`, as long as everything is as it was: the
arrays of the parameters are still the same, the optimizer does what it did, nobody else holds the gradients that are
about to be written over. If not, the call is done in the ordinary way, which makes new gradients, and the step is bound
again. So it is if the code refuses the values: it does before anything is updated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import overwrites
from ..native.buffers import pointer
from ..native.formulas import Unlisted
from ..native.host import host
from ..native.updates import formula_of
from ..optim.rule import RuleOptimizer
from ..tensor import LEAF, Tensor
from . import layout
from .door import Door
from .native_nest import Layout, elementwise
from .native_rules import multiplications
from .native_segment import Segment, lowers
from .program import Argument, Call, Constant, Effect, Held, Program, SetGrad
from .watch import Unwatchable, Watch

__all__ = ["Step", "step"]

# Python's lock is held during a step. So many multiplications, and elements of parameters, take two milliseconds at
# most, less than half of what Python lets a thread have at a time.
_PRODUCTS, _PARAMETERS = 1 << 27, 1 << 20
# Bytes of scratch memory: a step has it for itself.
_WORKSPACE = 1 << 23
# So often a step may be bound in vain, one time after the other, before it is given up.
_PATIENCE = 20


def step(program: Program) -> Step | None:
    """The program as one native call, if it is a step, or inference, with nothing else in it."""
    if not layout.agrees():
        return None
    try:
        return Step(program)
    except Unlisted:
        return None


class Step:
    """See the module.

    Attributes:
        door: the way to call it, or None while it must not be.
        params: what its optimizer updates.
    """

    def __init__(self, program: Program) -> None:
        calls = [i for i in program.instructions if isinstance(i, Call)]
        others = [i for i in program.instructions if not isinstance(i, Call)]
        self.program, self.values = program, program.values
        if not calls or not all(lowers(c, program.values) for c in calls):
            raise Unlisted("calls without code")
        if multiplications(calls, program.values) > _PRODUCTS:
            raise Unlisted("too much work")
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
        self.params: list[Tensor] = []
        self.door: Door | None = None
        self.failures = self._runs = 0
        self.changing = False  # whether the optimizer's numbers are looked at in each call
        self._options: list[Any] = []
        self._made: Any = None

    @property
    def armed(self) -> bool:
        """Whether there is a door."""
        return self.door is not None

    @property
    def runs(self) -> int:
        """How many calls went through doors."""
        return self._runs + (0 if self.door is None else self.door.runs)

    def close(self) -> None:
        """Something has changed: the door must not be used any more, or would not let anybody through."""
        if self.door is not None:
            if self.door.runs:
                self._runs += self.door.runs
                self.failures = 0
            self.door = None

    def _check(self, effect: Effect) -> None:
        o = effect.owner
        plain = isinstance(o, RuleOptimizer) and type(o).step is RuleOptimizer.step and effect.name == "step"
        if not plain or effect.args not in ((), (o,)) or effect.kwargs or effect.outputs or effect.reloads:
            raise Unlisted("an optimizer with a step of its own")

    # --- binding ----------------------------------------------------------------------------------------------------

    def bind(self, arguments: Sequence[Any]) -> bool:
        """Get ready, after an ordinary call with these arguments; whether that was possible."""
        self.close()
        if self.failures > _PATIENCE:
            return False
        self.failures += 1
        try:
            return self._bind(arguments)
        except Unlisted:
            self.failures = _PATIENCE + 1
            return False

    def _bind(self, arguments: Sequence[Any]) -> bool:
        self.packs: list[Any] = []
        self.params = []
        self.runners: list[Any] = []
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
        self.segment, self.views = segment, list(home.values())
        self.work = np.empty(segment.workspace + 64, np.uint8)
        where: dict[int, int] = {}  # argument -> its place in the table
        self.held: list[tuple[Tensor, np.ndarray]] = []
        given: list[Any] = []
        for i, slot in enumerate(segment.inputs):
            source = self.values[slot].source
            if isinstance(source, Argument):
                where[source.position] = 1 + i
                given.append(self.work)  # until there is an argument
            elif isinstance(source, Held):
                given.append(_fit(source.tensor.array))
                self.held.append((source.tensor, given[-1]))
            elif source.fixed:  # type: ignore[union-attr]
                given.append(np.ascontiguousarray(source.value))  # type: ignore[union-attr]
            else:
                given.append(_fit(source.value))  # type: ignore[union-attr]
        self.arguments = _kinds(arguments, where)
        start = pointer(self.work)
        self.arrays = [*given, *self.outputs]
        for pack, flat, runner in zip(self.packs, self.flat, self.runners):
            self.arrays += [_fit(pack.values), flat, *pack.flat, runner._numbers]
        self.table = np.array([start + -start % 64, *map(pointer, self.arrays)], np.uint64)
        return True

    def _bind_optimizer(self) -> bool:
        """Take the optimizer's packs, if they hold all that the program gives gradients to, and nothing else."""
        o = self.optimizer
        if len(o.param_groups) != 1 or len(o._stores) != 1 or o._stores[0].waiting or o._pre_hooks or o._post_hooks:
            return False
        store = o._stores[0]
        params = [p for pack in store.packs for p in pack.params]
        if {id(p) for p in params} != {id(i.leaf) for i in self.sets} or len(params) != len(self.sets):
            return False
        if any(pack._holes or pack.dtype.char not in "fd" for pack in store.packs):
            return False
        if not all(view.flags.c_contiguous for pack in store.packs for view in pack.views):
            raise Unlisted("parameters that are not updated where they are")
        if sum(pack.size for pack in store.packs) > _PARAMETERS:
            raise Unlisted("many parameters")
        self.packs, self.group, self.params = list(store.packs), store.group, params
        self.listed, self.state = list(self.group["params"]), list(o.state.items())
        options = [value for name, value in self.group.items() if name != "params"]
        if not all(isinstance(value, (int, float, str, type(None), tuple)) for value in options):
            raise Unlisted("options that may change unseen")
        self.changing = self.changing or any(pack.scalars for pack in self.packs)
        if self._options and options != self._options:  # such as a learning rate that follows a schedule
            self.changing = True
        self._options = options
        found = self._numbers()
        if found is None:
            return False
        self.runners = [runner for runner, _ in found]
        self.last = o._last
        return True

    def _numbers(self) -> list[tuple[Any, dict[str, Any]]] | None:
        """For each pack what runs the rule, its numbers set, and what is to be remembered; None if packs differ."""
        found: list[tuple[Any, dict[str, Any]]] = []
        for pack in self.packs:
            scalars = {name: pack.entries[0].get(name, value) for name, value in pack.scalars.items()}
            if any(entry.get(name) != value for entry in pack.entries[1:] for name, value in scalars.items()):
                return None
            runner = self.optimizer._runner(self.group, scalars, tuple(pack.buffers), pack.dtype)
            if any(runner is other and scalars != others for other, others in found):
                return None
            found.append((runner, scalars))
        return found

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
        if segment.workspace > _WORKSPACE:
            raise Unlisted("too much memory")
        self.llvm_ir = segment.text()
        from ..native import jit

        library = jit.load(self.llvm_ir, ["segment"])
        self.library = library
        self._made = key, segment
        return segment

    # --- opening ----------------------------------------------------------------------------------------------------

    def open(self, watch: Watch, results: Sequence[tuple[bool, Any]], packed: bool, **fields: Any) -> None:
        """Make the door, if there can be one, for the step that is bound.

        Args:
            watch: the conditions that the rest of the function depends on.
            results: for each whether it is a Tensor, then with its node; else the object itself.
            packed: whether they are returned as a tuple.
            fields: what a `Door` needs besides.
        """
        try:
            self._watch(watch)
            if self.optimizer is not None:
                fields |= self._noted(watch)
            if self.changing:
                fields |= {"before": self._advance, "after": self._advanced}
            code = self.library.address("segment")
            given = _given(results, [self.outputs[self.segment.outputs.index(s)] for s in self.program.results])
            self.door = Door(watch, self.arguments, given, packed, code=code, table=self.table, **fields)
        except Unwatchable:
            self.door = None

    def _watch(self, watch: Watch) -> None:
        """The conditions of what the code touches."""
        watch.keep += [self.library, self.arrays, self.work, self.flat]
        for t, array in self.held:
            watch.slot(t, "array", array, Tensor)
            watch.data(array)
        for p, grad in zip(self.params, self.grads):
            watch.slot(p, "_grad", grad, Tensor)
            watch.slot(p, "_hooks", None, Tensor)
            watch.slot(p, "node", LEAF, Tensor)
        for pack, flat in zip(self.packs, self.flat):
            for p, view in zip(pack.params, pack.views):
                watch.slot(p, "array", view, Tensor)
            watch.references(flat)
        for grad, view in zip(self.grads, self.views):
            watch.slot(grad, "array", view, Tensor)
            watch.data(view)
            watch.references(grad)
            watch.references(view)
        if self.optimizer is not None:
            self._watch_optimizer(watch)

    def _watch_optimizer(self, watch: Watch) -> None:
        """It has the same groups, options, state and hooks (none), and would go the same way."""
        own, store = vars(self.optimizer), self.optimizer._stores[0]
        for name in ("_pre_hooks", "_post_hooks"):
            watch.entry(own, name, own[name])
            watch.whole(own[name], [])
        for owner, name, values in (
            (own, "param_groups", [self.group]), (own, "_stores", [store]),
            (vars(store), "packs", self.packs), (vars(store), "waiting", []),
        ):  # fmt: skip
            watch.entry(owner, name, owner[name])
            watch.items(owner[name], values)
        watch.entry(self.group, "params", self.group["params"])
        watch.items(self.group["params"], self.listed)
        if not self.changing:
            watch.whole(self.group)
            watch.entry(own, "_last", self.last)  # nobody has set other numbers since
        watch.entry(own, "state", own["state"])
        watch.whole(own["state"], self.state)
        for pack in self.packs:
            for name, tensors in zip(pack.buffers, pack.tensors):
                for entry, t in zip(pack.entries, tensors):
                    watch.entry(entry, name, t)
                    watch.slot(t, "array", t.array, Tensor)
                    watch.data(t.array)

    def _noted(self, watch: Watch) -> dict[str, Any]:
        """What is to be noted after each step: that it was taken, and that memory was written to."""
        found = [overwrites.repeated(pack.memory) for pack in self.packs]
        times = []
        for one in found:
            if one is None:
                raise Unwatchable("memory that is written to in parts")
            key, record = one
            watch.entry(overwrites._writes, key, record)
            for name in ("bottoms", "tops"):
                watch.slot(record, name, getattr(record, name))
                watch.items(getattr(record, name), list(getattr(record, name)))
            watch.slot(record, "times", record.times)
            watch.slot(record, "ragged", record.ragged)
            watch.whole(record.ragged, [])
            times.append(record.times)
        clock = [overwrites.tick, vars(overwrites), "latest"]
        watch.keep += [times, clock]
        return {
            "owner": vars(self.optimizer), "count_key": "_steps_taken", "marks": len(times),
            "times": np.array(list(map(id, times)), np.uint64), "clock": np.array(list(map(id, clock)), np.uint64),
        }  # fmt: skip

    # --- numbers that differ from call to call ------------------------------------------------------------------------

    def _advance(self) -> bool | None:
        """Before a step: set the optimizer's numbers; None if it would go another way."""
        found = self._numbers()
        if found is None or any(runner is not then for (runner, _), then in zip(found, self.runners)):
            return None
        self._scalars = [scalars for _, scalars in found]
        return True

    def _advanced(self) -> None:
        """After it: remember them."""
        for pack, scalars in zip(self.packs, self._scalars):
            for entry in pack.entries:
                entry.update(scalars)


def _kinds(arguments: Sequence[Any], where: dict[int, int]) -> list[tuple[int, np.dtype, tuple[int, ...]]]:
    """What `Door` is told of arguments."""
    if not all(isinstance(x, Tensor) and x.node is None for x in arguments):
        raise Unlisted("arguments that are no plain tensors")
    arrays = [x.array for x in arguments]
    if any(np.may_share_memory(a, b) for i, a in enumerate(arrays) for b in arrays[:i]):
        raise Unlisted("arguments that are parts of each other")
    return [(where.get(i, -1), a.dtype, a.shape) for i, a in enumerate(arrays)]


def _given(results: Sequence[tuple[bool, Any]], arrays: Sequence[np.ndarray]) -> list[tuple[np.ndarray | None, Any]]:
    """What `Door` is told of results, whose Tensors have these arrays."""
    following = iter(arrays)
    return [(next(following) if new else None, what) for new, what in results]


def _fit(a: np.ndarray) -> np.ndarray:
    if not a.flags.carray:
        raise Unlisted("arrays that are not contiguous")
    return a
