"""From recorded nodes to a picture: walk back from tensors to all they depend on, without recursion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..autograd.engine import key_of, pull_back
from ..graph import Node, Spec
from ..tensor import Tensor
from .picture import Picture, Vertex

__all__ = ["collect", "shown_params"]


def collect(outputs: Sequence[Tensor], names: Mapping[int, str], *, gradients: bool = False) -> Picture:
    """The picture of everything that `outputs` depend on.

    Args:
        outputs: tensors in the graph.
        names: names of tensors and arrays, by the id of the array.
        gradients: compute the cotangent of every value too (the graph is kept).
    """
    nodes, leaves = _reach(outputs)
    grads = _cotangents(outputs, nodes, leaves) if gradients else {}
    picture = Picture()
    keys: dict[Any, str] = {}
    unnamed = 0
    for leaf in leaves:
        name = names.get(id(leaf.array), "")
        kind = "parameter"
        if not name:
            unnamed += 1
            name = f"{kind} {unnamed}"
        keys[leaf] = f"leaf{len(keys)}"
        picture.add(Vertex(keys[leaf], kind, name, leaf.array.shape, leaf.dtype, leaf.array, grads.get(leaf)))
    constants: dict[int, str] = {}
    for i, node in enumerate(nodes):
        keys[node] = f"node{i}"
        y = node.output
        value = y if isinstance(y, np.ndarray) else None
        shape = y.shape if isinstance(y, (np.ndarray, Spec)) else None
        vertex = Vertex(keys[node], "op", node.name, shape, getattr(y, "dtype", None), value, grads.get(node))
        vertex.params = shown_params(node)
        vertex.where = node.where
        picture.add(vertex)
        for x, parent in zip(node.inputs or [None] * len(node.parents), node.parents):
            if parent is not None:
                picture.connect(keys[parent], vertex.key)
            elif isinstance(x, (np.ndarray, Spec)):
                key = constants.get(id(x))
                if key is None:
                    key = constants[id(x)] = f"const{len(constants)}"
                    held = x if isinstance(x, np.ndarray) else None
                    name = names.get(id(x), "")
                    picture.add(
                        Vertex(key, "input" if name else "constant", name or "constant", x.shape, x.dtype, held)
                    )
                picture.connect(key, vertex.key)
    for i, y in enumerate(outputs):
        name = names.get(id(y.array)) or ("output" if len(outputs) == 1 else f"output {i}")
        picture.add(Vertex(f"out{i}", "output", name, y.array.shape, y.dtype, y.array, grads.get(key_of(y))))
        if key_of(y) in keys:
            picture.connect(keys[key_of(y)], f"out{i}")
    return picture


def shown_params(node: Node) -> dict[str, Any]:
    """What of a call's parameters is worth showing: keywords, and operands that are plain numbers."""
    shown = {k: v for k, v in node.params.items() if isinstance(v, (int, float, str, bool, tuple)) and v != ()}
    for i, (x, parent) in enumerate(zip(node.inputs or (), node.parents)):
        if parent is None and isinstance(x, (int, float)):
            shown[f"operand {i}"] = x
    return shown


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


def _cotangents(outputs: Sequence[Tensor], nodes: Sequence[Node], leaves: Sequence[Tensor]) -> dict[Any, np.ndarray]:
    """The gradient of the sum of the outputs with respect to every value in the graph."""
    values = [Tensor._wrap(np.empty(0), node) for node in nodes] + list(leaves)
    found = pull_back([(y, np.ones_like(y.array)) for y in outputs if y.requires_grad], wanted=values, keep=True)
    return {key: np.broadcast_to(g, _shape_of(key)) for key, g in found.items() if hasattr(g, "dtype") and g.dtype}


def _shape_of(key: Any) -> Any:
    return key.array.shape if isinstance(key, Tensor) else key.output.shape
