"""The backward pass: reverse-mode differentiation over recorded nodes, without recursion.

Nodes are visited from the latest to the earliest, so a node's cotangent is complete when its turn comes. A cotangent
may have a smaller shape that broadcasts to the value's (the gradient of a sum stays a single number until somebody
needs all of it). The engine, not the rules, sums over broadcast axes and keeps each input's dtype.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import Any

import numpy as np

from .. import graph, overwrites
from ..graph import TINY, Bundle, Node, Spec
from ..overwrites import overwritten_since
from ..tensor import Tensor

__all__ = ["conform", "describe", "key_of", "pull_back", "settle"]

ndarray = np.ndarray
add_reduce = np.add.reduce


def pull_back(
    roots: Iterable[tuple[Tensor, Any]], *, wanted: Sequence[Tensor] | None = None, keep: bool = False,
    record: bool = False, retained: list[tuple[Tensor, Any]] | None = None,
) -> dict[Any, Any]:  # fmt: skip
    """Carry cotangents from the roots back to the leaves.

    Args:
        roots: outputs with their cotangents (arrays, or Tensors if `record`).
        wanted: compute for these tensors only; default: all leaves.
        keep: keep the saved values, so that the graph can be used again.
        record: run the rules on Tensors, so that the backward pass is itself recorded.
        retained: receives the intermediate tensors that called `retain_grad`, with their cotangents.

    Returns:
        Cotangents by graph key (`key_of(tensor)`): a leaf Tensor or a Node. Their shapes may still be broadcastable
        only; `settle` gives the final form.
    """
    pending: dict[Any, Any] = {}
    heap: list[tuple[int, Node]] = []
    following: Any = None  # a node that is not on the heap: in a chain none ever is
    sums: set[Any] = set()  # whose pending cotangent is a sum made here: nobody else sees it, so it grows in place
    for root, g in roots:
        key = key_of(root)
        if key in pending:
            pending[key] = pending[key] + g
        else:
            pending[key] = g
            if type(key) is Node:
                heappush(heap, (-key.seq, key))
    expand = targets = None
    if wanted is not None:
        targets = {key_of(t) for t in wanted}
        expand = _on_the_way(pending, targets)
    found: dict[Any, Any] = {}
    observers = graph.state.observers
    watched = bool(observers)
    node: Any = None
    try:
        while heap or following is not None:
            if following is None or (heap and -heap[0][0] > following.seq):
                node = heappop(heap)[1]
            else:
                node, following = following, None
            g = pending.pop(node)
            y = node.output
            if node.hooks is not None:
                g = node.hooks.changed(g, y.shape, record)
                keeper = node.hooks.keeper and node.hooks.keeper()
                if retained is not None and keeper is not None and keeper.node is node:
                    retained.append((keeper, g))
            parents = node.parents
            if targets is not None:
                if node in targets:
                    found[node] = g
                if node not in expand:  # type: ignore[operator]
                    continue
                parents = [p if p is not None and (p in targets or p in expand) else None for p in parents]  # type: ignore[operator]
            inputs = node.inputs
            if inputs is None:
                inputs = _restored(node)
                y = node.output
            if node.seq <= overwrites.latest:
                _check_intact(node)
            op = node.op
            params = node.params
            if record:
                inputs, y = _lifted(node, inputs)
            if not op.lazy:
                g = _completed(g, y)
            if watched:
                for observer in observers:
                    observer.pulls(node)
            rules = op.rules
            if len(parents) > op.arity:
                _check_rules(op, parents)
            whole = op.joint or watched  # all cotangents at once, or each when its turn comes
            if whole:
                rules = op.pullback(g, y, inputs, params, [p is not None for p in parents])
                for observer in observers:
                    observer.pulled(node, rules)
            else:
                arguments = (g, y, *inputs)
            stretches = op.stretches
            for parent, c, x in zip(parents, rules, inputs):
                if parent is None or c is None:
                    continue
                if not whole:
                    c = c(*arguments, **params) if params else c(*arguments)
                try:
                    ours, theirs = c.shape, x.shape
                    if (ours != theirs and ours) or (stretches and y.shape != theirs):
                        c = conform(c, y.shape if stretches else ours, theirs, op)
                    if c.dtype is not x.dtype:
                        c = c.astype(x.dtype)
                except AttributeError:  # a rule gave a Python number
                    c = np.broadcast_to(np.asarray(c, x.dtype), x.shape)
                if parent not in pending:
                    pending[parent] = c
                    if type(parent) is Node:
                        if following is None:
                            following = parent
                        else:
                            heappush(heap, (-parent.seq, parent))
                    continue
                before = pending[parent]
                if parent in sums and before.shape == c.shape:
                    np.add(before, c, out=before)
                else:
                    pending[parent] = before = before + c
                    if type(before) is ndarray and not record:
                        sums.add(parent)
            if not keep:
                node.inputs = node.restore = None
                if type(y) is not ndarray or y.nbytes > TINY:
                    node.release()
            arguments = ()
            c = x = before = None  # or they would live on while the next rule runs
        for node, g in pending.items():  # what is left are leaves
            if targets is None or node in targets:
                hooks = node._hooks
                found[node] = g if hooks is None else hooks.changed(g, node.array.shape, record)
    except Exception as error:
        error.add_note(f"This happened in the backward pass, at the gradient of {describe(node)}.")
        raise
    return found


def key_of(x: Tensor) -> Any:
    """What stands for a tensor in the graph: the Node that made it, or itself if it is a leaf."""
    return x.node if type(x.node) is Node else x


def describe(node: Any) -> str:
    """A place in the graph, for messages."""
    if type(node) is not Node:
        return "nothing yet" if node is None else f"a leaf of shape {tuple(node.array.shape)}"
    return f"{node!r}, called at {node.where}" if node.where else repr(node)


def settle(g: Any, x: Tensor) -> Any:
    """A cotangent in its final form: of the tensor's own shape."""
    return g if g.shape == x.array.shape else np.broadcast_to(g, x.array.shape)


