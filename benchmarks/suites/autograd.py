"""The graph: how time and memory grow with its length and width; second derivatives; recomputation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..case import Case, Run
from ..shared import both

__all__ = ["cases"]


def cases(quick: bool = False) -> list[Case]:
    sizes = (30, 300) if quick else (10**4, 10**5, 10**6)
    found = [
        Case("autograd", f"chain of {n:,} multiplications", both(_chain, n), steps=0, tolerance=1e-2, fresh=True,
             series="chain", size=n, headline=n == sizes[-1])
        for n in sizes
    ]  # fmt: skip
    found += [
        Case("autograd", f"one value used {n:,} times", both(_fan, n), steps=0, fresh=True, series="fan-out", size=n)
        for n in sizes[:2]
    ]
    depths = (4, 16) if quick else (16, 64, 256)
    for checkpointed in (False, True):
        kind = "checkpointed depth" if checkpointed else "depth"
        found += [
            Case("autograd", f"{kind} {n}, 128 tanh, batch 256", both(_depth, n, checkpointed), steps=0, fresh=True,
                 series=kind, size=n)
            for n in depths
        ]  # fmt: skip
    width = 8 if quick else 128
    found.append(Case("autograd", f"Hessian-vector product, 3×{width} tanh", both(_hvp, width), steps=0, headline=True))
    return found


def _chain(lib: Any, n: int) -> Run:
    """x c c c …: forward, backward, and letting go."""
    x = lib.ones(4).requires_grad_()
    c = lib.tensor(1 + 1 / n)

    def step() -> float:
        x.grad = None
        y = x
        for _ in range(n):
            y = y * c
        y = y.sum()
        y.backward()
        return y.item()

    return Run(step, lambda: step() + x.grad.sum().item())


def _fan(lib: Any, n: int) -> Run:
    """A sum of many products of the same value."""
    x = lib.full((16,), 0.5).requires_grad_()
    c = lib.full((16,), 1 / n)

    def step() -> float:
        x.grad = None
        y = lib.stack([x * c for _ in range(n)]).sum()
        y.backward()
        return y.item()

    return Run(step, lambda: step() + x.grad.sum().item())


def _depth(lib: Any, n: int, checkpointed: bool) -> Run:
    """tanh layers, with the values between kept or, in √n segments, computed again."""
    rng = np.random.default_rng(0)
    weights = [lib.from_numpy(rng.normal(0, 128**-0.5, (128, 128)).astype(np.float32)) for _ in range(n)]
    for w in weights:
        w.requires_grad_()
    x = lib.from_numpy(rng.standard_normal((256, 128), np.float32)).requires_grad_()
    parts = round(n**0.5) if checkpointed else 1
    segments = [weights[n * i // parts : n * (i + 1) // parts] for i in range(parts)]

    def through(y: Any, *segment: Any) -> Any:
        for w in segment:
            y = lib.tanh(y @ w)
        return y

    def step() -> float:
        for leaf in (x, *weights):
            leaf.grad = None
        y = x
        for segment in segments:
            if checkpointed:
                y = _checkpoint(lib)(through, y, *segment, use_reentrant=False)
            else:
                y = through(y, *segment)
        y = (y * y).mean()
        y.backward()
        return y.item()

    return Run(step, lambda: step() + float((x.grad.numpy().astype(np.float64) ** 2).sum()))


def _checkpoint(lib: Any) -> Any:
    import importlib

    return importlib.import_module(f"{lib.__name__}.utils.checkpoint").checkpoint


def _hvp(lib: Any, width: int) -> Run:
    """H v of a network's loss in all its weights, by the gradient of a directional derivative."""
    rng = np.random.default_rng(0)

    def draw(scale: float) -> list[Any]:
        return [lib.from_numpy(rng.normal(0, scale, (width, width)).astype(np.float32)) for _ in range(3)]

    weights, v = [w.requires_grad_() for w in draw(width**-0.5)], draw(1.0)
    x = lib.from_numpy(rng.standard_normal((64, width), np.float32))

    def step() -> Any:
        y = x
        for w in weights:
            y = lib.tanh(y @ w)
        slopes = lib.autograd.grad((y * y).mean(), weights, create_graph=True)
        along = sum((g * u).sum() for g, u in zip(slopes, v, strict=True))
        return lib.autograd.grad(along, weights)

    return Run(step, lambda: sum(float((h.numpy().astype(np.float64) ** 2).sum()) for h in step()))
