"""Hooks of modules: functions called before and after forward, and when gradients pass through."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..graph import Bundle, state
from ..ops.op import Op
from ..tensor import Tensor
from .changes import changed

if TYPE_CHECKING:
    from .module import Module

__all__ = ["HookMethods", "RemovableHandle"]

_ids = itertools.count()


class RemovableHandle:
    """Removes a hook: by `handle.remove()`, or at the end of `with handle:`."""

    def __init__(self, table: Hooks, key: int) -> None:
        self._table = weakref.ref(table)
        self.id = key

    def remove(self) -> None:
        """Remove the hook; again is no error."""
        table = self._table()
        if table is not None:
            table.remove(self.id)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


class Hooks:
    """The hooks of one module, and the call that goes through them."""

    def __init__(self, module: Module) -> None:
        self._module = weakref.ref(module)
        self._all: dict[int, tuple[str, Callable[..., Any], bool]] = {}

    def add(
        self, kind: str, hook: Callable[..., Any], prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Add a hook of a kind: forward_pre, forward, backward_pre or backward."""
        if not callable(hook):
            raise TypeError(f"register_{kind}_hook: expected a function, got {type(hook).__name__}")
        changed()
        key = next(_ids)
        if prepend:
            self._all = {key: (kind, hook, with_kwargs), **self._all}
        else:
            self._all[key] = (kind, hook, with_kwargs)
        return RemovableHandle(self, key)

    def remove(self, key: int) -> None:
        """Remove a hook; with the last one the module's calls are direct again."""
        changed()
        self._all.pop(key, None)
        module = self._module()
        if not self._all and module is not None and module.__dict__.get("_hooks") is self:
            del module.__dict__["_hooks"]

    def discard(self, hook: Callable[..., Any]) -> None:
        """Remove a hook, given itself."""
        for key in [key for key, (_, held, _) in self._all.items() if held is hook]:
            self.remove(key)

    def of(self, kind: str) -> list[tuple[Callable[..., Any], bool]]:
        """The hooks of a kind, in their order."""
        return [(hook, with_kwargs) for k, hook, with_kwargs in self._all.values() if k == kind]

    def call(self, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call the module through its hooks."""
        for hook, with_kwargs in self.of("forward_pre"):
            if with_kwargs:
                changed = hook(module, args, kwargs)
                if changed is not None:
                    args, kwargs = changed
            else:
                changed = hook(module, args)
                if changed is not None:
                    args = changed if isinstance(changed, tuple) else (changed,)
        gate = None
        if state.grad and (self.of("backward") or self.of("backward_pre")):
            gate = _Gate(module, [h for h, _ in self.of("backward_pre")], [h for h, _ in self.of("backward")])
            args = gate.inputs(args)
        y = module.forward(*args, **kwargs)
        for hook, with_kwargs in self.of("forward"):
            changed = hook(module, args, kwargs, y) if with_kwargs else hook(module, args, y)
            if changed is not None:
                y = changed
        return y if gate is None else gate.outputs(y)

    def __getstate__(self) -> dict[str, Any]:
        return {"module": self._module(), "all": self._all}

    def __setstate__(self, saved: dict[str, Any]) -> None:
        self._module = weakref.ref(saved["module"])
        self._all = saved["all"]


class HookMethods:
    """The part of Module that registers hooks."""

    # Per instance once there is a hook; a call without hooks pays for one look-up.
    _hooks: Hooks | None = None

    def _make_hooks(self: Any) -> Hooks:
        if self._hooks is None:
            self.__dict__["_hooks"] = Hooks(self)
        return self._hooks

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args)` before forward; what it returns, if not None, replaces the arguments."""
        return self._make_hooks().add("forward_pre", hook, prepend, with_kwargs)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args, output)` after forward; what it returns, if not None, replaces the output."""
        return self._make_hooks().add("forward", hook, prepend, with_kwargs)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_output)` when the gradient reaches the outputs; its result replaces it."""
        return self._make_hooks().add("backward_pre", hook, prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` once the inputs' gradients are known; it may change them."""
        return self._make_hooks().add("backward", hook, prepend)

    register_backward_hook = register_full_backward_hook


class _Through(Op):
    """Passes several values on unchanged, and shows their cotangents, all at once, to a function."""

    def __init__(self, name: str) -> None:
        super().__init__(name, lambda *xs, watch: xs, lambda g, _y, *_xs, watch: g, lazy=False, broadcasts=False,
                         shrinks=False, variadic=True, doc="Its inputs, unchanged.")  # fmt: skip

    def pullback(self, g: Any, y: Any, inputs: Any, params: dict[str, Any], wanted: Any) -> list[Any]:
        return list(params["watch"](g))


_through = _Through("module_hook")


class _Gate:
    """One call's passage of gradients: in at the outputs, out at the inputs."""

    def __init__(self, module: Module, pre: list[Callable[..., Any]], post: list[Callable[..., Any]]) -> None:
        self.module = module
        self.pre = pre
        self.post = post
        self.at_outputs: tuple[Any, ...] = ()
        self.places: list[int] = []
        self.count = 0

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        self.places = [i for i, a in enumerate(args) if isinstance(a, Tensor) and a.requires_grad]
        self.count = len(args)
        if not self.places or not self.post:
            return args
        passed = list(args)
        for i, y in zip(self.places, _through(*(args[i] for i in self.places), watch=self._reached_inputs)):
            passed[i] = y
        return tuple(passed)

    def outputs(self, y: Any) -> Any:
        several = y if isinstance(y, (tuple, list)) else (y,)
        places = [i for i, a in enumerate(several) if isinstance(a, Tensor) and a.requires_grad]
        if not places:
            return y
        passed = list(several)
        for i, out in zip(places, _through(*(several[i] for i in places), watch=self._reached_outputs)):
            passed[i] = out
        return type(y)(passed) if several is y else passed[0]

    def _reached_outputs(self, g: Bundle) -> Bundle:
        shown = _shown(g)
        for hook in self.pre:
            shown = _changed("backward_pre", hook(self.module, shown), shown)
        self.at_outputs = shown
        if self.post and not self.places:
            for hook in self.post:
                hook(self.module, (None,) * self.count, shown)
        return _like(shown, g)

    def _reached_inputs(self, g: Bundle) -> Bundle:
        shown = _shown(g)
        for hook in self.post:
            everything: list[Any] = [None] * self.count
            for i, part in zip(self.places, shown):
                everything[i] = part
            new = _changed("backward", hook(self.module, tuple(everything), self.at_outputs), tuple(everything))
            shown = tuple(new[i] for i in self.places)
        return _like(shown, g)


def _shown(g: Bundle) -> tuple[Any, ...]:
    return tuple(part if isinstance(part, Tensor) else Tensor._wrap(part) for part in g)


def _like(shown: tuple[Any, ...], g: Bundle) -> Bundle:
    return Bundle(s if isinstance(part, Tensor) else s.array for s, part in zip(shown, g))


def _changed(kind: str, new: Any, old: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a hook returned in place of the gradients, checked."""
    if new is None:
        return old
    listed = new if isinstance(new, tuple) else (new,)
    if len(listed) != len(old):
        raise RuntimeError(f"full_{kind}_hook: expected {len(old)} gradients or None, got {len(listed)}")
    for a, b in zip(listed, old):
        if b is not None and (not isinstance(a, Tensor) or a.shape != b.shape):
            got = tuple(a.shape) if isinstance(a, Tensor) else type(a).__name__
            raise RuntimeError(f"full_{kind}_hook: expected a Tensor of shape {tuple(b.shape)}, got {got}")
    return listed
