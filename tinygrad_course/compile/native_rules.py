"""The operations that a segment has loops for, besides views and formulas: for which calls, and the code."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ..native.formulas import Unlisted
from ..native.host import Target
from ..native.values import Value as Emitted
from ..native.values import element
from . import native_rows
from .native_nest import PARALLEL, Layout, Nest, collapsed, product, total
from .native_product import is_large, large_product
from .program import Call, Value

__all__ = ["RULES", "Case", "Rule", "multiplications"]

# Products with vectors, and sums, up to these sizes have code here; larger ones are BLAS's, and NumPy's, whose sums are
# by pairs.
PRODUCT, SUM = 65_536, 65_536


class Case(NamedTuple):
    """A call whose loops are to be written into a nest."""

    nest: Nest
    call: Call
    values: Sequence[Value]
    inputs: list[Layout]
    out: Layout
    target: Target

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        return [self.values[s].shape for s in self.call.inputs]


class Rule(NamedTuple):
    """For an operation: whether there is code for a call of it, the code, and whether rows of the result stay rows."""

    takes: Callable[[Call, Sequence[Value]], bool]
    write: Callable[[Case], None]
    rows: bool = False


def _floats(call: Call, values: Sequence[Value]) -> bool:
    """Whether all arrays have the same floating dtype."""
    out = values[call.outputs[0]].dtype
    return out is not None and out.kind == "f" and all(values[s].dtype == out for s in call.inputs)


# --- Products ---------------------------------------------------------------------------------------------------------


def _sizes(call: Call, values: Sequence[Value]) -> tuple[int, int, int] | None:
    """(M, N, K) of a product of matrices or vectors that there is code for."""
    a, b = (values[s].shape for s in call.inputs[:2])
    if call.op.name == "linear":
        b = b[::-1]
    if not (1 <= len(a) <= 2 and 1 <= len(b) <= 2) or (call.op.name == "linear" and len(a) != 2 != len(b)):
        return None
    m, n, k = a[0] if len(a) == 2 else 1, b[1] if len(b) == 2 else 1, a[-1]
    itemsize = values[call.outputs[0]].dtype.itemsize  # type: ignore[union-attr]
    return (m, n, k) if 0 < m * n * k <= PRODUCT or is_large((m, n, k), (a, b), itemsize) else None


def multiplications(calls: Sequence[Call], values: Sequence[Value]) -> int:
    """How many there are in the products of matrices."""
    return sum(math.prod(_sizes(c, values) or ()) for c in calls if c.op.name in ("matmul", "linear"))


def _product(c: Case) -> None:
    sizes = _sizes(c.call, c.values)
    if sizes is None:
        raise Unlisted("a large product")
    a, b = c.inputs[:2]
    shapes, out = c.shapes, c.out
    if c.call.op.name == "linear":
        b = b._replace(strides=b.strides[::-1])
    if len(shapes[0]) == 1:
        a = a._replace(strides=(0, *a.strides))
    if len(shapes[1]) == 1:
        b = b._replace(strides=(*b.strides, 0))
    strides = list(out.strides)
    if len(shapes[0]) == 1:
        strides.insert(0, 0)
    if len(shapes[1]) == 1:
        strides.append(0)
    bias = c.inputs[2] if len(c.inputs) > 2 else None
    out = out._replace(strides=tuple(strides))
    large = is_large(sizes, shapes, out.dtype.itemsize)
    if not large or not large_product(c.nest, sizes, a, b, out, bias, c.target):
        product(c.nest, sizes, a, b, out, bias)


_PRODUCT = Rule(lambda call, values: _floats(call, values) and _sizes(call, values) is not None, _product, rows=True)


# --- Sums -------------------------------------------------------------------------------------------------------------


def _sums(call: Call, values: Sequence[Value]) -> bool:
    x, out = values[call.inputs[0]], values[call.outputs[0]]
    counts = call.op.name == "sum" and x.dtype is not None and x.dtype.kind == "b" and out.dtype.kind == "i"  # type: ignore[union-attr]
    known = set(call.params) <= {"axis", "keepdims", "dim", "keepdim"}
    return (counts or _floats(call, values)) and 0 < x.size <= SUM * out.size and known


def _total(c: Case) -> None:
    shape, (x,), out = c.shapes[0], c.inputs, c.out
    axis = c.call.params.get("axis", c.call.params.get("dim"))
    keep = c.call.params.get("keepdims", c.call.params.get("keepdim", False))
    axes = range(len(shape)) if axis is None else [axis] if isinstance(axis, int) else axis
    reduced = sorted(a % len(shape) for a in axes) if shape else []
    steps = iter(out.strides)
    strides = []
    for i in range(len(shape)):
        if i in reduced:
            strides.append(0)
            if keep:
                next(steps)
        else:
            strides.append(next(steps))
    count = math.prod(shape[i] for i in reduced)

    def mean(y: Emitted, *_: Any) -> Emitted:
        return y / float(count)

    lengths, (x, out) = _by_steps(shape, [x, out._replace(strides=tuple(strides))])
    reduced = [i for i, step in enumerate(out.strides) if not step]
    total(c.nest, lengths, reduced, [x], out, lambda y, a: y + a.to(element(y.type)),
          mean if c.call.op.name == "mean" else None)  # fmt: skip


def _by_steps(shape: Sequence[int], layouts: Sequence[Layout]) -> tuple[list[int], list[Layout]]:
    """The same loops, outermost the dim in which the first operand has its largest step; and as few as can be."""
    order = sorted(range(len(shape)), key=lambda i: -layouts[0].strides[i])
    layouts = [x._replace(strides=tuple([x.strides[i] for i in order])) for x in layouts]
    return collapsed([shape[i] for i in order], layouts)


def _distance(call: Call, values: Sequence[Value]) -> bool:
    x, t = (values[s] for s in call.inputs)
    return _floats(call, values) and x.shape == t.shape and 0 < x.size <= SUM


def _squared_error(c: Case) -> None:
    scale = c.call.params["scale"]
    lengths, (x, t) = _by_steps(c.shapes[0], c.inputs)
    out = c.out._replace(strides=(0,) * len(lengths))

    def more(y: Emitted, a: Emitted, b: Emitted) -> Emitted:
        d = a - b
        return c.nest.f.fma(d, d, y)

    total(c.nest, lengths, list(range(len(lengths))), [x, t], out, more, lambda y, *_: y * scale)


# --- Rows -------------------------------------------------------------------------------------------------------------


def _short(call: Call, values: Sequence[Value]) -> bool:
    """Whether the work is not worth sharing among threads: larger ones have kernels that do."""
    return 0 < max(values[call.inputs[0]].size, values[call.outputs[0]].size) <= PARALLEL


def _whole(value: Value) -> bool:
    return value.dtype is not None and value.dtype.kind == "i" and value.dtype.itemsize >= 4


def _softmax(c: Case) -> None:
    (shape,) = c.shapes
    dim = c.call.params["dim"] % len(shape)
    native_rows.softmax(c.nest, shape, dim, c.inputs[0], c.out, logarithm=c.call.op.name == "log_softmax")


def _of_classes(call: Call, values: Sequence[Value]) -> bool:
    x, target = (values[s] for s in call.inputs)
    floats = x.dtype is not None and x.dtype.kind == "f" and x.dtype == values[call.outputs[0]].dtype
    named = abs(call.params["ignore_index"]) < 1 << 31
    return floats and len(x.shape) == 2 and _whole(target) and named and _short(call, values)


def _cross_entropy(c: Case) -> None:
    x, target = c.inputs
    native_rows.cross_entropy(c.nest, c.shapes[0], x, target, c.out, c.call.params["ignore_index"])


def _one_hot(c: Case) -> None:
    native_rows.one_hot(c.nest, c.values[c.call.outputs[0]].shape, c.inputs[0], c.out)


_SOFTMAX = Rule(lambda call, values: _floats(call, values) and _short(call, values), _softmax)
RULES = {
    "matmul": _PRODUCT,
    "linear": _PRODUCT,
    "sum": Rule(_sums, _total),
    "mean": Rule(_sums, _total),
    "squared_error": Rule(_distance, _squared_error),
    "softmax": _SOFTMAX,
    "log_softmax": _SOFTMAX,
    "cross_entropy": Rule(_of_classes, _cross_entropy),
    "one_hot": Rule(lambda call, values: _whole(values[call.inputs[0]]) and _short(call, values), _one_hot),
}
