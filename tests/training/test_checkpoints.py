"""Checkpoints: killed at any moment and resumed, a run ends with the same bits as one that was left alone."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import tinygrad_course as tc
from tinygrad_course import nn, optim
from tinygrad_course.training import Callback, Checkpoints, EarlyStopping, Trainer
from tinygrad_course.training.checkpoints import checksum

from . import job

JOB = Path(job.__file__)


def start(folder, seed):
    command = [sys.executable, str(JOB), str(folder), str(seed)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def kill_after(process, steps, seconds):
    """SIGKILL some time after so many steps; return whether it was still running."""
    for _ in range(steps):
        if not process.stdout.readline():
            break
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.stdout.close()
    return process.wait() == -signal.SIGKILL


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_killed_at_random_moments_it_ends_with_the_same_bits(seed, tmp_path):
    undisturbed = job.run(tmp_path / "undisturbed", seed)
    state, rng, drawn = undisturbed.state_dict(), tc.get_rng_state(), tc.rand(3)
    chance = random.Random()
    folder = tmp_path / "killed"
    kills = sum(kill_after(start(folder, seed), chance.randint(3, 20), 0.01 * chance.random()) for _ in range(2))
    assert kills >= 1
    assert Checkpoints(folder).files()
    process = start(folder, seed)
    process.communicate()
    assert process.returncode == 0
    end = tc.load(folder / "end")
    assert checksum(end["state"]["model"]) == checksum(state["model"])
    assert checksum(end["state"]) == checksum(state)
    assert checksum(end["rng"]) == checksum(rng)
    assert end["next"].tolist() == drawn.tolist()
    assert not list(folder.glob("*.tmp"))


class StopAt(Callback):
    def __init__(self, step):
        self.step = step

    def on_step_end(self, trainer):
        if trainer.steps == self.step:
            raise InterruptedError


@pytest.mark.parametrize("every", [1, 3])
def test_from_every_step_on_it_goes_on_alike(tmp_path, monkeypatch, every):
    """What killing at chosen moments would show, in one process: the run breaks off after each step in turn."""
    whole = job.run(tmp_path / "whole", 1, every, epochs=2)
    total = whole.steps
    assert total == 16
    for step in range(1, total + 1, 3):
        monkeypatch.setattr(job, "Say", lambda step=step: StopAt(step))
        folder = tmp_path / f"broken{step}"
        with pytest.raises(InterruptedError):
            job.run(folder, 1, every, epochs=2)
        monkeypatch.setattr(job, "Say", Callback)
        tc.rand(7)
        resumed = job.run(folder, 1, every, epochs=2)
        assert checksum(resumed.state_dict()) == checksum(whole.state_dict())


def small(folder, **options):
    tc.manual_seed(0)
    model = nn.Linear(2, 1)
    trainer = Trainer(
        model, optim.Adam(model.parameters()), nn.MSELoss(), checkpoints=folder, progress=False, **options
    )  # fmt: skip
    return trainer, (tc.ones(6, 2), tc.ones(6, 1))


def damage(path, how):
    raw = bytearray(path.read_bytes())
    if how == "truncated":
        raw = raw[: len(raw) // 2]
    elif how == "empty":
        raw = bytearray()
    elif how == "bit":
        raw[-3] ^= 4  # among the values, which the format itself does not protect
    elif how == "number":
        at = raw.index(b'[\\"steps\\",')
        raw[at + 11] ^= 1
    path.write_bytes(raw)


@pytest.mark.parametrize("how", ["truncated", "empty", "bit", "number"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(tmp_path, how):
    trainer, data = small(tmp_path)
    trainer.fit(data, 3)
    files = trainer.checkpoints.files()
    damage(files[-1], how)
    resumed, data = small(tmp_path)
    with pytest.warns(UserWarning, match=files[-1].name):
        resumed.fit(data, 3, resume=True)
    assert checksum(resumed.state_dict()) == checksum(trainer.state_dict())
    for path in files:
        damage(path, how)
    with pytest.warns(UserWarning), pytest.raises(RuntimeError, match="none of the 3 checkpoints"):
        small(tmp_path)[0].fit(data, 3, resume=True)


def test_a_later_checkpoint_that_was_damaged_does_not_outlive_those_after_it(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=3)
    for step in (8, 9, 10):
        checkpoints.write({"step": step}, step)
    damage(checkpoints.files()[-1], "truncated")
    checkpoints.write({"step": 9}, 9)
    assert [path.name for path in checkpoints.files()] == ["step-00000008.safetensors", "step-00000009.safetensors"]
    checkpoints.write({"step": 123_456_789}, 123_456_789)
    assert checkpoints.read_newest() == {"step": 123_456_789}


def test_checkpoints_of_an_earlier_run_are_not_mixed_up(tmp_path):
    trainer, data = small(tmp_path)
    trainer.fit(data, 2)
    with pytest.raises(RuntimeError, match="earlier run"):
        small(tmp_path)[0].fit(data, 2)
    trainer.fit(data, 4)
    other, data = small(tmp_path)
    other.fit(data, 4, resume=True)
    assert checksum(other.state_dict()) == checksum(trainer.state_dict())
    (tmp_path / "step-00000009.safetensors").write_bytes(b"")
    tc.save({"weights": tc.ones(2)}, tmp_path / "step-00000010.safetensors")
    with pytest.warns(UserWarning, match="no checkpoint of a training|0 bytes"):
        assert Checkpoints(tmp_path).read_newest()["position"]["epoch"] == 4


def test_a_state_that_does_not_fit_is_refused(tmp_path):
    trainer, data = small(tmp_path)
    trainer.fit(data, 1)
    with pytest.raises(RuntimeError, match="callbacks"):
        small(tmp_path, callbacks=[Callback()])[0].fit(data, 2, resume=True)
    with pytest.raises(RuntimeError, match="1 random generators, the data have 2"):
        small(tmp_path, generators=[tc.Generator()])[0].fit(data, 2, resume=True)
    other, data = small(tmp_path)
    other.scheduler = optim.lr_scheduler.StepLR(other.optimizer, 1)
    with pytest.raises(RuntimeError, match="scheduler"):
        other.fit(data, 2, resume=True)
    with pytest.raises(ValueError, match="needs checkpoints"):
        small(None)[0].fit(data, 2, resume=True)
    for options in ({"every": 0}, {"every": "day"}, {"keep": 0}):
        with pytest.raises(ValueError, match="Checkpoints"):
            Checkpoints(tmp_path, **options)


def test_a_finished_run_has_nothing_left_to_do(tmp_path):
    trainer = job.run(tmp_path, 0, epochs=3)
    again = job.run(tmp_path, 0, epochs=3)
    assert again.steps == trainer.steps
    assert checksum(again.model.state_dict()) == checksum(trainer.model.state_dict())


def test_a_run_that_was_stopped_early_stays_stopped(tmp_path):
    class Worse(Callback):
        def on_epoch_end(self, trainer):
            trainer.history["loss"][-1] = float(trainer.epoch)

    ends = []
    for _ in range(2):
        trainer, data = small(tmp_path, callbacks=[Worse(), EarlyStopping(patience=1)])
        trainer.fit(data, 9, resume=True)
        assert trainer.epoch == 3
        ends.append(checksum(trainer.model.state_dict()))
    assert ends[0] == ends[1]
    trainer.fit(data, 4)  # asked again, without resume, it does go on
    assert trainer.epoch == 4


def test_ctrl_c_leaves_a_checkpoint_to_go_on_from(tmp_path, monkeypatch):
    class Press(Callback):
        def on_step_end(self, trainer):
            if trainer.steps == 11:
                os.kill(os.getpid(), signal.SIGINT)

    whole = job.run(tmp_path / "whole", 1, "epoch", epochs=3)
    monkeypatch.setattr(job, "Say", Press)
    stopped = job.run(tmp_path / "stopped", 1, "epoch", epochs=3)
    assert (stopped.interrupted, stopped.steps) == (True, 11)
    assert stopped.checkpoints.files()[-1].name == "step-00000011.safetensors"
    monkeypatch.setattr(job, "Say", Callback)
    resumed = job.run(tmp_path / "stopped", 1, "epoch", epochs=3)
    assert checksum(resumed.state_dict()) == checksum(whole.state_dict())


def test_the_checksum_tells_states_apart():
    states = [
        {}, [], {"a": 1}, {"a": 2}, {"b": 1}, {"a": 1.0}, {"a": [1]}, {"a": [[1]]}, {"a": True}, {"a": None},
        {"a": tc.zeros(2)}, {"a": tc.zeros(2).double()}, {"a": tc.zeros(2, 1)}, {"a": tc.ones(2)}, {"a": "1"},
    ]  # fmt: skip
    assert len({checksum(state) for state in states}) == len(states)
    assert checksum({"a": np.float64(0.5)}) == checksum({"a": 0.5})
    assert checksum(tc.arange(6).reshape(2, 3).T) == checksum(tc.arange(6).reshape(2, 3).T.clone())
