"""Conditions of a compiled function as tables that native code goes through in a few nanoseconds each.

What a recording took for granted lives in Python's objects: a slot of a Tensor, an item of a list, an entry of a dict
of globals, a closure's cell. "Still the same" means that the same object is there, which is one comparison of
addresses. Three tables hold these comparisons:

    words     (address, value)                     8 bytes of memory: slots, cells, items of lists, counts of references
    entries   (dict, key, object or 0)             what a dict has under one key; 0 for nothing
    dicts     (dict, n, key 1, object 1, ...)      all of a dict, in its order

Words are compared in their order, up to the first that differs; so an item of a list may follow the words that say
where the list keeps its items. An address says who an object is only while the object lives: a `Watch` keeps all
objects that it names, the old values too, so that no other can come to their places.

Whoever fills a watch says what is expected. If that is not how things are, the comparison will fail, and no harm is
done; but whoever takes for granted what only happens to be there would not notice what changed before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from . import layout

__all__ = ["Unwatchable", "Watch"]

_places: dict[tuple[type, str], int | None] = {}


class Unwatchable(Exception):
    """A condition is not met, or is of a kind that no table holds."""


class Watch:
    """See the module.

    Attributes:
        keep: what must live as long as the tables are used.
    """

    def __init__(self) -> None:
        self.keep: list[Any] = []
        self._words: dict[int, int] = {}
        self._counted: list[Any] = []
        self._entries: list[tuple[int, int, int]] = []
        self._dicts: list[list[int]] = []

    # --- conditions -------------------------------------------------------------------------------------------------

    def slot(self, owner: Any, name: str, value: Any, cls: type | None = None) -> None:
        """`owner.name is value`, for a name in the `__slots__` of `cls`, its class."""
        key = cls or type(owner), name
        if key not in _places:
            _places[key] = layout.slot(*key)
        place = _places[key]
        if place is None:
            raise Unwatchable(f"this Python keeps slots elsewhere than {name}")
        self._word(owner, place, id(value))
        self.keep.append(value)

    def place(self, owner: Any, name: str, value: Any) -> None:
        """`owner.name is value`, for its class, its dict, or what a function is made of."""
        place = layout.place(owner, name)
        if place is None:
            raise Unwatchable(f"this Python keeps {name} elsewhere")
        self._word(owner, place, 0 if value is None and name != "__class__" else id(value))
        self.keep.append(value)

    def cell(self, cell: Any, value: Any) -> None:
        """A closure's variable is this object."""
        place = layout.cell()
        if place is None:
            raise Unwatchable("this Python keeps cells elsewhere")
        self._word(cell, place, id(value))
        self.keep.append(value)

    def items(self, owner: list[Any], values: Sequence[Any]) -> None:
        """A list holds these objects, in this order."""
        if type(owner) is not list:
            raise Unwatchable(f"a {type(owner).__name__} in place of a list")
        self._word(owner, layout.LIST_SIZE, len(values))
        if values:
            place = layout.word(id(owner) + layout.LIST_ITEMS)
            self._word(owner, layout.LIST_ITEMS, place)
            for i, x in enumerate(values):
                self._expect(place + 8 * i, id(x))
            self.keep.append(list(values))

    def data(self, array: np.ndarray) -> None:
        """An array's memory stays where it is, and its shape what it is."""
        at = id(array)
        self._word(array, layout.ARRAY_DATA, layout.word(at + layout.ARRAY_DATA))
        self._word(array, layout.ARRAY_NDIM, layout.word(at + layout.ARRAY_NDIM))
        if array.ndim:
            dims = layout.word(at + layout.ARRAY_DIMS)
            self._word(array, layout.ARRAY_DIMS, dims)
            for i, n in enumerate(array.shape):
                self._expect(dims + 8 * i, n)

    def references(self, x: Any) -> None:
        """Nobody more, and nobody less, refers to an object than when the tables were made."""
        self._counted.append(x)

    def entry(self, owner: dict[Any, Any], key: Any, value: Any) -> None:
        """`owner[key] is value`."""
        self._of_dict(owner)
        self._entries.append((id(owner), id(key), id(value)))
        self.keep += [key, value]

    def absent(self, owner: dict[Any, Any], key: Any) -> None:
        """`key not in owner`."""
        self._of_dict(owner)
        self._entries.append((id(owner), id(key), 0))
        self.keep.append(key)

    def whole(self, owner: dict[Any, Any], pairs: Iterable[tuple[Any, Any]] | None = None) -> None:
        """A dict holds these keys and values, in this order; by default those of now."""
        self._of_dict(owner)
        pairs = list(owner.items() if pairs is None else pairs)
        self._dicts.append([id(owner), len(pairs), *(id(x) for pair in pairs for x in pair)])
        self.keep.append(pairs)

    def _of_dict(self, owner: Any) -> None:
        if type(owner) not in (dict, defaultdict):  # others may have an order of their own
            raise Unwatchable(f"a {type(owner).__name__} in place of a dict")
        self.keep.append(owner)

    def _word(self, owner: Any, place: int, value: int) -> None:
        self._expect(id(owner) + place, value)
        self.keep.append(owner)

    def _expect(self, place: int, value: int) -> None:
        if self._words.setdefault(place, value) != value:
            raise Unwatchable("something changed meanwhile")

    # --- the tables -------------------------------------------------------------------------------------------------

    def tables(self) -> list[np.ndarray]:
        """Words, entries and dicts; from now on references are counted, so nothing may be added."""
        places = [id(x) for x in self._counted]
        self.keep.append(self._counted)
        self._counted = []
        words = [*self._words.items(), *((place, layout.word(place)) for place in places)]
        flat = [x for row in self._dicts for x in row]
        return [
            np.array(words, np.uint64).reshape(-1, 2), np.array(self._entries, np.uint64).reshape(-1, 3),
            np.array([len(self._dicts), *flat], np.uint64),
        ]  # fmt: skip
