"""CUDA as seen by ordinary scripts: there is none, and they can ask.

What asks or waits answers as on a machine without a GPU; what needs one raises RuntimeError. `manual_seed` does
nothing, as PyTorch's does without a GPU: `tc.manual_seed` seeds everything there is.
"""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = [
    "current_device", "device_count", "empty_cache", "get_device_name", "get_device_properties", "init",
    "ipc_collect", "is_available", "is_initialized", "manual_seed", "manual_seed_all", "max_memory_allocated",
    "max_memory_reserved", "mem_get_info", "memory_allocated", "memory_reserved", "memory_summary",
    "reset_max_memory_allocated", "reset_peak_memory_stats", "seed", "seed_all", "set_device", "synchronize",
]  # fmt: skip


def is_available() -> bool:
    """False: this package computes on the CPU."""
    return False


def is_initialized() -> bool:
    """False: there is nothing to initialize."""
    return False


def device_count() -> int:
    """0."""
    return 0


def _nothing(*args: Any, **kwargs: Any) -> None:
    """Does nothing: there is no GPU."""


empty_cache = ipc_collect = synchronize = manual_seed = manual_seed_all = seed = seed_all = _nothing
reset_max_memory_allocated = reset_peak_memory_stats = _nothing


def _zero(device: Any = None) -> int:
    """0: there is no GPU, so none of its memory is in use."""
    return 0


memory_allocated = memory_reserved = max_memory_allocated = max_memory_reserved = _zero


def memory_summary(device: Any = None, abbreviated: bool = False) -> str:
    """Say that there is no GPU."""
    return "no CUDA device"


def _refuse(name: str) -> NoReturn:
    raise RuntimeError(f"cuda.{name}: there is no CUDA device here; ask tc.cuda.is_available() first")


def init() -> NoReturn:
    """Raise RuntimeError: there is no GPU."""
    _refuse("init")


def current_device() -> NoReturn:
    """Raise RuntimeError: there is no GPU."""
    _refuse("current_device")


def set_device(device: Any) -> NoReturn:
    """Raise RuntimeError: there is no GPU."""
    _refuse("set_device")


def get_device_name(device: Any = None) -> NoReturn:
    """Raise RuntimeError: there is no GPU."""
    _refuse("get_device_name")


def get_device_properties(device: Any = None) -> NoReturn:
    """Raise RuntimeError: there is no GPU."""
    _refuse("get_device_properties")


def mem_get_info(device: Any = None) -> NoReturn:
    """Raise RuntimeError: there is no GPU."""
    _refuse("mem_get_info")
