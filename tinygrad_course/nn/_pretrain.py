"""Greedy training: one layer after the other, each on what those below make of the data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ..autograd import no_grad
from ..random import default_generator
from ..tensor import Tensor

__all__ = ["batches", "train_greedily"]


def batches(data: Tensor | Iterable[Any], batch_size: int, generator: Any = None) -> Iterator[Tensor]:
    """One epoch: a tensor's samples in random order, or the inputs of an iterable's batches."""
    if isinstance(data, Tensor):
        if batch_size < 1:
            raise ValueError(f"pretrain: batch_size must be positive, got {batch_size}")
        order = (default_generator() if generator is None else generator).numpy.permutation(len(data))
        for start in range(0, len(order), batch_size):
            yield Tensor._wrap(data.array[order[start : start + batch_size]])
        return
    for batch in data:
        x = batch[0] if isinstance(batch, (tuple, list)) else batch
        if not isinstance(x, Tensor):
            raise TypeError(f"pretrain: expected batches of Tensors, got {type(x).__name__}")
        yield x.reshape(len(x), -1) if x.ndim > 2 else x


def train_greedily(
    net: Any, data: Tensor | Iterable[Any], optimizer: Callable[[Iterable[Tensor]], Any], epochs: int, batch_size: int,
    generator: Any, callback: Callable[[int, int, float], None] | None, measure: Callable[[Any, Tensor, Tensor], float],
) -> list[list[float]]:  # fmt: skip
    """Train each of `net.layers` by its `loss`, on `net.encode(x, depth)`.

    Returns:
        For each layer the mean of `measure(layer, x, loss)` over the samples, in each epoch.
    """
    history: list[list[float]] = []
    for depth, layer in enumerate(net.layers):
        stepper = optimizer(layer.parameters())
        history.append([])
        for epoch in range(epochs):
            total, count = 0.0, 0
            for batch in batches(data, batch_size, generator):
                with no_grad():
                    x = net.encode(batch, depth)
                stepper.zero_grad()
                loss = layer.loss(x)
                loss.backward()
                stepper.step()
                total += measure(layer, x, loss) * len(x)
                count += len(x)
            if not count:
                raise ValueError(
                    "pretrain: the data gave no batch; an iterator can be read only once, pass a DataLoader"
                )
            history[-1].append(total / count)
            if callback is not None:
                callback(depth, epoch, history[-1][-1])
    return history
