"""Operations in place: `x.add_(1)`, `x += 1`, `x[0] = 1`. Each is made from the operation that is not in place.

Outside the graph they write into the tensor's array, so that views see it. Inside, where backward may still need the
old value, the tensor gets a fresh array and a new place in the graph; Python's `x += 1` means the same. What such a
write would mean for another tensor of which this one is a view cannot be expressed then, and is refused.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..graph import state
from ..overwrites import mark_overwritten
from ..tensor import LEAF, Tensor
from . import activation, arithmetic, choosing, diagonals, elementwise, gamma, indexing, scan, shape, special
from .arguments import shape_of
from .views import base_of

__all__ = ["assign", "in_place"]

# --- Writing ------------------------------------------------------------------------------------------------------


def assign(x: Tensor, value: Tensor, name: str, *, into_view: bool = False) -> Tensor:
    """Give `x` the values of `value`, in its memory or, inside the graph, in its stead; return `x`.

    Args:
        name: of the operation, for messages.
        into_view: allow a view in the graph to be replaced, as the first half of `x[i] += y` does.

    Raises:
        RuntimeError: if `x` is a leaf that requires grad, the dtype or shape does not fit, or a view of `x`'s kind
            cannot be written to.
    """
    check_writable(x, name)
    array = value.array
    if array.shape != x.array.shape:
        raise RuntimeError(
            f"{name}: the result has shape {array.shape}, which does not fit into the tensor's {x.array.shape}; "
            f"write {_instead(name)} instead"
        )
    if array.dtype != x.array.dtype:
        if _KINDS[array.dtype.kind] > _KINDS[x.array.dtype.kind]:
            raise RuntimeError(
                f"{name}: result type {array.dtype} can't be cast to {x.array.dtype}, the tensor's dtype; "
                f"convert the tensor first, or write {_instead(name)}"
            )
        value = value.to(x.array.dtype)
    if not (state.grad and (x.node is not None or value.node is not None)):
        return write(x, ..., value.array, name)
    if not into_view:
        check_no_base(x, name)
    retains = x.retains_grad
    x.array, x.node, x._base = value.array, value.node, None
    if retains:
        x.retain_grad()  # of the new value, as in PyTorch
    return x


_KINDS = {"b": 0, "i": 1, "u": 1, "f": 2}


def _instead(name: str) -> str:
    """What to write in place of an operation in place."""
    if name == "setitem":
        return "y = x.clone(); y[...] = value"
    return f"x = x {name.rstrip('=')} y" if name.endswith("=") else f"x = x.{name.rstrip('_')}(...)"


def check_writable(x: Tensor, name: str) -> None:
    """Raise if `x` is a leaf that requires grad, which must not change while operations are recorded."""
    if x.node is LEAF and state.grad:
        raise RuntimeError(
            f"{name}: a leaf tensor that requires grad cannot be changed in place, its gradient would be lost; "
            f"write {_instead(name)}, or change it within `with tc.no_grad():`"
        )


def check_no_base(x: Tensor, name: str) -> None:
    """Raise if `x` is a view of a living tensor, which would not see what `x` becomes in the graph."""
    base = base_of(x)
    if base is not None:
        raise RuntimeError(
            f"{name}: this tensor is a view of another, of shape {base.array.shape}, which would not see a change "
            "recorded in the graph; write it on that tensor itself, as in h[:, 0] = ..., or on a copy (x.clone())"
        )


def write(x: Tensor, index: Any, value: Any, name: str) -> Tensor:
    """Write into the memory of `x`, and say so to the backward passes that may have saved it."""
    for observer in state.observers:
        observer.writes(x, index, value, name)
    array = x.array
    if not array.flags.writeable:
        raise RuntimeError(
            f"{name}: several values of this tensor share one place in memory (expand), or its memory is read-only; "
            "write into a copy (x.clone())"
        )
    parts = index if type(index) is tuple else (index,)
    if all(type(i) in (int, slice) for i in parts):  # only what is written to counts as overwritten
        array, index = array[*parts, ...], ...
    array[index] = value
    mark_overwritten(array)
    return x


# --- x[index] = value ---------------------------------------------------------------------------------------------


def setitem(x: Tensor, index: Any, value: Any) -> None:
    """`x[index] = value`: in memory outside the graph, a recorded operation inside it."""
    check_writable(x, "setitem")
    if state.grad and (x.node is not None or (isinstance(value, Tensor) and value.node is not None)):
        check_no_base(x, "setitem")
        y = indexing.with_item(x, index, value)
        x.array, x.node = y.array, y.node
        return
    template, arrays = indexing.split_index(index)
    if arrays:
        template = indexing.filled(template, [a.array if isinstance(a, Tensor) else a for a in arrays])
    if isinstance(value, Tensor):
        value = value.array
    try:
        write(x, template, value, "setitem")
    except IndexError as error:
        raise IndexError(f"setitem: {error} (tensor of shape {x.array.shape})") from None
    except ValueError as error:
        raise RuntimeError(f"setitem: {error} (tensor of shape {x.array.shape})") from None


# --- Methods from functions ---------------------------------------------------------------------------------------


def in_place(function: Callable[..., Tensor], name: str) -> Callable[..., Tensor]:
    """The method that does in place what `function` does."""

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        check_writable(self, name)
        return assign(self, function(self, *args, **kwargs), name)

    functools.update_wrapper(method, function, ("__doc__",), ())
    method.__name__ = name
    method.__doc__ = f"In place: {method.__doc__}"
    return method


def _operator(function: Callable[..., Tensor], name: str, symbol: str) -> Callable[..., Any]:
    def method(self: Tensor, other: Any) -> Any:
        check_writable(self, symbol)
        return assign(self, function(self, other), symbol, into_view=True)

    method.__name__ = name
    method.__doc__ = f"In place: {function.__doc__}"
    return method


def _restructured(function: Callable[..., Tensor], name: str) -> Callable[..., Tensor]:
    """The method that gives the tensor itself another shape, over the same memory."""

    def method(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        check_writable(self, name)
        y = function(self, *args, **kwargs)
        self.array = y.array
        if state.grad:
            self.node = y.node
        return self

    functools.update_wrapper(method, function, ("__doc__",), ())
    method.__name__ = name
    method.__doc__ = f"In place: {method.__doc__}"
    return method


def _fill(x: Tensor, value: float | Tensor) -> Tensor:
    """All values replaced by one."""
    if isinstance(value, Tensor) and value.ndim:
        raise RuntimeError(f"fill_: value must be a number or a 0-d tensor, got shape {tuple(value.shape)}")
    return choosing.masked_fill(x, Tensor._wrap(np.ones((), bool)), value)


def _zero(x: Tensor) -> Tensor:
    """All values replaced by 0."""
    return _fill(x, 0)


def _copy(x: Tensor, src: Tensor, non_blocking: bool = False) -> Tensor:
    """The values of `src`, broadcast to the tensor's shape and cast to its dtype."""
    src = src if isinstance(src, Tensor) else Tensor._wrap(np.asarray(src))
    src = shape.broadcast_to(src, x.array.shape)
    return src.clone() if src.dtype == x.dtype else src.to(x.dtype)


