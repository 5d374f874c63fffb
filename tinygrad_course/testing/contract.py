"""What a primitive must keep to besides right values: the contract that the engine relies on.

`CONTRACT` holds one check for each clause, `check(call, rng)`, that raises `ContractError` if the clause is broken.
Whether the gradient is right is another matter: see `gradcheck`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import graph
from ..autograd import grad
from ..autograd.engine import key_of, pull_back, settle
from ..graph import Bundle
from ..ops.op import Op
from ..random import Generator, manual_seed
from ..tensor import LEAF, Tensor
from .probe import cotangent

__all__ = ["CONTRACT", "Call", "ContractError"]

Arrays = Sequence[Any]


class ContractError(RuntimeError):
    """A primitive breaks a clause of the contract between rules and engine."""


class Call:
    """A call of an operation that can be repeated: random draws start from the same seed each time.

    Args:
        op: the operation.
        inputs: float64 arrays; integer and boolean ones are not differentiated.
        params: keyword parameters.

    Attributes:
        wrt: the positions of the floating inputs that have a rule.
    """

    def __init__(self, op: Op, inputs: Arrays, params: dict[str, Any] | None = None) -> None:
        self.op = op
        self.inputs = list(inputs)
        self.params = dict(params or {})
        self.wrt = [i for i, x in enumerate(self.inputs) if _floating(x) and _has_rule(op, i, len(self.inputs))]

    def __call__(self, *inputs: Any) -> Any:
        """Apply the operation to other inputs, with the same parameters."""
        self._reseed()
        return self.op(*inputs, **self.params)

    @property
    def __name__(self) -> str:
        return self.op.name

    def marked(self) -> list[Any]:
        """The inputs, as leaves where they are to be differentiated in."""
        return [Tensor._wrap(x, LEAF) if i in self.wrt else x for i, x in enumerate(self.inputs)]

    def raw(self, inputs: Arrays) -> Any:
        """The forward function alone, on arrays."""
        self._reseed()
        y = self.op.forward(*inputs, **self.params)
        return Bundle(y) if type(y) is tuple else np.asarray(y)

    def cotangents(self, g: Any, y: Any, inputs: Arrays) -> dict[int, Any]:
        """What the rules give, before the engine conforms it, by the position of the input."""
        wanted = [i in self.wrt for i in range(len(inputs))]
        return {i: c for i, c in enumerate(self.op.pullback(g, y, inputs, self.params, wanted)) if c is not None}

    def gradients(
        self, inputs: Arrays, rng: np.random.Generator, *, record: bool = False, wrt: Sequence[int] | None = None
    ) -> list[np.ndarray]:
        """The gradients in the inputs `wrt`, with cotangents drawn from `rng`."""
        leaves = {i: Tensor._wrap(inputs[i], LEAF) for i in (self.wrt if wrt is None else wrt)}
        ys = [y for y in _listed(self(*(leaves.get(i, x) for i, x in enumerate(inputs)))) if _floating(y.array)]
        vs = [Tensor._wrap(cotangent(rng, y.shape, y.dtype)) for y in ys]
        used = [(y, v) for y, v in zip(ys, vs) if y.requires_grad]
        if not used:
            return [np.zeros_like(x.array) for x in leaves.values()]
        outputs, cotangents = zip(*used)
        found = grad(outputs, list(leaves.values()), cotangents, create_graph=record, materialize_grads=True)
        return [g.array for g in found]

    def fail(self, clause: str) -> ContractError:
        """The error for a broken clause."""
        shapes = ", ".join(f"{x.dtype}{list(x.shape)}" if isinstance(x, np.ndarray) else repr(x) for x in self.inputs)
        params = "".join(f", {k}={v!r}" for k, v in self.params.items())
        return ContractError(f"{self.op.name}: {clause} (called with {shapes}{params})")

    def _reseed(self) -> None:
        if "generator" in self.params:
            generator = self.params["generator"]
            generator.manual_seed(0) if isinstance(generator, Generator) else manual_seed(0)


def _keeps_dtype(call: Call, rng: np.random.Generator) -> None:
    """float32 in gives float32 out of the forward function and of every rule, before the engine casts."""
    inputs = [x.astype(np.float32) if _floating(x) else x for x in call.inputs]
    if _mixes(call):
        return
    y = call.raw(inputs)
    if "dtype" not in call.params and any(_floating(x) for x in inputs):
        for part in _listed(y):
            if part.dtype == np.float64:
                raise call.fail("float32 inputs gave a float64 output")
    if call.wrt:
        for i, c in call.cotangents(_cotangent(rng, y), y, inputs).items():
            if hasattr(c, "dtype") and c.dtype != np.float32:
                raise call.fail(f"the rule of input {i} gave {c.dtype} for float32 inputs; use Python numbers in it")


def _leaves_inputs_alone(call: Call, rng: np.random.Generator) -> None:
    """Neither the forward function nor a rule writes to an input, to the output or to the cotangent."""
    inputs = [_frozen(x) for x in call.inputs]
    try:
        y = call.raw(inputs)
        if call.wrt:
            y = Bundle(_frozen(part) for part in y) if type(y) is Bundle else _frozen(y)
            g = _cotangent(rng, y)
            g = Bundle(_frozen(part) for part in g) if type(g) is Bundle else _frozen(g)
            call.cotangents(g, y, inputs)
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        raise call.fail("it writes to an array that it was given; compute a new one") from error


def _records_what_it_computes(call: Call, rng: np.random.Generator) -> None:
    """The rules give the same bits on Tensors (create_graph=True) as on arrays, in float64 and in float32."""
    for dtype in (np.float64,) if _mixes(call) else (np.float64, np.float32):
        inputs = [x.astype(dtype) if _floating(x) else x for x in call.inputs]
        state = rng.bit_generator.state
        plain = call.gradients(inputs, rng)
        rng.bit_generator.state = state
        for i, a, b in zip(call.wrt, plain, call.gradients(inputs, rng, record=True)):
            if a.dtype != b.dtype or not np.array_equal(a, b, equal_nan=True):
                raise call.fail(f"the rule of input {i} gives other {np.dtype(dtype)} values on Tensors than on arrays")


def _accepts_smaller_cotangents(call: Call, rng: np.random.Generator) -> None:
    """A cotangent that merely broadcasts to the output's shape gives what the full one gives."""
    leaves = call.marked()
    y = call(*leaves)
    if not isinstance(y, Tensor) or not y.requires_grad:
        return
    shape = tuple(y.shape)
    smaller = tuple(1 if rng.random() < 0.5 else n for n in shape)
    wanted = [leaves[i] for i in call.wrt]
    for small in (np.asarray(1.25), cotangent(rng, smaller), cotangent(rng, smaller[1:])):
        for record in (False, True):
            full = np.array(np.broadcast_to(small, shape))
            wrap = Tensor._wrap if record else np.asarray
            a = pull_back([(y, wrap(small))], wanted=wanted, keep=True, record=record)
            b = pull_back([(y, wrap(full))], wanted=wanted, keep=True, record=record)
            for i, x in zip(call.wrt, wanted):
                key = key_of(x)
                if (key in a) != (key in b) or (key in a and not _close(settle(a[key], x), settle(b[key], x))):
                    raise call.fail(f"the rule of input {i} is wrong for a cotangent of shape {small.shape}")


