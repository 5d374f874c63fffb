"""What an operation costs beside its arithmetic: a tiny network, and single operations from tiny to large."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..case import Case, Limit, Run
from ..dense import Dense
from ..shared import eager

__all__ = ["cases"]

# name, the function of (library, its tensors), how many inputs, arrays read and written: forward, backward
OPERATIONS: list[tuple[str, Callable[..., Any], int, int, int]] = [
    ("add", lambda lib, a, b: a + b, 2, 3, 0),
    ("multiply", lambda lib, a, b: a * b, 2, 3, 5),
    ("exp", lambda lib, a: lib.exp(a), 1, 2, 3),
    ("tanh", lambda lib, a: lib.tanh(a), 1, 2, 3),
    ("sigmoid", lambda lib, a: lib.sigmoid(a), 1, 2, 3),
    ("relu", lambda lib, a: lib.relu(a), 1, 2, 3),
    ("sqrt", lambda lib, a: lib.sqrt(a), 1, 2, 3),
    ("sum", lambda lib, a: a.sum(), 1, 1, 1),
    ("log_softmax", lambda lib, a: lib.log_softmax(a.reshape(-1, min(10, a.numel())), 1), 1, 2, 3),
]
HEADLINE = ("add", "relu", "tanh")


def cases(quick: bool = False) -> list[Case]:
    whole = Dense((1, 3, 1), "tanh", "half", 50)
    single = Dense((1, 3, 1), "tanh", "half", 1, batches=50)
    found = [
        Case("overhead", "Bishop's net 1-3-1, 50 points", whole.systems(torch_compile=True), headline=True),
        Case("overhead", "Bishop's net 1-3-1, batches of 1", single.systems(), headline=True),
    ]
    for (name, function, count, reads, more), size in itertools.product(
        OPERATIONS, (1, 10) if quick else (1, 10**3, 10**5, 10**6, 10**7)
    ):
        for backward in (False, True):
            bytes_ = 4 * size * (reads + more * backward)
            found.append(Case(
                "overhead", f"{name}, {'forward and backward' if backward else 'forward'}, {size:,} values",
                eager(_operation, function, count, size, backward),
                limit=Limit(bytes=bytes_) if size >= 10**7 else None,  # smaller arrays stay in the cache
                steps=0, tolerance=1e-4, share=0.4,
                headline=size == 10**6 and backward and name in HEADLINE,
            ))  # fmt: skip
    return found


def _operation(lib: Any, function: Callable[..., Any], count: int, size: int, backward: bool) -> Run:
    """One operation, and the gradient of all its inputs if `backward`."""
    rng = np.random.default_rng(0)
    inputs = [lib.from_numpy(rng.random(size, np.float32) + np.float32(0.1)) for _ in range(count)]
    for x in inputs:
        x.requires_grad_(backward)
    y = function(lib, *inputs)
    g = lib.from_numpy(rng.random(tuple(y.shape), np.float32))

    def step() -> None:
        y = function(lib, *inputs)
        if backward:
            for x in inputs:
                x.grad = None
            y.backward(g)

    def loss() -> float:
        """All values of the output, and of the gradients, as one number."""
        step()
        parts = [function(lib, *inputs).detach(), *(x.grad for x in inputs if backward)]
        return math.fsum(float(part.numpy().astype(np.float64).sum()) for part in parts)

    return Run(step, loss)
