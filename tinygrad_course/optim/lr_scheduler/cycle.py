"""Rates that go up and down, batch by batch, and momentum the other way (L. N. Smith 2017, 2018)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from ..optimizer import Optimizer
from .base import LRScheduler, check_optimizer
from .cosine import half_cosine

__all__ = ["CyclicLR", "OneCycleLR"]


def _per_group(name: str, option: str, value: Any, optimizer: Optimizer) -> list[float]:
    count = len(optimizer.param_groups)
    if isinstance(value, (list, tuple)):
        if len(value) != count:
            raise ValueError(f"{name}: got {len(value)} values of {option} for {count} parameter groups")
        return list(value)
    return [value] * count


def _check_momentum(name: str, optimizer: Optimizer) -> None:
    if not {"momentum", "betas"} & optimizer.defaults.keys():
        raise ValueError(
            f"{name}: cycle_momentum=True needs an optimizer with momentum or betas, {type(optimizer).__name__} has "
            "neither; pass cycle_momentum=False"
        )


def _momentum(group: dict[str, Any]) -> float:
    return float(group["betas"][0] if "betas" in group else group["momentum"])


def _set_momentum(group: dict[str, Any], value: float) -> None:
    if "betas" in group:
        group["betas"] = (value, *group["betas"][1:])
    else:
        group["momentum"] = value


class OneCycleLR(LRScheduler):
    """One rise to `max_lr` and one long fall far below the start, while momentum does the opposite.

    Call `step` after every batch. (Smith & Topin, "Super-convergence", 2018.)

    Args:
        optimizer: whose rates, and momenta or first betas, are set.
        max_lr: the highest rate, one for all groups or one for each.
        total_steps: all steps; or give `epochs` and `steps_per_epoch`.
        epochs, steps_per_epoch: their product is the number of steps.
        pct_start: the share of the steps that rise.
        anneal_strategy: "cos" or "linear".
        cycle_momentum: whether momentum moves from `max_momentum` to `base_momentum` and back.
        base_momentum, max_momentum: its ends, for all groups or for each.
        div_factor: the first rate is max_lr / div_factor.
        final_div_factor: the last rate is the first / final_div_factor.
        three_phase: fall back to the first rate as fast as it rose, and then to the last one.
        last_epoch: see `LRScheduler`.

    Raises:
        ValueError: if the number of steps is not given, or an option is out of its range; in `step`, after the last.
    """

    def __init__(
        self, optimizer: Optimizer, max_lr: float | Sequence[float], total_steps: int | None = None,
        epochs: int | None = None, steps_per_epoch: int | None = None, pct_start: float = 0.3,
        anneal_strategy: str = "cos", cycle_momentum: bool = True, base_momentum: float | Sequence[float] = 0.85,
        max_momentum: float | Sequence[float] = 0.95, div_factor: float = 25.0, final_div_factor: float = 1e4,
        three_phase: bool = False, last_epoch: int = -1,
    ) -> None:  # fmt: skip
        check_optimizer(self, optimizer)
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("OneCycleLR: give total_steps, or both epochs and steps_per_epoch")
            total_steps = epochs * steps_per_epoch
        if total_steps <= 0 or total_steps != int(total_steps):
            raise ValueError(f"OneCycleLR: expected a positive number of steps, got {total_steps}")
        if not 0 <= pct_start <= 1:
            raise ValueError(f"OneCycleLR: expected 0 <= pct_start <= 1, got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f'OneCycleLR: expected anneal_strategy "cos" or "linear", got {anneal_strategy!r}')
        self.total_steps = int(total_steps)
        self.anneal_strategy = anneal_strategy
        self.cycle_momentum = cycle_momentum
        top = pct_start * total_steps - 1
        if three_phase:
            self._ends = [top, 2 * top, total_steps - 1]
            self._points = ["initial_lr", "max_lr", "initial_lr", "min_lr"]
            self._momenta = ["max_momentum", "base_momentum", "max_momentum", "max_momentum"]
        else:
            self._ends = [top, total_steps - 1]
            self._points = ["initial_lr", "max_lr", "min_lr"]
            self._momenta = ["max_momentum", "base_momentum", "max_momentum"]
        if last_epoch == -1:
            for group, high in zip(optimizer.param_groups, _per_group("OneCycleLR", "max_lr", max_lr, optimizer)):
                group["initial_lr"] = high / div_factor
                group["max_lr"] = high
                group["min_lr"] = group["initial_lr"] / final_div_factor
        if cycle_momentum:
            _check_momentum("OneCycleLR", optimizer)
            if last_epoch == -1:
                for option, value in (("base_momentum", base_momentum), ("max_momentum", max_momentum)):
                    for group, m in zip(optimizer.param_groups, _per_group("OneCycleLR", option, value, optimizer)):
                        group[option] = m
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(f"OneCycleLR: step {step} of {self.total_steps}: the cycle is over; give more total_steps")
        phase = next((i for i, end in enumerate(self._ends) if step <= end), len(self._ends) - 1)
        begin = self._ends[phase - 1] if phase else 0
        done = (step - begin) / (self._ends[phase] - begin)
        share = 1 - half_cosine(done) if self.anneal_strategy == "cos" else done
        rates = []
        for group in self.optimizer.param_groups:
            rates.append(_between(group[self._points[phase]], group[self._points[phase + 1]], share))
            if self.cycle_momentum:
                ends = group[self._momenta[phase]], group[self._momenta[phase + 1]]
                _set_momentum(group, _between(*ends, share))
        return rates


def _between(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 - share)


class CyclicLR(LRScheduler):
    """Goes up and down between `base_lr` and `max_lr` for ever, while momentum does the opposite (Smith 2017).

    Call `step` after every batch.

    Args:
        optimizer: whose rates, and momenta or first betas, are set.
        base_lr, max_lr: the ends, for all groups or for each.
        step_size_up, step_size_down: steps of the way up, and of the way down (default: as many).
        mode: "triangular"; "triangular2" halves the height every cycle; "exp_range" scales it by gamma ** step.
        gamma: for "exp_range".
        scale_fn: a function that scales the height, in place of `mode`.
        scale_mode: whether `scale_fn` takes the number of the "cycle" or of the step ("iterations").
        cycle_momentum: whether momentum moves from `max_momentum` to `base_momentum` and back.
        base_momentum, max_momentum: its ends, for all groups or for each.
        last_epoch: see `LRScheduler`.
    """

    def __init__(
        self, optimizer: Optimizer, base_lr: float | Sequence[float], max_lr: float | Sequence[float],
        step_size_up: int = 2000, step_size_down: int | None = None, mode: str = "triangular", gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None, scale_mode: str = "cycle", cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.8, max_momentum: float | Sequence[float] = 0.9, last_epoch: int = -1,
    ) -> None:  # fmt: skip
        check_optimizer(self, optimizer)
        if scale_fn is None and mode not in ("triangular", "triangular2", "exp_range"):
            raise ValueError(f"CyclicLR: expected mode triangular, triangular2 or exp_range, got {mode!r}")
        if last_epoch == -1:
            for group, low in zip(optimizer.param_groups, _per_group("CyclicLR", "base_lr", base_lr, optimizer)):
                group["lr"] = group["initial_lr"] = low
        self.max_lrs = _per_group("CyclicLR", "max_lr", max_lr, optimizer)
        self.up = float(step_size_up)
        self.total = self.up + float(step_size_up if step_size_down is None else step_size_down)
        self.mode = mode
        self.gamma = gamma
        self.scale_fn = scale_fn
        self.by_cycle = scale_mode == "cycle" if scale_fn is not None else mode != "exp_range"
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            _check_momentum("CyclicLR", optimizer)
            self.base_momentums = _per_group("CyclicLR", "base_momentum", base_momentum, optimizer)
            self.max_momentums = _per_group("CyclicLR", "max_momentum", max_momentum, optimizer)
        super().__init__(optimizer, last_epoch)

    def _scale(self, x: float) -> float:
        if self.scale_fn is not None:
            return self.scale_fn(x)
        return {"triangular": 1.0, "triangular2": 0.5 ** (x - 1), "exp_range": self.gamma**x}[self.mode]

    def get_lr(self) -> list[float]:
        cycle = math.floor(1 + self.last_epoch / self.total)
        x = 1 + self.last_epoch / self.total - cycle  # where in the cycle, from 0 to 1
        turn = self.up / self.total
        height = x / turn if x <= turn else (x - 1) / (turn - 1)
        height *= self._scale(cycle if self.by_cycle else self.last_epoch)
        if self.cycle_momentum:
            for group, low, high in zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums):
                _set_momentum(group, high - (high - low) * height)
        return [low + (high - low) * height for low, high in zip(self.base_lrs, self.max_lrs)]
