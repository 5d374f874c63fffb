"""The graph of an ONNX file while it is written: nodes, constants and the names of values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .lengths import Sizes, Varying, affine
from .observe import Ref
from .package import OnnxError, onnx_package

__all__ = ["Writer"]


class Writer:
    """Collects nodes. Values are known by their names.

    Args:
        tried: the sizes of the dynamic axes that were observed.
        axes: for each dynamic axis an input's name and the place of the axis in its shape.
        opset: the version of the operators.
    """

    def __init__(self, tried: Sequence[Sizes], axes: dict[str, tuple[str, int]], opset: int) -> None:
        self.onnx = onnx_package()
        self.tried = tried
        self.axes = axes
        self.opset = opset
        self.nodes: list[Any] = []
        self.place = ""  # of the module that is being written, for the names of nodes
        self._taken: dict[str, int] = {}  # names, and how often each was asked for
        self._constants: dict[Any, str] = {}
        self._lengths: dict[Any, str] = {}

    # --- names and nodes ------------------------------------------------------------------------------------------

    def reserve(self, name: str) -> str:
        """The name, or if it is taken the name with a number."""
        found = name
        while found in self._taken:
            self._taken[name] += 1
            found = f"{name}_{self._taken[name] - 1}"
        self._taken[found] = 1
        return found

    def node(self, kind: str, *inputs: str, outs: int = 1, **attributes: Any) -> Any:
        """Add a node; gives the name of its output, or a tuple of names.

        Trailing inputs that are "" are left out, as are attributes that are None.
        """
        given = list(inputs)
        while given and not given[-1]:
            given.pop()
        name = self.reserve(f"{self.place}/{kind}" if self.place else kind)
        names = [self.reserve(f"{name}:{i}" if i else f"{name}:out") for i in range(outs)]
        kept = {k: v for k, v in attributes.items() if v is not None}
        self.nodes.append(self.onnx.helper.make_node(kind, given, names, name=name, **kept))
        return names[0] if outs == 1 else tuple(names)

    # --- constants ------------------------------------------------------------------------------------------------

    def constant(self, value: Any, dtype: Any = None) -> str:
        """A value that is the same in every call."""
        if isinstance(value, Varying):
            raise TypeError(f"a value depends on the size of the inputs: {value}")
        array = np.asarray(value, dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            place, self.place = self.place, ""
            tensor = self.onnx.numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape))
            self._constants[key] = self.node("Constant", value=tensor)
            self.place = place
        return self._constants[key]

    def ints(self, values: Sequence[Any]) -> str:
        """A vector of int64, whose entries may vary with the sizes."""
        if not any(isinstance(v, Varying) for v in values):
            return self.constant([int(v) for v in values], np.int64)
        parts = [self.length(v) if isinstance(v, Varying) else self.constant([v], np.int64) for v in values]
        return parts[0] if len(parts) == 1 else self.node("Concat", *parts, axis=0)

    def length(self, value: Varying) -> str:
        """A whole number that depends on the sizes, as a vector of one entry."""
        factors = affine(value.values, self.tried)
        if factors is None:
            raise OnnxError(f"a number depends on the inputs in a way that is not a formula of their sizes: {value}")
        total = ""
        for names, factor in factors.items():
            term = self.constant([factor], np.int64)
            for i, name in enumerate(names):
                term = self._size(name) if i == 0 and factor == 1 else self.node("Mul", term, self._size(name))
            total = self.node("Add", total, term) if total else term
        return total or self.constant([0], np.int64)

    def _size(self, name: str) -> str:
        if name not in self._lengths:
            source, axis = self.axes[name]
            place, self.place = self.place, ""
            shape = self.node("Shape", source)
            self._lengths[name] = self.node("Gather", shape, self.constant([axis], np.int64), axis=0)
            self.place = place
        return self._lengths[name]

    def number(self, value: Any, dtype: Any) -> str:
        """A number, which may be a length, or 1 by a length."""
        if not isinstance(value, Varying):
            return self.constant(value, dtype)
        values = [float(v) for v in value.values]
        inverse = affine(values, self.tried) is None and all(values)
        if inverse:
            values = [1 / v if abs(1 / v - round(1 / v)) > 1e-6 else float(round(1 / v)) for v in values]
        length = self.length(Varying(values))
        found = self.node("Cast", length, to=self.dtype(dtype))
        found = self.node("Reciprocal", found) if inverse else found
        return self.node("Reshape", found, self.constant([], np.int64))

    def varying_array(self, ref: Ref, dtype: Any) -> str:
        """A constant that has another shape in each call: equal values, or counted ones."""
        arrays = [np.asarray(v) for v in ref.value.values]
        if all(a.ndim == 0 for a in arrays):
            return self.number(Varying([a.item() for a in arrays]), dtype)
        first = arrays[0].ravel()[:1]
        if all((a == first).all() for a in arrays):
            return self.node("Expand", self.constant(first.reshape(()), dtype), self.ints(ref.shape))
        axis = next((i for i, n in enumerate(ref.shape) if isinstance(n, Varying)), 0)
        steps = [np.arange(a.shape[axis]).reshape((-1,) + (1,) * (a.ndim - 1 - axis)) for a in arrays]
        if all(np.array_equal(a, np.broadcast_to(s, a.shape)) for a, s in zip(arrays, steps)):
            zero, one = self.constant(0, np.int64), self.constant(1, np.int64)
            stop = self.node("Reshape", self.length(ref.shape[axis]), self.constant([], np.int64))
            counted = self.node("Range", zero, stop, one)
            counted = self.node("Reshape", counted, self.ints([-1] + [1] * (arrays[0].ndim - 1 - axis)))
            counted = self.node("Expand", counted, self.ints(ref.shape))
            return counted if np.dtype(dtype) == np.int64 else self.node("Cast", counted, to=self.dtype(dtype))
        raise OnnxError(
            "a constant differs with the size or the values of the inputs: Python or NumPy code has computed it from "
            "them; compute with tensors throughout"
        )

    def dtype(self, dtype: Any) -> int:
        """ONNX's number of a dtype."""
        return int(self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
