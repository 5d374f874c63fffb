"""`explore`: a page on which backpropagation is stepped through, value by value."""

from __future__ import annotations

import json
import math
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..graph import Node
from ..tensor import Tensor
from .backpass import BackPass
from .derivation import by_array, check_loss
from .layout import layered
from .mathml import mathml
from .names import caller_names
from .notation import latex, text
from .terms import Symbol, Term, names_in

__all__ = ["explore"]

# Beyond this many vertices a page is slow, and nobody steps through it.
MANY = 400
# Of a larger value the page shows a corner, and its range.
CELLS = 8


def explore(loss: Tensor, path: str | Path, *, names: Mapping[str, Any] | None = None) -> Path:
    """Write a page on which one steps through the forward and the backward pass of a graph.

    The page is one file, needs no network, and works with the keyboard (arrows, Home, End, space) and the mouse. Step
    by step the values fill in, then the cotangents flow back; beside the graph stand the value, the operation's local
    derivatives and the cotangent of the vertex in focus. Formulas are those of `derivation`, every value with a name.

    Args:
        loss: a tensor of one value, in the graph; the graph is kept.
        path: the file to write, "backprop.html".
        names: further names of tensors; variables of the caller keep theirs.

    Returns:
        The path.

    Raises:
        TypeError: if the loss is not a Tensor.
        RuntimeError: if the loss is not in the graph, or has several values.

    Example:
        >>> import tempfile, tinygrad_course as tc
        >>> w = tc.tensor([1.0, 2.0], requires_grad=True)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     tc.viz.explore((w ** 2).sum(), f"{folder}/backprop.html").name
        'backprop.html'
    """
    check_loss("explore", loss)
    passed = BackPass(loss, {**caller_names(sys._getframe(1)), **by_array(names or {})}, each=True)
    facts = _facts(passed)
    count = len(facts["vertices"])
    if count > MANY:
        facts["note"] = f"{count} vertices: the page is made for some hundred, and is slow with more."
        warnings.warn(
            f"explore: the graph has {count} vertices; the page is made for up to {MANY}. Explore a smaller network, "
            "or a part of it; tc.viz.draw folds large graphs",
            stacklevel=2,
        )
    page = (Path(__file__).parent / "page" / "explore.html").read_text(encoding="utf-8")
    data = json.dumps(facts, allow_nan=False, ensure_ascii=True).replace("<", "\\u003c")
    path = Path(path)
    path.write_text(page.replace("{{facts}}", data), encoding="utf-8")
    return path


def _facts(passed: BackPass) -> dict[str, Any]:
    """What the page shows: vertices with their places, edges, and the steps."""
    nodes = [n for n in passed.copy.nodes if n in passed.symbols]
    sources = [x for x in passed.symbols if isinstance(x, Tensor)]
    keys: list[Any] = [*sources, *nodes]
    place = {key: i for i, key in enumerate(keys)}
    forward = dict(passed.forward)
    back = {key: (symbol, term) for symbol, term, key in passed.cotangents if key is not None}
    helpers = {symbol: term for symbol, term, key in passed.cotangents if key is None}
    vertices: list[dict[str, Any]] = []
    edges: list[tuple[int, int]] = []
    leaves = set(passed.copy.leaves)
    for key in keys:
        symbol = passed.symbols[key]
        vertex: dict[str, Any] = {
            "name": symbol.text,
            "kind": "op" if isinstance(key, Node) else "parameter" if key in leaves else "input",
            "shape": list(symbol.shape),
            "value": _shown(symbol.value),
        }
        if isinstance(key, Node):
            vertex |= {"op": key.name, "formula": _equation(symbol, forward[symbol])}
            vertex["local"] = _local(passed, key)
            edges += [(place[p], place[key]) for p in _visible(key, place)]
        if key in back:
            bar, term = back[key]
            used = [_equation(s, t) for s, t in helpers.items() if _mentions(term, s, helpers)]
            vertex["bar"] = {"name": bar.text, "formula": [*used, _equation(bar, term)]}
            vertex["bar"]["value"] = _shown(passed.values[key])
        vertices.append(vertex)
    places, bends = layered(len(keys), edges)
    for vertex, (x, y) in zip(vertices, places):
        vertex |= {"x": round(x, 1), "y": round(y, 1)}
    steps = [["forward", place[n]] for n in nodes]
    steps += [["backward", place[key]] for key in back if key in place]
    return {"vertices": vertices, "edges": edges, "bends": bends, "steps": steps, "note": ""}


def _equation(symbol: Symbol, term: Term) -> dict[str, Any]:
    """An equation in both forms."""
    return {"text": f"{symbol.text} = {text(term)}", "math": mathml(f"{symbol.latex} = {latex(term)}")}


def _mentions(term: Any, symbol: Any, helpers: Mapping[Any, Any]) -> bool:
    """Whether a term needs a helper, itself or through other helpers."""
    stack, seen = list(names_in(term)), set()
    while stack:
        found = stack.pop()
        if found is symbol:
            return True
        if found in helpers and found not in seen:
            seen.add(found)
            stack.extend(names_in(helpers[found]))
    return False


def _visible(node: Node, place: Mapping[Any, int]) -> list[Any]:
    """The vertices that a node's inputs come from, through what has no vertex of its own."""
    found: list[Any] = []
    stack = list(reversed(node.parents))
    while stack:
        parent = stack.pop()
        if parent in place:
            found.append(parent)
        elif isinstance(parent, Node):
            stack.extend(reversed(parent.parents))
    return found


def _local(passed: BackPass, node: Node) -> list[dict[str, Any]]:
    """What the node passes back to each of its inputs: the input's name, and the formula."""
    shown = []
    for parent, term in zip(node.parents, passed.local.get(node, ())):
        symbol = passed.symbols.get(parent)
        if term is not None and symbol is not None:
            shown.append({"to": symbol.text, "text": text(term), "math": mathml(latex(term))})
    return shown


def _shown(value: Any) -> dict[str, Any] | None:
    """A value as rows of numbers: all of it, or a corner and the range."""
    if not isinstance(value, np.ndarray):
        return None
    rows = value.reshape(1, -1) if value.ndim < 2 else value.reshape(-1, value.shape[-1])
    cut = rows[:CELLS, :CELLS]
    shown: dict[str, Any] = {"rows": [[_number(v) for v in row] for row in cut.tolist()]}
    if cut.size < rows.size:
        kind = value.astype(float) if value.dtype.kind == "b" else value
        shown["more"] = f"{value.size} values from {kind.min():.4g} to {kind.max():.4g}; the first are"
    return shown


def _number(x: Any) -> Any:
    return repr(x) if isinstance(x, float) and not math.isfinite(x) else x
