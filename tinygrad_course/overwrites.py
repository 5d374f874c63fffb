"""Which memory was written to in place, and when: so that backward never uses a value that is no longer there.

Moments are counted in the same count that numbers the nodes of the graph. Nothing is paid in the forward pass, and one
comparison per node in backward as long as nothing was written since.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["latest", "mark_overwritten", "marker", "overwritten_since", "owner", "repeated", "tick"]

tick = itertools.count(1).__next__
_EVERYWHERE = (0, 2**64)
# More different non-contiguous writes than this into one memory are remembered as one write of all of it.
_MOST = 4_096


class _Writes:
    """The writes into the memory of one owner.

    Contiguous writes are disjoint spans in order of address; a new one takes its place from those before it. Writes
    into a column, or another view with gaps, are kept by their geometry.
    """

    __slots__ = ("bottoms", "owner", "ragged", "times", "tops")

    def __init__(self, owner: weakref.ref[np.ndarray]) -> None:
        self.owner = owner
        self.bottoms: list[int] = []
        self.tops: list[int] = []
        self.times: list[int] = []
        self.ragged: dict[tuple[int, tuple[int, ...], tuple[int, ...], str], int] = {}

    def add(self, low: int, high: int, time: int) -> None:
        """Note a write of all bytes from `low` to before `high`."""
        if len(self.times) == 1 and self.bottoms[0] == low and self.tops[0] == high and not self.ragged:
            self.times[0] = time  # the same place as ever: what an optimizer does
            return
        i, j = bisect_right(self.tops, low), bisect_left(self.bottoms, high)
        bottoms, tops, times = [low], [high], [time]
        if i < j:
            if self.bottoms[i] < low:
                bottoms, tops, times = [self.bottoms[i], low], [low, high], [self.times[i], time]
            if self.tops[j - 1] > high:
                bottoms, tops, times = [*bottoms, high], [*tops, self.tops[j - 1]], [*times, self.times[j - 1]]
        self.bottoms[i:j], self.tops[i:j], self.times[i:j] = bottoms, tops, times
        if (low, high) == _EVERYWHERE:
            self.ragged.clear()

    def add_ragged(self, array: np.ndarray, time: int) -> None:
        """Note a write into a view with gaps."""
        if len(self.ragged) >= _MOST:
            self.add(*_EVERYWHERE, time)
        else:
            self.ragged[_address(array), array.shape, array.strides, array.dtype.str] = time

    def hit(self, array: np.ndarray, since: int) -> bool:
        """Whether a write after the moment `since` touched the memory of `array`."""
        low, high = _bounds(array)
        i, j = bisect_right(self.tops, low), bisect_left(self.bottoms, high)
        later = [k for k in range(i, j) if self.times[k] > since]
        if later and array.flags.forc:
            return True
        for k in later:  # the array has gaps: a write may have gone into one of them
            bottom, top = max(low, self.bottoms[k]), min(high, self.tops[k])
            if _share(array, bottom, (top - bottom,), (1,), "|u1"):
                return True
        return any(time > since and _share(array, *view) for view, time in self.ragged.items())


_writes: dict[int, _Writes] = {}  # by the id of the owner
_lock = threading.Lock()
latest = 0  # the moment of the latest write


def owner(array: np.ndarray) -> np.ndarray:
    """The array whose memory this one is a view of."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def mark_overwritten(array: np.ndarray) -> None:
    """Note that the memory of `array` has just been written to in place."""
    global latest
    if not array.size:
        return
    base = owner(array)
    key = id(base)
    with _lock:
        found = _writes.get(key)
        if found is None:
            found = _writes[key] = _Writes(weakref.ref(base, lambda _: _writes.pop(key, None)))
        latest = tick()
        if base is array:
            found.add(*_EVERYWHERE, latest)
        elif array.flags.forc:
            found.add(*_bounds(array), latest)
        else:
            found.add_ragged(array, latest)


def repeated(array: np.ndarray) -> tuple[int, _Writes] | None:
    """The record of writes into the memory of `array`, and its key in `_writes`, after noting one into all of it.

    As long as that record is there and holds no other spans, another such write may be noted at once, by
    `record.times[0] = latest = tick()`. None if other parts of the memory were written to as well.
    """
    mark_overwritten(array)
    base = owner(array)
    found = _writes[id(base)]
    low, high = _EVERYWHERE if base is array or not array.flags.forc else _bounds(array)
    return None if found.bottoms != [low] or found.tops != [high] or found.ragged else (id(base), found)


def marker(array: np.ndarray) -> Callable[[], None]:
    """A function that notes a write into all of an array: quick as long as no other part of its memory is written."""
    key = id(owner(array))
    record: _Writes | None = None

    def mark() -> None:
        global latest
        nonlocal record
        if record is not None and record is _writes.get(key) and len(record.times) == 1 and not record.ragged:
            record.times[0] = latest = tick()
        else:
            record = (repeated(array) or (key, None))[1]

    return mark


def overwritten_since(array: Any, seq: int) -> bool:
    """Whether any of the memory of `array` was written to after the moment `seq`."""
    if seq > latest or type(array) is not np.ndarray or not array.size:
        return False
    found = _writes.get(id(owner(array)))
    return found is not None and found.hit(array, seq)


def _address(array: np.ndarray) -> int:
    return array.__array_interface__["data"][0]


def _bounds(array: np.ndarray) -> tuple[int, int]:
    """The first address of the values of an array, and the one after the last."""
    if array.flags.forc:
        low = _address(array)
        return low, low + array.nbytes
    return np.lib.array_utils.byte_bounds(array)


class _Memory:
    """Memory by its address, for NumPy to look at its geometry; it is never read."""

    def __init__(self, address: int, shape: tuple[int, ...], strides: tuple[int, ...], kind: str) -> None:
        self.__array_interface__ = {
            "data": (address, True), "shape": shape, "strides": strides, "typestr": kind, "version": 3,
        }  # fmt: skip


def _share(array: np.ndarray, *view: Any) -> bool:
    """Whether an array has bytes in common with a view; yes where finding out would take long."""
    try:
        return np.shares_memory(array, np.asarray(_Memory(*view)), max_work=10_000)  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True
