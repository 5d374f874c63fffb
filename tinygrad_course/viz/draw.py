"""`draw`: a picture of the graph behind tensors, or of what a module or function does."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..graph import Node
from ..nn.module import Module
from ..tensor import Tensor, tensor
from .collapse import collapse, deepest, nearest, unframed, without_parameters
from .collect import collect
from .dot import FACTS, Drawing, to_dot
from .fold import fold as fold_repeats
from .names import argument_names, array_of, caller_names
from .picture import Picture
from .trace import trace

__all__ = ["draw", "unchanged"]

DIRECTIONS = ("forward", "backward", "both")


def draw(
    obj: Any, *inputs: Any, direction: str = "forward", show: Collection[str] = ("shape", "params"),
    names: Mapping[str, Any] | None = None, depth: int | None = None, params: bool = True, fold: bool = True,
    max_nodes: int = 400, rankdir: str = "TB",
) -> Drawing:  # fmt: skip
    """Draw the graph that computed tensors, or what a module or function does with its inputs.

    Of tensors, what was recorded for the backward pass is drawn. A module or function is called and watched: every
    operation that its result depends on is drawn, within a frame for each call of a module. Buffers and the random
    state are as before afterwards.

    Leaves and inputs are named after the variables of the caller that hold them, the arguments of `forward`, the
    parameters of the caller's modules, or by `names`.

    Args:
        obj: a Tensor in the graph, several in a list, a Module or a function; or a `graph` of what was compiled.
        inputs: further Tensors; or the arguments of the module or function.
        direction: "forward"; "backward" (edges from the loss to the leaves); or "both" (forward, each value with the
            size of its gradient, and edges as thick as the gradient is large). Of several or non-scalar outputs, the
            gradient is that of their sum.
        show: what a vertex says: any of "op", "params", "shape", "dtype", "bytes", "values", "grad", "norm", "flops",
            "where". Source lines of tensors are known if they were computed under `autograd.detect_anomaly`.
        names: further names, e.g. `dict(model.named_parameters())`.
        depth: show modules nested this deep as one box each; 0 shows all as one.
        params: draw parameters and buffers.
        fold: draw three or more equal modules or operations in a row once, with their number.
        max_nodes: draw no more vertices than that; modules are collapsed first, then what is farthest from the
            outputs is left out, with a warning.
        rankdir: "TB" (top to bottom) or "LR".

    Returns:
        A `graphviz.Digraph` that shows itself in notebooks; `.write("graph.svg")` makes a file.

    Raises:
        TypeError: if `obj` is none of these, or an output is not a Tensor.
        ValueError: if nothing was recorded, for an unknown direction or fact.

    Example:
        >>> import tinygrad_course as tc
        >>> w = tc.tensor([1.0, 2.0], requires_grad=True)
        >>> print(tc.viz.draw((w * w).sum()).source.splitlines()[0])
        digraph computation {
        >>> net = tc.nn.Sequential(tc.nn.Linear(2, 3), tc.nn.ReLU())
        >>> "Linear" in tc.viz.draw(net, tc.ones(4, 2)).source
        True
    """
    show = _checked(direction, show, depth, max_nodes)
    known = caller_names(sys._getframe(1))
    given = {id(array_of(x)): name for name, x in (names or {}).items()}
    gradients = direction != "forward"
    if isinstance(obj, Tensor) or (isinstance(obj, (tuple, list)) and obj):
        outputs = _outputs([obj] if isinstance(obj, Tensor) else obj, inputs)
        picture = collect(outputs, known | given, gradients=gradients)
        if "where" in show and not any(v.where for v in picture.vertices.values()):
            warnings.warn(
                "draw: no source lines were recorded; compute the tensor under tc.autograd.detect_anomaly(), or draw "
                "the function that computes it",
                stacklevel=2,
            )
    elif not inputs and hasattr(obj, "picture") and not isinstance(obj, Module):  # what knows how it looks
        picture = obj.picture()
    elif callable(obj):
        inputs = tuple(tensor(x) if isinstance(x, np.ndarray) else x for x in inputs)
        called = argument_names(obj, inputs)
        with unchanged(obj):
            picture = trace(obj, inputs, called | known | given, gradients=gradients, lines="where" in show)
    else:
        raise TypeError(f"draw: expected a Tensor, a list of them, a Module or a function, got {type(obj).__name__}")
    picture = _reduced(picture, depth, params, fold, max_nodes)
    return to_dot(picture, backward=direction == "backward", show=show, rankdir=rankdir)


def _checked(direction: str, show: Collection[str], depth: int | None, max_nodes: int) -> tuple[str, ...]:
    """What to show, with the gradient's size where a direction asks for it."""
    if direction not in DIRECTIONS:
        raise ValueError(f'draw: direction must be "forward", "backward" or "both", got {direction!r}')
    if isinstance(show, str):
        show = (show,)
    unknown = sorted(set(show) - set(FACTS))
    if unknown:
        raise ValueError(f"draw: unknown facts {unknown} in show; known are {', '.join(FACTS)}")
    if depth is not None and depth < 0:
        raise ValueError(f"draw: depth must be 0 or more, got {depth}")
    if max_nodes < 1:
        raise ValueError(f"draw: max_nodes must be 1 or more, got {max_nodes}")
    wants = direction != "forward" and not {"grad", "norm"} & set(show)
    return (*show, "norm") if wants else tuple(show)


def _outputs(first: Sequence[Any], others: Sequence[Any]) -> list[Tensor]:
    """The tensors to draw, checked to have something behind them."""
    outputs = [*first, *others]
    for y in outputs:
        if not isinstance(y, Tensor):
            raise TypeError(f"draw: expected Tensors, got {type(y).__name__}; inputs go with a Module or a function")
    if not any(isinstance(y.node, Node) for y in outputs):
        if any(y.requires_grad for y in outputs):
            raise ValueError("draw: this tensor is a leaf, nothing has been computed from it; draw what was computed")
        raise ValueError(
            "draw: nothing was recorded for this tensor: no input of its computation requires grad, or it was "
            "computed under no_grad; draw(function, inputs) shows computations without gradients too"
        )
    return outputs


def _reduced(picture: Picture, depth: int | None, params: bool, fold: bool, max_nodes: int) -> Picture:
    """As much of the picture as is wanted, and no more than `max_nodes` vertices."""
    if not params:
        picture = without_parameters(picture)

    def at(depth: int | None) -> Picture:
        smaller = picture.copy() if depth is None else collapse(picture.copy(), depth)
        return unframed(fold_repeats(smaller) if fold else smaller)

    small = at(depth)
    if len(small.vertices) <= max_nodes:
        return small
    count = len(small.vertices)
    for shallower in range(min(depth or deepest(picture), deepest(picture)), 0, -1):
        small = at(shallower)
        if len(small.vertices) <= max_nodes:
            warnings.warn(
                f"draw: {count:,} vertices are more than max_nodes={max_nodes}, so modules are collapsed at "
                f"depth={shallower}; pass max_nodes={count} to see all of them",
                stacklevel=3,
            )
            return small
    small = nearest(at(depth), max_nodes)
    warnings.warn(
        f"draw: of {count:,} vertices only the last {max_nodes} are drawn; pass max_nodes={count} to see all of them, "
        "params=False to leave out parameters, or depth= to collapse modules",
        stacklevel=3,
    )
    return small


@contextmanager
def unchanged(function: Callable[..., Any]) -> Iterator[None]:
    """Put buffers of a module and the state of random numbers back at the end: looking changes nothing."""
    from ..random import get_rng_state, set_rng_state
    from .names import modules_of

    random = get_rng_state()
    held: list[tuple[Any, ...]] = [
        (module, name, x, None if x is None else x.array, None if x is None else x.array.copy())
        for outermost in modules_of(function).values()
        for module in outermost.modules()
        if isinstance(module, Module)
        for name, x in module._buffers.items()
    ]
    try:
        yield
    finally:
        set_rng_state(random)
        for module, name, x, array, values in held:
            module.__dict__[name] = x
            if x is not None:
                x.array = array
                if array.flags.writeable:
                    array[...] = values
