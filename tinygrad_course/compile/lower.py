"""Operations as NumPy calls that write into memory that is there already.

What is not listed here runs as its own `forward`, which makes new arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from .program import Call, Constant, Value

__all__ = ["FRESH", "VIEWS", "Lowered", "lowered"]

# Operations whose output may be part of the memory of their first input.
VIEWS = frozenset({
    "alias", "cast", "contiguous", "diagonal", "expand", "flip", "getitem", "permute", "pick", "reshape",
    "take_in_windows", "unfold",
})  # fmt: skip

# Operations that are not lowered, and whose output is always an array of its own.
FRESH = frozenset({
    "affine", "combine", "convolution", "convolution_transpose", "max_pool", "put_in_windows", "sum_windows",
})  # fmt: skip


class Lowered(NamedTuple):
    """How to call: `function(*inputs, out)`; `elementwise` if `out` may be one of the inputs of its shape and dtype."""

    function: Callable[..., Any]
    elementwise: bool


def lowered(call: Call, values: Sequence[Value]) -> Lowered | None:
    """The NumPy call for an operation, or None."""
    out = values[call.outputs[0]]
    if len(call.outputs) != 1 or out.dtype is None:
        return None
    forward = call.op.forward
    if isinstance(forward, np.ufunc) and forward.signature is None and not call.params:
        return _ufunc(forward, [values[slot] for slot in call.inputs], out) if forward.nout == 1 else None
    rule = _RULES.get(call.op.name)
    return rule(call, values) if rule is not None else None


def _ufunc(f: np.ufunc, inputs: Sequence[Value], out: Value) -> Lowered | None:
    """A ufunc into `out`, if the dtype in which it computes fits there without a conversion of kind."""
    types = [_plain(v) if v.dtype is None else v.dtype for v in inputs]
    try:
        found = f.resolve_dtypes((*types, None))[-1]
    except TypeError:
        return None
    if out.dtype is None or not np.can_cast(found, out.dtype, "same_kind"):
        return None
    if f in (np.maximum, np.minimum):  # they take `out` by name only
        return Lowered(lambda a, b, o: f(a, b, out=o), True)
    return Lowered(f, True)


def _plain(v: Value) -> Any:
    return type(v.source.value) if isinstance(v.source, Constant) else float


def _same(call: Call, values: Sequence[Value]) -> bool:
    """Whether all arrays have the dtype of the output."""
    return all(values[slot].dtype == values[call.outputs[0]].dtype for slot in call.inputs)


def _matmul(call: Call, values: Sequence[Value]) -> Lowered | None:
    if not _same(call, values) or values[call.outputs[0]].dtype.kind != "f":  # type: ignore[union-attr]
        return None
    a, b = (values[slot] for slot in call.inputs)
    if len(a.shape) == len(b.shape) == 2:
        return Lowered(_dot, False)
    forward = call.op.forward
    return Lowered(lambda a, b, out: forward(a, b, out=out), False) if len(values[call.outputs[0]].shape) else None


def _dot(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    a.dot(b, out)


def _linear(call: Call, values: Sequence[Value]) -> Lowered | None:
    x, w = values[call.inputs[0]], values[call.inputs[1]]
    if not _same(call, values) or len(x.shape) != 2 or len(w.shape) != 2:
        return None
    return Lowered(_linear_bias if len(call.inputs) > 2 else _linear_plain, False)


def _linear_plain(x: np.ndarray, w: np.ndarray, out: np.ndarray) -> None:
    x.dot(w.T, out)


def _linear_bias(x: np.ndarray, w: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    x.dot(w.T, out)
    np.add(out, b, out)


def _sum(call: Call, values: Sequence[Value]) -> Lowered | None:
    if not _same(call, values) or values[call.outputs[0]].dtype.kind != "f":  # type: ignore[union-attr]
        return None
    axis, keepdims = call.params.get("axis"), bool(call.params.get("keepdims"))
    if isinstance(axis, list):
        axis = tuple(axis)
    add: Any = np.add.reduce
    return Lowered(lambda x, out: add(x, axis, None, out, keepdims), False)


_RULES: dict[str, Callable[[Call, Sequence[Value]], Lowered | None]] = {
    "linear": _linear, "matmul": _matmul, "sum": _sum,
}  # fmt: skip
