"""Find the call in the graph whose rule is wrong: each recorded primitive is checked where it was called."""

from __future__ import annotations

import os
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
from .failing import failing
from .function import Point, allowed
from .options import Options
from .steady import precision, unsteady

__all__ = ["Detached", "Recorded", "Suspect", "calls", "locate"]

# Calls that are looked at: the first ones of a longer graph.
CALLS = 500
# Where a test made by `check_gradients` is called from.
RUNNER = os.path.join("hypothesis", "core.py")


def _users_line() -> str | None:
    """The line that called the current operation; None if that was no user's, but what ran the check."""
    line = _calling_line()
    return None if line is None or line.startswith("<frozen") or RUNNER in line else line


class Suspect(NamedTuple):
    """A call whose rule is wrong.

    Attributes:
        name: of the operation.
        wrong: the positions of the inputs in which its gradient is wrong.
        where: "file:line" of the call.
        point: the operation with the inputs of this call.
        outcome: what the check of this call found.
        order: the order of the derivative that is wrong.
        cause: what is likely wrong, in words, or None.
        op: the operation itself.
    """

    name: str
    wrong: tuple[int, ...]
    where: str | None
    point: Point
    outcome: Outcome
    order: int
    cause: str | None = None
    op: Op | None = None


class Recorded(NamedTuple):
    """A recorded call: the operation, copies of its inputs, its parameters, what was differentiated, and where."""

    op: Op
    inputs: list[Any]
    params: dict[str, Any]
    wrt: list[int]
    where: str | None

    def point(self) -> Point:
        """The call as a function of its own, at the inputs that it got."""
        return allowed(_replay(self.op, self.params), self.inputs, None, self.wrt)


class Detached(NamedTuple):
    """A value of the graph that an operation got without its history."""

    name: str
    where: str | None


class _Recorder(Observer):
    """Keeps the recorded calls, and notes where values came in without their history."""

    def __init__(self, leaves: list[Any]) -> None:
        self.calls: list[Recorded] = []
        self.detached: list[Detached] = []
        self.known = {id(x): x for x in leaves}  # the arrays themselves, so that no id is used again
        self.inside = 0  # the forward function of a class

    def starts(self, op: Op) -> None:
        self.inside += isinstance(op, _FunctionOp)

    def saw(self, op: Op, inputs: tuple[Any, ...], params: dict[str, Any], outs: tuple[Tensor, ...], node: Any) -> None:
        self.inside -= isinstance(op, _FunctionOp)
        if self.inside:
            return
        if op.rules is not None and any(self._lost(x, node) for x in inputs):
            self.detached.append(Detached(op.name, _users_line()))
        if node is None or len(self.calls) >= CALLS or any(isinstance(x, Bundle) for x in inputs):
            return
        self.known.update({id(y.array): y.array for y in outs})
        kept = [np.array(x.array) if isinstance(x, Tensor) else x for x in inputs]
        wrt = [i for i, parent in enumerate(node.parents[: len(kept)]) if parent is not None]
        self.calls.append(Recorded(op, kept, params, wrt, _users_line()))

    def _lost(self, x: Any, node: Any) -> bool:
        """Whether an input is a value of the graph that comes without its history, or whose use is not recorded."""
        known = id(x.array if isinstance(x, Tensor) else x) in self.known
        return known and (node is None or not getattr(x, "requires_grad", False))

    def escaped(self, x: Tensor, how: str) -> None:
        if id(x.array) in self.known and not self.inside:
            self.detached.append(Detached(how, _users_line()))


def calls(point: Point) -> tuple[list[Recorded], list[Detached]]:
    """The recorded calls within a function, and where it loses the history of values."""
    values = [np.array(x) for x in point.values]
    with enable_grad(), _Recorder(values) as recorder:
        point.run(values)
    return recorder.calls, recorder.detached


def locate(point: Point, rng: np.random.Generator, options: Options, order: int = 1) -> list[Suspect]:
    """The calls within a function whose rules are wrong up to this order, in the order in which they were made."""
    options = options._replace(cotangent="random", atol=0.0, full=False)
    found = (_suspected(call, rng, options, order) for call in calls(point)[0])
    return [suspect for suspect in found if suspect is not None]


def _suspected(call: Recorded, rng: np.random.Generator, options: Options, order: int) -> Suspect | None:
    here = point = call.point()
    nothing = Outcome([], [], [])

    def suspect(wrong: Any, outcome: Outcome = nothing, k: int = 1, cause: str | None = None) -> Suspect:
        return Suspect(call.op.name, tuple(sorted(set(wrong))), call.where, point, outcome, k, cause, call.op)

    try:
        cause = unsteady(point)
        if cause:
            return suspect(point.wrt, cause=cause)
        floor, leak = precision(point, rng)
        if leak:
            return suspect([leak[0]], cause=leak[1])
    except Exception as error:
        wrong, cause = failing(call.op, call.inputs, call.params, call.wrt, error)
        return suspect(wrong, cause=cause)
    options = options._replace(floor=floor)
    kinked = False
    for k in range(1, order + 1):
        if k > 1:
            here = here.raised(rng, options)
        outcome = examine(here, rng, options, order=k, jumps=kinked)
        kinked = kinked or bool(outcome.kinks)
        if outcome.found:
            return suspect((f.position for f in outcome.found), outcome, k)
    return None


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
