"""Wrong versions of a primitive: its vjp of one input broken in one way, everything else as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinygrad_course.graph import Bundle
from tinygrad_course.ops import Op
from tinygrad_course.tensor import Tensor

__all__ = ["AFTER", "BEFORE", "Mutant", "gradient_of", "input_as", "mutants_of"]

# What a rule is about to be called with, or has given: (cotangent, output, inputs).
Before = Callable[[Any, Any, list[Any]], tuple[Any, Any, list[Any]]]
# What becomes of the cotangent of input `i`, given those of all inputs, the inputs and the output.
After = Callable[[int, list[Any], Any, Any], Any]


class Mutant(Op):
    """An operation that computes what the original does, with the gradient of one input broken.

    Args:
        original: the operation to break.
        index: the input whose gradient is wrong.
        kind: the name of the break.
        before: changes what the rule sees.
        after: changes what the rule gave.
    """

    def __init__(
        self, original: Op, index: int, kind: str, before: Before | None = None, after: After | None = None
    ) -> None:
        # Declared variadic, so that the engine asks `pullback` and keeps every value for it.
        super().__init__(
            original.name, original.forward, lambda *_: None, lazy=original.lazy, broadcasts=original.broadcasts,
            shrinks=False, variadic=True, doc=None,
        )  # fmt: skip
        self.original = original
        self.index = index
        self.kind = kind
        self.before = before
        self.after = after

    def pullback(self, g: Any, y: Any, inputs: Any, params: Any, wanted: Any) -> list[Any]:
        right = list(self.original.pullback(g, y, inputs, params, wanted))
        i = self.index
        if i >= len(right) or right[i] is None:
            return right
        broken = right[i]
        if self.before is not None:
            only = [k == i for k in range(len(inputs))]
            broken = self.original.pullback(*self.before(g, y, list(inputs)), params, only)[i]
        if self.after is not None:
            broken = self.after(i, [*right[:i], broken, *right[i + 1 :]], inputs, y)
        return [*right[:i], broken, *right[i + 1 :]]


def mutants_of(op: Op, differentiable: list[int]) -> Iterator[Mutant]:
    """All mutants of an operation, given the inputs that have a gradient; some turn out to be equivalent to it."""
    for i in differentiable:
        for kind, after in AFTER.items():
            yield Mutant(op, i, kind, after=after)
        for kind, before in BEFORE.items():
            yield Mutant(op, i, kind, before=before)
        for j in differentiable:
            if j != i:
                yield Mutant(op, i, f"gradient of input {j}", after=gradient_of(j))
        for j in range(max(differentiable) + 1):
            for value in (0, 1):
                yield Mutant(op, i, f"input {j} read as {value}", before=input_as(j, value))


# --- The cotangent, changed after the rule ---------------------------------------------------------------------------


def _scaled(factor: float) -> After:
    return lambda i, gs, _inputs, _y: gs[i] * factor


def _transposed(i: int, gs: list[Any], _inputs: Any, _y: Any) -> Any:
    g = gs[i]
    return g.swapaxes(-1, -2) if len(g.shape) > 1 and g.shape[-1] == g.shape[-2] else g


def _rolled(i: int, gs: list[Any], _inputs: Any, _y: Any) -> Any:
    """Each value one place further, as by an index that is off by one."""
    g = gs[i]
    if not len(g.shape) or g.shape[-1] < 2:
        return g
    return np.concatenate([g[..., -1:], g[..., :-1]], axis=-1)


def _slice_for_sum(i: int, gs: list[Any], inputs: Any, y: Any) -> Any:
    """The first value along each broadcast axis, where the sum over the axis belongs."""
    g, x = gs[i], inputs[i]
    if isinstance(y, Bundle) or tuple(y.shape) == tuple(x.shape):
        return g
    lead = max(len(g.shape) - len(x.shape), 0)
    if not all(n in (1, m) for n, m in zip(x.shape, g.shape[lead:])) or len(g.shape) < len(x.shape):
        return g
    picked = (0,) * lead + tuple(slice(0, 1) if n == 1 else slice(None) for n in x.shape)
    return _asarray(g[picked]) if tuple(g.shape) != tuple(x.shape) else g


def gradient_of(j: int) -> After:
    def after(i: int, gs: list[Any], _inputs: Any, _y: Any) -> Any:
        other = gs[j] if j < len(gs) else None
        return gs[i] if other is None or tuple(other.shape) != tuple(gs[i].shape) else other

    return after


AFTER: dict[str, After] = {
    "sign flipped": _scaled(-1.0),
    "doubled": _scaled(2.0),
    "halved": _scaled(0.5),
    "times 1.001": _scaled(1.001),
    "zero": _scaled(0.0),
    "transposed": _transposed,
    "shifted by one": _rolled,
    "a slice for the sum": _slice_for_sum,
}

# --- What the rule sees, changed before it ---------------------------------------------------------------------------


def _plain(x: Any) -> Any:
    """A value taken out of the graph."""
    if type(x) is Bundle:
        return Bundle(_plain(part) for part in x)
    return x.array if isinstance(x, Tensor) else x


def _ones(x: Any) -> Any:
    if type(x) is Bundle:
        return Bundle(_ones(part) for part in x)
    return x * 0 + 1 if x.dtype.kind == "f" else x


def _mean(g: Any) -> Any:
    """The same mean for every value: what a check with a uniform cotangent cannot tell from the truth."""
    if type(g) is Bundle:
        return Bundle(_mean(part) for part in g)
    return np.full(g.shape, np.mean(_plain(g)), g.dtype) if g.dtype.kind == "f" and np.prod(g.shape) else g


def input_as(j: int, value: int) -> Before:
    def before(g: Any, y: Any, inputs: list[Any]) -> tuple[Any, Any, list[Any]]:
        if j < len(inputs) and getattr(inputs[j], "dtype", None) is not None and inputs[j].dtype.kind == "f":
            inputs[j] = inputs[j] * 0 + value
        return g, y, inputs

    return before


BEFORE: dict[str, Before] = {
    "inputs detached": lambda g, y, inputs: (g, _plain(y), [_plain(x) for x in inputs]),
    "output detached": lambda g, y, inputs: (g, _plain(y), inputs),
    "cotangent detached": lambda g, y, inputs: (_plain(g), y, inputs),
    "cotangent averaged": lambda g, y, inputs: (_mean(g), y, inputs),
    "cotangent left out": lambda g, y, inputs: (_ones(g), y, inputs),
    "output read as 1": lambda g, y, inputs: (g, _ones(y), inputs),
}


def _asarray(x: Any) -> Any:
    return x if isinstance(x, Tensor) else np.asarray(x)
