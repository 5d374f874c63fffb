"""From recorded nodes to a picture: walk back from tensors to all they depend on, without recursion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..autograd.engine import key_of, pull_back
from ..graph import Bundle, Node
from ..tensor import Tensor
from .build import Builder
from .picture import Picture

__all__ = ["collect", "cotangents"]


def collect(outputs: Sequence[Tensor], names: Mapping[int, str], *, gradients: bool = False) -> Picture:
    """The picture of everything that `outputs` depend on.

    Args:
        outputs: tensors in the graph.
        names: names of tensors and arrays, by the id of the array.
        gradients: compute the cotangent of every value too (the graph is kept).
    """
    nodes, leaves = _reach(outputs)
    grads = cotangents(outputs, [*nodes, *leaves]) if gradients else {}
    builder = Builder(names)
    keys: dict[Any, str] = {}
    for leaf in leaves:
        keys[leaf] = builder.source("parameter", leaf.array, grads.get(leaf))
    for i, node in enumerate(nodes):
        if node.name == "pick":  # one of several outputs: the node that made them stands for it
            keys[node] = keys[node.parents[0]]
            if node.params["index"] == 0 and node in grads:
                builder.picture.vertices[keys[node]].grad = grads[node]
            continue
        if node.name == "alias":
            keys[node] = keys[node.parents[0]]
            continue
        keys[node] = f"node{i}"
        y = node.output[0] if isinstance(node.output, Bundle) else node.output
        sources = [None if parent is None else keys[parent] for parent in node.parents]
        inputs = node.inputs or ()
        builder.call(keys[node], node.name, inputs, node.params, sources, y, grad=grads.get(node), where=node.where)
    for i, y in enumerate(outputs):
        builder.output(i, len(outputs), y.array, keys.get(key_of(y)), grads.get(key_of(y)))
    return builder.finish()


def _reach(outputs: Sequence[Tensor]) -> tuple[list[Node], list[Tensor]]:
    """All nodes, oldest first, and the leaves in the order in which they were first used."""
    nodes: set[Node] = set()
    stack = [y.node for y in outputs if isinstance(y.node, Node)]
    leaves: dict[Tensor, None] = {y: None for y in outputs if y.requires_grad and y.is_leaf}
    while stack:
        node = stack.pop()
        if node not in nodes:
            nodes.add(node)
            stack.extend(p for p in node.parents if isinstance(p, Node))
    ordered = sorted(nodes, key=lambda n: n.seq)
    for node in ordered:
        for parent in node.parents:
            if isinstance(parent, Tensor):
                leaves.setdefault(parent)
    return ordered, list(leaves)


def cotangents(outputs: Sequence[Tensor], keys: Sequence[Node | Tensor]) -> dict[Any, np.ndarray]:
    """The gradient of the sum of the outputs with respect to values in the graph, by Node or leaf."""
    values = [key if isinstance(key, Tensor) else Tensor._wrap(np.empty(0), key) for key in keys]
    roots = [(y, np.ones_like(y.array)) for y in outputs if y.requires_grad]
    found = pull_back(roots, wanted=values, keep=True)
    grads = {}
    for key, g in found.items():
        if getattr(g, "dtype", None) is not None:
            shape = key.array.shape if isinstance(key, Tensor) else key.output.shape
            array = g.array if isinstance(g, Tensor) else g
            grads[key] = array if array.shape == shape else np.broadcast_to(array, shape)
    return grads
