"""What the Python code of a function can reach by its names: globals, closures, attributes, items, code itself.

Nothing of the code is run or understood. Its names are enough: a name may be that of a global, of a module, or of an
attribute of any object that can be reached; so whatever is found under it, now, is what the code may have read. What
is beyond are names that are put together while it runs, globals that are not there yet, what functions of Python and
of this package keep for themselves (iterators, the environment, context variables, a number of threads), containers of
more than `MANY` items, and arrays of more than `LARGE` bytes of which Python reads single values.
"""

from __future__ import annotations

import builtins
import os
import sys
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import chain
from types import CodeType, FunctionType, MemberDescriptorType, MethodType, ModuleType
from typing import Any

import numpy as np

from ..nn.module import Module
from ..tensor import Tensor

__all__ = ["MISSING", "PLAIN", "Surroundings", "content_of", "equal", "hooks_on", "ids_of"]

PLAIN = (int, float, bool, str, bytes, type(None), complex, np.generic, np.dtype)
MISSING = object()
MANY, LARGE, DEEP = 4096, 1 << 20, 20
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_CONTAINERS = (list, tuple, dict, set, frozenset, deque)
# Methods that make an object, and such as code that computes does not call unnamed.
_MAKING = frozenset({"__init__", "__new__", "__post_init__"})
_FORWARD = frozenset({"forward"})
_NOT_CALLED = _MAKING | {"__repr__", "__eq__", "__hash__", "__init_subclass__", "__setattr__", "__delattr__", "__del__"}
# Modules and classes that nobody changes: Python's, NumPy's and our own.
_CLOSED = frozenset({"numpy", __name__.partition(".")[0]})
_FIXED = (_CLOSED | sys.stdlib_module_names) - {"__main__"}


