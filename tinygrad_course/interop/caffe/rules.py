"""Caffe's update rules and learning-rate policies.

A rule gives what is subtracted from a parameter. They differ from `tc.optim` in where the learning rate stands (Caffe's
momentum remembers lr · g) and in their constants, so snapshots and schedules mean here what they mean there.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..prototxt import Message, PrototxtError

__all__ = ["HISTORIES", "RULES", "learning_rate", "rule"]

Array = np.ndarray
# (gradient, learning rate, history, step counted from 1) -> what to subtract; the history is updated in place
Rule = Callable[[Array, float, list[Array], int], Array]


def _sgd(m: Message) -> Rule:
    momentum = m.number("momentum", 0.0)

    def update(g: Array, lr: float, h: list[Array], step: int) -> Array:
        h[0] *= momentum
        h[0] += lr * g
        return h[0]

    return update


def _nesterov(m: Message) -> Rule:
    momentum = m.number("momentum", 0.0)

    def update(g: Array, lr: float, h: list[Array], step: int) -> Array:
        before = momentum * h[0]
        h[0][...] = before + lr * g
        return (1 + momentum) * h[0] - before

    return update


def _adagrad(m: Message) -> Rule:
    delta = m.number("delta", 1e-8)

    def update(g: Array, lr: float, h: list[Array], step: int) -> Array:
        h[0] += g * g
        return lr * g / (np.sqrt(h[0]) + delta)

    return update


def _rmsprop(m: Message) -> Rule:
    delta, decay = m.number("delta", 1e-8), m.number("rms_decay", 0.99)

    def update(g: Array, lr: float, h: list[Array], step: int) -> Array:
        h[0][...] = decay * h[0] + (1 - decay) * g * g
        return lr * g / (np.sqrt(h[0]) + delta)

    return update


def _adadelta(m: Message) -> Rule:
    delta, momentum = m.number("delta", 1e-8), m.number("momentum", 0.0)

    def update(g: Array, lr: float, h: list[Array], step: int) -> Array:
        h[0][...] = momentum * h[0] + (1 - momentum) * g * g
        change = g * np.sqrt((delta + h[1]) / (delta + h[0]))
        h[1][...] = momentum * h[1] + (1 - momentum) * change * change
        return lr * change

    return update


def _adam(m: Message) -> Rule:
    delta, b1, b2 = m.number("delta", 1e-8), m.number("momentum", 0.0), m.number("momentum2", 0.999)

    def update(g: Array, lr: float, h: list[Array], step: int) -> Array:
        h[0][...] = b1 * h[0] + (1 - b1) * g
        h[1][...] = b2 * h[1] + (1 - b2) * g * g
        correction = math.sqrt(1 - b2**step) / (1 - b1**step)
        return lr * correction * h[0] / (np.sqrt(h[1]) + delta)

    return update


RULES: dict[str, Callable[[Message], Rule]] = {
    "SGD": _sgd, "Nesterov": _nesterov, "AdaGrad": _adagrad, "RMSProp": _rmsprop, "AdaDelta": _adadelta, "Adam": _adam,
}  # fmt: skip
HISTORIES = {"AdaDelta": 2, "Adam": 2}  # the others remember one array for each parameter


def rule(m: Message) -> tuple[str, Rule]:
    """The rule that a solver's text names: `type: "Adam"`, or the older `solver_type: ADAM`."""
    old = {name.upper(): name for name in RULES}
    kind = m.text("type", old[m.choice("solver_type", *old)])
    if kind not in RULES:
        raise m.error(f"solver: type must be one of {', '.join(RULES)}, got {kind!r}", "type")
    m.ignore("momentum", "momentum2", "rms_decay", "delta")
    return kind, RULES[kind](m)


# --- The learning rate -----------------------------------------------------------------------------------------------


def learning_rate(m: Message) -> Callable[[int], float]:
    """The learning rate at an iteration, by `lr_policy`."""
    base, gamma, power = m.number("base_lr", 0.01), m.number("gamma", 0.0), m.number("power", 0.0)
    size, last = m.integer("stepsize", 0, 0), m.integer("max_iter", 0, 0)
    values = [int(v) for v in m.all("stepvalue", int, "an integer")]
    policies: dict[str, Callable[[int], float]] = {
        "fixed": lambda i: base,
        "step": lambda i: base * gamma ** (i // size),
        "exp": lambda i: base * gamma**i,
        "inv": lambda i: base * (1 + gamma * i) ** -power,
        "multistep": lambda i: base * gamma ** sum(i >= v for v in values),
        "poly": lambda i: base * (1 - i / last) ** power,
        "sigmoid": lambda i: base / (1 + math.exp(min(700.0, -gamma * (i - size)))),
    }
    name = m.text("lr_policy", "fixed")
    needed = {"step": ("stepsize",), "multistep": ("stepvalue",), "poly": ("max_iter",)}.get(name, ())
    if name not in policies:
        raise m.error(f"solver: lr_policy must be one of {', '.join(policies)}, got {name!r}", "lr_policy")
    for field in needed:
        if field not in m or m.fields[field][-1] == 0:
            raise m.error(f'solver: lr_policy "{name}" needs {field}', "lr_policy")
    if values != sorted(values):
        raise PrototxtError(f"{m.places['stepvalue']}: solver: stepvalue must rise, got {values}")
    return policies[name]
