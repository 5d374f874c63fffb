"""Autoencoders: half the squared error of reconstructed inputs, with given weights and with tied ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..case import Case, Limit, Run
from ..dense import Dense
from ..shared import trained, training

__all__ = ["cases"]


def cases(quick: bool = False) -> list[Case]:
    k = 16 if quick else 1
    visible, hidden, batch = 784 // k, 256 // k, 128 // k
    shallow = Dense((visible, hidden, visible), "sigmoid", "half", batch, output="sigmoid", reconstructs=True, lr=1e-4)
    units = (visible, 512 // k, 128 // k, 32 // k, 128 // k, 512 // k, visible)
    deep = Dense(units, "sigmoid", "half", batch, output="sigmoid", reconstructs=True, lr=1e-4)
    products = [(batch, visible, hidden), (batch, hidden, visible)] * 2 + [(hidden, batch, visible)] * 2
    return [
        Case("autoencoder", "784-256-784, batch 128", shallow.systems(), limit=shallow.limit(), headline=True),
        Case("autoencoder", "784-512-128-32-128-512-784, batch 128", deep.systems(), limit=deep.limit()),
        Case(
            "autoencoder",
            "784-256-784 tied, batch 128",
            trained(_tied, visible, hidden, batch),
            limit=Limit(products=products),
        ),
    ]


def _tied(lib: Any, how: str, visible: int, hidden: int, batch: int) -> Run:
    """z = σ(Wᵀ σ(W x + b) + c), where both layers share W."""
    rng = np.random.default_rng(1)
    arrays = (rng.uniform(-1, 1, (hidden, visible)) / visible**0.5, np.zeros(hidden), np.zeros(visible))
    w, b, c = parameters = [lib.from_numpy(a.astype(np.float32)).requires_grad_() for a in arrays]
    x = lib.from_numpy(rng.random((batch, visible), np.float32))
    linear, sigmoid = lib.nn.functional.linear, lib.sigmoid

    def model(x: Any) -> Any:
        return sigmoid(linear(sigmoid(linear(x, w, b)), w.t(), c))

    optimizer = lib.optim.SGD(parameters, lr=1e-4, momentum=0.8)
    return training(lib, model, [(x, x)], lambda z, x: 0.5 * ((z - x) ** 2).sum(), optimizer, how)
