"""What an operation is: a forward function, and one vector-Jacobian rule per array input.

A rule is written once, in NumPy's terms, as `rule(g, y, *inputs, **params)`: `g` is the cotangent of the output `y`.
It runs on plain arrays for the fast first-order backward pass, and on Tensors when the backward pass is itself to be
recorded. An argument that a rule names with a leading underscore is not kept in memory for it: the rule then gets
a `graph.Spec`, which knows the shape and dtype only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from types import MethodType
from typing import Any

import numpy as np

from ..graph import Bundle, bind
from ..tensor import Tensor

__all__ = ["REGISTRY", "Op", "declare", "primitive"]

REGISTRY: dict[str, Op] = {}
CO_VARARGS = 0x04  # as in `inspect`, which takes long to import

Rule = Callable[..., Any]


class Op:
    """One primitive operation. Made by `primitive`; called like a function.

    Attributes:
        name: its name in the registry, in drawings and in messages.
        forward: computes the output array(s) from arrays and keyword parameters; never writes to its inputs.
        rules: one vjp rule per array input (None where there is no gradient); None if nothing is differentiable.
        lazy: the rules accept a cotangent whose shape merely broadcasts to the output's.
        broadcasts: the inputs are broadcast against each other, so the engine sums cotangents back.
        stretches: both: what the rules give has the output's shape, or one that broadcasts to it.
        shrinks: the output may be much smaller than an input that backward does not need.
        arity: inputs beyond this number have no rule.
        joint: the engine asks `pullback` for the cotangents of all inputs at once, not each rule for its own.
    """

    def __init__(
        self, name: str, forward: Callable[..., Any], rules: Sequence[Rule | None] | Rule | None, *, lazy: bool,
        broadcasts: bool, shrinks: bool, variadic: bool, doc: str | None,
    ) -> None:  # fmt: skip
        self.name = self.__name__ = name
        self.forward: Callable[..., Any] = forward
        self.variadic = variadic
        self.rules: tuple[Rule | None, ...] | None
        if rules is None:
            self.rules = None
        elif callable(rules):
            self.rules = (rules,)
        else:
            self.rules = tuple(rules)
        self.lazy = lazy
        self.broadcasts = broadcasts
        self.stretches = lazy and broadcasts
        self.shrinks = shrinks
        self.joint = variadic or type(self).pullback is not Op.pullback
        self.arity: float = math.inf if self.joint or self.rules is None else len(self.rules)
        self.__doc__ = doc
        # To hand all inputs to the rule for each of many takes long: a variadic rule may do without.
        self._takes_inputs = not (variadic and self.rules) or _gathers(self.rules[0])
        self._kept: dict[tuple[bool, ...], tuple[bool, tuple[bool, ...]]] = {}

    @property
    def plain(self) -> Callable[..., Any]:
        """The forward function itself, where a native kernel was put in front of it."""
        return getattr(self.forward, "plain", self.forward)

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    __call__ = bind

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Let an op that is put on a class act as a method, as a function would."""
        return self if instance is None else MethodType(self, instance)

    def apply(self, *inputs: Any, **params: Any) -> Any:
        """Compute on plain arrays and give a plain array, or record if any input is a Tensor: for use in rules."""
        for x in inputs:
            if isinstance(x, Tensor):
                return bind(self, *inputs, **params)
        return self.forward(*inputs, **params)

    def rules_for(self, count: int) -> tuple[Rule | None, ...]:
        """The rules for a call with `count` inputs: a variadic op has one rule, told which input it is for."""
        if not self.variadic:
            return self.rules or (None,) * count
        rule = self.rules[0]  # type: ignore[index]
        return tuple(_for_input(rule, i, self._takes_inputs) for i in range(count))  # type: ignore[arg-type]

    def kept(self, wanted: tuple[bool, ...]) -> tuple[bool, tuple[bool, ...]]:
        """Whether backward needs the output, and which inputs it needs, if these inputs want a gradient."""
        found = self._kept.get(wanted)
        if found is None:
            rules = self.rules or ()
            if self.variadic:  # one rule, which reads all inputs or none
                found = _uses(rules[0], len(wanted), True)
            else:
                uses = [_uses(rule, len(wanted), False) for rule, w in zip(rules, wanted) if w]
                found = any(u[0] for u in uses), tuple(any(u[1][i] for u in uses) for i in range(len(wanted)))
            self._kept[wanted] = found
        return found

    def pullback(
        self, g: Any, y: Any, inputs: Sequence[Any], params: dict[str, Any], wanted: Sequence[bool]
    ) -> list[Any]:
        """The cotangents of all inputs (None where none is wanted). Ops that find them jointly override this.

        A joint op gets the cotangent of its output as it arrived: of a smaller shape that broadcasts, if `lazy`.
        """
        given = inputs if self._takes_inputs else ()
        return [
            rule(g, y, *given, **params) if w and rule is not None else None
            for rule, w in zip(self.rules_for(len(inputs)), wanted)
        ]


