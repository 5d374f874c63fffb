"""From a call to a picture: watch every operation of a module or function, whether it needs a gradient or not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..autograd.anomaly import _calling_line
from ..autograd.engine import key_of
from ..graph import Node, Observer
from ..nn.module import Module
from ..nn.parameter import Parameter
from ..tensor import Tensor
from .build import Builder
from .collect import cotangents
from .names import module_names, modules_of
from .picture import Cluster, Picture, Scope

__all__ = ["Call", "Entered", "Trace", "tensors_in", "trace"]


@dataclass(slots=True, eq=False)
class Call:
    """One executed operation: each source is the Call that made the input, or None."""

    op: str
    inputs: tuple[Any, ...]
    arrays: tuple[Any, ...]
    params: dict[str, Any]
    outs: tuple[Tensor, ...]
    made: np.ndarray
    sources: tuple[Call | None, ...]
    scope: Scope
    where: str | None
    node: Any


@dataclass(slots=True, eq=False)
class Entered:
    """One call of a module."""

    module: Module
    name: str
    scope: Scope
    inputs: list[Tensor] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)
    calls: dict[int, int] = field(default_factory=dict)  # how often each module was called from here


class Trace(Observer):
    """Records the operations of the current thread, and in which module calls they happen.

    Args:
        modules: by name, those whose calls are noted, with all inside them.
        lines: note the line outside the package that each operation was called from.
    """

    traces = True

    def __init__(self, modules: Mapping[str, Module], lines: bool = False) -> None:
        self.calls: list[Call] = []
        self.entered: list[Entered] = []
        self._lines = lines
        self._modules = modules
        self._open = [Entered(Module(), "", ())]
        # What made a tensor, with the array it had then (in place it may get another); and what made an array, for
        # tensors that share it, such as x.detach(). Both are kept alive, so that no id comes back.
        self._by_tensor: dict[int, tuple[Tensor, np.ndarray, Call | None]] = {}
        self._by_array: dict[int, tuple[np.ndarray, Call]] = {}

    def maker(self, x: Any) -> Call | None:
        """The call that made a value; None for one that was there before."""
        array = x
        if isinstance(x, Tensor):
            array = x.array
            known = self._by_tensor.get(id(x))
            if known is not None and known[1] is array:
                return known[2]
        found = self._by_array.get(id(array))
        return None if found is None else found[1]

    def saw(
        self, op: Any, inputs: tuple[Any, ...], params: dict[str, Any], outs: tuple[Tensor, ...], node: Any
    ) -> None:
        arrays = tuple(x.array if isinstance(x, Tensor) else x for x in inputs)
        where = _calling_line() if self._lines else None
        sources = tuple(map(self.maker, inputs))
        made = outs[0].array if outs else np.empty(0)
        for x, source in zip(inputs, sources):
            if source is None and isinstance(x, Tensor):
                self._by_tensor.setdefault(id(x), (x, x.array, None))
        call = Call(op.name, inputs, arrays, params, outs, made, sources, self._open[-1].scope, where, node)
        self.calls.append(call)
        self._made_by(call, outs)

    def _made_by(self, call: Call, outs: Sequence[Tensor]) -> None:
        for y in outs:
            self._by_tensor[id(y)] = (y, y.array, call)
            self._by_array[id(y.array)] = (y.array, call)

    def escaped(self, x: Tensor, how: str) -> None:
        """Values written in place outside of the graph: `x` is then what the operation just before has computed."""
        if not how.endswith(("_", "=")) and how != "setitem":
            return
        last = self.calls[-1] if self.calls else None
        if last is None or how == "setitem" or not any(y is x for y in last.inputs):
            where = _calling_line() if self._lines else None
            source = (self.maker(x),)
            last = Call(how, (x,), (x.array,), {}, (x,), x.array, source, self._open[-1].scope, where, None)
            self.calls.append(last)
        self._made_by(last, (x,))

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Observe, with temporary hooks on the modules that tell which of them is being called."""
        with ExitStack() as stack:
            for prefix, outermost in self._modules.items():
                for name, module in outermost.named_modules(prefix=prefix):
                    before = module.register_forward_pre_hook(self._entering(name), prepend=True, with_kwargs=True)
                    stack.callback(before.remove)
                    stack.callback(module.register_forward_hook(self._leaving).remove)
            stack.enter_context(self)
            yield

    def _entering(self, name: str) -> Callable[[Module, tuple[Any, ...], dict[str, Any]], None]:
        def enter(module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            outside = self._open[-1]
            number = outside.calls[id(module)] = outside.calls.get(id(module), 0) + 1
            scope = (*outside.scope, f"{name}#{number}") if name else outside.scope
            here = Entered(module, name, scope, tensors_in((args, kwargs)))
            self.entered.append(here)
            self._open.append(here)

        return enter

    def _leaving(self, module: Module, args: tuple[Any, ...], output: Any) -> None:
        while self._open[-1].module is not module:  # left by an exception that somebody caught
            self._open.pop()
        self._open.pop().outputs = tensors_in(output)

    def clusters(self) -> dict[Scope, Cluster]:
        """A cluster for each call of a module."""
        last: dict[tuple[Scope, str], int] = {}
        for e in self.entered:
            last[e.scope[:-1], e.name] = last.get((e.scope[:-1], e.name), 0) + 1
        found = {}
        for e in self.entered:
            repeated = last[e.scope[:-1], e.name] > 1
            number = e.scope[-1].rpartition("#")[2] if e.scope else ""
            found[e.scope] = Cluster(
                f"{e.name} (call {number})" if repeated and e.name else e.name, type(e.module).__name__,
                shapes_in=_shapes(e.inputs), shapes_out=_shapes(e.outputs),
                parameters=sum(p.array.size for p in e.module.parameters()), name=e.name,
            )  # fmt: skip
        return found

    def needed(self, outputs: Sequence[Tensor]) -> list[Call]:
        """The calls that the outputs depend on, in their order."""
        seen: set[int] = set()
        stack = [call for call in map(self.maker, outputs) if call is not None]
        while stack:
            call = stack.pop()
            if id(call) not in seen:
                seen.add(id(call))
                stack.extend(source for source in call.sources if source is not None)
        return [call for call in self.calls if id(call) in seen]

    @staticmethod
    def _named(calls: Sequence[Call]) -> tuple[list[Call], dict[int, str]]:
        """The calls that are drawn, and the key that stands for each: an alias is what it is an alias of."""
        keys: dict[int, str] = {}
        drawn: list[Call] = []
        for call in calls:
            if call.op == "alias" and call.sources[0] is not None:
                keys[id(call)] = keys[id(call.sources[0])]
            else:
                keys[id(call)] = f"node{len(drawn)}"
                drawn.append(call)
        return drawn, keys

    def picture(self, outputs: Sequence[Tensor], names: Mapping[int, str], *, gradients: bool = False) -> Picture:
        """What led to the outputs, with the frames of the modules."""
        owned: dict[int, str] = {}
        for prefix, module in self._modules.items():
            owned |= module_names(module, prefix)
        calls, keys = self._named(self.needed(outputs))
        grads = cotangents(outputs, _wanted(calls)) if gradients else {}
        builder = Builder({**names, **owned})
        builder.picture.clusters = self.clusters()
        sources: dict[int, str] = {}

        def source_of(x: Any) -> str | None:
            """The key of a tensor that was there before; added where it is first used."""
            if not isinstance(x, Tensor):
                return sources.get(id(x))
            key = id(x.array)
            if key not in sources:
                own = isinstance(x, Parameter) or key in owned
                kind = "parameter" if isinstance(x, Parameter) or (x.requires_grad and x.is_leaf) else "input"
                if own and kind == "input":
                    kind = "buffer"
                if kind == "input" and key not in builder.names:
                    return None  # a constant
                sources[key] = builder.source(kind, x.array, grads.get(x))
            return sources[key]

        for call in calls:
            found = [keys[id(s)] if s is not None else source_of(x) for s, x in zip(call.sources, call.inputs)]
            builder.call(
                keys[id(call)], call.op, call.arrays, call.params, found, call.made, grad=grads.get(call.outs[0].node),
                scope=call.scope, where=call.where,
            )  # fmt: skip
        for i, y in enumerate(outputs):
            maker = self.maker(y)
            at = keys[id(maker)] if maker is not None else source_of(y)
            builder.output(i, len(outputs), y.array, at, grads.get(key_of(y)))
        return builder.finish()


def trace(
    function: Callable[..., Any], inputs: Sequence[Any], names: Mapping[int, str], *, gradients: bool = False,
    lines: bool = False,
) -> Picture:  # fmt: skip
    """Call a module or a function and give the picture of what it did.

    Args:
        function: a Module or a function.
        inputs: its arguments.
        names: names of tensors, by the id of the array.
        gradients: compute the cotangent of every value too, of the sum of the outputs.
        lines: note source lines.
    """
    watch = Trace(modules_of(function), lines)
    with watch.watching():
        result = function(*inputs)
    outputs = tensors_in(result)
    label = type(function).__name__ if isinstance(function, Module) else getattr(function, "__name__", "the function")
    if not outputs:
        raise ValueError(f"draw: {label} returned {type(result).__name__}, which holds no Tensor; return what to draw")
    if gradients and not any(y.requires_grad for y in outputs):
        raise ValueError(
            f"draw: the outputs of {label} do not require grad, so there are no gradients to draw; "
            'use direction="forward", or give it parameters or inputs that require grad, outside of no_grad'
        )
    return watch.picture(outputs, names, gradients=gradients)


def tensors_in(x: Any) -> list[Tensor]:
    """The tensors in nested tuples, lists and dicts, in their order."""
    if isinstance(x, Tensor):
        return [x]
    parts = x.values() if isinstance(x, Mapping) else x if isinstance(x, (tuple, list)) else ()
    return [t for part in parts for t in tensors_in(part)]


def _wanted(calls: Sequence[Call]) -> list[Node | Tensor]:
    found: dict[Any, None] = {}
    for call in calls:
        for y in call.outs[:1]:
            if isinstance(y.node, Node):
                found[y.node] = None
        for x in call.inputs:
            if isinstance(x, Tensor) and x.requires_grad and x.is_leaf:
                found[x] = None
    return list(found)


def _shapes(tensors: Sequence[Tensor]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(x.array.shape) for x in tensors)
