"""Running means over the samples of an epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["Means"]


class Means:
    """Means of the loss and of metrics, each batch weighted by its number of samples."""

    def __init__(self, state: Mapping[str, Any] | None = None) -> None:
        self.samples: int = state["samples"] if state else 0
        self._sums: dict[str, float] = dict(state["sums"]) if state else {}

    def add(self, loss: float, metrics: Mapping[str, Any], size: int) -> None:
        """Add a batch of `size` samples."""
        self.samples += size
        for name, value in {"loss": loss, **metrics}.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(value) * size

    def values(self) -> dict[str, float]:
        """The means so far, by name."""
        return {name: total / self.samples for name, total in self._sums.items()}

    def state(self) -> dict[str, Any]:
        """What `Means(state)` starts from."""
        return {"samples": self.samples, "sums": dict(self._sums)}
