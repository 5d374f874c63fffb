"""Names for tensors: the caller's variables, a function's arguments, a module's parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import CodeType, FrameType
from typing import Any

import numpy as np

from ..nn.module import Module
from ..tensor import Tensor

__all__ = ["argument_names", "array_of", "caller_names", "module_names", "modules_of"]


def array_of(x: Any) -> Any:
    """The array of a tensor; another value itself."""
    return x.array if isinstance(x, Tensor) else x


def caller_names(frame: FrameType) -> dict[int, str]:
    """The names of the variables that hold tensors, and of parameters of the caller's modules, by the array's id.

    The first name wins, and local variables before global ones. With several modules that have parameters, the
    variable's name is put before the parameter's; never `self`.
    """
    found: dict[int, str] = {}
    modules: dict[str, Module] = {}
    scopes = [frame.f_locals] if frame.f_locals is frame.f_globals else [frame.f_locals, frame.f_globals]
    for variables in scopes:
        for name, x in list(variables.items()):
            if name.startswith("_"):
                continue
            if isinstance(x, (Tensor, np.ndarray)):
                found.setdefault(id(array_of(x)), name)
            elif isinstance(x, Module) and any(True for _ in x.parameters()):
                modules.setdefault(name, x)
    if "self" in modules:
        for key, owned in module_names(modules.pop("self")).items():
            found.setdefault(key, owned)
    outermost = [
        name for name, m in modules.items()
        if not any(m is not other and any(m is inner for inner in other.modules()) for other in modules.values())
    ]  # fmt: skip
    for name in outermost:
        for key, owned in module_names(modules[name], name if len(outermost) > 1 else "").items():
            found.setdefault(key, owned)
    return found


def module_names(module: Module, prefix: str = "") -> dict[int, str]:
    """The dotted names of a module's parameters and buffers, by the array's id."""
    pairs = [*module.named_parameters(prefix), *module.named_buffers(prefix)]
    names: dict[int, str] = {}
    for name, x in pairs:
        names.setdefault(id(x.array), name)
    return names


def argument_names(function: Callable[..., Any], inputs: Sequence[Any]) -> dict[int, str]:
    """The names that a function (a module's `forward`) gives its arguments, by the id of the array passed."""
    import inspect

    target = function.forward if isinstance(function, Module) else function
    try:
        parameters = list(inspect.signature(target).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    found: dict[int, str] = {}
    for i, x in enumerate(inputs):
        spread = bool(parameters) and parameters[min(i, len(parameters) - 1)].kind is inspect.Parameter.VAR_POSITIONAL
        if spread:
            name = f"{parameters[-1].name}[{i - len(parameters) + 1}]" if i >= len(parameters) - 1 else f"input {i}"
        else:
            name = parameters[i].name if i < len(parameters) else f"input {i}"
        for place, tensor in _tensors(x):
            found.setdefault(id(tensor.array), name + place)
    return found


def _tensors(x: Any, place: str = "") -> list[tuple[str, Tensor]]:
    """The tensors in nested tuples, lists and dicts, with where they stand."""
    if isinstance(x, Tensor):
        return [(place, x)]
    if isinstance(x, Mapping):
        return [pair for key, part in x.items() for pair in _tensors(part, f"{place}[{key!r}]")]
    if isinstance(x, (tuple, list)):
        return [pair for i, part in enumerate(x) for pair in _tensors(part, f"{place}[{i}]")]
    return []


def modules_of(function: Callable[..., Any]) -> dict[str, Module]:
    """The modules that a function can call: itself, its `self`, and those it names in its closure or globals."""
    if isinstance(function, Module):
        return {"": function}
    found: dict[str, Module] = {}
    owner = getattr(function, "__self__", None)
    if isinstance(owner, Module):
        return {"": owner}
    code = getattr(function, "__code__", None)
    if isinstance(code, CodeType):
        cells = getattr(function, "__closure__", None) or ()
        for name, cell in zip(code.co_freevars, cells):
            try:
                value = cell.cell_contents
            except ValueError:  # the variable has no value yet
                continue
            if isinstance(value, Module):
                found[name] = value
        for name in code.co_names:
            value = getattr(function, "__globals__", {}).get(name)
            if isinstance(value, Module):
                found.setdefault(name, value)
    return found
