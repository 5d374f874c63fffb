"""How tensors print: as PyTorch's do, with one number format for the whole tensor."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from . import dtypes

if TYPE_CHECKING:
    from collections.abc import Callable

    from .tensor import Tensor

__all__ = ["get_printoptions", "set_printoptions", "tensor_repr"]

_PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}
_options: dict[str, Any] = {**_PROFILES["default"], "sci_mode": None}


def set_printoptions(
    precision: int | None = None, threshold: float | None = None, edgeitems: int | None = None,
    linewidth: int | None = None, profile: str | None = None, sci_mode: bool | None = None,
) -> None:  # fmt: skip
    """Set how tensors print; what is left out stays as it is, except `sci_mode`, which is then chosen by the values.

    Args:
        precision: digits after the point.
        threshold: tensors with more values are summarized.
        edgeitems: values shown at each end of a summarized dimension.
        linewidth: characters per line.
        profile: start from "default", "short" or "full".
        sci_mode: whether to write 1.0000e-03; None: where the range of values asks for it.

    Raises:
        ValueError: for an unknown profile.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.set_printoptions(precision=2)
        >>> tc.tensor(0.12345)
        tensor(0.12)
        >>> tc.set_printoptions(profile="default")
    """
    if profile is not None:
        if profile not in _PROFILES:
            raise ValueError(f"set_printoptions: expected a profile among {', '.join(_PROFILES)}, got {profile!r}")
        _options.update(_PROFILES[profile])
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    _options.update({k: v for k, v in given.items() if v is not None})
    _options["sci_mode"] = sci_mode


def get_printoptions() -> dict[str, Any]:
    """The options that `set_printoptions` sets, as a dict."""
    return dict(_options)


def tensor_repr(x: Tensor) -> str:
    """The text of a tensor: values, then what cannot be seen from them (dtype, size if empty, place in the graph)."""
    return array_repr(x.array, _graph_suffix(x))


def _graph_suffix(x: Tensor) -> str | None:
    if x.grad_fn is not None:
        return f"grad_fn=<{x.grad_fn.name}>"
    return "requires_grad=True" if x.requires_grad else None


def array_repr(array: np.ndarray, *more: str | None) -> str:
    prefix = "tensor("
    usual = dtypes.get_default_dtype()
    suffixes = []
    if array.size == 0:
        text = "[]"
        if array.ndim != 1:
            suffixes.append(f"size={array.shape}")
        plain = array.dtype == usual
    else:
        summarize = array.size > _options["threshold"]
        write, width = _writer(_shown(array) if summarize else array)
        text = _values(array, len(prefix), summarize, write, width)
        plain = array.dtype in (usual, dtypes.int64, dtypes.bool)
    if not plain:
        suffixes.append(f"dtype={array.dtype}")
    suffixes += [s for s in more if s is not None]
    text = prefix + text
    length = len(text) - text.rfind("\n") - 1
    for suffix in suffixes:
        if length + len(suffix) + 3 > _options["linewidth"]:
            text += ",\n" + " " * len(prefix) + suffix
            length = len(prefix) + len(suffix)
        else:
            text += ", " + suffix
            length += len(suffix) + 2
    return text + ")"


def _shown(array: np.ndarray) -> np.ndarray:
    """The part of an array that is printed when it is summarized."""
    n = _options["edgeitems"]
    for axis, length in enumerate(array.shape):
        if length > 2 * n:
            array = np.take(array, [*range(n), *range(length - n, length)], axis)
    return array


def _writer(array: np.ndarray) -> tuple[Callable[[Any], str], int]:
    """The function that writes one value, and the width it pads to: one format for all values."""
    values = array.reshape(-1).tolist()
    if array.dtype.kind != "f":
        width = max(len(str(v)) for v in values)
        return lambda v: str(v).rjust(width), width
    precision = _options["precision"]
    finite = [v for v in values if math.isfinite(v) and v != 0]
    width, whole, scientific = 1, True, False
    if finite:
        low, high = min(map(abs, finite)), max(map(abs, finite))
        whole = all(v == math.ceil(v) for v in finite)
        scientific = high / low > 1000 or high > 1e8 or (not whole and low < 1e-4)
        if _options["sci_mode"] is not None:
            scientific = _options["sci_mode"]
        if scientific:
            width = max(len(f"{v:.{precision}e}") for v in finite)
        elif whole:
            width = max(len(f"{v:.0f}") for v in finite) + 1
        else:
            width = max(len(f"{v:.{precision}f}") for v in finite)

    def write(v: float) -> str:
        if scientific:
            return f"{v:.{precision}e}".rjust(width)
        if whole:
            return (f"{v:.0f}." if math.isfinite(v) else f"{v:.0f}").rjust(width)
        return f"{v:.{precision}f}".rjust(width)

    return write, width


def _values(array: np.ndarray, indent: int, summarize: bool, write: Callable[[Any], str], width: int) -> str:
    """The values in brackets; continued lines start `indent` + 1 characters in."""
    if array.ndim == 0:
        return write(array.item())
    n = _options["edgeitems"]
    cut = summarize and len(array) > 2 * n
    if array.ndim == 1:
        kept = np.concatenate([array[:n], array[len(array) - n :]]) if cut else array
        items = [write(v) for v in kept.tolist()]
        if cut:
            items[n:n] = [" ..."] if n else ["..."]
        per_line = max(1, (_options["linewidth"] - indent) // (width + 2))
        lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
    if cut:
        parts = [_values(a, indent + 1, summarize, write, width) for a in (*array[:n], *array[len(array) - n :])]
        parts[n:n] = ["..."]
    else:
        parts = [_values(a, indent + 1, summarize, write, width) for a in array]
    return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(parts) + "]"
