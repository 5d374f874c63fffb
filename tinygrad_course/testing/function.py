"""Functions of Tensors at a point, seen as functions of float64 arrays: what derivatives are taken of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autograd import enable_grad, grad, is_grad_enabled, no_grad
from ..tensor import LEAF, Tensor
from .probe import cotangent

__all__ = ["Point"]


class Point:
    """A function and the inputs at which it is to be differentiated.

    Args:
        fn: takes Tensors (and whatever else is among the inputs) and gives a Tensor or a sequence of Tensors.
        inputs: Tensors, arrays, and anything else that the function takes. Floating ones are promoted to float64.
        wrt: the positions of the inputs to differentiate in; default: those that require grad if any does, else all
            that are floating Tensors or arrays.

    Attributes:
        values: the float64 arrays of the inputs `wrt`.
    """

    def __init__(self, fn: Callable[..., Any], inputs: Sequence[Any], wrt: Sequence[int] | None = None) -> None:
        self.fn = fn
        self.inputs = [_promoted(x) for x in inputs]
        if wrt is None:
            wrt = [i for i, x in enumerate(self.inputs) if isinstance(x, np.ndarray) and x.dtype.kind == "f"]
            wrt = [i for i in wrt if isinstance(inputs[i], Tensor) and inputs[i].requires_grad] or wrt
        if not wrt:
            got = ", ".join(type(x).__name__ for x in inputs) or "none"
            raise TypeError(f"gradcheck: expected at least one floating Tensor or array among the inputs, got {got}")
        self.wrt = tuple(wrt)
        self.values: list[np.ndarray] = [self.inputs[i] for i in self.wrt]

    def run(self, values: Sequence[np.ndarray]) -> tuple[list[Tensor], list[Tensor]]:
        """Call the function at these values of the inputs `wrt`; give the leaves and the floating outputs."""
        leaves = [Tensor._wrap(x, LEAF) for x in values]
        arguments = [Tensor._wrap(x) if isinstance(x, np.ndarray) else x for x in self.inputs]
        for i, leaf in zip(self.wrt, leaves):
            arguments[i] = leaf
        return leaves, _floating(self.fn(*arguments))

    def outputs(self, values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The floating outputs at these values of the inputs `wrt`."""
        with no_grad():
            return [y.array for y in self.run(values)[1]]

    def gradients(self, cotangents: Sequence[np.ndarray], *, create_graph: bool = False) -> list[np.ndarray]:
        """The gradient, in each input `wrt`, of the outputs' product with the cotangents."""
        with enable_grad():
            leaves, ys = self.run(self.values)
            return [g.array for g in _pulled(leaves, ys, [Tensor._wrap(v) for v in cotangents], create_graph)]

    def raised(self, rng: np.random.Generator) -> Point:
        """The gradient as a function of the same inputs and of the cotangents: what the next order checks.

        That the cotangents count as inputs is what shows a rule which takes them out of the graph.
        """
        count = len(self.inputs)

        def gradient(*arguments: Any) -> list[Tensor]:
            inputs, cotangents = arguments[:count], arguments[count:]
            record = is_grad_enabled()
            with enable_grad():
                ys = _floating(self.fn(*inputs))
                return _pulled([inputs[i] for i in self.wrt], ys, cotangents, record)

        vs = [cotangent(rng, y.shape, y.dtype) for y in self.outputs(self.values)]
        return Point(gradient, [*self.inputs, *vs], [*self.wrt, *range(count, count + len(vs))])


def _pulled(
    leaves: Sequence[Tensor], ys: Sequence[Tensor], cotangents: Sequence[Tensor], create_graph: bool
) -> list[Tensor]:
    """The gradient of `ys` in `leaves`, zero where nothing depends on them."""
    used = [(y, v) for y, v in zip(ys, cotangents, strict=True) if y.requires_grad]
    if not used:
        return [Tensor._wrap(np.zeros(x.array.shape)) for x in leaves]
    outputs, vs = zip(*used)
    return list(grad(outputs, leaves, vs, create_graph=create_graph, materialize_grads=True))


def _floating(result: Any) -> list[Tensor]:
    """The floating Tensors among what a function gave."""
    listed = result if isinstance(result, (tuple, list)) else [result]
    for y in listed:
        if not isinstance(y, Tensor):
            raise TypeError(f"gradcheck: expected the function to give Tensors, got {type(y).__name__}")
    return [y for y in listed if y.array.dtype.kind == "f"]


def _promoted(x: Any) -> Any:
    """Tensors and arrays as arrays; floats as a copy in float64, so that nobody's values are disturbed."""
    if isinstance(x, Tensor):
        x = x.array
    if isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind == "f":
        return np.array(x, np.float64)
    return x
