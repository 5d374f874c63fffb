"""The check of primitives catches every mutant of every rule that changes the mathematics.

The kill rate is always printed; with `-s` also what became of each kind.
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
from tinygrad_course.testing.function import Point, at
from tinygrad_course.testing.options import Options
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


def point_of(op: Op, sample: Sample) -> Point:
    """A call of the operation, to be differentiated in the inputs for which the registered one has rules."""
    call = Call(REGISTRY[op.name], sample.inputs, sample.params)
    inputs = call.marked()
    call.op = op
    return at(call, inputs)


def caught(op: Op, sample: Sample, seed: int, order: int) -> bool:
    """Whether the check of primitives rejects an operation at this order, on this sample."""
    rng = np.random.default_rng(seed)
    point = point_of(op, sample)
    if order == 2:
        point = point.raised(rng, Options())
    return bool(findings(point, rng, Options(), order=order))


def gradients(op: Op, sample: Sample, seed: int, order: int) -> list[np.ndarray]:
    """All gradients of the operation, or all gradients of its gradient."""
    rng = np.random.default_rng(seed)
    point = point_of(op, sample)
    if order == 2:
        point = point.raised(rng, Options())
    return point.gradients([cotangent(rng, y.shape) for y in point.outputs(point.values)])


def differ(found: list[np.ndarray], expected: list[np.ndarray]) -> bool:
    """Whether any element differs by more than rounding."""
    for x, y in zip(found, expected, strict=True):
        size = max(float(np.abs(x).max(initial=0)), float(np.abs(y).max(initial=0)))
        if not np.allclose(x, y, rtol=0, atol=1e-9 * size):
            return True
    return False


class Original:
    """A registered operation at its samples, and what its gradients are there."""

    def __init__(self, name: str) -> None:
        self.op = REGISTRY[name]
        calls = [(s, Call(self.op, s.inputs, s.params)) for s in drawn(name, SAMPLES_EACH)]
        # The largest first: they show more at once.
        calls.sort(key=lambda pair: -sum(x.size for x in pair[0].inputs if isinstance(x, np.ndarray)))
        self.samples = [sample for sample, call in calls if call.wrt]
        self.inputs = sorted({i for _, call in calls for i in call.wrt})
        self.right = {
            order: [gradients(self.op, s, seed, order) for seed, s in enumerate(self.samples)] for order in (1, 2)
        }

    def judge(self, mutant: Mutant) -> Verdict:
        """Whether a mutant is equivalent on all samples; if not, whether the check rejects it on any."""
        outcome = "equivalent"
        try:
            for order in (1, 2):
                for seed, (sample, right) in enumerate(zip(self.samples, self.right[order])):
                    if differ(gradients(mutant, sample, seed, order), right):
                        if caught(mutant, sample, seed, order):
                            return Verdict(mutant.name, mutant.index, mutant.kind, f"order {order}")
                        outcome = "survived"
        except (RuntimeError, ValueError, TypeError, IndexError, AttributeError) as error:
            outcome = f"raised {type(error).__name__}: {error}"
        return Verdict(mutant.name, mutant.index, mutant.kind, outcome)


def test_every_mutant_that_changes_the_mathematics_is_caught(capsys):
    verdicts: list[Verdict] = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # wrong rules divide by zero and overflow
        for name in DIFFERENTIABLE:
            original = Original(name)
            for seed, sample in enumerate(original.samples):
                for order in (1, 2):
                    assert not caught(original.op, sample, seed, order), f"{name}: the original is rejected"
            verdicts += [original.judge(mutant) for mutant in mutants_of(original.op, original.inputs)]

    outcomes = Counter(v.outcome.split(" ")[0] if v.outcome.startswith("raised") else v.outcome for v in verdicts)
    survivors = [v for v in verdicts if v.outcome == "survived"]
    wrong = len(verdicts) - outcomes["equivalent"]
    rate = 100 * (wrong - len(survivors)) / wrong
    with capsys.disabled():
        print(f"\n{len(DIFFERENTIABLE)} primitives, {len(verdicts)} mutants: {dict(outcomes)}")
        print(f"kill rate {rate:.2f} % of {wrong} that change the mathematics")
    kinds = Counter((v.kind.rstrip("0123456789"), v.outcome.split(" ")[0]) for v in verdicts)
    print(table(("kind", "outcome", "mutants"), ((*key, n) for key, n in sorted(kinds.items()))))
    shown = table(("operation", "input", "kind", "outcome"), survivors)
    assert not survivors, f"{len(survivors)} mutants survive:\n{shown}"
