"""What can be trained on: DataLoaders, Datasets, lists of batches, whole tensors; and the generators behind it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..data import DataLoader, Dataset, TensorDataset
from ..random import default_generator
from ..tensor import Tensor

__all__ = ["batches_of", "generator_states", "generators_of", "length_of", "restore_generators", "size_of"]


def batches_of(data: Any, batch_size: int | None, shuffle: bool, what: str) -> Iterable[Any]:
    """An object that can be iterated over again and again, and gives batches.

    A tuple of tensors is one batch, or is cut into batches of `batch_size`; so is a Dataset. All else gives its batches
    itself.
    """
    if isinstance(data, tuple) and data and all(isinstance(x, (Tensor, np.ndarray)) for x in data):
        tensors = tuple(x if isinstance(x, Tensor) else Tensor._wrap(x) for x in data)
        if len({len(x.array) for x in tensors}) > 1:
            raise ValueError(f"Trainer: the {what} tensors differ in length: {[len(x.array) for x in tensors]}")
        count = len(tensors[0].array)
        if batch_size is None or not count:
            return [tensors] if count else []
        if not shuffle:
            starts = range(0, count, batch_size)
            return [tuple(x[start : start + batch_size] for x in tensors) for start in starts]
        return DataLoader(TensorDataset(*tensors), batch_size, shuffle=True)
    if isinstance(data, Dataset):
        if batch_size is None:
            raise TypeError(f"Trainer: {type(data).__name__} gives samples; pass batch_size, or a DataLoader of it")
        return DataLoader(data, batch_size, shuffle=shuffle)
    if batch_size is not None and what == "training":
        raise ValueError(
            f"Trainer: batch_size goes with a tuple of tensors or a Dataset; {type(data).__name__} has its own batches"
        )
    if isinstance(data, (Tensor, np.ndarray)) or not hasattr(data, "__iter__"):
        raise TypeError(
            f"Trainer: {what} data must be a DataLoader, a Dataset, a list of batches or a tuple (x, y), got "
            f"{type(data).__name__}; a tensor without targets goes as (x,)"
        )
    if iter(data) is data:
        raise TypeError(
            f"Trainer: {what} data is an iterator ({type(data).__name__}), which is used up after one epoch; pass a "
            "list, a DataLoader, or an object whose __iter__ starts anew"
        )
    return data


def size_of(batch: Any) -> int:
    """How many samples a batch has: the length of its first tensor."""
    if isinstance(batch, (Mapping, tuple, list)):
        fields = list(batch.values() if isinstance(batch, Mapping) else batch)
        return size_of(fields[0]) if fields else 1
    shape: Any = getattr(batch, "shape", ())
    return int(shape[0]) if len(shape) else 1


def length_of(source: Any) -> int | None:
    """How many batches an epoch has, or None if that is not known."""
    try:
        return len(source)
    except TypeError:
        return None


# --- Random numbers ---------------------------------------------------------------------------------------------------


def generators_of(sources: Iterable[Any], more: Iterable[Any]) -> list[Any]:
    """The generators of the data, and those named by the user; the default one is always the first."""
    found: dict[int, Any] = {id(default_generator()): default_generator()}
    pending = list(sources)
    while pending:
        source = pending.pop(0)
        pending += [x for x in (getattr(source, name, None) for name in _INSIDE) if x is not None]
        generator = getattr(source, "generator", None)
        if generator is not None and not callable(generator):
            found.setdefault(id(generator), generator)
    for generator in more:
        found.setdefault(id(generator), generator)
    return list(found.values())


_INSIDE = ("batch_sampler", "sampler", "dataset")


def generator_states(generators: Iterable[Any]) -> list[Any]:
    """The states of tc.Generators and NumPy generators, as numbers, strings and arrays."""
    return [g.get_state() if hasattr(g, "get_state") else g.bit_generator.state for g in generators]


def restore_generators(generators: list[Any], states: list[Any]) -> None:
    """Put back what `generator_states` gave."""
    if len(generators) != len(states):
        raise RuntimeError(
            f"Trainer: the state to resume from has {len(states)} random generators, the data have {len(generators)}; "
            "pass the same kind of data, with the same generators, as before"
        )
    for generator, state in zip(generators, states):
        if hasattr(generator, "set_state"):
            generator.set_state(state)
        else:
            generator.bit_generator.state = state
