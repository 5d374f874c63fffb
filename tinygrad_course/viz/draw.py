"""`draw`: a picture of the graph behind a tensor."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from typing import Any

from ..graph import Node
from ..tensor import Tensor
from .collect import collect
from .dot import FACTS, Drawing, to_dot

__all__ = ["draw"]


def draw(
    *outputs: Tensor, direction: str = "forward", show: Collection[str] = ("shape", "params"),
    names: Mapping[str, Any] | None = None, rankdir: str = "TB",
) -> Drawing:  # fmt: skip
    """Draw the graph that computed one or several tensors.

    Leaves and inputs are named after the variables of the caller that hold them, or by `names`.

    Args:
        outputs: tensors in the graph.
        direction: "forward"; "backward" (edges from the loss to the leaves); or "both" (forward, with each value's
            gradient norm beside it and edges as thick as the gradient is large).
        show: what a vertex says: any of "shape", "dtype", "bytes", "values", "params", "grad", "norm", "where".
        names: further names, e.g. `dict(model.named_parameters())`.
        rankdir: "TB" (top to bottom) or "LR".

    Returns:
        A `graphviz.Digraph` that shows itself in notebooks; `.write("graph.svg")` makes a file.

    Raises:
        TypeError: if an output is not a Tensor.
        ValueError: if nothing was recorded, for an unknown direction or fact.

    Example:
        >>> import tinygrad_course as tc
        >>> w = tc.tensor([1.0, 2.0], requires_grad=True)
        >>> print(tc.viz.draw((w * w).sum()).source.splitlines()[0])
        digraph computation {
    """
    if direction not in ("forward", "backward", "both"):
        raise ValueError(f'draw: direction must be "forward", "backward" or "both", got {direction!r}')
    unknown = set(show) - set(FACTS)
    if unknown:
        raise ValueError(f"draw: unknown facts {sorted(unknown)} in show; known are {', '.join(FACTS)}")
    for y in outputs:
        if not isinstance(y, Tensor):
            raise TypeError(f"draw: expected Tensors, got {type(y).__name__}")
    if not any(isinstance(y.node, Node) for y in outputs):
        raise ValueError(
            "draw: nothing was recorded for this tensor: no input of its computation requires grad, or it was "
            "computed under no_grad"
        )
    found = _caller_names(sys._getframe(1).f_locals)
    for name, x in (names or {}).items():
        found[id(x.array if isinstance(x, Tensor) else x)] = name
    picture = collect(outputs, found, gradients=direction != "forward")
    if direction != "forward" and not {"grad", "norm"} & set(show):
        show = (*show, "norm")
    return to_dot(picture, backward=direction == "backward", show=show, rankdir=rankdir)


def _caller_names(variables: Mapping[str, Any]) -> dict[int, str]:
    """The names of the variables that hold tensors, by the id of their arrays; the first name wins."""
    found: dict[int, str] = {}
    for name, x in list(variables.items()):
        if isinstance(x, Tensor) and not name.startswith("_"):
            found.setdefault(id(x.array), name)
    return found
