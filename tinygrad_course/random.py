"""Random numbers: the default generator, seeds, and generators of one's own.

Random draws are operations (see `ops/random.py`), so a compiled step draws afresh each time it runs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .effects import perform

__all__ = [
    "Generator", "default_generator", "fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed",
    "set_rng_state",
]  # fmt: skip


class Generator:
    """A source of random numbers with a state of its own; pass it as `generator=` to what draws.

    Attributes:
        numpy: the `numpy.random.Generator` behind it.

    Example:
        >>> import tinygrad_course as tc
        >>> g = tc.Generator().manual_seed(0)
        >>> a = tc.rand(2, generator=g)
        >>> bool((a == tc.rand(2, generator=g.manual_seed(0))).all())
        True
    """

    def __init__(self, device: Any = "cpu") -> None:
        self.seed()

    @classmethod
    def of(cls, generator: np.random.Generator) -> Generator:
        """Wrap a NumPy generator, whose state is then shared."""
        self = cls.__new__(cls)
        self._seed = 0
        self.numpy = generator
        return self

    def manual_seed(self, seed: int) -> Generator:
        """Start over from `seed`; the same seed gives the same bits."""
        if isinstance(seed, bool) or not hasattr(seed, "__index__"):
            raise TypeError(f"manual_seed: expected an integer, got {type(seed).__name__}")
        perform(self._start, seed.__index__(), owner=self, name="manual_seed", touches=tuple)
        return self

    def _start(self, seed: int) -> None:
        self._seed = seed
        self.numpy = np.random.Generator(np.random.PCG64(seed % 2**64))

    def seed(self) -> int:
        """Start over from a fresh random seed and return it."""
        import secrets

        self.manual_seed(secrets.randbits(63))
        return self._seed

    def initial_seed(self) -> int:
        """The seed that the generator was last started from."""
        return self._seed

    def get_state(self) -> dict[str, Any]:
        """The state, to be put back by `set_state`: a dict of plain numbers and strings."""
        return {"seed": self._seed, "bit_generator": self.numpy.bit_generator.state}

    def set_state(self, state: dict[str, Any]) -> Generator:
        """Put back a state that `get_state` gave."""
        perform(self._put, state, owner=self, name="set_state", touches=tuple)
        return self

    def _put(self, state: dict[str, Any]) -> None:
        self._seed = state["seed"]
        self.numpy.bit_generator.state = state["bit_generator"]


class _Here(threading.local):
    """What stands for the default generator in this thread: `data` sets it, for each sample that is being made."""

    source: Callable[[], Generator] | None = None


here = _Here()
_default: Generator | None = None
_lock = threading.Lock()


def default_generator() -> Generator:
    """The generator used where none is given."""
    global _default
    if here.source is not None:
        return here.source()
    if _default is None:
        with _lock:
            if _default is None:
                _default = Generator()
    return _default


def manual_seed(seed: int) -> Generator:
    """Seed the default generator and return it; the same seed gives the same bits."""
    return default_generator().manual_seed(seed)


def initial_seed() -> int:
    """The seed of the default generator."""
    return default_generator().initial_seed()


def seed() -> int:
    """Start the default generator over from a fresh random seed and return it."""
    return default_generator().seed()


def get_rng_state() -> dict[str, Any]:
    """The state of the default generator, to be put back by `set_rng_state`."""
    return default_generator().get_state()


def set_rng_state(new_state: dict[str, Any]) -> None:
    """Put back a state of the default generator that `get_rng_state` gave."""
    default_generator().set_state(new_state)


@contextmanager
def fork_rng(devices: Any = (), enabled: bool = True) -> Iterator[None]:
    """Draw inside as if nothing happened outside: the default generator's state is put back at the end.

    Example:
        >>> import tinygrad_course as tc
        >>> _ = tc.manual_seed(1)
        >>> with tc.random.fork_rng():
        ...     a = tc.rand(2)
        >>> bool((a == tc.rand(2)).all())
        True
    """
    state = get_rng_state()
    try:
        yield
    finally:
        if enabled:
            set_rng_state(state)
