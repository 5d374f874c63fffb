"""The same questions to other checkers, on operations that all have: PyTorch's gradcheck, autograd's check_grads.

A bug is planted in each system in its own way of writing an operation; the values and the bugs are the same.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from tests.mutation.mutants import AFTER, BEFORE
from tests.samples.base import Sample, drawn
from tests.samples.kinks import KINKS
from tinygrad_course.ops import REGISTRY
from tinygrad_course.testing import GradientError, gradcheck
from tinygrad_course.testing.contract import Call

from .bugs import SHARED, Bug, bugs_of
from .planted import changes
from .work import Counts, bulk, derive

__all__ = ["CHECKERS", "steps"]

# In each system: the same functions of arrays, by these names; where they differ, see `_find`.
UNARY = (
    "abs", "exp", "expm1", "log", "log1p", "negative", "reciprocal", "sin", "cos", "tan", "sinh", "cosh", "tanh",
    "sqrt", "square",
)  # fmt: skip
BINARY = ("add", "subtract", "multiply", "divide", "maximum", "minimum", "matmul", "logaddexp")
WHOLE = ("sum", "mean", "amax", "amin", "inv", "det", "relu", "tril", "cumsum")
NAMES = UNARY + BINARY + WHOLE
AT_KINKS = ("abs", "relu", "maximum", "minimum", "amax", "amin")
EACH = 20

# Whether a checker accepts an operation at a sample, with a bug planted in it or none.
Checker = Callable[[str, Sample, Bug | None, int], bool]


def steps(start: int, each: int) -> Iterator[tuple[str, Callable[[], Counts]]]:
    """One step for each checker, question and operation."""
    for checker in CHECKERS:
        for name in NAMES:
            yield f"peers/{checker}/smooth/{name}", partial(_right, checker, name, "smooth", derive(start, name))
            yield f"peers/{checker}/float32/{name}", partial(_right, checker, name, "float32", derive(start, name))
            if name in AT_KINKS:
                yield f"peers/{checker}/kinks/{name}", partial(_right, checker, name, "kinks", derive(start, name))
            for kind in SHARED:
                yield f"peers/{checker}/planted/{kind}/{name}", partial(_wrong, checker, name, kind, each)


def _right(checker: str, name: str, question: str, start: int) -> Counts:
    """How many right gradients a checker rejects."""
    samples: list[Sample] = []
    if question == "kinks":
        bulk(KINKS[name][1], EACH, start, samples.append)
    else:
        samples = drawn(name, EACH)
    if question == "float32":
        samples = [Sample(tuple(x.astype(np.float32) for x in s.inputs), s.params) for s in samples]
    with _quiet():
        alarms = sum(not CHECKERS[checker](name, sample, None, k) for k, sample in enumerate(samples))
    return {question: len(samples), f"{question} alarms": alarms, "examples": []}


def _wrong(checker: str, name: str, kind: str, each: int) -> Counts:
    """How many planted bugs it finds, of those that change a gradient."""
    counts: Counts = {"planted": 0, "found": 0, "examples": []}
    samples = sorted(drawn(name, 4 * each), key=lambda s: -sum(np.size(x) for x in s.inputs))
    with _quiet():
        for k, sample in enumerate(samples[:each]):
            for bug in bugs_of(REGISTRY[name], kind, list(range(len(sample.inputs)))):
                if not changes(bug, sample, k, 1):
                    continue
                counts["planted"] += 1
                if CHECKERS[checker](name, sample, bug, k):
                    counts["examples"].append(f"{checker}: {kind} in input {bug.wrt} of {name} not found"[:200])
                else:
                    counts["found"] += 1
    return counts


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def _broken(bug: Bug, pull: Callable[[Any], list[Any]], g: Any, inputs: list[Any], y: Any) -> list[Any]:
    """The gradients of all inputs as arrays, with the bug; `pull` gives the right ones of a cotangent."""
    gs, i = pull(g), bug.wrt
    if bug.kind in BEFORE:
        g, _, _ = BEFORE[bug.kind](g, y, list(inputs))
        gs[i] = pull(g)[i]
    elif bug.kind in AFTER:
        gs[i] = AFTER[bug.kind](i, gs, inputs, y)
    elif bug.kind == "NaN":
        gs[i] = gs[i] * np.nan
    else:
        gs[i] = gs[1 - i]
    return gs


def _ours(name: str, sample: Sample, bug: Bug | None, seed: int) -> bool:
    try:
        gradcheck(Call(bug.op if bug else REGISTRY[name], sample.inputs, sample.params), *sample.inputs, seed=seed)
    except GradientError:
        return False
    return True


def _torch(name: str, sample: Sample, bug: Bug | None, seed: int) -> bool:
    import torch

    params = dict(sample.params)
    if "keepdims" in params:
        axis = params.pop("axis")
        params = {"dim": tuple(range(np.ndim(sample.inputs[0]))) if axis is None else axis,
                  "keepdim": params["keepdims"]}  # fmt: skip
    elif name == "cumsum":
        params = {"dim": params["axis"]}
    known = {"inv": torch.linalg.inv}
    fn = partial(known.get(name) or getattr(torch, name), **params)

    class Planted(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *xs: Any) -> Any:
            ctx.save_for_backward(*xs)
            return fn(*xs)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            with torch.enable_grad():
                xs = [x.detach().requires_grad_() for x in ctx.saved_tensors]
                y = fn(*xs)

                def pull(v: Any) -> list[Any]:
                    return [d.numpy() for d in torch.autograd.grad(y, xs, torch.as_tensor(v), retain_graph=True)]

                inputs = [x.detach().numpy() for x in xs]
                gs = _broken(bug, pull, g.numpy(), inputs, y.detach().numpy())  # type: ignore[arg-type]
            return tuple(torch.as_tensor(np.array(d)) for d in gs)

    tensors = [torch.tensor(x, requires_grad=True) for x in sample.inputs]
    try:
        return bool(torch.autograd.gradcheck(Planted.apply if bug else fn, tensors, raise_exception=False))
    except (RuntimeError, ValueError):
        return False


def _autograd(name: str, sample: Sample, bug: Bug | None, seed: int) -> bool:
    import autograd.numpy as anp
    from autograd import make_vjp
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    params = dict(sample.params)
    if name == "tril":
        params = {"k": params["diagonal"]}
    known = {"amax": anp.max, "amin": anp.min, "inv": anp.linalg.inv, "det": anp.linalg.det,
             "relu": lambda x: anp.maximum(x, 0.0)}  # fmt: skip
    fn = partial(known.get(name) or getattr(anp, name), **params)
    if bug:
        right, count = fn, len(sample.inputs)
        planted = primitive(right)

        def rule(i: int) -> Any:
            def vjp(ans: Any, *xs: Any) -> Any:
                def pull(v: Any) -> list[Any]:
                    return [np.array(make_vjp(right, k)(*xs)[0](v)) for k in range(count)]

                return lambda g: _broken(bug, pull, g, list(xs), ans)[i]

            return vjp

        defvjp(planted, *(rule(i) for i in range(count)))
        fn = planted
    np.random.seed(seed)  # noqa: NPY002 (it draws from NumPy's global state)
    try:
        check_grads(fn, modes=["rev"], order=1)(*sample.inputs)
    except Exception:
        return False
    return True


CHECKERS: dict[str, Checker] = {
    "tinygrad_course": _ours, "torch.autograd.gradcheck": _torch, "autograd check_grads": _autograd,
}  # fmt: skip
