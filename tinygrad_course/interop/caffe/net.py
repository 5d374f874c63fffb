"""A network from its prototxt."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from ... import nn
from ...autograd import no_grad
from ...tensor import Tensor, tensor
from ..prototxt import Message, parse
from .layers import LAYERS, Setup
from .layers.inputs import Input, Source, shape_of

__all__ = ["Net", "load", "read"]

Path = str | os.PathLike[str]


def read(path: Path) -> Message:
    """Parse a prototxt file."""
    with open(path, encoding="utf-8", errors="replace") as file:
        return parse(file.read(), os.fspath(path))


def load(
    path: Path, weights: Path | None = None, phase: str = "TEST", *, data: dict[str, Any] | None = None,
    stages: tuple[str, ...] = (),
) -> Net:  # fmt: skip
    """Build the network that a prototxt file describes.

    Args:
        path: the file.
        weights: a `.caffemodel`; layers are matched by name.
        phase: "TRAIN" or "TEST"; layers of the other phase are left out.
        data: for data layers: images and labels, or a dataset, by the name of the layer or of its source.
        stages: of `include { stage: ... }`.

    Returns:
        The network: call it with its inputs in their order, or by name.

    Raises:
        PrototxtError: if the text has an error, or asks for what is not known here; with line and column.
    """
    net = Net(read(path), phase, data=data, stages=stages)
    if weights is not None:
        from .weights import load_weights

        load_weights(net, weights)
    return net


class _Step:
    """One layer: its module, and the names of the blobs that it reads and writes."""

    def __init__(
        self, name: str, title: str, kind: str, bottoms: list[str], tops: list[str], loss_weights: list[float]
    ) -> None:
        self.name = name  # the attribute
        self.title = title  # what the text calls it
        self.kind = kind
        self.bottoms = bottoms
        self.tops = tops
        self.loss_weights = loss_weights


class Net(nn.Module):
    """A network of Caffe's layers.

    Args:
        message: the parsed prototxt.
        phase: "TRAIN" or "TEST".
        data: see `load`.
        stages: see `load`.

    Attributes:
        inputs: names of the blobs that the caller gives.
        outputs: names of the blobs that no layer reads.
        layers: the layers' modules by their names, in which "." and "/" become "_".
        learnable: (parameter, lr_mult, decay_mult) of each parameter.

    Example:
        >>> import tinygrad_course as tc
        >>> from tinygrad_course.interop import caffe, prototxt
        >>> text = '''
        ... layer { name: "data" type: "Input" top: "x" input_param { shape { dim: 1 dim: 4 } } }
        ... layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: 2 } }
        ... layer { name: "prob" type: "Softmax" bottom: "y" top: "p" }'''
        >>> net = caffe.Net(prototxt.parse(text))
        >>> net(tc.zeros(3, 4)).tolist()
        [[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]]
    """

    def __init__(
        self, message: Message, phase: str = "TEST", *, data: dict[str, Any] | None = None, stages: tuple[str, ...] = ()
    ) -> None:
        super().__init__()
        if phase not in ("TRAIN", "TEST"):
            raise ValueError(f'Net: expected phase "TRAIN" or "TEST", got {phase!r}')
        self.phase = phase
        self.name = message.text("name")
        message.ignore("force_backward", "debug_info", "state")
        if "layers" in message:
            raise message.error(
                "net: 'layers { ... }' is Caffe's format of before 2014; bring it up to date with its "
                "upgrade_net_proto_text",
                "layers",
            )
        self.inputs: list[str] = []
        self.outputs: list[str] = []
        self.learnable: list[tuple[nn.Parameter, float, float]] = []
        self.layers = nn.ModuleDict()
        self._steps: list[_Step] = []
        self._shared: dict[str, nn.Parameter] = {}
        self._blobs: dict[str, Tensor] = {}  # while building: zeros in the shapes of the blobs
        self.train(phase == "TRAIN")
        self._add_inputs(message)
        for layer in message.messages("layer"):
            if self._is_included(layer, stages):
                self._add(layer, data or {})
            else:
                _forget(layer)
        message.check_all_known()
        del self._blobs

    # --- building -------------------------------------------------------------------------------------------------

    def _add_inputs(self, message: Message) -> None:
        """The older way to declare inputs: fields of the net."""
        names = message.all("input", str, "a string")
        shapes = [shape_of(m) for m in message.messages("input_shape")]
        dims = message.all("input_dim", int, "an integer")
        for i in range(0, len(dims), 4):
            one = Message("input_dim", message.places["input_dim"])
            for d in dims[i : i + 4]:
                one.add("dim", d)
            shapes.append(shape_of(one))
        if len(shapes) != len(names):
            raise message.error(f"net: {len(names)} inputs need as many shapes, got {len(shapes)}", "input")
        for name, shape in zip(names, shapes):
            self.inputs.append(name)
            self.outputs.append(name)
            self._blobs[name] = Tensor._wrap(np.zeros(shape, np.float32))

    def _is_included(self, layer: Message, stages: tuple[str, ...]) -> bool:
        """Caffe's rules: in if any `include` holds (or there is none), unless an `exclude` does."""

        def holds(rule: Message) -> bool:
            phase = rule.choice("phase", self.phase, "TRAIN", "TEST")
            wanted, unwanted = rule.all("stage", str, "a string"), rule.all("not_stage", str, "a string")
            return phase == self.phase and set(wanted) <= set(stages) and not set(unwanted) & set(stages)

        include, exclude = layer.messages("include"), layer.messages("exclude")
        if include and exclude:
            raise layer.error("layer: give include or exclude rules, not both", "include")
        own = layer.choice("phase", self.phase, "TRAIN", "TEST")
        return own == self.phase and (any(map(holds, include)) if include else not any(map(holds, exclude)))

    def _add(self, layer: Message, sources: dict[str, Any]) -> None:
        name, kind = layer.text("name"), layer.text("type")
        bottoms, tops = layer.all("bottom", str, "a string"), layer.all("top", str, "a string")
        if kind not in LAYERS:
            raise layer.error(
                f"layer {name!r}: there is no type {kind!r} here; known are {', '.join(sorted(LAYERS))}", "type"
            )
        build, least, most = LAYERS[kind]
        if len(bottoms) < least or (most is not None and len(bottoms) > most):
            count = f"{least}" if most == least else f"{least} or more" if most is None else f"{least} to {most}"
            raise layer.error(f"layer {name!r}: {kind} takes {count} bottoms, got {len(bottoms)}")
        for bottom in bottoms:
            if bottom not in self._blobs:
                raise layer.error(f"layer {name!r}: no layer before it gives the bottom {bottom!r}", "bottom")
        shapes = [tuple(self._blobs[b].shape) for b in bottoms]
        module = build(Setup(layer, shapes, self.phase, len(tops), sources)).train(self.training)
        layer.ignore("propagate_down")
        place = (name or f"layer{len(self._steps)}").replace(".", "_").replace("/", "_")
        while hasattr(nn.ModuleDict, place):  # such as "train"
            place += "_"
        if place in self.layers:
            raise layer.error(f"layer {name!r}: there is another layer of that name", "name")
        self.layers[place] = module
        losses = [float(w) for w in layer.all("loss_weight", (int, float), "a number")]
        losses = losses or [1.0 if kind.endswith("Loss") and i == 0 else 0.0 for i in range(len(tops))]
        self._share(layer, module)
        step = _Step(place, name, kind, bottoms, tops, losses)
        self._steps.append(step)
        if isinstance(module, Input):
            self.inputs += tops
            self._blobs.update({t: Tensor._wrap(np.zeros(s, np.float32)) for t, s in zip(tops, module.shapes)})
        else:
            self._measure(layer, module, step)
        self.outputs = [b for b in self.outputs if b not in bottoms] + [t for t in tops if t not in bottoms]
        self.outputs += [t for t in tops if t in bottoms]

    def _measure(self, layer: Message, module: nn.Module, step: _Step) -> None:
        """Find the shapes of the tops by running the layer once on zeros, as a network in evaluation."""
        with no_grad():
            try:
                self._run(step, module.eval(), self._blobs)
            except (RuntimeError, ValueError, IndexError, TypeError) as error:
                if isinstance(error, ValueError) and str(error).startswith(layer.place.split(":")[0]):
                    raise
                raise layer.error(f"layer {layer.text('name')!r}: {error}") from error
        if isinstance(module, Source):
            module.read = 0
        module.train(self.training)

    def _share(self, layer: Message, module: nn.Module) -> None:
        """Multipliers of the parameters, and parameters that go by a name in several layers."""
        owned = list(module._parameters.items())
        owned = [(name, p) for name, p in owned if p is not None]
        specs = layer.messages("param")
        for i, (name, p) in enumerate(owned):
            spec = specs[i] if i < len(specs) else Message()
            rates = spec.number("lr_mult", 1.0), spec.number("decay_mult", 1.0)
            spec.ignore("share_mode")
            key = spec.text("name")
            if key and key in self._shared:
                if self._shared[key].shape != p.shape:
                    shapes = f"{tuple(self._shared[key].shape)} and {tuple(p.shape)}"
                    raise spec.error(f"param: {key!r} is shared by blobs of shapes {shapes}", "name")
                setattr(module, name, self._shared[key])
                continue
            if key:
                self._shared[key] = p
            p.requires_grad = rates[0] != 0
            self.learnable.append((p, *rates))
        for spec in specs[len(owned) :]:  # of BatchNorm, whose blobs are statistics here
            spec.ignore("name", "lr_mult", "decay_mult", "share_mode")

    # --- running --------------------------------------------------------------------------------------------------

    def _run(self, step: _Step, module: Any, blobs: dict[str, Any]) -> None:
        out = module(*[blobs[b] for b in step.bottoms])
        tops = out if isinstance(out, tuple) else (out,)
        if len(tops) != len(step.tops):
            raise RuntimeError(f"it gives {len(tops)} blobs, and has {len(step.tops)} tops")
        blobs.update(zip(step.tops, tops))

    def run(self, *inputs: Any, **named: Any) -> dict[str, Tensor]:
        """All blobs by their names; of a blob that a layer overwrites, the last value."""
        given = dict(zip(self.inputs, inputs))
        if len(inputs) > len(self.inputs) or set(given) & set(named) or set(given) | set(named) != set(self.inputs):
            raise TypeError(
                f"Net: expected the inputs {', '.join(self.inputs) or '(none)'}, got {len(inputs)} by place and "
                f"{', '.join(named) or 'none'} by name"
            )
        blobs = {name: x if isinstance(x, Tensor) else tensor(x) for name, x in {**given, **named}.items()}
        for step in self._steps:
            module = self.layers[step.name]
            if not isinstance(module, Input):
                self._run(step, module, blobs)
        return blobs

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """The output, or if there are several a dict of them."""
        blobs = self.run(*inputs, **named)
        found = {name: blobs[name] for name in self.outputs}
        return next(iter(found.values())) if len(found) == 1 else found

    def loss(self, blobs: dict[str, Tensor]) -> Tensor:
        """Σ loss_weight · blob, over the losses of the net."""
        total: Any = None
        for step in self._steps:
            for top, factor in zip(step.tops, step.loss_weights):
                if factor:
                    term = blobs[top].sum()
                    term = term if factor == 1 else term * factor
                    total = term if total is None else total + term
        if total is None:
            raise RuntimeError(f"Net: the network {self.name!r} has no loss in its phase {self.phase}")
        return total

    def share_with(self, other: Net) -> None:
        """Use the parameters and buffers of the layers of the same names in another net."""
        theirs = other.layers
        for name, module in self.layers.items():
            if name in theirs and type(theirs[name]) is type(module):
                for place, kind in module._kinds.items():
                    if kind != "module":
                        module.__dict__[place] = theirs[name].__dict__[place]


def _forget(layer: Message) -> None:
    """Count all fields of a layer of another phase as known."""
    layer.ignore(*layer.fields)
    for values in layer.fields.values():
        for value in values:
            if isinstance(value, Message):
                _forget(value)
