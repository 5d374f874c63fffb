"""Functions of functions: gradients and products with the Jacobian, from either side.

Each transform runs the function on inputs of its own, so that nobody else's graph is touched: a constant becomes a new
leaf, a tensor that is in the graph already is followed by a node (`alias`) from which this transform counts. As nodes
have identities, nested transforms cannot take each other's perturbations for their own.

The backward pass is recorded only if somebody outside can differentiate the result again: an input or a tensor that the
function closes over is in the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..graph import bind, state
from ..ops.op import primitive
from ..tensor import LEAF, Tensor, tensor
from .backward import grad as _grad
from .modes import enable_grad
from .tree import flatten, map_leaves, unflatten

__all__ = ["grad", "jvp", "linearize", "value_and_grad", "vjp"]

Argnums = int | Sequence[int]

_alias = primitive(lambda x: x, vjp=lambda g, _y, _x: g, name="alias", lazy=True)


class Run:
    """A function's run on inputs that belong to one transform.

    Attributes:
        outs: its results, as a flat list of Tensors, and `out_tree`, their structure.
        aux: what else it returned.
        inputs: the inputs of this transform, flat, and `in_tree`, their structure.
        open: whether the results can be differentiated by somebody outside.
    """

    def __init__(
        self, name: str, function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any],
        argnums: Argnums | None = None, has_aux: bool = False,
    ) -> None:  # fmt: skip
        self.name = name
        places = _places(name, range(len(args)) if argnums is None else argnums, len(args))
        chosen: Any = tuple(args[i] for i in places)
        values, self.in_tree = flatten(chosen[0] if isinstance(argnums, int) else chosen)
        self.inputs = [_own(name, x) for x in values]
        self._leaves = {x for x in self.inputs if x.node is LEAF}
        own = unflatten(self.inputs, self.in_tree)
        args = list(args)
        for i, x in zip(places, (own,) if isinstance(argnums, int) else own):
            args[i] = x
        with enable_grad():
            out = function(*args, **kwargs)
        self.aux = None
        if has_aux:
            if not isinstance(out, tuple) or len(out) != 2:
                raise RuntimeError(f"{name}: with has_aux=True the function must return a pair (output, aux)")
            out, self.aux = out
        outs, self.out_tree = flatten(out)
        self.outs = [_result(name, y) for y in outs]
        seen = self.outs + [x for x in flatten(self.aux)[0] if isinstance(x, Tensor)]
        self.open = state.grad and any(self._reaches_out(y) for y in seen)

    def own_leaf(self, x: Tensor) -> Tensor:
        """A new leaf that belongs to this transform, with the values of `x`."""
        leaf = Tensor._wrap(x.array, LEAF)
        self._leaves.add(leaf)
        return leaf

    def pull(self, cotangents: Sequence[Tensor], *, keep: bool, record: bool | None = None) -> tuple[Tensor, ...]:
        """The cotangents of the inputs, zeros where the outputs do not depend on them."""
        if record is None:
            record = state.grad and (self.open or any(g.requires_grad for g in cotangents))
        return pull(self.outs, self.inputs, cotangents, keep=keep, record=record)

    def leave(self, tree: Any) -> Any:
        """Results as seen from outside: what only depends on this transform's own inputs is constant there."""
        return map_leaves(
            lambda y: y if not isinstance(y, Tensor) or self._reaches_out(y) else y.detach(), tree
        )  # fmt: skip

    def result(self) -> Any:
        """The function's output, as seen from outside."""
        return self.leave(unflatten(self.outs, self.out_tree))

    def cotangents(self, tree: Any) -> list[Tensor]:
        """Cotangents given by the user, checked against the outputs."""
        return matching(self.name, "cotangent", tree, self.outs, self.out_tree)

    def _reaches_out(self, y: Tensor) -> bool:
        """Whether a tensor depends on a leaf that is not this transform's own."""
        return any(leaf not in self._leaves for leaf in leaves_of(y))


def leaves_of(y: Tensor) -> Iterable[Tensor]:
    """The leaves that a tensor depends on, each perhaps more than once."""
    if y.node is LEAF:
        yield y
    elif y.node is not None:
        seen = {y.node}
        stack: list[Any] = [y.node]
        while stack:
            for parent in stack.pop().parents:
                if isinstance(parent, Tensor):
                    yield parent
                elif parent is not None and parent not in seen:
                    seen.add(parent)
                    stack.append(parent)


