"""From a picture to DOT text: what a vertex says, and how it looks on light and dark pages alike."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import graphviz
import numpy as np

from .health import is_sick, troubles
from .labels import count_text, params_text, shape_text, values_text
from .picture import Cluster, Picture, Scope, Vertex
from .render import RenderError, render

__all__ = ["FACTS", "Drawing", "to_dot"]

# What a vertex can show. "op", the first line, is always there.
FACTS = ("op", "params", "shape", "dtype", "bytes", "values", "grad", "norm", "flops", "where")

# Six-digit colours and plain labels only: some engines paint short colours black and drop HTML labels.
_BOX = {"shape": "box", "style": "filled,rounded"}
_LOOKS: dict[str, dict[str, str]] = {
    "parameter": {"shape": "box", "style": "filled", "fillcolor": "#ffe7b8", "color": "#b07d1a"},
    "buffer": {"shape": "box", "style": "filled", "fillcolor": "#f3ecd9", "color": "#a39367"},
    "input": {"shape": "box", "style": "filled", "fillcolor": "#d7ecd9", "color": "#3f8f4f"},
    "constant": {"shape": "box", "style": "filled", "fillcolor": "#eeeeee", "color": "#999999"},
    "op": _BOX | {"fillcolor": "#dfeafc", "color": "#3b6fb6"},
    "output": {"shape": "box", "style": "filled,bold", "fillcolor": "#f3dff0", "color": "#8e4585"},
    "group": {"shape": "box", "style": "filled,bold", "fillcolor": "#e4e1f5", "color": "#5d4fa2"},
    "rest": {"shape": "box", "style": "dashed", "color": "#808080", "fontcolor": "#808080"},
}
_LINE = "#808080"
_ALARM = "#d0021b"


class Drawing(graphviz.Digraph):  # type: ignore[misc]
    """A `graphviz.Digraph` that can be edited further, shown in a notebook, and rendered without a `dot` program."""

    def pipe(self, format: str | None = None, *args: Any, **kwargs: Any) -> Any:
        """The rendered picture as bytes (as text if `encoding` is given)."""
        data = render(self.source, format or self.format, layout=self.engine)
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

    def save(self, filename: Any = None, directory: Any = None, **kwargs: Any) -> str:
        """Write the DOT text, as `graphviz.Digraph.save` does, and return the path."""
        return str(super().save(filename, directory=directory, **kwargs))

    def render(
        self, filename: Any = None, directory: Any = None, view: bool = False, cleanup: bool = False,
        format: str | None = None, *args: Any, outfile: Any = None, **kwargs: Any,
    ) -> str:  # fmt: skip
        """Save the text and render it into `filename.format`, as `graphviz.Digraph.render` does; return the path."""
        if outfile is not None:
            path = str(outfile)
            text = self.save(filename or f"{path}.gv", directory)
            format = format or os.path.splitext(path)[1].lstrip(".")
        else:
            text = self.save(filename, directory)
            path = f"{text}.{format or self.format}"
        Path(path).write_bytes(self.pipe(format))
        if cleanup:
            os.remove(text)
        if view:
            graphviz.view(path)
        return path

    def _repr_svg_(self) -> str:
        return str(self.pipe("svg", encoding="utf-8"))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **kwargs: Any) -> dict[str, str]:
        try:
            return {"image/svg+xml": self._repr_svg_(), "text/plain": repr(self)}
        except RenderError as error:  # a notebook then shows what is missing, not a traceback
            return {"text/plain": f"{error}\n\n{self.source}"}


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
        graph_attr={"rankdir": rankdir, "bgcolor": "transparent", "ranksep": "0.3", "nodesep": "0.2",
                    "fontname": "Helvetica", "fontsize": "11", "fontcolor": _LINE, "color": "#a0a0a0"},
        node_attr={"fontname": "Helvetica", "fontsize": "11", "fontcolor": "#1a1a1a", "margin": "0.1,0.05",
                   "height": "0.3", "width": "0.5"},
        edge_attr={"color": _LINE, "arrowsize": "0.6"},
    )  # fmt: skip
    _put_scope(drawing, picture, (), list(picture.vertices.values()), show)
    strengths = {v.key: v.norm for v in picture.vertices.values()}
    for edge in picture.edges:
        tail, head = (edge.target, edge.source) if backward else (edge.source, edge.target)
        drawing.edge(tail, head, **_edge_looks(strengths[edge.source]))
    return drawing


def _put_scope(drawing: Any, picture: Picture, scope: Scope, vertices: Sequence[Vertex], show: Collection[str]) -> None:
    """Put vertices into nested clusters, one for each module call they belong to."""
    depth = len(scope)
    inner: dict[str, list[Vertex]] = {}
    for vertex in vertices:
        if len(vertex.scope) > depth:
            inner.setdefault(vertex.scope[depth], []).append(vertex)
        else:
            drawing.node(vertex.key, _label(vertex, show), **_looks(vertex))
    for name, members in inner.items():
        path = (*scope, name)
        with drawing.subgraph(name="cluster_" + "/".join(path)) as cluster:
            frame = picture.clusters.get(path, Cluster(name))
            looks = (
                {"style": "rounded,bold", "color": "#5d4fa2"}
                if frame.times > 1
                else {"style": "rounded", "color": "#a0a0a0"}
            )
            cluster.attr(label=graphviz.escape(_frame_label(frame)), labeljust="l", **looks)
            _put_scope(cluster, picture, path, members, show)


def _frame_label(frame: Cluster) -> str:
    words = [frame.label] if frame.label else []
    if frame.kind:
        words.append(f"({frame.kind})" if words else frame.kind)
    if frame.times > 1:
        words.append(f" × {frame.times}" if words else f"× {frame.times}")
    return " ".join(words)


def _looks(vertex: Vertex) -> dict[str, str]:
    looks = dict(_LOOKS[vertex.kind])
    if is_sick(vertex):
        looks |= {"color": _ALARM, "penwidth": "2.5"}
    return looks


def _label(vertex: Vertex, show: Collection[str]) -> str:
    title, *lines = vertex.label.split("\n")
    if vertex.kind == "group" and vertex.op and vertex.op != vertex.label:
        title += f" ({vertex.op})"
    lines = [title + (f"  × {vertex.times}" if vertex.times > 1 else ""), *lines]
    if vertex.kind != "constant" or vertex.label == "constant" or "values" in show:
        lines += _facts(vertex, show)
    lines += troubles(vertex)
    return "\n".join(graphviz.escape(line) for line in lines)


def _facts(vertex: Vertex, show: Collection[str]) -> list[str]:
    """The lines below the name: what is asked for, as far as it is known."""
    lines = []
    if vertex.kind == "group":
        lines += _group_facts(vertex, show)
    elif "params" in show and vertex.params:
        lines.append(params_text(vertex.params))
    size = []
    if "shape" in show and vertex.shape is not None and vertex.kind != "group":
        size.append(shape_text(vertex.shape))
    if "dtype" in show and vertex.dtype is not None:
        size.append(str(vertex.dtype))
    if "bytes" in show and vertex.nbytes is not None:
        size.append(f"{count_text(vertex.nbytes)}B" if vertex.nbytes >= 1e4 else f"{vertex.nbytes:,} B")
    if size:
        lines.append(" · ".join(size))
    if "values" in show and vertex.value is not None and vertex.value.size:
        lines.append(values_text(vertex.value))
    if "grad" in show and vertex.grad is not None and vertex.grad.size:
        lines.append("∇ " + values_text(vertex.grad))
    if "norm" in show and vertex.norm is not None:
        norms = vertex.norms
        lines.append(
            f"‖∇‖ {norms[0]:.3g} … {norms[-1]:.3g}" if len(norms) > 1 else f"‖∇‖ {vertex.norm:.3g}",
        )
    if "flops" in show and vertex.flops is not None:
        lines.append(f"{count_text(vertex.flops)} FLOP")
    if "where" in show and vertex.where:
        lines.append(os.path.basename(vertex.where))
    return lines


def _group_facts(vertex: Vertex, show: Collection[str]) -> list[str]:
    """The shapes that go in and come out of a collapsed module, and how many parameters it has."""
    lines = []
    if "shape" in show and vertex.params.get("out"):
        ends = [", ".join(map(shape_text, vertex.params[end])) for end in ("in", "out")]
        lines.append(" → ".join(end for end in ends if end))
    count = vertex.params.get("parameters")
    if "params" in show and count:
        lines.append(f"{count_text(count)} parameters")
    return lines


def _edge_looks(norm: float | None) -> dict[str, str]:
    """Thicker and redder with the gradient's size, on a logarithmic scale, so that a vanishing gradient is seen."""
    if norm is None:
        return {}
    if not np.isfinite(norm):
        return {"color": _ALARM, "penwidth": "4.0"}
    strength = float(np.clip((np.log10(max(norm, 1e-30)) + 6) / 8, 0, 1))  # 1e-6 … 1e2
    red, green, blue = (round(a + (b - a) * strength) for a, b in zip((176, 176, 176), (200, 60, 20)))
    return {"penwidth": f"{0.5 + 3 * strength:.2f}", "color": f"#{red:02x}{green:02x}{blue:02x}"}
