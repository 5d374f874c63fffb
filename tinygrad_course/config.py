"""Settings of the whole process, as attributes of `tc.config`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["Config", "config"]

_CHOICES: dict[str, tuple[Any, ...]] = {
    "kernels": ("auto", "on", "off"),
    "winograd": ("fast", "accurate"),
    "log_kernels": (False, True),
}


def _kernels_from_environment() -> str:
    value = os.environ.get("TINYGRAD_COURSE_KERNELS", "").strip().lower()
    return {"0": "off", "off": "off", "1": "on", "on": "on"}.get(value, "auto")


class Config:
    """What can be set, with its checks.

    Attributes:
        kernels: "auto" runs native kernels where they exist (see `tc.native`), "off" runs NumPy only, in functions
            that were compiled before too (they record once more), "on" is as "auto" but raises where "auto" would
            quietly stay with NumPy altogether: without llvmlite, and on processors that the kernels have not been
            tried on. The environment variable TINYGRAD_COURSE_KERNELS (0, 1) sets it at the start.
        winograd: "fast" lets 3×3 convolutions take the larger tiles of Winograd's algorithm, whose rounding errors
            are a few 1e-6 of the largest value in float32; "accurate" keeps to the order of 1e-7.
        cache_dir: the folder of compiled kernels; None for the user's cache folder. The environment variable
            TINYGRAD_COURSE_CACHE sets it at the start; an empty one turns the cache off ("" does so here).
        log_kernels: count which kernels ran, and why others did not: see `tc.native.report`.

    Example:
        >>> import tinygrad_course as tc
        >>> with tc.config.set(kernels="off"):
        ...     y = tc.randn(100_000).exp()  # by NumPy
    """

    def __init__(self) -> None:
        self._values: dict[str, Any] = {
            "kernels": _kernels_from_environment(),
            "winograd": "fast",
            "cache_dir": os.environ.get("TINYGRAD_COURSE_CACHE"),
            "log_kernels": False,
        }
        # Others' quick copy of `kernels != "off"`.
        self.native = self._values["kernels"] != "off"

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_values"][name]
        except KeyError:
            raise AttributeError(f"config: there is no setting {name!r}; there are {self._names()}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("_values", "native"):
            object.__setattr__(self, name, value)
            return
        if name not in self._values:
            raise AttributeError(f"config: there is no setting {name!r}; there are {self._names()}")
        if name in _CHOICES and value not in _CHOICES[name]:
            allowed = ", ".join(map(repr, _CHOICES[name]))
            raise ValueError(f"config.{name}: expected one of {allowed}, got {value!r}")
        if name == "cache_dir":
            value = None if value is None else os.fspath(value)
        if name == "kernels" and value == "on":
            from .native import require

            require()
        self._values[name] = value
        if name == "kernels":
            self.native = value != "off"

    @contextmanager
    def set(self, **settings: Any) -> Iterator[Config]:
        """Set these for the duration of a `with` block. They hold for all threads."""
        before = {name: getattr(self, name) for name in settings}
        try:
            for name, value in settings.items():
                setattr(self, name, value)
            yield self
        finally:
            for name, value in before.items():
                self._values[name] = value
            self.native = self._values["kernels"] != "off"

    def _names(self) -> str:
        return ", ".join(self._values)

    def __dir__(self) -> list[str]:
        return sorted([*super().__dir__(), *self._values])

    def __repr__(self) -> str:
        return "Config(" + ", ".join(f"{name}={value!r}" for name, value in self._values.items()) + ")"


config = Config()