def _reads_what_it_keeps(call: Call, rng: np.random.Generator) -> None:
    """The rules read no value that was not kept for them, whichever inputs want a gradient, on arrays and Tensors."""
    state = rng.bit_generator.state
    expected = call.gradients(call.inputs, rng)
    for wrt in [call.wrt, *([i] for i in call.wrt)]:
        for record in (False, True):
            rng.bit_generator.state = state
            try:
                with _nothing_is_small():
                    found = call.gradients(call.inputs, rng, wrt=wrt, record=record)
            except (AttributeError, TypeError) as error:
                raise call.fail(
                    f"a rule reads a value that it names with a leading underscore: {error} (gradient in inputs {wrt})"
                ) from error
            for i, g in zip(wrt, found):
                if not _close(g, expected[call.wrt.index(i)]):
                    raise call.fail(f"the gradient of input {i} differs where only inputs {wrt} want one, kept leanly")


def _gives_shapes_back(call: Call, rng: np.random.Generator) -> None:
    """Each gradient has the shape and the dtype of its input."""
    for i, g in zip(call.wrt, call.gradients(call.inputs, rng)):
        x = call.inputs[i]
        if g.shape != x.shape or g.dtype != x.dtype:
            raise call.fail(
                f"the gradient of input {i} is {g.dtype}{list(g.shape)}, the input {x.dtype}{list(x.shape)}"
            )


