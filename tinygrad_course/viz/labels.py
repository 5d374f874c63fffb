"""What a vertex says: an operation's call in a few signs, shapes and values as on the board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["count_text", "number_text", "params_text", "shape_text", "shown_params", "title", "values_text"]

# Operations with one number among their operands: how they read with the number last, and with it first.
_WITH_NUMBER = {
    "add": ("+ {}", "{} +"),
    "subtract": ("− {}", "{} − ·"),
    "multiply": ("× {}", "× {}"),
    "divide": ("÷ {}", "{} ÷ ·"),
    "power": ("^ {}", "{} ^ ·"),
    "maximum": ("max(·, {})", "max({}, ·)"),
    "minimum": ("min(·, {})", "min({}, ·)"),
    "gt": ("> {}", "{} > ·"),
    "ge": ("≥ {}", "{} ≥ ·"),
    "lt": ("< {}", "{} < ·"),
    "le": ("≤ {}", "{} ≤ ·"),
    "eq": ("= {}", "{} = ·"),
    "ne": ("≠ {}", "{} ≠ ·"),
}

# Parameters that say nothing: what they are when nobody asks for anything, or what the shape shows already.
_DEFAULTS: dict[str, Any] = {
    "keepdims": False, "keepdim": False, "axis": None, "dim": None, "dilation": 1, "groups": 1, "padding": 0,
    "eps": 1e-5, "ignore_index": -100, "dtype": None, "generator": None, "correction": 1, "reduction": "mean",
    "approximate": "none",
}  # fmt: skip
_SEEN_IN_SHAPES = {
    "affine": (), "cat": ("bounds",), "convolution_transpose": ("space",), "expand": ("shape",),
    "max_pool": ("out",), "normal": ("size",), "pick": ("index",), "reshape": ("shape",),
    "sum_windows": ("space", "out"), "uniform": ("size",),
}  # fmt: skip
_RENAMED = {"axis": "dim", "axes": "dims"}


def title(op: str, inputs: Sequence[Any], params: Mapping[str, Any]) -> str:
    """An operation in a few signs: "× 0.5" where one operand is a number, "[0, 1:3]", or its name."""
    numbers = [(i, x) for i, x in enumerate(inputs) if isinstance(x, (int, float))]
    if op in _WITH_NUMBER and len(inputs) == 2 and len(numbers) == 1:
        place, x = numbers[0]
        return _WITH_NUMBER[op][1 - place].format(number_text(x))
    if op == "getitem":
        return f"[{_index_text(params.get('index'))}]"
    if op == "clamp":
        low, high = (inputs[i] if len(inputs) > i else params.get(k) for i, k in ((1, "min"), (2, "max")))
        if all(x is None or isinstance(x, (int, float)) for x in (low, high)):
            ends = [number_text(x) if isinstance(x, (int, float)) else "·" for x in (low, high)]
            return f"clamp to {ends[0]} … {ends[1]}"
    if numbers and len(inputs) < 5:
        return f"{op}({', '.join(number_text(x) if isinstance(x, (int, float)) else '·' for x in inputs)})"
    return op


def shown_params(op: str, inputs: Sequence[Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters worth showing: neither defaults nor what the shapes say."""
    hidden = _SEEN_IN_SHAPES.get(op, ())
    shown = {}
    if op.startswith("convolution") and len(inputs) > 1 and "kernel" not in params:
        shown["kernel"] = _brief(tuple(getattr(inputs[1], "shape", ()))[2:])
    for name, value in params.items():
        if name in hidden or op == "getitem" or not isinstance(value, (int, float, str, bool, tuple)):
            continue
        value = _brief(value)
        if value == () or (name in _DEFAULTS and type(value) is type(_DEFAULTS[name]) and value == _DEFAULTS[name]):
            continue
        shown[_RENAMED.get(name, name)] = value
    if op.startswith("convolution") and shown.get("stride") == 1:
        del shown["stride"]
    return shown


def _brief(value: Any) -> Any:
    """One number for equal ones: (3, 3) is 3, ((1, 1), (1, 1)) is 1."""
    if isinstance(value, tuple):
        parts = tuple(_brief(v) for v in value)
        if parts and all(type(p) is type(parts[0]) and p == parts[0] for p in parts):
            return parts[0]
        return parts
    return value


def params_text(params: Mapping[str, Any]) -> str:
    """Parameters as in a call: dim=0, keepdims=True; a kernel as 3 × 3."""
    return ", ".join(
        f"{name} {number_text(value) if isinstance(value, float) else value}" for name, value in params.items()
    )


def number_text(x: float) -> str:
    """A number, briefly: 0.5, 1.43, 1e-05."""
    return f"{x:.3g}" if isinstance(x, float) else str(x)


def _index_text(index: Any) -> str:
    parts = index if isinstance(index, tuple) else (index,)
    return ", ".join(map(_one_index, parts))


def _one_index(part: Any) -> str:
    if isinstance(part, slice):
        ends = ["" if end is None else str(end) for end in (part.start, part.stop)]
        return ":".join(ends if part.step is None else [*ends, str(part.step)])
    if part is Ellipsis:
        return "…"
    return str(part) if part is None or isinstance(part, int) else "·"


def shape_text(shape: Sequence[int]) -> str:
    """A shape as on the board: 50 × 3, or "scalar"."""
    return " × ".join(map(str, shape)) if shape else "scalar"


def count_text(n: float) -> str:
    """A large number, briefly: 1.23 M."""
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e4)):
        if n >= size:
            return f"{n / (1e3 if unit == 'k' else size):.3g} {unit}"
    return f"{n:,}"


def values_text(x: np.ndarray, most: int = 6) -> str:
    """A few values of an array, or its range if there are more."""
    if x.size <= most:
        return np.array2string(x, precision=3, separator=", ", suppress_small=True).replace("\n", "")
    if x.dtype.kind == "b":
        return f"{int(x.sum())} of {x.size} true"
    if x.dtype.kind == "f" and np.isnan(x).all():
        return "all NaN"
    return f"{np.nanmin(x):.3g} … {np.nanmax(x):.3g}"
