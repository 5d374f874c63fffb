"""Averages of the weights along the way: stochastic weight averaging, and exponential moving averages."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..autograd.modes import no_grad
from ..effects import perform
from ..nn import Module
from ..overwrites import mark_overwritten
from ..tensor import Tensor
from .lr_scheduler.base import LRScheduler
from .lr_scheduler.cosine import half_cosine
from .optimizer import Optimizer

__all__ = ["SWALR", "AveragedModel", "get_ema_avg_fn", "get_swa_avg_fn", "update_bn"]

Average = Callable[[Tensor, Tensor, Any], Any]


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """An exponential moving average: mean ← decay · mean + (1 − decay) · value.

    Raises:
        ValueError: if decay is not in [0, 1].
    """
    if not 0 <= decay <= 1:
        raise ValueError(f"get_ema_avg_fn: expected 0 <= decay <= 1, got {decay}")

    def average(mean: Any, value: Any, count: Any) -> Any:
        return decay * mean + (1 - decay) * value

    return average


def get_swa_avg_fn() -> Average:
    """The plain average of all values so far."""

    def average(mean: Any, value: Any, count: Any) -> Any:
        return mean + (value - mean) / (count + 1)

    return average


class AveragedModel(Module):
    """A copy of a model whose parameters are averages of the model's along the training.

    Equal weights give stochastic weight averaging (Izmailov et al. 2018), `get_ema_avg_fn` an exponential moving
    average (Polyak & Juditsky 1992). Models with batch normalization need `update_bn` afterwards, or
    `use_buffers=True`.

    Args:
        model: the model that is trained. The copy starts with its values.
        device: only "cpu" exists.
        avg_fn: `avg_fn(mean, value, count)` gives the new mean; the default is the plain average.
        multi_avg_fn: `multi_avg_fn(means, values, count)` changes lists of tensors in place instead.
        use_buffers: average the model's buffers too (such as running means); else they are copied.

    Attributes:
        module: the averaged copy.
        n_averaged: how often `update_parameters` was called.

    Raises:
        ValueError: if both functions are given.

    Example:
        >>> import tinygrad_course as tc
        >>> model = tc.nn.Linear(1, 1)
        >>> average = tc.optim.swa_utils.AveragedModel(model)
        >>> for value in [1.0, 2.0, 6.0]:
        ...     _ = tc.nn.init.constant_(model.weight, value)
        ...     average.update_parameters(model)
        >>> average.module.weight.item()
        3.0
    """

    n_averaged: Tensor

    def __init__(
        self, model: Module, device: Any = None, avg_fn: Average | None = None,
        multi_avg_fn: Callable[[list[Tensor], list[Tensor], Any], None] | None = None, use_buffers: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise ValueError("AveragedModel: give avg_fn or multi_avg_fn, not both")
        if device is not None:
            from ..device import device as check_device

            check_device(device)
        self.module = copy.deepcopy(model)
        self.register_buffer("n_averaged", Tensor._wrap(np.zeros((), np.int64)))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Take the model's present values into the average."""
        owned = [*self.parameters(), *self.buffers()]
        perform(self._update, model, owner=self, name="update_parameters", touches=lambda: owned)

    def _update(self, model: Module) -> None:
        means: list[Tensor] = list(self.module.parameters())
        values: list[Tensor] = list(model.parameters())
        buffers = list(zip(self.module.buffers(), model.buffers()))
        if self.use_buffers:
            means += [mean for mean, _ in buffers]
            values += [value for _, value in buffers]
        count = int(self.n_averaged.array)
        with no_grad():
            if count and self.multi_avg_fn is not None:
                self.multi_avg_fn([m.detach() for m in means], [v.detach() for v in values], count)
            else:
                average = self.avg_fn or get_swa_avg_fn()
                for mean, value in zip(means, values):
                    # Counts and the like are copied: an average of integers would be cut off.
                    whole = not count or mean.array.dtype.kind != "f"
                    new = value if whole else average(mean.detach(), value.detach(), count)
                    _overwrite(mean, new)
        if not self.use_buffers:
            for ours, theirs in buffers:
                _overwrite(ours, theirs)
        self.n_averaged.array[...] = count + 1


def _overwrite(tensor: Tensor, value: Any) -> None:
    tensor.array[...] = getattr(value, "array", value)
    mark_overwritten(tensor.array)


def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the running statistics of a model's batch normalization afresh, from one pass over the data.

    Args:
        loader: gives batches: tensors, or tuples and lists whose first entry is the input.
        model: its layers with running statistics are updated; it is in its former mode afterwards.
        device: only "cpu" exists.
    """
    momenta: dict[Any, Any] = {}
    for layer in model.modules():
        if getattr(layer, "running_mean", None) is not None and hasattr(layer, "reset_running_stats"):
            layer.reset_running_stats()
            momenta[layer] = layer.momentum
            layer.momentum = None  # the plain average over all batches
    if not momenta:
        return
    training = model.training
    model.train()
    try:
        with no_grad():
            for batch in loader:
                model(batch[0] if isinstance(batch, (tuple, list)) else batch)
    finally:
        for layer, momentum in momenta.items():
            layer.momentum = momentum
        model.train(training)


class SWALR(LRScheduler):
    """Moves the rate to the constant `swa_lr` of stochastic weight averaging, in `anneal_epochs` epochs.

    Args:
        optimizer: whose rates are set.
        swa_lr: the rate to reach, for all groups or for each.
        anneal_epochs: how long it takes.
        anneal_strategy: "cos" or "linear".
        last_epoch: see `LRScheduler`.

    Raises:
        ValueError: if an option is out of its range.
    """

    def __init__(
        self, optimizer: Optimizer, swa_lr: float | list[float], anneal_epochs: int = 10, anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:  # fmt: skip
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f'SWALR: expected anneal_strategy "cos" or "linear", got {anneal_strategy!r}')
        if anneal_epochs < 0 or anneal_epochs != math.floor(anneal_epochs):
            raise ValueError(f"SWALR: expected an integer anneal_epochs >= 0, got {anneal_epochs}")
        groups = optimizer.param_groups
        goals = swa_lr if isinstance(swa_lr, (list, tuple)) else [swa_lr] * len(groups)
        if len(goals) != len(groups):
            raise ValueError(f"SWALR: got {len(goals)} values of swa_lr for {len(groups)} parameter groups")
        for group, goal in zip(groups, goals):
            group["swa_lr"] = goal
        self.anneal_epochs = anneal_epochs
        self.anneal_strategy = anneal_strategy
        super().__init__(optimizer, last_epoch)

    def _share(self, step: int) -> float:
        """How much of the way is gone."""
        t = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return 1 - half_cosine(t) if self.anneal_strategy == "cos" else t

    def get_lr(self) -> list[float]:
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._share(step - 1), self._share(step)
        rates = []
        for group in self.optimizer.param_groups:
            goal = group["swa_lr"]
            # The rate that the way began with; another scheduler may have changed it meanwhile.
            start = goal if before == 1 else (group["lr"] - before * goal) / (1 - before)
            rates.append(goal * now + start * (1 - now))
        return rates