def conform(g: Any, y_shape: tuple[int, ...], x_shape: tuple[int, ...], op: Any = None) -> Any:
    """Sum a cotangent of a broadcast result over the axes along which the input was repeated.

    `g` may itself have a smaller shape that broadcasts to `y_shape`; then repeating is multiplying.
    """
    if type(g) is Bundle:
        return g
    shape = g.shape
    if op is None or op.broadcasts:
        lead = len(y_shape) - len(x_shape)
        if lead == 1 and shape == y_shape and y_shape[1:] == x_shape:  # a bias
            return add_reduce(g, 0)
        if y_shape != x_shape or shape != x_shape:
            g = _unbroadcast(g, y_shape, x_shape, lead)
            shape = g.shape
    if shape and not _fits(shape, x_shape):
        name = "vjp" if op is None else f"{op.name}: its vjp"
        raise RuntimeError(
            f"{name} gave a cotangent of shape {tuple(shape)} for an input of shape {tuple(x_shape)}; "
            "the shapes must be equal (declare broadcasts=True if the inputs are broadcast)"
        )
    return g


def _unbroadcast(g: Any, y_shape: tuple[int, ...], x_shape: tuple[int, ...], lead: int) -> Any:
    repeated = [i for i, n in enumerate(y_shape) if n != 1 and (i < lead or x_shape[i - lead] == 1)]
    if (not repeated and lead == 0) or len(g.shape) > len(y_shape):
        return g
    full = (1,) * (len(y_shape) - len(g.shape)) + tuple(g.shape)
    factor = 1
    for i in repeated:
        if full[i] == 1:
            factor *= y_shape[i]
    if len(full) != len(g.shape):
        g = g.reshape(full)
    axes = tuple(i for i in repeated if full[i] != 1)
    if axes:
        g = add_reduce(g, axes[0] if len(axes) == 1 else axes, keepdims=True)
    if factor != 1:
        g = g * factor
    return g.reshape(g.shape[lead:]) if lead else g


