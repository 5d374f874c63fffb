"""A restricted Boltzmann machine: one step of contrastive divergence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..case import Case, Limit, Run

__all__ = ["cases"]


def cases(quick: bool = False) -> list[Case]:
    visible, hidden, batch = (30, 16, 100) if quick else (784, 500, 100)
    systems: dict[str, Callable[[], Run]] = {
        "tc": lambda: _course(visible, hidden, batch),
        "torch": lambda: _torch(visible, hidden, batch),
        "numpy": lambda: _numpy(visible, hidden, batch),
    }
    # v → h, h → v, v → h, and two products for the gradient
    limit = Limit(products=[(batch, visible, hidden), (batch, hidden, visible)] * 2 + [(hidden, batch, visible)] * 2)
    # The draws differ, so the reconstruction errors come close to each other only.
    return [
        Case("rbm", f"{visible}-{hidden}, CD-1, batch {batch}", systems, limit=limit, tolerance=0.02, headline=True)
    ]


def _start(visible: int, hidden: int, batch: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    weights = rng.normal(0, 0.01, (hidden, visible)).astype(np.float32)
    return weights, (rng.random((batch, visible)) < 0.3).astype(np.float32)


LR = 0.05


def _course(visible: int, hidden: int, batch: int) -> Run:
    import tinygrad_course as tc

    weights, data = _start(visible, hidden, batch)
    tc.manual_seed(0)
    rbm = tc.nn.RBM(visible, hidden)
    rbm.weight.data[...] = tc.from_numpy(weights)
    v = tc.from_numpy(data)
    optimizer = tc.optim.SGD(rbm.parameters(), lr=LR)

    def step() -> None:
        optimizer.zero_grad()
        rbm.loss(v).backward()
        optimizer.step()

    return Run(step, lambda: rbm.reconstruction_error(v))


def _torch(visible: int, hidden: int, batch: int) -> Run:
    import torch

    weights, data = _start(visible, hidden, batch)
    torch.manual_seed(0)
    w, b, c = torch.from_numpy(weights), torch.zeros(visible), torch.zeros(hidden)
    v = torch.from_numpy(data)

    @torch.no_grad()
    def step() -> None:
        h = torch.sigmoid(torch.nn.functional.linear(v, w, c))
        v1 = torch.bernoulli(torch.sigmoid(torch.bernoulli(h) @ w + b))
        h1 = torch.sigmoid(torch.nn.functional.linear(v1, w, c))
        w.add_(h.T @ v - h1.T @ v1, alpha=LR / batch)
        b.add_((v - v1).mean(0), alpha=LR)
        c.add_((h - h1).mean(0), alpha=LR)

    def loss() -> float:
        z = torch.sigmoid(torch.sigmoid(torch.nn.functional.linear(v, w, c)) @ w + b)
        return ((z - v) ** 2).mean().item()

    return Run(step, loss)


def _numpy(visible: int, hidden: int, batch: int) -> Run:
    w, v = _start(visible, hidden, batch)
    b, c = np.zeros(visible, np.float32), np.zeros(hidden, np.float32)
    rng = np.random.default_rng(0)

    def sigmoid(a: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-a))

    def draw(p: np.ndarray) -> np.ndarray:
        return (rng.random(p.shape, np.float32) < p).astype(np.float32)

    def step() -> None:
        h = sigmoid(v @ w.T + c)
        v1 = draw(sigmoid(draw(h) @ w + b))
        h1 = sigmoid(v1 @ w.T + c)
        w[...] += LR / batch * (h.T @ v - h1.T @ v1)
        b[...] += LR * (v - v1).mean(0)
        c[...] += LR * (h - h1).mean(0)

    def loss() -> float:
        z: Any = sigmoid(sigmoid(v @ w.T + c) @ w + b)
        return float(((z - v) ** 2).mean())

    return Run(step, loss)
