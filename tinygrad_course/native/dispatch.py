"""How an operation finds its native kernel: around its forward function and its rules, put there at import.

An operation stays declared in one place, in NumPy's terms. `serve` puts a kernel's entry in front: where kernels are
on, and the arrays are such that one pays, it answers; else NumPy does, as ever. Kernels, and LLVM, are loaded by the
first call that is large enough. A small call costs one comparison of sizes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy import ndarray, ufunc

from ..config import config
from ..ops.op import REGISTRY

__all__ = ["install", "serve"]

# From how many elements on a kernel pays. NumPy's own exp, log and tanh use vectors too, so that only threads help.
_FORMULAS = {
    "elu": 16384, "erf": 4096, "exp": 131072, "expm1": 131072, "gelu": 4096, "gelu_tanh": 4096, "hardsigmoid": 65536,
    "hardswish": 65536, "log": 131072, "log1p": 131072, "logsigmoid": 65536, "mish": 65536, "ndtr": 4096, "relu": 16384,
    "sigmoid": 65536, "silu": 16384, "softplus": 65536, "softsign": 65536, "tanh": 131072, "tanhshrink": 65536,
}  # fmt: skip


def serve(name: str, least: int, kernel: Callable[..., Any]) -> None:
    """Let a kernel answer for the forward function of an operation.

    Args:
        name: the operation's.
        least: elements of the first input from which on the kernel is asked.
        kernel: `kernel(*arrays, **params)` gives the result, or None where NumPy is to do it.
    """
    op = REGISTRY[name]
    op.forward = _in_front(name, op.forward, least, kernel)


def _in_front(name: str, plain: Callable[..., Any], least: int, kernel: Callable[..., Any]) -> Callable[..., Any]:
    def forward(x: Any, *others: Any, **params: Any) -> Any:
        if type(x) is ndarray and x.size >= least and config.native:
            y = kernel(x, *others, **params)
            if y is not None:
                return y
        elif hasattr(x, "operation"):  # a symbol of `formulas`
            return x.operation(name, plain, (x, *others), params)
        return plain(x, *others, **params)

    forward.plain = plain  # type: ignore[attr-defined]
    return forward


class _Rule:
    """A vjp rule of an elementwise operation, with a kernel in front. Its code object tells which values it reads."""

    __slots__ = ("__code__", "least", "name", "plain")

    def __init__(self, name: str, plain: Any, least: int) -> None:
        self.name, self.plain, self.least = name, plain, least
        self.__code__ = plain.__code__

    def __call__(self, g: Any, y: Any, x: Any, **params: Any) -> Any:
        if type(g) is ndarray and g.size >= self.least and config.native:
            from . import elementwise

            made = elementwise.pull(self.name, self.plain, g, y, x, params)
            if made is not None:
                return made
        return self.plain(g, y, x, **params)


def _formula(name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    def kernel(x: Any, **params: Any) -> Any:
        from . import elementwise

        return elementwise.run(name, plain, (x,), params)

    return kernel


def install() -> None:
    """Put the elementwise kernels in front of their operations."""
    for name, least in _FORMULAS.items():
        op = REGISTRY[name]
        if not isinstance(op.forward, ufunc):
            serve(name, least, _formula(name, op.forward))
        if op.rules and len(op.rules) == 1 and op.rules[0] is not None:
            op.rules = (_Rule(name, op.rules[0], min(least, 16384)),)
