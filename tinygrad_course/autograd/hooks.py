"""Functions that users hang on a tensor, to see or change its gradient."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from ..tensor import Tensor

__all__ = ["Hooks", "RemovableHandle"]

_next_id = itertools.count().__next__


class RemovableHandle:
    """Takes a hook off again: by `remove()`, or at the end of a `with` block."""

    def __init__(self, hooks: _Table) -> None:
        self.id = _next_id()
        self._hooks = weakref.ref(hooks)

    def remove(self) -> None:
        """Take the hook off; doing so twice is harmless."""
        hooks = self._hooks()
        if hooks is not None:
            hooks.pop(self.id, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


class _Table(dict[int, Callable[[Tensor], Any]]):
    """A dict that can be referred to weakly: a handle does not keep the graph alive."""

    __slots__ = ("__weakref__",)


class Hooks:
    """The hooks of one tensor.

    Attributes:
        gradient: called with the gradient as it is computed; each may return another.
        accumulated: called with the leaf after its `.grad` has grown.
        keeper: refers to the tensor whose `.grad` is to keep the gradient of a node (`retain_grad`).
    """

    __slots__ = ("accumulated", "gradient", "keeper")

    def __init__(self) -> None:
        self.gradient = _Table()
        self.accumulated = _Table()
        self.keeper: weakref.ref[Tensor] | None = None

    def add_gradient(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Register a hook on the gradient."""
        return _add(self.gradient, hook)

    def add_accumulated(self, hook: Callable[[Tensor], None]) -> RemovableHandle:
        """Register a hook to run after accumulation."""
        return _add(self.accumulated, hook)

    def changed(self, g: Any, shape: tuple[int, ...], record: bool) -> Any:
        """The gradient after all hooks; they see it in its full shape."""
        if not self.gradient:
            return g
        if g.shape != shape:
            g = np.broadcast_to(g, shape)
        shown = g if isinstance(g, Tensor) else Tensor._wrap(np.asarray(g))
        dtype = shown.array.dtype
        for hook in list(self.gradient.values()):
            new = hook(shown)
            if new is None:
                continue
            if not isinstance(new, Tensor) or new.array.shape != shape:
                got = f"a Tensor of shape {tuple(new.shape)}" if isinstance(new, Tensor) else type(new).__name__
                raise RuntimeError(f"hook: expected None or a Tensor of the gradient's shape {shape}, got {got}")
            shown = new if new.array.dtype == dtype else new.to(dtype)
        return shown if record else shown.array


def _add(table: _Table, hook: Any) -> RemovableHandle:
    if not callable(hook):
        raise TypeError(f"hook: expected a function, got {type(hook).__name__}")
    handle = RemovableHandle(table)
    table[handle.id] = hook
    return handle
