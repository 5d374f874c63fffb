"""Rates that fall along a half cosine (Loshchilov and Hutter, "SGDR", 2017)."""

from __future__ import annotations

import math

from ..optimizer import Optimizer
from .base import LRScheduler

__all__ = ["CosineAnnealingLR", "CosineAnnealingWarmRestarts"]


def half_cosine(done: float) -> float:
    """1 at 0, 0 at 1, along (1 + cos πx) / 2."""
    return (1 + math.cos(math.pi * done)) / 2


class CosineAnnealingLR(LRScheduler):
    """Falls along a half cosine from the first rate to `eta_min` in `T_max` epochs; then rises the same way.

    The rate in force is scaled, so that it goes together with others in a `ChainedScheduler`.
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        e = self.last_epoch
        if e == 0:
            return self._rates()
        if self._step_count == 1:  # resumed
            return self._lr_at(e)
        before = half_cosine((e - 1) / self.T_max)
        if (e - 1 - self.T_max) % (2 * self.T_max) == 0:  # the rate was eta_min, which no factor can raise
            rise = half_cosine(1 - 1 / self.T_max)
            return [lr + (base - self.eta_min) * rise for lr, base in zip(self._rates(), self.base_lrs)]
        ratio = half_cosine(e / self.T_max) / before
        return [self.eta_min + (lr - self.eta_min) * ratio for lr in self._rates()]

    def _lr_at(self, epoch: int) -> list[float]:
        share = half_cosine(epoch / self.T_max)
        return [self.eta_min + (base - self.eta_min) * share for base in self.base_lrs]


class CosineAnnealingWarmRestarts(LRScheduler):
    """Falls along a half cosine to `eta_min`, then starts again at the first rate.

    Args:
        optimizer: whose rates are set.
        T_0: epochs until the first restart.
        T_mult: each period is this many times as long as the one before.
        eta_min: the lowest rate.
        last_epoch: see `LRScheduler`.
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        if T_0 <= 0 or int(T_0) != T_0:
            raise ValueError(f"CosineAnnealingWarmRestarts: expected an integer T_0 > 0, got {T_0}")
        if T_mult < 1 or int(T_mult) != T_mult:
            raise ValueError(f"CosineAnnealingWarmRestarts: expected an integer T_mult >= 1, got {T_mult}")
        self.T_0 = self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        share = half_cosine(self.T_cur / self.T_i)
        return [self.eta_min + (base - self.eta_min) * share for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Go to the next epoch, or to the given one, which may be a fraction: `step(epoch + batch / batches)`."""
        if epoch is None:
            epoch = max(self.last_epoch + 1, 0)
        if epoch < 0:
            raise ValueError(f"CosineAnnealingWarmRestarts: expected an epoch >= 0, got {epoch}")
        begin, length = 0, self.T_0
        if self.T_mult == 1:
            begin = int(epoch // self.T_0) * self.T_0
        else:
            while epoch >= begin + length:
                begin += length
                length *= self.T_mult
        self.T_cur, self.T_i = epoch - begin, length
        super().step(math.floor(epoch))
