"""Inputs to check with: those that were admitted or asked for, else guessed until the function takes them."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..autograd import no_grad
from ..cli import CommandError
from ..nn.module import Module
from ..random import fork_rng, manual_seed
from ..tensor import Tensor, tensor
from ..testing.admit import Admitted
from .subjects import Unusable

__all__ = ["Arguments", "drawn", "fits", "guessed", "like"]

Arguments = tuple[tuple[Any, ...], dict[str, Any]]

# Tried in this order, for all inputs alike; an integer stands for classes or indices.
SHAPES: tuple[tuple[int, ...], ...] = ((3,), (2, 3), (3, 3), (2, 3, 4), (2, 3, 8, 8), (1, 2, 6, 6), (2, 4), (4, 1), ())
# Bounds of values: all numbers, then what logarithms and roots take, then probabilities.
BOUNDS = ((-1.5, 1.5), (0.3, 2.0), (0.1, 0.9))


def fits(fn: Callable[..., Any], inputs: Sequence[Any], params: dict[str, Any]) -> str | None:
    """Why a function does not take these inputs, or None if it gives finite Tensors for them."""
    try:
        with no_grad(), fork_rng(), quiet(), np.errstate(all="ignore"):
            manual_seed(0)
            result = fn(*inputs, **params)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    ys = result if isinstance(result, (tuple, list)) else [result]
    if not ys or not all(isinstance(y, Tensor) for y in ys):
        return f"it gives {type(result).__name__}, not Tensors"
    if not any(y.array.dtype.kind == "f" for y in ys):
        return "it gives no floating Tensor"
    if not all(np.isfinite(y.array).all() for y in ys if y.array.dtype.kind == "f"):
        return "it gives NaN or infinity"
    return None


def guessed(fn: Callable[..., Any], count: int, rng: np.random.Generator) -> Arguments:
    """The first guess that a function takes.

    Raises:
        Unusable: if it takes none, with what it said to the first.
    """
    why = ""
    for inputs in _guesses(fn, count, rng):
        found = fits(fn, inputs, {})
        if found is None:
            return tuple(inputs), {}
        why = why or found
    raise Unusable(f"no guess of inputs fits ({why[:100]}); mark it with tc.testing.admits, or give --input")


def _guesses(fn: Callable[..., Any], count: int, rng: np.random.Generator) -> Iterator[list[Tensor]]:
    if not count:
        return
    shapes = [*_of_first_layer(fn), *SHAPES]
    first = next(iter(fn.parameters()), None) if isinstance(fn, Module) else None
    dtype = np.dtype(np.float32) if first is None else first.dtype
    for shape in shapes:
        for low, high in BOUNDS:
            yield [tensor(rng.uniform(low, high, shape), dtype=dtype) for _ in range(count)]
    for shape in shapes:  # floats first, classes or indices last
        classes = tensor(rng.integers(0, 2, shape[:1]))
        if count > 1:
            yield [*(tensor(rng.uniform(-1.5, 1.5, shape), dtype=dtype) for _ in range(count - 1)), classes]
        else:
            yield [tensor(rng.integers(0, 2, shape))]


def _of_first_layer(fn: Callable[..., Any]) -> list[tuple[int, ...]]:
    """The shapes that a Module's first weight asks for: features of a matrix, channels of a kernel."""
    if not isinstance(fn, Module):
        return []
    weight = next((p for p in fn.parameters() if p.ndim > 1), None)
    if weight is None:
        return []
    if weight.ndim == 2:
        return [(2, weight.shape[1]), (weight.shape[1],), (2, 3, weight.shape[1])]
    space = weight.ndim - 2
    return [(2, weight.shape[1], *[n] * space) for n in (8, 12, 28, 32)]


def drawn(given: Admitted, count: int, seed: int) -> list[Arguments]:
    """What was admitted: values as they are, and `count` draws where there are strategies among them.

    Raises:
        CommandError: where a strategy cannot be drawn from.
    """
    values = [*given.inputs, *given.params.values()]
    if not any(type(x).__module__.startswith("hypothesis") for x in values):
        return [(tuple(given.inputs), dict(given.params))]
    import hypothesis

    from ..testing import strategies

    found: list[Arguments] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count, database=None, deadline=None, phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )  # fmt: skip
    @hypothesis.given(strategies.samples(*given.inputs, **given.params))
    def collect(sample: Any) -> None:
        found.append((sample.inputs, sample.params))

    try:
        collect()
    except hypothesis.errors.HypothesisException as error:
        raise CommandError(f"drawing from what admits() was given failed: {error}") from error
    return found


def like(inputs: Sequence[Any], rng: np.random.Generator, on_grid: bool) -> list[Any]:
    """Other values of the same shapes and within the same bounds; on a coarse grid they tie and stand on kinks."""
    made = []
    for x in inputs:
        if isinstance(x, Tensor) and x.array.dtype.kind == "f" and x.array.size:
            low, high = (-1.5, 1.5) if (x.array < 0).any() else (float(x.array.min()), float(x.array.max()))
            values = rng.uniform(low, high, x.shape)
            x = tensor(np.clip(np.round(values * 2) / 2, low, high) if on_grid else values, dtype=x.dtype)
        made.append(x)
    return made


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """What a user's code prints is kept out of the table."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield
