"""The table of operators, and what they are given."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ....graph import state
from ....nn.parameter import Buffer
from ....tensor import Tensor
from ..package import OnnxError
from ..reader import MOST

if TYPE_CHECKING:
    from ..steps import Step

__all__ = ["OPERATORS", "Known", "floats", "ints", "known", "operator", "sized"]

OPERATORS: dict[str, Callable[..., Any]] = {}


class Known(Tensor):
    """A value that does not depend on the inputs' values: a constant, a shape, or what is computed from them."""

    __slots__ = ()


def known(array: Any) -> Known:
    """A Known of an array or number."""
    made = Tensor.__new__(Known)
    made.array = np.asarray(array)
    made.node = made._grad = made._base = made._hooks = None
    return made


def operator(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register what computes an operator: a function of its step and its inputs, of which left out ones are None."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        OPERATORS.update(dict.fromkeys(names, function))
        return function

    return register


def _values(x: Tensor, step: Step) -> np.ndarray:
    """The values of an input that says what to do; whoever traces is told if they depend on data."""
    if not isinstance(x, (Known, Buffer)):
        for observer in state.observers:
            observer.escaped(x, step.kind)
    return x.array


def ints(x: Any, step: Step) -> list[int]:
    """An input or attribute that holds whole numbers."""
    if isinstance(x, Tensor):
        array = _values(x, step)
        if array.dtype.kind not in "iu" or array.ndim > 1 or array.size > 1 << 16:
            raise OnnxError(f"expected a vector of whole numbers, got {array.dtype} of shape {array.shape}")
        return [int(v) for v in array.reshape(-1)]
    return [int(x)] if isinstance(x, int) else [int(v) for v in x]


def floats(x: Any, step: Step) -> list[float]:
    """An input or attribute that holds numbers."""
    if isinstance(x, Tensor):
        return [float(v) for v in _values(x, step).reshape(-1)]
    return [float(v) for v in x]


def sized(shape: Sequence[int]) -> tuple[int, ...]:
    """The shape, if an array of that shape can be made."""
    if any(n < 0 for n in shape) or math.prod(shape) > MOST:
        raise OnnxError(f"an array of shape {tuple(shape)} is not made: at most {MOST:,} values are")
    return tuple(shape)
