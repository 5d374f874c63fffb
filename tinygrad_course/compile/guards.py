"""What a recording took for granted, and whether it still holds.

A function's Python code runs only while it is recorded, so numbers, flags and objects that it read then must be the
same now. Those of modules are looked at only after some module was changed (`nn.changes`).
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from operator import attrgetter, is_
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from ..nn import changes
from ..overwrites import owner
from ..tensor import Tensor
from .program import Constant, Effect, GradientOf, Held, Program, SetGrad
from .surroundings import MISSING, Surroundings, content_of, equal, hooks_on, ids_of
from .watch import Unwatchable, Watch

if TYPE_CHECKING:
    from ..autograd.hooks import Hooks

__all__ = ["Guards"]

_array_of = attrgetter("array")
_node_of = attrgetter("node")
_hooks_of = attrgetter("_hooks")


class Guards:
    """The conditions under which a program may run.

    Args:
        program: what was recorded.
        around: what the function's code can reach, as it was before the recording.
        initial: leaves, by id, and whether they had a gradient before the recording.
        arguments: the leaves of the arguments.

    Attributes:
        shared: which arguments had memory in common with which Tensors from outside: what reads one of the two then
            looks as if it read the other.
    """

    def __init__(
        self, program: Program, around: Surroundings, initial: dict[int, tuple[Tensor, bool]], arguments: Sequence[Any]
    ) -> None:
        self.tensors = [tensor for _, tensor in _held(program)]
        self.arrays = list(map(_array_of, self.tensors))
        self.shapes = [(a.shape, a.dtype) for a in self.arrays]
        held = set(map(id, self.tensors))
        self.others = [t for t in around.tensors.values() if id(t) not in held]  # Python may read their shapes
        self.kinds = [(t.array, t.array.shape, t.array.dtype) for t in self.others]
        self.leaves = list({id(t): t for t in (*self.tensors, *around.tensors.values())}.values())
        self.nodes = list(map(_node_of, self.leaves))
        self.hooks = _hung(list(map(_hooks_of, self.leaves)))
        self.grads = _relied_on(program, initial)
        if around.grads:  # Python may ask whether there is one
            known = {id(leaf) for leaf, _ in self.grads}
            self.grads += [initial[i] for i in around.tensors if i in initial and i not in known]
        self.around = around
        # Arrays that no operation reads may have been read out of sight.
        read = [s.value for _, s in program.sourced(Constant) if isinstance(s.value, np.ndarray) and not s.fixed]
        self.contents = [(a, a.tobytes()) for a in around.arrays if not any(a is b for b in read)]
        self.moment = -1
        self.shared = self._sharing(arguments)

    def _sharing(self, arguments: Sequence[Any]) -> list[tuple[int, int]]:
        arrays = [x.array if isinstance(x, Tensor) else x for x in arguments]
        owners = {id(owner(a)): i for i, a in enumerate(arrays) if isinstance(a, np.ndarray)}
        outside = [id(owner(t.array)) for t in self.leaves]
        return [(owners[key], k) for k, key in enumerate(outside) if key in owners]

    def serve(self, arguments: Sequence[Any]) -> bool:
        """Whether the program may run with these arguments, of the right kind, now."""
        return self.hold() and self._sharing(arguments) == self.shared

    def hold(self) -> bool:
        """Whether all outside of the call is as it was."""
        if not all(map(is_, map(_node_of, self.leaves), self.nodes)):
            return False
        hooks = list(map(_hooks_of, self.leaves))
        if (self.hooks or any(hooks)) and _hung(hooks) != self.hooks:
            return False
        arrays = self.arrays
        if not all(map(is_, map(_array_of, self.tensors), arrays)):
            self.arrays = arrays = list(map(_array_of, self.tensors))
            if [(a.shape, a.dtype) for a in arrays] != self.shapes:
                return False
        for t, (array, shape, dtype) in zip(self.others, self.kinds):
            if t.array is not array and (t.array.shape != shape or t.array.dtype != dtype):
                return False
        for leaf, there in self.grads:
            if (leaf._grad is not None) is not there:
                return False
        return self.unchanged()

    def unchanged(self) -> bool:
        """Whether the numbers and objects that the code reads, by name and from modules, are as they were."""
        around = self.around
        if self.moment != changes.moment():
            for now, then in around.attributes:
                if len(now) != len(then) or not all(equal(v, now.get(k, MISSING)) for k, v in then.items()):
                    return False
            if any(hooks_on(module) != keys for module, keys in around.hooked):
                return False
            self.moment = changes.moment()
        for space, name, value in around.names:
            if space.get(name, MISSING) is not value and not equal(value, space.get(name, MISSING)):
                return False
        for cell, value in around.cells:
            found = content_of(cell)
            if found is not value and not equal(value, found):
                return False
        for x, name, value in around.places:
            found = getattr(x, name, MISSING)
            if found is not value and not equal(value, found):
                return False
        for array, content in self.contents:
            if array.tobytes() != content:
                return False
        return all(ids_of(listed) == ids for listed, ids, _ in around.lists)

    def watch(self) -> Watch:
        """The same conditions for native code; a little stricter: objects that are equal, but others, count as changed.

        Raises:
            Unwatchable: if they do not hold, or cannot be looked at by native code.
        """
        found = Watch()
        if not self.hold() or self.hooks or self.shared or self.contents:
            raise Unwatchable("what was recorded no longer holds")
        found.entry(vars(changes), "_latest", self.moment)
        for leaf, node in zip(self.leaves, self.nodes):
            found.slot(leaf, "node", node, Tensor)
            found.slot(leaf, "_hooks", None, Tensor)
        for t, array in zip(self.tensors, self.arrays):
            found.slot(t, "array", array, Tensor)
            found.data(array)
        for t in self.others:
            found.slot(t, "array", t.array, Tensor)
        for space, name, value in self.around.names:
            (dictionary,) = gc.get_referents(space) if isinstance(space, MappingProxyType) else (space,)
            if value is MISSING:
                found.absent(dictionary, name)
            else:
                found.entry(dictionary, name, _as_now(value, space.get(name, MISSING)))
        for x, name, value in self.around.places:
            found.place(x, name, _as_now(value, getattr(x, name, MISSING)))
        for cell, value in self.around.cells:
            found.cell(cell, _as_now(value, content_of(cell)))
        for listed, ids, values in self.around.lists:
            if isinstance(listed, dict):
                pairs = list(listed.items())
                if ids_of(listed) != ids:
                    raise Unwatchable("a dict has changed")
                found.whole(listed, pairs)
            elif not isinstance(listed, tuple):
                found.items(listed, values)
        return found


def _as_now(then: Any, now: Any) -> Any:
    if not equal(then, now):
        raise Unwatchable("a value has changed")
    return now


def _hung(hooks: list[Hooks | None]) -> list[tuple[int, int]]:
    """Which hooks hang on which tensor: they ran while the function was recorded."""
    return [(i, key) for i, h in enumerate(hooks) if h is not None for key in (*h.gradient, *h.accumulated)]


def _held(program: Program) -> list[tuple[int, Tensor]]:
    return [(v.index, source.tensor) for v, source in program.sourced(Held)]


def _relied_on(program: Program, initial: dict[int, tuple[Tensor, bool]]) -> list[tuple[Tensor, bool]]:
    """The leaves for which it matters whether they have a gradient when the call starts, and whether they had."""
    forgotten: set[int] = set()
    found: dict[int, tuple[Tensor, bool]] = {}
    for i in program.instructions:
        if isinstance(i, Effect):
            forgotten.update(map(id, i.touches))
        leaves = [i.leaf] if isinstance(i, SetGrad) else []
        leaves += [s.leaf for slot in i.reads if isinstance(s := program.values[slot].source, GradientOf)]
        for leaf in leaves:
            if id(leaf) in initial and id(leaf) not in forgotten:
                found.setdefault(id(leaf), initial[id(leaf)])
        if isinstance(i, SetGrad) and i.value is None:
            forgotten.add(id(i.leaf))
    return list(found.values())
