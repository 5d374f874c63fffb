"""Schedulers made of schedulers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from ...effects import repeatable
from ..optimizer import Optimizer
from .base import LRScheduler
from .plateau import ReduceLROnPlateau

__all__ = ["ChainedScheduler", "SequentialLR"]


def _of_one_optimizer(name: str, schedulers: Sequence[Any], optimizer: Any) -> None:
    if not schedulers:
        raise ValueError(f"{name}: expected at least one scheduler")
    for i, scheduler in enumerate(schedulers):
        if isinstance(scheduler, ReduceLROnPlateau):
            raise ValueError(f"{name}: ReduceLROnPlateau needs a metric in step(); call it by itself")
        if not isinstance(scheduler, (LRScheduler, ChainedScheduler, SequentialLR)):
            raise TypeError(f"{name}: scheduler {i} is a {type(scheduler).__name__}")
        if scheduler.optimizer is not optimizer:
            raise ValueError(f"{name}: scheduler {i} belongs to another optimizer; all must share one")


class _Compound:
    """State of schedulers within a scheduler."""

    optimizer: Optimizer
    _schedulers: list[Any]
    _last_lr: list[float]

    def get_last_lr(self) -> list[float]:
        """The rates that were set last, one per group."""
        return self._last_lr

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer; the parts' own states under "_schedulers"."""
        state = {k: v for k, v in self.__dict__.items() if k not in ("optimizer", "_schedulers")}
        return state | {"_schedulers": [scheduler.state_dict() for scheduler in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` saved."""
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"]):
            scheduler.load_state_dict(state)
        self.__dict__.update({k: v for k, v in state_dict.items() if k != "_schedulers"})


class ChainedScheduler(_Compound):
    """All schedulers at once: each changes the rate that the one before has set.

    Args:
        schedulers: the schedulers, of one optimizer.
        optimizer: that optimizer; default: the first scheduler's.
    """

    def __init__(self, schedulers: Sequence[Any], optimizer: Optimizer | None = None) -> None:
        self._schedulers = list(schedulers)
        first = getattr(self._schedulers[0], "optimizer", None) if self._schedulers else None
        _of_one_optimizer("ChainedScheduler", self._schedulers, optimizer or first)
        self.optimizer = self._schedulers[0].optimizer
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]

    @repeatable
    def step(self) -> None:
        """Step every scheduler, in order."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = [group["lr"] for group in self.optimizer.param_groups]


class SequentialLR(_Compound):
    """One scheduler after the other, for instance a warm-up and then a decay.

    Args:
        optimizer: whose rates are set.
        schedulers: the schedulers, in order.
        milestones: the epochs at which the second, third, ... take over; each then starts at its own epoch 0.

    Example:
        >>> import tinygrad_course as tc
        >>> optimizer = tc.optim.SGD([tc.tensor([1.0])], lr=1.0)
        >>> warm = tc.optim.lr_scheduler.ConstantLR(optimizer, factor=0.25, total_iters=2)
        >>> decay = tc.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
        >>> scheduler = tc.optim.lr_scheduler.SequentialLR(optimizer, [warm, decay], milestones=[2])
        >>> rates = []
        >>> for epoch in range(5):
        ...     rates += scheduler.get_last_lr()
        ...     optimizer.step()
        ...     scheduler.step()
        >>> rates
        [0.25, 0.25, 1.0, 0.5, 0.25]
    """

    def __init__(
        self, optimizer: Optimizer, schedulers: Sequence[Any], milestones: Sequence[int], last_epoch: int = -1
    ) -> None:
        _of_one_optimizer("SequentialLR", schedulers, optimizer)
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                f"SequentialLR: expected {len(schedulers) - 1} milestones for {len(schedulers)} schedulers, "
                f"got {len(milestones)}"
            )
        self.optimizer = optimizer
        self._schedulers = list(schedulers)
        self._milestones = list(milestones)
        self.last_epoch = last_epoch + 1
        # Each scheduler has set its first rates when it was made; only the first one's may be in force.
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        for scheduler in self._schedulers:
            scheduler.last_epoch -= 1
        self._schedulers[0]._initial_step()
        self._last_lr = self._schedulers[0].get_last_lr()

    def _initial_step(self) -> None:
        self._schedulers[0]._initial_step()

    @repeatable
    def step(self) -> None:
        """Go to the next epoch: step the scheduler whose turn it is."""
        self.last_epoch += 1
        i = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[i]
        if i and self._milestones[i - 1] == self.last_epoch:
            scheduler.step(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()
