"""Train a network as its solver.prototxt says."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ...autograd import no_grad
from ...overwrites import mark_overwritten
from ...random import manual_seed
from ..prototxt import Message
from .layers.inputs import Source
from .net import Net, read
from .rules import HISTORIES, learning_rate, rule
from .weights import CaffeFileError, load_weights, read_state, save_weights, write_state

__all__ = ["Solver"]

Path = str | os.PathLike[str]


class Solver:
    """Caffe's solver: its rules, learning-rate policies, regularization, tests, snapshots and resuming.

    Args:
        path: the solver's prototxt; the paths in it are relative to the working folder, or to the solver's.
        data: for data layers, see `load`.
        report: called with each line of the log; default: nothing is reported.

    Attributes:
        net: the network in its phase TRAIN.
        tests: the networks in their phase TEST, which share its parameters.
        iteration: how many steps have been done.
        losses: the loss of each step since the start.
        scores: for each test (iteration, {output: mean over the batches}).

    Raises:
        PrototxtError: if a text has an error.
        FileNotFoundError: if there is no such file.
    """

    def __init__(
        self, path: Path, *, data: dict[str, Any] | None = None, report: Callable[[str], None] | None = None
    ) -> None:
        m = self._message = read(path)
        self._folder = os.path.dirname(os.fspath(path))
        self.report = report or (lambda line: None)
        m.ignore("solver_mode", "device_id", "debug_info", "snapshot_diff", "average_loss", "layer_wise_reduce")
        if m.integer("random_seed", -1) >= 0:
            manual_seed(m.integer("random_seed"))
        shared = self._texts("net", "net_param")
        train = self._texts("train_net", "train_net_param") or shared
        tests = self._texts("test_net", "test_net_param") or (shared if "test_iter" in m else [])
        if len(train) != 1:
            raise m.error(f"solver: one network to train is needed (net or train_net), got {len(train)}")
        self.net = Net(train[0](), "TRAIN", data=data, stages=self._stages("train_state"))
        self.tests = []
        for text in tests:
            net = Net(text(), "TEST", data=data, stages=self._stages("test_state"))
            net.share_with(self.net)
            self.tests.append(net)
        self._read_options(m)
        m.check_all_known()
        self._history = [
            [np.zeros_like(p.array) for _ in range(HISTORIES.get(self.kind, 1))] for p, _, _ in self.net.learnable
        ]
        self.iteration = 0
        self.losses: list[float] = []
        self.scores: list[tuple[int, dict[str, float]]] = []

    def _texts(self, path_field: str, text_field: str) -> list[Callable[[], Message]]:
        """Readers of the networks that a pair of fields gives: each call gives a fresh message."""
        paths = self._message.all(path_field, str, "a string")
        texts = self._message.messages(text_field)
        found: list[Callable[[], Message]] = [partial(read, self._find(path)) for path in paths]
        return found + [partial(_same, text) for text in texts]

    def _find(self, path: str) -> str:
        beside = os.path.join(self._folder, path)
        near = os.path.join(self._folder, os.path.basename(path))
        return next((p for p in (path, beside, near) if os.path.exists(p)), path)

    def _stages(self, field: str) -> tuple[str, ...]:
        return tuple(stage for m in self._message.messages(field) for stage in m.all("stage", str, "a string"))

    def _read_options(self, m: Message) -> None:
        self.kind, self._rule = rule(m)
        self._rate = learning_rate(m)
        self.max_iter = m.integer("max_iter", 0, 0)
        self.iter_size = m.integer("iter_size", 1, 1)
        self.weight_decay = m.number("weight_decay", 0.0)
        self.regularization = m.text("regularization_type", "L2")
        if self.regularization not in ("L1", "L2"):
            raise m.error('solver: regularization_type must be "L1" or "L2"', "regularization_type")
        self.clip = m.number("clip_gradients", -1.0)
        self.display = m.integer("display", 0, 0)
        self.test_interval = m.integer("test_interval", 0, 0)
        self.test_first = m.flag("test_initialization", True)
        self.test_iter = [int(n) for n in m.all("test_iter", int, "an integer")]
        if len(self.test_iter) != len(self.tests):
            raise m.error(f"solver: {len(self.tests)} test nets need as many test_iter, got {len(self.test_iter)}")
        self.snapshot_interval = m.integer("snapshot", 0, 0)
        self.snapshot_prefix = m.text("snapshot_prefix", "snapshot")
        self.snapshot_last = m.flag("snapshot_after_train", "snapshot" in m)
        if m.choice("snapshot_format", "BINARYPROTO", "HDF5") == "HDF5":
            raise m.error("solver: snapshots are written as BINARYPROTO; HDF5 is not supported", "snapshot_format")

    # --- the loop -------------------------------------------------------------------------------------------------

    def solve(self, iterations: int | None = None) -> Solver:
        """Train up to `max_iter`, or so many iterations further; a snapshot comes at the end if the text wants it.

        Raises:
            FloatingPointError: if the loss is not finite.
        """
        end = self.max_iter if iterations is None else self.iteration + iterations
        started = time.perf_counter()
        while self.iteration < end:
            if self._is_due(self.test_interval) and (self.iteration or self.test_first):
                self.test()
            loss = self._step()
            if self.display and (self.iteration - 1) % self.display == 0:
                seconds = time.perf_counter() - started
                rate = self._rate(self.iteration - 1)
                self.report(f"iteration {self.iteration - 1}: loss {loss:.6g}, lr {rate:.6g}, {seconds:.1f} s")
            if self.snapshot_interval and self.iteration % self.snapshot_interval == 0:
                self.snapshot()
        if self.iteration >= self.max_iter:
            if self.snapshot_last and not (self.snapshot_interval and self.iteration % self.snapshot_interval == 0):
                self.snapshot()
            if self._is_due(self.test_interval):
                self.test()
        return self

    def _is_due(self, interval: int) -> bool:
        return bool(interval and self.tests) and self.iteration % interval == 0

    def _step(self) -> float:
        parameters = [p for p, _, _ in self.net.learnable]
        for p in parameters:
            p.grad = None
        total = 0.0
        for _ in range(self.iter_size):
            loss = self.net.loss(self.net.run())
            loss.backward()
            total += loss.item() / self.iter_size
        if not math.isfinite(total):
            raise FloatingPointError(
                f"Solver: the loss at iteration {self.iteration} is {total}; try a smaller base_lr, or clip_gradients"
            )
        self._update()
        self.iteration += 1
        self.losses.append(total)
        return total

    def _update(self) -> None:
        """In Caffe's order: clip, divide by iter_size, regularize, apply the rule."""
        learnable = [
            (p, p.grad.array, rate, decay, history)
            for (p, rate, decay), history in zip(self.net.learnable, self._history)
            if p.grad is not None
        ]
        factor = 1.0 / self.iter_size
        if self.clip > 0:
            norm = math.sqrt(sum(float(np.vdot(g, g)) for _, g, _, _, _ in learnable))
            factor *= min(1.0, self.clip / norm) if norm else 1.0
        for p, g, rate, decay, history in learnable:
            g = g * factor
            strength = self.weight_decay * decay
            if strength:
                g += strength * (p.array if self.regularization == "L2" else np.sign(p.array))
            p.array -= self._rule(g, self._rate(self.iteration) * rate, history, self.iteration + 1)
            mark_overwritten(p.array)

    def test(self) -> dict[str, float]:
        """Run the test nets and give the means of their outputs over `test_iter` batches."""
        scores: dict[str, float] = {}
        for i, (net, count) in enumerate(zip(self.tests, self.test_iter)):
            net.share_with(self.net)  # statistics of BatchNorm are new tensors after each step
            _rewind(net, 0)
            sums: dict[str, float] = {}
            with no_grad():
                for _ in range(count):
                    blobs = net.run()
                    for name in net.outputs:
                        sums[name] = sums.get(name, 0.0) + float(blobs[name].mean().item()) / count
            scores.update({name if i == 0 else f"{name}#{i}": value for name, value in sums.items()})
        self.scores.append((self.iteration, scores))
        shown = ", ".join(f"{name} {value:.4f}" for name, value in scores.items())
        self.report(f"iteration {self.iteration}: test {shown}")
        return scores

    # --- snapshots ------------------------------------------------------------------------------------------------

    def snapshot(self) -> str:
        """Write `PREFIX_iter_N.caffemodel` and `.solverstate`; gives the path of the latter."""
        stem = f"{self.snapshot_prefix}_iter_{self.iteration}"
        folder = os.path.dirname(stem)
        if folder:
            os.makedirs(folder, exist_ok=True)
        save_weights(self.net, f"{stem}.caffemodel")
        # all first arrays, then all second ones, as Caffe keeps them
        history = [h[k] for k in range(HISTORIES.get(self.kind, 1)) for h in self._history]
        write_state(f"{stem}.solverstate", self.iteration, os.path.basename(f"{stem}.caffemodel"), history, 0)
        self.report(f"iteration {self.iteration}: snapshot {stem}.solverstate")
        return f"{stem}.solverstate"

    def restore(self, path: Path) -> Solver:
        """Go on from a snapshot, with the batches that would have come next.

        Raises:
            CaffeFileError: if it is damaged, or of another network or rule.
        """
        iteration, model, history = read_state(path)
        sizes = [h.size for k in range(HISTORIES.get(self.kind, 1)) for h in (each[k] for each in self._history)]
        if [h.size for h in history] != sizes:
            raise CaffeFileError(
                f"{os.fspath(path)}: its history of {len(history)} arrays is not of this network and rule {self.kind}"
            )
        # the weights lie beside their state: a path in the file could lead anywhere
        load_weights(self.net, os.path.join(os.path.dirname(os.fspath(path)), os.path.basename(model)))
        count = len(self._history)
        for i, saved in enumerate(history):
            target = self._history[i % count][i // count]
            target[...] = saved.reshape(target.shape)
        for net in self.tests:
            net.share_with(self.net)
        self.iteration = iteration
        _rewind(self.net, iteration * self.iter_size)
        return self


def _same(text: Message) -> Message:
    return text


def _rewind(net: Net, batches: int) -> None:
    """Let the data layers go on after so many batches."""
    for module in net.layers.values():
        if isinstance(module, Source):
            module.read = batches * module.batch
