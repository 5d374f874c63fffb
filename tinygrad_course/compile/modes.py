"""The modes of a thread (gradients on or off, who watches, dtypes, kernels) as conditions for native code."""

from __future__ import annotations

import ctypes
import threading
from typing import Any

from .. import dtypes
from ..config import config
from ..graph import state
from .watch import Unwatchable, Watch

__all__ = ["watch_modes"]


def _number() -> int:
    """The number of this thread; no other thread ever gets it."""
    python = ctypes.pythonapi
    python.PyThreadState_Get.restype, python.PyThreadState_Get.argtypes = ctypes.c_void_p, ()
    python.PyThreadState_GetID.restype, python.PyThreadState_GetID.argtypes = ctypes.c_uint64, (ctypes.c_void_p,)
    return int(python.PyThreadState_GetID(python.PyThreadState_Get()))


def watch_modes(watch: Watch, grad: bool, inference: bool, default: Any) -> int:
    """Add the conditions that these are the thread's modes, nobody watches, and kernels are on; gives its number.

    What a thread sets is an entry of a dict of its own; what it never set is the class's.

    Raises:
        Unwatchable: if that is not so now.
    """
    if not isinstance(state, threading.local):
        raise Unwatchable("modes that are kept elsewhere")
    own: dict[str, Any] = vars(state)
    for name, wanted in {"grad": grad, "inference": inference, "observers": ()}.items():
        if getattr(state, name) is not wanted:
            raise Unwatchable(f"{name} is another")
        if name in own:
            watch.entry(own, name, wanted)
        else:
            watch.absent(own, name)
    watch.entry(vars(dtypes), "_default", default)
    watch.entry(vars(config), "native", True)
    return _number()
