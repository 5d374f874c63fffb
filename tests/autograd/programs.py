"""Small random programs of operations, for properties that hold of every graph."""

from collections.abc import Callable

import numpy as np
from hypothesis import strategies as st

import tinygrad_course as tc

# (name, number of operands, function): all smooth and bounded on the values that occur.
STEPS: list[tuple[str, int, Callable]] = [
    ("add", 2, lambda a, b: a + b),
    ("subtract", 2, lambda a, b: a - b),
    ("multiply", 2, lambda a, b: a * b),
    ("negative", 1, lambda a: -a),
    ("positive", 1, lambda a: +a),
    ("tanh", 1, np.tanh),
    ("sin", 1, np.sin),
    ("matmul", 2, lambda a, b: a @ b),
    ("scale", 1, lambda a: a * 0.5),
    ("half", 1, lambda a: a / 2.0),
]
SIDE = 3


@st.composite
def programs(draw, leaves=3, max_steps=8):
    """A list of (function, operand places): each step makes a value from the leaves and earlier values."""
    steps = []
    for i in range(draw(st.integers(1, max_steps))):
        _, arity, function = draw(st.sampled_from(STEPS))
        steps.append((function, tuple(draw(st.integers(0, leaves + i - 1)) for _ in range(arity))))
    return steps


def run(steps, leaves):
    """All values of a program: the leaves, then the result of each step."""
    values = list(leaves)
    for function, places in steps:
        values.append(function(*(values[p] for p in places)))
    return values


def fresh_leaves(seed, count=3, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return [tc.tensor(rng.uniform(-1, 1, (SIDE, SIDE)).astype(dtype), requires_grad=True) for _ in range(count)]
