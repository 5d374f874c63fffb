"""One text for tinygrad_course and PyTorch, whose interfaces are the same, and for all that trains by SGD."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from .case import Run

__all__ = ["both", "eager", "fill", "trained", "training", "values"]

Builders = dict[str, Callable[[], Run]]


def both(make: Callable[..., Run], *arguments: Any) -> Builders:
    """Builders for tinygrad_course, NumPy only, and PyTorch: `make(library, *arguments)`."""
    return {
        "tc": lambda: make(importlib.import_module("tinygrad_course"), *arguments),
        "torch": lambda: make(importlib.import_module("torch"), *arguments),
    }


def eager(make: Callable[..., Run], *arguments: Any) -> Builders:
    """As `both`, and tinygrad_course with native kernels: where kernels can matter."""
    builders = both(make, *arguments)
    return {"tc": builders["tc"], "tc+kernels": builders["tc"], "torch": builders["torch"]}


def values(shapes: Iterable[tuple[int, ...]]) -> Iterator[np.ndarray]:
    """The same initial values in all systems, uniform within ±1/√inputs; those of vectors are small."""
    rng = np.random.default_rng(1)
    for shape in shapes:
        bound = 1 / np.prod(shape[1:]) ** 0.5 if len(shape) > 1 else 0.05
        yield rng.uniform(-bound, bound, shape).astype(np.float32)


def fill(lib: Any, model: Any) -> None:
    """Set a model's parameters to `values`."""
    parameters = list(model.parameters())
    for parameter, value in zip(parameters, values(tuple(p.shape) for p in parameters), strict=True):
        parameter.data[...] = lib.from_numpy(value)


def training(lib: Any, model: Any, batches: list[Any], error: Callable[..., Any], optimizer: Any, how: str = "") -> Run:
    """A step: gradient of the error of the next batch, and update.

    Args:
        lib: tinygrad_course or PyTorch.
        model: what is trained.
        batches: (input, target) pairs of Tensors, which take turns.
        error: of (output, target).
        optimizer: of the model's parameters.
        how: "step" compiles the whole step, which is tinygrad_course's way; "error" model and error, which is the way
            of PyTorch's guide; "" nothing.
    """
    turn = 0

    def of(x: Any, t: Any) -> Any:
        return error(model(x), t)

    compiled = lib.compile(of) if how == "error" else of

    def learn(x: Any, t: Any) -> None:
        optimizer.zero_grad()
        compiled(x, t).backward()
        optimizer.step()

    learned = lib.compile(learn) if how == "step" else learn

    def step() -> None:
        nonlocal turn
        x, t = batches[turn]
        turn = (turn + 1) % len(batches)
        learned(x, t)

    def loss() -> float:
        with lib.no_grad():
            return of(*batches[0]).item()

    return Run(step, loss)


def trained(make: Callable[..., Run], *arguments: Any, torch_compile: bool = False) -> Builders:
    """Builders of `make(library, how, *arguments)`, which ends in `training`: eager, and compiled.

    `torch_compile` adds PyTorch's compiler, which takes half a minute for each case.
    """
    builders = eager(lambda lib: make(lib, "", *arguments))
    compiled = both(lambda lib: make(lib, "step" if lib.__name__ == "tinygrad_course" else "error", *arguments))
    builders["tc.compile"] = compiled["tc"]
    if torch_compile:
        builders["torch.compile"] = compiled["torch"]
    return builders
