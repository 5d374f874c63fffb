"""Functions of Tensors at a point, seen as functions of float64 arrays: what derivatives are taken of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..autograd import enable_grad, grad, is_grad_enabled, no_grad
from ..autograd.transforms import _generic
from ..autograd.tree import flatten
from ..tensor import LEAF, Tensor
from .adapt import flat
from .options import Options

__all__ = ["Point", "allowed", "at", "pulled"]


class Point:
    """A function and the inputs at which it is to be differentiated.

    Args:
        fn: takes Tensors (and whatever else is among the inputs) and gives a Tensor or a nest of Tensors.
        inputs: Tensors, arrays, and anything else that the function takes. Floating ones are promoted to float64.
        wrt: the positions of the inputs to differentiate in.
        names: what messages call the inputs.
        dtypes: for inputs that the function insists to get in another dtype than float64: which.

    Attributes:
        values: the float64 arrays of the inputs `wrt`.
        floor: the relative rounding that comes with `dtypes`, else 0.
    """

    def __init__(
        self, fn: Callable[..., Any], inputs: Sequence[Any], wrt: Sequence[int], names: Sequence[str] | None = None,
        dtypes: Mapping[int, np.dtype] | None = None,
    ) -> None:  # fmt: skip
        self.fn = fn
        self.inputs = [_promoted(x) for x in inputs]
        self.wrt = tuple(wrt)
        self.names = [f"input {i}" for i in range(len(inputs))] if names is None else list(names)
        self.dtypes = dict(dtypes or {})
        self.values: list[np.ndarray] = [self.inputs[i] for i in self.wrt]
        self.records = False
        self.floor = max((float(np.finfo(dtype).eps) for dtype in self.dtypes.values()), default=0.0)

    def moved(self, values: Sequence[np.ndarray]) -> Point:
        """The same function at other values of the inputs `wrt`."""
        inputs = list(self.inputs)
        for i, x in zip(self.wrt, values):
            inputs[i] = x
        return Point(self.fn, inputs, self.wrt, self.names, self.dtypes)

    def coarseness(self) -> float:
        """The relative rounding that dtypes tell of, where it is more than float64's."""
        eps = [float(np.finfo(y.dtype).eps) for y in self.outputs(self.values)]
        return max([self.floor, *(e for e in eps if e > np.finfo(np.float64).eps)])

    def run(self, values: Sequence[np.ndarray]) -> tuple[list[Tensor], list[Tensor]]:
        """Call the function at these values of the inputs `wrt`; give the leaves and the floating outputs."""
        arguments = [self._given(i, x) for i, x in enumerate(self.inputs)]
        leaves = []
        for i, x in zip(self.wrt, values):
            arguments[i] = leaf = Tensor._wrap(np.asarray(x, self.dtypes.get(i)), LEAF)
            leaves.append(leaf)
        return leaves, _floating(self.fn(*arguments))

    def outputs(self, values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The floating outputs at these values of the inputs `wrt`."""
        if not self.records:
            try:
                with no_grad():
                    return [y.array for y in self.run(values)[1]]
            except RuntimeError:  # perhaps it differentiates within, or registers a hook
                self.records = True
        with enable_grad():
            return [y.array for y in self.run(values)[1]]

    def gradients(
        self,
        cotangents: Sequence[np.ndarray],
        *,
        outputs: Sequence[int] | None = None,
        between: Callable[[], None] | None = None,
    ) -> list[np.ndarray]:
        """vᵀJ by the backward pass: the gradient, in each input `wrt`, of the outputs' product with the cotangents.

        Args:
            outputs: the positions of those outputs that have a cotangent; default: all.
            between: is called after the forward and before the backward pass.
        """
        with enable_grad():
            leaves, ys = self.run(self.values)
            ys = ys if outputs is None else [ys[k] for k in outputs]
            if between is not None:
                between()
            found = pulled(leaves, ys, [Tensor._wrap(v) for v in cotangents])
        return [np.asarray(g.array, np.float64) for g in found]

    def tangents(self, directions: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Ju by forward mode: how the outputs change in these directions of the inputs `wrt`.

        vᵀJ is linear in v, so its own vjp is u ↦ Ju, at any v.
        """
        with enable_grad():
            leaves, ys = self.run(self.values)
            vs = [Tensor._wrap(_generic(y.array), LEAF) for y in ys]
            linear = pulled(leaves, ys, vs, create_graph=True)
            us = [Tensor._wrap(u.astype(x.array.dtype)) for x, u in zip(leaves, directions)]
            found = pulled(vs, linear, us)
        return [np.asarray(t.array, np.float64) for t in found]

    def raised(self, rng: np.random.Generator, options: Options) -> Point:
        """The gradient as a function of the same inputs and of the cotangents: what the next order checks.

        That the cotangents count as inputs is what shows a rule which takes them out of the graph.
        """
        count = len(self.inputs)

        def gradient(*arguments: Any) -> list[Tensor]:
            inputs, cotangents = arguments[:count], arguments[count:]
            record = is_grad_enabled()
            with enable_grad():
                ys = _floating(self.fn(*inputs))
                return pulled([inputs[i] for i in self.wrt], ys, cotangents, create_graph=record)

        ys = self.outputs(self.values)
        vs = options.cotangents(ys, rng)
        wrt = [*self.wrt, *range(count, count + len(vs))]
        names = [*self.names, *(f"cotangent {k}" for k in range(len(vs)))]
        dtypes = self.dtypes | {count + k: y.dtype for k, y in enumerate(ys) if y.dtype != np.float64}
        return Point(gradient, [*self.inputs, *vs], wrt, names, dtypes)

    def _given(self, i: int, x: Any) -> Any:
        return Tensor._wrap(np.asarray(x, self.dtypes.get(i))) if isinstance(x, np.ndarray) else x


def at(fn: Callable[..., Any], inputs: Sequence[Any], kwargs: Mapping[str, Any] | None = None) -> Point:
    """A function of anything at these inputs: in float64, unless the function refuses that.

    Raises:
        TypeError: if there is nothing to differentiate.
    """
    return allowed(*flat(fn, inputs, kwargs))


def allowed(fn: Callable[..., Any], inputs: Sequence[Any], names: Sequence[str] | None, wrt: Sequence[int]) -> Point:
    """A point in float64 if the function runs there, else in the dtypes of its inputs."""
    point = Point(fn, inputs, wrt, names)
    narrow = {i: x.dtype for i, x in enumerate(inputs) if _is_floating(x) and x.dtype != np.float64}
    if narrow:
        try:
            point.outputs(point.values)
        except Exception:
            point = Point(fn, inputs, wrt, names, narrow)
            point.outputs(point.values)
    return point


def pulled(
    leaves: Sequence[Tensor], ys: Sequence[Tensor], cotangents: Sequence[Tensor], *, create_graph: bool = False,
    keep: bool = False,
) -> list[Tensor]:  # fmt: skip
    """The gradient of `ys` in `leaves`, zero where nothing depends on them."""
    used = [(y, v) for y, v in zip(ys, cotangents, strict=True) if y.requires_grad]
    if not used:
        return [Tensor._wrap(np.zeros_like(x.array)) for x in leaves]
    outputs, vs = zip(*used)
    keep = keep or create_graph
    return list(grad(outputs, leaves, vs, retain_graph=keep, create_graph=create_graph, materialize_grads=True))


def _floating(result: Any) -> list[Tensor]:
    """The floating Tensors among what a function gave."""
    found = []
    for y in flatten(result)[0]:
        if y is None:
            continue
        if not isinstance(y, Tensor):
            raise TypeError(f"gradcheck: expected the function to give Tensors, got {type(y).__name__}")
        if y.array.dtype.kind == "c":
            raise TypeError(
                f"gradcheck: the function gave {y.array.dtype}; give real and imaginary part, as two outputs"
            )
        if y.array.dtype.kind == "f":
            found.append(y)
    return found


def _is_floating(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def _promoted(x: Any) -> Any:
    """Tensors and arrays as arrays; floats as a copy in float64, so that nobody's values are disturbed."""
    if isinstance(x, Tensor):
        x = x.array
    if isinstance(x, (np.ndarray, np.generic)) and x.dtype.kind == "f":
        return np.array(x, np.float64)
    return x
