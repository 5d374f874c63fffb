"""Take the state out of a module, and put it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..overwrites import mark_overwritten
from ..tensor import Tensor
from .changes import changed
from .module import BUFFER, PARAMETER, Module
from .parameter import Parameter, UninitializedBuffer, UninitializedParameter

__all__ = ["IncompatibleKeys", "load_state_dict", "state_dict"]

EXTRA = "_extra_state"
_UNINITIALIZED = (UninitializedParameter, UninitializedBuffer)


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict` did not find, and what it had no use for."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not any(self):
            return "<All keys matched successfully>"
        return f"IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


def _slots(module: Module, prefix: str) -> dict[str, tuple[Module, str]]:
    """Where each name of the state dict lives; a shared tensor has all its names, as in PyTorch."""
    slots: dict[str, tuple[Module, str]] = {}
    for path, owner in module.named_modules(remove_duplicate=False):
        lead = f"{prefix}{path}." if path else prefix
        for wanted in (PARAMETER, BUFFER):
            for name, kind in owner._kinds.items():
                if kind == wanted and owner.__dict__[name] is not None:
                    slots[lead + name] = (owner, name)
        if type(owner).get_extra_state is not Module.get_extra_state:
            slots[lead + EXTRA] = (owner, EXTRA)
    return slots


def state_dict(module: Module, destination: dict[str, Any], prefix: str, keep_vars: bool) -> dict[str, Any]:
    """Fill `destination` with the parameters and persistent buffers of `module`."""
    for name, (owner, attribute) in _slots(module, prefix).items():
        if attribute == EXTRA:
            destination[name] = owner.get_extra_state()
        else:
            value = owner.__dict__[attribute]
            as_is = keep_vars or isinstance(value, _UNINITIALIZED)
            destination[name] = value if as_is else value.detach()
    return destination


def load_state_dict(module: Module, given: Any, strict: bool, assign: bool) -> IncompatibleKeys:
    """Check everything first, then load: on an error nothing has changed."""
    if not isinstance(given, Mapping):
        raise TypeError(f"load_state_dict: expected a dict of tensors by name, got {type(given).__name__}")
    slots = _slots(module, "")
    missing = [name for name in slots if name not in given]
    unexpected = [name for name in given if name not in slots]
    problems = []
    if strict and missing:
        problems.append(f"missing: {', '.join(missing)}")
    if strict and unexpected:
        problems.append(f"unexpected: {', '.join(map(str, unexpected))}")
    ready: list[tuple[Module, str, Any]] = []
    for name, (owner, attribute) in slots.items():
        if name not in given:
            continue
        value = given[name]
        if attribute != EXTRA:
            value, problem = _fitting(owner.__dict__[attribute], value)
            if problem:
                problems.append(f"{name}: {problem}")
                continue
        ready.append((owner, attribute, value))
    if problems:
        hint = "" if not strict else "; strict=False ignores missing and unexpected names"
        lines = "\n  ".join(problems)
        raise RuntimeError(f"load_state_dict: the state does not fit {type(module).__name__}{hint}:\n  {lines}")
    for owner, attribute, value in ready:
        _put(owner, attribute, value, assign)
    return IncompatibleKeys(missing, unexpected)


def _fitting(target: Tensor, value: Any) -> tuple[Any, str | None]:
    """The given value as a Tensor, or what is wrong with it."""
    if isinstance(value, np.ndarray):
        value = Tensor._wrap(value)
    if not isinstance(value, Tensor):
        return None, f"expected a Tensor, got {type(value).__name__}"
    if isinstance(target, _UNINITIALIZED):
        return value, None
    if isinstance(value, _UNINITIALIZED):
        return None, "the given one has no values yet: its lazy module has not been called"
    if value.array.shape != target.array.shape:
        return None, f"expected shape {tuple(target.shape)}, got {tuple(value.shape)}"
    return value, None


def _put(owner: Module, attribute: str, value: Any, assign: bool) -> None:
    if attribute == EXTRA:
        owner.set_extra_state(value)
        return
    target = owner.__dict__[attribute]
    if isinstance(value, _UNINITIALIZED):
        return
    if isinstance(target, _UNINITIALIZED):
        target.materialize(value.array.shape)
    if not assign:
        np.copyto(target.array, value.array, casting="unsafe")
        mark_overwritten(target.array)
    elif isinstance(target, Parameter) and not isinstance(value, Parameter):
        owner.__dict__[attribute] = Parameter(value, target.requires_grad)
        changed()
    else:
        owner.__dict__[attribute] = value
        changed()
