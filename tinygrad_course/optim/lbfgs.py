"""L-BFGS, by SciPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autograd.modes import enable_grad
from ..overwrites import mark_overwritten
from .optimizer import Optimizer, ParamsT

__all__ = ["LBFGS"]


class LBFGS(Optimizer):
    """Quasi-Newton descent from the last few gradients (lecture ch. 8): SciPy's L-BFGS-B behind PyTorch's interface.

    Each `step(closure)` runs up to `max_iter` iterations from the current values; with whole-batch losses one step is
    often all that is needed. The approximation of the Hessian is built afresh in every step. The work is done in
    float64, whatever the parameters' dtype.

    Source: Byrd, Lu, Nocedal and Zhu, "A limited memory algorithm for bound constrained optimization" (1995).

    Args:
        params: the parameters; one group only.
        lr: accepted for PyTorch's sake; the line search finds the length of the steps, so only 1 is allowed.
        max_iter: iterations per step.
        max_eval: evaluations of the closure per step; default 1.25 · max_iter.
        tolerance_grad: stop when no entry of the (projected) gradient exceeds it.
        tolerance_change: stop when an iteration lowers the loss by less than this share of it.
        history_size: how many past gradients are kept.
        line_search_fn: None or "strong_wolfe"; SciPy's search satisfies the strong Wolfe conditions either way.
        bounds: None, a pair (low, high) for all values, or one pair or None per parameter. An end may be None, a
            number, or an array of the parameter's shape.

    Attributes:
        result: after a step a dict: "iterations", "evaluations", "loss", "grad_norm" (largest entry), "converged",
            "message" (SciPy's).

    Raises:
        ImportError: in `step`, if SciPy is missing.
        ValueError: if an option is out of its range, or there is more than one group.

    Example:
        >>> import tinygrad_course as tc
        >>> w = tc.tensor([-1.2, 1.0], dtype=tc.float64, requires_grad=True)
        >>> optimizer = tc.optim.LBFGS([w], max_iter=100)
        >>> def closure():
        ...     optimizer.zero_grad()
        ...     loss = (1 - w[0]) ** 2 + 100 * (w[1] - w[0] ** 2) ** 2
        ...     loss.backward()
        ...     return loss
        >>> first = optimizer.step(closure)
        >>> bool(closure() < 1e-10)
        True
    """

    def __init__(
        self, params: ParamsT, lr: float = 1, max_iter: int = 20, max_eval: int | None = None,
        tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, history_size: int = 100,
        line_search_fn: str | None = None, *, bounds: Any = None,
    ) -> None:  # fmt: skip
        if line_search_fn not in (None, "strong_wolfe"):
            raise ValueError(f'LBFGS: expected line_search_fn None or "strong_wolfe", got {line_search_fn!r}')
        options = {"lr": lr, "max_iter": max_iter, "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
                   "tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change,
                   "history_size": history_size, "line_search_fn": line_search_fn, "bounds": bounds}  # fmt: skip
        self.result: dict[str, Any] = {}
        super().__init__(params, options)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        if self.param_groups:
            raise ValueError("LBFGS: all parameters move together, so there can be only one group")
        super().add_param_group(param_group)

    def check_options(self, group: dict[str, Any]) -> None:
        super().check_options(group)
        if group["lr"] != 1:
            raise ValueError(f"LBFGS: its line search chooses the length of steps; expected lr=1, got {group['lr']}")
        for option in ("max_iter", "max_eval", "history_size"):
            self._expect(group, option, 1)
        self._expect(group, "tolerance_grad")
        self._expect(group, "tolerance_change")

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.result = {}
        super().__setstate__(state)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Run up to `max_iter` iterations.

        Args:
            closure: clears the gradients, computes the loss, calls `backward` and returns the loss. If it raises, the
                parameters are left at the point where it did.

        Returns:
            The loss before the step, as the closure gave it.

        Raises:
            RuntimeError: without a closure.
        """
        if closure is None:
            raise RuntimeError("LBFGS: step needs a closure that computes the loss and its gradients")
        minimize = _scipy_minimize()
        group = self.param_groups[0]
        params = group["params"]
        start = np.concatenate([p.array for p in params], axis=None).astype(np.float64)
        first: Any = None

        def put(x: np.ndarray) -> None:
            low = 0
            for p in params:
                high = low + p.array.size
                p.array[...] = x[low:high].reshape(p.array.shape)
                mark_overwritten(p.array)
                low = high

        def evaluate(x: np.ndarray) -> tuple[float, np.ndarray]:
            nonlocal first
            put(x)
            with enable_grad():
                loss = closure()
            if first is None:
                first = loss
            g = np.zeros_like(x)
            low = 0
            for p in params:
                if p.grad is not None:
                    g[low : low + p.array.size] = p.grad.array.reshape(-1)
                low += p.array.size
            return float(loss), g

        found = minimize(
            evaluate,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=_flat_bounds(group["bounds"], params),
            options={
                "maxiter": group["max_iter"],
                "maxfun": group["max_eval"],
                "gtol": group["tolerance_grad"],
                "ftol": group["tolerance_change"],
                "maxcor": group["history_size"],
            },
        )
        put(found.x)
        self.result = {
            "iterations": int(found.nit),
            "evaluations": int(found.nfev),
            "loss": float(found.fun),
            "grad_norm": float(np.max(np.abs(found.jac), initial=0.0)),
            "converged": bool(found.success),
            "message": str(found.message),
        }
        entry = self.state[params[0]]
        entry["n_iter"] = entry.get("n_iter", 0) + self.result["iterations"]
        entry["func_evals"] = entry.get("func_evals", 0) + self.result["evaluations"]
        return first


def _scipy_minimize() -> Callable[..., Any]:
    try:
        from scipy.optimize import minimize
    except ImportError as error:
        raise ImportError('LBFGS needs SciPy: pip install "tinygrad_course[scipy]"') from error
    return minimize


def _flat_bounds(bounds: Any, params: Sequence[Any]) -> Any:
    """The bounds of all values as SciPy wants them, or None."""
    if bounds is None:
        return None
    if isinstance(bounds, tuple):
        bounds = [bounds] * len(params)
    if len(bounds) != len(params):
        raise ValueError(f"LBFGS: got {len(bounds)} bounds for {len(params)} parameters; give a pair or None for each")
    ends: list[list[np.ndarray]] = [[], []]
    for pair, p in zip(bounds, params):
        for end, value, free in zip(ends, (None, None) if pair is None else pair, (-np.inf, np.inf)):
            value = free if value is None else getattr(value, "array", value)
            end.append(np.broadcast_to(np.asarray(value, np.float64), p.array.shape).reshape(-1))
    from scipy.optimize import Bounds

    return Bounds(np.concatenate(ends[0]), np.concatenate(ends[1]))
