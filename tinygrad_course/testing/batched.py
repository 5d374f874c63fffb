"""Several cotangents pulled back through one graph, compared with one graph for each."""

from __future__ import annotations

import math

import numpy as np

from ..autograd import enable_grad
from ..autograd.jacobians import vmap
from ..tensor import Tensor
from .function import Point, pulled
from .options import Options
from .report import Finding

__all__ = ["batched_findings"]

BATCH = 3


def batched_findings(point: Point, rng: np.random.Generator, options: Options, *, order: int = 1) -> list[Finding]:
    """The inputs in which `vmap` of the backward pass differs from a loop over fresh ones."""
    ys = point.outputs(point.values)
    batch = [options.cotangents(ys, rng) for _ in range(BATCH)]
    loop = [point.gradients(vs) for vs in batch]
    with enable_grad():
        leaves, outs = point.run(point.values)
        pull = vmap(lambda *vs: tuple(pulled(leaves, outs, vs, keep=True)))
        together = [g.array for g in pull(*(Tensor._wrap(np.stack(vs)) for vs in zip(*batch)))]
    rtol = options.relative(ys)
    found = []
    for i, (where, gs) in enumerate(zip(point.wrt, together)):
        each = np.stack([row[i] for row in loop])
        tolerance = rtol * np.abs(each) + options.atol
        with np.errstate(invalid="ignore"):
            excess = np.where(np.isnan(gs) & np.isnan(each), 0.0, np.abs(gs - each) - tolerance)
        excess[np.isnan(excess)] = math.inf
        if excess.size and excess.max() > 0:
            worst = np.unravel_index(int(np.argmax(excess)), excess.shape)
            a, b, bound = (float(m[worst]) for m in (gs, each, tolerance))
            found.append(Finding(point.names[where], order, a, b, bound, True, "reverse", where))
    return found
