"""Datasets: what has a length and gives samples, and ways to cut, join and split them."""

import bisect
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from ..tensor import Tensor
from ._random import numpy_generator
from ._tensors import plain, wrap

__all__ = ["ConcatDataset", "Dataset", "IterableDataset", "Subset", "TensorDataset", "random_split"]

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")
BatchReader = Callable[[np.ndarray], Any]


class Indexed(Protocol[T_co]):
    """What datasets are made of and loaders read: a Dataset, a list, a string, anything with these two methods."""

    def __getitem__(self, index: Any, /) -> T_co: ...

    def __len__(self) -> int: ...


class Dataset(Generic[T_co]):
    """Base class of datasets with random access: subclasses define `__getitem__` and `__len__`.

    Example:
        >>> import tinygrad_course as tc
        >>> class Squares(tc.utils.data.Dataset):
        ...     def __len__(self):
        ...         return 5
        ...     def __getitem__(self, i):
        ...         return i * i
        >>> [batch.tolist() for batch in tc.utils.data.DataLoader(Squares(), batch_size=3)]
        [[0, 1, 4], [9, 16]]
    """

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError(f"{type(self).__name__} must define __getitem__(self, index)")

    def __len__(self) -> int:
        # TypeError, not NotImplementedError: list(dataset) asks for a length and forgives only the former.
        raise TypeError(f"{type(self).__name__} has no length; define __len__(self)")

    def __iter__(self) -> Iterator[T_co]:
        return (self[i] for i in range(len(self)))

    def __add__(self, other: "Indexed[Any]") -> "ConcatDataset[Any]":
        return ConcatDataset([self, other])

    def batch_reader(self) -> BatchReader | None:
        """Return a function from an index array to a collated batch, or None if samples must be fetched one by one.

        `DataLoader` uses it in place of `__getitem__` and `default_collate`, so it must give the same batch. Datasets
        that hold arrays answer with one fancy index.
        """
        return None


class IterableDataset(Dataset[T_co]):
    """Base class of datasets that are streams: subclasses define `__iter__`.

    With workers, a `DataLoader` reads the stream in one thread, in order: no sample comes twice, so there is nothing to
    share out among workers.
    """

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} must define __iter__(self)")

    def __getitem__(self, index: Any) -> T_co:
        raise TypeError(f"{type(self).__name__} is a stream and has no indices; iterate over it")


