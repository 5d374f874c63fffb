"""What the tests of training share: a small problem, a small network, its weights."""

import numpy as np

import tinygrad_course as tc
from tinygrad_course import nn, optim
from tinygrad_course.training import Trainer


def problem(n=24, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3)).astype(dtype)
    y = (x[:, 0] * x[:, 1] > 0).astype(np.int64)
    return tc.from_numpy(x), tc.from_numpy(y)


def network(dropout=0.0, seed=1):
    tc.manual_seed(seed)
    layers = [nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Dropout(dropout), nn.Linear(5, 2)]
    return nn.Sequential(*layers).double()


def weights(model):
    return {name: np.array(x.array) for name, x in model.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a)


def trainer_for(model, lr=0.1, **options):
    options.setdefault("progress", False)
    return Trainer(model, optim.SGD(model.parameters(), lr=lr, momentum=0.5), nn.CrossEntropyLoss(), **options)
