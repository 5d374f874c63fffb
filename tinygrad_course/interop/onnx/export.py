"""A model as an ONNX file: the operations that a call executes, observed and written."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import __version__, nn
from ...nn.module import Module
from ...tensor import Tensor, tensor
from .lengths import Varying
from .observe import Program, Ref, observe
from .package import OnnxError, onnx_package
from .rules import MODULES, RULES, Case
from .writer import Writer

if TYPE_CHECKING:
    from onnx import ModelProto

__all__ = ["export"]

OPSETS = range(17, 24)
BUFFERS = "tinygrad_course.buffers"  # in the file's metadata: names of state that is not trained


def export(
    model: Module | Callable[..., Any], inputs: Any, path: str | os.PathLike[str] | None = None, *,
    input_names: Sequence[str] | None = None, output_names: Sequence[str] | None = None, dynamic_batch: bool = True,
    dynamic_axes: Mapping[str, Mapping[int, str] | Sequence[int]] | None = None, opset: int = 18,
) -> ModelProto:  # fmt: skip
    """Write what a model computes, in evaluation, as an ONNX file (https://onnx.ai).

    The model is called on the inputs and, to see what depends on their size, on inputs of other sizes. What it executes
    is written: control flow as it ran. Parameters and buffers keep their names of `state_dict`.

    Args:
        model: a Module, or a function of tensors.
        inputs: its argument or a tuple of them: tensors or arrays, of whose dtypes and shapes the file will be.
        path: where to write; None only gives the model.
        input_names: default: input, or input_0, input_1, ...
        output_names: default: output, or output_0, output_1, ...
        dynamic_batch: dim 0 of the first input, and of all inputs of the same length there, may have any length.
        dynamic_axes: instead, by the name of an input, which of its dims may have any length: their places, or a dict
            from place to name. Dims of one name have one length.
        opset: the version of ONNX's operators, 17 to 23.

    Returns:
        The file's contents, an `onnx.ModelProto`.

    Raises:
        OnnxError: if operations have no equivalent in ONNX, naming all of them; or if values or control flow depend on
            the inputs in a way that a file cannot hold.
        ImportError: without the onnx package.

    Example:
        >>> import tinygrad_course as tc
        >>> model = tc.nn.Sequential(tc.nn.Linear(4, 3), tc.nn.ReLU())
        >>> file = tc.interop.onnx.export(model, tc.zeros(2, 4))
        >>> [node.op_type for node in file.graph.node], [p.name for p in file.graph.initializer]
        (['Gemm', 'Relu'], ['0.weight', '0.bias'])
    """
    onnx = onnx_package()
    if opset not in OPSETS:
        raise ValueError(f"export: expected opset from {OPSETS[0]} to {OPSETS[-1]}, got {opset}")
    if not callable(model):
        raise TypeError(f"export: expected a Module or a function, got {type(model).__name__}")
    given = [tensor(x) for x in (inputs if isinstance(inputs, (tuple, list)) else (inputs,))]
    names = _names("input", input_names, len(given))
    axes = _dynamic(given, names, dynamic_batch, dynamic_axes)
    with _Evaluation(model):
        program = observe(model, given, axes)
        outputs = _names("output", output_names, len(program.outputs))
        graph, buffers = _Export(program, names, outputs, axes, opset, model).graph()
    version = onnx.helper.make_opsetid("", opset)
    made = onnx.helper.make_model_gen_version(
        graph, opset_imports=[version], producer_name="tinygrad_course", producer_version=__version__
    )
    onnx.helper.set_model_props(made, {BUFFERS: "\n".join(buffers)} if buffers else {})
    onnx.checker.check_model(made)
    if path is not None:
        with open(path, "wb") as file:
            file.write(made.SerializeToString())
    return made


class _Evaluation:
    """Modules in evaluation, and afterwards each as it was."""

    def __init__(self, model: Any) -> None:
        self.flags = [(m, m.training) for m in model.modules()] if isinstance(model, Module) else []
        self.model = model

    def __enter__(self) -> None:
        if self.flags:
            self.model.eval()

    def __exit__(self, *exc: object) -> None:
        for module, flag in self.flags:
            module.training = flag


def _names(kind: str, given: Sequence[str] | None, count: int) -> list[str]:
    if given is None:
        return [kind] if count == 1 else [f"{kind}_{i}" for i in range(count)]
    found = [given] if isinstance(given, str) else list(given)
    if len(found) != count or len(set(found)) != count or not all(isinstance(n, str) and n for n in found):
        raise ValueError(f"export: expected {count} different {kind}_names, got {found}")
    return found


def _dynamic(given: Sequence[Tensor], names: Sequence[str], batch: bool, axes: Any) -> list[dict[int, str]]:
    """For each input its dynamic axes by their names."""
    if axes is None:
        length = next((x.array.shape[0] for x in given if x.array.ndim), None) if batch else None
        return [{0: "batch"} if x.array.ndim and x.array.shape[0] == length else {} for x in given]
    unknown = set(axes) - set(names)
    if unknown:
        raise ValueError(f"export: dynamic_axes names {sorted(unknown)}, but the inputs are {list(names)}")
    found = []
    for name, x in zip(names, given):
        some = axes.get(name, {})
        some = dict(some) if isinstance(some, Mapping) else {i: f"{name}_{i}" for i in some}
        n = x.array.ndim
        if any(not -n <= i < n for i in some):
            raise ValueError(f"export: dynamic_axes of {name!r} are {list(some)}, but its shape is {x.array.shape}")
        found.append({i % n: label for i, label in some.items()})
    return found


class _Export:
    """Writes a program as a graph."""

    def __init__(
        self,
        program: Program,
        inputs: list[str],
        outputs: list[str],
        axes: list[dict[int, str]],
        opset: int,
        model: Any,
    ) -> None:
        sources = {label: (name, i) for name, some in zip(inputs, axes) for i, label in some.items()}
        self.program = program
        self.inputs = inputs
        self.outputs = outputs
        self.axes = axes
        self.w = Writer(program.tried, sources, opset)
        self.names: dict[tuple[int, int], str] = {}
        self.used: set[str] = set()
        self.state = {id(array): name for name, array in program.state.items()}
        self.buffers = {n for n, _ in model.named_buffers()} if isinstance(model, Module) else set()
        for name in (*inputs, *outputs, *program.state):
            if self.w.reserve(name) != name:
                raise ValueError(f"export: {name!r} names an input or output and a parameter; rename the former")

    def graph(self) -> tuple[Any, list[str]]:
        """The graph, and the names of the buffers in it."""
        self._write()
        helper, program = self.w.onnx.helper, self.program
        results = []
        for name, ref in zip(self.outputs, program.outputs):
            self._rename(self._name(ref, ref.dtype), name)
            results.append(helper.make_tensor_value_info(name, self.w.dtype(ref.dtype), self._shape(ref)))
        self._prune()
        given = [
            helper.make_tensor_value_info(
                name, self.w.dtype(ref.dtype), [some.get(i, n) for i, n in enumerate(self._first(ref))]
            )
            for name, ref, some in zip(self.inputs, program.inputs, self.axes)
        ]
        kept = {n: x for n, x in program.state.items() if n in self.used}
        arrays = [
            self.w.onnx.numpy_helper.from_array(np.ascontiguousarray(x).reshape(x.shape), n) for n, x in kept.items()
        ]
        graph = helper.make_graph(self.w.nodes, "tinygrad_course", given, results, arrays)
        return graph, [n for n in kept if n in self.buffers]

    def _write(self) -> None:
        layers = self._layers()
        done: set[int] = set()
        unknown = {seen.op: seen.where for seen in reversed(self.program.calls) if seen.op not in RULES}
        if unknown:
            listed = ", ".join(f"{op} ({where})" for op, where in sorted(unknown.items()))
            raise OnnxError(f"export: these operations have no equivalent in ONNX here: {listed}")
        for i, seen in enumerate(self.program.calls):
            if i in done:
                continue
            self.w.place = "/".join(part.rpartition("#")[0] for part in seen.scope[-1:])
            if i in layers:
                write, module, case, target, calls = layers[i]
                name = write(module, case)
                if name is not None:
                    self.names[target] = name
                    done |= calls
                    continue
            try:
                found = RULES[seen.op](self._case(seen.inputs, seen.params, seen.outs))
            except (OnnxError, TypeError) as error:
                raise OnnxError(f"export: {seen.op} ({seen.where}): {error}") from error
            for j, name in enumerate(found if isinstance(found, tuple) else (found,)):
                self.names[i, j] = name

    def _case(self, refs: Any, params: Any, outs: Any) -> Case:
        return Case(self.w, refs, params, outs, self._name, self._owned)

    def _layers(self) -> dict[int, tuple[Any, Module, Case, tuple[int, int], set[int]]]:
        """Calls of layers that may become one node, by the number of their first operation."""
        program = self.program
        found = {}
        for module, scope, inputs, outputs in program.entered:
            write = MODULES.get(type(module).__name__) if type(module).__module__.startswith(nn.__name__) else None
            calls = {i for i, seen in enumerate(program.calls) if write and seen.scope[: len(scope)] == scope}
            if not calls or module._hooks is not None or len(inputs) != 1 or len(outputs) != 1:
                continue
            target = outputs[0].value
            read = [ref for i, seen in enumerate(program.calls) if i not in calls for ref in seen.inputs]
            inner = [ref for ref in (*read, *program.outputs) if ref.kind == "call" and ref.value[0] in calls]
            if outputs[0].kind == "call" and target[0] in calls and all(ref.value == target for ref in inner):
                found[min(calls)] = (write, module, self._case(tuple(inputs), {}, tuple(outputs)), target, calls)
        return found

    def _owned(self, x: Any) -> str:
        name = self.state[id(x.array)]
        self.used.add(name)
        return name

    def _name(self, ref: Ref, dtype: Any) -> str:
        """The name of a value."""
        if ref.kind == "call":
            return self.names[ref.value]
        if ref.kind == "input":
            return self.inputs[ref.value]
        if ref.kind == "state":
            self.used.add(ref.value)
            return ref.value
        if isinstance(ref.value, Varying):
            return self.w.varying_array(ref, dtype)
        return self.w.constant(ref.value, dtype)

    def _rename(self, found: str, name: str) -> None:
        """Give an output its name: the node that makes it does, unless something else has the value's name."""
        made = [node for node in self.w.nodes if found in node.output]
        if not made or found in self.outputs:
            self.w.nodes.append(
                self.w.onnx.helper.make_node("Identity", [found], [name], name=self.w.reserve("Identity"))
            )
            return
        for node in self.w.nodes:
            for side in (node.input, node.output):
                for i, other in enumerate(side):
                    if other == found:
                        side[i] = name
        self.names = {key: name if value == found else value for key, value in self.names.items()}

    def _prune(self) -> None:
        """Leave out nodes that nothing reads: constants for parameters that a rule has not used."""
        read = set(self.outputs)
        kept = []
        for node in reversed(self.w.nodes):
            if read & set(node.output):
                kept.append(node)
                read |= set(node.input)
        self.w.nodes = kept[::-1]

    def _first(self, ref: Ref) -> list[int]:
        shape = ref.shape.values[0] if isinstance(ref.shape, Varying) else ref.shape
        return [n.values[0] if isinstance(n, Varying) else n for n in shape]

    def _shape(self, ref: Ref) -> list[Any]:
        """Lengths, and the names of those that are the size of a dynamic axis; None where a length varies otherwise."""
        sizes = {tuple(some[name] for some in self.program.tried): name for name in self.program.tried[0]}
        return [sizes.get(n.values) if isinstance(n, Varying) else n for n in ref.shape]
