"""Where CPython and NumPy keep what a compiled function's door looks at in memory: found out here, not assumed.

Offsets are looked for by putting an object somewhere and finding its address there, or follow from sizes that Python
states; `agrees` then compares what is read that way with what Python says, for a number of objects. Where it does not
agree (another interpreter, a build without the lock, a version to come), compiled functions do without a door.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache
from types import CellType, FunctionType
from typing import Any

import numpy as np

__all__ = ["ARRAY_DATA", "ARRAY_DIMS", "ARRAY_DTYPE", "ARRAY_FLAGS", "ARRAY_NDIM", "LIST_ITEMS", "LIST_SIZE",
           "NEW_COPY", "TUPLE_ITEMS", "TYPE", "agrees", "numpy_function", "place", "slot", "word"]  # fmt: skip

_u64 = ctypes.c_uint64.from_address
_HEAD = object.__basicsize__  # every object's: the count of its references, its type

TYPE = _HEAD - 8
LIST_SIZE, LIST_ITEMS = _HEAD, _HEAD + 8
TUPLE_ITEMS = tuple.__basicsize__
# NumPy's PyArrayObject_fields: data, nd (an int), dimensions, strides, base, descr, flags (an int).
ARRAY_DATA, ARRAY_NDIM, ARRAY_DIMS = _HEAD, _HEAD + 8, _HEAD + 16
ARRAY_DTYPE, ARRAY_FLAGS = _HEAD + 40, _HEAD + 48
# Places in the table of functions that NumPy has for extensions (numpy/__multiarray_api.h); they never change.
_ABI_VERSION, NEW_COPY = 0, 85


def word(address: int) -> int:
    """The 8 bytes at an address."""
    return _u64(address).value


def slot(cls: type, name: str) -> int | None:
    """Where in an instance's memory a slot is."""
    return _offset(lambda mark: _with(cls, name, mark), cls.__basicsize__)


def _with(cls: type, name: str, mark: object) -> Any:
    made: Any = object.__new__(cls)
    setattr(made, name, mark)
    return made


def _offset(make: Callable[[object], Any], size: int) -> int | None:
    mark = object()
    made = make(mark)
    places = [i for i in range(_HEAD, size, 8) if word(id(made) + i) == id(mark)]
    return places[0] if len(places) == 1 else None


@cache
def cell() -> int | None:
    """Where a closure's cell keeps its object."""
    return _offset(CellType, CellType.__basicsize__)


def place(x: Any, name: str) -> int | None:
    """Where in an object's memory its class is, its dict, or a part of a function; None if that is not known."""
    if name == "__class__":
        return TYPE if type(x) is x.__class__ else None
    if name == "__dict__":  # in front of the object, or behind
        managed = (-32, -24) if type(x).__flags__ & 1 << 4 else ()
        places = [i for i in (*managed, *range(_HEAD, type(x).__basicsize__, 8)) if word(id(x) + i) == id(x.__dict__)]
        return places[0] if len(places) == 1 else None
    return _in_functions(name) if type(x) is FunctionType else None


@cache
def _in_functions(name: str) -> int | None:
    def sample() -> None:
        pass

    marks: dict[str, Any] = {"__code__": sample.__code__.replace(), "__defaults__": (object(),), "__kwdefaults__": {}}
    if name not in marks:
        return None
    setattr(sample, name, marks[name])
    size = FunctionType.__basicsize__
    places = [i for i in range(_HEAD, size, 8) if word(id(sample) + i) == id(marks[name])]
    return places[0] if len(places) == 1 else None


def numpy_function(index: int) -> int:
    """The address of a function of NumPy's interface for extensions."""
    from numpy._core import _multiarray_umath as core  # type: ignore[attr-defined]

    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    return word(get(core._ARRAY_API, None) + 8 * index)


@cache
def agrees() -> bool:
    """Whether all of the above holds in this interpreter."""
    if sys.implementation.name != "cpython" or not (3, 11) <= sys.version_info[:2] <= (3, 14):
        return False
    if not getattr(sys, "_is_gil_enabled", lambda: True)() or sys.byteorder != "little" or _HEAD != 16:
        return False
    try:
        return all(check() for check in (_counts, _sequences, _arrays, _copies)) and cell() is not None
    except (AttributeError, ImportError, OSError):
        return False


def _counts() -> bool:
    """An object's first word grows with the references to it; its type follows."""
    x = object()
    before = word(id(x))
    more = [x, x, x]
    return word(id(x)) == before + len(more) and word(id(x) + TYPE) == id(object)


def _sequences() -> bool:
    marks = [object() for _ in range(5)]
    fixed, items = tuple(marks), [*marks]
    return (
        word(id(items) + LIST_SIZE) == 5
        and all(word(word(id(items) + LIST_ITEMS) + 8 * i) == id(x) for i, x in enumerate(marks))
        and all(word(id(fixed) + TUPLE_ITEMS + 8 * i) == id(x) for i, x in enumerate(marks))
    )


def _arrays() -> bool:
    whole = np.arange(120.0, dtype=np.float32).reshape(2, 3, 20)
    read_only = whole.copy()
    read_only.flags.writeable = False
    for a in (whole, whole[1], whole[:, ::2], whole.T, whole.astype(np.float64)[:, 0, 0], read_only):
        at = id(a)
        if word(at + ARRAY_DATA) != a.ctypes.data or word(at + ARRAY_NDIM) & 0xFFFFFFFF != a.ndim:
            return False
        if tuple(word(word(at + ARRAY_DIMS) + 8 * i) for i in range(a.ndim)) != a.shape:
            return False
        flags = word(at + ARRAY_FLAGS) & 0xFFFFFFFF
        if word(at + ARRAY_DTYPE) != id(a.dtype) or flags & 0x707 != a.flags.num & 0x707:
            return False
    return True


def _copies() -> bool:
    """NumPy's interface is of the version that is known, and what makes copies is where it should be."""
    version = ctypes.CFUNCTYPE(ctypes.c_uint)(numpy_function(_ABI_VERSION))()
    if version >> 24 != 2:
        return False
    copy = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object, ctypes.c_int)(numpy_function(NEW_COPY))
    a = np.arange(6.0).reshape(2, 3)
    made = copy(a, 0)
    return type(made) is np.ndarray and made is not a and made.tolist() == a.tolist()
