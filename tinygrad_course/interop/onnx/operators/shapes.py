"""Shapes and arrangements: they may be computed while the network runs, from the shapes of its inputs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .... import ops
from ....nn import functional as F
from ....tensor import Tensor
from ..package import OnnxError
from ..reader import dtype_of
from .table import floats, ints, known, operator, sized

__all__: list[str] = []


@operator("Shape")
def shape(step: Any, x: Tensor) -> Any:
    n = x.ndim
    return known(np.array(x.array.shape[slice(step.get("start", 0), step.get("end", n))], np.int64))


@operator("Size")
def size(step: Any, x: Tensor) -> Any:
    return known(np.array(x.array.size, np.int64))


@operator("Constant")
def constant(step: Any) -> Any:
    for name, dtype in (("value_float", np.float32), ("value_floats", np.float32), ("value_int", np.int64),
                        ("value_ints", np.int64), ("value", None)):  # fmt: skip
        if name in step.attributes:
            return known(np.asarray(step.attributes[name], dtype))
    raise OnnxError(f"a constant of {', '.join(step.attributes) or 'nothing'} is not supported")


@operator("ConstantOfShape")
def constant_of_shape(step: Any, lengths: Tensor) -> Any:
    value = step.get("value")
    value = np.zeros(1, np.float32) if value is None else value
    return known(np.full(sized(ints(lengths, step)), value.reshape(-1)[0], value.dtype))


@operator("Range")
def range_(step: Any, start: Tensor, limit: Tensor, delta: Tensor) -> Any:
    first, last, by = (floats(v, step)[0] for v in (start, limit, delta))
    sized([max(0, math.ceil((last - first) / by))])
    return Tensor._wrap(np.arange(start.array.item(), limit.array.item(), delta.array.item()).astype(start.array.dtype))


@operator("EyeLike")
def eye_like(step: Any, x: Tensor) -> Any:
    dtype = dtype_of(step.attributes["dtype"], "dtype") if "dtype" in step.attributes else x.array.dtype
    return known(np.eye(x.array.shape[0], x.array.shape[1], k=step.get("k", 0), dtype=dtype))


@operator("Reshape")
def reshape(step: Any, x: Tensor, lengths: Tensor | None = None) -> Any:
    wanted = step.get("shape", []) if lengths is None else ints(lengths, step)
    if not step.get("allowzero", 0):
        wanted = [x.shape[i] if n == 0 else n for i, n in enumerate(wanted)]
    return x.reshape(tuple(wanted))


@operator("Flatten")
def flatten(step: Any, x: Tensor) -> Any:
    axis = step.get("axis", 1)
    axis = axis + x.ndim if axis < 0 else axis
    return x.reshape((math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))


@operator("Transpose")
def transpose(step: Any, x: Tensor) -> Any:
    return x.permute(tuple(step.get("perm", list(range(x.ndim))[::-1])))


def _axes(step: Any, axes: Tensor | None) -> list[int] | None:
    if axes is not None:
        return ints(axes, step)
    return step.get("axes", []) if "axes" in step.attributes else None


@operator("Squeeze")
def squeeze(step: Any, x: Tensor, axes: Tensor | None = None) -> Any:
    found = _axes(step, axes)
    if found is None:
        return x.squeeze()
    if any(x.shape[a] != 1 for a in found):
        raise OnnxError(f"axes {found} of {tuple(x.shape)} are not all of length 1")
    dropped = {a % x.ndim for a in found}
    return x.reshape(tuple(n for i, n in enumerate(x.shape) if i not in dropped))


@operator("Unsqueeze")
def unsqueeze(step: Any, x: Tensor, axes: Tensor | None = None) -> Any:
    found = _axes(step, axes) or []
    rank = x.ndim + len(found)
    added = {a + rank if a < 0 else a for a in found}
    if len(added) != len(found) or not added <= set(range(rank)):
        raise OnnxError(f"axes {found} are not {len(found)} places among {rank}")
    rest = iter(x.shape)
    return x.reshape(tuple(1 if i in added else next(rest) for i in range(rank)))


@operator("Concat")
def concat(step: Any, *xs: Tensor) -> Any:
    return ops.cat(list(xs), step.get("axis", 1))


@operator("Split")
def split(step: Any, x: Tensor, sizes: Tensor | None = None) -> Any:
    axis, count = step.get("axis", 0), len(step.outputs)
    found = ints(sizes, step) if sizes is not None else step.get("split", [])
    if not found:
        n = x.shape[axis]
        count = step.get("num_outputs", count)
        each = -(-n // count)
        found = [each] * (count - 1) + [n - each * (count - 1)]
    if sum(found) != x.shape[axis] or any(n < 0 for n in found):
        raise OnnxError(f"sizes {found} do not add up to {x.shape[axis]}")
    starts = np.cumsum([0, *found])
    return tuple(x.narrow(axis, int(a), n) for a, n in zip(starts, found))


@operator("Slice")
def slice_(step: Any, x: Tensor, *bounds: Tensor | None) -> Any:
    if bounds:
        starts, ends, axes, steps = (
            None if b is None else ints(b, step) for b in (*bounds, *[None] * (4 - len(bounds)))
        )
    else:
        starts, ends = step.get("starts", []), step.get("ends", [])
        axes, steps = step.get("axes", list(range(len(starts)))), None
    starts, ends = starts or [], ends or []
    axes = list(range(len(starts))) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    if not len(starts) == len(ends) == len(axes) == len(steps) or any(not -x.ndim <= a < x.ndim for a in axes):
        raise OnnxError(f"starts {starts}, ends {ends}, axes {axes} and steps {steps} do not fit {tuple(x.shape)}")
    index: list[Any] = [slice(None)] * x.ndim
    for a, b, axis, by in zip(starts, ends, axes, steps):
        n = x.shape[axis]
        if by == 0:
            raise OnnxError("a step of 0")
        # Negative places count from the end, as in Python; but what is before the front stays there.
        lo = max(a + n, 0) if a < 0 else a
        hi = (b + n if b + n >= 0 else None if by < 0 else 0) if b < 0 else b
        index[axis] = slice(lo, hi, by)
    return x[tuple(index)]


@operator("Expand")
def expand(step: Any, x: Tensor, lengths: Tensor) -> Any:
    wanted = np.broadcast_shapes(tuple(x.shape), tuple(ints(lengths, step)))
    return x.expand(sized(wanted))


@operator("Tile")
def tile(step: Any, x: Tensor, repeats: Tensor) -> Any:
    times = ints(repeats, step)
    sized([n * t for n, t in zip(x.shape, times)])
    return x.tile(tuple(times))


@operator("Pad")
def pad(
    step: Any, x: Tensor, pads: Tensor | None = None, value: Tensor | None = None, axes: Tensor | None = None
) -> Any:
    widths = ints(pads, step) if pads is not None else step.get("pads", [])
    places = [a % x.ndim for a in ints(axes, step)] if axes is not None else list(range(x.ndim))
    n = len(places)
    if len(widths) != 2 * n:
        raise OnnxError(f"{len(widths)} pads for {n} axes; expected twice as many")
    by_axis = {a: (widths[i], widths[i + n]) for i, a in enumerate(places)}
    both = [by_axis.get(a, (0, 0)) for a in range(x.ndim)]
    sized([max(0, length + lo + hi) for length, (lo, hi) in zip(x.shape, both)])
    flat = [w for pair in reversed(both) for w in pair]
    mode = step.get("mode", "constant")
    if mode == "constant":
        fill = floats(value, step)[0] if value is not None else step.get("value", 0.0)
        return F.pad(x, flat, value=int(fill) if x.array.dtype.kind in "iu" else fill)
    cut = [min(w, 0) for w in flat]
    if any(cut):
        x = F.pad(x, cut)
    modes = {"reflect": "reflect", "edge": "replicate", "wrap": "circular"}
    return F.pad(x, [max(w, 0) for w in flat], modes.get(mode, mode))


@operator("CenterCropPad")
def center_crop_pad(step: Any, x: Tensor, lengths: Tensor) -> Any:
    axes = step.get("axes", list(range(x.ndim)))
    for axis, n in zip(axes, ints(lengths, step)):
        have = x.shape[axis]
        sized([n])
        if n < have:
            x = x.narrow(axis, (have - n) // 2, n)
        elif n > have:
            widths = [0] * (2 * x.ndim)
            at = 2 * (x.ndim - 1 - axis % x.ndim)
            widths[at : at + 2] = [(n - have) // 2, n - have - (n - have) // 2]
            x = F.pad(x, widths)
    return x


@operator("DepthToSpace")
def depth_to_space(step: Any, x: Tensor) -> Any:
    n, c, h, w = x.shape
    r = step.get("blocksize", 1)
    if step.get("mode", "DCR") == "CRD":
        return F.pixel_shuffle(x, r)
    y = x.reshape((n, r, r, c // (r * r), h, w)).permute((0, 3, 4, 1, 5, 2))
    return y.reshape((n, c // (r * r), h * r, w * r))


@operator("SpaceToDepth")
def space_to_depth(step: Any, x: Tensor) -> Any:
    n, c, h, w = x.shape
    r = step.get("blocksize", 1)
    y = x.reshape((n, c, h // r, r, w // r, r))
    order = (0, 1, 3, 5, 2, 4) if step.get("mode", "DCR") == "CRD" else (0, 3, 5, 1, 2, 4)
    return y.permute(order).reshape((n, c * r * r, h // r, w // r))


@operator("Trilu")
def trilu(step: Any, x: Tensor, k: Tensor | None = None) -> Any:
    diagonal = ints(k, step)[0] if k is not None else 0
    return x.triu(diagonal) if step.get("upper", 1) else x.tril(diagonal)


@operator("ReverseSequence")
def reverse_sequence(step: Any, x: Tensor, lengths: Tensor) -> Any:
    batch, time = step.get("batch_axis", 1), step.get("time_axis", 0)
    place = np.arange(x.shape[time])[:, None]
    n = np.array(ints(lengths, step))[None]
    source = np.where(place < n, n - 1 - place, place)
    source = source if time < batch else source.T
    full = source.reshape(source.shape + (1,) * (x.ndim - 2))
    return x.gather(time, Tensor._wrap(np.broadcast_to(full, tuple(x.shape)).copy()))


@operator("Einsum")
def einsum(step: Any, *xs: Tensor) -> Any:
    return ops.einsum(step.get("equation", ""), *xs)
