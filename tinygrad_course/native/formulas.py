"""What an elementwise operation computes, found out by calling its NumPy formula on symbols.

An operation is declared once, in NumPy's terms. Here its forward function (or a vjp rule, or an optimizer's rule) runs
on `Symbol`s, which list the ufuncs that it calls: a `Formula`. The code of a formula is then that of its ufuncs, one
after the other, with values in registers in place of arrays. So every operation made of the ufuncs below has a kernel,
users' operations too. `DIRECT` has the few that branch on values, or that have a better way than their NumPy one.

A formula that cannot be listed (it looks at shapes, calls something else, branches) raises `Unlisted`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from . import vecmath
from .values import Value, element, is_float, suffix, vector

__all__ = ["DIRECT", "TYPES", "Formula", "Step", "Symbol", "Unlisted", "emit", "formula", "of_operation"]

# The dtypes that kernels compute with, and LLVM's names for them (bool is i8 in memory).
TYPES = {
    np.dtype(np.float32): "float",
    np.dtype(np.float64): "double",
    np.dtype(np.bool_): "i1",
    np.dtype(np.int64): "i64",
    np.dtype(np.int32): "i32",
}
_BOOL = np.dtype(np.bool_)

# What is there for booleans, and what for floats only.
_OF_BOOL = {
    "add", "multiply", "positive", "equal", "not_equal", "logical_and", "logical_or", "logical_xor", "logical_not",
    "bitwise_and", "bitwise_or", "bitwise_xor", "invert",
}  # fmt: skip
_OF_FLOAT = {
    "divide", "reciprocal", "fabs", "sqrt", "floor", "ceil", "trunc", "rint", "copysign", "exp", "expm1", "log",
    "log1p", "tanh", "isnan", "isinf", "isfinite",
}  # fmt: skip
# x ** n as x's own NumPy operator does it.
_POWERS: dict[float, Callable[[Any], Any]] = {
    -1: np.reciprocal, 0.5: np.sqrt, 1: np.positive, 2: np.square, 3: lambda x: x * x * x,
}  # fmt: skip


class Unlisted(Exception):
    """A formula that kernels do not provide for; the text says why."""


class Step(NamedTuple):
    """One call of a formula: `name` of operands (numbers of inputs and, counted on, steps; or constants).

    Attributes:
        name: the ufunc's, or "cast", "where", or a name of `DIRECT`.
        operands: numbers of values, or Python numbers in a list of one.
        work: the dtype that operands are brought to first.
        dtype: the result's.
        params: keyword parameters, for those of `DIRECT`.
    """

    name: str
    operands: tuple[Any, ...]
    work: np.dtype
    dtype: np.dtype
    params: tuple[tuple[str, Any], ...] = ()


class Formula(NamedTuple):
    """Steps from inputs to results.

    Attributes:
        inputs: their dtypes.
        steps: in order; step i makes value number len(inputs) + i.
        results: numbers of values.
    """

    inputs: tuple[np.dtype, ...]
    steps: tuple[Step, ...]
    results: tuple[int, ...]

    @property
    def dtypes(self) -> tuple[np.dtype, ...]:
        """Of all values."""
        return (*self.inputs, *(step.dtype for step in self.steps))


class Symbol(NDArrayOperatorsMixin):
    """Stands for an array while a formula is listed."""

    __slots__ = ("dtype", "number", "steps")

    def __init__(self, steps: _Listing, number: int, dtype: np.dtype) -> None:
        self.steps, self.number, self.dtype = steps, number, dtype

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Symbol:
        out = options.pop("out", None)
        if method != "__call__" or options or ufunc.nout != 1 or (out is not None and type(out[0]) is not Symbol):
            raise Unlisted(f"np.{ufunc.__name__} with {method}, {', '.join(options)}")
        result = self.steps.call(ufunc, inputs)
        if out is None:
            return result
        # In place: who holds the symbol now has the new value.
        out[0].number = self.steps.cast(result, out[0].dtype).number
        return out[0]

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function is np.where and len(args) == 3 and not kwargs:
            return self.steps.where(*args)
        if function is np.clip and len(args) == 3 and not kwargs:
            x, low, high = args
            return np.minimum(np.maximum(x, low), high)
        if function in (np.zeros_like, np.ones_like) and not kwargs:
            return self.steps.constant(float(function is np.ones_like), self.dtype)
        raise Unlisted(f"np.{function.__name__}")

    def operation(self, name: str, plain: Callable[..., Any], inputs: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """What an operation that has a kernel does when it meets a symbol: see `dispatch`."""
        if name in DIRECT and len(inputs) == 1 and self.dtype.kind == "f":
            return self.steps.add(direct_step(name, self.number, self.dtype, params))
        return plain(*inputs, **params)

    def __pow__(self, exponent: Any) -> Any:
        if type(exponent) in (int, float) and exponent in _POWERS and self.dtype.kind == "f":
            return _POWERS[exponent](self)
        raise Unlisted("a power")

    def astype(self, dtype: Any, copy: bool = True) -> Symbol:
        return self.steps.cast(self, np.dtype(dtype))

    def copy(self) -> Symbol:
        return Symbol(self.steps, self.number, self.dtype)

    def __bool__(self) -> bool:
        raise Unlisted("it branches on values")

    def __getattr__(self, name: str) -> Any:
        raise Unlisted(f"it asks for .{name}")

    def __getitem__(self, index: Any) -> Any:
        raise Unlisted("it indexes")


class _Listing:
    def __init__(self, inputs: Sequence[np.dtype]) -> None:
        self.inputs = tuple(inputs)
        self.made: list[Step] = []
        self.known: dict[Step, int] = {}

    def add(self, step: Step) -> Symbol:
        if step.dtype not in TYPES or step.work not in TYPES:
            raise Unlisted(f"it computes with {step.work if step.work not in TYPES else step.dtype}")
        number = self.known.get(step)
        if number is None:
            number = self.known[step] = len(self.inputs) + len(self.made)
            self.made.append(step)
        return Symbol(self, number, step.dtype)

    def operand(self, x: Any) -> Any:
        if isinstance(x, Symbol):
            return x.number
        if isinstance(x, np.generic) or (isinstance(x, np.ndarray) and x.ndim == 0):
            x = x.item()
        if isinstance(x, (bool, int, float)):
            return (float(x).hex(), x)  # tells 0.0 from -0.0 and 1 from 1.0 when steps are compared
        raise Unlisted(f"it uses a {type(x).__name__}")

    def call(self, ufunc: np.ufunc, inputs: Sequence[Any]) -> Symbol:
        if ufunc.__name__ not in _UFUNCS:
            raise Unlisted(f"np.{ufunc.__name__}")
        operands = tuple(self.operand(x) for x in inputs)
        types = [x.dtype if isinstance(x, (Symbol, np.generic, np.ndarray)) else type(x) for x in inputs]
        types = [int if t is bool else t for t in types]
        *work, result = ufunc.resolve_dtypes((*types, None))
        name, kind = ufunc.__name__, work[0].kind
        unfit = (kind == "b" and name not in _OF_BOOL) or (kind != "f" and name in _OF_FLOAT)
        if unfit or any(w != work[0] for w in work):
            raise Unlisted(f"np.{name} of {', '.join(map(str, work))}")
        return self.add(Step(name, operands, work[0], result))

    def cast(self, x: Symbol, dtype: np.dtype) -> Symbol:
        if x.dtype.kind == "f" and dtype.kind in "iu":
            raise Unlisted("floats become integers")
        return x if x.dtype == dtype else self.add(Step("cast", (x.number,), x.dtype, dtype))

    def constant(self, value: float, dtype: np.dtype) -> Symbol:
        return self.add(Step("constant", (self.operand(value),), dtype, dtype))

    def where(self, condition: Any, a: Any, b: Any) -> Symbol:
        if not isinstance(condition, Symbol) or condition.dtype != _BOOL:
            raise Unlisted("np.where of a condition that is not of booleans")
        types = [x.dtype if isinstance(x, (Symbol, np.generic, np.ndarray)) else x for x in (a, b)]
        dtype = np.result_type(*types)
        return self.add(Step("where", (condition.number, self.operand(a), self.operand(b)), dtype, dtype))


def formula(function: Callable[..., Any], dtypes: Sequence[np.dtype], **params: Any) -> Formula:
    """List what `function(*arrays, **params)` computes, for arrays of these dtypes.

    Raises:
        Unlisted: if kernels do not provide for it.
    """
    listing = _Listing(dtypes)
    try:
        with np.errstate(all="ignore"):
            found = function(*(Symbol(listing, i, d) for i, d in enumerate(dtypes)), **params)
    except (TypeError, AttributeError, ValueError) as error:
        raise Unlisted(f"it takes arrays only ({error})") from None
    results = found if isinstance(found, tuple) else (found,)
    if not all(isinstance(x, Symbol) for x in results):
        raise Unlisted("its result is not a formula of its inputs")
    return Formula(tuple(dtypes), tuple(listing.made), tuple(x.number for x in results))


def direct_step(name: str, operand: int, dtype: np.dtype, params: dict[str, Any]) -> Step:
    """One operation of `DIRECT`."""
    return Step(name, (operand,), dtype, dtype, tuple(sorted(params.items())))


def of_operation(name: str, forward: Callable[..., Any], dtypes: Sequence[np.dtype], params: dict[str, Any]) -> Formula:
    """The formula of an elementwise operation: its own in `DIRECT`, or what its forward function lists."""
    forward = getattr(forward, "plain", forward)

    def called(x: Any, *others: Any) -> Any:
        if isinstance(x, Symbol):
            return x.operation(name, forward, (x, *others), params)
        return forward(x, *others, **params)

    return formula(called, dtypes)


# --- From formulas to code ----------------------------------------------------------------------------------------


def emit(f: Formula, inputs: Sequence[Value], lanes: int) -> list[Value]:
    """The code that computes the results from the inputs, each a vector of so many lanes (bool as i1)."""
    function = inputs[0].function
    values: list[Value] = list(inputs)

    def operand(x: Any, dtype: np.dtype) -> Value:
        type = vector(lanes, TYPES[dtype])
        if isinstance(x, tuple):
            number = x[1]
            if not is_float(type) and isinstance(number, float):
                number = int(number)
            return function.value(type, number)
        return _converted(values[x], TYPES[dtype])

    for step in f.steps:
        if step.name in DIRECT:
            made = DIRECT[step.name](operand(step.operands[0], step.work), **dict(step.params))
        elif step.name == "where":
            condition = values[step.operands[0]]
            a, b = (operand(x, step.work) for x in step.operands[1:])
            made = function.select(condition, a, b)
        elif step.name in ("cast", "constant"):
            made = _converted(operand(step.operands[0], step.work), TYPES[step.dtype])
        else:
            made = _UFUNCS[step.name](*(operand(x, step.work) for x in step.operands))
        values.append(made)
    return [values[i] for i in f.results]


def _converted(x: Value, scalar: str) -> Value:
    if scalar == "i1" and element(x.type) != "i1":
        return x.ne(0)  # also of NaN
    return x.to(scalar)


def _sign(x: Value) -> Value:
    f = x.function
    y = f.select(x > 0, f.value(x.type, 1), f.select(x < 0, f.value(x.type, -1), 0))
    return f.select(x.is_nan(), x, y) if is_float(x.type) else y


def _rounded(name: str) -> Callable[[Value], Value]:
    return lambda x: x.function.call(f"llvm.{name}.{suffix(x.type)}", x.type, x)


_UFUNCS: dict[str, Callable[..., Value]] = {
    "add": lambda a, b: a | b if element(a.type) == "i1" else a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a & b if element(a.type) == "i1" else a * b,
    "divide": lambda a, b: a / b,
    "negative": lambda x: -x,
    "positive": lambda x: x,
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1.0 / x,
    "absolute": lambda x: x.function.abs(x) if is_float(x.type) else x.function.maximum(x, -x),
    "fabs": lambda x: x.function.abs(x),
    "sign": _sign,
    "sqrt": lambda x: x.function.sqrt(x),
    "floor": _rounded("floor"),
    "ceil": _rounded("ceil"),
    "trunc": _rounded("trunc"),
    "rint": _rounded("rint"),
    "copysign": lambda a, b: a.function.copysign(a, b),
    "exp": vecmath.exp,
    "expm1": vecmath.expm1,
    "log": vecmath.log,
    "log1p": vecmath.log1p,
    "tanh": vecmath.tanh,
    "maximum": lambda a, b: a.function.maximum(a, b),
    "minimum": lambda a, b: a.function.minimum(a, b),
    "greater": lambda a, b: a > b,
    "greater_equal": lambda a, b: a >= b,
    "less": lambda a, b: a < b,
    "less_equal": lambda a, b: a <= b,
    "equal": lambda a, b: a.eq(b),
    "not_equal": lambda a, b: a.ne(b),
    "isnan": lambda x: x.is_nan(),
    "isinf": lambda x: x.function.abs(x).eq(math.inf),
    "isfinite": lambda x: x.function.abs(x) < math.inf,
    "bitwise_and": lambda a, b: a & b,
    "bitwise_or": lambda a, b: a | b,
    "bitwise_xor": lambda a, b: a ^ b,
    "invert": lambda x: x ^ -1,
    "logical_and": lambda a, b: _converted(a, "i1") & _converted(b, "i1"),
    "logical_or": lambda a, b: _converted(a, "i1") | _converted(b, "i1"),
    "logical_xor": lambda a, b: _converted(a, "i1") ^ _converted(b, "i1"),
    "logical_not": lambda x: _converted(x, "i1") ^ -1,
}


def _softplus(x: Value, *, beta: float, threshold: float) -> Value:
    z = x * beta
    y = vecmath.log_of_exponential(z)
    return x.function.select(z > threshold, x, y if beta == 1 else y / beta)


DIRECT: dict[str, Callable[..., Value]] = {
    "sigmoid": vecmath.sigmoid,
    "erf": vecmath.erf,
    "ndtr": vecmath.ndtr,
    "gelu": lambda x: x * vecmath.ndtr(x),
    "silu": lambda x: x * vecmath.sigmoid(x),
    "softplus": _softplus,
    "mish": lambda x: x * vecmath.tanh(vecmath.log_of_exponential(x)),
    "logsigmoid": lambda x: -vecmath.log_of_exponential(-x),
}