def _fits(shape: Sequence[int], target: Sequence[int]) -> bool:
    """Whether a shape broadcasts to the target without growing it."""
    return len(shape) <= len(target) and all(a in (1, b) for a, b in zip(reversed(shape), reversed(target)))


def _on_the_way(pending: dict[Any, Any], targets: set[Any]) -> set[Node]:
    """The nodes through which some target can be reached."""
    seen = {k for k in pending if type(k) is Node}
    stack = list(seen)
    while stack:
        for p in stack.pop().parents:
            if type(p) is Node and p not in seen:
                seen.add(p)
                stack.append(p)
    expand: set[Node] = set()
    for node in sorted(seen, key=lambda n: n.seq):
        if any(p is not None and (p in targets or p in expand) for p in node.parents):
            expand.add(node)
    return expand


def _lifted(node: Node, inputs: Sequence[Any]) -> tuple[list[Any], Any]:
    """The saved values as Tensors at their places in the graph, so that the rules' work is recorded."""
    lifted = []
    seen = graph.traced()  # what watches must see where every value comes from
    for x, parent in zip(inputs, node.parents):
        if parent is None or type(x) is not ndarray:
            lifted.append(Tensor._wrap(x) if seen and type(x) is ndarray else x)
        elif type(parent) is Node:
            lifted.append(Tensor._wrap(x, parent))
        elif parent.array is x or np.shares_memory(parent.array, x):
            lifted.append(parent)
        else:
            raise RuntimeError(
                f"{node.name}: the values of a leaf were replaced (x.data = ...) since it was used, so its gradient "
                "cannot be differentiated again; take the gradient before replacing them"
            )
    y = node.output
    if type(y) is ndarray:
        y = Tensor._wrap(y, node)
    elif type(y) is Bundle:
        from ..ops.op import pick

        y = Bundle(Tensor._wrap(part, Node(pick, {"index": i}, (y,), (node,), part)) for i, part in enumerate(y))
    return lifted, y


def _completed(g: Any, y: Any) -> Any:
    """A cotangent as a rule gets it that is not lazy: an array of the output's shape; zeros for outputs without one."""
    if type(y) is Bundle:
        return Bundle(np.zeros(part.shape, part.dtype) if c is None else _completed(c, part) for c, part in zip(g, y))
    if g.shape != y.shape:
        return np.broadcast_to(g, y.shape)
    return np.asarray(g) if isinstance(g, np.generic) else g


def _check_rules(op: Any, parents: Sequence[Any]) -> None:
    """Raise if an input that wants a gradient has no rule, not even None."""
    for i, parent in enumerate(parents):
        if i >= len(op.rules) and parent is not None:
            raise RuntimeError(
                f"{op.name}: input {i} wants a gradient, but there are vjp rules for {len(op.rules)} inputs only; "
                "give one for each input, None where there is no gradient"
            )


def _restored(node: Node) -> Sequence[Any]:
    restore = None
    while node.inputs is None and node.restore is not restore:  # checkpoints nest: each one leads to the next
        restore = node.restore
        if restore is not None:
            restore()
    if node.inputs is None:
        raise RuntimeError(
            f"backward: the saved values of {node.name!r} have been freed, as this graph was used by backward before; "
            "pass retain_graph=True to the first call, or compute the loss again"
        )
    return node.inputs


def _check_intact(node: Node) -> None:
    """Raise if a value that a rule will read was overwritten in place since it was saved."""
    keep_y, keep = node.op.kept(tuple(p is not None for p in node.parents))
    values = [x for x, k in zip(node.inputs or (), keep) if k]
    if keep_y:
        values += node.output if type(node.output) is Bundle else [node.output]
    for x in values:
        if not isinstance(x, Spec) and overwritten_since(x, node.seq):
            at = f" at {node.where}" if node.where else ""
            raise RuntimeError(
                f"{node.name}{at}: a value of shape {tuple(x.shape)} that its gradient needs was overwritten in "
                "place since; compute the gradient before writing, or write into a copy (x.clone())"
            )