def _fill_diagonal(x: Tensor, fill_value: float) -> Tensor:
    """The main diagonal of a matrix replaced by one value."""
    n = min(x.array.shape)
    return indexing.with_item(x, (np.arange(n), np.arange(n)), fill_value)


def resize_(self: Tensor, *sizes: Any) -> Tensor:
    """Another shape in place: values are kept in row order, new ones are 0. Only outside the graph."""
    if self.requires_grad:
        raise RuntimeError("resize_: a tensor that requires grad cannot be resized; use x.reshape(...)")
    target = np.zeros(shape_of(sizes), self.array.dtype)
    n = min(target.size, self.array.size)
    target.reshape(-1)[:n] = self.array.reshape(-1)[:n]
    self.array = target
    return self


_SAME_SHAPE: dict[str, Any] = {
    name: getattr(elementwise, name)
    for name in (
        "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "bitwise_and", "bitwise_not", "bitwise_or",
        "bitwise_xor", "ceil", "copysign", "cos", "cosh", "eq", "exp", "exp2", "expm1", "floor", "floor_divide", "fmod",
        "frac", "ge", "gt", "heaviside", "hypot", "le", "log", "log10", "log1p", "log2", "logical_and", "logical_not",
        "logical_or", "logical_xor", "lt", "ne", "reciprocal", "remainder", "rsqrt", "sigmoid", "sign", "sin", "sinh",
        "sqrt", "square", "tan", "tanh", "trunc", "abs",
    )
} | {
    name: getattr(arithmetic, name)
    for name in (
        "absolute", "add", "addcdiv", "addcmul", "div", "divide", "lerp", "mul", "multiply", "neg", "pow", "round",
        "sub", "subtract", "true_divide",
    )
} | {
    name: getattr(choosing, name)
    for name in (
        "clamp", "clamp_max", "clamp_min", "clip", "index_add", "index_copy", "index_fill", "masked_fill",
        "masked_scatter", "nan_to_num", "scatter", "scatter_add",
    )
} | {
    "copy": _copy, "cumprod": scan.cumprod, "cumsum": scan.cumsum, "fill": _fill, "fill_diagonal": _fill_diagonal,
    "index_put": indexing.index_put, "negative": elementwise.negative, "tril": diagonals.tril, "triu": diagonals.triu,
    "zero": _zero, "relu": activation.relu, "digamma": gamma.digamma, "erf": special.erf, "erfc": special.erfc,
    "erfinv": special.erfinv, "lgamma": gamma.lgamma, "logit": special.logit, "sinc": special.sinc,
    "xlogy": special.xlogy,
}  # fmt: skip
_OTHER_SHAPE = ("squeeze", "swapaxes", "swapdims", "t", "transpose", "unsqueeze")
_OPERATORS = {
    "add": ("+=", elementwise.add), "sub": ("-=", elementwise.subtract), "mul": ("*=", elementwise.multiply),
    "truediv": ("/=", elementwise.divide), "floordiv": ("//=", elementwise.floor_divide),
    "mod": ("%=", elementwise.remainder), "pow": ("**=", elementwise.power), "and": ("&=", elementwise.bitwise_and),
    "or": ("|=", elementwise.bitwise_or), "xor": ("^=", elementwise.bitwise_xor),
}  # fmt: skip

METHODS: dict[str, Any] = {f"{name}_": in_place(function, f"{name}_") for name, function in _SAME_SHAPE.items()}
METHODS |= {f"{name}_": _restructured(getattr(shape, name), f"{name}_") for name in _OTHER_SHAPE}
METHODS |= {f"__i{name}__": _operator(op, f"__i{name}__", symbol) for name, (symbol, op) in _OPERATORS.items()}
METHODS |= {"__setitem__": setitem, "resize_": resize_}