def _for_input(rule: Rule, index: int, takes_inputs: bool) -> Rule:
    if takes_inputs:
        return lambda g, y, *inputs, **params: rule(index, g, y, *inputs, **params)
    return lambda g, y, *_inputs, **params: rule(index, g, y, **params)


def _gathers(rule: Rule | None) -> bool:
    """Whether a rule has *inputs; yes where it cannot be told."""
    code = getattr(rule, "__code__", None)
    return code is None or bool(code.co_flags & CO_VARARGS)


def _uses(rule: Rule | None, count: int, variadic: bool) -> tuple[bool, tuple[bool, ...]]:
    """Which of (output, inputs) a rule reads, told by the names of its arguments."""
    if rule is None:
        return False, (False,) * count
    code = getattr(rule, "__code__", None)
    if code is None:
        return True, (True,) * count
    if variadic:  # rule(i, g, y, *inputs, **params)
        gathered = code.co_varnames[code.co_argcount + code.co_kwonlyargcount] if _gathers(rule) else "_"
        return not code.co_varnames[2].startswith("_"), (not gathered.startswith("_"),) * count
    names = code.co_varnames[1 : code.co_argcount]
    used = [not name.startswith("_") for name in names[: count + 1]]
    used += [True] * (count + 1 - len(used))  # gathered by *args: assume the rule reads them
    return used[0], tuple(used[1:])


def primitive(
    forward: Callable[..., Any], vjp: Sequence[Rule | None] | Rule | None = None, *, name: str | None = None,
    lazy: bool | None = None, broadcasts: bool | None = None, shrinks: bool | None = None, variadic: bool = False,
    doc: str | None = None, register: bool = False,
) -> Op:  # fmt: skip
    """Declare an operation: what it computes, and the vector-Jacobian product of each array input.

    Args:
        forward: `forward(*arrays, **params)` gives an array, or a tuple of arrays. It must not write to its inputs.
        vjp: one rule, or one per array input, each `rule(g, y, *inputs, **params)`; None where there is no gradient.
            Write rules with operators and NumPy functions (they must run on Tensors as well); never sum over
            broadcast axes in a rule. Arguments that a rule does not read are named with a leading underscore.
        name: defaults to the forward function's name.
        lazy: the rules accept a cotangent of a smaller shape that broadcasts to the output's; default: as `broadcasts`.
        broadcasts: inputs broadcast elementwise; default: True if `forward` is a NumPy ufunc without a signature.
        shrinks: the output may be much smaller than an input that no rule needs; default: not `broadcasts`.
        variadic: any number of array inputs; `vjp` is then one rule `rule(i, g, y, *inputs, **params)` for input `i`;
            it may leave out `*inputs`.
        doc: the docstring of the operation.
        register: put it in the project's registry. Users' operations stay out, so a cell can be run twice.

    Raises:
        TypeError: if `forward` or a rule is not callable.

    Example:
        >>> import numpy as np, tinygrad_course as tc
        >>> cube = tc.primitive(lambda x: x ** 3, vjp=lambda g, y, x: g * 3 * x ** 2, name="cube")
        >>> x = tc.tensor([1.0, 2.0], requires_grad=True)
        >>> cube(x).sum().backward()
        >>> x.grad
        tensor([ 3., 12.])
    """
    if not callable(forward):
        raise TypeError(f"primitive: forward must be callable, got {type(forward).__name__}")
    for rule in vjp if isinstance(vjp, Sequence) else (vjp,):
        if rule is not None and not callable(rule):
            raise TypeError(f"primitive: each vjp rule must be callable or None, got {type(rule).__name__}")
    if broadcasts is None:
        broadcasts = isinstance(forward, np.ufunc) and forward.signature is None
    op = Op(
        name or forward.__name__.strip("_"), forward, vjp, lazy=broadcasts if lazy is None else lazy,
        broadcasts=broadcasts, shrinks=not broadcasts if shrinks is None else shrinks, variadic=variadic,
        doc=doc or forward.__doc__,
    )  # fmt: skip
    if register:
        if op.name in REGISTRY:
            raise ValueError(f"primitive: an operation named {op.name!r} exists already; give name= another value")
        REGISTRY[op.name] = op
    return op


declare: Callable[..., Op] = partial(primitive, register=True)

pick = declare(
    lambda ys, index: ys[index],
    vjp=lambda g, _y, ys, index: Bundle(g if i == index else None for i in range(len(ys))),
    name="pick", lazy=True, doc="One of the outputs of an operation that has several.",
)  # fmt: skip
