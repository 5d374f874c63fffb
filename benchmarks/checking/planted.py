"""Bugs planted in primitives, each called within a larger function: are they found, located and diagnosed?"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

import tinygrad_course as tc
from tests.mutation.test_mutation import gradients
from tests.primitives.test_primitives import DIFFERENTIABLE
from tests.samples.base import drawn
from tinygrad_course.ops import REGISTRY
from tinygrad_course.testing import GradientError, gradcheck
from tinygrad_course.testing.contract import Call

from .bugs import KINDS, Bug, bugs_of
from .work import Counts, derive

__all__ = ["changes", "steps"]

# What a gradient is to be called that is this many times the right one.
ALIKE = {0.0: "^(zero|argument left out)", -1.0: "^sign flipped$"}


def steps(start: int, each: int) -> Iterator[tuple[str, Callable[[], Counts]]]:
    """One step for each kind of bug and each primitive, on `each` samples."""
    for kind in KINDS:
        for name in DIFFERENTIABLE:
            yield f"planted/{kind}/{name}", partial(_plant, kind, name, each, derive(start, kind, name))


def _plant(kind: str, name: str, each: int, start: int) -> Counts:
    counts: Counts = {"planted": 0, "found": 0, "located": 0, "diagnosed": 0, "named": 0, "examples": []}
    op, order = REGISTRY[name], KINDS[kind].order
    calls = [(s, Call(op, s.inputs, s.params)) for s in drawn(name, 4 * each)]
    calls = [(s, call) for s, call in calls if call.wrt]
    # Samples of more elements admit more kinds of bugs.
    calls.sort(key=lambda pair: -sum(np.size(x) for x in pair[0].inputs))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # wrong rules divide by zero and overflow
        for k, (sample, call) in enumerate(calls[:each]):
            seed = (start + k) % 2**16
            for bug in bugs_of(op, kind, call.wrt):
                if changes(bug, sample, seed, order):
                    counts["planted"] += 1
                    _judge(bug, sample, call, seed, order, counts)
    return counts


def changes(bug: Bug, sample: Any, seed: int, order: int) -> bool:
    """Whether the bug makes the gradient (of the gradient) at this sample a different one."""
    try:
        wrong, right = (gradients(op, sample, seed, order) for op in (bug.op, bug.op.original))
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError):
        return False  # no gradient at all: nothing to check
    # Below that there is only rounding: the derivative is 0.
    nothing = 1e-12 * max((np.abs(b).max(initial=0) for b in right), default=0.0)
    bounds = (max(KINDS[bug.kind].apart * np.abs(b).max(initial=0), nothing) for b in right)
    return any(not np.abs(a - b).max(initial=0) <= bound for a, b, bound in zip(wrong, right, bounds))


def alike(bug: Bug, sample: Any, seed: int) -> list[str]:
    """Other right causes, where a bug does what another kind does: the gradients of a - b are each other's negative."""
    wrong, right = (gradients(op, sample, seed, 1) for op in (bug.op, bug.op.original))
    pairs = [(a, b) for a, b in zip(wrong, right) if not np.array_equal(a, b)]
    return [cause for factor, cause in ALIKE.items() if all(np.allclose(a, factor * b, atol=0) for a, b in pairs)]


def _judge(bug: Bug, sample: Any, call: Call, seed: int, order: int, counts: Counts) -> None:
    names = [bug.cause, *alike(bug, sample, seed)] if bug.cause else []
    bug.op.name = bug.op.__name__ = "planted"
    within = Call(bug.op, sample.inputs, sample.params)
    try:
        gradcheck(partial(_function, within, call.wrt), *call.marked(), order=order, seed=seed)
    except GradientError as error:
        counts["found"] += 1
        # At order 2 the inputs that are wrong are those of the gradient: others than the one of the bug.
        inputs = {s.wrong for s in error.suspects} if order == 1 else {(bug.wrt,)}
        located = [s.name for s in error.suspects] == ["planted"] and inputs == {(bug.wrt,)}
        diagnosed = any(re.search(name, error.cause or "") for name in names)
        counts["located"] += located
        counts["diagnosed"] += diagnosed
        counts["named"] += bug.cause is not None
        if located and (diagnosed or bug.cause is None):
            return
        what = ("" if located else "not located; ") + f"cause given: {error.cause}"
    else:
        what = "not found"
    counts["examples"].append(f"{bug.kind}, {bug.op.original.name}, input {bug.wrt}: {what}; {_shapes(sample)}")


def _function(call: Call, wrt: list[int], *inputs: Any) -> Any:
    """The operation between others, as in a network."""
    ys = call(*(tc.clone(x) if i in wrt else x for i, x in enumerate(inputs)))
    return [tc.sin(y) + y if y.dtype.kind == "f" else y for y in (ys if isinstance(ys, (tuple, list)) else [ys])]


def _shapes(sample: Any) -> str:
    return ", ".join(f"{list(np.shape(x))}" for x in sample.inputs) + "".join(
        f", {name}={value!r}"[:60] for name, value in sample.params.items()
    )
