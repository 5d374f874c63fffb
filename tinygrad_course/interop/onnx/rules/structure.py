"""Other shapes, parts and arrangements of the same values."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....ops.indexing import ARRAY
from ..lengths import Varying
from .table import Case, rule

__all__ = ["reshaped"]

_END = np.iinfo(np.int64).max


def reshaped(c: Case, x: str, shape: tuple[Any, ...], given: tuple[Any, ...] = ()) -> str:
    """x in a shape whose lengths may vary: those of the same place in `given` are kept, one other is inferred."""
    kept = [0 if isinstance(n, Varying) and i < len(given) and given[i] == n else n for i, n in enumerate(shape)]
    varying = [i for i, n in enumerate(kept) if isinstance(n, Varying)]
    if len(varying) == 1 and -1 not in kept:
        kept[varying[0]] = -1
    if any(n == 0 and not isinstance(s, Varying) for n, s in zip(kept, shape)):
        kept = list(shape)  # truly empty: ONNX's 0 would mean "keep"
        return str(c.node("Reshape", x, c.w.ints(kept), allowzero=1))
    return str(c.node("Reshape", x, c.w.ints(kept)))


@rule("reshape")
def reshape(c: Case) -> str:
    return reshaped(c, c.name(), c.outs[0].shape, c.shape())


@rule("permute")
def permute(c: Case) -> str:
    return c.node("Transpose", c.name(), perm=[d % c.ndim() for d in c.static("dims")])


@rule("expand")
def expand(c: Case) -> str:
    return c.node("Expand", c.name(), c.w.ints(c.outs[0].shape))


@rule("cat")
def cat(c: Case) -> str:
    return c.node("Concat", *(c.name(i, c.dtype) for i in range(len(c))), axis=c.static("axis"))


@rule("stack")
def stack(c: Case) -> str:
    axis = c.static("axis")
    parts = [c.node("Unsqueeze", c.name(i, c.dtype), c.w.ints([axis])) for i in range(len(c))]
    return c.node("Concat", *parts, axis=axis)


@rule("flip")
def flip(c: Case) -> str:
    dims = c.static("dims")
    dims = [d % c.ndim() for d in (dims if isinstance(dims, tuple) else (dims,))]
    n = len(dims)
    bounds = [c.w.ints(v) for v in ([-1] * n, [-_END] * n, dims, [-1] * n)]
    return c.node("Slice", c.name(), *bounds)


@rule("roll")
def roll(c: Case) -> str:
    y = c.name()
    for shift, dim in zip(c.static("shifts"), c.static("dims")):
        length = c.shape()[dim]
        if isinstance(length, Varying):
            raise TypeError("roll along an axis whose length varies")
        cut = -shift % length if length else 0
        axis = c.w.ints([dim])
        front = c.node("Slice", y, c.w.ints([0]), c.w.ints([cut]), axis)
        back = c.node("Slice", y, c.w.ints([cut]), c.w.ints([_END]), axis)
        y = c.node("Concat", back, front, axis=dim)
    return y


@rule("pad")
def pad(c: Case) -> str:
    widths = c.static("widths")
    pads = [lo for lo, _ in widths] + [hi for _, hi in widths]
    return c.node("Pad", c.name(), c.w.ints(pads), c.const(c.params.get("value", 0.0)))


def _triangle(c: Case, upper: int) -> str:
    return str(c.node("Trilu", c.name(), c.w.constant(c.static("diagonal"), np.int64), upper=upper))


@rule("triu")
def triu(c: Case) -> str:
    return _triangle(c, 1)


@rule("tril")
def tril(c: Case) -> str:
    return _triangle(c, 0)


@rule("einsum")
def einsum(c: Case) -> str:
    names = [c.name(i, c.dtype) for i in range(len(c))]
    return c.node("Einsum", *names, equation=c.static("equation"))


@rule("argsort")
def argsort(c: Case) -> str:
    axis = c.static("axis")
    length = c.w.ints([c.shape()[axis]])
    return c.node("TopK", c.name(), length, outs=2, axis=axis, largest=int(c.params.get("descending", False)))[1]


@rule("one_hot")
def one_hot(c: Case) -> str:
    classes = c.static("classes")
    each = c.w.constant(np.arange(classes).reshape((classes,) + (1,) * (c.ndim() - 1)), np.int64)
    return c.node("Equal", c.node("Unsqueeze", c.name(0, np.int64), c.w.ints([1])), each)


# --- x[index] -----------------------------------------------------------------------------------------------------


@rule("getitem")
def getitem(c: Case) -> str:
    template = c.params["index"]
    template = list(template) if isinstance(template, tuple) else [template]
    used = sum(part is not None and part is not Ellipsis for part in template)
    if Ellipsis not in [p for p in template if p is None or p is Ellipsis]:
        template.append(Ellipsis)
    at = next(i for i, p in enumerate(template) if p is Ellipsis)
    template[at : at + 1] = [slice(None)] * (c.ndim() - used)
    x, dims = _sliced(c, template)
    arrays = [i for i, d in enumerate(dims) if d is ARRAY]
    if arrays:
        x = _gathered(c, x, dims, arrays)
    return x if x != c.name() else c.node("Identity", x)


def _sliced(c: Case, template: list[Any]) -> tuple[str, list[Any]]:
    """Apply the slices, then drop the dims of whole numbers, then add new dims; also what is left for arrays."""
    starts: list[int] = []
    stops: list[int] = []
    steps: list[int] = []
    axes: list[int] = []
    dropped: list[int] = []
    added: list[int] = []
    left: list[Any] = []
    dim = 0
    for part in template:
        if part is None:
            added.append(len(left))
            left.append(None)
            continue
        if isinstance(part, slice):
            if part != slice(None):
                step = part.step or 1
                axes.append(dim)
                steps.append(step)
                starts.append(part.start if part.start is not None else 0 if step > 0 else -1)
                stops.append(part.stop if part.stop is not None else _END if step > 0 else -_END)
            left.append(part)
        elif part is ARRAY:
            left.append(ARRAY)
        elif isinstance(part, (int, Varying)):
            if isinstance(part, Varying):
                raise TypeError("an index that depends on the size of the inputs")
            axes.append(dim)
            steps.append(1)
            starts.append(part)
            stops.append(part + 1 if part != -1 else _END)
            dropped.append(dim)
        else:
            raise TypeError(f"an index of {type(part).__name__}")
        dim += 1
    if dropped and ARRAY in [p for p in template if p is ARRAY]:
        raise TypeError("an index of numbers and tensors at once")
    x = c.name()
    if axes:
        x = c.node("Slice", x, c.w.ints(starts), c.w.ints(stops), c.w.ints(axes), c.w.ints(steps))
    if dropped:
        x = c.node("Squeeze", x, c.w.ints(dropped))
    if added:
        x = c.node("Unsqueeze", x, c.w.ints(added))
    return x, left


def _gathered(c: Case, x: str, dims: list[Any], arrays: list[int]) -> str:
    """Take by index tensors: Gather for one, GatherND for several."""
    for i in range(1, len(c)):
        if np.dtype(c.refs[i].dtype).kind not in "iu":
            raise TypeError("an index by a mask, whose result has a length that depends on values")
    if len(arrays) == 1:
        return str(c.node("Gather", x, c.name(1, np.int64), axis=arrays[0]))
    names = [c.name(1 + i, np.int64) for i in range(len(arrays))]
    rest = [i for i in range(len(dims)) if i not in arrays]
    if rest:
        x = c.node("Transpose", x, perm=arrays + rest)
    # Adding 0 times the others gives every index the common shape.
    zeros = [c.node("Mul", name, c.w.constant(0, np.int64)) for name in names]
    total = zeros[0]
    for zero in zeros[1:]:
        total = c.node("Add", total, zero)
    common = [c.node("Unsqueeze", c.node("Add", name, total), c.w.ints([-1])) for name in names]
    y = c.node("GatherND", x, c.node("Concat", *common, axis=-1))
    if arrays == list(range(arrays[0], arrays[0] + len(arrays))) and arrays[0]:
        count = len(c.outs[0].shape) - len(rest)  # dims of the index, which come first in y
        before = [count + i for i in range(arrays[0])]
        order = [*before, *range(count), *range(count + len(before), len(c.outs[0].shape))]
        y = c.node("Transpose", y, perm=order)
    return str(y)
