"""Recompute instead of store: backward runs a part of the model again for the values that it needs.

Chen, Xu, Zhang, Guestrin (2016), "Training deep nets with sublinear memory cost".

The function runs once with recording on; then the values on its nodes are dropped, and each node is told how to get
them back. When backward comes to such a node, the function runs again, and its new nodes hand their values to the old
ones, in order. The graph itself stays as it was recorded, so gradients of any order, hooks, several outputs and
parameters in closures need nothing special.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from .. import random
from ..graph import Node, Observer, state, traced
from ..overwrites import overwritten_since
from ..tensor import Tensor
from .engine import describe
from .tree import flatten

__all__ = ["checkpoint", "checkpoint_sequential"]


def checkpoint(
    function: Callable[..., Any], *args: Any, use_reentrant: bool | None = None, preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:  # fmt: skip
    """Give `function(*args, **kwargs)` without keeping its intermediate values; backward computes them again.

    The function must do the same when it runs again: it runs with the same arguments and the same random numbers, but
    what else it reads must not change until backward, and what else it writes (running statistics) is written twice.

    Args:
        function: any function of tensors, a module for example; it may use parameters that are no arguments.
        args: its arguments.
        use_reentrant: accepted for PyTorch's sake; there is one implementation, without restrictions.
        preserve_rng_state: put the default generator back to where it was when the function ran first.
        kwargs: its keyword arguments.

    Raises:
        RuntimeError: in backward, if the function does something else the second time, or its inputs were overwritten.

    Example:
        >>> import tinygrad_course as tc
        >>> x = tc.tensor(0.5, requires_grad=True)
        >>> y = tc.utils.checkpoint.checkpoint(lambda x: tc.tanh(x) * tc.exp(x), x)
        >>> y.backward()
        >>> x.grad
        tensor(2.0585)
    """
    if not state.grad or traced():  # what is traced plans its memory itself, and must see each draw once
        return function(*args, **kwargs)
    segment = _Segment(function, args, kwargs, preserve_rng_state)
    with _Recorder() as recorder:
        out = function(*args, **kwargs)
    segment.take(recorder.nodes)
    return out


def checkpoint_sequential(functions: Any, segments: int, input: Any, **options: Any) -> Any:
    """Apply functions (or a `Sequential`) one after the other, checkpointed in `segments` parts of equal length.

    With n functions and √n segments, memory grows as √n.

    Raises:
        ValueError: if there are fewer functions than segments, or no segment.
    """
    functions = list(functions)
    if not 1 <= segments <= max(len(functions), 1):
        raise ValueError(f"checkpoint_sequential: expected 1 to {len(functions)} segments, got {segments}")
    bounds = [len(functions) * i // segments for i in range(segments + 1)]
    for start, stop in pairwise(bounds):
        input = checkpoint(_chain, functions[start:stop], input, **options)
    return input


def _chain(functions: Sequence[Callable[[Any], Any]], x: Any) -> Any:
    for function in functions:
        x = function(x)
    return x


def _now(ref: weakref.ref[Node], became: dict[int, Node]) -> weakref.ref[Node]:
    """Refer to what a node has become, if it has."""
    node = became.get(id(ref()))
    return ref if node is None else weakref.ref(node)


class _Recorder(Observer):
    """Collects the nodes that are recorded, in order."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []

    def saw(
        self, op: Any, inputs: tuple[Any, ...], params: dict[str, Any], outs: tuple[Tensor, ...], node: Any
    ) -> None:
        if node is not None:
            self.nodes.append(node)
            self.nodes += [y.node for y in outs if y.node is not node and isinstance(y.node, Node)]


class _Segment:
    """A run of a function whose values were dropped, and how to repeat it."""

    def __init__(self, function: Callable[..., Any], args: Any, kwargs: Any, preserve_rng_state: bool) -> None:
        self.call = function, args, kwargs
        self.inference = state.inference
        self.random = random.default_generator().get_state() if preserve_rng_state else None
        # Their values must still be there when the function runs again.
        self.read = {id(x): (x, x.array) for x in flatten((args, kwargs))[0] if isinstance(x, Tensor)}
        self.nodes: list[weakref.ref[Node]] = []  # weakly: the nodes refer to the segment
        self.trace: list[tuple[str, Any]] = []
        self.moment = 0

    def take(self, nodes: Sequence[Node]) -> None:
        """Drop the values of these nodes; they are to come from here."""
        for node in nodes:
            self.trace.append((node.name, node.output.shape))
            for parent in node.parents:
                if isinstance(parent, Tensor):
                    self.read[id(parent)] = parent, parent.array
            if node.inputs is not None or node.restore is not None:  # else the function has used it up itself
                node.release()
                node.restore = self
        self.nodes = [weakref.ref(node) for node in nodes]
        self.moment = nodes[-1].seq if nodes else 0

    def __call__(self) -> None:
        """Run the function again and put the values back."""
        function, args, kwargs = self.call
        name = getattr(function, "__name__", type(function).__name__)
        for x, array in self.read.values():
            if x.array is not array or overwritten_since(array, self.moment):
                raise RuntimeError(
                    f"checkpoint: a tensor of shape {tuple(x.shape)} that {name} reads was overwritten before "
                    "backward, which would compute with the new values; call backward first"
                )
        again = self._run(function, args, kwargs)
        self._compare(name, again)
        old = [node() for node in self.nodes]
        became: dict[int, Node] = {}
        for node, new in zip(old, again):
            if node is None or node.restore is not self:
                continue
            node.op, node.inputs, node.output, node.restore = new.op, new.inputs, new.output, new.restore
            became[id(new)] = node
        # A checkpoint inside this one has dropped values of the new nodes: it is to restore the old ones instead.
        for inner in {node.restore for node in became.values() if isinstance(node.restore, _Segment)}:
            inner.nodes = [_now(ref, became) for ref in inner.nodes]

    def _run(self, function: Callable[..., Any], args: Any, kwargs: Any) -> list[Node]:
        generator = random.default_generator()
        drawn = generator.get_state() if self.random is not None else None
        before = state.grad, state.inference
        state.grad, state.inference = True, self.inference
        try:
            if self.random is not None:
                generator.set_state(self.random)
            with _Recorder() as recorder:
                function(*args, **kwargs)
        finally:
            state.grad, state.inference = before
            if drawn is not None:
                generator.set_state(drawn)
        return recorder.nodes

    def _compare(self, name: str, again: Sequence[Node]) -> None:
        """Raise unless the second run did what the first one did."""
        for i, ((op, shape), node) in enumerate(zip(self.trace, again)):
            if (op, shape) != (node.name, node.output.shape):
                raise RuntimeError(
                    f"checkpoint: {name} did something else the second time: operation {i} was {op} with a result of "
                    f"shape {shape}, and is now {describe(node)} with {node.output.shape}; "
                    "it must not depend on anything that changes between forward and backward"
                )
        if len(self.trace) != len(again):
            raise RuntimeError(
                f"checkpoint: {name} did something else the second time: it recorded {len(self.trace)} operations, "
                f"and now {len(again)}; it must not depend on anything that changes between forward and backward"
            )