def _any_memory_layout(call: Call, rng: np.random.Generator) -> None:
    """Transposed, strided and reversed inputs give what contiguous ones give."""
    expected = [np.asarray(part) for part in _listed(call.raw(call.inputs))]
    state = rng.bit_generator.state
    gradients = call.gradients(call.inputs, rng) if call.wrt else []
    for layout in LAYOUTS:
        inputs = [layout(x) if isinstance(x, np.ndarray) else x for x in call.inputs]
        for a, b in zip(expected, _listed(call.raw(inputs))):
            if not _close(b, a):
                raise call.fail(f"the result differs for inputs in {layout.__name__} memory")
        if call.wrt:
            rng.bit_generator.state = state
            for i, a, b in zip(call.wrt, gradients, call.gradients(inputs, rng)):
                if not _close(b, a):
                    raise call.fail(f"the gradient of input {i} differs for inputs in {layout.__name__} memory")


def _python_numbers(call: Call, rng: np.random.Generator) -> None:
    """A Python number in place of an array gives what a 0-d array of its value gives, and never float64."""
    op, inputs = call.op, call.inputs
    if not (op.lazy and op.broadcasts and len(inputs) > 1 and all(isinstance(x, np.ndarray) for x in inputs)):
        return
    single = [x.astype(np.float32) if _floating(x) else x for x in inputs]
    for k, x in enumerate(single):
        if not x.size:
            continue
        value = x.ravel()[0]
        wrt = [i for i in call.wrt if i != k]
        results = []
        for other in (value.item(), np.asarray(value)):
            arguments = [*single[:k], other, *single[k + 1 :]]
            y = call(*arguments)
            results.append((y.array, call.gradients(arguments, np.random.default_rng(0), wrt=wrt) if wrt else []))
        (y, gs), (y_array, gs_array) = results
        if y.dtype != y_array.dtype:
            raise call.fail(f"with a Python number as input {k} it gave {y.dtype}, with an array {y_array.dtype}")
        for a, b in zip([y, *gs], [y_array, *gs_array]):
            if not _close(a, b, 1e-5):
                raise call.fail(f"with a Python number as input {k} it gives other values than with an array")


CONTRACT: dict[str, Callable[[Call, np.random.Generator], None]] = {
    "dtype": _keeps_dtype,
    "inputs untouched": _leaves_inputs_alone,
    "recorded": _records_what_it_computes,
    "smaller cotangent": _accepts_smaller_cotangents,
    "lean memory": _reads_what_it_keeps,
    "shapes": _gives_shapes_back,
    "layout": _any_memory_layout,
    "Python numbers": _python_numbers,
}


def transposed(x: np.ndarray) -> np.ndarray:
    return np.array(x, order="F")


def strided(x: np.ndarray) -> np.ndarray:
    wide = np.zeros(tuple(2 * n for n in x.shape), x.dtype)
    every_second: Any = (..., *(slice(None, None, 2) for _ in x.shape))
    wide[every_second] = x
    return wide[every_second]


def reversed_(x: np.ndarray) -> np.ndarray:
    back: Any = (..., *(slice(None, None, -1) for _ in x.shape))
    return x[back].copy()[back]


LAYOUTS = (transposed, strided, reversed_)


@contextmanager
def _nothing_is_small() -> Iterator[None]:
    """Keep no value for backward but those that rules ask for, however small it is."""
    before, graph.SMALL = graph.SMALL, -1
    try:
        yield
    finally:
        graph.SMALL = before


def _listed(y: Any) -> Sequence[Any]:
    return y if isinstance(y, tuple) else (y,)


def _floating(x: Any) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def _has_rule(op: Op, i: int, count: int) -> bool:
    return op.rules is not None and (op.variadic or len(op.rules) <= i or op.rules[i] is not None)


def _mixes(call: Call) -> bool:
    """Whether floats and integers meet: NumPy computes float32 with int64 in float64, and `bind` rounds at the end."""
    return call.op.broadcasts and not all(_floating(x) for x in call.inputs)


def _frozen(x: Any) -> Any:
    if isinstance(x, np.ndarray):
        x = x.copy()
        x.flags.writeable = False
    return x


def _cotangent(rng: np.random.Generator, y: Any) -> Any:
    """A random cotangent for an output, zero for the parts that are not floating."""
    if type(y) is Bundle:
        return Bundle(_cotangent(rng, part) for part in y)
    return cotangent(rng, y.shape, y.dtype) if _floating(y) else np.zeros(y.shape, y.dtype)


def _close(a: Any, b: Any, rtol: float = 1e-10) -> bool:
    a, b = (np.asarray(x.array if isinstance(x, Tensor) else x) for x in (a, b))
    if a.shape != b.shape:
        return False
    if a.dtype.kind != "f":
        return bool(np.array_equal(a, b))
    finite = np.abs(b[np.isfinite(b)])
    scale = float(finite.max()) if finite.size else 0.0
    return bool(np.allclose(a, b, rtol=rtol, atol=rtol * scale, equal_nan=True))
