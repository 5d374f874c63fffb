"""A network from an ONNX file: a Module whose parameters have the names of the file's initializers."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ... import nn
from ...tensor import Tensor, tensor
from .operators import OPERATORS
from .package import OnnxError
from .reader import Files, attributes, dtype_of, parse, to_array
from .schema import check_node
from .steps import Graph, Group, Step, step_class

__all__ = ["Network", "load"]

BUFFERS = "tinygrad_course.buffers"
VERSIONS = range(1, 29)
# Inputs that are settings or statistics, not weights: operator, places.
_SETTINGS = {
    "BatchNormalization": (3, 4), "Clip": (1, 2), "Dropout": (1,), "OneHot": (2,), "Pad": (2,), "Range": (0, 1, 2),
    "Resize": (1, 2), "Upsample": (1,), "QuantizeLinear": (1,), "DequantizeLinear": (1,), "Constant": (),
}  # fmt: skip
_DEEPEST = 16  # bodies in bodies


def load(source: str | os.PathLike[str] | bytes, *, trainable: bool = True) -> Network:
    """A network from an ONNX file, in evaluation.

    Initializers of floats become parameters, save where they are settings or running statistics; those, and whole
    numbers, become buffers. Their names are the file's. `train()` trains on: batch normalization then normalizes by the
    batch and follows its statistics, dropout drops.

    Args:
        source: a path, or the bytes of a file. Data in other files is read from the file's directory only.
        trainable: whether parameters require grad.

    Raises:
        OnnxError: for a broken file, and naming all operators that are not supported.
        ImportError: without the onnx package.

    Example:
        >>> import tinygrad_course as tc
        >>> file = tc.interop.onnx.export(tc.nn.Linear(4, 3), tc.zeros(1, 4))
        >>> model = tc.interop.onnx.load(file.SerializeToString())
        >>> list(model.state_dict()), model(tc.zeros(2, 4)).shape
        (['weight', 'bias'], Size([2, 3]))
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return Network(parse(bytes(source), "load"), None, trainable)
    path = os.fspath(source)
    with open(path, "rb") as file:
        return Network(parse(file.read(), path), os.path.dirname(os.path.abspath(path)), trainable)


class Network(Graph):
    """What an ONNX file describes; call it with its inputs in their order, or by name.

    Attributes:
        inputs: names of the inputs that must be given.
        outputs: names of the outputs.
    """

    def __init__(self, model: Any, directory: str | None = None, trainable: bool = True) -> None:
        super().__init__([], [])
        versions = {o.domain: o.version for o in model.opset_import}
        version = versions.get("", versions.get("ai.onnx", 0))
        self.version = version
        stated = [entry.value for entry in model.metadata_props if entry.key == BUFFERS]
        builder = _Builder(Files(directory), version, set("\n".join(stated).split("\n")), trainable)
        builder.check_known(model.graph)
        if version not in VERSIONS:
            raise OnnxError(
                f"load: the file is of operators' version {version}; {VERSIONS[0]} to {VERSIONS[-1]} are supported"
            )
        builder.build(self, model.graph, set(), 0)
        self._dtypes = {i.name: _declared(i) for i in model.graph.input}
        self.eval()

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """The output, or a tuple of them."""
        given = dict(zip(self.inputs, inputs))
        if len(inputs) > len(self.inputs) or set(given) & set(named) or {*given, *named} != set(self.inputs):
            raise TypeError(
                f"Network: expected the inputs {', '.join(self.inputs) or '(none)'}, got {len(inputs)} by place and "
                f"{', '.join(named) or 'none'} by name"
            )
        tensors = {n: x if isinstance(x, Tensor) else tensor(x) for n, x in {**given, **named}.items()}
        for name, x in tensors.items():
            wanted = self._dtypes[name]
            if wanted is not None and x.array.dtype != wanted:
                raise TypeError(
                    f"Network: the input {name!r} should be {wanted}, got {x.array.dtype}; x.to({wanted!s})"
                )
        found = self.run(tensors, {})
        return found[0] if len(found) == 1 else tuple(found)

    def extra_repr(self) -> str:
        return f"inputs={self.inputs}, outputs={self.outputs}"


def _declared(value: Any) -> np.dtype | None:
    kind = value.type.tensor_type.elem_type
    return dtype_of(kind, f"input {value.name!r}") if kind and kind != 16 else None


