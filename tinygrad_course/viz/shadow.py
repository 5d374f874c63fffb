"""A copy of a graph to differentiate symbolically: the user's graph, its hooks and its gradients stay untouched."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.engine import _restored
from ..graph import Node
from ..tensor import LEAF, Tensor

__all__ = ["Copy", "copied"]


class Copy:
    """A copy of a graph in which every array is a Tensor, so that what rules do with it is seen, and no hook runs.

    Attributes:
        nodes: the copies, oldest first.
        leaves: the copies of leaves that want a gradient.
        of: from an original node or leaf to its copy.
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.leaves: list[Tensor] = []
        self.of: dict[Any, Any] = {}
        self._arrays: dict[int, Tensor] = {}
        self._held: list[Any] = []

    def leaf(self, x: Tensor) -> Tensor:
        if x not in self.of:
            self.of[x] = Tensor._wrap(x.array, LEAF)
            self.leaves.append(self.of[x])
        return self.of[x]

    def array(self, x: np.ndarray) -> Tensor:
        found = self._arrays.get(id(x))
        if found is None:
            found = self._arrays[id(x)] = Tensor._wrap(x, LEAF)
            self._held.append(x)
        return found


def copied(loss: Tensor) -> Copy:
    """Copy the graph behind a tensor."""
    nodes: set[Node] = set()
    stack: list[Any] = [loss.node]
    while stack:
        node = stack.pop()
        if isinstance(node, Node) and node not in nodes:
            nodes.add(node)
            stack.extend(node.parents)
    copy = Copy()
    for node in sorted(nodes, key=lambda n: n.seq):
        inputs = list(_restored(node))
        parents: list[Any] = []
        for x, parent in zip(inputs, node.parents):
            if isinstance(parent, Node):
                parents.append(copy.of[parent])
            elif isinstance(parent, Tensor):
                parents.append(copy.leaf(parent))
            else:
                parents.append(copy.array(x) if type(x) is np.ndarray and x.ndim + x.size > 1 else None)
        twin = Node(node.op, node.params, inputs, parents, node.output)
        twin.seq = node.seq
        copy.nodes.append(twin)
        copy.of[node] = twin
    return copy
