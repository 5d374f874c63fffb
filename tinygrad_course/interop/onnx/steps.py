"""The modules that a graph becomes: one for each node, and groups that give parameters their dotted names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ... import nn
from ...tensor import Tensor
from .operators import OPERATORS, Known, known
from .package import OnnxError

__all__ = ["Graph", "Group", "Step", "step_class"]


class Group(nn.Module):
    """Modules and parameters whose names begin alike."""

    def forward(self, *inputs: Any) -> Any:
        raise NotImplementedError("Group: this only holds parameters; call the network")


class Step(nn.Module):
    """One node of a graph; its class is named as its operator.

    Attributes:
        kind: the operator.
        version: of the operators that the file was written for.
        title: the node's name in the file.
        inputs: names of the values that it reads; "" for one left out.
        outputs: names of the values that it gives.
        attributes: as Python values.
        bodies: the graphs among the attributes.
    """

    def __init__(
        self, kind: str, version: int, title: str, inputs: list[str], outputs: list[str], attributes: dict[str, Any],
        bodies: Mapping[str, Graph],
    ) -> None:  # fmt: skip
        super().__init__()
        self.kind = kind
        self.version = version
        self.title = title
        self.inputs = inputs
        self.outputs = outputs
        self.attributes = attributes
        self.bodies = nn.ModuleDict(dict(bodies)) if bodies else None
        self.scope: dict[str, Any] = {}

    def get(self, name: str, default: Any = None) -> Any:
        """An attribute; the file's must be of the default's type, if there is one."""
        value = self.attributes.get(name, default)
        if default is not None and not isinstance(value, type(default)):
            raise OnnxError(f"attribute {name!r} should be {type(default).__name__}, not {type(value).__name__}")
        return value

    def forward(self, *inputs: Any) -> Any:
        """What the node computes; left out inputs are None."""
        given = [x for x in inputs if x is not None]
        try:
            found = OPERATORS[self.kind](self, *inputs)
        except (ArithmeticError, AttributeError, IndexError, KeyError, MemoryError, NotImplementedError, RuntimeError,
                TypeError, ValueError) as error:  # fmt: skip
            shapes = ", ".join(str(tuple(x.shape)) if isinstance(x, Tensor) else "–" for x in inputs)
            raise OnnxError(f"{self.kind} {self.title!r} on shapes {shapes or '()'}: {error}") from error
        if all(
            (isinstance(x, (Known, nn.Buffer)) and x.array.dtype.kind in "iub") or isinstance(x, Known) for x in given
        ):
            several = isinstance(found, tuple)
            fixed = [y if y is None or y.requires_grad else known(y.array) for y in (found if several else (found,))]
            return tuple(fixed) if several else fixed[0]
        return found

    def extra_repr(self) -> str:
        return ", ".join(f"{k}={v!r}" for k, v in self.attributes.items() if not hasattr(v, "shape"))


_CLASSES: dict[str, type[Step]] = {}


def step_class(kind: str) -> type[Step]:
    """The class of the steps of an operator, so that drawings and tables name them by it."""
    if kind not in _CLASSES:
        _CLASSES[kind] = type(kind, (Step,), {"__module__": __name__, "__doc__": f"ONNX's operator {kind}."})
    return _CLASSES[kind]


def __getattr__(name: str) -> Any:  # pickle looks the classes up here
    if name in OPERATORS:
        return step_class(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Graph(nn.Module):
    """Steps in their order.

    Attributes:
        inputs: names of what the caller gives.
        outputs: names of what a call returns.
    """

    def __init__(self, inputs: list[str], outputs: list[str]) -> None:
        super().__init__()
        self.inputs = inputs
        self.outputs = outputs
        self._order: list[str] = []  # where the steps are
        self._state: dict[str, str] = {}  # name in the file: where the tensor is
        self._last: list[list[str]] = []  # after each step, the values that are read no more

    def schedule(self, order: list[str], state: dict[str, str]) -> None:
        """Set which modules are the steps, and where the tensors of the file are."""
        self._order = order
        self._state = state
        seen, held = set(self.outputs), {*state, *self.inputs}
        last: list[list[str]] = []
        for place in reversed(order):
            step: Any = self.get_submodule(place)
            here = {n for n in reads(step) if n and n not in seen} - held
            unread = [n for n in step.outputs if n and n not in seen]
            seen |= here
            last.append([*here, *unread])
        self._last = last[::-1]

    def run(self, given: Mapping[str, Any], scope: Mapping[str, Any]) -> list[Any]:
        """The outputs, for values of the inputs and of the graph around this one."""
        values: dict[str, Any] = {**scope, **given}
        for name, place in self._state.items():
            if name not in given:
                owner, _, leaf = place.rpartition(".")
                values[name] = getattr(self.get_submodule(owner), leaf)
        for place, unread in zip(self._order, self._last):
            step: Any = self.get_submodule(place)
            if step.bodies is not None:
                step.scope = values
            found = step(*(values[n] if n else None for n in step.inputs))
            step.scope = {}
            found = found if isinstance(found, tuple) else (found,)
            if len(found) < len(step.outputs):
                raise OnnxError(f"{step.kind} {step.title!r}: gives {len(found)} values, not {len(step.outputs)}")
            for name, y in zip(step.outputs, found):
                if name:
                    values[name] = y
            for name in unread:
                values.pop(name, None)
        return [values[n] for n in self.outputs]

    def forward(self, *inputs: Any) -> Any:
        raise NotImplementedError("Graph: a body of a loop or a branch; call the network")


def reads(step: Any) -> Iterable[str]:
    """Names of the values that a step reads, those that its bodies take from around them included."""
    yield from step.inputs
    for body in step.bodies.values() if step.bodies is not None else ():
        yield from body.outputs
        for place in body._order:
            yield from reads(body.get_submodule(place))