class Surroundings:
    """Found once, as it is before a function is recorded.

    Attributes:
        tensors: by id.
        modules: by id.
        fresh: whether there is an optimizer that has not taken a step.
        grads: whether the code may ask for a gradient.
        names: (namespace, name, what was there or `MISSING`): globals, attributes of objects and classes.
        places: (object, name, what was there): what an object keeps elsewhere than in a dict.
        cells: of closures, with what was in them.
        lists: containers, with the ids of what was in them, and that.
        arrays: NumPy's.
        attributes: the attributes of modules, and what they were.
        hooked: modules with hooks, and which.
    """

    def __init__(self, function: Callable[..., Any], arguments: Any = ()) -> None:
        self.tensors: dict[int, Tensor] = {}
        self.modules: dict[int, Module] = {}
        self.fresh = self.grads = False
        self.names: list[tuple[Any, str, Any]] = []
        self.places: list[tuple[Any, str, Any]] = []
        self.cells: list[tuple[Any, Any]] = []
        self.lists: list[tuple[Any, tuple[int, ...], list[Any]]] = []
        self.arrays: list[np.ndarray] = []
        self._seen: set[Any] = set()
        self._kept: list[Any] = []  # so that no id comes back while we look
        self._function(function, 0)
        for x in arguments:
            if not isinstance(x, Tensor):
                self._object(x, 0)
        self.attributes = [(m.__dict__, dict(m.__dict__)) for m in self.modules.values()]
        self.hooked = [(m, hooks_on(m)) for m in self.modules.values() if m._hooks is not None]
        self._kept.clear()

    def _first(self, *key: Any) -> bool:
        """Whether something is met for the first time."""
        if key in self._seen:
            return False
        self._seen.add(key)
        return True

    def _note(self, owner: Any, name: str, value: Any) -> None:
        """What a dict, or a class, has under a name."""
        if self._first("name", id(owner), name):
            self._kept.append(owner)
            self.names.append((vars(owner) if isinstance(owner, type) else owner, name, value))

    def _place(self, x: Any, name: str) -> None:
        if self._first("place", id(x), name):
            self.places.append((x, name, getattr(x, name, MISSING)))

    # --- code ---------------------------------------------------------------------------------------------------------

    def _function(self, f: Any, depth: int) -> None:
        if isinstance(f, MethodType):
            self._object(f.__self__, depth, names_of(f.__func__))
            f = f.__func__
        if not isinstance(f, FunctionType):
            self._object(f, depth)
            return
        if depth > DEEP or not self._first("function", id(f)):
            return
        if f.__code__.co_filename.startswith(_PACKAGE):  # such as `func.grad(f)`
            for cell in f.__closure__ or ():
                value = content_of(cell)
                if callable(value):
                    self._object(value, depth + 1)
            return
        self._kept.append(f)
        for place in ("__code__", "__defaults__", "__kwdefaults__"):
            self._place(f, place)
        space, contents = f.__globals__, list(map(content_of, f.__closure__ or ()))
        used = names_of(f)
        self.grads |= "grad" in used
        # For `getattr(x, name)`: what the names hold may be a name.
        used |= {v for v in (*map(space.get, used), *contents) if isinstance(v, str) and v.isidentifier()}
        for name in sorted(used):
            if name in space:
                value = space[name]
                self._note(space, name, value)
                self._object(value, depth + 1, used)
            elif hasattr(builtins, name):
                self._note(space, name, MISSING)
            elif name in sys.modules and name in f.__code__.co_names:  # imported inside
                self._object(sys.modules[name], depth + 1, used)
        for cell, value in zip(f.__closure__ or (), contents):
            if value is not MISSING:
                self.cells.append((cell, value))
                self._object(value, depth + 1, used)
        for value in (*(f.__defaults__ or ()), f.__kwdefaults__):
            self._object(value, depth + 1, used)

    # --- objects ------------------------------------------------------------------------------------------------------

    def _object(self, x: Any, depth: int, used: frozenset[str] = frozenset()) -> None:
        if depth > DEEP or isinstance(x, PLAIN):
            return
        if isinstance(x, Tensor):
            self.tensors[id(x)] = x
        elif isinstance(x, np.ndarray):
            if x.nbytes <= LARGE and self._first("array", id(x)):
                self.arrays.append(x)
        elif isinstance(x, Module):
            for module in x.modules() if self._first("modules", id(x)) else ():
                if id(module) not in self.modules:
                    self.modules[id(module)] = module
                    for value in list(module.__dict__.values()):
                        if isinstance(value, Tensor):
                            self.tensors[id(value)] = value
                    self._members(module, depth + 1, _FORWARD)
            self._members(x, depth, used)
        elif isinstance(x, (FunctionType, MethodType)):
            self._function(x, depth + 1)
            if isinstance(x, FunctionType) and not x.__code__.co_filename.startswith(_PACKAGE):
                self._items(vars(x), depth, used)
        elif isinstance(x, partial):
            for part in (x.func, x.args, x.keywords):
                self._object(part, depth + 1, used)
        elif isinstance(x, _CONTAINERS):
            if len(x) <= MANY and self._first("walk", id(x), used):
                values = list(x.values()) if isinstance(x, dict) else list(x)
                if self._first("list", id(x)) and not isinstance(x, (tuple, frozenset)):
                    self.lists.append((x, ids_of(x), values))
                for value in values:
                    self._object(value, depth + 1, used)
        elif hasattr(x, "param_groups"):
            self.fresh = self.fresh or not getattr(x, "state", True)
            for group in x.param_groups:
                for p in group["params"]:
                    self.tensors[id(p)] = p
            self._members(x, depth, used)
        elif isinstance(x, ModuleType):
            if x.__name__.partition(".")[0] not in _FIXED:
                self._items(vars(x), depth, used)
        elif isinstance(x, type):
            if not _fixed(x) and self._first("members", id(x), used):
                self._classes(x, x.__mro__, used | _MAKING, depth)
        elif isinstance(getattr(x, "__wrapped__", None), (FunctionType, MethodType, Module)):  # a cache, or compiled
            self._object(x.__wrapped__, depth + 1, used)
        else:
            self._members(x, depth, used)

    def _items(self, space: dict[str, Any], depth: int, used: frozenset[str]) -> None:
        """What a dict of attributes holds under the names that are used."""
        for name in used:
            if name in space:
                self._note(space, name, space[name])
                self._object(space[name], depth + 1, used)

    def _members(self, x: Any, depth: int, used: frozenset[str]) -> None:
        """What an object has under the names that are used, in itself or from its classes."""
        if not self._first("members", id(x), used):
            return
        self._kept.append(x)
        if _of(type(x)) in _CLOSED:  # of an optimizer or a scheduler, what is no business of its own
            if type(getattr(x, "__dict__", None)) is dict and not isinstance(x, Module):
                self._items(vars(x), depth, used | {n[3:] for n in used if n[:4] == "get_"})
            return
        self._place(x, "__class__")
        own = getattr(x, "__dict__", None)
        if isinstance(x, Module):  # whose attributes are compared as a whole
            for name in used & x.__dict__.keys():
                if not isinstance(x.__dict__[name], (Tensor, Module)):
                    self._object(x.__dict__[name], depth + 1, used)
        elif type(own) is dict:
            self._place(x, "__dict__")
            self._items(own, depth, used)
        called = {n for c in type(x).__mro__ if not _fixed(c) for n, v in vars(c).items()
                  if n[:2] == "__" and isinstance(v, FunctionType)}  # fmt: skip
        self._classes(x, type(x).__mro__, used | (called - _NOT_CALLED), depth)

    def _classes(self, x: Any, classes: tuple[type, ...], used: frozenset[str], depth: int) -> None:
        """What an object, or a class, has from classes."""
        own = None if isinstance(x, type) else getattr(x, "__dict__", None)
        for name in used:
            if type(own) is dict and name in own:
                continue
            at = next((i for i, c in enumerate(classes) if name in vars(c)), None)
            if at is None:
                continue
            for c in classes[:at]:
                if not _fixed(c):
                    self._note(c, name, MISSING)
            if _fixed(classes[at]):
                continue
            value = vars(classes[at])[name]
            if isinstance(value, MemberDescriptorType):
                if not isinstance(x, type):
                    self._place(x, name)
                    self._object(getattr(x, name, None), depth + 1, used)
                continue
            if type(own) is dict and not isinstance(x, Module):
                self._note(own, name, MISSING)
            self._note(classes[at], name, value)
            self._attribute(value, x, depth, used)

    def _attribute(self, value: Any, x: Any, depth: int, used: frozenset[str]) -> None:
        """What is found in a class: a method, a property, or a value."""
        for inner in ("fget", "func", "__func__", "__wrapped__"):  # of properties, class methods, decorators
            value = getattr(value, inner, value)
        if isinstance(value, FunctionType):
            self._function(MethodType(value, x), depth + 1)
        else:
            self._object(value, depth + 1, used)


