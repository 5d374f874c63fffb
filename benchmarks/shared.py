"""One text for tinygrad_course and PyTorch, whose interfaces are the same, and for all that trains by SGD."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .case import Run

__all__ = ["both", "fill", "trained", "training"]


def both(make: Callable[..., Run], *arguments: Any) -> dict[str, Callable[[], Run]]:
    """Builders for the two systems: `make(library, *arguments)`."""
    return {
        "tc": lambda: make(importlib.import_module("tinygrad_course"), *arguments),
        "torch": lambda: make(importlib.import_module("torch"), *arguments),
    }


def fill(lib: Any, model: Any) -> None:
    """The same initial values in both systems, uniform within ±1/√inputs; those of vectors are small."""
    rng = np.random.default_rng(1)
    for parameter in model.parameters():
        shape = tuple(parameter.shape)
        bound = 1 / np.prod(shape[1:]) ** 0.5 if len(shape) > 1 else 0.05
        parameter.data[...] = lib.from_numpy(rng.uniform(-bound, bound, shape).astype(np.float32))


def training(
    lib: Any, make_model: Callable[[Any], Any], image: tuple[int, ...], batch: int, classes: int = 10, lr: float = 0.01
) -> Run:
    """A step of training with cross entropy and momentum; without classes, with the mean square of the outputs."""
    model = make_model(lib)
    fill(lib, model)
    rng = np.random.default_rng(2)
    x = lib.from_numpy(rng.random((batch, *image), np.float32))
    t = lib.from_numpy(rng.integers(0, classes or 1, batch))
    error = lib.nn.CrossEntropyLoss() if classes else lambda y, _: (y * y).mean()
    optimizer = lib.optim.SGD(model.parameters(), lr=lr, momentum=0.8)

    def step() -> None:
        optimizer.zero_grad()
        error(model(x), t).backward()
        optimizer.step()

    def loss() -> float:
        with lib.no_grad():
            return error(model(x), t).item()

    return Run(step, loss)


trained = partial(both, training)
