"""What a recording took for granted, and whether it still holds.

A function's Python code runs only while it is recorded, so numbers, flags and objects that it read then must be the
same now. Those of modules are looked at only after some module was changed (`nn.changes`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from operator import attrgetter, is_
from types import CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, Any

import numpy as np

from ..nn import changes
from ..nn.module import Module
from ..overwrites import owner
from ..tensor import Tensor
from .program import Effect, GradientOf, Held, Program, SetGrad
from .watch import Unwatchable, Watch

if TYPE_CHECKING:
    from ..autograd.hooks import Hooks

__all__ = ["Guards", "Surroundings"]

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_PLAIN = (int, float, bool, str, bytes, type(None), complex, np.generic, np.dtype)
_array_of = attrgetter("array")
_node_of = attrgetter("node")
_grad_of = attrgetter("_grad")
_hooks_of = attrgetter("_hooks")
_MISSING = object()


class Surroundings:
    """What the Python code of a function can reach: found once, by its names.

    Attributes:
        tensors: by id.
        modules: by id.
        fresh: whether there is an optimizer that has not taken a step.
    """

    def __init__(self, function: Callable[..., Any], arguments: Any = ()) -> None:
        self.tensors: dict[int, Tensor] = {}
        self.modules: dict[int, Module] = {}
        self.fresh = False
        # (namespace, name, what was there): globals, attributes of plain objects, cells of closures.
        self.names: list[tuple[dict[str, Any], str, Any]] = []
        self.cells: list[tuple[Any, Any]] = []
        self.lists: list[tuple[Any, tuple[int, ...], list[Any]]] = []  # with the ids of what is in them, and that
        self._seen: set[int] = set()
        self._read: dict[int, set[str]] = {}  # which attributes of which objects
        self._function(function, 0)
        for x in arguments:
            if not isinstance(x, Tensor):
                self._object(x, 0)
        self.attributes = [(m.__dict__, dict(m.__dict__)) for m in self.modules.values()]
        self.hooked = [(m, _hooks_on(m)) for m in self.modules.values() if m._hooks is not None]

    def _function(self, f: Any, depth: int) -> None:
        if isinstance(f, MethodType):
            self._object(f.__self__, depth, _names(f.__func__))
            f = f.__func__
        if isinstance(f, Module):
            self._object(f, depth)
            return
        for part in (getattr(f, "func", None), *getattr(f, "args", ()), *(getattr(f, "keywords", None) or {}).values()):
            if part is not None and not isinstance(f, FunctionType):  # functools.partial
                self._object(part, depth)
        f = getattr(f, "__wrapped__", f) if not isinstance(f, FunctionType) else f
        if not isinstance(f, FunctionType) or id(f) in self._seen or f.__code__.co_filename.startswith(_PACKAGE):
            return
        self._seen.add(id(f))
        used = _names(f)
        space = f.__globals__
        for name in used:
            if name in space:
                value = space[name]
                self.names.append((space, name, value))
                self._object(value, depth + 1, used)
        for cell in f.__closure__ or ():
            try:
                value = cell.cell_contents
            except ValueError:
                continue
            self.cells.append((cell, value))
            self._object(value, depth + 1, used)
        for value in (*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()):
            self._object(value, depth + 1, used)

    def _object(self, x: Any, depth: int, used: frozenset[str] = frozenset()) -> None:
        if depth > 6 or isinstance(x, (*_PLAIN, type)):
            return
        if isinstance(x, Tensor):
            self.tensors[id(x)] = x
        elif isinstance(x, Module):
            for module in x.modules():
                if id(module) not in self.modules:
                    self.modules[id(module)] = module
                    for value in list(module.__dict__.values()):
                        if isinstance(value, Tensor):
                            self.tensors[id(value)] = value
                    self._function(type(module).forward, depth + 1)
        elif isinstance(x, (FunctionType, MethodType)) or hasattr(x, "func"):
            self._function(x, depth + 1)
        elif isinstance(x, (list, tuple, dict)):
            if id(x) in self._seen:
                return
            self._seen.add(id(x))
            values = list(x.values()) if isinstance(x, dict) else list(x)
            if len(values) > 256:
                return
            self.lists.append((x, tuple(map(id, values)), values))
            for value in values:
                self._object(value, depth + 1, used)
        elif hasattr(x, "param_groups"):
            self.fresh = self.fresh or not getattr(x, "state", True)
            for group in x.param_groups:
                for p in group["params"]:
                    self.tensors[id(p)] = p
        elif type(getattr(x, "__dict__", None)) is dict and not _ours(x):
            for name in used - self._read.setdefault(id(x), set()):
                self._read[id(x)].add(name)
                if name in x.__dict__:
                    value = x.__dict__[name]
                    self.names.append((x.__dict__, name, value))
                    self._object(value, depth + 1, used)
                method = getattr(type(x), name, None)
                method = getattr(method, "fget", None) or getattr(method, "__wrapped__", method)
                if isinstance(method, FunctionType):
                    self._function(MethodType(method, x), depth + 1)


def _names(f: Any) -> frozenset[str]:
    """The names that a function's code uses, and those of the functions inside it."""
    found: set[str] = set()
    stack = [getattr(f, "__code__", None)]
    while stack:
        code = stack.pop()
        if isinstance(code, CodeType):
            found.update(code.co_names)
            stack.extend(c for c in code.co_consts if isinstance(c, CodeType))
    return frozenset(found)