def pull(
    outs: Sequence[Tensor], inputs: Sequence[Tensor], cotangents: Sequence[Tensor], *, keep: bool, record: bool
) -> tuple[Tensor, ...]:
    """`autograd.grad` that gives zeros where nothing depends, also where no output is in the graph."""
    pairs = [(y, g) for y, g in zip(outs, cotangents) if y.requires_grad]
    if not pairs or not inputs:
        return tuple(Tensor._wrap(np.zeros_like(x.array)) for x in inputs)
    ys, gs = zip(*pairs)
    return _grad(ys, inputs, gs, retain_graph=keep, create_graph=record, materialize_grads=True)


def matching(name: str, what: str, tree: Any, tensors: Sequence[Tensor], structure: Any) -> list[Tensor]:
    """The leaves of `tree` as Tensors, one for each of `tensors`, of the same shapes and dtypes."""
    given, given_structure = flatten(tree)
    if given_structure != structure:
        raise RuntimeError(f"{name}: the {what}s must be nested as the values that they belong to are")
    found = []
    for g, x in zip(given, tensors):
        g = g if isinstance(g, Tensor) else Tensor._wrap(np.asarray(g, x.array.dtype))
        if g.array.shape != x.array.shape:
            raise RuntimeError(
                f"{name}: a {what} has shape {tuple(g.shape)}, its value {tuple(x.shape)}; they must be equal"
            )
        found.append(g if g.array.dtype == x.array.dtype else g.to(x.array.dtype))
    return found


def _places(name: str, argnums: Iterable[int] | int, count: int) -> list[int]:
    places = [argnums] if isinstance(argnums, int) else list(argnums)
    for i in places:
        if not -count <= i < count:
            raise RuntimeError(f"{name}: argnums names argument {i}, but there are {count} positional arguments")
    return [i % count for i in places]


def _own(name: str, x: Any) -> Tensor:
    """An input of a transform: a leaf of its own, or a node of its own behind a tensor that is in the graph."""
    if isinstance(x, (int, float)) and not isinstance(x, bool):
        x = tensor(float(x))
    elif isinstance(x, (np.ndarray, np.generic)):
        x = Tensor._wrap(np.asarray(x))
    if not isinstance(x, Tensor):
        raise TypeError(f"{name}: expected Tensors or numbers to differentiate by, got {type(x).__name__}")
    if x.array.dtype.kind != "f":
        raise RuntimeError(f"{name}: expected floating values to differentiate by, got {x.array.dtype}; use x.float()")
    return bind(_alias, x) if state.grad and x.requires_grad else Tensor._wrap(x.array, LEAF)


def _result(name: str, y: Any) -> Tensor:
    if isinstance(y, Tensor):
        return y
    if isinstance(y, (int, float, np.ndarray, np.generic)):
        return tensor(y)
    raise TypeError(f"{name}: the function must return Tensors, got {type(y).__name__}")