def getitem_is(dataset: object, owner: type) -> bool:
    """Return whether `dataset` still uses `owner.__getitem__`; a subclass's own one must never be bypassed."""
    return getattr(type(dataset), "__getitem__", None) is owner.__dict__["__getitem__"]


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Samples that are the rows of tensors: `dataset[i] = (t[i] for t in tensors)`.

    Args:
        *tensors: tensors (or ndarrays, which are wrapped without a copy) of equal first size.

    Raises:
        ValueError: if the first sizes differ, or a tensor has no dimension.

    Example:
        >>> import tinygrad_course as tc
        >>> data = tc.utils.data.TensorDataset(tc.arange(6).reshape(3, 2), tc.tensor([0, 1, 0]))
        >>> data[2]
        (tensor([4, 5]), tensor(0))
    """

    tensors: tuple[Tensor, ...]

    def __init__(self, *tensors: Tensor | np.ndarray) -> None:
        if not tensors:
            raise ValueError("TensorDataset: expected at least one tensor, got none")
        for position, tensor in enumerate(tensors):
            if not isinstance(tensor, (Tensor, np.ndarray)):
                raise TypeError(
                    f"TensorDataset: argument {position} is a {type(tensor).__name__}; pass tc.tensor(...) of it"
                )
        self.tensors = tuple(t if isinstance(t, Tensor) else wrap(t) for t in tensors)
        shapes = [tuple(t.shape) for t in self.tensors]
        if any(not shape for shape in shapes) or len({shape[0] for shape in shapes}) != 1:
            raise ValueError(f"TensorDataset: tensors must agree in their first size, got shapes {shapes}")

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return int(self.tensors[0].shape[0])

    def batch_reader(self) -> BatchReader | None:
        if not getitem_is(self, TensorDataset):
            return None
        tensors = self.tensors

        def read(indices: np.ndarray) -> list[Tensor]:
            return [t[indices] if t.requires_grad else wrap(t.array[indices]) for t in tensors]

        return read


class Subset(Dataset[T_co]):
    """The samples of `dataset` at `indices`, in that order."""

    def __init__(self, dataset: Indexed[T_co], indices: Sequence[int] | Tensor) -> None:
        self.dataset = dataset
        self.indices: Sequence[int] = plain(indices)

    def __getitem__(self, index: Any) -> T_co:
        return self.dataset[self.indices[index]]

    def __len__(self) -> int:
        return len(self.indices)

    def batch_reader(self) -> BatchReader | None:
        reader = batch_reader_of(self.dataset)
        if reader is None or not getitem_is(self, Subset):
            return None
        read, own = reader, np.asarray(self.indices, dtype=np.int64)
        return lambda indices: read(own[indices])


class ConcatDataset(Dataset[T_co]):
    """Datasets one after the other.

    Raises:
        ValueError: if there is none.
        TypeError: if one is a stream, which has no indices.
    """

    def __init__(self, datasets: Iterable[Indexed[T_co]]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset: expected at least one dataset, got none")
        for dataset in self.datasets:
            if isinstance(dataset, IterableDataset):
                raise TypeError(f"ConcatDataset: {type(dataset).__name__} is a stream; only indexed datasets join")
        self.cumulative_sizes = np.cumsum([len(d) for d in self.datasets]).tolist()

    def __len__(self) -> int:
        return int(self.cumulative_sizes[-1])

    def __getitem__(self, index: Any) -> T_co:
        position = index + len(self) if index < 0 else index
        if not 0 <= position < len(self):
            raise IndexError(f"ConcatDataset: index {index} is out of range for {len(self)} samples")
        part = bisect.bisect_right(self.cumulative_sizes, position)
        return self.datasets[part][position - (self.cumulative_sizes[part - 1] if part else 0)]


def batch_reader_of(dataset: Any) -> BatchReader | None:
    """Return `dataset.batch_reader()`, or None for any other object with `__getitem__`."""
    method = getattr(dataset, "batch_reader", None)
    return method() if callable(method) else None


def random_split(dataset: Indexed[T], lengths: Sequence[int | float], generator: Any = None) -> list[Subset[T]]:
    """Split a dataset at random into disjoint subsets.

    Args:
        dataset: what to split.
        lengths: sizes that sum to `len(dataset)`, or fractions that sum to 1. Fractions are rounded down, and what is
            left over goes to the first subsets, one sample each.
        generator: a `tc.Generator` or NumPy generator; by default the one that `tc.manual_seed` sets.

    Raises:
        ValueError: if the lengths do not add up, or one is negative.

    Example:
        >>> import tinygrad_course as tc
        >>> parts = tc.utils.data.random_split(range(10), [0.75, 0.25])
        >>> [len(part) for part in parts], sorted(parts[0].indices + parts[1].indices)
        ([8, 2], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    total = len(dataset)
    if any(length < 0 or not math.isfinite(length) for length in lengths):
        raise ValueError(f"random_split: lengths must not be negative or infinite, got {list(lengths)}")
    if math.isclose(sum(lengths), 1.0):
        sizes = [math.floor(total * fraction) for fraction in lengths]
        for i in range(total - sum(sizes)):
            sizes[i % len(sizes)] += 1
        if 0 in sizes:
            warnings.warn(f"random_split: a subset is empty (sizes {sizes} of {total} samples)", stacklevel=2)
    else:
        sizes = [int(length) for length in lengths]
        if sizes != list(lengths) or sum(sizes) != total:
            raise ValueError(
                f"random_split: lengths {list(lengths)} sum to {sum(lengths)}; they must sum to the dataset's "
                f"{total} samples, or be fractions that sum to 1"
            )
    order = numpy_generator(generator, "random_split").permutation(total).tolist()
    ends = np.cumsum(sizes).tolist()
    return [Subset(dataset, order[end - size : end]) for end, size in zip(ends, sizes, strict=True)]
