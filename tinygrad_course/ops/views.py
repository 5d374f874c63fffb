"""Views: tensors that share the memory of another, and remember it while it lives."""

from __future__ import annotations

import weakref
from typing import Any

from ..graph import bind
from ..tensor import Tensor
from .op import Op

__all__ = ["base_of", "view"]


def view(op: Op, x: Tensor, *arrays: Any, **params: Any) -> Tensor:
    """Execute an operation whose result shares the memory of `x`, and note in the result that it does."""
    out = bind(op, x, *arrays, **params)
    if out.array.base is not None:
        base = x._base
        out._base = base if base is not None and base() is not None else weakref.ref(x)
    return out


def base_of(x: Tensor) -> Tensor | None:
    """The living tensor whose memory `x` is a view of, or None."""
    base = x._base
    return None if base is None else base()
