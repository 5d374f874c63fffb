"""Trainer: the training loop, written once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from os import PathLike
from typing import Any

from ..autograd import enable_grad, no_grad
from ..nn import Module
from ..nn.utils import clip_grad_norm_, clip_grad_value_
from ..optim import Optimizer
from ..optim.lr_scheduler import ReduceLROnPlateau
from ..tensor import Tensor
from .batches import batches_of, generator_states, generators_of, length_of, restore_generators, size_of
from .callbacks import Callback, as_callback
from .checkpoints import Checkpoints, as_checkpoints
from .history import History
from .interrupt import Interrupt
from .means import Means
from .metrics import Metric, by_name
from .progress import Progress

__all__ = ["Trainer"]

AT_ONCE = 1000  # samples of whole tensors that are evaluated together: activations of all would fill the memory


class Trainer:
    """Train a model: what follows, with validation, metrics, a progress bar and checkpoints around it.

        for epoch in range(epochs):
            for x, y in train:
                optimizer.zero_grad()
                loss = criterion(model(x), y)
                loss.backward()
                optimizer.step()

    A loop of one's own does as well, and gives the same weights, bit for bit.

    Batch, stochastic and mini-batch learning (lecture, ch. 5) differ in how many samples' errors are accumulated before
    an update: the batch size times `accumulate`. The gradients of accumulated batches are averaged over their samples.

    Args:
        model: the network.
        optimizer: an optimizer of its parameters; also one that evaluates the loss repeatedly, such as LBFGS.
        loss: a criterion, `loss(output, target)`, a mean over the batch (or a sum, if its `reduction` is "sum").
        step: in place of `loss`, for anything unusual: `step(model, batch)` gives the loss, or (loss, metrics by name).
        metrics: functions `metric(output, target)` that give a mean over the batch; a list, or a dict by name.
        scheduler: a scheduler of the learning rate; a ReduceLROnPlateau gets the monitored value.
        schedule: when the scheduler steps: after each "epoch" or each "step".
        monitor: the name in the history that ReduceLROnPlateau and early stopping watch; by default the validation
            loss if there is one, else the loss.
        accumulate: batches per update, or "epoch" for all of them.
        clip_norm: the largest norm of all gradients together.
        clip_value: the largest absolute value in the gradients.
        callbacks: `Callback`s, such as `EarlyStopping`; a plain function is called with the trainer after each epoch.
        checkpoints: a `Checkpoints`, or the path of its folder.
        generators: random generators that the model or the data use, beside the default one and those of the
            DataLoaders and their samplers, which are known.
        progress: show a bar (with tqdm) and a line for each epoch.

    Attributes:
        history: a dict of lists, one value per epoch, that plots itself.
        epoch: how many epochs are done.
        steps: how many updates were made.
        last_loss: the loss at the last update.
        interrupted: True if `fit` was ended by Ctrl-C; call it again to go on.

    Raises:
        TypeError, ValueError: if the options do not go together.

    Example:
        >>> import tinygrad_course as tc
        >>> _ = tc.manual_seed(0)
        >>> x = tc.linspace(-1, 1, 20)[:, None]
        >>> model = tc.nn.Linear(1, 1)
        >>> optimizer = tc.optim.SGD(model.parameters(), lr=0.5)
        >>> trainer = tc.training.Trainer(model, optimizer, tc.nn.MSELoss(), progress=False)
        >>> history = trainer.fit((x, 3 * x + 1), epochs=50)
        >>> round(model.weight.item(), 2), round(model.bias.item(), 2), history["loss"][-1] < 1e-6
        (3.0, 1.0, True)
    """

    def __init__(
        self, model: Module, optimizer: Optimizer, loss: Callable[[Any, Any], Tensor] | None = None, *,
        step: Callable[[Any, Any], Any] | None = None, metrics: Mapping[str, Metric] | Iterable[Metric] = (),
        scheduler: Any = None, schedule: str = "epoch", monitor: str | None = None, accumulate: int | str = 1,
        clip_norm: float | None = None, clip_value: float | None = None,
        callbacks: Sequence[Callback | Callable[[Trainer], Any]] = (), progress: bool = True,
        checkpoints: Checkpoints | str | PathLike[str] | None = None, generators: Iterable[Any] = (),
    ) -> None:  # fmt: skip
        if (loss is None) == (step is None):
            raise TypeError("Trainer: pass either loss or step (one, and not both)")
        if schedule not in ("epoch", "step"):
            raise ValueError(f'Trainer: schedule must be "epoch" or "step", got {schedule!r}')
        if schedule == "step" and isinstance(scheduler, ReduceLROnPlateau):
            raise ValueError('Trainer: ReduceLROnPlateau needs a value of the whole epoch; use schedule="epoch"')
        if accumulate != "epoch" and (isinstance(accumulate, (bool, str)) or accumulate < 1):
            raise ValueError(f'Trainer: accumulate must be a number of batches or "epoch", got {accumulate!r}')
        if step is not None and metrics:
            raise TypeError("Trainer: with step there is no output to measure; return (loss, metrics by name) from it")
        self.model = model
        self.optimizer = optimizer
        self.loss = loss
        self.step = step
        self.metrics = by_name(metrics)
        self.scheduler = scheduler
        self.schedule = schedule
        self.monitor = monitor
        self.accumulate = accumulate
        self.clip_norm = clip_norm
        self.clip_value = clip_value
        self.callbacks = [as_callback(c) for c in callbacks]
        self.checkpoints = as_checkpoints(checkpoints)
        self.generators = list(generators)
        self.progress = progress
        self.history = History()
        self.epoch = 0
        self.steps = 0
        self.last_loss = math.nan
        self.interrupted = False
        self._averages = getattr(loss, "reduction", "mean") != "sum"
        self._stopping = False
        self._batches = 0  # of this epoch that are done
        self._means = Means()  # over them
        self._random: list[Any] = []  # the generators in use; what they were when this epoch began
        self._random_at_start: list[Any] = []
        self._random_to_restore: list[Any] | None = None

    # --- The loop -------------------------------------------------------------------------------------------------

    def fit(
        self, train: Any, epochs: int, validation: Any = None, *, batch_size: int | None = None, shuffle: bool = True,
        resume: bool = False,
    ) -> History:  # fmt: skip
        """Train until `epochs` epochs are done in all, counting those of earlier calls.

        Ctrl-C ends it after the step that is under way (pressed again, at once); another call goes on from there.

        Args:
            train: a DataLoader, a list of batches, a tuple of tensors (x, y), or a Dataset. A batch is (x, y), or with
                several inputs (x1, x2, ..., y); for `step` it may be anything.
            epochs: the number of the last epoch.
            validation: data to evaluate after each epoch.
            batch_size: cut tensors or a Dataset into batches of this size; by default tensors are one batch.
            shuffle: then take the samples in a new random order each epoch.
            resume: first take over the newest checkpoint, if there is one. The run then ends with the same bits as if
                it had not been interrupted, provided that data, model and options are those of the first run.

        Returns:
            The history.

        Raises:
            RuntimeError: if the loss is not finite; or if there are checkpoints and `resume` does not say to use them.
        """
        source = batches_of(train, batch_size, shuffle, "training")
        checking = None if validation is None else batches_of(validation, AT_ONCE, False, "validation")
        self._random = generators_of([source, checking], self.generators)
        self._stopping = self.interrupted = False
        self._take_up(resume)
        progress = Progress(self.progress, epochs)
        self.model.train()
        self._call("on_fit_start")
        with Interrupt() as interrupt:
            try:
                while self.epoch < epochs and not (self._stopping or interrupt.happened):
                    self._run_epoch(source, checking, progress, interrupt)
            finally:
                progress.close()
        self.interrupted = interrupt.happened and self.epoch < epochs and not self._stopping
        if self.interrupted and self.checkpoints is not None:
            self.checkpoints.write(self.state_dict(), self.steps)
        self._call("on_fit_end")
        return self.history

    def stop(self) -> None:
        """Have `fit` return after this step; for callbacks."""
        self._stopping = True

    def evaluate(self, data: Any) -> dict[str, float]:
        """Return the mean loss and metrics over data, in evaluation mode and without gradients.

        Args:
            data: as for `fit`.
        """
        modes = [(module, module.training) for module in self.model.modules()]
        means = Means()
        self.model.eval()
        try:
            with no_grad():
                for batch in batches_of(data, AT_ONCE, False, "evaluation"):
                    loss, metrics = self._forward(batch)
                    means.add(self._per_sample(float(loss), size_of(batch)), metrics, size_of(batch))
        finally:
            for module, mode in modes:
                module.training = mode
        if not means.samples:
            raise ValueError("Trainer: there are no batches to evaluate")
        return means.values()

    def _run_epoch(self, source: Iterable[Any], checking: Any, progress: Progress, interrupt: Interrupt) -> None:
        """One epoch, or what is left of it."""
        batches = self._open(source)
        progress.epoch_begins(self.epoch + 1, length_of(source), self._batches)
        self._call("on_epoch_start")
        while not (self._stopping or interrupt.happened):
            group = list(islice(batches, None if isinstance(self.accumulate, str) else self.accumulate))
            if not group:
                self._end_epoch(checking, progress)
                return
            self._update(group)
            progress.advance(len(group), self.last_loss)
            if self.checkpoints is not None and self.checkpoints.due(self.steps):
                self.checkpoints.write(self.state_dict(), self.steps)

    def _open(self, source: Iterable[Any]) -> Iterator[Any]:
        """The batches of this epoch that are not done yet.

        In the middle of an epoch they are drawn as they were the first time, from the random state at its beginning,
        and those that are done are passed over.
        """
        if not self._batches:
            self._random_at_start = generator_states(self._random)
            return iter(source)
        now = generator_states(self._random)
        restore_generators(self._random, self._random_at_start)
        batches = iter(source)
        for _ in islice(batches, self._batches):
            pass
        restore_generators(self._random, now)
        return batches

    def _update(self, group: list[Any]) -> None:
        """One update of the parameters, from the mean gradient over a group of batches."""
        sizes = [size_of(batch) for batch in group]
        measured: list[tuple[float, dict[str, Any]]] = []

        def closure() -> float:
            # Twice or more for optimizers that search along a line; the history has the first, as it was before.
            self.optimizer.zero_grad()
            total = 0.0
            for batch, size in zip(group, sizes):
                loss, metrics = self._forward(batch)
                value = float(loss)
                if not math.isfinite(value):
                    raise RuntimeError(self._not_finite(value))
                if isinstance(loss, Tensor) and loss.requires_grad:
                    (loss * (size / sum(sizes)) if self._averages and len(group) > 1 else loss).backward()
                elif all(p.grad is None for p in self._parameters()):
                    raise RuntimeError("Trainer: the loss has no graph, and no parameter has a gradient: was it made "
                                       "from detached values, or under no_grad()?")  # fmt: skip
                if len(measured) < len(group):
                    measured.append((value, metrics))
                total += value * size / sum(sizes) if self._averages else value
            if self.clip_norm is not None:
                clip_grad_norm_(self._parameters(), self.clip_norm)
            if self.clip_value is not None:
                clip_grad_value_(self._parameters(), self.clip_value)
            return total

        with enable_grad():
            self.optimizer.step(closure)
        self.last_loss = 0.0
        for (value, metrics), size in zip(measured, sizes):
            self.last_loss += value * size / sum(sizes) if self._averages else value
            self._means.add(self._per_sample(value, size), metrics, size)
        self.steps += 1
        self._batches += len(group)
        if self.scheduler is not None and self.schedule == "step":
            self.scheduler.step()
        self._call("on_step_end")

    def _forward(self, batch: Any) -> tuple[Any, dict[str, Any]]:
        """The loss of a batch, and its metrics."""
        if self.step is not None:
            result = self.step(self.model, batch)
            return result if isinstance(result, tuple) else (result, {})
        if not isinstance(batch, (tuple, list)) or len(batch) < 2:
            raise TypeError(
                f"Trainer: a batch must be (x, y), got {type(batch).__name__} of {size_of(batch)}; for batches of "
                "another form pass step=, a function of (model, batch) that gives the loss"
            )
        *inputs, target = batch
        output = self.model(*inputs)
        loss = self.loss(output, target)  # type: ignore[misc]
        if not self.metrics:
            return loss, {}
        seen = output.detach() if isinstance(output, Tensor) else output
        return loss, {name: metric(seen, target) for name, metric in self.metrics.items()}

    def _end_epoch(self, checking: Any, progress: Progress) -> None:
        if not self._means.samples:
            raise ValueError(f"Trainer: the training data gave no batches in epoch {self.epoch + 1}")
        values = self._means.values()
        if checking is not None:
            values |= {f"val_{name}": value for name, value in self.evaluate(checking).items()}
        values["lr"] = float(self.optimizer.param_groups[0].get("lr", math.nan))
        self.history.add(values)
        self.epoch += 1
        self._batches = 0
        self._means = Means()
        if self.scheduler is not None and self.schedule == "epoch":
            plateau = isinstance(self.scheduler, ReduceLROnPlateau)
            self.scheduler.step(*([self.monitored()] if plateau else []))
        progress.epoch_ends(self.epoch, values)
        self._call("on_epoch_end")
        if self.checkpoints is not None:
            self.checkpoints.write(self.state_dict(), self.steps)

    def monitored(self, name: str | None = None) -> float:
        """The last value of the quantity that is monitored, or of another in the history.

        Raises:
            KeyError: if the history has no such name.
        """
        name = name or self.monitor or ("val_loss" if self.history.get("val_loss", [None])[-1] is not None else "loss")
        if self.history.get(name, [None])[-1] is None:
            raise KeyError(f"Trainer: cannot monitor {name!r}: the epoch has only {', '.join(self.history)}")
        return float(self.history[name][-1])

    # --- State ----------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Everything that is needed to go on from here: what checkpoints hold, for `tc.save`."""
        return {
            "version": 1,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict() if self.scheduler is not None else {},
            "callbacks": [callback.state_dict() for callback in self.callbacks],
            "history": dict(self.history),
            "position": {
                "epoch": self.epoch, "steps": self.steps, "batches": self._batches, "stopped": self._stopping,
                "means": self._means.state(), "last_loss": self.last_loss,
            },
            "random": {"now": generator_states(self._random), "at_start": self._random_at_start},
        }  # fmt: skip

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave; the random states at the next `fit`, which knows the data's generators."""
        if len(state_dict["callbacks"]) != len(self.callbacks):
            raise RuntimeError(
                f"Trainer: the saved state has {len(state_dict['callbacks'])} callbacks, this trainer has "
                f"{len(self.callbacks)}; pass the same ones as before"
            )
        if bool(state_dict["scheduler"]) != (self.scheduler is not None):
            raise RuntimeError("Trainer: of the saved state and this trainer, one has a scheduler; pass the same")
        self.model.load_state_dict(state_dict["model"])
        self.optimizer.load_state_dict(state_dict["optimizer"])
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state_dict["scheduler"])
        for callback, state in zip(self.callbacks, state_dict["callbacks"]):
            callback.load_state_dict(state)
        self.history = History({name: list(column) for name, column in state_dict["history"].items()})
        position = state_dict["position"]
        self.epoch, self.steps, self._batches = position["epoch"], position["steps"], position["batches"]
        self._stopping, self.last_loss = position["stopped"], position["last_loss"]
        self._means = Means(position["means"])
        self._random_at_start = state_dict["random"]["at_start"]
        self._random_to_restore = state_dict["random"]["now"]
        self.optimizer._steps_taken = self.steps  # else a scheduler warns that no step was taken before its own

    def _take_up(self, resume: bool) -> None:
        """Load the newest checkpoint if asked, and see that nothing on disk would be mixed up with this run."""
        if resume:
            if self.checkpoints is None:
                raise ValueError("Trainer: resume=True needs checkpoints, in Trainer(..., checkpoints=folder)")
            state = self.checkpoints.read_newest()
            if state is not None:
                self.load_state_dict(state)
        elif self.checkpoints is not None and not self.steps and self.checkpoints.files():
            raise RuntimeError(
                f"Trainer: {self.checkpoints.folder} has checkpoints of an earlier run; go on with it by "
                "fit(..., resume=True), or use an empty folder"
            )
        if self._random_to_restore is not None:
            restore_generators(self._random, self._random_to_restore)
            self._random_to_restore = None

    # --- Small matters --------------------------------------------------------------------------------------------

    def _call(self, event: str) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(self)

    def _parameters(self) -> list[Tensor]:
        return [p for group in self.optimizer.param_groups for p in group["params"]]

    def _per_sample(self, loss: float, size: int) -> float:
        return loss if self._averages else loss / size

    def _not_finite(self, value: float) -> str:
        return (
            f"Trainer: the loss is {value} in epoch {self.epoch + 1}, step {self.steps + 1} (batch "
            f"{self._batches + 1} of the epoch); the parameters are those before this step. A lower learning rate or "
            "clip_norm= may help; tc.autograd.detect_anomaly() finds the operation"
        )
