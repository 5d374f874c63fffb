"""The graph as it will be drawn: vertices, edges and clusters, free of both autograd and Graphviz.

Made from recorded nodes (`collect`) or by watching a call (`trace`), simplified by `fold`, written as DOT by `dot`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

__all__ = ["SOURCES", "Cluster", "Edge", "Picture", "Scope", "Vertex"]

Scope = tuple[str, ...]

# Kinds of vertices that compute nothing.
SOURCES = frozenset({"parameter", "buffer", "input", "constant"})


@dataclass(slots=True, eq=False)
class Vertex:
    """One thing to draw.

    Attributes:
        key: unique and the same in every run, so that the DOT text is too.
        kind: "parameter", "buffer", "input", "constant", "op", "output", "group" (a collapsed module) or "rest".
        label: what the operation does ("× 0.5"), or the name of the tensor or module.
        shape, dtype: of its value.
        value: the value, where it is still in memory.
        grad: the cotangent of the value, where it was computed.
        params: the operation's parameters worth showing.
        scope: keys of the module calls it belongs to, from the outermost.
        where: "file:line" of the call.
        flops: floating-point operations of the forward call, where known.
        times: how many equal vertices it stands for.
        op: the operation's name; the class of a collapsed module.
        norms: gradient norms of all the vertices it stands for, if it stands for several.
    """

    key: str
    kind: str
    label: str
    shape: tuple[int, ...] | None = None
    dtype: np.dtype | None = None
    value: np.ndarray | None = None
    grad: np.ndarray | None = None
    params: dict[str, Any] = field(default_factory=dict)
    scope: Scope = ()
    where: str | None = None
    flops: int | None = None
    times: int = 1
    op: str = ""
    norms: list[float] = field(default_factory=list)

    @property
    def nbytes(self) -> int | None:
        """Bytes of its value."""
        if self.shape is None or self.dtype is None:
            return None
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize

    @property
    def norm(self) -> float | None:
        """The Euclidean norm of its gradient."""
        if self.grad is None or not self.grad.size:
            return None
        return float(np.linalg.norm(self.grad.astype(np.float64, copy=False)))


@dataclass(slots=True, frozen=True)
class Edge:
    """A value going from one vertex into another."""

    source: str
    target: str


@dataclass(slots=True)
class Cluster:
    """One call of a module, or what repeats: the frame around its vertices.

    Attributes:
        label: the module's name as in `named_modules`, with the number of the call if there are several.
        kind: the module's class; "" for a repeated run of operations.
        times: how many equal clusters it stands for.
        shapes_in, shapes_out: of the tensors that go in and come out.
        parameters: the number of the module's parameters.
        name: the module's dotted name alone.
    """

    label: str
    kind: str = ""
    times: int = 1
    shapes_in: tuple[tuple[int, ...], ...] = ()
    shapes_out: tuple[tuple[int, ...], ...] = ()
    parameters: int = 0
    name: str = ""


@dataclass(slots=True)
class Picture:
    """Vertices in an order in which each comes after what it depends on, the edges between them, and the clusters."""

    vertices: dict[str, Vertex] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    clusters: dict[Scope, Cluster] = field(default_factory=dict)

    def add(self, vertex: Vertex) -> Vertex:
        """Add a vertex and return it."""
        self.vertices[vertex.key] = vertex
        return vertex

    def copy(self) -> Picture:
        """A picture with vertices of its own, which share values."""
        vertices = {key: replace(v, norms=list(v.norms)) for key, v in self.vertices.items()}
        return Picture(vertices, list(self.edges), dict(self.clusters))

    def connect(self, source: str, target: str) -> None:
        """Add an edge; the same edge twice (x * x) stays two edges."""
        self.edges.append(Edge(source, target))
