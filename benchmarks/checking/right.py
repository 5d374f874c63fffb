"""Checks of what is right: any failure is a false alarm.

Every differentiable primitive at generic inputs, every primitive and function with a kink at inputs on it, and every
layer and loss with respect to input and parameters, at generic inputs and at inputs of few values, full of ties.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st

import tinygrad_course as tc
from tests.nn.layers import CASES
from tests.primitives.test_primitives import DIFFERENTIABLE
from tests.samples import SAMPLES
from tests.samples.kinks import KINKS
from tinygrad_course.ops import REGISTRY
from tinygrad_course.testing import GradientError, gradcheck
from tinygrad_course.testing.contract import Call

from .work import Counts, bulk, derive

__all__ = ["rounds"]

EACH = 25
# Of each layer, whose checks take longer.
EACH_LAYER = 2
# In every round of this many, primitives are checked at order 2.
SECOND = 4


def rounds(start: int) -> Iterator[tuple[str, Callable[[], Counts]]]:
    """Steps without end: round after round over all that there is."""
    k = 0
    while True:
        order = 2 if k % SECOND == SECOND - 1 else 1
        for name in DIFFERENTIABLE:
            yield f"primitives/{name}/{k}", partial(_primitive, name, order, derive(start, "primitive", name, k))
        for name in KINKS:
            yield f"kinks/{name}/{k}", partial(_kink, name, order, derive(start, "kink", name, k))
        for name in CASES:
            for tied in (False, True):
                part = "layers at ties" if tied else "layers"
                yield f"{part}/{name}/{k}", partial(_layer, name, tied, derive(start, part, name, k))
        k += 1


class Tally:
    """Counts checks, and keeps what failed."""

    def __init__(self) -> None:
        self.counts: Counts = {"checks": 0, "alarms": 0, "undecided": 0, "examples": []}

    def check(self, what: str, fn: Callable[..., Any], inputs: Any, **options: Any) -> None:
        self.counts["checks"] += 1
        try:
            gradcheck(fn, *inputs, **options)
        except GradientError as error:
            # Undecided: the report says that nothing can be said, not that the gradient is wrong.
            kind = "alarms" if any(f.reliable for f in error.findings) else "undecided"
            self.counts[kind] += 1
            self.counts["examples"].append(f"{kind}: {what}: {str(error)[:600]}; options {options}")


def _primitive(name: str, order: int, start: int) -> Counts:
    tally = Tally()

    def use(pair: Any) -> None:
        sample, seed = pair
        call = Call(REGISTRY[name], sample.inputs, sample.params)
        if call.wrt:
            tally.check(f"{name}{sample}", call, call.marked(), order=order, seed=seed)

    bulk(st.tuples(SAMPLES[name], st.integers(0, 2**16)), EACH, start, use)
    return tally.counts


def _kink(name: str, order: int, start: int) -> Counts:
    tally = Tally()
    fn, strategy = KINKS[name]

    def use(pair: Any) -> None:
        sample, seed = pair
        tally.check(f"{name}{sample}", partial(_call, fn, sample.params), sample.inputs, order=order, seed=seed)

    bulk(st.tuples(strategy, st.integers(0, 2**16)), EACH, start, use)
    return tally.counts


def _call(fn: Callable[..., Any], params: dict[str, Any], *inputs: Any) -> Any:
    return fn(*inputs, **params)


def _layer(name: str, tied: bool, start: int) -> Counts:
    tally = Tally()
    rng = np.random.default_rng(start)
    make, *inputs = CASES[name]
    for _ in range(EACH_LAYER):
        seed = int(rng.integers(2**16))
        tc.manual_seed(seed)
        module = make().double()
        values = [_varied(rng, x, tied) for x in inputs]
        tensors = [tc.tensor(x, requires_grad=x.dtype.kind == "f") for x in values]
        parameters = dict(module.named_parameters())

        def call(*given: Any, module: Any = module, names: Any = tuple(parameters), n: int = len(values)) -> Any:
            return tc.nn.functional_call(module, dict(zip(names, given[n:])), tuple(given[:n]))

        tally.check(f"{name}, modules seed {seed}, inputs {values}", call, [*tensors, *parameters.values()], seed=seed)
    return tally.counts


def _varied(rng: np.random.Generator, x: np.ndarray, tied: bool) -> np.ndarray:
    """Other values of the kind: classes, signs, and numbers within the same bounds."""
    if x.dtype.kind != "f":
        return rng.permutation(x)
    if np.all(np.abs(x) == 1):
        return rng.choice([-1.0, 1.0], x.shape)
    if not tied:
        return rng.uniform(x.min(), x.max(), x.shape)
    low, high = x.min(), x.max()
    few = [v for v in (-1.0, -0.5, 0.0, 0.5, 1.0) if low <= v <= high] or [low, (low + high) / 2, high]
    return np.where(rng.random(x.shape) < 0.5, rng.choice(few, x.shape), rng.uniform(low, high, x.shape))
