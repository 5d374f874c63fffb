"""Whether a function and its gradient depend on nothing but the inputs, and are as precise as these."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from ..graph import Bundle, Node, Observer
from ..random import fork_rng, manual_seed
from .function import Point
from .probe import cotangent

__all__ = ["leaking", "unsteady"]

# Equal, but for what the order of a parallel sum may change: this many units of rounding.
UNITS = 1000
DOUBLE = np.dtype(np.float64)


def unsteady(point: Point, atol: float = 0.0) -> str | None:
    """Whether a function or its gradient gives other values when it is computed again, and why."""
    vs = _cotangents(point)
    for what, compute in (
        ("the same inputs give other values", lambda: point.outputs(point.values)),
        ("the same inputs give other gradients", lambda: point.gradients(vs)),
    ):
        first = compute()
        if not _same(first, compute(), atol):
            if _same(_seeded(compute), _seeded(compute), atol):
                return "non-determinism: each call draws other random numbers; set the seed inside the function"
            return f"dependence on hidden state: {what} at each call, whatever the seed"
    if not _same(first, _interrupted(point, vs), atol):
        return "dependence on hidden state: the gradient reads what a later call of the function has left behind"
    return None


def leaking(point: Point) -> tuple[int, str] | None:
    """An input of the call, if one rule in it gives less than float64 for values that are all float64."""
    with _Leaks() as leaks:
        point.gradients(_cotangents(point))
    return leaks.found


class _Leaks(Observer):
    """Looks at what rules give before the engine casts it."""

    def __init__(self) -> None:
        self.found: tuple[int, str] | None = None

    def pulled(self, node: Node, cotangents: Sequence[Any]) -> None:
        y = node.output
        if self.found or any(part.dtype != DOUBLE for part in (y if type(y) is Bundle else (y,))):
            return
        for i, (c, x) in enumerate(zip(cotangents, node.inputs or ())):
            narrow = isinstance(getattr(c, "dtype", None), np.dtype) and c.dtype.kind == "f" and c.dtype.itemsize < 8
            if narrow and getattr(x, "dtype", None) == DOUBLE:
                self.found = i, f"float32 leakage: the rule of input {i} gives {c.dtype} for float64 values"


def _cotangents(point: Point) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [cotangent(rng, y.shape, y.dtype) for y in point.outputs(point.values)]


def _interrupted(point: Point, vs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The gradient, with another call of the function between its forward and its backward pass."""
    elsewhere = [x * 1.25 + 0.125 for x in point.values]

    def interrupt() -> None:
        with suppress(Exception):  # it need not be defined there
            point.outputs(elsewhere)

    return point.gradients(vs, between=interrupt)


def _seeded(compute: Callable[[], list[np.ndarray]]) -> list[np.ndarray]:
    """With all generators that are shared at the same seed; afterwards they are where they were."""
    before, python = np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        with fork_rng():
            manual_seed(0)
            np.random.seed(0)  # noqa: NPY002
            random.seed(0)
            return compute()
    finally:
        np.random.set_state(before)  # noqa: NPY002
        random.setstate(python)


def _same(a: Sequence[np.ndarray], b: Sequence[np.ndarray], atol: float) -> bool:
    return len(a) == len(b) and all(_close(x, y, atol) for x, y in zip(a, b))


def _close(x: np.ndarray, y: np.ndarray, atol: float) -> bool:
    if x.shape != y.shape:
        return False
    finite = np.abs(x[np.isfinite(x)])
    near = UNITS * float(np.finfo(x.dtype).eps) * float(finite.max(initial=0.0)) + atol
    return bool(np.allclose(x, y, rtol=0, atol=near, equal_nan=True))
