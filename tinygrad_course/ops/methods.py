"""Tensor's operators and methods: one table from names to operations.

`methods.pyi` beside `methods.py` in the package root is written from this table (`python -m tinygrad_course.stubs`), so
that type checkers see what `help()` and completion see; a test keeps it current.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..graph import bind
from ..methods import TensorMethods
from ..tensor import Tensor
from . import (
    activation,
    arithmetic,
    choosing,
    contraction,
    convert,
    creation,
    decomposition,
    diagonals,
    elementwise,
    extremes,
    gamma,
    indexing,
    inplace,
    joining,
    layout,
    linalg,
    product,
    random,
    rearrange,
    reduction,
    scan,
    shape,
    sorting,
    special,
    statistics,
)
from .op import Op

__all__ = ["METHODS", "OPERATORS", "PROPERTIES"]

# Operators: a's method and, where b may be on the left, its reflection.
OPERATORS: dict[str, Op] = {
    "add": elementwise.add, "sub": elementwise.subtract, "mul": elementwise.multiply, "truediv": elementwise.divide,
    "floordiv": elementwise.floor_divide, "mod": elementwise.remainder, "pow": elementwise.power,
    "matmul": product.matmul, "and": elementwise.bitwise_and, "or": elementwise.bitwise_or,
    "xor": elementwise.bitwise_xor,
}  # fmt: skip
COMPARISONS: dict[str, Op] = {name: getattr(elementwise, name) for name in ("eq", "ne", "lt", "le", "gt", "ge")}
UNARY: dict[str, Op] = {
    "neg": elementwise.negative, "pos": elementwise.positive, "abs": elementwise.abs, "invert": elementwise.bitwise_not,
}  # fmt: skip

_OPERANDS = frozenset({Tensor, np.ndarray, float, int, bool})


def _known(x: Any) -> bool:
    return isinstance(x, (Tensor, np.ndarray, np.generic, float, int, list, tuple, complex))


def _binary(op: Op) -> Callable[[Any, Any], Any]:
    def method(self: Tensor, other: Any) -> Any:
        if type(other) not in _OPERANDS and not _known(other):
            return NotImplemented
        return bind(op, self, other)

    return method


def _reflected(op: Op) -> Callable[[Any, Any], Any]:
    def method(self: Tensor, other: Any) -> Any:
        return bind(op, other, self) if _known(other) else NotImplemented

    return method


def _unary(op: Op) -> Callable[[Any], Any]:
    def method(self: Tensor) -> Any:
        return bind(op, self)

    return method


def _put(name: str, method: Any, op: Op) -> None:
    method.__name__ = name
    method.__doc__ = op.__doc__
    setattr(TensorMethods, name, method)


for _name, _op in OPERATORS.items():
    _put(f"__{_name}__", _binary(_op), _op)
    _put(f"__r{_name}__", _reflected(_op), _op)
for _name, _op in COMPARISONS.items():
    _put(f"__{_name}__", _binary(_op), _op)
for _name, _op in UNARY.items():
    _put(f"__{_name}__", _unary(_op), _op)

# Methods: each is the function of the same name with the tensor as its first argument.
METHODS: dict[str, Any] = {name: getattr(elementwise, name) for name in elementwise.__all__}
METHODS |= {"matmul": product.matmul}
METHODS |= convert.METHODS | creation.METHODS | random.METHODS | special.METHODS | activation.METHODS
METHODS |= arithmetic.METHODS | indexing.METHODS | joining.METHODS | contraction.METHODS | rearrange.METHODS
METHODS |= reduction.METHODS | scan.METHODS | choosing.METHODS | shape.METHODS | sorting.METHODS | statistics.METHODS
METHODS |= decomposition.METHODS | linalg.METHODS | gamma.METHODS
METHODS |= diagonals.METHODS | extremes.METHODS | layout.METHODS | inplace.METHODS

# Attributes computed from the tensor.
PROPERTIES: dict[str, property] = {**convert.PROPERTIES, **shape.PROPERTIES}

for _name, _function in (METHODS | PROPERTIES).items():
    setattr(TensorMethods, _name, _function)
