"""The graph: what is recorded, and when.

`bind` is the only place where an operation is executed and recorded. A recorded call is a `Node`; values are saved on
the node, not closed over, so that backward can hand a rule raw arrays, or Tensors when it is itself to be recorded.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from . import dtypes
from .overwrites import tick
from .tensor import LEAF, Tensor, operand

if TYPE_CHECKING:
    from .autograd.hooks import Hooks
    from .effects import Effect
    from .ops.op import Op

__all__ = ["Bundle", "Node", "Observer", "Spec", "bind", "state"]

# Arrays up to this many bytes are always kept on their node: deciding would cost more than they do.
SMALL = 16_384
# Outputs up to this many bytes stay on a node that is freed: they take about as much as the node.
TINY = 1_024

_new = Tensor.__new__
_FLOAT32 = np.dtype(np.float32)
_FLOAT64 = np.dtype(np.float64)
ndarray = np.ndarray


class _State(threading.local):
    """What holds for the current thread: whether to record, and who watches."""

    grad: bool = True
    inference: bool = False
    observers: tuple[Observer, ...] = ()


class Observer:
    """Watches what the current thread executes: the base of tracing, profiling, source lines and recomputation.

    Attributes:
        traces: the backward pass runs on Tensors while this observer watches, so that it is seen as well.
    """

    traces = False

    def starts(self, op: Op) -> None:
        """An operation is about to be executed; `saw` follows unless it fails."""

    def saw(self, op: Op, inputs: tuple[Any, ...], params: dict[str, Any], outs: tuple[Tensor, ...], node: Any) -> None:
        """An operation was executed; `node` is its Node if it was recorded for gradients."""

    def pulls(self, node: Node) -> None:
        """The backward pass is about to apply a node's rules; `pulled` follows unless they fail."""

    def pulled(self, node: Node, cotangents: Sequence[Any]) -> None:
        """The backward pass has computed the cotangents of a node's inputs."""

    def escaped(self, x: Tensor, how: str) -> None:
        """Python or NumPy code is about to act on the values of `x`, out of sight of the graph."""

    def writes(self, x: Tensor, index: Any, value: Any, how: str) -> None:
        """`value` is about to be written into the memory of `x`, at `index` of its array."""
        self.escaped(x, how)

    def checks(self, function: Callable[..., None], inputs: tuple[Any, ...], params: dict[str, Any]) -> None:
        """A function has looked at values and raised nothing; see `effects.check`."""

    def performs(self, effect: Effect) -> bool:
        """Something is about to act on values out of sight of the graph; see `effects.perform`.

        Returns:
            Whether to be shown nothing of what happens inside; `performed` follows either way, unless it fails.
        """
        return False

    def performed(self, effect: Effect, result: Any) -> None:
        """What `performs` announced has been done."""

    def __enter__(self) -> Self:
        state.observers = (*state.observers, self)
        return self

    def __exit__(self, *exc: object) -> None:
        state.observers = tuple(o for o in state.observers if o is not self)


state = _State()


def traced() -> bool:
    """Whether an observer wants to see the backward pass as operations."""
    return bool(state.observers) and any(observer.traces for observer in state.observers)


class Spec:
    """Stands for an array that backward does not need: its shape and dtype without its memory."""

    __slots__ = ("dtype", "shape")

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.shape = shape
        self.dtype = dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    def __repr__(self) -> str:
        return f"Spec(shape={self.shape}, dtype={self.dtype})"


class Bundle(tuple[Any, ...]):
    """The several outputs of one call, or their cotangents (None where nothing has arrived)."""

    __slots__ = ()
    dtype = None

    @property
    def shape(self) -> tuple[Any, ...]:
        return tuple(None if y is None else y.shape for y in self)

    def __add__(self, other: Any) -> Bundle:
        return Bundle(b if a is None else a if b is None else a + b for a, b in zip(self, other))


class Node:
    """One recorded call of an operation.

    Inputs and parents are tuples: a large graph is then half as much work for Python's garbage collector.

    Attributes:
        op: the operation.
        params: its keyword parameters.
        inputs: the input arrays (a `Spec` where backward does not need the values); None once freed.
        parents: for each input the Node that made it, the leaf Tensor itself, or None where no gradient is wanted.
        output: the output array, a `Bundle` of several, or a `Spec`.
        seq: grows with every recorded call, so it orders a graph.
        hooks: what is to be done with the cotangent of the output (see `Tensor.register_hook`), or None.
        restore: recomputes freed values (see `checkpoint`), or None.
        where: "file:line" of the call outside the package, when an observer has recorded it.
    """

    __slots__ = (
        "__weakref__",
        "hooks",
        "inputs",
        "op",
        "output",
        "params",
        "parents",
        "restore",
        "seq",
        "where",
    )

    inputs: Sequence[Any] | None
    hooks: Hooks | None
    restore: Callable[[], None] | None
    where: str | None

    def __init__(
        self, op: Op, params: dict[str, Any], inputs: Sequence[Any], parents: Sequence[Any], output: Any
    ) -> None:
        self.op = op
        self.params = params
        self.inputs = inputs
        self.parents = parents
        self.output = output
        self.seq = tick()
        self.hooks = self.restore = self.where = None

    @property
    def name(self) -> str:
        """The name of the operation."""
        return self.op.name

    @property
    def next_functions(self) -> tuple[tuple[Node | AccumulateGrad | None, int], ...]:
        """For each input, where its gradient goes: the Node that made it, or an `AccumulateGrad` for a leaf."""
        return tuple((AccumulateGrad(p) if isinstance(p, Tensor) else p, 0) for p in self.parents)

    def release(self) -> None:
        """Drop the saved values; what stays is the structure."""
        self.inputs = self.restore = None
        y = self.output
        if type(y) is ndarray:
            if y.nbytes > TINY:
                self.output = Spec(y.shape, y.dtype)
        elif type(y) is Bundle:
            self.output = Bundle(Spec(part.shape, part.dtype) for part in y)

    def __repr__(self) -> str:
        return f"<{self.op.name} #{self.seq}>"


