"""From a picture to DOT text: what a vertex says, and how it looks on light and dark pages alike."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

import graphviz
import numpy as np

from .picture import Picture, Vertex
from .render import render

__all__ = ["FACTS", "Drawing", "to_dot"]

# What a vertex can show beside its name.
FACTS = ("shape", "dtype", "bytes", "values", "params", "grad", "norm", "flops", "where")

# Six-digit colours and plain labels only: some engines paint short colours black and drop HTML labels.
_LOOKS: dict[str, dict[str, str]] = {
    "parameter": {"shape": "box", "style": "filled,rounded", "fillcolor": "#ffe7b8", "color": "#b07d1a"},
    "input": {"shape": "box", "style": "filled", "fillcolor": "#d7ecd9", "color": "#3f8f4f"},
    "constant": {"shape": "box", "style": "filled", "fillcolor": "#eeeeee", "color": "#888888"},
    "op": {"shape": "ellipse", "style": "filled", "fillcolor": "#dfeafc", "color": "#3b6fb6"},
    "output": {"shape": "box", "style": "filled,bold", "fillcolor": "#f3dff0", "color": "#8e4585"},
    "group": {"shape": "box3d", "style": "filled", "fillcolor": "#e4e1f5", "color": "#5d4fa2"},
}
_LINE = "#808080"
_ALARM = "#d0021b"


class Drawing(graphviz.Digraph):
    """A `graphviz.Digraph` that can be edited further, shown in a notebook, and rendered without a `dot` program."""

    def pipe(self, format: str | None = None, *args: Any, **kwargs: Any) -> Any:
        """The rendered picture as bytes (as text if `encoding` is given)."""
        data = render(self.source, format or self.format)
        encoding = kwargs.get("encoding")
        return data.decode(encoding) if encoding else data

    def write(self, path: str | Path) -> Path:
        """Render into a file whose ending says the format (.svg, .png, .pdf; .dot or .gv for the text)."""
        path = Path(path)
        ending = path.suffix.lstrip(".").lower() or "svg"
        if ending in ("dot", "gv"):
            path.write_text(self.source, encoding="utf-8")
        else:
            path.write_bytes(self.pipe(ending))
        return path

    def render(self, filename: Any = None, *args: Any, format: str | None = None, **kwargs: Any) -> str:
        """Render into `filename.format`, as `graphviz.Digraph.render` does, and return the path."""
        ending = format or self.format
        return str(self.write(f"{filename or 'graph.gv'}.{ending}"))

    def _repr_svg_(self) -> str:
        return str(self.pipe("svg", encoding="utf-8"))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **kwargs: Any) -> dict[str, str]:
        return {"image/svg+xml": self._repr_svg_()}


def to_dot(
    picture: Picture, *, backward: bool = False, show: Collection[str] = ("shape", "params"), rankdir: str = "TB",
    name: str = "computation",
) -> Drawing:  # fmt: skip
    """Write a picture as DOT text, the same text for the same picture.

    Args:
        picture: what to draw.
        backward: draw the edges from the outputs back.
        show: which `FACTS` each vertex shows.
        rankdir: "TB" from top to bottom, "LR" from left to right.
        name: the graph's name.
    """
    drawing = Drawing(
        name, format="svg",
        graph_attr={"rankdir": rankdir, "bgcolor": "transparent", "ranksep": "0.35", "nodesep": "0.25",
                    "fontname": "Helvetica", "fontcolor": _LINE, "color": _LINE},
        node_attr={"fontname": "Helvetica", "fontsize": "11", "fontcolor": "#1a1a1a", "margin": "0.12,0.06", "height": "0.3"},
        edge_attr={"color": _LINE, "arrowsize": "0.7"},
    )  # fmt: skip
    norms = _norms(picture.vertices.values())
    _put_scope(drawing, picture, (), list(picture.vertices.values()), show, norms)
    for edge in picture.edges:
        tail, head = (edge.target, edge.source) if backward else (edge.source, edge.target)
        drawing.edge(tail, head, **_edge_looks(norms.get(edge.source)))
    return drawing


def _put_scope(
    drawing: Any, picture: Picture, scope: tuple[str, ...], vertices: Sequence[Vertex], show: Collection[str],
    norms: dict[str, float],
) -> None:  # fmt: skip
    """Put vertices into nested clusters, one for each module they belong to."""
    depth = len(scope)
    inner: dict[str, list[Vertex]] = {}
    for vertex in vertices:
        if len(vertex.scope) > depth:
            inner.setdefault(vertex.scope[depth], []).append(vertex)
        else:
            drawing.node(vertex.key, _label(vertex, show), **_looks(vertex))
    for name, members in inner.items():
        path = (*scope, name)
        with drawing.subgraph(name="cluster_" + ".".join(path)) as cluster:
            cluster.attr(label=name, style="rounded", labeljust="l")
            _put_scope(cluster, picture, path, members, show, norms)


def _looks(vertex: Vertex) -> dict[str, str]:
    looks = dict(_LOOKS[vertex.kind])
    if _is_broken(vertex.value) or _is_broken(vertex.grad):
        looks |= {"color": _ALARM, "penwidth": "2.5"}
    return looks


def _is_broken(x: np.ndarray | None) -> bool:
    return x is not None and x.dtype.kind == "f" and not np.isfinite(x).all()


def _label(vertex: Vertex, show: Collection[str]) -> str:
    lines = [vertex.label + (f"  × {vertex.times}" if vertex.times > 1 else "")]
    for fact in FACTS:
        if fact in show:
            lines += _fact(vertex, fact)
    if _is_broken(vertex.value):
        lines.append("NaN or inf in value")
    if _is_broken(vertex.grad):
        lines.append("NaN or inf in gradient")
    return "\n".join(graphviz.escape(line) for line in lines)


def _fact(vertex: Vertex, fact: str) -> list[str]:
    """The lines that tell one fact of a vertex; none where it has none to tell."""
    if fact == "shape" and vertex.shape is not None:
        return [shape_text(vertex.shape)]
    if fact == "dtype" and vertex.dtype is not None:
        return [str(vertex.dtype)]
    if fact == "bytes" and vertex.nbytes is not None:
        return [f"{vertex.nbytes:,} B"]
    if fact == "values" and vertex.value is not None:
        return [values_text(vertex.value)]
    if fact == "params" and vertex.params:
        return [", ".join(f"{k}={v}" for k, v in vertex.params.items())]
    if fact == "grad" and vertex.grad is not None:
        return ["∇ " + values_text(vertex.grad)]
    if fact == "norm" and vertex.grad is not None:
        return [f"‖∇‖ {np.linalg.norm(vertex.grad):.2e}"]
    if fact == "flops" and vertex.flops is not None:
        return [f"{vertex.flops:,} FLOP"]
    if fact == "where" and vertex.where:
        return [vertex.where]
    return []


def shape_text(shape: Sequence[int]) -> str:
    """A shape as on the board: 50 × 3, or "scalar"."""
    return " × ".join(map(str, shape)) if shape else "scalar"


def values_text(x: np.ndarray, most: int = 6) -> str:
    """A few values of an array, or its range if there are more."""
    if x.size <= most:
        return np.array2string(x, precision=3, separator=", ", suppress_small=True).replace("\n", "")
    if x.dtype.kind == "b":
        return f"{int(x.sum())} of {x.size} true"
    return f"{np.nanmin(x):.3g} … {np.nanmax(x):.3g}"


def _norms(vertices: Iterable[Vertex]) -> dict[str, float]:
    return {v.key: float(np.linalg.norm(v.grad)) for v in vertices if v.grad is not None and v.grad.size}


def _edge_looks(norm: float | None) -> dict[str, str]:
    """Thicker and redder with the gradient's size, on a logarithmic scale, so that a vanishing gradient is seen."""
    if norm is None:
        return {}
    if not np.isfinite(norm):
        return {"color": _ALARM, "penwidth": "4.0"}
    strength = float(np.clip((np.log10(max(norm, 1e-30)) + 6) / 8, 0, 1))  # 1e-6 … 1e2
    red, green, blue = (round(a + (b - a) * strength) for a, b in zip((176, 176, 176), (200, 60, 20)))
    return {"penwidth": f"{0.5 + 3 * strength:.2f}", "color": f"#{red:02x}{green:02x}{blue:02x}"}
