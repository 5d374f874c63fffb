"""Operations that users write as a class with `forward` and `backward`, in PyTorch's way.

A call is a primitive of its own: an `Op` made for it, whose `pullback` runs the class's `backward`. What the class
saves is kept on the graph's node like any other saved value, so it is freed, checked for overwriting, recomputed by
`checkpoint` and differentiated again as that of built-in operations is.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..graph import Bundle, Node, bind, state
from ..ops.op import Op, primitive
from ..tensor import Tensor
from .engine import conform, key_of

__all__ = ["Function", "FunctionCtx", "once_differentiable"]


class FunctionCtx:
    """What `forward` leaves for `backward`, as attributes and by the methods below.

    Attributes:
        needs_input_grad: for each argument of `forward`, whether its gradient is wanted.
    """

    needs_input_grad: tuple[bool, ...] = ()
    _saved: tuple[Tensor | None, ...] = ()
    _places: tuple[tuple[str, int] | None, ...] = ()
    _undifferentiable: tuple[Tensor, ...] = ()
    _materialize = True
    _values: tuple[Tensor | None, ...] | None = None

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for `backward`, where `ctx.saved_tensors` gives them back: inputs, outputs or others."""
        for x in tensors:
            if x is not None and not isinstance(x, Tensor):
                raise TypeError(
                    f"save_for_backward: expected Tensors or None, got {type(x).__name__}; "
                    "keep other things as attributes of ctx"
                )
        self._saved = tensors

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """The tensors that `save_for_backward` kept."""
        if self._values is None:
            raise RuntimeError("saved_tensors: only available while backward runs")
        return self._values

    def mark_non_differentiable(self, *outputs: Tensor) -> None:
        """Say that these outputs have no gradient."""
        self._undifferentiable = outputs

    def mark_dirty(self, *inputs: Tensor) -> None:
        """Refused: an operation here never writes to its inputs."""
        raise NotImplementedError(
            "mark_dirty: an operation must not write to its inputs; compute on a copy (x.clone()) and return that"
        )

    def set_materialize_grads(self, value: bool) -> None:
        """Whether `backward` gets zeros (the default) or None for outputs that nothing depends on."""
        self._materialize = bool(value)


