"""Losses that are operations of their own here."""

from __future__ import annotations

import numpy as np

from .elementwise import plus, times
from .reduction import over
from .table import Case, rule

__all__: list[str] = []


@rule("squared_error")
def squared_error(c: Case) -> str:
    away = c.node("Sub", c.name(0), c.name(1))
    total = over(c, "ReduceSum", c.node("Mul", away, away), list(range(c.ndim())), False)
    return c.node("Mul", total, c.w.number(c.params["scale"], c.dtype))


@rule("cross_entropy")
def cross_entropy(c: Case) -> str:
    return c.node(
        "SoftmaxCrossEntropyLoss", c.name(0), c.name(1, np.int64), reduction="none",
        ignore_index=c.static("ignore_index"),
    )  # fmt: skip


@rule("binary_cross_entropy")
def binary_cross_entropy(c: Case) -> str:
    """-(t log x + (1 - t) log(1 - x)), with logarithms of at least -100."""
    x, t = c.name(0, c.dtype), c.name(1, c.dtype)
    logs = [c.node("Max", c.node("Log", p), c.const(-100)) for p in (x, c.node("Sub", c.const(1), x))]
    terms = c.node("Mul", t, logs[0]), c.node("Mul", c.node("Sub", c.const(1), t), logs[1])
    return c.node("Neg", c.node("Add", *terms))


@rule("binary_cross_entropy_with_logits")
def binary_cross_entropy_with_logits(c: Case) -> str:
    """log(1 + exp(x)) - t x."""
    x, t = c.name(0, c.dtype), c.name(1, c.dtype)
    return c.node("Sub", c.node("Softplus", x), c.node("Mul", t, x))


@rule("huber")
def huber(c: Case) -> str:
    delta = c.static("delta")
    size = c.node("Abs", c.name())
    near = times(c, c.node("Mul", c.name(), c.name()), 0.5)
    far = times(c, plus(c, size, -0.5 * delta), delta)
    return c.node("Where", c.node("Less", size, c.const(delta)), near, far)
