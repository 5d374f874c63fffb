"""Pooling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .... import ops
from ....nn import functional as F
from ....ops import pooling as windows
from ....tensor import Tensor
from ..package import OnnxError
from .layers import same_pads
from .table import ints, operator, sized

__all__: list[str] = []


class _Windows:
    """Where the windows of a pooling are; `x` is cut or padded such that no padding remains."""

    def __init__(self, step: Any, x: Tensor, fill: float) -> None:
        n = x.ndim - 2
        self.kernel = tuple(step.get("kernel_shape", []))
        self.strides = tuple(step.get("strides", [1] * n))
        self.dilations = tuple(step.get("dilations", [1] * n))
        if n < 1 or not len(self.kernel) == len(self.strides) == len(self.dilations) == n:
            raise OnnxError(f"kernel_shape {self.kernel}, strides {self.strides}: expected {n} numbers each")
        if min(*self.kernel, *self.strides, *self.dilations) < 1:
            raise OnnxError(f"kernel_shape {self.kernel}, strides {self.strides}: all should be positive")
        self.space = x.shape[2:]
        self.pads = same_pads(step, self.space, self.kernel, self.strides, self.dilations)
        ceil = bool(step.get("ceil_mode", 0)) and step.get("auto_pad", "NOTSET") == "NOTSET"
        self.out = tuple(map(self._count, self.space, self.pads, self.kernel, self.strides, self.dilations, [ceil] * n))
        if min(self.out) < 1 or any(min(pair) < 0 for pair in self.pads):
            raise OnnxError(f"windows {self.kernel} with pads {self.pads} do not fit the image {tuple(self.space)}")
        self.behind = [
            max(hi, (o - 1) * s + d * (k - 1) + 1 - length - lo)
            for length, (lo, hi), k, s, d, o in zip(
                self.space, self.pads, self.kernel, self.strides, self.dilations, self.out
            )
        ]
        sized([*x.shape[:2], *(n + lo + hi for n, (lo, _), hi in zip(self.space, self.pads, self.behind))])
        self.x = self.padded(x, fill)

    @staticmethod
    def _count(length: int, pads: tuple[int, int], k: int, s: int, d: int, ceil: bool) -> int:
        free = length + sum(pads) - d * (k - 1) - 1
        count = -(-free // s) + 1 if ceil else free // s + 1
        # A last window that would begin behind the input and its padding in front does not count.
        return count - 1 if ceil and (count - 1) * s >= length + pads[0] else count

    def padded(self, x: Tensor, fill: float) -> Tensor:
        widths = [w for (lo, _), hi in zip(reversed(self.pads), reversed(self.behind)) for w in (lo, hi)]
        if not any(widths):
            return x
        if x.array.dtype.kind == "f" or math.isfinite(fill):
            return F.pad(x, widths, value=fill)
        return F.pad(x, widths, value=int(np.iinfo(x.array.dtype).min))

    def sums(self, x: Tensor) -> Any:
        none = (0,) * len(self.kernel)
        if any(d != 1 for d in self.dilations):
            return self._slow_sums(x)
        return windows.sum_windows(
            x, space=tuple(x.shape[2:]), kernel=self.kernel, stride=self.strides, padding=none, out=self.out
        )

    def _slow_sums(self, x: Tensor) -> Any:
        total: Any = 0
        for place in np.ndindex(*self.kernel):
            at = [
                slice(i * d, i * d + s * (o - 1) + 1, s)
                for i, d, s, o in zip(place, self.dilations, self.strides, self.out)
            ]
            total = x[(slice(None), slice(None), *at)] + total
        return total


@operator("MaxPool")
def max_pool(step: Any, x: Tensor) -> Any:
    w = _Windows(step, x, -math.inf)
    none = (0,) * len(w.kernel)
    given: dict[str, Any] = {
        "kernel": w.kernel, "stride": w.strides, "padding": none, "dilation": w.dilations, "out": w.out
    }  # fmt: skip
    y = windows.max_pool(w.x, **given)
    if len([n for n in step.outputs if n]) < 2:
        return y
    place = windows.max_place(w.x.detach(), y.detach(), **given)
    index = windows.max_index(place, space=tuple(w.x.shape[2:]), **given).array
    within = np.unravel_index(index, tuple(w.x.shape[2:]))
    within = tuple(i - lo for i, (lo, _) in zip(within, w.pads))
    flat: Any = np.ravel_multi_index(within, tuple(w.space), order="F" if step.get("storage_order", 0) else "C")
    first = np.arange(x.shape[0] * x.shape[1]).reshape((*x.shape[:2], *(1,) * len(w.space)))
    return y, Tensor._wrap(flat + first * math.prod(w.space))


@operator("AveragePool")
def average_pool(step: Any, x: Tensor) -> Any:
    w = _Windows(step, x, 0.0)
    total = w.sums(w.x)
    counted = np.ones((1, 1, *w.space), x.array.dtype)
    if step.get("count_include_pad", 0):
        # Padding counts; what a last window reads beyond it does not.
        ones = np.ones((1, 1, *(n + lo + hi for n, (lo, hi) in zip(w.space, w.pads))), x.array.dtype)
        extra = [v for hi, (_, asked) in zip(reversed(w.behind), reversed(w.pads)) for v in (0, hi - asked)]
        counts = w.sums(F.pad(Tensor._wrap(ones), extra))
    else:
        counts = w.sums(w.padded(Tensor._wrap(counted), 0.0))
    return total / counts


@operator("LpPool")
def lp_pool(step: Any, x: Tensor) -> Any:
    p = step.get("p", 2)
    w = _Windows(step, x, 0.0)
    return w.sums(ops.abs(w.x) ** p) ** (1.0 / p)


@operator("GlobalAveragePool")
def global_average_pool(step: Any, x: Tensor) -> Any:
    return x.mean(tuple(range(2, x.ndim)), True)


@operator("GlobalMaxPool")
def global_max_pool(step: Any, x: Tensor) -> Any:
    return x.amax(tuple(range(2, x.ndim)), True)


@operator("GlobalLpPool")
def global_lp_pool(step: Any, x: Tensor) -> Any:
    return x.norm(step.get("p", 2), tuple(range(2, x.ndim)), True)


@operator("MaxUnpool")
def max_unpool(step: Any, x: Tensor, index: Tensor, shape: Tensor | None = None) -> Any:
    n = x.ndim - 2
    kernel, strides = step.get("kernel_shape", []), step.get("strides", [1] * n)
    pads = step.get("pads", [0] * (2 * n))
    natural = [(m - 1) * s + k - lo - hi for m, s, k, lo, hi in zip(x.shape[2:], strides, kernel, pads[:n], pads[n:])]
    natural = [*x.shape[:2], *natural]
    wanted = natural if shape is None else ints(shape, step)
    size = math.prod(sized(natural))
    flat = index.reshape(-1)
    if flat.array.size and (flat.array.min() < 0 or flat.array.max() >= size):
        raise OnnxError(f"places of maxima do not lie within {natural}")
    y = Tensor._wrap(np.zeros(size, x.array.dtype)).scatter(0, flat, x.reshape(-1)).reshape(tuple(natural))
    more = [v for a, b in zip(reversed(wanted), reversed(natural)) for v in (0, a - b)]
    return F.pad(y, more) if any(more) else y


@operator("Col2Im")
def col2im(step: Any, x: Tensor, image: Tensor, block: Tensor) -> Any:
    space, kernel = ints(image, step), ints(block, step)
    n = len(space)
    strides, dilations = step.get("strides", [1] * n), step.get("dilations", [1] * n)
    pads = step.get("pads", [0] * (2 * n))
    full = [m + lo + hi for m, lo, hi in zip(space, pads[:n], pads[n:])]
    out = [(m - d * (k - 1) - 1) // s + 1 for m, k, s, d in zip(full, kernel, strides, dilations)]
    sized([x.shape[0], x.shape[1], *full])
    y: Any = windows.fold(
        x, space=tuple(full), kernel=tuple(kernel), stride=tuple(strides), padding=(0,) * n, dilation=tuple(dilations),
        out=tuple(out),
    )  # fmt: skip
    return y[(slice(None), slice(None), *(slice(lo, lo + m) for lo, m in zip(pads, space)))]
