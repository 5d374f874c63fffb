"""What in a user's file has gradients to check: Functions, primitives, Modules and functions of Tensors."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

from ..autograd.function import Function
from ..nn.module import Module
from ..ops.op import REGISTRY, Op
from ..testing.admit import Admitted, admitted

__all__ = ["Subject", "Unusable", "subject", "subjects"]


class Unusable(Exception):
    """Why a thing cannot be checked."""


class Subject(NamedTuple):
    """One thing to check.

    Attributes:
        name: what the file calls it.
        kind: "function", "primitive", "Function" or "Module".
        make: gives the function of Tensors that is checked; it may raise `Unusable`.
        arity: how many inputs it takes.
        admitted: what `tc.testing.admits` said.
    """

    name: str
    kind: str
    make: Callable[[], Callable[..., Any]]
    arity: int
    admitted: Admitted | None


def subjects(module: ModuleType) -> list[Subject]:
    """What a file defines, in its order; private names, tests and functions without inputs are left out."""
    found, seen = [], set()
    for name, obj in vars(module).items():
        if name.startswith(("_", "test_")) or id(obj) in seen or not _is_own(obj, module):
            continue
        one = subject(name, obj)
        if one is not None and (one.arity or one.admitted):
            seen.add(id(obj))
            found.append(one)
    return found


def subject(name: str, obj: Any) -> Subject | None:
    """The thing as one to be checked, or None if it is of no such kind."""
    said = admitted(obj)
    if isinstance(obj, Op):
        return Subject(name, "primitive", lambda: obj, _inputs_of(obj), said)
    if isinstance(obj, Module):
        return Subject(name, "Module", lambda: _ready(obj), _count(obj.forward), said)
    if inspect.isclass(obj) and issubclass(obj, Function):
        # The first parameter of forward is ctx.
        return Subject(name, "Function", lambda: obj.apply, max(_count(obj.forward) - 1, 0), said)
    if inspect.isclass(obj) and issubclass(obj, Module):
        return Subject(name, "Module", lambda: _ready(_instance(obj)), max(_count(obj.forward) - 1, 0), said)
    if inspect.isfunction(obj):
        return Subject(name, "function", lambda: obj, _count(obj), said)
    return None


def _is_own(obj: Any, module: ModuleType) -> bool:
    """Whether the file itself made it, rather than imported it."""
    if isinstance(obj, Op):
        return REGISTRY.get(obj.name) is not obj
    if isinstance(obj, Module):
        return True
    return getattr(obj, "__module__", None) == module.__name__


def _instance(cls: type[Module]) -> Module:
    needed = [p.name for p in _required(cls)]
    if needed:
        raise Unusable(f"its constructor needs {', '.join(needed)}: name an object in the file, or give it defaults")
    try:
        return cls()
    except Exception as error:
        raise Unusable(f"{cls.__name__}() failed: {type(error).__name__}: {error}") from error


def _ready(module: Module) -> Module:
    """As in evaluation: nothing is drawn at random, and no running mean is counted on."""
    return module.eval()


def _inputs_of(op: Op) -> int:
    """How many arrays a primitive takes: it has a rule for each."""
    if op.rules is not None and not op.variadic:
        return len(op.rules)
    return int(op.forward.nin) if hasattr(op.forward, "nin") else _count(op.forward)


def _count(function: Callable[..., Any]) -> int:
    return len([p for p in _required(function) if p.kind is not p.KEYWORD_ONLY])


def _required(function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
