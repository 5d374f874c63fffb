"""DataLoader: batches of a dataset, in order, fetched ahead by threads if asked."""

import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from ._random import ItemScope, numpy_generator
from ._tensors import plain
from ._workers import WorkerInfo, WorkerPool
from .collate import default_collate, default_convert
from .dataset import Indexed, IterableDataset, batch_reader_of
from .sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["DataLoader"]

T_co = TypeVar("T_co", covariant=True)
_END = object()
# A fetch makes one batch; it is told by the event that nobody waits for it any more.
Fetch = Callable[[threading.Event], Any]


class _Abandoned(Exception):
    """A worker noticed that the consumer has left."""


class DataLoader(Generic[T_co]):
    """Iterate over a dataset in batches.

    Every epoch gives each sample that the sampler names exactly once, in the sampler's order, under any number of
    workers. The order and the random transforms are decided by seeds, never by which thread was faster.

    Args:
        dataset: anything with `__getitem__` and `__len__`, or an `IterableDataset`. If it has `__getitems__(indices)`,
            a batch is fetched by one call of it. The package's own array datasets are read by one fancy index.
        batch_size: samples per batch; None gives single samples, not stacked.
        shuffle: a new random order every epoch.
        sampler: the order of indices, in place of `shuffle`.
        batch_sampler: gives lists of indices, in place of batch_size, shuffle, sampler and drop_last.
        num_workers: threads that prepare batches ahead; 0 prepares them in the calling thread.
        collate_fn: makes a batch of a list of samples (default: `default_collate`).
        pin_memory: accepted and without effect: there is no other device to copy to.
        drop_last: leave out the last batch if it is shorter.
        timeout: seconds to wait for a worker's batch; 0 waits for ever.
        worker_init_fn: called with the worker's number in each worker before its first batch.
        multiprocessing_context: accepted and without effect: workers are threads.
        generator: where shuffling and random transforms take their seeds; by default what `tc.manual_seed` sets.
        prefetch_factor: batches prepared ahead per worker (default 2).
        persistent_workers: keep the threads between epochs.
        pin_memory_device: accepted and without effect.

    Raises:
        ValueError: if options exclude each other. An exception raised by the dataset, a transform or collate_fn in a
            worker is raised where the batch was asked for, as itself and with its own traceback.

    Example:
        >>> import tinygrad_course as tc
        >>> from tinygrad_course.utils.data import DataLoader, TensorDataset
        >>> data = TensorDataset(tc.arange(5.0), tc.arange(5))
        >>> for x, label in DataLoader(data, batch_size=2, drop_last=True):
        ...     print(x, label)
        tensor([0., 1.]) tensor([0, 1])
        tensor([2., 3.]) tensor([2, 3])
    """

    def __init__(
        self,
        dataset: Indexed[T_co],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Sampler[int] | Iterable[int] | None = None,
        batch_sampler: Sampler[list[int]] | Iterable[list[int]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], Any] | None = None,
        multiprocessing_context: Any = None,
        generator: Any = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
    ) -> None:
        if isinstance(num_workers, bool) or not isinstance(num_workers, int) or num_workers < 0:
            raise ValueError(f"DataLoader: num_workers must be an integer >= 0, got {num_workers!r}")
        if timeout < 0:
            raise ValueError(f"DataLoader: timeout must be >= 0, got {timeout!r}")
        if num_workers == 0 and (prefetch_factor is not None or persistent_workers):
            raise ValueError("DataLoader: prefetch_factor and persistent_workers need num_workers >= 1")
        if prefetch_factor is not None and prefetch_factor < 1:
            raise ValueError(f"DataLoader: prefetch_factor must be >= 1, got {prefetch_factor!r}")
        self._is_stream = isinstance(dataset, IterableDataset)
        if self._is_stream and (shuffle or sampler is not None or batch_sampler is not None):
            raise ValueError("DataLoader: a stream (IterableDataset) has one order; it takes no shuffle or sampler")
        if sampler is not None and shuffle:
            raise ValueError("DataLoader: pass either sampler or shuffle=True, not both")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError("DataLoader: batch_sampler excludes batch_size, shuffle, sampler and drop_last")
            batch_size = None
        elif batch_size is None and drop_last:
            raise ValueError("DataLoader: drop_last needs a batch_size")
        if generator is not None:
            numpy_generator(generator, "DataLoader")  # a wrong type is told now, not in the first epoch
        self.dataset: Any = dataset
        self.batch_size = batch_size
        self.drop_last = drop_last
        self.num_workers = num_workers
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.generator = generator
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.prefetch_factor = 2 if prefetch_factor is None and num_workers else prefetch_factor
        self.persistent_workers = persistent_workers
        if sampler is None:
            sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        self.sampler = plain(sampler)
        if batch_sampler is None and batch_size is not None:
            batch_sampler = BatchSampler(self.sampler, batch_size, drop_last)
        self.batch_sampler = batch_sampler
        self._stacks = batch_sampler is not None
        self.collate_fn = collate_fn or (default_collate if self._stacks else default_convert)
        self._pool: WorkerPool | None = None

    def __len__(self) -> int:
        # For a stream too: its SequentialSampler asks the dataset, whose length may be unknown (TypeError).
        return len(self.batch_sampler if self._stacks else self.sampler)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Any]:
        seed = int(numpy_generator(self.generator, "DataLoader").integers(2**63))
        fetches = self._stream_fetches(seed) if self._is_stream else self._indexed_fetches(seed)
        return self._ahead(fetches, seed) if self.num_workers else self._in_turn(fetches)

    # --- what is fetched ------------------------------------------------------------------------------------------

    def _indexed_fetches(self, seed: int) -> Iterator[Fetch]:
        """One fetch per batch. Runs in the consumer's thread, which alone advances the sampler."""
        reader = batch_reader_of(self.dataset) if self.collate_fn is default_collate else None
        position = 0
        for chosen in self.batch_sampler if self.batch_sampler is not None else self.sampler:
            if self._stacks:
                indices = list(chosen)
                yield self._fetch_batch(indices, seed, position, reader)
                position += len(indices)
            else:
                yield self._fetch_sample(chosen, seed, position)
                position += 1

    def _fetch_batch(self, indices: list[Any], seed: int, position: int, reader: Any) -> Fetch:
        def fetch(abandoned: threading.Event) -> Any:
            if reader is not None and indices:
                return reader(np.asarray(indices))
            if hasattr(self.dataset, "__getitems__"):
                with ItemScope(seed, position, whole_batch=True):
                    samples = self.dataset.__getitems__(indices)
            else:
                samples = []
                for offset, index in enumerate(indices):
                    if abandoned.is_set():
                        raise _Abandoned
                    try:
                        with ItemScope(seed, position + offset):
                            samples.append(self.dataset[index])
                    except Exception as error:
                        error.add_note(f"while a DataLoader fetched sample {index!r} of {type(self.dataset).__name__}")
                        raise
            with ItemScope(seed, position, whole_batch=True):
                return self.collate_fn(samples)

        return fetch

    def _fetch_sample(self, index: Any, seed: int, position: int) -> Fetch:
        def fetch(abandoned: threading.Event) -> Any:
            with ItemScope(seed, position):
                sample: Any = self.dataset[index]
                return self.collate_fn(sample)

        return fetch

    def _stream_fetches(self, seed: int) -> Iterator[Fetch]:
        """The same fetch again and again; it answers `_END` when the stream is used up."""
        samples: Iterator[Any] | None = None
        position = 0

        def numbered(abandoned: threading.Event) -> Iterator[Any]:
            nonlocal samples, position
            while not abandoned.is_set():
                with ItemScope(seed, position):
                    if samples is None:  # here, so that the stream's first code runs in the worker too
                        samples = iter(self.dataset)
                    try:
                        sample = next(samples)
                    except StopIteration:
                        return
                position += 1
                yield sample

        def fetch(abandoned: threading.Event) -> Any:
            start = position
            batch = list(islice(numbered(abandoned), self.batch_size or 1))
            if not batch or (self.drop_last and len(batch) < (self.batch_size or 1)):
                return _END
            with ItemScope(seed, start, whole_batch=True):
                return self.collate_fn(batch if self._stacks else batch[0])

        while True:
            yield fetch

    # --- who fetches ----------------------------------------------------------------------------------------------

    def _in_turn(self, fetches: Iterator[Fetch]) -> Iterator[Any]:
        never = threading.Event()
        for fetch in fetches:
            if (batch := fetch(never)) is _END:
                return
            yield batch

    def _ahead(self, fetches: Iterator[Fetch], seed: int) -> Iterator[Any]:
        pool = self._pool_for(seed)
        abandoned = threading.Event()
        pending: deque[Future[Any]] = deque()
        depth = self.num_workers * (self.prefetch_factor or 2)
        try:
            while True:
                for fetch in islice(fetches, depth - len(pending)):
                    pending.append(pool.submit(_bind(fetch, abandoned)))
                if not pending or (batch := self._wait(pending.popleft())) is _END:
                    return
                yield batch
                del batch  # the consumer's loop variable is then the only owner
        finally:  # also after `break`, an exception or Ctrl-C in the consumer's loop
            abandoned.set()
            for future in pending:
                future.cancel()
            if pool is not self._pool:
                pool.close()

    def _wait(self, future: "Future[Any]") -> Any:
        if not self.timeout:
            return future.result()
        from concurrent.futures import TimeoutError, wait

        if not wait([future], self.timeout).done:
            raise RuntimeError(
                f"DataLoader: no batch from a worker within timeout={self.timeout:g} s"
            ) from TimeoutError()
        return future.result()

    def _pool_for(self, seed: int) -> WorkerPool:
        if self._pool is not None:
            return self._pool
        count = 1 if self._is_stream else self.num_workers  # a stream has one reader
        pool = WorkerPool([WorkerInfo(i, count, seed + i, self.dataset) for i in range(count)], self.worker_init_fn)
        if self.persistent_workers:
            self._pool = pool
            weakref.finalize(self, pool.close)  # also at the interpreter's exit
        return pool


def _bind(fetch: Fetch, abandoned: threading.Event) -> Callable[[], Any]:
    return lambda: fetch(abandoned)
