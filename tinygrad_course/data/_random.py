"""Where data code draws its random numbers.

Outside a DataLoader, transforms draw from the project's default generator, so `tc.manual_seed` repeats them. Inside
one, every sample has a generator of its own, keyed by (seed of the epoch, position of the sample in the epoch). It
stands for the default one, so what `tc.rand` draws there is the sample's own too. The draws then depend neither on the
number of workers nor on which thread was faster. Philox is counter-based: such a generator costs microseconds to make,
and its streams (2**192 draws each) do not overlap.
"""

from typing import Any

import numpy as np

from ..random import Generator, default_generator, here

__all__ = ["item_generator"]


def item_generator() -> np.random.Generator:
    """Return the NumPy generator for the sample that is being made.

    Use it in the `__getitem__` of your own dataset, in your own transform or collate_fn, to get the reproducibility
    that the built-in transforms have: within a `DataLoader` the draws are the same under any number of workers;
    elsewhere they come from the default generator, which `tc.manual_seed` sets.

    Example:
        >>> import tinygrad_course as tc
        >>> from tinygrad_course.data import item_generator
        >>> class Noisy(tc.utils.data.Dataset):
        ...     def __len__(self):
        ...         return 4
        ...     def __getitem__(self, i):
        ...         return i + item_generator().normal()
        >>> def epoch(workers):
        ...     _ = tc.manual_seed(0)
        ...     return [batch.tolist() for batch in tc.utils.data.DataLoader(Noisy(), 2, num_workers=workers)]
        >>> epoch(0) == epoch(3)
        True
    """
    return default_generator().numpy


class ItemScope:
    """Context in which the default generator is that of the sample at `position`; the generator is made on first use.

    With `whole_batch` it is that of the batch that begins there: what `collate_fn` and `__getitems__` draw from.
    """

    __slots__ = ("_generator", "_key", "_saved")

    def __init__(self, seed: int, position: int, whole_batch: bool = False) -> None:
        self._key = (seed, 2 * position + whole_batch)
        self._generator: Generator | None = None

    def _source(self) -> Generator:
        if self._generator is None:
            seed, stream = self._key
            self._generator = Generator.of(np.random.Generator(np.random.Philox(key=seed, counter=stream << 192)))
        return self._generator

    def __enter__(self) -> None:
        self._saved = here.source
        here.source = self._source

    def __exit__(self, *exc_info: object) -> None:
        here.source = self._saved


def numpy_generator(generator: Any, name: str) -> np.random.Generator:
    """Return the NumPy generator meant by a `generator=` argument: None, a `tc.Generator` or NumPy's own."""
    if generator is None:
        return default_generator().numpy
    if isinstance(generator, np.random.Generator):
        return generator
    inner = getattr(generator, "numpy", None)
    if isinstance(inner, np.random.Generator):
        return inner
    raise TypeError(
        f"{name}: generator must be a tc.Generator, a numpy.random.Generator or None, got {type(generator).__name__}"
    )
