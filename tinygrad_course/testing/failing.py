"""Rules that cannot be applied at all: what is wrong with what they give."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..autograd import enable_grad
from ..autograd.function import _FunctionOp, _save
from ..graph import Bundle, bind
from ..ops.op import Op
from ..tensor import LEAF, Tensor

__all__ = ["failing"]

Shape = tuple[int, ...]


def failing(
    op: Op, inputs: Sequence[Any], params: dict[str, Any], wrt: Sequence[int], error: Exception
) -> tuple[Sequence[int], str]:
    """The inputs with a wrong rule and the likely cause, for an error that the backward pass of a call has raised."""
    try:
        y, cotangents = _by_class(op, inputs) if isinstance(op, _FunctionOp) else _by_rules(op, inputs, params, wrt)
    except Exception:
        cotangents = {}
    for i, c in cotangents.items():
        if i in wrt and hasattr(c, "shape"):
            cause = _misshapen(i, tuple(c.shape), tuple(np.shape(inputs[i])), tuple(y.shape))
            if cause:
                return [i], cause
    return wrt, f"the rule fails: {type(error).__name__}: {error}"


def _misshapen(i: int, given: Shape, expected: Shape, output: Shape) -> str | None:
    if given == expected:
        return None
    if given == expected[::-1]:
        return f"transposed: the rule of input {i} gives shape {given} for an input of shape {expected}"
    lead = len(output) - len(expected)
    whole = (1,) * lead + expected
    if given == output and lead >= 0 and all(n in (1, m) for n, m in zip(whole, output)):
        axes = [str(axis) for axis, (n, m) in enumerate(zip(whole, output)) if axis < lead or n != m]
        return f"missing sum over broadcast axis {', '.join(axes)} of the output: the rule of input {i} gives its shape"
    return None


def _by_rules(op: Op, inputs: Sequence[Any], params: dict[str, Any], wrt: Sequence[int]) -> tuple[Any, dict[int, Any]]:
    """The output and what the rules give, before the engine looks at it."""
    y = np.asarray(op.forward(*inputs, **params))
    return y, dict(enumerate(op.pullback(np.ones_like(y), y, inputs, params, [i in wrt for i in range(len(inputs))])))


def _by_class(op: _FunctionOp, inputs: Sequence[Any]) -> tuple[Any, dict[int, Any]]:
    """The same for the `backward` of a class."""
    args = list(op.args)
    for place, x in zip(op.tensor_places, inputs):
        args[place] = Tensor._wrap(np.asarray(x), LEAF)
    given: list[Any] = []

    class Caught(_FunctionOp):
        def _checked(self, result: Any, inputs: Sequence[Any]) -> list[Tensor | None]:
            given.extend(result if isinstance(result, (tuple, list)) else [result])
            return []

    with enable_grad():
        again = Caught(op.cls, tuple(args), op.kwargs)
        outs = bind(again, *(args[place] for place in op.tensor_places))
        outs = outs if isinstance(outs, tuple) else (outs,)
    node = again.node_of(outs)
    if node is None or node.inputs is None:
        return outs[0], {}
    _save(again.ctx, node)
    g = np.ones_like(outs[0].array)
    gs = g if len(outs) == 1 else Bundle(np.ones_like(y.array) for y in outs)
    again.pullback(gs, node.output, node.inputs, {}, [True] * len(node.inputs))
    return outs[0], {i: given[place] for i, place in enumerate(op.tensor_places) if place < len(given)}
