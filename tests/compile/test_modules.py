"""Every module: a training step with it, and its gradient taken outside."""

import copy

import numpy as np
import pytest

import tinygrad_course as tc
from tests.nn.layers import CASES
from tinygrad_course import nn

from .twins import agree, compiled, same, state_of

_rng = np.random.default_rng(1)
RANDOM = {
    "Dropout": (lambda: nn.Dropout(0.5), (4, 5)),
    "Dropout1d": (lambda: nn.Dropout1d(0.5), (2, 4, 3)),
    "Dropout2d": (lambda: nn.Dropout2d(0.5), (2, 4, 3, 3)),
    "Dropout3d": (lambda: nn.Dropout3d(0.5), (2, 4, 2, 2, 2)),
    "AlphaDropout": (lambda: nn.AlphaDropout(0.5), (4, 5)),
    "FeatureAlphaDropout": (lambda: nn.FeatureAlphaDropout(0.5), (4, 5, 2)),
    "GaussianNoise": (nn.GaussianNoise, (4, 5)),
    "MaskingNoise": (nn.MaskingNoise, (4, 5)),
    "SaltAndPepperNoise": (nn.SaltAndPepperNoise, (4, 5)),
    "RReLU": (nn.RReLU, (4, 5)),
}
ALL = {
    **CASES,
    **{f"{name} at random": (make, _rng.uniform(-1, 1, shape)) for name, (make, shape) in RANDOM.items()},
    "BatchNorm1d, plain average": (lambda: nn.BatchNorm1d(5, momentum=None), _rng.normal(size=(4, 5))),
    "BatchNorm2d, evaluation": (lambda: nn.BatchNorm2d(2).eval(), _rng.normal(size=(4, 2, 3, 3))),
    "InstanceNorm1d, tracked": (lambda: nn.InstanceNorm1d(2, track_running_stats=True), _rng.normal(size=(4, 2, 3))),
    "Embedding, padded": (lambda: nn.Embedding(4, 2, padding_idx=0), np.array([0, 2, 2])),
}


def _arguments(arrays):
    def arguments(i):
        rng = np.random.default_rng(i)
        made = []
        for a in arrays:
            if a.dtype.kind == "f" and not set(np.unique(a)) <= {-1.0, 1.0}:
                a = (a * (1 + 1e-3 * rng.random(a.shape))).astype(np.float32)
            made.append(tc.tensor(a, requires_grad=a.dtype == np.float32))
        return made

    return arguments


def _outputs(y):
    return [v for v in (y if isinstance(y, tuple) else (y,)) if isinstance(v, tc.Tensor)]


def _loss(y):
    return sum((v * v).sum() + (v * 0.3).sum() for v in _outputs(y) if v.requires_grad)


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_step_gives_the_same(name):
    make, *arrays = ALL[name]
    prototype = make()

    def twin():
        module = copy.deepcopy(prototype)
        parameters = list(module.parameters()) if isinstance(module, nn.Module) else []
        optimizer = tc.optim.SGD(parameters, lr=1e-2, momentum=0.5) if parameters else None

        def step(*xs):
            if optimizer:
                optimizer.zero_grad()
            y = module(*xs)
            loss = _loss(y)
            if isinstance(loss, tc.Tensor):
                loss.backward()
            if optimizer:
                optimizer.step()
            return [v.detach() for v in _outputs(y)]

        return step, *([module, optimizer] if optimizer else [])

    agree(twin, _arguments(arrays), rtol=2e-4, atol=1e-5)


@pytest.mark.parametrize("name", sorted(ALL))
def test_gradients_taken_outside_are_the_same(name):
    make, *arrays = ALL[name]
    ours = make()
    theirs = copy.deepcopy(ours)
    twin = compiled(theirs)
    for i in range(4):
        outs = []
        for f in (ours, twin):
            xs = _arguments(arrays)(i)
            tc.manual_seed(i)
            y = f(*[x * 1.0 if x.requires_grad else x for x in xs])  # arguments in a graph
            loss = _loss(y)
            if isinstance(loss, tc.Tensor):
                loss.backward()
            outs.append(([v.detach() for v in _outputs(y)], [x.grad for x in xs]))
        same(*outs, rtol=2e-4, atol=1e-5)
        if isinstance(ours, nn.Module):
            same(state_of(ours), state_of(theirs), rtol=2e-4, atol=1e-5)
