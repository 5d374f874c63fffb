"""Averaged weights against closed forms and PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course.optim import swa_utils

from .test_lr_scheduler import follow, optimizers


def model_of(value: float) -> Any:
    layer = tc.nn.Linear(2, 3)
    layer.weight.array[...] = value
    layer.bias.array[...] = -value
    return layer


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=10), st.floats(0.1, 0.99))
def test_averages(values: list[float], decay: float) -> None:
    model = model_of(0.0)
    plain = swa_utils.AveragedModel(model)
    moving = swa_utils.AveragedModel(model, avg_fn=swa_utils.get_ema_avg_fn(decay))
    expected = values[0]
    for value in values:
        model.weight.array[...] = value
        plain.update_parameters(model)
        moving.update_parameters(model)
        expected = decay * expected + (1 - decay) * value
    np.testing.assert_allclose(plain.module.weight.array, np.mean(values), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(moving.module.weight.array, expected, rtol=1e-4, atol=1e-5)
    assert int(plain.n_averaged.array) == len(values) and plain.module.weight.array.dtype == np.float32
    assert not np.shares_memory(plain.module.weight.array, model.weight.array)


def test_many_at_once_and_refusal() -> None:
    model = model_of(1.0)

    def largest(means: list[Any], values: list[Any], count: Any) -> None:
        for mean, value in zip(means, values):
            np.maximum(mean.array, value.array, out=mean.array)

    average = swa_utils.AveragedModel(model, multi_avg_fn=largest)
    for value in (1.0, 3.0, 2.0):
        model.weight.array[...] = value
        average.update_parameters(model)
    assert (average.module.weight.array == 3).all()
    assert "n_averaged" in average.state_dict()
    with pytest.raises(ValueError, match="not both"):
        swa_utils.AveragedModel(model, avg_fn=swa_utils.get_swa_avg_fn(), multi_avg_fn=largest)
    with pytest.raises(ValueError, match="decay"):
        swa_utils.get_ema_avg_fn(1.5)


@given(
    st.sampled_from([0.05, [0.2, 0.01]]),
    st.integers(0, 30),
    st.sampled_from(["cos", "linear"]),
)
def test_rate(goal: Any, epochs: int, strategy: str) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = optimizers()
    mine = swa_utils.SWALR(ours, goal, epochs, strategy)
    follow(ours, theirs, mine, torch.optim.swa_utils.SWALR(theirs, goal, epochs, strategy), steps=40)


def test_update_bn() -> None:
    rng = np.random.default_rng(0)
    batches = [(tc.tensor(rng.normal(3.0, 2.0, size=(50, 4)).astype(np.float32)), None) for _ in range(4)]
    model = tc.nn.Sequential(tc.nn.BatchNorm1d(4))
    model.eval()
    swa_utils.update_bn(batches, model)
    data = np.stack([x.array for x, _ in batches])
    layer = next(m for m in model.modules() if hasattr(m, "running_mean"))
    np.testing.assert_allclose(layer.running_mean.array, data.mean((0, 1)), rtol=1e-5)
    np.testing.assert_allclose(layer.running_var.array, data.var(1, ddof=1).mean(0), rtol=1e-4)
    assert layer.momentum == 0.1 and not model.training
