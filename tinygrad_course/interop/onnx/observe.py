"""What a call of a model executes, as a program whose numbers are known to depend on the inputs' sizes or not.

The model is called several times, with inputs of other sizes and in another order of values. All calls must execute
the same operations. What then differs between them depends on the sizes, or is an error: a value that Python code has
read from the inputs would otherwise be written into the file as if it were a constant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...autograd import no_grad
from ...autograd.anomaly import _calling_line
from ...nn.module import Module
from ...tensor import Tensor
from ...viz.names import module_names, modules_of
from ...viz.trace import Call, Entered, Trace, tensors_in
from .lengths import Sizes, merge, sizes_to_try
from .package import OnnxError

__all__ = ["Program", "Ref", "Seen", "observe"]

_RANDOM = ("bernoulli", "exponential", "multinomial", "normal", "poisson", "randint", "randperm", "uniform")


@dataclass(frozen=True, slots=True)
class Ref:
    """Where a value comes from: "call" (number, output), "input" (number), "state" (name) or "constant" (value)."""

    kind: str
    value: Any
    shape: tuple[Any, ...]
    dtype: np.dtype | None


@dataclass(slots=True, eq=False)
class Seen:
    """One operation of the program; lengths and parameters may hold `Varying`."""

    op: str
    inputs: tuple[Ref, ...]
    params: dict[str, Any]
    outs: tuple[Ref, ...]
    scope: tuple[str, ...]
    where: str


@dataclass(slots=True, eq=False)
class Program:
    """What a model computes.

    Attributes:
        calls: the operations, in their order.
        outputs: where the results come from.
        inputs: shape and dtype of the inputs.
        state: parameters and buffers that are used, by name.
        entered: the calls of modules, as (module, scope, inputs, outputs).
        tried: the sizes that were observed.
    """

    calls: list[Seen]
    outputs: list[Ref]
    inputs: list[Ref]
    state: dict[str, np.ndarray]
    entered: list[tuple[Module, tuple[str, ...], list[Ref], list[Ref]]]
    tried: list[Sizes]


class _Watch(Trace):
    """A trace that notes where Python code reads a value."""

    def __init__(self, modules: Mapping[str, Module]) -> None:
        super().__init__(modules, lines=True)
        self.read: list[tuple[Tensor, str, str | None]] = []

    def escaped(self, x: Tensor, how: str) -> None:
        super().escaped(x, how)
        if not how.endswith(("_", "=")) and how != "setitem":
            self.read.append((x, how, _calling_line()))


class _Run:
    """One observed call."""

    def __init__(self, model: Any, inputs: Sequence[Tensor], names: Mapping[int, str]) -> None:
        self.watch = _Watch(modules_of(model))
        self.given = inputs
        self.inputs = {id(x.array): i for i, x in enumerate(inputs)}
        self.names = names
        with no_grad(), self.watch.watching():
            self.outputs = tensors_in(model(*inputs))
        depends = self._depending()
        for x, how, where in self.watch.read:
            maker = self.watch.maker(x)
            if id(x.array) in self.inputs or (maker is not None and id(maker) in depends):
                raise OnnxError(
                    f"export: {how}() reads a value that depends on the inputs ({where}), which a file cannot do; "
                    "compute with tensors throughout, such as by tc.where"
                )
        # What depends on nothing but constants is one itself, random numbers excepted.
        kept = [c for c in self.watch.needed(self.outputs) if id(c) in depends]
        self.calls = kept
        self.number = {id(call): i for i, call in enumerate(kept)}

    def _depending(self) -> set[int]:
        found: set[int] = set()
        for call in self.watch.calls:
            if call.op in _RANDOM or any(
                (source is not None and id(source) in found)
                or (isinstance(x, Tensor) and source is None and self._is_given(x))
                for x, source in zip(call.inputs, call.sources)
            ):
                found.add(id(call))
        return found

    def _is_given(self, x: Tensor) -> bool:
        return id(x.array) in self.inputs or id(x.array) in self.names

    def ref(self, x: Any, maker: Call | None) -> tuple[str, Any]:
        """Kind and value of a `Ref`."""
        if maker is not None and id(maker) in self.number:
            for i, y in enumerate(maker.outs):
                if y is x or (isinstance(x, Tensor) and y.array is x.array):
                    return "call", (self.number[id(maker)], i)
            return "call", (self.number[id(maker)], 0)
        array = x.array if isinstance(x, Tensor) else x
        if id(array) in self.inputs:
            return "input", self.inputs[id(array)]
        if id(array) in self.names:
            return "state", self.names[id(array)]
        return "constant", array


def _ref(runs: Sequence[_Run], xs: Sequence[Any], makers: Sequence[Call | None]) -> Ref:
    kinds, values = zip(*(run.ref(x, maker) for run, x, maker in zip(runs, xs, makers)))
    if len(set(kinds)) > 1 or (kinds[0] != "constant" and len(set(values)) > 1):
        raise OnnxError("export: the operations have other inputs when the inputs have other sizes or values")
    arrays = [x.array if isinstance(x, Tensor) else x for x in xs]
    dtype = arrays[0].dtype if hasattr(arrays[0], "dtype") else None
    return Ref(kinds[0], merge(values), merge([tuple(np.shape(a)) for a in arrays]), dtype)


def _resized(x: np.ndarray, axes: Mapping[int, str], sizes: Sizes, again: int) -> np.ndarray:
    """The input in other sizes: repeated, and after the first call with its values in another order."""
    for axis, name in axes.items():
        x = np.take(x, np.arange(sizes[name]) % x.shape[axis], axis)
    return np.random.default_rng(again).permutation(x.reshape(-1)).reshape(x.shape) if again else x


def observe(model: Any, inputs: Sequence[Tensor], axes: Sequence[Mapping[int, str]]) -> Program:
    """Call a model on inputs, and on inputs of other sizes.

    Args:
        model: a Module or a function.
        inputs: the inputs.
        axes: for each input its dynamic axes, with a name; axes of one name have one size.

    Raises:
        OnnxError: if what is executed cannot be written as a program.
    """
    sizes: Sizes = {}
    for x, named in zip(inputs, axes):
        for axis, name in named.items():
            length = x.array.shape[axis]
            if sizes.setdefault(name, length) != length:
                raise OnnxError(f"export: axes named {name!r} have lengths {sizes[name]} and {length}; name them apart")
    names = {key: name for m in modules_of(model).values() for key, name in module_names(m).items()}
    tried = sizes_to_try(sizes)
    if len(tried) == 1:
        tried = tried * 2
    runs = []
    for i, some in enumerate(tried):
        given = [Tensor._wrap(_resized(x.array, named, some, i)) for x, named in zip(inputs, axes)]
        try:
            runs.append(_Run(model, given, names))
        except OnnxError:
            raise
        except Exception as error:
            if not i:
                raise
            grown = ", ".join(f"{k}={v}" for k, v in some.items())
            raise OnnxError(
                f"export: the model fails where its axes have the sizes {grown}: {error}; pass dynamic_axes that name "
                "only what may vary, or dynamic_batch=False"
            ) from error
        _check_same(runs)
    return _program(runs, tried, model)


def _check_same(runs: Sequence[_Run]) -> None:
    first, last = runs[0], runs[-1]
    if not last.outputs:
        raise OnnxError("export: the model returned no tensor")
    for a, b in zip(first.calls, last.calls):
        if a.op != b.op or len(a.inputs) != len(b.inputs) or a.params.keys() != b.params.keys():
            raise OnnxError(
                f"export: the operations depend on the inputs: {a.op} at {a.where}, but {b.op} at {b.where} for inputs "
                "of another size or other values"
            )
    if len(first.calls) != len(last.calls) or len(first.outputs) != len(last.outputs):
        raise OnnxError("export: how many operations are executed depends on the size or the values of the inputs")


def _program(runs: Sequence[_Run], tried: list[Sizes], model: Any) -> Program:
    calls = []
    for many in zip(*(run.calls for run in runs)):
        first = many[0]
        refs = [
            _ref(runs, xs, makers)
            for xs, makers in zip(zip(*(c.inputs for c in many)), zip(*(c.sources for c in many)))
        ]
        outs = tuple(
            Ref("call", None, merge([tuple(y.array.shape) for y in ys]), ys[0].array.dtype)
            for ys in zip(*(c.outs for c in many))
        )
        params = {key: merge([c.params[key] for c in many]) for key in first.params}
        calls.append(Seen(first.op, tuple(refs), params, outs, first.scope, first.where or "?"))

    def located(tensors: Sequence[Tensor]) -> Ref:
        return _ref(runs, tensors, [run.watch.maker(x) for run, x in zip(runs, tensors)])

    first_run = runs[0]
    outputs = [located(ys) for ys in zip(*(run.outputs for run in runs))]
    entered = []
    for many_entered in zip(*(run.watch.entered for run in runs)):
        e: Entered = many_entered[0]
        try:
            places = [
                [located(xs) for xs in zip(*(getattr(m, side) for m in many_entered))] for side in ("inputs", "outputs")
            ]
        except OnnxError:
            continue
        entered.append((e.module, e.scope, places[0], places[1]))
    state = {}
    for module in modules_of(model).values():
        order = {name: i for i, name in enumerate(module.state_dict())}
        owned = [*module.named_parameters(), *module.named_buffers()]
        for name, x in sorted(owned, key=lambda pair: order.get(pair[0], len(order))):
            if first_run.names.get(id(x.array)) == name:
                state[name] = x.array
    inputs = [_ref(runs, xs, [None] * len(runs)) for xs in zip(*(run.given for run in runs))]
    return Program(calls, outputs, inputs, state, entered, tried)
