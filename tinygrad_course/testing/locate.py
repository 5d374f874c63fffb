"""Find the call in the graph whose rule is wrong: each recorded primitive is checked where it was called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ..autograd import enable_grad
from ..autograd.anomaly import _calling_line
from ..autograd.function import _FunctionOp
from ..graph import Bundle, Observer
from ..ops.op import Op
from ..random import fork_rng, manual_seed
from ..tensor import Tensor
from .examine import Outcome, examine
from .function import Point, allowed
from .options import Options

__all__ = ["Suspect", "calls", "locate"]

# Calls that are looked at: the first ones of a longer graph.
CALLS = 500


class Suspect(NamedTuple):
    """A call whose rule is wrong.

    Attributes:
        name: of the operation.
        wrong: the positions of the inputs in which its gradient is wrong.
        where: "file:line" of the call.
        point: the operation with the inputs of this call.
        outcome: what the check of this call found.
        order: the order of the derivative that is wrong.
    """

    name: str
    wrong: tuple[int, ...]
    where: str | None
    point: Point
    outcome: Outcome
    order: int


class _Recorder(Observer):
    """Keeps the recorded calls, with copies of their inputs."""

    def __init__(self) -> None:
        self.calls: list[tuple[Op, list[Any], dict[str, Any], list[int], str | None]] = []

    def saw(self, op: Op, inputs: tuple[Any, ...], params: dict[str, Any], outs: tuple[Tensor, ...], node: Any) -> None:
        if node is None or len(self.calls) >= CALLS or any(isinstance(x, Bundle) for x in inputs):
            return
        kept = [np.array(x.array) if isinstance(x, Tensor) else x for x in inputs]
        wrt = [i for i, parent in enumerate(node.parents[: len(kept)]) if parent is not None]
        self.calls.append((op, kept, params, wrt, _calling_line()))


def _recorded(point: Point) -> list[Any]:
    with enable_grad(), _Recorder() as recorder:
        point.run(point.values)
    return recorder.calls


def calls(point: Point) -> list[Point]:
    """The recorded calls within a function, each as a function of its own at the inputs that it got."""
    return [allowed(_replay(op, params), inputs, None, wrt) for op, inputs, params, wrt, _ in _recorded(point)]


def locate(point: Point, rng: np.random.Generator, options: Options, order: int = 1) -> list[Suspect]:
    """The calls within a function whose rules are wrong up to this order, in the order in which they were made."""
    options = options._replace(cotangent="random", atol=0.0, full=False)
    suspects = []
    for op, inputs, params, wrt, where in _recorded(point):
        call = allowed(_replay(op, params), inputs, None, wrt)
        here, kinked = call, False
        for k in range(1, order + 1):
            if k > 1:
                here = here.raised(rng, options)
            outcome = examine(here, rng, options, order=k, jumps=kinked)
            kinked = kinked or bool(outcome.kinks)
            if outcome.found:
                wrong = sorted({f.position for f in outcome.found})
                suspects.append(Suspect(op.name, tuple(wrong), where, call, outcome, k))
                break
    return suspects


def _replay(op: Op, params: dict[str, Any]) -> Callable[..., Any]:
    """The call as a function of its inputs: as a new call, where the operation keeps something of each."""

    def again(*inputs: Any) -> Any:
        if isinstance(op, _FunctionOp):
            args = list(op.args)
            for place, x in zip(op.tensor_places, inputs):
                args[place] = x
            return op.cls.apply(*args, **op.kwargs)
        if "generator" not in params:
            return op(*inputs, **params)
        with fork_rng():
            manual_seed(0)
            return op(*inputs, **{**params, "generator": None})

    return again
