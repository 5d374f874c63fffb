"""The check of primitives catches every mutant of every rule that changes the mathematics.

Run with `-s` to see the kill rate and the survivors.
"""

from __future__ import annotations

import warnings
from collections import Counter
from typing import NamedTuple

import numpy as np

from tests.primitives.test_primitives import DIFFERENTIABLE
from tests.samples.base import Sample, drawn
from tinygrad_course.ops import REGISTRY, Op
from tinygrad_course.testing.compare import findings
from tinygrad_course.testing.contract import Call
from tinygrad_course.testing.function import Point
from tinygrad_course.testing.probe import cotangent
from tinygrad_course.testing.report import table

from .mutants import Mutant, mutants_of

SAMPLES_EACH = 8


class Verdict(NamedTuple):
    """What became of a mutant."""

    op: str
    index: int
    kind: str
    outcome: str  # "order 1", "order 2": caught there; "raised": it failed by itself; "equivalent"; "survived"


def caught(op: Op, samples: list[Sample], order: int) -> bool:
    """Whether the check of primitives rejects an operation at this order, on one of the samples."""
    for seed, sample in enumerate(samples):
        call = Call(op, sample.inputs, sample.params)
        rng = np.random.default_rng(seed)
        point = Point(call, call.marked())
        if order == 2:
            point = point.raised(rng)
        if findings(point, rng, order=order):
            return True
    return False


def same_gradients(a: Op, b: Op, samples: list[Sample]) -> bool:
    """Whether the gradients of two operations, and the gradients of these, are equal element by element."""
    for seed, sample in enumerate(samples):
        found = []
        for op in (a, b):
            call = Call(op, sample.inputs, sample.params)
            rng = np.random.default_rng(seed)
            point = Point(call, call.marked())
            first = point.gradients([cotangent(rng, y.shape) for y in point.outputs(point.values)])
            point = point.raised(rng)
            second = point.gradients([cotangent(rng, y.shape) for y in point.outputs(point.values)])
            found.append([*first, *second])
        for x, y in zip(*found):
            size = max(float(np.abs(x).max(initial=0)), float(np.abs(y).max(initial=0)))
            if not np.allclose(x, y, rtol=0, atol=1e-9 * size):
                return False
    return True


def judge(mutant: Mutant, samples: list[Sample]) -> Verdict:
    """Run the check on a mutant; compare it with the original only if it gets through."""
    try:
        if caught(mutant, samples, 1):
            outcome = "order 1"
        elif same_gradients(mutant, mutant.original, samples):
            outcome = "equivalent"
        else:
            outcome = "order 2" if caught(mutant, samples, 2) else "survived"
    except (RuntimeError, ValueError, TypeError, IndexError, AttributeError) as error:
        outcome = f"raised {type(error).__name__}: {error}"
    return Verdict(mutant.name, mutant.index, mutant.kind, outcome)


def test_every_mutant_that_changes_the_mathematics_is_caught():
    verdicts: list[Verdict] = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # wrong rules divide by zero and overflow
        for name in DIFFERENTIABLE:
            op = REGISTRY[name]
            calls = [(s, Call(op, s.inputs, s.params)) for s in drawn(name, SAMPLES_EACH)]
            # The largest first: they show more at once.
            calls.sort(key=lambda pair: -sum(x.size for x in pair[0].inputs if isinstance(x, np.ndarray)))
            samples = [sample for sample, call in calls if call.wrt]
            inputs = sorted({i for _, call in calls for i in call.wrt})
            for order in (1, 2):
                assert not caught(op, samples, order), f"{name}: the check rejects the original at order {order}"
            verdicts += [judge(mutant, samples) for mutant in mutants_of(op, inputs)]

    outcomes = Counter(v.outcome.split(" ")[0] if v.outcome.startswith("raised") else v.outcome for v in verdicts)
    survivors = [v for v in verdicts if v.outcome == "survived"]
    wrong = len(verdicts) - outcomes["equivalent"]
    rate = 100 * (wrong - len(survivors)) / wrong
    print(f"\n{len(DIFFERENTIABLE)} primitives, {len(verdicts)} mutants: {dict(outcomes)}")
    print(f"kill rate {rate:.2f} % of {wrong} that change the mathematics")
    kinds = Counter((v.kind.rstrip("0123456789"), v.outcome.split(" ")[0]) for v in verdicts)
    print(table(("kind", "outcome", "mutants"), ((*key, n) for key, n in sorted(kinds.items()))))
    shown = table(("operation", "input", "kind", "outcome"), survivors)
    assert not survivors, f"{len(survivors)} mutants survive:\n{shown}"
