"""Learning rates (and momenta) of a hundred steps against PyTorch's."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc

torch = pytest.importorskip("torch")

gamma = st.floats(0.5, 0.99)
count = st.integers(1, 30)

CASES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "StepLR": st.fixed_dictionaries({"step_size": count, "gamma": gamma}),
    "MultiStepLR": st.fixed_dictionaries({"milestones": st.lists(st.integers(1, 90), max_size=4), "gamma": gamma}),
    "ExponentialLR": st.fixed_dictionaries({"gamma": gamma}),
    "ConstantLR": st.fixed_dictionaries({"factor": st.floats(0.1, 1.0), "total_iters": st.integers(0, 30)}),
    "LinearLR": st.fixed_dictionaries(
        {"start_factor": st.floats(0.1, 1.0), "end_factor": st.floats(0.0, 1.0), "total_iters": count}
    ),
    "PolynomialLR": st.fixed_dictionaries({"total_iters": st.integers(1, 120), "power": st.floats(0.5, 3.0)}),
    "CosineAnnealingLR": st.fixed_dictionaries({"T_max": st.integers(1, 120), "eta_min": st.sampled_from([0.0, 0.01])}),
    "CosineAnnealingWarmRestarts": st.fixed_dictionaries(
        {"T_0": count, "T_mult": st.integers(1, 3), "eta_min": st.sampled_from([0.0, 0.01])}
    ),
    "OneCycleLR": st.fixed_dictionaries(
        {
            "max_lr": st.sampled_from([0.3, [0.1, 0.7]]),
            "total_steps": st.integers(101, 150),
            "pct_start": st.floats(0.1, 0.45),
            "anneal_strategy": st.sampled_from(["cos", "linear"]),
            "three_phase": st.booleans(),
            "cycle_momentum": st.booleans(),
        }
    ),
    "CyclicLR": st.fixed_dictionaries(
        {
            "base_lr": st.sampled_from([0.01, [0.02, 0.05]]),
            "max_lr": st.sampled_from([0.3, [0.1, 0.7]]),
            "step_size_up": count,
            "step_size_down": st.none() | count,
            "mode": st.sampled_from(["triangular", "triangular2", "exp_range"]),
            "gamma": gamma,
            "cycle_momentum": st.booleans(),
        }
    ),
}


def optimizers(name: str = "SGD", **options: Any) -> tuple[Any, Any]:
    options = options or {"momentum": 0.8}
    made = []
    for module, tensor in ((tc, tc.tensor), (torch, torch.tensor)):
        groups = [{"params": [tensor([1.0])], "lr": 0.1}, {"params": [tensor([2.0])], "lr": 0.5}]
        made.append(getattr(module.optim, name)(groups, lr=0.3, **options))
    return made[0], made[1]


def settings_of(optimizer: Any) -> list[float]:
    return [g["lr"] for g in optimizer.param_groups] + [
        g["momentum"] if "momentum" in g else g["betas"][0] for g in optimizer.param_groups
    ]


def follow(ours: Any, theirs: Any, mine: Any, reference: Any, steps: int = 100) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's about SequentialLR's use of its own epoch argument
        for _ in range(steps):
            np.testing.assert_allclose(settings_of(ours), settings_of(theirs), rtol=1e-10, atol=1e-15)
            np.testing.assert_allclose(mine.get_last_lr(), reference.get_last_lr(), rtol=1e-10, atol=1e-15)
            ours.step()
            theirs.step()
            mine.step()
            reference.step()


@pytest.mark.parametrize("name", sorted(CASES))
@given(data=st.data())
def test_hundred_steps_follow_pytorch(name: str, data: st.DataObject) -> None:
    options = data.draw(CASES[name])
    adam = name in ("OneCycleLR", "CyclicLR") and data.draw(st.booleans())
    ours, theirs = optimizers("Adam", betas=(0.9, 0.99)) if adam else optimizers()
    mine = getattr(tc.optim.lr_scheduler, name)(ours, **options)
    follow(ours, theirs, mine, getattr(torch.optim.lr_scheduler, name)(theirs, **options))


@pytest.mark.parametrize("name", ["LambdaLR", "MultiplicativeLR"])
def test_functions(name: str) -> None:
    ours, theirs = optimizers()
    functions = [lambda epoch: 0.95**epoch, lambda epoch: 1 / (1 + 0.01 * epoch)]
    mine = getattr(tc.optim.lr_scheduler, name)(ours, functions)
    follow(ours, theirs, mine, getattr(torch.optim.lr_scheduler, name)(theirs, functions))
    with pytest.raises(ValueError, match="1 functions for 2"):
        getattr(tc.optim.lr_scheduler, name)(ours, functions[:1])


SCALING = [n for n in sorted(CASES) if n not in ("OneCycleLR", "CyclicLR", "CosineAnnealingWarmRestarts")]


@given(st.lists(st.sampled_from(SCALING), min_size=1, max_size=3), st.data())
def test_chained(names: list[str], data: st.DataObject) -> None:
    ours, theirs = optimizers()
    options = [data.draw(CASES[name]) for name in names]
    mine = [getattr(tc.optim.lr_scheduler, n)(ours, **o) for n, o in zip(names, options)]
    reference = [getattr(torch.optim.lr_scheduler, n)(theirs, **o) for n, o in zip(names, options)]
    follow(
        ours,
        theirs,
        tc.optim.lr_scheduler.ChainedScheduler(mine),
        torch.optim.lr_scheduler.ChainedScheduler(reference),
    )


@given(
    st.lists(st.sampled_from([*SCALING, "CosineAnnealingWarmRestarts"]), min_size=2, max_size=3),
    st.lists(st.integers(1, 80), min_size=2, max_size=2, unique=True),
    st.data(),
)
def test_sequential(names: list[str], milestones: list[int], data: st.DataObject) -> None:
    ours, theirs = optimizers()
    options = [data.draw(CASES[name]) for name in names]
    milestones = sorted(milestones)[: len(names) - 1]
    mine = [getattr(tc.optim.lr_scheduler, n)(ours, **o) for n, o in zip(names, options)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = [getattr(torch.optim.lr_scheduler, n)(theirs, **o) for n, o in zip(names, options)]
        theirs_all = torch.optim.lr_scheduler.SequentialLR(theirs, reference, milestones)
    follow(ours, theirs, tc.optim.lr_scheduler.SequentialLR(ours, mine, milestones), theirs_all)


@given(
    st.lists(st.floats(0.0, 10.0), min_size=20, max_size=60),
    st.fixed_dictionaries(
        {
            "mode": st.sampled_from(["min", "max"]),
            "factor": st.sampled_from([0.1, 0.5]),
            "patience": st.integers(0, 5),
            "threshold": st.sampled_from([1e-4, 0.3]),
            "threshold_mode": st.sampled_from(["rel", "abs"]),
            "cooldown": st.integers(0, 3),
            "min_lr": st.sampled_from([0, 0.01, [0.05, 0.001]]),
        }
    ),
)
def test_plateau(metrics: list[float], options: dict[str, Any]) -> None:
    ours, theirs = optimizers()
    mine = tc.optim.lr_scheduler.ReduceLROnPlateau(ours, **options)
    reference = torch.optim.lr_scheduler.ReduceLROnPlateau(theirs, **options)
    for metric in metrics:
        mine.step(tc.tensor(metric, dtype=tc.float64))
        reference.step(metric)
        np.testing.assert_allclose(mine.get_last_lr(), reference.get_last_lr(), rtol=1e-12)
        assert mine.num_bad_epochs == reference.num_bad_epochs


def test_fractions_of_epochs() -> None:
    ours, theirs = optimizers()
    mine = tc.optim.lr_scheduler.CosineAnnealingWarmRestarts(ours, 3, 2)
    reference = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(theirs, 3, 2)
    ours.step()
    for i in range(100):
        mine.step(i / 7)
        reference.step(i / 7)
        np.testing.assert_allclose(settings_of(ours), settings_of(theirs), rtol=1e-12)


@pytest.mark.parametrize("name", sorted(CASES))
@given(data=st.data())
def test_saved_and_resumed(name: str, data: st.DataObject) -> None:
    options = data.draw(CASES[name])
    before, after = optimizers()[0], optimizers()[0]
    first = getattr(tc.optim.lr_scheduler, name)(before, **options)
    for _ in range(13):
        before.step()
        first.step()
    second = getattr(tc.optim.lr_scheduler, name)(after, **options)
    second.load_state_dict(first.state_dict())
    after.load_state_dict(before.state_dict())
    for _ in range(30):
        before.step(), after.step(), first.step(), second.step()
        assert settings_of(before) == settings_of(after) and first.get_last_lr() == second.get_last_lr()


def test_messages() -> None:
    optimizer = optimizers()[0]
    schedulers = tc.optim.lr_scheduler
    with pytest.warns(UserWarning, match="before optimizer.step"):
        schedulers.ExponentialLR(optimizer, 0.9).step()
    with pytest.raises(TypeError, match="expected an Optimizer, got list"):
        schedulers.StepLR([1], 2)
    with pytest.raises(KeyError, match="initial_lr"):
        schedulers.StepLR(optimizers()[0], 2, last_epoch=4)
    with pytest.raises(ValueError, match="another optimizer"):
        schedulers.ChainedScheduler([schedulers.StepLR(optimizer, 2), schedulers.StepLR(optimizers()[0], 2)])
    with pytest.raises(ValueError, match="milestones"):
        schedulers.SequentialLR(optimizer, [schedulers.StepLR(optimizer, 2)], [3])
    plain = tc.optim.Adagrad([tc.tensor([1.0])])
    with pytest.raises(ValueError, match="cycle_momentum=False"):
        schedulers.OneCycleLR(plain, 0.1, 10)
    short = schedulers.OneCycleLR(optimizer, 0.1, 2)
    optimizer.step()
    with pytest.raises(ValueError, match="cycle is over"):
        for _ in range(3):
            short.step()


def test_user_written_scheduler() -> None:
    class Warm(tc.optim.lr_scheduler._LRScheduler):
        def __init__(self, optimizer: Any, length: int) -> None:
            self.length = length
            super().__init__(optimizer)

        def get_lr(self) -> list[float]:
            return [base * min(1.0, (self.last_epoch + 1) / self.length) for base in self.base_lrs]

    optimizer = optimizers()[0]
    scheduler = Warm(optimizer, 4)
    seen = []
    for _ in range(5):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    np.testing.assert_allclose(seen, [0.025, 0.05, 0.075, 0.1, 0.1])
