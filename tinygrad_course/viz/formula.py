"""Terms are simplified as they are built. How they are printed is in `notation`.

A term knows its shape, so that what merely repeats a value (`expand`) can be left out where broadcasting does it.
Simplifying is algebra: x/x is 1 also where x is 0, and guards against dividing by zero are dropped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..ops import REGISTRY
from .terms import TESTS, Shape, Term, mentions, number

__all__ = ["build", "expanded", "simplifies"]

_OPPOSITE = {"eq": "ne", "ne": "eq", "lt": "ge", "ge": "lt", "gt": "le", "le": "gt"}


# --- Sums, products, powers -----------------------------------------------------------------------------------------


def expanded(x: Term, shape: Shape) -> Term:
    """x repeated to a shape."""
    while x.op == "expand":
        x = x.args[0]
    return x if x.shape == shape else Term("expand", (x,), (("shape", shape),), shape)


def _bare(x: Term) -> Term:
    return x.args[0] if x.op == "expand" else x


def _split(x: Term) -> tuple[float, Term | None]:
    """A term as a number times the rest (None for 1)."""
    if x.op == "number":
        return x.value, None
    if x.op == "times" and x.args[0].op == "number":
        rest = x.args[1:]
        return x.args[0].value, rest[0] if len(rest) == 1 else Term("times", rest, shape=x.shape)
    return 1, x


def _broadcast(terms: Iterable[Term]) -> Shape:
    return np.broadcast_shapes(*(t.shape for t in terms))


def plus(terms: Sequence[Term], shape: Shape) -> Term:
    """A sum, like terms collected."""
    rests: list[Term | None] = []
    counts: list[float] = []
    for term in terms:
        term = _bare(term)
        for part in term.args if term.op == "plus" else (term,):
            count, rest = _split(part)
            if rest in rests:
                counts[rests.index(rest)] += count
            else:
                rests.append(rest)
                counts.append(count)
    parts = [number(c) if r is None else times((number(c), r), r.shape) for c, r in zip(counts, rests) if c != 0]
    if parts and _split(parts[0])[0] < 0:  # do not begin with a minus
        parts.sort(key=lambda p: _split(p)[0] < 0)
    if not parts:
        return expanded(number(0), shape)
    total = parts[0] if len(parts) == 1 else Term("plus", tuple(parts), shape=_broadcast(parts))
    return expanded(total, shape)


def times(factors: Sequence[Term], shape: Shape) -> Term:
    """An elementwise product: numbers gathered, equal factors as powers, cotangents last."""
    count: float = 1
    bases: list[Term] = []
    exponents: list[float] = []
    for factor in factors:
        factor = _bare(factor)
        for part in factor.args if factor.op == "times" else (factor,):
            if part.op == "number":
                count *= part.value
                continue
            base, exponent = (part.args[0], part.value) if part.op == "power" else (part, 1)
            if base in bases and not base.boolean:
                exponents[bases.index(base)] += exponent
            elif base not in bases:
                bases.append(base)
                exponents.append(exponent)
    if count == 0:
        return expanded(number(0), shape)
    parts = [raised(b, e) for b, e in zip(bases, exponents) if e != 0]
    parts.sort(key=lambda p: mentions(p, lambda s: s.backward))
    if count == -1 and len(parts) == 1 and parts[0].op == "plus":
        return expanded(plus([times((number(-1), p), p.shape) for p in parts[0].args], parts[0].shape), shape)
    if count != 1 or not parts:
        parts.insert(0, number(count))
    product = parts[0] if len(parts) == 1 else Term("times", tuple(parts), shape=_broadcast(parts))
    return expanded(product, shape)


def raised(base: Term, exponent: float) -> Term:
    """A power with a constant exponent."""
    if exponent == 1:
        return base
    if exponent == 0:
        return expanded(number(1), base.shape)
    if base.op == "number":
        return number(float(base.value) ** exponent)
    if base.op == "expand":
        return expanded(raised(base.args[0], exponent), base.shape)
    if float(exponent).is_integer():
        if base.op == "power":
            return raised(base.args[0], base.value * exponent)
        if base.op == "times":
            return times([raised(a, exponent) for a in base.args], base.shape)
    return Term("power", (base,), (("exponent", exponent),), base.shape)


# --- Matrices and shapes --------------------------------------------------------------------------------------------


def _scaled(x: Term, rebuild: Callable[[Term], Term]) -> Term | None:
    """Pull a number out of a linear operation: f(2 x) is 2 f(x)."""
    count, rest = _split(x)
    if rest is None or count == 1:
        return None
    inner = rebuild(expanded(rest, x.shape))
    return times((number(count), inner), inner.shape)


def _uniform(x: Term) -> float | None:
    """The number of which all values are copies."""
    bare = _bare(x)
    return bare.value if bare.op == "number" else None


def product(a: Term, b: Term, shape: Shape) -> Term:
    """A matrix product; with a vector of ones it is a sum."""
    left, right = _uniform(a), _uniform(b)
    if left is not None and len(b.shape) == 2 and (len(a.shape) == 1 or a.shape[0] == 1 == len(a.shape) - 1):
        return times((number(left), summed(b, 0, len(a.shape) == 2)), shape)
    if right is not None and len(b.shape) == 2 and b.shape[1] == 1 and len(a.shape) >= 2:
        return times((number(right), summed(a, len(a.shape) - 1, True)), shape)
    outside = _scaled(a, lambda x: product(x, b, shape)) or _scaled(b, lambda x: product(a, x, shape))
    return outside or Term("matmul", (a, b), shape=shape)


def permuted(x: Term, dims: Sequence[int]) -> Term:
    """The dims in another order."""
    dims = tuple(d % len(dims) for d in dims)
    shape = tuple(x.shape[d] for d in dims)
    if x.op == "permute":
        inner = dict(x.params)["dims"]
        dims, x = tuple(inner[d] for d in dims), x.args[0]
    if dims == tuple(range(len(dims))):
        return x
    if _uniform(x) is not None:
        return expanded(_bare(x), shape)
    if x.op == "matmul" and dims == (1, 0) and all(len(a.shape) == 2 for a in x.args):
        a, b = x.args
        return product(permuted(b, dims), permuted(a, dims), shape)
    return _scaled(x, lambda rest: permuted(rest, dims)) or Term("permute", (x,), (("dims", dims),), shape)


def _reduced(shape: Shape, axis: Any, keepdims: bool) -> tuple[Any, Shape]:
    """The axes, counted from 0 (None for all), and the shape that a reduction leaves."""
    axes = range(len(shape)) if axis is None else [int(a) % max(len(shape), 1) for a in np.atleast_1d(axis)]
    left = tuple(1 if i in axes else n for i, n in enumerate(shape) if keepdims or i not in axes)
    whole = sorted(axes) == list(range(len(shape)))
    return None if whole else axes[0] if len(axes) == 1 else tuple(sorted(axes)), left


def summed(x: Term, axis: Any, keepdims: bool) -> Term:
    """The sum over some axes, or all."""
    axis, shape = _reduced(x.shape, axis, keepdims)
    value = _uniform(x)
    if value is not None:
        return expanded(number(value * (math.prod(x.shape) / max(math.prod(shape), 1))), shape)
    if axis is None and not x.shape:
        return x
    if x.op == "sum" and axis is None and not keepdims:
        return summed(x.args[0], None, False)
    params = (("axis", axis), ("keepdims", keepdims))
    return _scaled(x, lambda rest: summed(rest, axis, keepdims)) or Term("sum", (x,), params, shape)


def reshaped(x: Term, shape: Shape) -> Term:
    """The same values in another shape."""
    while x.op == "reshape":
        x = x.args[0]
    if x.shape == shape:
        return x
    if _uniform(x) is not None:
        return expanded(_bare(x), shape)
    if x.op == "sum":
        params = dict(x.params)
        other = _reduced(x.args[0].shape, params["axis"], not params["keepdims"])[1]
        if other == shape:
            return summed(x.args[0], params["axis"], not params["keepdims"])
    return _scaled(x, lambda rest: reshaped(rest, shape)) or Term("reshape", (x,), (("shape", shape),), shape)


# --- Choices --------------------------------------------------------------------------------------------------------


def opposite(test: Term) -> Term:
    """The test that is true where this one is not."""
    known = _uniform(test)
    if known is not None:
        return expanded(number(int(not known)), test.shape)
    if test.op == "logical_not":
        return test.args[0]
    return Term(_OPPOSITE.get(test.op, "logical_not"), test.args if test.op in _OPPOSITE else (test,), (), test.shape)


def _zero_of(test: Term) -> Term | None:
    """x, if the test is that x is 0 (and perhaps more)."""
    if test.op == "eq" and _uniform(test.args[1]) == 0:
        return test.args[0]
    return _zero_of(test.args[-1]) if test.op == "logical_and" else None


def _is_guard(test: Term, x: Term) -> bool:
    return (test.op == "logical_and" and any(_is_guard(a, x) for a in test.args)) or _zero_of(test) == x


def chosen(test: Term, a: Term, b: Term, shape: Shape) -> Term:
    """a where the test is true, else b."""
    known = _uniform(test)
    if known is not None or a == b:
        return expanded(a if known != 0 else b, shape)
    if _uniform(a) is not None and test.op in TESTS and _is_guard(test, _bare(b)):
        return expanded(b, shape)
    if _uniform(a) == 0:
        if b.op == "times" and _zero_of(test) is not None and times((_zero_of(test), b), shape) != b:  # type: ignore[arg-type]
            zero = _split(_zero_of(test))[1]  # type: ignore[arg-type]
            parts = zero.args if zero is not None and zero.op == "times" else (zero,)
            if all(p in b.args for p in parts):
                return expanded(b, shape)
        return times((opposite(test), b), shape)
    if _uniform(b) == 0:
        return times((test, a), shape)
    return Term("where", (_bare(test), _bare(a), _bare(b)), shape=shape) if _broadcast(
        map(_bare, (test, a, b))
    ) == shape else Term("where", (test, a, b), shape=shape)  # fmt: skip


# --- From operations ------------------------------------------------------------------------------------------------


def _power(args: Sequence[Term], shape: Shape, params: dict[str, Any]) -> Term:
    base, exponent = args
    value = _uniform(exponent)
    if value is not None:
        return expanded(raised(base, value), shape)
    return Term("power_of", (_bare(base), _bare(exponent)), shape=shape)


def _linear(args: Sequence[Term], shape: Shape, params: dict[str, Any]) -> Term:
    x, weight, *bias = args
    y = product(x, permuted(weight, (1, 0)), shape)
    return plus([y, *bias], shape) if bias and _uniform(bias[0]) != 0 else y


def _equal(args: Sequence[Term], shape: Shape, params: dict[str, Any]) -> Term:
    """A test whether labels are a number that none of them is (an index to ignore) is false."""
    labels, value = args[0], _uniform(args[1])
    if labels.op == "name" and value is not None:
        known = labels.value.value
        if isinstance(known, np.ndarray) and known.dtype.kind in "iu" and not (known == value).any():
            return expanded(number(0), shape)
    return Term("eq", (_bare(labels), _bare(args[1])), shape=shape)


def _norm(args: Sequence[Term], shape: Shape, params: dict[str, Any]) -> Term:
    if params.get("p", 2) != 2:
        return Term("norm", tuple(args), tuple(params.items()), shape)
    return raised(summed(raised(args[0], 2), params.get("axis"), params.get("keepdims", False)), 0.5)


def _squared_error(args: Sequence[Term], shape: Shape, params: dict[str, Any]) -> Term:
    a, b = args
    error = plus([a, times((number(-1), b), b.shape)], a.shape)
    return times((number(params["scale"]), summed(raised(error, 2), None, False)), shape)


def simplifies(op: str) -> bool:
    """Whether calls of an operation are rewritten as terms of other operations."""
    return op in _RULES or op == "cast"


Rule = Callable[[Sequence[Term], Shape, dict[str, Any]], Term]
_RULES: dict[str, Rule] = {
    "add": lambda a, s, p: plus(a, s),
    "subtract": lambda a, s, p: plus([a[0], times((number(-1), a[1]), a[1].shape)], s),
    "multiply": lambda a, s, p: times(a, s),
    "divide": lambda a, s, p: times((a[0], raised(a[1], -1)), s),
    "negative": lambda a, s, p: times((number(-1), a[0]), s),
    "positive": lambda a, s, p: a[0],
    "reciprocal": lambda a, s, p: raised(a[0], -1),
    "square": lambda a, s, p: raised(a[0], 2),
    "sqrt": lambda a, s, p: raised(a[0], 0.5),
    "rsqrt": lambda a, s, p: raised(a[0], -0.5),
    "power": _power,
    "linear": _linear,
    "squared_error": _squared_error,
    "norm": _norm,
    "eq": _equal,
    "combine": lambda a, s, p: plus([times(a[0:2], s), times(a[2:4], s), a[4]], s),
    "affine": lambda a, s, p: plus([times(a[:2], s), *a[2:]], s),
    "matmul": lambda a, s, p: product(a[0], a[1], s),
    "permute": lambda a, s, p: permuted(a[0], p["dims"]),
    "sum": lambda a, s, p: summed(a[0], p.get("axis"), p.get("keepdims", False)),
    "reshape": lambda a, s, p: reshaped(a[0], s),
    "expand": lambda a, s, p: expanded(a[0], s),
    "clone": lambda a, s, p: a[0],
    "where": lambda a, s, p: chosen(a[0], a[1], a[2], s),
    "bitwise_and": lambda a, s, p: Term(
        "logical_and" if all(x.boolean for x in a) else "bitwise_and", tuple(a), shape=s
    ),
    "logical_not": lambda a, s, p: opposite(a[0]),
}


def build(op: str, args: Sequence[Term], shape: Shape, params: dict[str, Any] | None = None, kind: str = "f") -> Term:
    """The simplified term of a call of an operation.

    Args:
        op: the primitive's name.
        args: the terms of its inputs.
        shape: of the result.
        params: its keyword parameters.
        kind: of the result's dtype.
    """
    params = params or {}
    if op == "cast" and kind == "f":
        return args[0]
    rule = _RULES.get(op)
    if rule is not None:
        return rule(args, shape, params)
    declared = REGISTRY.get(op)
    if declared is not None and declared.broadcasts and declared.lazy:  # elementwise
        values = [_uniform(a) for a in args]
        if args and all(v is not None for v in values) and op not in TESTS:
            folded = np.asarray(declared.forward(*(np.asarray(v, float) for v in values), **params))
            return expanded(number(folded.item()), shape)
        bare = [_bare(a) for a in args]
        if bare and _broadcast(bare) == shape:
            args = bare
    return Term(op, tuple(args), tuple(params.items()), shape)
