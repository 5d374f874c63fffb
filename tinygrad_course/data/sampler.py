"""Samplers: the order in which a DataLoader asks for samples."""

from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar

import numpy as np

from ._random import numpy_generator
from ._tensors import plain

__all__ = [
    "BatchSampler",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SubsetRandomSampler",
    "WeightedRandomSampler",
]

T_co = TypeVar("T_co", covariant=True)


class Sampler(Generic[T_co]):
    """Base class: `__iter__` gives the indices of one epoch (or lists of them, as a batch sampler)."""

    def __init__(self, data_source: Sized | None = None) -> None:
        pass

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__(self)")


class SequentialSampler(Sampler[int]):
    """0, 1, 2, … in order."""

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """Indices in random order: a permutation, or draws with replacement.

    Args:
        data_source: what is sampled from; only its length matters.
        replacement: draw each index anew.
        num_samples: draws per epoch (default: one per sample). Without replacement and beyond the dataset's size, whole
            permutations follow one another, so that counts differ by at most one.
        generator: a `tc.Generator` or NumPy generator; by default the one that `tc.manual_seed` sets.
    """

    def __init__(
        self, data_source: Sized, replacement: bool = False, num_samples: int | None = None, generator: Any = None
    ) -> None:
        if not isinstance(replacement, bool):
            raise TypeError(f"RandomSampler: replacement must be True or False, got {replacement!r}")
        if num_samples is not None:
            _check_count("RandomSampler: num_samples", num_samples)
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator

    @property
    def num_samples(self) -> int:
        """How many indices an epoch has."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        rng, size, left = numpy_generator(self.generator, "RandomSampler"), len(self.data_source), self.num_samples
        if left and not size:
            raise ValueError(f"RandomSampler: cannot draw {left} samples from an empty dataset")
        if self.replacement:
            yield from rng.integers(size, size=left).tolist() if left else ()
            return
        # All orders are drawn before the first index is given: what else draws meanwhile cannot change them.
        orders = [rng.permutation(size) for _ in range(0, left, size)] if left else []
        for order in orders:
            yield from order[:left].tolist()
            left -= size

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """The given indices, in random order."""

    def __init__(self, indices: Sequence[int] | Any, generator: Any = None) -> None:
        self.indices: Sequence[int] = plain(indices)
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        order = numpy_generator(self.generator, "SubsetRandomSampler").permutation(len(self.indices))
        return (self.indices[i] for i in order.tolist())

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Index i drawn with probability proportional to `weights[i]` (weights need not sum to 1).

    Raises:
        ValueError: if a weight is negative or not finite, if all are zero, or if more samples are asked for without
            replacement than have a positive weight.
    """

    def __init__(
        self, weights: Sequence[float], num_samples: int, replacement: bool = True, generator: Any = None
    ) -> None:
        if not isinstance(replacement, bool):
            raise TypeError(f"WeightedRandomSampler: replacement must be True or False, got {replacement!r}")
        _check_count("WeightedRandomSampler: num_samples", num_samples)
        self.weights = np.asarray(getattr(weights, "array", weights), dtype=np.float64)
        if self.weights.ndim != 1 or not np.isfinite(self.weights).all() or (self.weights < 0).any():
            raise ValueError("WeightedRandomSampler: weights must be one dimension of finite numbers >= 0")
        positive = int(np.count_nonzero(self.weights))
        if positive == 0 or (not replacement and num_samples > positive):
            raise ValueError(
                f"WeightedRandomSampler: cannot draw {num_samples} samples"
                f"{'' if replacement else ' without replacement'} from {positive} with a positive weight"
            )
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        rng = numpy_generator(self.generator, "WeightedRandomSampler")
        chances = self.weights / self.weights.max()  # before the sum: huge weights must not overflow it
        chances /= chances.sum()
        drawn = rng.choice(len(chances), size=self.num_samples, replace=self.replacement, p=chances)
        return iter(drawn.tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Lists of `batch_size` indices from another sampler; the last is shorter, or dropped.

    Example:
        >>> from tinygrad_course.utils.data import BatchSampler
        >>> list(BatchSampler(range(5), batch_size=2, drop_last=False))
        [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool = False) -> None:
        _check_count("BatchSampler: batch_size", batch_size)
        if not isinstance(drop_last, bool):
            raise ValueError(f"BatchSampler: drop_last must be True or False, got {drop_last!r}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        batch: list[int] = []
        for index in self.sampler:
            batch.append(index)
            if len(batch) == self.batch_size:
                yield batch
                batch = []
        if batch and not self.drop_last:
            yield batch

    def __len__(self) -> int:
        count = len(self.sampler)  # type: ignore[arg-type]
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)


def _check_count(what: str, value: object) -> None:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or value <= 0:
        raise ValueError(f"{what} must be a positive integer, got {value!r}")
