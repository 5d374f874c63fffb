"""Write a Sequential as Caffe's prototxt, and its weights as a `.caffemodel`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from ... import nn
from ...autograd import no_grad
from ...tensor import Tensor
from ..prototxt import Enum, Message, parse, write
from .net import Net
from .weights import _held, save_weights

__all__ = ["save"]

Path = str | os.PathLike[str]
Entry = tuple[str, Message | None, list[Any]]  # type, its parameters, the blobs in their order


def save(model: nn.Module, path: Path, input_shape: tuple[int, ...], weights: Path | None = None) -> None:
    """Write a network as prototxt.

    Args:
        model: a layer, or Sequentials of layers.
        path: the prototxt to write.
        input_shape: of a batch; pooling that would round differently in Caffe is told by it.
        weights: where to write the weights, as `.caffemodel`.

    Raises:
        TypeError: if Caffe has no layer for one of the network's.

    Example:
        >>> import os, tempfile, tinygrad_course as tc
        >>> model = tc.nn.Sequential(tc.nn.Linear(4, 3), tc.nn.Tanh())
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "net.prototxt")
        ...     tc.interop.caffe.save(model, path, (1, 4), weights=path + ".caffemodel")
        ...     twin = tc.interop.caffe.load(path, weights=path + ".caffemodel")
        >>> x = tc.ones(2, 4)
        >>> bool((twin(x) == model(x)).all())
        True
    """
    net = Message().add("name", type(model).__name__)
    shape = Message()
    for n in input_shape:
        shape.add("dim", int(n))
    first = Message().add("name", "data").add("type", "Input").add("top", "data")
    net.add("layer", first.add("input_param", Message().add("shape", shape)))
    bottom, blobs = "data", {}
    with no_grad():
        x = Tensor._wrap(_zeros(input_shape))
        for name, module in _flat(model, ""):
            kinds = [base for base in type(module).__mro__ if base in _WRITERS]
            if not kinds:
                raise TypeError(
                    f"save: Caffe has no layer for {type(module).__name__} at {name!r}; known are "
                    f"{', '.join(sorted(k.__name__ for k in _WRITERS))}"
                )
            for i, (kind, options, values) in enumerate(_WRITERS[kinds[0]](module, tuple(x.shape))):
                title = f"{name}_{kind.lower()}" if i else name
                layer = Message().add("name", title).add("type", kind).add("bottom", bottom).add("top", title)
                if options is not None and options.fields:
                    layer.add(_PARAM.get(kind, f"{kind.lower()}_param"), options)
                net.add("layer", layer)
                blobs[title] = values
                bottom = title
            training = module.training
            x = module.eval()(x)
            module.train(training)
    text = write(net)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    if weights is not None:
        built = Net(parse(text))
        for step in built._steps:
            for target, value in zip(_held(built.layers[step.name]), blobs.get(step.title, ())):
                target.data = Tensor._wrap(value)
        save_weights(built, weights)


def _zeros(shape: tuple[int, ...]) -> Any:
    import numpy as np

    return np.zeros(shape, np.float32)


def _flat(module: nn.Module, name: str) -> list[tuple[str, nn.Module]]:
    """The layers within Sequentials; what does nothing in a network is left out."""
    if isinstance(module, nn.Sequential):
        inside = [(f"layer{k}" if k.isdigit() and not name else k, m) for k, m in module.named_children()]
        return [pair for k, m in inside for pair in _flat(m, f"{name}_{k}" if name else k)]
    return [] if isinstance(module, nn.Identity) else [(name or "layer0", module)]


def _sizes(message: Message, name: str, value: Any, default: Any) -> None:
    """A field of height and width, left out where it is the default."""
    h, w = value if isinstance(value, tuple) else (value, value)
    if (h, w) == (default, default):
        return
    message.add(name, int(h))
    if h != w:
        message.add(name, int(w))


def _convolution(c: Any, shape: tuple[int, ...]) -> list[Entry]:
    if isinstance(c.padding, str) or getattr(c, "padding_mode", "zeros") != "zeros":
        raise TypeError("save: Caffe pads with a number of zeros; give Conv2d padding as numbers, and mode 'zeros'")
    m = Message().add("num_output", c.weight.shape[0])
    _sizes(m, "kernel_size", tuple(c.weight.shape[2:]), None)
    for name, value, default in (("pad", c.padding, 0), ("stride", c.stride, 1), ("dilation", c.dilation, 1)):
        _sizes(m, name, value, default)
    if c.groups != 1:
        m.add("group", c.groups)
    return [("Convolution", _bias(m, c), _values(c.weight, c.bias))]


def _bias(m: Message, layer: Any) -> Message:
    return m if layer.bias is not None else m.add("bias_term", False)


def _values(*tensors: Tensor | None) -> list[Any]:
    return [t.array for t in tensors if t is not None]


def _linear(layer: Any, shape: tuple[int, ...]) -> list[Entry]:
    m = Message().add("num_output", layer.weight.shape[0])
    if len(shape) != 2:
        m.add("axis", len(shape) - 1)
    return [("InnerProduct", _bias(m, layer), _values(layer.weight, layer.bias))]


def _pooling(kind: str) -> Callable[..., list[Entry]]:
    def written(p: Any, shape: tuple[int, ...]) -> list[Entry]:
        if getattr(p, "dilation", 1) not in (1, (1, 1)):
            raise TypeError("save: Caffe's pooling has no dilation")
        if not getattr(p, "count_include_pad", True) or getattr(p, "divisor_override", None) is not None:
            raise TypeError("save: Caffe's means count the padding, and have no divisor_override")
        m = Message().add("pool", Enum(kind))
        _sizes(m, "kernel_size", p.kernel_size, None)
        _sizes(m, "stride", p.kernel_size if p.stride is None else p.stride, 1)
        _sizes(m, "pad", p.padding, 0)
        if not p.ceil_mode:
            h = [v if isinstance(v, tuple) else (v, v) for v in (p.kernel_size, p.stride or p.kernel_size, p.padding)]
            if any((n + 2 * pad - k) % s for n, k, s, pad in zip(shape[2:], *h)):
                m.add("round_mode", Enum("FLOOR"))
        return [("Pooling", m, [])]

    return written


def _batch_norm(b: Any, shape: tuple[int, ...]) -> list[Entry]:
    """In Caffe the statistics and the affine map are two layers."""
    if b.running_mean is None:
        raise TypeError("save: BatchNorm without running statistics has no counterpart in Caffe")
    one = b.running_mean.array[:1] * 0 + 1
    m = Message().add("eps", float(b.eps)).add("use_global_stats", True)
    entries: list[Entry] = [("BatchNorm", m, [b.running_mean.array, b.running_var.array, one])]
    if b.weight is not None:
        entries.append(("Scale", Message().add("bias_term", True), _values(b.weight, b.bias)))
    return entries


def _lrn(n: Any, shape: tuple[int, ...]) -> list[Entry]:
    m = Message().add("local_size", n.size).add("alpha", float(n.alpha)).add("beta", float(n.beta)).add("k", float(n.k))
    return [("LRN", m, [])]


def _plain(kind: str, **fields: str) -> Callable[..., list[Entry]]:
    """A layer without parameters; fields of the text and the attributes they are read from."""

    def written(layer: Any, shape: tuple[int, ...]) -> list[Entry]:
        m = Message()
        for field, attribute in fields.items():
            m.add(field, getattr(layer, attribute))
        return [(kind, m, [])]

    return written


def _prelu(layer: Any, shape: tuple[int, ...]) -> list[Entry]:
    m = Message().add("channel_shared", True) if layer.weight.array.size == 1 else Message()
    return [("PReLU", m, [layer.weight.array])]


_PARAM = {"InnerProduct": "inner_product_param", "BatchNorm": "batch_norm_param"}
_WRITERS: dict[type, Callable[..., list[Entry]]] = {
    nn.Conv2d: _convolution, nn.Linear: _linear, nn.MaxPool2d: _pooling("MAX"), nn.AvgPool2d: _pooling("AVE"),
    nn.BatchNorm1d: _batch_norm, nn.BatchNorm2d: _batch_norm, nn.LocalResponseNorm: _lrn, nn.PReLU: _prelu,
    nn.ReLU: _plain("ReLU"), nn.LeakyReLU: _plain("ReLU", negative_slope="negative_slope"), nn.Tanh: _plain("TanH"),
    nn.Sigmoid: _plain("Sigmoid"), nn.ELU: _plain("ELU", alpha="alpha"),
    nn.Dropout: _plain("Dropout", dropout_ratio="p"),
    nn.Flatten: _plain("Flatten", axis="start_dim", end_axis="end_dim"),
    nn.Softmax: _plain("Softmax", axis="dim"), nn.Softplus: _plain("BNLL"),
}  # fmt: skip
