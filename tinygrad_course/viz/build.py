"""Put sources and calls into a picture: what collecting from nodes and tracing have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..graph import Spec
from .flops import flops
from .labels import number_text, shown_params, title
from .picture import Picture, Scope, Vertex

__all__ = ["Builder"]


class Builder:
    """Builds a picture call by call.

    Args:
        names: names of tensors, by the id of the array.
    """

    def __init__(self, names: Mapping[int, str]) -> None:
        self.names = names
        self.picture = Picture()
        self._users: dict[str, list[Scope]] = {}
        self._constants: dict[int, str] = {}
        self._held: list[Any] = []  # so that no id is used again
        self._unnamed = 0

    def source(self, kind: str, x: Any, grad: np.ndarray | None = None) -> str:
        """Add a parameter, a buffer or an input, and return its key."""
        name = self.names.get(id(x), "")
        if not name:
            self._unnamed += 1
            name = f"{kind} {self._unnamed}"
        key = f"leaf{len(self._users)}"
        self._users[key] = []
        value = x if isinstance(x, np.ndarray) else None
        self.picture.add(Vertex(key, kind, name, tuple(x.shape), x.dtype, value, grad))
        return key

    def _constant(self, x: Any) -> str:
        """Add an array that is no tensor of the user's, or find it again."""
        key = self._constants.get(id(x))
        if key is None:
            name = self.names.get(id(x))
            if name:
                key = self.source("input", x)
            else:
                key = f"const{len(self._constants)}"
                self._users[key] = []
                value = x if isinstance(x, np.ndarray) else None
                label = "constant"
                if value is not None and value.size and (value.size == 1 or not any(value.strides)):
                    label = number_text(value.flat[0].item())
                self.picture.add(Vertex(key, "constant", label, tuple(x.shape), x.dtype, value))
            self._constants[id(x)] = key
            self._held.append(x)
        return key

    def call(
        self, key: str, op: str, inputs: Sequence[Any], params: Mapping[str, Any], sources: Sequence[str | None],
        output: Any, *, grad: np.ndarray | None = None, scope: Scope = (), where: str | None = None,
    ) -> None:  # fmt: skip
        """Add one call of an operation.

        Args:
            key: the vertex's key.
            op: the operation's name.
            inputs: arrays, Specs and numbers.
            params: its keyword parameters.
            sources: for each input the key of the vertex it comes from, or None.
            output: the (first) output: an array or a Spec.
            grad: the output's cotangent.
            scope: the module calls it belongs to.
            where: the line of the call.
        """
        inputs = [self._as_number(x) if source is None else x for x, source in zip(inputs, sources)]
        shape = None if output is None else tuple(output.shape)
        vertex = Vertex(key, "op", title(op, inputs, params), shape, getattr(output, "dtype", None), op=op)
        vertex.value = output if isinstance(output, np.ndarray) else None
        vertex.grad = grad
        vertex.params = shown_params(op, inputs, params)
        vertex.scope = scope
        vertex.where = where
        if shape is not None and inputs:
            vertex.flops = flops(op, [tuple(getattr(x, "shape", ())) for x in inputs], shape, params)
        edges = []
        for x, source in zip(inputs or [None] * len(sources), sources):
            if source is None and isinstance(x, (np.ndarray, Spec)):
                source = self._constant(x)
            if source is not None:
                edges.append(source)
                if source in self._users:
                    self._users[source].append(scope)
        self.picture.add(vertex)
        for source in edges:
            self.picture.connect(source, key)

    def _as_number(self, x: Any) -> Any:
        """An unnamed scalar is shown as a number in the operation, not as a vertex."""
        plain = isinstance(x, np.ndarray) and x.ndim == 0 and id(x) not in self.names
        return x.item() if plain else x

    def output(self, i: int, count: int, x: Any, source: str | None, grad: np.ndarray | None = None) -> None:
        """Add one of `count` outputs; its name, unless the caller has one for it, says which."""
        name = self.names.get(id(x)) or ("output" if count == 1 else f"output {i}")
        self.picture.add(Vertex(f"out{i}", "output", name, tuple(x.shape), x.dtype, x, grad))
        if source is not None:
            self.picture.connect(source, f"out{i}")

    def finish(self) -> Picture:
        """Put each source into the innermost module that all its uses are in, and give the picture."""
        for key, scopes in self._users.items():
            vertex = self.picture.vertices[key]
            if vertex.kind != "input" and scopes:
                vertex.scope = _common(scopes)
                clusters = [self.picture.clusters[vertex.scope[: i + 1]] for i in range(len(vertex.scope))]
                for cluster in reversed(clusters):
                    if cluster.name and vertex.label.startswith(cluster.name + "."):
                        vertex.label = vertex.label[len(cluster.name) + 1 :]
                        break
        return self.picture


def _common(scopes: Sequence[Scope]) -> Scope:
    first = scopes[0]
    length = min(map(len, scopes))
    while any(scope[:length] != first[:length] for scope in scopes):
        length -= 1
    return first[:length]
