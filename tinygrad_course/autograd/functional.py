"""Jacobians, Hessians and products with them, with the signatures of `torch.autograd.functional`.

The same computations as in `tc.func`, called with the inputs rather than made into functions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..tensor import Tensor
from . import jacobians, transforms
from .engine import key_of
from .modes import set_grad_enabled
from .transforms import Run, matching
from .tree import flatten, map_leaves

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Inputs = Tensor | Sequence[Tensor]


def jacobian(
    func: Callable[..., Any], inputs: Inputs, create_graph: bool = False, strict: bool = False,
    vectorize: bool = False, strategy: str = "reverse-mode",
) -> Any:  # fmt: skip
    """The Jacobian of a function at the inputs.

    Args:
        func: a function of the inputs that gives a Tensor or a tuple of Tensors.
        inputs: a Tensor, or a tuple of Tensors.
        create_graph: keep the result in the graph of the inputs.
        strict: raise if an output does not depend on an input, instead of giving zeros.
        vectorize: accepted for PyTorch's sake.
        strategy: "reverse-mode" (row by row) or "forward-mode" (column by column).

    Returns:
        For one input and one output a Tensor of shape (*output, *input); else tuples, by outputs, then by inputs.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.autograd.functional.jacobian(lambda x: x * x, tc.tensor([1.0, 2.0]))
        tensor([[2., 0.],
                [0., 4.]])
    """
    transform = {"reverse-mode": jacobians.jacrev, "forward-mode": jacobians.jacfwd}.get(strategy)
    if transform is None:
        raise ValueError(f'jacobian: strategy must be "reverse-mode" or "forward-mode", got {strategy!r}')
    args, argnums = _args(inputs)
    with set_grad_enabled(create_graph):
        return transform(_checked("jacobian", func, strict), argnums)(*args)


def hessian(
    func: Callable[..., Any], inputs: Inputs, create_graph: bool = False, strict: bool = False,
    vectorize: bool = False, outer_jacobian_strategy: str = "reverse-mode",
) -> Any:  # fmt: skip
    """The Hessian of a function with one value at the inputs: a Tensor, or for several inputs a tuple of tuples.

    Args as `jacobian`.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.autograd.functional.hessian(lambda x: (x ** 3).sum(), tc.tensor([1.0, 2.0]))
        tensor([[ 6.,  0.],
                [ 0., 12.]])
    """
    _, argnums = _args(inputs)

    def single(*xs: Any) -> Tensor:
        return _single("hessian", func(*xs))

    inner = jacobians.jacrev(_checked("hessian", single, strict), argnums)
    return jacobian(inner, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)


def vjp(
    func: Callable[..., Any], inputs: Inputs, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The outputs of a function and vᵀJ; `v` may be left out for an output with one value."""
    args, _ = _args(inputs)
    with set_grad_enabled(create_graph):
        run = Run("vjp", _checked("vjp", func, strict), args, {})
        if v is None:
            for y in run.outs:
                _single("vjp", y)
            v = map_leaves(lambda y: Tensor._wrap(np.ones_like(y.array)), run.result())
        found = run.leave(run.pull(run.cotangents(_like(v, run.result())), keep=run.open))
        return run.result(), _as_given(found, inputs)


def jvp(
    func: Callable[..., Any], inputs: Inputs, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The outputs of a function and Jv; `v` may be left out for an input with one value."""
    args, _ = _args(inputs)
    with set_grad_enabled(create_graph):
        return transforms.jvp(_checked("jvp", func, strict), args, _direction("jvp", v, args))


def hvp(
    func: Callable[..., Any], inputs: Inputs, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The output of a function with one value, and its Hessian times v."""
    args, _ = _args(inputs)
    with set_grad_enabled(create_graph):
        run = Run("hvp", _checked("hvp", func, strict), args, {})
        given = matching("hvp", "vector", _direction("hvp", v, args), run.inputs, run.in_tree)
        found = run.leave(jacobians._hvp(run, tuple(given)))
        return run.result(), _as_given(found, inputs)


def vhp(
    func: Callable[..., Any], inputs: Inputs, v: Any = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The output of a function with one value, and vᵀH: the same as `hvp`, as H is symmetric."""
    return hvp(func, inputs, v, create_graph, strict)


def _args(inputs: Inputs) -> tuple[tuple[Tensor, ...], Any]:
    """The inputs as a tuple, and the argnums that give results of the inputs' form."""
    if isinstance(inputs, Tensor):
        return (inputs,), 0
    return tuple(inputs), tuple(range(len(inputs)))


def _as_given(found: tuple[Any, ...], inputs: Inputs) -> Any:
    return found[0] if isinstance(inputs, Tensor) else tuple(found)


def _like(v: Any, outputs: Any) -> Any:
    """Cotangents as a tuple where the outputs are one, also if a list was given."""
    return tuple(v) if isinstance(v, list) and isinstance(outputs, tuple) else v


def _direction(name: str, v: Any, args: tuple[Tensor, ...]) -> tuple[Any, ...]:
    if v is None:
        if len(args) != 1 or args[0].array.size != 1:
            raise RuntimeError(f"{name}: v may be left out only for a single input with one value")
        return (Tensor._wrap(np.ones_like(args[0].array)),)
    return (v,) if isinstance(v, Tensor) else tuple(v)


def _single(name: str, y: Any) -> Tensor:
    if not isinstance(y, Tensor) or y.array.size != 1:
        got = tuple(y.shape) if isinstance(y, Tensor) else type(y).__name__
        raise RuntimeError(f"{name}: the function must return a Tensor with a single value, got {got}")
    return y


def _checked(name: str, func: Callable[..., Any], strict: bool) -> Callable[..., Any]:
    """The function, refusing if `strict` and an output does not depend on an input."""
    if not strict:
        return func

    def wrapped(*args: Any) -> Any:
        out = func(*args)
        for i, y in enumerate(flatten(out)[0]):
            reached = _ancestors(y)
            for j, x in enumerate(args):
                if key_of(x) not in reached:
                    raise RuntimeError(f"{name}: output {i} does not depend on input {j}, which strict=True refuses")
        return out

    return wrapped


def _ancestors(y: Tensor) -> set[Any]:
    """Everything in the graph that a tensor depends on, itself included."""
    seen: set[Any] = {key_of(y)}
    stack: list[Any] = [key_of(y)]
    while stack:
        for parent in getattr(stack.pop(), "parents", ()):
            if parent is not None and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return seen
