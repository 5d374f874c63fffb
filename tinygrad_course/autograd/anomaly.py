"""Find the line of the forward pass to which a NaN or an error of the backward pass belongs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from ..graph import Node, Observer, state
from ..tensor import Tensor
from .engine import describe

__all__ = ["detect_anomaly", "is_anomaly_enabled", "set_detect_anomaly"]

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class _Watch(Observer):
    """Notes on each node the line that called it, and looks for NaN in what backward computes."""

    def __init__(self, check_nan: bool) -> None:
        self.check_nan = check_nan

    def saw(
        self, op: Any, inputs: tuple[Any, ...], params: dict[str, Any], outs: tuple[Tensor, ...], node: Any
    ) -> None:
        if node is not None:
            node.where = _calling_line()
            for y in outs:
                if isinstance(y.node, Node):
                    y.node.where = node.where

    def pulled(self, node: Node, cotangents: Sequence[Any]) -> None:
        if not self.check_nan:
            return
        for i, g in enumerate(cotangents):
            for part in g if isinstance(g, tuple) else (g,):
                if part is not None and _has_nan(part):
                    raise RuntimeError(
                        f"detect_anomaly: the gradient of {describe(node)} in its input {i} contains NaN"
                        + ("" if node.where else "; run the forward pass under detect_anomaly too, to see its line")
                    )


def _has_nan(g: Any) -> bool:
    return bool(np.isnan(getattr(g, "array", g)).any())


def _calling_line() -> str | None:
    """The file and line outside this package that the current operation was called from."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back  # type: ignore[assignment]
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else None


class detect_anomaly:
    """Let backward raise at the first NaN, and name the line of the forward pass to which it, or an error, belongs.

    Forward and backward are to run inside. It slows both down, and is for looking for a mistake. It holds for the
    current thread.

    Args:
        check_nan: raise at NaN; otherwise errors only are given their line.

    Example:
        >>> import tinygrad_course as tc
        >>> x = tc.tensor(0.0, requires_grad=True)
        >>> with tc.autograd.detect_anomaly():
        ...     y = (x * 0).sqrt() * 0 / x
        ...     try:
        ...         y.backward()
        ...     except RuntimeError as error:
        ...         print(str(error).split(",")[0].rstrip("0123456789>"))
        detect_anomaly: the gradient of <divide #
    """

    def __init__(self, check_nan: bool = True) -> None:
        self._watch = _Watch(check_nan)

    def __enter__(self) -> Self:
        self._watch.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._watch.__exit__(*exc)


class set_detect_anomaly:
    """Switch `detect_anomaly` on or off: acts at once; as a context manager it puts the earlier state back."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = state.observers
        others = tuple(o for o in state.observers if not isinstance(o, _Watch))
        state.observers = (*others, _Watch(check_nan)) if mode else others

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        state.observers = self._before


def is_anomaly_enabled() -> bool:
    """Whether `detect_anomaly` holds in this thread."""
    return any(isinstance(o, _Watch) for o in state.observers)