def content_of(cell: Any) -> Any:
    """What a closure's cell holds, or `MISSING`."""
    try:
        return cell.cell_contents
    except ValueError:
        return MISSING


def names_of(f: Any) -> frozenset[str]:
    """The names that a function's code uses, and those of the functions inside it; words among its strings too."""
    found: set[str] = set()
    stack = [getattr(f, "__code__", None)]
    while stack:
        code = stack.pop()
        if isinstance(code, CodeType):
            found.update(code.co_names)
            found.update(c for c in code.co_consts if isinstance(c, str) and c.isidentifier())
            stack.extend(c for c in code.co_consts if isinstance(c, CodeType))
    return frozenset(found)


def _fixed(cls: type) -> bool:
    """Whether a class is Python's, NumPy's or ours."""
    return _of(cls) in _FIXED


def _of(cls: type) -> str:
    """The package of a class."""
    return cls.__module__.partition(".")[0]


def ids_of(x: Any) -> tuple[int, ...]:
    """Which objects a container holds, and under which keys."""
    return tuple(map(id, chain(x, x.values()) if isinstance(x, dict) else x))


def hooks_on(module: Module) -> tuple[int, ...]:
    """Which hooks a module has, by their numbers."""
    return () if module._hooks is None else tuple(module._hooks._all)


def equal(a: Any, b: Any) -> bool:
    """Whether code that read one could not tell the other from it."""
    return a is b or (type(a) is type(b) and isinstance(a, PLAIN) and bool(a == b))
