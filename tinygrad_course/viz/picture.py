"""The graph as it will be drawn: vertices and edges, free of both autograd and Graphviz.

Collected from recorded nodes (`collect`) or from watching a call (`trace`), changed by `fold`, written as DOT by `dot`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["Edge", "Picture", "Vertex"]


@dataclass(slots=True, eq=False)
class Vertex:
    """One thing to draw.

    Attributes:
        key: unique and the same in every run, so that the DOT text is too.
        kind: "parameter", "input", "constant", "op", "output" or "group" (a collapsed module or a folded block).
        label: the operation's name, or the tensor's.
        shape, dtype: of its value; None for groups.
        value: the value, where it is still in memory.
        grad: the cotangent of the value, where it was computed.
        params: the operation's parameters worth showing.
        scope: names of the modules it belongs to, from the outermost.
        where: "file:line" of the call.
        flops: floating-point operations of the forward call, where known.
        times: how many equal vertices it stands for.
    """

    key: str
    kind: str
    label: str
    shape: tuple[int, ...] | None = None
    dtype: np.dtype | None = None
    value: np.ndarray | None = None
    grad: np.ndarray | None = None
    params: dict[str, Any] = field(default_factory=dict)
    scope: tuple[str, ...] = ()
    where: str | None = None
    flops: int | None = None
    times: int = 1

    @property
    def nbytes(self) -> int | None:
        """Bytes of its value."""
        if self.shape is None or self.dtype is None:
            return None
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize


@dataclass(slots=True, frozen=True)
class Edge:
    """A value going from one vertex into another."""

    source: str
    target: str


@dataclass(slots=True)
class Picture:
    """Vertices in an order in which each comes after what it depends on, and the edges between them."""

    vertices: dict[str, Vertex] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)

    def add(self, vertex: Vertex) -> Vertex:
        """Add a vertex and return it."""
        self.vertices[vertex.key] = vertex
        return vertex

    def connect(self, source: str, target: str) -> None:
        """Add an edge; the same edge twice (x * x) stays two edges."""
        self.edges.append(Edge(source, target))