class Function:
    """Base class of operations with a `forward` and a `backward` of your own.

    `forward(ctx, *args)` computes on Tensors and is not recorded; `backward(ctx, *grads)` gets the gradient of each
    output and returns one for each argument of `forward`, None where there is none. It is run with recording when
    gradients of higher order are wanted, so written in Tensor operations it can itself be differentiated. A class may
    instead define `forward(*args)` and `setup_context(ctx, inputs, output)`.

    Inside `forward` the tensors are outside the graph; `ctx.needs_input_grad` says what is differentiated.

    Example:
        >>> import tinygrad_course as tc
        >>> class Cube(tc.autograd.Function):
        ...     @staticmethod
        ...     def forward(ctx, x):
        ...         ctx.save_for_backward(x)
        ...         return x * x * x
        ...     @staticmethod
        ...     def backward(ctx, g):
        ...         (x,) = ctx.saved_tensors
        ...         return g * 3 * x * x
        >>> x = tc.tensor([1.0, 2.0], requires_grad=True)
        >>> Cube.apply(x).backward(tc.tensor([1.0, 1.0]))
        >>> x.grad
        tensor([ 3., 12.])
    """

    setup_context: Any = None

    def __init__(self, *_: Any, **__: Any) -> None:
        raise RuntimeError(
            f"{type(self).__name__}: a Function is not instantiated; call {type(self).__name__}.apply(...)"
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the output(s); to be overridden, as a static method."""
        raise NotImplementedError("Function: define a static method forward(ctx, *args)")

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Compute the gradients of the arguments; to be overridden, as a static method."""
        raise NotImplementedError("Function: define a static method backward(ctx, *grads) to differentiate through it")

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run the operation on its arguments: Tensors, and anything else."""
        op = _FunctionOp(cls, args, kwargs)
        tensors = [x for x in args if isinstance(x, Tensor)]
        outs = bind(op, *tensors)
        outs = outs if isinstance(outs, tuple) else (outs,)
        node = op.node_of(outs)
        if node is not None:
            _save(op.ctx, node)
        op.ctx._saved = ()
        for i in op.undifferentiable:
            outs[i].node = None
        return op.rebuilt(outs)


class _FunctionOp(Op):
    """The primitive behind one call of a Function."""

    def __init__(self, cls: type[Function], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().__init__(
            cls.__name__, len, (), lazy=True, broadcasts=False, shrinks=True, variadic=False, doc=cls.__doc__
        )
        del (
            self.forward
        )  # the method below serves; as an attribute it would refer to itself, and wait for the collector
        self.cls = cls
        self.tensor_places = [i for i, x in enumerate(args) if isinstance(x, Tensor)]
        self.args = [None if isinstance(x, Tensor) else x for x in args]
        self.kwargs = kwargs
        self.ctx: Any = FunctionCtx()
        self.ctx.needs_input_grad = tuple(isinstance(x, Tensor) and state.grad and x.requires_grad for x in args)
        self.undifferentiable: list[int] = []

    def forward(self, *arrays: np.ndarray) -> Any:
        inputs = [Tensor._wrap(a) for a in arrays]
        args = list(self.args)
        for place, x in zip(self.tensor_places, inputs):
            args[place] = x
        ctx = self.ctx
        before, state.grad = state.grad, False
        try:
            if self.cls.setup_context is not None:
                out = self.cls.forward(*args, **self.kwargs)
                self.cls.setup_context(ctx, tuple(args), out)
            else:
                out = self.cls.forward(ctx, *args, **self.kwargs)
        finally:
            state.grad = before
        self.single = not isinstance(out, (tuple, list))
        self.shown = [out] if self.single else list(out)
        outs = [y for y in self.shown if isinstance(y, Tensor)]
        if not outs or (self.single and not isinstance(out, Tensor)):
            raise TypeError(
                f"{self.name}: forward must return a Tensor or a tuple with Tensors, got {type(out).__name__}"
            )
        self.undifferentiable = [i for i, y in enumerate(outs) if any(y is u for u in ctx._undifferentiable)]
        ctx._undifferentiable = ()
        ctx._places = tuple(None if x is None else _place(x, inputs, outs) for x in ctx._saved)
        self.shown = [None if isinstance(y, Tensor) else (y,) for y in self.shown]
        arrays_out = tuple(y.array for y in outs)
        return arrays_out[0] if len(outs) == 1 else arrays_out

    def rebuilt(self, outs: tuple[Tensor, ...]) -> Any:
        """The outputs in the form in which `forward` returned them."""
        rest = iter(outs)
        shown = tuple(next(rest) if other is None else other[0] for other in self.shown)
        return shown[0] if self.single else shown

    def node_of(self, outs: tuple[Tensor, ...]) -> Node | None:
        """The node of this call, if it was recorded."""
        for out in outs:
            if out.node is not None:
                node: Any = out.node
                return node if node.op is self else node.parents[0]
        return None

    def kept(self, wanted: tuple[bool, ...]) -> tuple[bool, tuple[bool, ...]]:
        places = set(self.ctx._places)
        saves_output = any(place is not None and place[0] == "output" for place in places)
        return saves_output, tuple(("input", i) in places for i in range(len(wanted)))

    def pullback(
        self, g: Any, y: Any, inputs: Sequence[Any], params: dict[str, Any], wanted: Sequence[bool]
    ) -> list[Any]:
        ctx = self.ctx
        ys = y if type(y) is Bundle else (y,)
        arrived = g if type(g) is Bundle else (g,)
        record = any(isinstance(c, Tensor) for c in arrived)
        gs = [_materialized(ctx, c, part) for c, part in zip(arrived, ys)]
        ctx._values = tuple(
            None if place is None else _as_tensor((inputs if place[0] == "input" else ys)[place[1]])
            for place in ctx._places
        )
        try:
            result = self.cls.backward(ctx, *gs)
        finally:
            ctx._values = None
        found = self._checked(result, inputs)
        return [c if c is None or record else c.array for c in found]

    def _checked(self, result: Any, inputs: Sequence[Any]) -> list[Tensor | None]:
        """The gradients of the Tensor arguments, from what `backward` returned."""
        name = f"{self.name}.backward"
        given = list(result) if isinstance(result, (tuple, list)) else [result]
        while len(given) > len(self.args) and given[-1] is None:
            given.pop()
        if len(given) != len(self.args):
            raise RuntimeError(
                f"{name}: returned {len(given)} gradients for {len(self.args)} arguments of forward; "
                "return one for each, None where there is none"
            )
        for i, c in enumerate(given):
            if c is None:
                continue
            if i not in self.tensor_places:
                raise RuntimeError(
                    f"{name}: returned a gradient for argument {i}, which is no Tensor; return None for it"
                )
            if not isinstance(c, Tensor):
                raise TypeError(f"{name}: expected a Tensor or None for argument {i}, got {type(c).__name__}")
        found: list[Tensor | None] = []
        for place, x in zip(self.tensor_places, inputs):
            c = given[place]
            if c is not None and c.array.shape != x.shape:
                if not _repeats(x.shape, c.array.shape):
                    raise RuntimeError(
                        f"{name}: returned a gradient of shape {tuple(c.shape)} for argument {place} of "
                        f"shape {tuple(x.shape)}; the shapes must be equal"
                    )
                c = conform(c, c.array.shape, x.shape)
            found.append(c)
        return found


def _place(x: Tensor, inputs: list[Tensor], outs: list[Tensor]) -> tuple[str, int]:
    """Where `backward` will find a saved tensor; others than inputs and outputs go behind the inputs."""
    for kind, tensors in (("input", inputs), ("output", outs)):
        for i, t in enumerate(tensors):
            if x is t:
                return kind, i
    inputs.append(x)
    return "input", len(inputs) - 1


def _save(ctx: FunctionCtx, node: Node) -> None:
    """Put saved tensors that are neither inputs nor outputs on the node, as further inputs without a rule."""
    count = len(node.parents)
    extra = {place[1]: x for x, place in zip(ctx._saved, ctx._places) if place and x is not None and place[1] >= count
             and place[0] == "input"}  # fmt: skip
    if extra:
        ordered = [extra[i] for i in sorted(extra)]
        node.inputs = [*(node.inputs or ()), *(x.array for x in ordered)]
        node.parents = [*node.parents, *(key_of(x) if x.requires_grad else None for x in ordered)]


def _as_tensor(x: Any) -> Tensor:
    return x if isinstance(x, Tensor) else Tensor._wrap(np.asarray(x))


def _materialized(ctx: FunctionCtx, g: Any, y: Any) -> Tensor | None:
    """The gradient of one output as `backward` sees it: in full shape, zeros or None if nothing has arrived."""
    if g is None:
        return Tensor._wrap(np.zeros(y.shape, y.dtype)) if ctx._materialize else None
    return _as_tensor(g if g.shape == y.shape else np.broadcast_to(g, y.shape))


def _repeats(small: Sequence[int], large: Sequence[int]) -> bool:
    """Whether an array of the large shape is one of the small shape, broadcast."""
    return len(small) <= len(large) and all(a in (1, b) for a, b in zip(reversed(small), reversed(large)))


def _refuse(*_: Any, **__: Any) -> Any:
    raise RuntimeError(
        "once_differentiable: this backward was declared to be differentiable once only; "
        "remove the decorator and write it in Tensor operations to differentiate it again"
    )


_end = primitive(lambda c, *_: c, vjp=_refuse, name="once_differentiable", variadic=True)


def once_differentiable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a `backward` that is not to be differentiated again: trying to raises, rather than giving zeros."""

    @functools.wraps(function)
    def wrapped(ctx: Any, *grads: Any) -> Any:
        before, state.grad = state.grad, False
        try:
            result = function(ctx, *grads)
        finally:
            state.grad = before
        depends = [x for x in (*grads, *ctx.saved_tensors) if x is not None and x.requires_grad]
        if not (state.grad and depends):
            return result
        results = result if isinstance(result, (tuple, list)) else (result,)
        return tuple(_end(c, *depends) if isinstance(c, Tensor) else c for c in results)

    return wrapped
