"""Call a module with other parameters than its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..tensor import Tensor
from .changes import changed
from .module import MODULE, Module

__all__ = ["functional_call"]


def functional_call(
    module: Module, parameter_and_buffer_dicts: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]], args: Any = None,
    kwargs: dict[str, Any] | None = None, *, tie_weights: bool = True, strict: bool = False,
) -> Any:  # fmt: skip
    """Call `module` as if its parameters and buffers had the given values; afterwards they are its own again.

    So a network is a function of its parameters, for `tc.func.grad`, `jvp` and the like. Gradients flow to the tensors
    that are given. Not for two threads that call the same module at once.

    Args:
        module: the module.
        parameter_and_buffer_dicts: values by dotted name, as from `named_parameters()`; or several such dicts.
        args: the positional arguments, a tuple, or the only one.
        kwargs: the keyword arguments.
        tie_weights: a value for one name of a shared parameter holds for its other names too.
        strict: all names must be given, and no others.

    Raises:
        RuntimeError: for a name that the module does not have, or with `strict` for one that is missing.

    Example:
        >>> import tinygrad_course as tc
        >>> layer = tc.nn.Linear(2, 1)
        >>> tc.nn.functional_call(layer, {"weight": tc.ones(1, 2), "bias": tc.zeros(1)}, tc.tensor([[3.0, 4.0]]))
        tensor([[7.]])
    """
    given: dict[str, Tensor] = {}
    several = (
        [parameter_and_buffer_dicts] if isinstance(parameter_and_buffer_dicts, Mapping) else parameter_and_buffer_dicts
    )
    for values in several:
        doubled = given.keys() & values.keys()
        if doubled:
            raise ValueError(f"functional_call: {', '.join(sorted(doubled))} is given in two dicts")
        given.update(values)
    places = _places(module)
    unexpected = [name for name in given if name not in places]
    missing = [name for name in places if name not in given] if strict else []
    problems = [f"has no {', '.join(unexpected)}"] if unexpected else []
    problems += [f"is not given its {', '.join(missing)}"] if missing else []
    if problems:
        raise RuntimeError(f"functional_call: {type(module).__name__} {' and '.join(problems)}")
    if tie_weights:
        given = _tied(given, places)
    before = [(places[name], places[name][0][places[name][1]]) for name in given]
    try:
        for name, value in given.items():
            values, attribute = places[name]
            values[attribute] = value
        changed()
        return module(*(args if isinstance(args, tuple) else () if args is None else (args,)), **(kwargs or {}))
    finally:
        for (values, attribute), value in before:
            values[attribute] = value
        changed()


def _places(module: Module) -> dict[str, tuple[dict[str, Any], str]]:
    """Where each parameter and buffer is held: the module's `__dict__` and the name in it."""
    places = {}
    for path, owner in module.named_modules(remove_duplicate=False):
        for name, kind in owner._kinds.items():
            if kind != MODULE and owner.__dict__[name] is not None:
                places[f"{path}.{name}" if path else name] = (owner.__dict__, name)
    return places


def _tied(given: dict[str, Tensor], places: dict[str, tuple[dict[str, Any], str]]) -> dict[str, Tensor]:
    """The given values under all names of the tensors they stand for."""
    by_tensor: dict[int, Tensor] = {}
    for name, value in given.items():
        values, attribute = places[name]
        key = id(values[attribute])
        if by_tensor.setdefault(key, value) is not value:
            raise ValueError(
                f"functional_call: {name!r} is shared with another name, and they are given different values"
            )
    tied = {}
    for name, (values, attribute) in places.items():
        if id(values[attribute]) in by_tensor:
            tied[name] = by_tensor[id(values[attribute])]
    return tied
