"""Updates of parameters in few and in many tensors; and whole fits by the methods that look further."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ..case import Case, Limit, Run
from ..shared import eager

__all__ = ["cases"]

# name, options, arrays read and written per parameter
RULES = [("SGD", {"momentum": 0.8}, 5), ("Adam", {}, 7)]


def cases(quick: bool = False) -> list[Case]:
    found = []
    sizes = (10**3,) if quick else (10**3, 10**5, 10**7)
    for (rule, options, arrays), size, count in itertools.product(RULES, sizes, (4, 400)):
        found.append(Case(
            "optim", f"{rule}, {size:,} parameters in {count} tensors", eager(_update, rule, options, size, count),
            limit=Limit(bytes=4 * size * arrays) if size >= 10**7 else None, share=0.5,
            headline=count == 400 and size == 10**5,
        ))  # fmt: skip
    for method, others in (("LBFGS", True), ("Rprop", True), ("NaturalGradient", False)):
        systems = eager(_fit, method, 200 if quick else 2000)
        if not others:
            del systems["torch"], systems["tc+kernels"]
        found.append(
            Case(
                "optim",
                f"logistic regression by {method}",
                systems,
                steps=1,
                tolerance=1e-3,
                headline=method == "LBFGS",
            )
        )
    return found


def _update(lib: Any, rule: str, options: dict[str, float], size: int, count: int) -> Run:
    """One update; the gradients are there already."""
    rng = np.random.default_rng(0)
    values = [rng.standard_normal(size // count or 1).astype(np.float32) for _ in range(count)]
    parameters = [lib.from_numpy(v).requires_grad_() for v in values]
    for p, v in zip(parameters, values, strict=True):
        p.grad = lib.from_numpy(np.cos(v))
    optimizer = getattr(lib.optim, rule)(parameters, lr=1e-3, **options)

    def loss() -> float:
        return sum(float((p.detach().numpy().astype(np.float64) ** 2).sum()) for p in parameters)

    return Run(optimizer.step, loss)


def _fit(lib: Any, method: str, samples: int) -> Run:
    """A whole fit, from zero until the loss is within a thousandth of its minimum."""
    rng = np.random.default_rng(0)
    inputs = 20
    x = rng.standard_normal((samples, inputs))
    t = (rng.random(samples) < 1 / (1 + np.exp(-x @ rng.normal(0, 0.3, inputs)))).astype(np.float64)
    least = _minimum(x, t)
    goal = least + 1e-3 * (np.log(2) - least)
    X, T = (lib.from_numpy(a.astype(np.float32)) for a in (x, t[:, None]))
    counted = {"evaluations": 0}
    reached = [float("nan")]

    def step() -> None:
        w = lib.zeros(1, inputs).requires_grad_()
        optimizer = _optimizer(lib, method, w)
        counted["evaluations"] = 0
        value = [float("inf")]

        def closure() -> Any:
            counted["evaluations"] += 1
            optimizer.zero_grad()
            z = lib.nn.functional.linear(X, w)
            error = lib.nn.functional.binary_cross_entropy_with_logits(z, T)
            value[0] = error.item()
            if method == "NaturalGradient":
                return error, z
            error.backward()
            return error

        while value[0] > goal and counted["evaluations"] < 2000:
            optimizer.step(closure)
        reached[0] = max(value[0], goal)  # how far below the goal the last step led is the method's affair

    def loss() -> float:
        return np.log(2) if np.isnan(reached[0]) else reached[0]

    return Run(step, loss, lambda: dict(counted))


def _optimizer(lib: Any, method: str, w: Any) -> Any:
    if method == "LBFGS":
        return lib.optim.LBFGS([w], max_iter=5, line_search_fn="strong_wolfe")
    return getattr(lib.optim, method)([w], lr=0.1 if method == "Rprop" else 1.0)


def _minimum(x: np.ndarray, t: np.ndarray) -> float:
    """The least loss, by Newton's method."""
    w = np.zeros(x.shape[1])
    for _ in range(20):
        p = 1 / (1 + np.exp(-x @ w))
        slope = x.T @ (p - t) / len(t)
        curvature = (x.T * (p * (1 - p))) @ x / len(t)
        w -= np.linalg.solve(curvature, slope)
    z = x @ w
    return float((np.logaddexp(0, z) - t * z).mean())
