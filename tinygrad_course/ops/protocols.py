"""NumPy's protocols: `np.tanh(t)`, `array * t`, `np.sum(t, axis=0)` and the like are operations on Tensors.

This is also how a vjp rule, written in NumPy's terms, runs on Tensors. `FUNCTIONS` maps NumPy functions to functions
that take NumPy's arguments; modules of operations add theirs by `implements`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..graph import bind
from ..methods import TensorMethods
from . import elementwise  # noqa: F401  (declares the operations that UFUNCS finds in the registry)
from .op import REGISTRY, Op

__all__ = ["FUNCTIONS", "REDUCTIONS", "UFUNCS", "implements"]

FUNCTIONS: dict[Any, Callable[..., Any]] = {}
# ufunc.reduce(t, axis, keepdims=...) by ufunc.
REDUCTIONS: dict[np.ufunc, Callable[..., Any]] = {}
UFUNCS: dict[np.ufunc, Op] = {op.forward: op for op in REGISTRY.values() if isinstance(op.forward, np.ufunc)}
UFUNCS |= {
    np.power: REGISTRY["power"], np.float_power: REGISTRY["power"], np.fabs: REGISTRY["abs"],
    np.reciprocal: REGISTRY["reciprocal"], np.ldexp: REGISTRY["ldexp"],
}  # fmt: skip

_MEND = "use a function of tinygrad_course, or x.detach().numpy() to leave the graph"


def implements(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate what stands for NumPy functions when an argument is a Tensor."""

    def register(implementation: Callable[..., Any]) -> Callable[..., Any]:
        for function in functions:
            FUNCTIONS[function] = implementation
        return implementation

    return register


def _array_ufunc(self: Any, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
    out = options.pop("out", None)
    if out is not None:
        raise TypeError(
            f"np.{ufunc.__name__}: out= cannot hold a Tensor's result, which would leave the graph; "
            "assign the result instead"
        )
    if method == "__call__" and not options and ufunc in UFUNCS:
        return bind(UFUNCS[ufunc], *inputs)
    if method == "reduce" and ufunc in REDUCTIONS:
        axis = options.pop("axis", 0)  # None means all, the default is the first
        options = {k: v for k, v in options.items() if v is not None and v is not np._NoValue}
        keepdims = options.pop("keepdims", False)
        if not options:
            return REDUCTIONS[ufunc](inputs[0], axis, keepdims)
    call = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
    extra = f" with {', '.join(options)}=" if options else ""
    raise TypeError(f"np.{call}{extra} is not supported on Tensors; {_MEND}")


def _array_function(self: Any, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
    implementation = FUNCTIONS.get(function)
    if implementation is None:
        name = f"{function.__module__.replace('numpy', 'np')}.{function.__name__}"
        raise TypeError(f"{name} is not supported on Tensors; {_MEND}")
    return implementation(*args, **kwargs)


TensorMethods.__array_ufunc__ = _array_ufunc  # type: ignore[attr-defined]
TensorMethods.__array_function__ = _array_function  # type: ignore[attr-defined]
