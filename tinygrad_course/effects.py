"""What acts on values out of sight of the graph, told to observers: so that a recorded computation can repeat it.

Operations are pure and seen one by one (`graph.bind`). Checks of values, optimizers' updates and the like work on
arrays directly. They are run through `check` and `perform`, which cost nothing while nobody watches.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .graph import state
from .tensor import Tensor

__all__ = ["Effect", "check", "perform", "repeatable"]


@dataclass(slots=True, frozen=True, eq=False)
class Effect:
    """Something that can be done again: `function(*args, **kwargs)`.

    Attributes:
        owner: what does it, e.g. the optimizer.
        name: what it is, e.g. "step".
        touches: gives the Tensors whose memory, array or `.grad` it may change.
        only_grads: whether it changes nothing of them but the `.grad`.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    owner: Any
    name: str
    touches: Callable[[], Iterable[Tensor]]
    only_grads: bool = False


def perform(
    function: Callable[..., Any], *args: Any, owner: Any, name: str, touches: Callable[[], Iterable[Tensor]],
    only_grads: bool = False, **kwargs: Any,
) -> Any:  # fmt: skip
    """Call a function that acts on values out of sight of the graph; see `Effect` for the arguments.

    It may read Tensors, but none that were made by the computation around it: only their `.grad` and memory.
    """
    observers = state.observers
    if not observers:
        return function(*args, **kwargs)
    effect = Effect(function, args, kwargs, owner, name, touches, only_grads)
    state.observers = tuple([observer for observer in observers if not observer.performs(effect)])
    try:
        result = function(*args, **kwargs)
    finally:
        state.observers = observers
    for observer in observers:
        observer.performed(effect, result)
    return result


def check(function: Callable[..., None], *inputs: Any, **params: Any) -> None:
    """Call a function that raises if the values of Tensors, given to it as arrays, are not what they must be."""
    function(*[x.array if isinstance(x, Tensor) else x for x in inputs], **params)
    for observer in state.observers:
        observer.checks(function, inputs, params)


def repeatable(method: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a method that changes Python numbers only, such as a scheduler's `step`: each call is an effect."""

    @functools.wraps(method)
    def performed(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not state.observers:
            return method(self, *args, **kwargs)
        return perform(method, self, *args, owner=self, name=method.__name__, touches=tuple, **kwargs)

    return performed
