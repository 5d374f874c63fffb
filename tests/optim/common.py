"""Optimizers side by side with PyTorch's, on gradients made by NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_course as tc

SHAPES = [(3, 4), (5,), (), (2, 1, 3), (1,)]


class Pair:
    """The same parameters in this project and in PyTorch, with an optimizer each."""

    def __init__(self, name: str, values: list[np.ndarray], groups: Any = None, **options: Any) -> None:
        import torch

        self.torch = torch
        self.ours = [tc.tensor(v, requires_grad=True) for v in values]
        self.theirs = [torch.tensor(v, requires_grad=True) for v in values]
        ours_arg: Any = self.ours
        theirs_arg: Any = self.theirs
        if groups is not None:  # a list of (indices, options)
            ours_arg = [{"params": [self.ours[i] for i in where], **own} for where, own in groups]
            theirs_arg = [{"params": [self.theirs[i] for i in where], **own} for where, own in groups]
        self.opt = getattr(tc.optim, name)(ours_arg, **options)
        self.ref = getattr(torch.optim, name)(theirs_arg, **options)

    def give(self, grads: list[np.ndarray | None]) -> None:
        for p, q, g in zip(self.ours, self.theirs, grads):
            p.grad = None if g is None else tc.tensor(g)
            q.grad = None if g is None else self.torch.tensor(g)

    def step(self, grads: list[np.ndarray | None]) -> None:
        self.give(grads)
        self.opt.step()
        self.ref.step()

    def check(self, tolerance: float = 1e-10) -> None:
        for p, q in zip(self.ours, self.theirs):
            np.testing.assert_allclose(p.array, q.detach().numpy(), rtol=tolerance, atol=tolerance)


def quadratic_grads(params: list[Any], rng: np.random.Generator) -> list[np.ndarray]:
    """Noisy gradients of a bowl, so that a hundred steps stay bounded."""
    return [p.array * 0.5 + rng.normal(size=p.array.shape) * 0.3 for p in params]


def some_leaves(seed: int = 0, dtype: Any = np.float64, shapes: Any = SHAPES) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [tc.tensor(rng.normal(size=s).astype(dtype), requires_grad=True) for s in shapes]


def give(params: list[Any], seed: int = 1) -> None:
    rng = np.random.default_rng(seed)
    for p in params:
        p.grad = tc.tensor(rng.normal(size=p.array.shape).astype(p.array.dtype))
