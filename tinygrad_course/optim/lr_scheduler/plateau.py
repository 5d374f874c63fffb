"""A rate that falls when the network stops learning."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..optimizer import Optimizer
from .base import check_optimizer

__all__ = ["ReduceLROnPlateau"]


class ReduceLROnPlateau:
    """When the network stops learning, divide the learning rate by 10 (lecture ch. 8).

    Call `step(metric)` after every epoch, best with the loss on the validation set.

    Args:
        optimizer: whose rates are set.
        mode: "min" if the metric should fall, "max" if it should rise.
        factor: what the rate is multiplied by.
        patience: how many epochs without improvement are tolerated.
        threshold: what counts as an improvement...
        threshold_mode: ...as a share of the best value ("rel") or as a difference ("abs").
        cooldown: epochs after a reduction that are not counted.
        min_lr: no rate falls below; one for all groups or one for each.
        eps: a smaller change of the rate is not made.

    Raises:
        ValueError: if an option is out of its range.

    Example:
        >>> import tinygrad_course as tc
        >>> optimizer = tc.optim.SGD([tc.tensor([1.0])], lr=1.0)
        >>> scheduler = tc.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)
        >>> for loss in [5.0, 4.0, 4.0, 4.0]:
        ...     scheduler.step(loss)
        >>> scheduler.get_last_lr()
        [0.1]
    """

    def __init__(
        self, optimizer: Optimizer, mode: str = "min", factor: float = 0.1, patience: int = 10, threshold: float = 1e-4,
        threshold_mode: str = "rel", cooldown: int = 0, min_lr: float | Sequence[float] = 0, eps: float = 1e-8,
    ) -> None:  # fmt: skip
        if not factor < 1:
            raise ValueError(f"ReduceLROnPlateau: expected factor < 1, got {factor}")
        if mode not in ("min", "max"):
            raise ValueError(f'ReduceLROnPlateau: expected mode "min" or "max", got {mode!r}')
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(f'ReduceLROnPlateau: expected threshold_mode "rel" or "abs", got {threshold_mode!r}')
        self.optimizer = check_optimizer(self, optimizer)
        groups = optimizer.param_groups
        self.min_lrs = list(min_lr) if isinstance(min_lr, (list, tuple)) else [min_lr] * len(groups)
        if len(self.min_lrs) != len(groups):
            raise ValueError(f"ReduceLROnPlateau: got {len(self.min_lrs)} min_lr for {len(groups)} parameter groups")
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.eps = eps
        self.best = math.inf if mode == "min" else -math.inf
        self.cooldown_counter = 0
        self.num_bad_epochs = 0
        self.last_epoch = 0
        self._last_lr = [group["lr"] for group in groups]

    def is_better(self, value: float, best: float) -> bool:
        """Whether a metric counts as an improvement on the best so far."""
        sign = 1 if self.mode == "min" else -1
        if self.threshold_mode == "abs":
            return sign * value < sign * best - self.threshold
        if math.isinf(best):
            return sign * value < sign * best
        return sign * value < sign * best * (1 - sign * self.threshold)

    def step(self, metrics: Any, epoch: int | None = None) -> None:
        """Take note of this epoch's metric, and lower the rates if it has not improved for too long."""
        value = float(metrics)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self.is_better(value, self.best):
            self.best = value
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            for group, low in zip(self.optimizer.param_groups, self.min_lrs):
                lr = max(group["lr"] * self.factor, low)
                if group["lr"] - lr > self.eps:
                    group["lr"] = lr
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    def get_last_lr(self) -> list[float]:
        """The rates that were set last, one per group."""
        return self._last_lr

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer."""
        return {k: v for k, v in self.__dict__.items() if k != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` saved."""
        self.__dict__.update(state_dict)
