"""Each of Caffe's layers against what its documentation says, computed by other means."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course.interop.caffe import LAYERS, Net
from tinygrad_course.interop.caffe.fillers import fill
from tinygrad_course.interop.prototxt import PrototxtError, parse

RNG = np.random.default_rng(0)


def net(layers, phase="TEST", **shapes):
    """A net of layers, given as text, on inputs of given shapes."""
    inputs = ""
    for name, shape in shapes.items():
        dims = " ".join(f"dim: {n}" for n in shape)
        inputs += f'layer {{ name: "{name}" type: "Input" top: "{name}" input_param {{ shape {{ {dims} }} }} }}\n'
    return Net(parse(inputs + layers), phase)


def single(kind, x, param="", bottoms=(), tops='top: "y"', phase="TEST"):
    """The net of one layer and what it gives for x (and other bottoms)."""
    xs = {f"x{i}": each for i, each in enumerate((x, *bottoms))}
    wired = " ".join(f'bottom: "{name}"' for name in xs)
    n = net(
        f'layer {{ name: "l" type: "{kind}" {wired} {tops} {param} }}', phase, **{k: v.shape for k, v in xs.items()}
    )
    return n, n(*[tc.tensor(each) for each in xs.values()])


X = RNG.standard_normal((2, 4, 5, 6)).astype(np.float32)
POINTWISE = [
    ("ReLU", "", lambda x: np.maximum(x, 0)),
    ("ReLU", "relu_param { negative_slope: 0.1 engine: CAFFE }", lambda x: np.where(x > 0, x, 0.1 * x)),
    ("ELU", "elu_param { alpha: 2 }", lambda x: np.where(x > 0, x, 2 * np.expm1(x))),
    ("TanH", "", np.tanh),
    ("Sigmoid", "", lambda x: 1 / (1 + np.exp(-x))),
    ("BNLL", "", lambda x: np.log1p(np.exp(x))),
    ("AbsVal", "", np.abs),
    ("Power", "power_param { power: 2 scale: 3 shift: 1 }", lambda x: (1 + 3 * x) ** 2),
    ("Power", "power_param { scale: -1 }", lambda x: -x),
    ("Exp", "exp_param { base: 2 scale: 0.5 }", lambda x: 2 ** (0.5 * x)),
    ("Log", "log_param { base: 10 scale: 0.01 shift: 5 }", lambda x: np.log10(5 + 0.01 * x)),
    ("Dropout", "", lambda x: x),
    ("PReLU", "", lambda x: np.where(x > 0, x, 0.25 * x)),
    ("Flatten", "", lambda x: x.reshape(2, -1)),
    ("Flatten", "flatten_param { axis: 2 }", lambda x: x.reshape(2, 4, -1)),
    ("Reshape", "reshape_param { shape { dim: 0 dim: -1 dim: 6 } }", lambda x: x.reshape(2, 20, 6)),
    ("Reshape", "reshape_param { shape { dim: 2 dim: 2 } axis: 1 num_axes: 1 }", lambda x: x.reshape(2, 2, 2, 5, 6)),
    ("Reshape", "reshape_param { shape { dim: -1 } axis: 1 num_axes: 2 }", lambda x: x.reshape(2, 20, 6)),
    ("Reshape", "reshape_param { shape { dim: 1 } axis: -1 num_axes: 0 }", lambda x: x[..., None]),
    ("Softmax", "", lambda x: np.exp(x) / np.exp(x).sum(1, keepdims=True)),
    ("Softmax", "softmax_param { axis: -1 }", lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
    ("Scale", "", lambda x: x),
    ("Bias", "bias_param { filler { type: 'constant' value: 3 } }", lambda x: x + 3),
    ("Pooling", "pooling_param { pool: AVE global_pooling: true }", lambda x: x.mean((2, 3), keepdims=True)),
    ("Pooling", "pooling_param { global_pooling: true }", lambda x: x.max((2, 3), keepdims=True)),
]


@pytest.mark.parametrize(
    ("kind", "param", "want"), POINTWISE, ids=[f"{k}-{i}" for i, (k, _, _) in enumerate(POINTWISE)]
)
def test_layers_of_one_bottom(kind, param, want):
    np.testing.assert_allclose(single(kind, X, param)[1].detach().array, want(X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("pool", ["MAX", "AVE"])
@given(data=st.data())
def test_pooling_rounds_up_as_caffe(pool, data):
    """Windows and divisors by Caffe's own definition, one at a time."""
    k = data.draw(st.integers(1, 4))
    s, pad = data.draw(st.integers(1, 4)), data.draw(st.integers(0, k // 2))
    h, w = data.draw(st.integers(k, 8)), data.draw(st.integers(k, 8))
    outs = []
    for n in (h, w):
        out = math.ceil((n + 2 * pad - k) / s) + 1
        if pad and (out - 1) * s >= n + pad:
            out -= 1
        outs.append(out)
    x = RNG.standard_normal((1, 1, h, w)).astype(np.float32)
    param = f"pooling_param {{ pool: {pool} kernel_size: {k} stride: {s} pad: {pad} }}"
    if any((out - 1) * s - pad >= n for out, n in zip(outs, (h, w))):
        with pytest.raises(PrototxtError, match="outside of the image"):
            single("Pooling", x, param)
        return
    want = np.zeros(outs)
    for i, j in np.ndindex(*outs):
        top, left = i * s - pad, j * s - pad
        size = (min(top + k, h + pad) - top) * (min(left + k, w + pad) - left)
        window = x[0, 0, max(top, 0) : min(top + k, h), max(left, 0) : min(left + k, w)]
        want[i, j] = window.max() if pool == "MAX" else window.sum() / size
    np.testing.assert_allclose(single("Pooling", x, param)[1].array[0, 0], want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["Convolution", "Deconvolution"])
def test_convolution_against_pytorch(kind):
    torch = pytest.importorskip("torch")
    param = """convolution_param { num_output: 6 kernel_h: 3 kernel_w: 2 stride: 2 pad_h: 1 pad_w: 0 group: 2
      dilation: 2
      weight_filler { type: "xavier" } bias_filler { type: "uniform" } }"""
    x = RNG.standard_normal((2, 4, 9, 9)).astype(np.float32)
    n, y = single(kind, x, param)
    layer = n.layers["l"]
    assert layer.weight.shape == ((4, 3, 3, 2) if kind == "Deconvolution" else (6, 2, 3, 2))
    w, b = (torch.tensor(p.detach().array) for p in (layer.weight, layer.bias))
    f = torch.nn.functional.conv_transpose2d if kind == "Deconvolution" else torch.nn.functional.conv2d
    want = f(torch.tensor(x), w, b, stride=2, padding=(1, 0), dilation=2, groups=2)
    np.testing.assert_allclose(y.detach().array, want.numpy(), rtol=1e-4, atol=1e-5)


def test_inner_product():
    n, y = single("InnerProduct", X, "inner_product_param { num_output: 3 axis: 2 weight_filler { type: 'msra' } }")
    np.testing.assert_allclose(
        y.detach().array, X.reshape(2, 4, 30) @ n.layers["l"].weight.detach().array.T, rtol=1e-4, atol=1e-5
    )
    text = "inner_product_param { num_output: 3 transpose: true bias_term: false weight_filler { type: 'msra' } }"
    n, y = single("InnerProduct", X, text)
    assert n.layers["l"].weight.shape == (120, 3)
    assert n.layers["l"].bias is None
    np.testing.assert_allclose(
        y.detach().array, X.reshape(2, -1) @ n.layers["l"].weight.detach().array, rtol=1e-4, atol=1e-5
    )


def test_lrn():
    across = np.zeros_like(X)
    within = np.zeros_like(X)
    for c in range(4):
        across[:, c] = (X[:, max(c - 1, 0) : c + 2] ** 2).sum(1)
    for i, j in np.ndindex(5, 6):
        within[:, :, i, j] = (X[:, :, max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2] ** 2).sum((2, 3))
    y = single("LRN", X, "lrn_param { local_size: 3 alpha: 0.6 beta: 0.5 k: 2 }")[1]
    np.testing.assert_allclose(y.array, X / (2 + 0.2 * across) ** 0.5, rtol=1e-5)
    y = single("LRN", X, "lrn_param { local_size: 3 alpha: 0.6 beta: 0.5 norm_region: WITHIN_CHANNEL }")[1]
    np.testing.assert_allclose(y.array, X / (1 + 0.6 / 9 * within) ** 0.5, rtol=1e-5)


def test_batch_norm_and_its_running_sums():
    n, y = single("BatchNorm", X, "batch_norm_param { moving_average_fraction: 0.9 eps: 0.001 }", phase="TRAIN")
    mean, var = X.mean((0, 2, 3)), X.var((0, 2, 3))
    spread = lambda v: v.reshape(1, 4, 1, 1)
    np.testing.assert_allclose(y.array, (X - spread(mean)) / np.sqrt(spread(var) + 0.001), rtol=1e-4, atol=1e-5)
    n(tc.tensor(2 * X))
    layer = n.layers["l"]
    assert layer.scale_factor.item() == pytest.approx(1.9)
    np.testing.assert_allclose(layer.mean.array, 0.9 * mean + 2 * mean, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(layer.variance.array, (0.9 + 4) * var * 60 / 59, rtol=1e-4)
    y = n.eval()(tc.tensor(X)).array
    m, v = spread(layer.mean.array / 1.9), spread(layer.variance.array / 1.9)
    np.testing.assert_allclose(y, (X - m) / np.sqrt(v + 0.001), rtol=1e-4, atol=1e-5)


def test_layers_that_connect():
    other = RNG.standard_normal(X.shape).astype(np.float32)
    for op, want in [("SUM", X + other), ("PROD", X * other), ("MAX", np.maximum(X, other))]:
        y = single("Eltwise", X, f"eltwise_param {{ operation: {op} }}", [other])[1]
        np.testing.assert_allclose(y.array, want, rtol=1e-6)
    y = single("Eltwise", X, "eltwise_param { coeff: 1 coeff: -2 }", [other])[1]
    np.testing.assert_allclose(y.array, X - 2 * other, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(single("Concat", X, "", [other])[1].array, np.concatenate([X, other], 1))
    y = single("Concat", X, "concat_param { axis: -1 }", [other])[1]
    np.testing.assert_array_equal(y.array, np.concatenate([X, other], -1))
    gamma = RNG.standard_normal((4, 5)).astype(np.float32)
    np.testing.assert_allclose(single("Scale", X, "", [gamma])[1].array, X * gamma[..., None], rtol=1e-6)
    np.testing.assert_allclose(single("Bias", X, "", [gamma])[1].array, X + gamma[..., None], rtol=1e-6)
    three = 'top: "a" top: "b" top: "c"'
    cut = single("Slice", X, "slice_param { axis: 3 slice_point: 1 slice_point: 3 }", tops=three)[1]
    for name, want in zip("abc", (X[..., :1], X[..., 1:3], X[..., 3:])):
        np.testing.assert_array_equal(cut[name].array, want)
    for y in single("Split", X, tops=three)[1].values():
        np.testing.assert_array_equal(y.array, X)


def test_losses():
    x, t = RNG.standard_normal((3, 5)).astype(np.float32), np.array([0, 4, 2])
    logp = x - np.log(np.exp(x).sum(1, keepdims=True))
    picked = -logp[np.arange(3), t]
    loss = lambda kind, param="", x=x, t=t: single(kind, x, param, [t])[1].item()
    assert loss("SoftmaxWithLoss") == pytest.approx(picked.mean(), rel=1e-5)
    assert loss("SoftmaxWithLoss", "loss_param { ignore_label: 4 }") == pytest.approx(picked[[0, 2]].mean(), rel=1e-5)
    text = "loss_param { ignore_label: 4 normalization: FULL }"
    assert loss("SoftmaxWithLoss", text) == pytest.approx(picked[[0, 2]].sum() / 3, rel=1e-5)
    assert loss("SoftmaxWithLoss", "loss_param { normalization: NONE }") == pytest.approx(picked.sum(), rel=1e-5)
    soft = RNG.random((3, 5)).astype(np.float32)
    p = 1 / (1 + np.exp(-x))
    want = -(soft * np.log(p) + (1 - soft) * np.log(1 - p)).sum() / 3
    assert loss("SigmoidCrossEntropyLoss", t=soft) == pytest.approx(want, rel=1e-5)
    assert loss("EuclideanLoss", t=soft) == pytest.approx(((x - soft) ** 2).sum() / 6, rel=1e-5)
    sign = np.ones((3, 5))
    sign[np.arange(3), t] = -1
    margins = np.maximum(0, 1 + sign * x)
    assert loss("HingeLoss") == pytest.approx(margins.sum() / 3, rel=1e-5)
    assert loss("HingeLoss", "hinge_loss_param { norm: L2 }") == pytest.approx((margins**2).sum() / 3, rel=1e-5)
    image, places = RNG.standard_normal((2, 3, 4, 4)).astype(np.float32), RNG.integers(0, 3, (2, 1, 4, 4))
    logp = image - np.log(np.exp(image).sum(1, keepdims=True))
    want = -np.take_along_axis(logp, places, 1).mean()
    assert loss("SoftmaxWithLoss", x=image, t=places) == pytest.approx(want, rel=1e-5)


def test_accuracy():
    x = np.array([[3.0, 1, 2], [0, 0, 0], [1, 2, 3]], np.float32)
    t = np.array([0, 0, 1])
    of = lambda param="": single("Accuracy", x, param, [t])[1].item()
    assert of() == pytest.approx(1 / 3)  # of equal scores the label's comes last
    assert of("accuracy_param { top_k: 2 }") == pytest.approx(2 / 3)
    assert of("accuracy_param { ignore_label: 1 }") == pytest.approx(1 / 2)


def test_fillers():
    tc.manual_seed(0)
    shape = (40, 30, 5, 5)
    message = lambda text: parse(f"type: '{text.split()[0]}' {' '.join(text.split()[1:])}")
    fan_in, fan_out = 750, 1000
    for text, std in [
        ("gaussian std: 0.02", 0.02), ("xavier", 1 / math.sqrt(fan_in)),
        ("xavier variance_norm: FAN_OUT", 1 / math.sqrt(fan_out)),
        ("msra variance_norm: AVERAGE", math.sqrt(2 / ((fan_in + fan_out) / 2))),
        ("uniform min: -1 max: 1", 1 / math.sqrt(3)),
    ]:  # fmt: skip
        values = fill(shape, message(text))
        assert values.std() == pytest.approx(std, rel=0.02), text
        assert abs(values.mean()) < 0.02 * std
        if text.startswith("xavier"):
            assert abs(values).max() <= math.sqrt(3) * std * 1.0001
    np.testing.assert_allclose(fill((4, 9), message("positive_unitball")).sum(1), 1, rtol=1e-5)
    assert (fill((3,), message("constant value: 2")) == 2).all()
    enlarge = fill((1, 1, 4, 4), message("bilinear"))
    np.testing.assert_allclose(enlarge[0, 0, 0], np.array([0.25, 0.75, 0.75, 0.25]) * 0.25)
    assert 0.05 < (fill((40, 100), message("gaussian sparse: 4")) != 0).mean() < 0.15
    with pytest.raises(PrototxtError, match="type must be one of constant"):
        fill((3,), message("gauss"))


def test_every_type_of_the_table_is_tested():
    text = Path(__file__).read_text(encoding="utf-8")
    text = text[: text.index("def test_every_type")]
    untested = {kind for kind in LAYERS if f'"{kind}"' not in text}
    assert untested == {"Data", "MemoryData", "ImageData", "HDF5Data", "Silence"}  # in test_net.py