def value_and_grad(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """Make of `func` a function that gives its value and its gradient.

    Args:
        func: gives a Tensor with a single value; with `has_aux`, a pair of that and anything else.
        argnums: the argument(s) to differentiate by: tensors, numbers, or nested tuples, lists and dicts of them.
        has_aux: the function returns `(value, aux)`; then the result is `((value, aux), gradient)`.

    Raises:
        RuntimeError: if the function's result has several values.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.func.value_and_grad(lambda x: x ** 3)(tc.tensor(2.0))
        (tensor(8.), tensor(12.))
    """

    def wrapped(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        return _value_and_grad("value_and_grad", func, argnums, has_aux, args, kwargs)

    return _named(wrapped, func)


def grad(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """Make of `func` a function that gives its gradient; of any order, by nesting.

    Args and raises as `value_and_grad`; with `has_aux` the result is `(gradient, aux)`.

    Example:
        >>> import tinygrad_course as tc
        >>> f = lambda x: x ** 3
        >>> tc.func.grad(tc.func.grad(f))(tc.tensor(2.0))
        tensor(12.)
    """

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        value, gradient = _value_and_grad("grad", func, argnums, has_aux, args, kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return _named(wrapped, func)


def _value_and_grad(name: str, func: Any, argnums: Argnums, has_aux: bool, args: Any, kwargs: Any) -> tuple[Any, Any]:
    run = Run(name, func, args, kwargs, argnums, has_aux)
    if len(run.outs) != 1 or run.outs[0].array.size != 1:
        shapes = ", ".join(str(tuple(y.shape)) for y in run.outs)
        raise RuntimeError(f"{name}: the function must return a single value, got {shapes}; reduce it, or use jacobian")
    y = run.outs[0]
    found = run.pull([Tensor._wrap(np.ones_like(y.array))], keep=run.open)
    gradient = run.leave(unflatten(found, run.in_tree))
    value = run.result()
    return ((value, run.leave(run.aux)) if has_aux else value), gradient


def _named(wrapped: Callable[..., Any], func: Callable[..., Any]) -> Callable[..., Any]:
    wrapped.__name__ = f"{wrapped.__qualname__.split('.')[0]}({getattr(func, '__name__', type(func).__name__)})"
    return wrapped


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """The output of a function, and the map from its cotangent u to uᵀJ.

    Returns:
        `(output, vjp_fn)` or, with `has_aux`, `(output, vjp_fn, aux)`. `vjp_fn(u)` may be called any number of times;
        it gives one result for a single primal, a tuple for several.

    Example:
        >>> import tinygrad_course as tc
        >>> y, pull = tc.func.vjp(lambda x: x * x, tc.tensor([1.0, 2.0]))
        >>> pull(tc.tensor([1.0, 10.0]))
        tensor([ 2., 40.])
    """
    run = Run("vjp", func, primals, {}, None, has_aux)

    def vjp_fn(cotangents: Any) -> Any:
        found = run.pull(run.cotangents(cotangents), keep=True)
        result = run.leave(unflatten(found, run.in_tree))
        return result[0] if len(primals) == 1 else result

    return (run.result(), vjp_fn, run.leave(run.aux)) if has_aux else (run.result(), vjp_fn)


class Linear:
    """The linear map of a function at a point: tangents of the inputs to tangents of the outputs.

    The vector-Jacobian product u ↦ uᵀJ is linear in u, so its own vjp, at any u, is v ↦ Jv.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.us = [run.own_leaf(Tensor._wrap(_generic(y.array))) for y in run.outs]
        self.pulled = run.pull(self.us, keep=True, record=True)

    def __call__(self, tangents: Sequence[Tensor], *, keep: bool) -> tuple[Tensor, ...]:
        record = state.grad and (self.run.open or any(t.requires_grad for t in tangents))
        return pull(self.pulled, self.us, tangents, keep=keep, record=record)


def _generic(y: np.ndarray) -> np.ndarray:
    """Values of no special kind: rules that treat g = 0 apart must not see zeros, nor sums that happen to cancel."""
    return (0.5 + np.arange(1, y.size + 1) * 0.6180339887498949 % 1).astype(y.dtype).reshape(y.shape)


def jvp(
    func: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any], *, has_aux: bool = False
) -> tuple[Any, ...]:
    """The output of a function and Jv, its derivative in the direction of the tangents v (forward mode).

    It is computed as the vjp of the vjp (Townsend 2017, "A new trick for calculating Jacobian vector products"), so no
    operation needs a second rule.

    Args:
        func: a function of `len(primals)` arguments.
        primals: the arguments: a tuple.
        tangents: the direction, nested as the primals.
        has_aux: the function returns `(output, aux)`; then aux is the third result.

    Example:
        >>> import tinygrad_course as tc
        >>> tc.func.jvp(lambda x: x * x, (tc.tensor([1.0, 2.0]),), (tc.tensor([1.0, 10.0]),))
        (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    _check_tuples("jvp", primals, tangents)
    run = Run("jvp", func, primals, {}, None, has_aux)
    given = matching("jvp", "tangent", tuple(tangents), run.inputs, run.in_tree)
    found = run.leave(unflatten(Linear(run)(given, keep=False), run.out_tree))
    return (run.result(), found, run.leave(run.aux)) if has_aux else (run.result(), found)


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """The output of a function, and the map from tangents to Jv: the function runs once for any number of directions.

    Example:
        >>> import tinygrad_course as tc
        >>> y, push = tc.func.linearize(lambda x: x * x, tc.tensor([1.0, 2.0]))
        >>> push(tc.tensor([1.0, 10.0]))
        tensor([ 2., 40.])
    """
    run = Run("linearize", func, primals, {})
    linear = Linear(run)

    def jvp_fn(*tangents: Any) -> Any:
        given = matching("linearize", "tangent", tangents, run.inputs, run.in_tree)
        return run.leave(unflatten(linear(given, keep=True), run.out_tree))

    return run.result(), jvp_fn


def _check_tuples(name: str, primals: Any, tangents: Any) -> None:
    if not isinstance(primals, (tuple, list)) or not isinstance(tangents, (tuple, list)):
        raise TypeError(f"{name}: primals and tangents are tuples, one entry for each argument: {name}(f, (x,), (v,))")
    if len(primals) != len(tangents):
        raise RuntimeError(f"{name}: got {len(tangents)} tangents for {len(primals)} primals; give one for each")
