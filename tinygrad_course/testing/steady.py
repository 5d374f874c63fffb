"""Whether a function and its gradient depend on nothing but the inputs, and are as precise as these."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from ..graph import Bundle, Node, Observer
from ..ops.op import Op
from ..random import fork_rng, manual_seed
from ..tensor import Tensor
from .function import Point
from .probe import cotangent
from .rounding import FINE, rounding

__all__ = ["Precision", "precision", "unsteady"]

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


class Precision(NamedTuple):
    """How precisely a function and its rules compute.

    Attributes:
        floor: the relative rounding of the function, if it computes in less than float64 somewhere; else 0.
        leak: a rule that gives less than float64 for values that are all float64: the input, and a text.
    """

    floor: float
    leak: tuple[int, str] | None


def precision(point: Point, rng: np.random.Generator) -> Precision:
    """Look at the dtypes within a function and its backward pass; where they are narrow, measure."""
    with _Dtypes() as seen:
        point.gradients(_cotangents(point))
    if not (seen.narrow or seen.leak):
        return Precision(0.0, None)
    floor = rounding(point, rng)
    return Precision(floor, None) if floor > FINE else Precision(0.0, seen.leak)


class _Dtypes(Observer):
    """Looks at what operations give, and at what rules give before the engine casts it."""

    def __init__(self) -> None:
        self.narrow = False
        self.leak: tuple[int, str] | None = None

    def saw(self, op: Op, inputs: tuple[Any, ...], params: dict[str, Any], outs: tuple[Tensor, ...], node: Any) -> None:
        self.narrow = self.narrow or any(_narrow(y.array.dtype) for y in outs)

    def pulled(self, node: Node, cotangents: Sequence[Any]) -> None:
        y = node.output
        if self.leak or any(part.dtype != DOUBLE for part in (y if type(y) is Bundle else (y,))):
            return
        for i, (c, x) in enumerate(zip(cotangents, node.inputs or ())):
            if _narrow(getattr(c, "dtype", None)) and getattr(x, "dtype", None) == DOUBLE:
                self.leak = i, f"float32 leakage: the rule of input {i} gives {c.dtype} for float64 values"


def _narrow(dtype: Any) -> bool:
    return isinstance(dtype, np.dtype) and dtype.kind == "f" and dtype.itemsize < DOUBLE.itemsize


def _cotangents(point: Point) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [cotangent(rng, y.shape, y.dtype) for y in point.outputs(point.values)]


def _interrupted(point: Point, vs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The gradient, with another call of the function between its forward and its backward pass."""
    elsewhere = [x * 1.25 + 0.125 for x in point.values]

    def interrupt() -> None:
        with suppress(Exception), np.errstate(all="ignore"):  # it need not be defined there
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
