"""What the schedulers share."""

from __future__ import annotations

import warnings
from typing import Any

from ...effects import repeatable
from ..optimizer import Optimizer

__all__ = ["LRScheduler", "check_optimizer"]


def check_optimizer(scheduler: Any, optimizer: Any) -> Optimizer:
    """Raise TypeError if it is no optimizer."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(scheduler).__name__}: expected an Optimizer, got {type(optimizer).__name__}")
    return optimizer


class LRScheduler:
    """Base of the schedulers. A subclass defines `get_lr`.

    Args:
        optimizer: whose groups' "lr" is set; each group's rate at the start is kept as its "initial_lr".
        last_epoch: -1 to start; to resume without a state_dict, the number of the last epoch that was done.

    Attributes:
        last_epoch: how often `step` was called.
        base_lrs: the rates at the start, one per group.

    Raises:
        KeyError: if `last_epoch` is given, but a group has no "initial_lr".

    Example:
        >>> import tinygrad_course as tc
        >>> class Halving(tc.optim.lr_scheduler.LRScheduler):
        ...     def get_lr(self):
        ...         return [base * 0.5 ** self.last_epoch for base in self.base_lrs]
        >>> optimizer = tc.optim.SGD([tc.tensor([1.0])], lr=0.8)
        >>> scheduler = Halving(optimizer)
        >>> optimizer.step(); scheduler.step(); scheduler.step()
        >>> scheduler.get_last_lr()
        [0.2]
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = repeatable(cls.__dict__["step"])  # type: ignore[method-assign]

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = check_optimizer(self, optimizer)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise KeyError(
                    f'{type(self).__name__}: parameter group {i} has no "initial_lr", which resuming from last_epoch='
                    f"{last_epoch} needs; load the optimizer's state first"
                )
        self.base_lrs: list[float] = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._step_count = 0
        self._last_lr: list[float] = []
        self._initial_step()

    def _initial_step(self) -> None:
        """The call that sets the first rates."""
        self._step_count = 0
        self.step()

    def get_lr(self) -> list[float]:
        """The rates of this epoch, one per group; `self.last_epoch` has been advanced already."""
        raise NotImplementedError(f"{type(self).__name__}: a scheduler must define get_lr()")

    def _lr_at(self, epoch: int) -> list[float] | None:
        """The rates of an epoch in closed form, or None where there is none."""
        return None

    def _rates(self) -> list[float]:
        """The rates in force."""
        return [group["lr"] for group in self.optimizer.param_groups]

    def get_last_lr(self) -> list[float]:
        """The rates that were set last, one per group."""
        return self._last_lr

    @repeatable
    def step(self, epoch: int | None = None) -> None:
        """Go to the next epoch (or to the given one) and set its rates."""
        if self._step_count == 1 and not self.optimizer._steps_taken:
            warnings.warn(
                f"{type(self).__name__}.step() was called before optimizer.step(): the first rate is skipped; "
                "call optimizer.step() first",
                stacklevel=2,
            )
        self._step_count += 1
        rates = None
        if epoch is None:
            self.last_epoch += 1
        else:
            self.last_epoch = epoch
            rates = self._lr_at(epoch)
        for group, lr in zip(self.optimizer.param_groups, self.get_lr() if rates is None else rates):
            group["lr"] = lr
        self._last_lr = self._rates()

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer (and functions that were passed in)."""
        return {k: v for k, v in self.__dict__.items() if k != "optimizer" and not callable(v)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` saved. The optimizer's own state holds the rates: load that, too."""
        self.__dict__.update(state_dict)