def _ours(x: Any) -> bool:
    return type(x).__module__.startswith("tinygrad_course.") or type(x).__name__ == "module"


def _hooks_on(module: Module) -> tuple[int, ...]:
    """Which hooks a module has, by their numbers."""
    return () if module._hooks is None else tuple(module._hooks._all)


def _equal(a: Any, b: Any) -> bool:
    return a is b or (type(a) is type(b) and isinstance(a, _PLAIN) and bool(a == b))


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
        self.leaves = list({id(t): t for t in (*self.tensors, *around.tensors.values())}.values())
        self.nodes = list(map(_node_of, self.leaves))
        self.hooks = _hung(list(map(_hooks_of, self.leaves)))
        self.grads = _relied_on(program, initial)
        self.around = around
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
        for leaf, there in self.grads:
            if (leaf._grad is not None) is not there:
                return False
        return self.unchanged()

    def unchanged(self) -> bool:
        """Whether the numbers and objects that the code reads, by name and from modules, are as they were."""
        around = self.around
        if self.moment != changes.moment():
            for now, then in around.attributes:
                if len(now) != len(then) or not all(_equal(v, now.get(k, _MISSING)) for k, v in then.items()):
                    return False
            if any(_hooks_on(module) != keys for module, keys in around.hooked):
                return False
            self.moment = changes.moment()
        for space, name, value in around.names:
            if space.get(name, _MISSING) is not value and not _equal(value, space.get(name, _MISSING)):
                return False
        for cell, value in around.cells:
            if cell.cell_contents is not value and not _equal(value, cell.cell_contents):
                return False
        for listed, ids, _ in around.lists:
            if len(listed) != len(ids):
                return False
            if tuple(map(id, listed.values() if isinstance(listed, dict) else listed)) != ids:
                return False
        return True

    def watch(self) -> Watch:
        """The same conditions for native code; a little stricter: objects that are equal, but others, count as changed.

        Raises:
            Unwatchable: if they do not hold, or cannot be looked at by native code.
        """
        found = Watch()
        if not self.hold() or self.hooks or self.shared:
            raise Unwatchable("what was recorded no longer holds")
        found.entry(vars(changes), "_latest", self.moment)
        for leaf, node in zip(self.leaves, self.nodes):
            found.slot(leaf, "node", node, Tensor)
            found.slot(leaf, "_hooks", None, Tensor)
        for t, array in zip(self.tensors, self.arrays):
            found.slot(t, "array", array, Tensor)
            found.data(array)
        for space, name, value in self.around.names:
            found.entry(space, name, _as_now(value, space.get(name, _MISSING)))
        for cell, value in self.around.cells:
            found.cell(cell, _as_now(value, cell.cell_contents))
        for listed, ids, values in self.around.lists:
            if isinstance(listed, dict):
                pairs = list(listed.items())
                if tuple([id(value) for _, value in pairs]) != ids:
                    raise Unwatchable("a dict has changed")
                found.whole(listed, pairs)
            elif not isinstance(listed, tuple):
                found.items(listed, values)
        return found


def _as_now(then: Any, now: Any) -> Any:
    if not _equal(then, now):
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
