"""Progress on the screen: a bar where there is a terminal (or notebook) and tqdm, and one line per epoch."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

__all__ = ["Progress"]


class Progress:
    """What one call of `fit` shows; with `show=False` nothing."""

    def __init__(self, show: bool, epochs: int) -> None:
        self._show = show
        self._epochs = epochs
        self._bar: Any = None
        self._started = time.perf_counter()

    def epoch_begins(self, epoch: int, batches: int | None, done: int) -> None:
        """Begin an epoch of `batches` batches, `done` of which are done."""
        self._started = time.perf_counter()
        if self._show and (sys.stderr.isatty() or "ipykernel" in sys.modules):
            try:
                from tqdm.auto import tqdm
            except ImportError:
                return
            title = f"epoch {epoch}/{self._epochs}"
            self._bar = tqdm(total=batches, initial=done, desc=title, leave=False, unit="batch")

    def advance(self, batches: int, loss: float) -> None:
        """Some more batches are done."""
        if self._bar is not None:
            self._bar.set_postfix(loss=f"{loss:.4g}", refresh=False)
            self._bar.update(batches)

    def epoch_ends(self, epoch: int, values: Mapping[str, Any]) -> None:
        """Print the epoch's line."""
        self.close()
        if self._show:
            seconds = time.perf_counter() - self._started
            shown = "   ".join(f"{name} {value:.4g}" for name, value in values.items() if value is not None)
            print(f"epoch {epoch:{len(str(self._epochs))}d}/{self._epochs}   {shown}   {seconds:.1f} s", flush=True)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