class _Builder:
    """Makes modules of the nodes of a graph."""

    def __init__(self, files: Files, version: int, buffers: set[str], trainable: bool) -> None:
        self.files = files
        self.version = version
        self.buffers = buffers
        self.trainable = trainable

    def check_known(self, graph: Any) -> None:
        """Raise for operators that are not supported, naming all."""
        unknown = sorted(self._unknown(graph, 0))
        if unknown:
            raise OnnxError(f"load: these operators are not supported: {', '.join(unknown)}")

    def _unknown(self, graph: Any, depth: int) -> set[str]:
        if depth > _DEEPEST:
            raise OnnxError(f"load: bodies are nested more than {_DEEPEST} deep")
        found = set()
        for node in graph.node:
            if node.domain not in ("", "ai.onnx") or node.op_type not in OPERATORS:
                found.add(f"{node.domain}.{node.op_type}" if node.domain else node.op_type)
            for a in node.attribute:
                if a.type == a.GRAPH:
                    found |= self._unknown(a.g, depth + 1)
        return found

    def build(self, into: Graph, graph: Any, around: set[str], depth: int) -> None:
        """Fill a Graph with what a GraphProto describes."""
        if graph.sparse_initializer:
            raise OnnxError("load: sparse initializers are not supported")
        names = [x.name for x in graph.initializer]
        if len(set(names)) != len(names) or "" in names:
            raise OnnxError("load: initializers need different names")
        held = set(names)
        into.inputs = [i.name for i in graph.input if i.name not in held]
        into.outputs = [o.name for o in graph.output]
        if len(set(into.inputs)) != len(into.inputs):
            raise OnnxError("load: inputs need different names")
        self._check_order(graph, {*names, *into.inputs, *around})
        available = {*names, *into.inputs, *around}
        settings = self._settings(graph)
        homes = self._homes(graph, held)
        order: list[str] = []
        taken = dict.fromkeys(names, 1)
        for i, node in enumerate(graph.node):
            check_node(node, self.version)
            bodies = {}
            given = attributes(node, self.files)
            for key in [k for k, v in given.items() if hasattr(v, "node")]:
                body = Graph([], [])
                self.build(body, given.pop(key), available, depth + 1)
                bodies[key] = body
            available |= set(node.output)
            step = step_class(node.op_type)(
                node.op_type,
                self.version,
                node.name or f"number {i}",
                list(node.input),
                list(node.output),
                given,
                bodies,
            )
            order.append(_place(into, homes.get(i) or _label(node, i), step, taken))
        state = {}
        for proto in graph.initializer:
            array = to_array(proto, self.files)
            trained = array.dtype.kind == "f" and proto.name not in settings and proto.name not in self.buffers
            value: Tensor
            if trained:
                value = nn.Parameter(Tensor._wrap(array), requires_grad=self.trainable)
            else:
                value = nn.Buffer(Tensor._wrap(array))
            state[proto.name] = _attach(into, proto.name, value)
        into.schedule(order, state)

    def _check_order(self, graph: Any, known: set[str]) -> None:
        """Every value is made before it is read, and made once: so that there is no cycle."""
        made = set(known)
        for node in graph.node:
            for name in node.input:
                if name and name not in made:
                    raise OnnxError(
                        f"load: {node.op_type} {node.name!r} reads {name!r}, which nothing before it gives: the graph "
                        "is not in order, has a cycle, or is not whole"
                    )
            for name in filter(None, node.output):
                if name in made:
                    raise OnnxError(f"load: {name!r} is given twice, the second time by {node.op_type} {node.name!r}")
                made.add(name)
        for output in graph.output:
            if output.name not in made:
                raise OnnxError(f"load: nothing gives the output {output.name!r}")

    def _settings(self, graph: Any) -> set[str]:
        return {node.input[i] for node in graph.node for i in _SETTINGS.get(node.op_type, ()) if i < len(node.input)}

    def _homes(self, graph: Any, names: set[str]) -> dict[int, str]:
        """Nodes that are to be where their parameters are: "conv1" for what alone reads conv1.weight."""
        readers: dict[str, set[int]] = {}
        for i, node in enumerate(graph.node):
            for name in node.input:
                if name in names and "." in name:
                    readers.setdefault(name.rpartition(".")[0], set()).add(i)
        homes: dict[int, str] = {}
        for prefix, found in readers.items():
            if len(found) == 1:
                homes.setdefault(next(iter(found)), prefix)
        return homes


def _label(node: Any, i: int) -> str:
    label = (node.name or node.op_type).replace(".", "_").replace("/", "_").strip("_")
    return label or f"{node.op_type}_{i}"


def _place(root: Graph, path: str, step: Step, taken: dict[str, int]) -> str:
    """Put a step at a path, or beside what is there; gives where. `taken` counts how often a path was asked for."""
    found = path
    while found in taken or not _free(root, found):
        taken[path] = number = taken.get(path, 0) + 1
        found = f"{path}_{number - 1}"
    taken[found] = 1
    return _attach(root, found, step)


def _free(root: nn.Module, path: str) -> bool:
    owner: Any = root
    *parts, leaf = path.split(".")
    for part in parts:
        owner = owner._modules.get(part) if owner is not None else None
    return owner is None or leaf not in owner._modules


def _legal(owner: nn.Module, name: str) -> str:
    """The name, with "_" behind it where a module has something else of that name."""
    name = name or "_"
    while name not in owner._kinds and (name in owner.__dict__ or hasattr(type(owner), name)):
        name += "_"
    return name


def _attach(root: nn.Module, path: str, value: Any) -> str:
    """Put a module, Parameter or Buffer at a dotted path, making groups on the way; gives the path."""
    owner = root
    parts = path.split(".")
    place = []
    for part in parts[:-1]:
        name = _legal(owner, part)
        while name in owner._kinds and owner._kinds[name] != "module":
            name += "_"
        if name not in owner._modules:
            setattr(owner, name, Group())
        owner = owner._modules[name]
        place.append(name)
    leaf = _legal(owner, parts[-1])
    while leaf in owner._kinds:
        leaf += "_"
    setattr(owner, leaf, value)
    return ".".join([*place, leaf])
