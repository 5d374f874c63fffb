"""Trainer when something goes wrong: losses that are not finite, Ctrl-C, other threads; and what it prints."""

import io
import math
import os
import signal
import sys
import threading

import numpy as np
import pytest

import tinygrad_course as tc
from tinygrad_course import nn, optim
from tinygrad_course.training import Callback, Trainer

from .common import network, problem, same, trainer_for, weights


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_before_the_update(value):
    model = network()
    seen = []

    def step(model, batch):
        loss = model(batch[0]).square().mean()
        seen.append(weights(model))
        return loss * value if len(seen) == 6 else loss

    trainer = Trainer(model, optim.SGD(model.parameters(), lr=0.1), step=step, progress=False)
    with pytest.raises(RuntimeError, match=rf"loss is {value} in epoch 2, step 6 \(batch 2 of the epoch\)"):
        trainer.fit(problem(), epochs=3, batch_size=6)
    parameters = [name for name, _ in model.named_parameters()]
    assert all(np.array_equal(weights(model)[name], seen[-1][name]) for name in parameters)


def test_a_loss_without_a_graph_is_told():
    model = network()
    trainer = Trainer(model, optim.SGD(model.parameters(), lr=0.1), step=lambda m, b: m(b[0]).sum().detach())
    with pytest.raises(RuntimeError, match="no parameter has a gradient"):
        trainer.fit(problem(), epochs=1)


def test_gradients_that_a_step_sets_itself_are_used():
    model = nn.Linear(3, 2, bias=False).double()
    before = weights(model)["weight"]

    def step(model, batch):
        model.weight.grad = tc.ones_like(model.weight)
        return 1.0

    Trainer(model, optim.SGD(model.parameters(), lr=0.5), step=step, progress=False).fit(problem(), epochs=2)
    np.testing.assert_allclose(weights(model)["weight"], before - 1.0)


def test_ctrl_c_stops_after_the_step_and_fit_goes_on(capsys):
    class Press(Callback):
        def on_step_end(self, trainer):
            if trainer.steps == 5:
                os.kill(os.getpid(), signal.SIGINT)

    whole, parts = network(0.2), network(0.2)
    tc.manual_seed(5)
    trainer_for(whole).fit(problem(), epochs=3, batch_size=8)
    tc.manual_seed(5)
    trainer = trainer_for(parts, callbacks=[Press()])
    before = signal.getsignal(signal.SIGINT)
    trainer.fit(problem(), epochs=3, batch_size=8)
    assert (trainer.steps, trainer.epoch, trainer.interrupted) == (5, 1, True)
    assert signal.getsignal(signal.SIGINT) is before
    assert "stopping after this step" in capsys.readouterr().out
    trainer.fit(problem(), epochs=3, batch_size=8)
    assert not trainer.interrupted
    assert same(weights(whole), weights(parts))


def test_a_second_ctrl_c_stops_at_once():
    def step(model, batch):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        return model(batch[0]).sum()

    model = network()
    with pytest.raises(KeyboardInterrupt):
        Trainer(model, optim.SGD(model.parameters(), lr=0.1), step=step, progress=False).fit(problem(), epochs=1)


def test_it_works_in_another_thread():
    done = []
    thread = threading.Thread(target=lambda: done.append(trainer_for(network()).fit(problem(), epochs=1)))
    thread.start()
    thread.join()
    assert len(done[0]["loss"]) == 1


def test_one_line_per_epoch_and_none_when_quiet(capsys):
    trainer_for(network(), progress=True).fit(problem(), epochs=2, validation=problem(5))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("epoch 1/2   loss 0.") and "val_loss" in lines[0]
    trainer_for(network()).fit(problem(), epochs=2)
    assert capsys.readouterr() == ("", "")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("with_tqdm", [True, False])
def test_a_bar_where_there_are_a_terminal_and_tqdm(with_tqdm, monkeypatch, capsys):
    if with_tqdm:
        pytest.importorskip("tqdm")
    else:
        monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    trainer_for(network(), progress=True).fit(problem(), epochs=1, batch_size=4)
    assert ("epoch 1/1:" in screen.getvalue()) == with_tqdm
    assert capsys.readouterr().out.startswith("epoch 1/1   loss")
