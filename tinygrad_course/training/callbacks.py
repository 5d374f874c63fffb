"""Callbacks: code of one's own at fixed points of the training."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .trainer import Trainer

__all__ = ["Callback"]


class Callback:
    """Base class; override what you need. Each method gets the trainer, whose attributes tell where it is.

    A callback may call `trainer.stop()`, and read or change the model, the optimizer and `trainer.history`. One that
    remembers something gives it in `state_dict`, and gets it back in `load_state_dict` when a run is resumed.

    Example:
        >>> import tinygrad_course as tc
        >>> class StopWhenGood(tc.training.Callback):
        ...     def on_epoch_end(self, trainer):
        ...         if trainer.history["loss"][-1] < 0.1:
        ...             trainer.stop()
    """

    def on_fit_start(self, trainer: Trainer) -> None:
        """Before the first step of a call of `fit`."""

    def on_epoch_start(self, trainer: Trainer) -> None:
        """Before each epoch, and before the rest of one that is resumed."""

    def on_step_end(self, trainer: Trainer) -> None:
        """After each update of the parameters; `trainer.last_loss` is the loss before it."""

    def on_epoch_end(self, trainer: Trainer) -> None:
        """After each epoch and its validation; `trainer.history` has the epoch's values already."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """When `fit` returns, also after Ctrl-C (then `trainer.interrupted` is True); not after an error."""

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must keep: tensors, numbers, strings, dicts, lists."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""


class _Function(Callback):
    def __init__(self, function: Callable[[Trainer], Any]) -> None:
        self._function = function

    def on_epoch_end(self, trainer: Trainer) -> None:
        self._function(trainer)


def as_callback(callback: Any) -> Callback:
    """A callback as it is; a plain function as one that is called after each epoch."""
    if isinstance(callback, Callback):
        return callback
    if isinstance(callback, type) or not callable(callback):
        raise TypeError(f"Trainer: a callback must be a Callback or a function of the trainer, got {callback!r:.60}")
    return _Function(callback)