_new_node = Node.__new__


class AccumulateGrad:
    """Where a gradient ends: the `.grad` of a leaf. Seen in `Node.next_functions` only."""

    __slots__ = ("variable",)
    name = "AccumulateGrad"
    next_functions = ()

    def __init__(self, variable: Tensor) -> None:
        self.variable = variable

    def __repr__(self) -> str:
        return f"<AccumulateGrad {tuple(self.variable.shape)}>"


def bind(op: Op, *inputs: Any, **params: Any) -> Any:
    """Execute an operation on Tensors, arrays and numbers; record it if an input wants a gradient.

    Returns:
        A Tensor, or a tuple of Tensors where the operation has several outputs.
    """
    arrays: Any = []
    parents: Any = []
    wanted = False
    for x in inputs:
        if isinstance(x, Tensor):
            arrays.append(x.array)
            node = x.node
            if node is not None:
                wanted = True
                if node is LEAF:
                    node = x  # type: ignore[assignment]
            parents.append(node)
        else:
            arrays.append(operand(op.name, x))
            parents.append(None)
    observers = state.observers
    if observers:
        for observer in observers:
            observer.starts(op)
    try:
        y = op.forward(*arrays, **params) if params else op.forward(*arrays)
    except Exception as error:
        from .errors import explain

        explain(op, arrays, params, error)
        raise
    if type(y) is not ndarray:
        if type(y) is tuple:
            return _bind_several(op, inputs, params, tuple(arrays), parents, wanted, Bundle(y))
        y = np.asarray(y)
    dtype = y.dtype
    if dtype is _FLOAT64 and dtypes._default is not _FLOAT64 and "dtype" not in params:
        y = _as_default(y, arrays)
    node = None
    if wanted and op.rules is not None and (dtype is _FLOAT32 or dtype.kind == "f") and state.grad:
        # As `Node(...)`, without the call: this is done for every operation.
        node = _new_node(Node)
        node.op = op
        node.params = params
        node.parents = tuple(parents)
        node.seq = tick()
        node.hooks = node.restore = node.where = None
        if y.nbytes > SMALL or (op.shrinks and _any_large(arrays)):
            node.inputs, node.output = _lean(op, arrays, parents, y)
        else:
            node.inputs = tuple(arrays)
            node.output = y
    out = _new(Tensor)
    out.array = y
    out.node = node
    out._grad = out._base = out._hooks = None
    if observers:
        for observer in observers:
            observer.saw(op, inputs, params, (out,), node)
    return out


def _bind_several(
    op: Op,
    inputs: Any,
    params: dict[str, Any],
    arrays: tuple[Any, ...],
    parents: list[Any],
    wanted: bool,
    ys: Bundle,
) -> tuple[Tensor, ...]:
    """The rest of `bind` for an operation with several outputs: one node, and a `pick` of each output."""
    outs = tuple(Tensor._wrap(np.asarray(y)) for y in ys)
    node = None
    if wanted and state.grad and op.rules is not None:
        node = Node(op, params, arrays, tuple(parents), ys)
        from .ops.op import pick

        for i, out in enumerate(outs):
            if out.array.dtype.kind == "f":
                out.node = Node(pick, {"index": i}, (ys,), (node,), out.array)
    for observer in state.observers:
        observer.saw(op, inputs, params, outs, node)
    return outs


def _as_default(y: np.ndarray, arrays: Sequence[Any]) -> np.ndarray:
    """Floats that an operation makes of integers and numbers are of the default dtype, as PyTorch's are."""
    for x in arrays:
        if type(x) is ndarray and x.dtype is _FLOAT64:
            return y
    return y.astype(dtypes._default)


def _any_large(arrays: Sequence[Any]) -> bool:
    for x in arrays:  # noqa: SIM110 (a generator would cost more than it looks at)
        if type(x) is ndarray and x.nbytes > SMALL:
            return True
    return False


def _lean(op: Op, arrays: Sequence[Any], parents: list[Any], y: np.ndarray) -> tuple[tuple[Any, ...], Any]:
    """Replace what no rule will read, and is not small, by its Spec."""
    keep_y, keep = op.kept(tuple(p is not None for p in parents))
    saved = tuple(
        [
            x if k or type(x) is not ndarray or x.nbytes <= SMALL else Spec(x.shape, x.dtype)
            for x, k in zip(arrays, keep)
        ]
    )
    return saved, y if keep_y or y.nbytes <= SMALL else Spec(y.shape, y.dtype)
