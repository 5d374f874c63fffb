"""Early stopping: no further epochs once the network has stopped learning."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ..tensor import Tensor
from .callbacks import Callback

if TYPE_CHECKING:
    from .trainer import Trainer

__all__ = ["EarlyStopping"]


class EarlyStopping(Callback):
    """Stop when the monitored value has not improved for `patience` epochs, and go back to the best weights.

    Args:
        patience: how many epochs without improvement are tolerated.
        monitor: a name in the history; by default the trainer's `monitor`.
        mode: "min" if the value should fall, "max" if it should rise.
        min_delta: an improvement is more than this.
        restore_best: give the model its best weights when `fit` ends; not after Ctrl-C, so that it can go on.

    Attributes:
        best: the best value so far.
        best_epoch: its epoch, counted from 1; 0 before there is one.

    Raises:
        ValueError: if an option is out of its range.

    Example:
        >>> import tinygrad_course as tc
        >>> stopping = tc.training.EarlyStopping(patience=5, monitor="val_accuracy", mode="max")
    """

    def __init__(
        self, patience: int = 10, monitor: str | None = None, mode: str = "min", min_delta: float = 0.0,
        restore_best: bool = True,
    ) -> None:  # fmt: skip
        if mode not in ("min", "max"):
            raise ValueError(f'EarlyStopping: expected mode "min" or "max", got {mode!r}')
        if patience < 0 or min_delta < 0:
            raise ValueError(f"EarlyStopping: expected patience >= 0 and min_delta >= 0, got {patience}, {min_delta}")
        self.patience = patience
        self.monitor = monitor
        self.mode = mode
        self.min_delta = min_delta
        self.restore_best = restore_best
        self.best = math.inf if mode == "min" else -math.inf
        self.best_epoch = 0
        self._weights: dict[str, Any] = {}

    def on_epoch_end(self, trainer: Trainer) -> None:
        value = trainer.monitored(self.monitor)
        better = self.best - value if self.mode == "min" else value - self.best
        if better > self.min_delta:
            self.best = value
            self.best_epoch = trainer.epoch
            if self.restore_best:
                self._weights = {
                    name: Tensor._wrap(np.array(x.array)) if isinstance(x, Tensor) else x
                    for name, x in trainer.model.state_dict().items()
                }
        elif trainer.epoch - self.best_epoch > self.patience:
            trainer.stop()

    def on_fit_end(self, trainer: Trainer) -> None:
        if self._weights and not trainer.interrupted:
            trainer.model.load_state_dict(self._weights)

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "best_epoch": self.best_epoch, "weights": self._weights}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best = state_dict["best"]
        self.best_epoch = state_dict["best_epoch"]
        self._weights = state_dict["weights"]
