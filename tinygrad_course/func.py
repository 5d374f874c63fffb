"""Transforms of functions, with the names of `torch.func`.

They take functions of Tensors, numbers, and nested tuples, lists and dicts of them, and can be nested to any order.
They leave every `.grad` alone.
"""

from typing import Any as _Any

from .autograd.jacobians import hessian, hvp, jacfwd, jacrev, vmap
from .autograd.jacobians import jacrev as jacobian
from .autograd.transforms import grad, jvp, linearize, value_and_grad, vjp

__all__ = [
    "grad", "hessian", "hvp", "jacfwd", "jacobian", "jacrev", "jvp", "linearize", "value_and_grad", "vjp", "vmap",
]  # fmt: skip


def __getattr__(name: str) -> _Any:
    if name == "functional_call":
        from .nn.stateless import functional_call

        return functional_call
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
