"""Every layer over generated arguments: shapes, values and gradients are PyTorch's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tests.nn.against_torch import arrays, compare

pytest.importorskip("torch")
small = st.integers(1, 3)


@given(st.data())
def test_linear_family(data):
    draw = data.draw
    a, b, c = draw(small), draw(small), draw(small)
    bias = draw(st.booleans())
    lead = tuple(draw(st.lists(small, max_size=2)))
    compare(lambda nn: nn.Linear(a, b, bias), arrays(draw, (*lead, a)))
    lead = lead or (2,)
    compare(lambda nn: nn.Bilinear(a, b, c, bias), arrays(draw, (*lead, a)), arrays(draw, (*lead, b)))


@st.composite
def convolutions(draw, transposed=False):
    n = draw(st.integers(1, 3))
    each = lambda low, high: tuple(draw(st.integers(low, high)) for _ in range(n))
    groups = draw(st.integers(1, 2))
    options = {"kernel_size": each(1, 3), "stride": each(1, 2), "dilation": each(1, 2), "groups": groups}
    options["bias"] = draw(st.booleans())
    options["padding"] = each(0, 2)
    lengths = tuple(draw(st.integers(5, 7)) for _ in range(n))
    if transposed:
        lengths = tuple(draw(st.integers(2, 4)) for _ in range(n))
        limits = [max(s, d) for s, d in zip(options["stride"], options["dilation"])]
        options["output_padding"] = tuple(draw(st.integers(0, m - 1)) for m in limits)
        smallest = [
            (length - 1) * s - 2 * p + d * (k - 1) + 1
            for length, s, p, d, k in zip(
                lengths, options["stride"], options["padding"], options["dilation"], options["kernel_size"]
            )
        ]
        if min(smallest) < 1:
            options["padding"] = (0,) * n
    else:
        options["padding_mode"] = draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"]))
        if draw(st.booleans()):
            options["padding"] = draw(st.sampled_from(["same", "valid"]))
            if options["padding"] == "same":
                options["stride"] = (1,) * n
    batch = () if draw(st.booleans()) and not transposed else (draw(small),)
    name = f"Conv{'Transpose' * transposed}{n}d"
    channels = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 2))
    return name, channels, options, arrays(draw, (*batch, channels[0], *lengths))


@given(st.one_of(convolutions(), convolutions(transposed=True)))
def test_convolutions(case):
    name, channels, options, x = case
    compare(lambda nn: getattr(nn, name)(*channels, **options), x)


@given(st.integers(1, 3), st.data())
def test_transposed_convolution_reaches_a_given_size(n, data):
    import torch

    name, stride, length = f"ConvTranspose{n}d", data.draw(st.integers(1, 3)), data.draw(st.integers(2, 4))
    size = [(length - 1) * stride + 3 + data.draw(st.integers(0, stride - 1)) for _ in range(n)]
    x = arrays(data.draw, (1, 2, *[length] * n))
    ours, theirs = getattr(tc.nn, name)(2, 1, 3, stride).double(), getattr(torch.nn, name)(2, 1, 3, stride).double()
    ours.load_state_dict({k: v.numpy() for k, v in theirs.state_dict().items()})
    y = ours(tc.tensor(x), output_size=size)
    np.testing.assert_allclose(y.detach().array, theirs(torch.tensor(x), output_size=size).detach().numpy())
    with pytest.raises(ValueError, match="cannot be reached"):
        ours(tc.tensor(x), output_size=[n + stride for n in size])


@st.composite
def poolings(draw):
    n = draw(st.integers(1, 3))
    family = draw(st.sampled_from(["Max", "Avg", "AdaptiveAvg", "AdaptiveMax", "LP"]))
    lengths = tuple(draw(st.integers(5, 7)) for _ in range(n))
    args: tuple = ()
    options: dict = {}
    low = -2.0
    if family.startswith("Adaptive"):
        args = (tuple(draw(st.integers(1, 5)) for _ in range(n)) if n > 1 else draw(st.integers(1, 5)),)
    else:
        kernel = draw(st.integers(1, 3))
        options = {
            "kernel_size": kernel,
            "stride": draw(st.sampled_from([None, 1, 2])),
            "ceil_mode": draw(st.booleans()),
        }
        if family == "LP":
            n = min(n, 2)
            lengths = lengths[:n]
            args, low = (draw(st.sampled_from([1.0, 2.0, 3.0])),), 0.1
            # Of a window that is cut off PyTorch scales the sum as if it were whole, against its own formula.
            options["ceil_mode"] = False
        else:
            options["padding"] = draw(st.integers(0, kernel // 2))
            if family == "Max":
                options["dilation"] = draw(st.integers(1, 2))
            else:
                options["count_include_pad"] = draw(st.booleans())
                if n > 1 and draw(st.booleans()):
                    options["divisor_override"] = draw(small)
    batch = (draw(small),) if draw(st.booleans()) else ()
    name = f"LPPool{n}d" if family == "LP" else f"{family}Pool{n}d"
    return name, args, options, arrays(draw, (*batch, draw(small), *lengths), low)


@given(poolings())
def test_poolings(case):
    name, args, options, x = case
    compare(lambda nn: getattr(nn, name)(*args, **options), x)


@given(st.integers(1, 3), st.booleans(), st.data())
def test_max_pooling_gives_indices(n, adaptive, data):
    import torch

    name = f"{'Adaptive' * adaptive}MaxPool{n}d"
    x = arrays(data.draw, (2, 2, *[6] * n))
    y, i = getattr(tc.nn, name)(2, return_indices=True)(tc.tensor(x))
    t, j = getattr(torch.nn, name)(2, return_indices=True)(torch.tensor(x))
    np.testing.assert_array_equal(y.array, t.numpy())
    np.testing.assert_array_equal(i.array, j.numpy())


@given(st.sampled_from([1, 2, 3]), st.booleans(), st.booleans(), st.sampled_from([0.3, None]), st.booleans(), st.data())
def test_batch_norm(n, affine, track, momentum, training, data):
    shape = (3, 2, *[2] * n)
    if n == 1 and data.draw(st.booleans()):
        shape = (4, 2)
    options = {"affine": affine, "track_running_stats": track, "momentum": momentum, "eps": 1e-3}
    compare(
        lambda nn: getattr(nn, f"BatchNorm{n}d")(2, **options), arrays(data.draw, shape), training=training, rtol=1e-7
    )


@given(st.sampled_from([1, 2, 3]), st.booleans(), st.booleans(), st.booleans(), st.data())
def test_instance_norm(n, affine, track, training, data):
    batch = (2,) if data.draw(st.booleans()) else ()
    x = arrays(data.draw, (*batch, 3, *[3] * n))
    make = lambda nn: getattr(nn, f"InstanceNorm{n}d")(3, affine=affine, track_running_stats=track)
    compare(make, x, training=training, rtol=1e-7)


@given(st.data())
def test_layer_group_and_rms_norm(data):
    draw = data.draw
    shape = tuple(draw(st.lists(st.integers(2, 4), min_size=2, max_size=4)))
    last = draw(st.integers(1, len(shape)))
    affine, bias = draw(st.booleans()), draw(st.booleans())
    x = arrays(draw, shape)
    compare(lambda nn: nn.LayerNorm(shape[-last:], 1e-3, affine, bias), x, rtol=1e-7)
    eps = draw(st.sampled_from([None, 1e-3]))
    compare(lambda nn: nn.RMSNorm(shape[-last:], eps, affine), x, rtol=1e-7)
    x = arrays(draw, (2, 4, *shape[2:]), -1, 1)
    compare(lambda nn: nn.GroupNorm(2, 4, 1e-3, affine), x, rtol=1e-7)
    compare(lambda nn: nn.LocalResponseNorm(3, 0.1), arrays(draw, (2, 4, 3)), rtol=1e-7)


ACTIVATIONS = [
    ("CELU", (1.3,)), ("ELU", (0.7,)), ("GELU", ()), ("GELU", ("tanh",)), ("GLU", (1,)), ("Hardshrink", (0.4,)),
    ("Hardsigmoid", ()), ("Hardswish", ()), ("Hardtanh", (-0.5, 1.5)), ("LeakyReLU", (0.2,)), ("LogSigmoid", ()),
    ("LogSoftmax", (1,)), ("LogSoftmax", (None,)), ("Mish", ()), ("PReLU", ()), ("PReLU", (4,)), ("ReLU", ()),
    ("ReLU6", ()), ("SELU", ()), ("SiLU", ()), ("Sigmoid", ()), ("Softmax", (-1,)), ("Softmax", (None,)),
    ("Softmin", (0,)), ("Softplus", (1.5, 2.0)), ("Softshrink", (0.4,)), ("Softsign", ()), ("Tanh", ()),
    ("Tanhshrink", ()), ("Threshold", (0.3, 7.0)),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Implicit dimension choice")
@pytest.mark.parametrize(("name", "args"), ACTIVATIONS, ids=str)
@given(data=st.data())
def test_activations(name, args, data):
    shape = data.draw(st.sampled_from([(3, 4), (2, 4, 2), (1, 4)]))
    rtol = 1e-6 if name in ("CELU", "Hardsigmoid") else 1e-9  # whose constants PyTorch rounds to float32
    compare(lambda nn: getattr(nn, name)(*args), arrays(data.draw, shape, -7.0, 7.0), rtol=rtol)


def test_rrelu():
    x = np.linspace(-3, 3, 7)
    compare(lambda nn: nn.RReLU(0.1, 0.4), x, training=False)
    layer = tc.nn.RReLU(0.1, 0.4)
    slopes = (layer(tc.full((1000,), -1.0)) * -1).array
    assert slopes.min() >= 0.1
    assert slopes.max() <= 0.4
    assert slopes.std() > 0.05


@given(st.data())
def test_softmax2d_distances(data):
    draw = data.draw
    compare(lambda nn: nn.Softmax2d(), arrays(draw, (2, 3, 2, 2)))
    with pytest.raises(ValueError, match="Softmax2d"):
        tc.nn.Softmax2d()(tc.zeros(2, 2))
    a, b = arrays(draw, (3, 4)), arrays(draw, (3, 4)) + 0.01
    dim, p, keepdim = draw(st.integers(0, 1)), draw(st.sampled_from([1.0, 2.0, 3.0])), draw(st.booleans())
    compare(lambda nn: nn.CosineSimilarity(dim), a, b)
    compare(lambda nn: nn.PairwiseDistance(p, keepdim=keepdim), a, b)


@st.composite
def paddings(draw):
    n = draw(st.integers(1, 3))
    family = draw(st.sampled_from(["ZeroPad", "ConstantPad", "ReflectionPad", "ReplicationPad", "CircularPad"]))
    low = -1 if family in ("ZeroPad", "ConstantPad") else 0
    widths = tuple(draw(st.integers(low, 2)) for _ in range(2 * n))
    padding = draw(st.sampled_from([widths, 1]))
    args = (padding, 1.5) if family == "ConstantPad" else (padding,)
    batch = (draw(small),)
    return f"{family}{n}d", args, arrays(draw, (*batch, draw(small), *[draw(st.integers(3, 4)) for _ in range(n)]))


@given(paddings())
def test_paddings(case):
    name, args, x = case
    compare(lambda nn: getattr(nn, name)(*args), x)


@given(st.data())
def test_rearrangements(data):
    draw = data.draw
    x = arrays(draw, (2, 8, 4, 4))
    compare(lambda nn: nn.Flatten(), x)
    compare(lambda nn: nn.Flatten(0, 2), x)
    compare(lambda nn: nn.Unflatten(1, (2, 4)), x)
    compare(lambda nn: nn.Unflatten(-3, (-1, 2)), x)
    compare(lambda nn: nn.PixelShuffle(2), x)
    compare(lambda nn: nn.PixelUnshuffle(2), x)
    groups = draw(st.sampled_from([1, 2, 4]))
    compare(lambda nn: nn.ChannelShuffle(groups), x)
    compare(lambda nn: nn.Identity(1, a=2), x)
    stride, padding, dilation = draw(st.integers(1, 2)), draw(st.integers(0, 1)), draw(st.integers(1, 2))
    unfold = lambda nn: nn.Unfold((2, 3), dilation, padding, stride)
    y = compare(unfold, arrays(draw, (2, 2, 6, 7)))(tc.zeros(2, 2, 6, 7))
    compare(lambda nn: nn.Fold((6, 7), (2, 3), dilation, padding, stride), arrays(draw, tuple(y.shape)))


@given(st.data())
def test_upsample(data):
    draw = data.draw
    n = draw(st.integers(1, 3))
    modes = ["nearest", {1: "linear", 2: "bilinear", 3: "trilinear"}[n]] + ["bicubic"] * (n == 2)
    mode = draw(st.sampled_from(modes))
    corners = None if mode == "nearest" else draw(st.booleans())
    if draw(st.booleans()):
        options = {"size": tuple(draw(st.integers(2, 6)) for _ in range(n))}
    else:
        options = {"scale_factor": draw(st.sampled_from([1.5, 2.0, 3.0]))}
    compare(
        lambda nn: nn.Upsample(mode=mode, align_corners=corners, **options), arrays(draw, (1, 2, *[3] * n)), rtol=1e-7
    )
    if n == 2:
        compare(lambda nn: nn.UpsamplingNearest2d(scale_factor=2), arrays(draw, (1, 2, 3, 3)))
        compare(lambda nn: nn.UpsamplingBilinear2d(size=(4, 5)), arrays(draw, (1, 2, 3, 3)), rtol=1e-7)


@given(st.data())
def test_embedding(data):
    indices = np.array(data.draw(st.lists(st.integers(0, 4), min_size=1, max_size=8)))
    padding = data.draw(st.sampled_from([None, 0, -1]))
    by_freq = data.draw(st.booleans())
    compare(lambda nn: nn.Embedding(5, 3, padding_idx=padding, scale_grad_by_freq=by_freq), indices)
    compare(lambda nn: nn.Embedding(5, 3, max_norm=0.3), indices)


def test_embedding_arguments():
    assert not tc.nn.Embedding(4, 2, padding_idx=1).weight.array[1].any()
    frozen = tc.nn.Embedding.from_pretrained(tc.ones(3, 2))
    assert not frozen.weight.requires_grad
    assert frozen(tc.tensor([2])).tolist() == [[1.0, 1.0]]
    for make in (
        lambda: tc.nn.Embedding(3, 2, padding_idx=3),
        lambda: tc.nn.Embedding.from_pretrained(tc.ones(3)),
        lambda: tc.nn.Embedding(3, 2, _weight=tc.ones(2, 2)),
    ):
        with pytest.raises(ValueError, match="Embedding"):
            make()
    with pytest.raises(NotImplementedError, match="sparse"):
        tc.nn.Embedding(3, 2, sparse=True)


@pytest.mark.parametrize("make", [
    lambda nn: nn.Linear(128 / 2, 3), lambda nn: nn.Conv2d(3, 4, 3.0), lambda nn: nn.Conv2d(3, 4, (3, 3, 3)),
    lambda nn: nn.ZeroPad2d((1, 2)), lambda nn: nn.Unflatten(1, 3),
])  # fmt: skip
def test_wrong_types(make):
    with pytest.raises(TypeError, match=r"must be|expected"):
        make(tc.nn)


@pytest.mark.parametrize("make", [
    lambda nn: nn.Linear(-1, 3), lambda nn: nn.Conv2d(3, 4, 3, groups=2), lambda nn: nn.Conv2d(3, 4, 3, padding="big"),
    lambda nn: nn.Conv2d(3, 4, 3, padding="same", stride=2), lambda nn: nn.Conv2d(3, 4, 3, padding_mode="mirror"),
    lambda nn: nn.ConvTranspose2d(3, 4, 3, padding_mode="reflect"), lambda nn: nn.GroupNorm(3, 4),
    lambda nn: nn.Dropout(1.5), lambda nn: nn.Hardtanh(2, 1), lambda nn: nn.MSELoss(reduction="avg"),
])  # fmt: skip
def test_wrong_values(make):
    with pytest.raises(ValueError, match=r"must|expected|exists|needs"):
        make(tc.nn)


def test_batch_norm_says_what_it_expected():
    with pytest.raises(ValueError, match=r"BatchNorm2d: expected 4-d input, got shape \(2, 3\)"):
        tc.nn.BatchNorm2d(3)(tc.zeros(2, 3))
    with pytest.raises(ValueError, match="expected 3 channels"):
        tc.nn.BatchNorm2d(3)(tc.zeros(2, 4, 2, 2))


@pytest.mark.parametrize(("lazy", "whole", "shape"), [
    (lambda nn: nn.LazyLinear(3), lambda nn: nn.Linear(4, 3), (2, 4)),
    (lambda nn: nn.LazyLinear(3, bias=False), lambda nn: nn.Linear(4, 3, bias=False), (4,)),
    (lambda nn: nn.LazyConv1d(4, 2, groups=2), lambda nn: nn.Conv1d(2, 4, 2, groups=2), (2, 2, 5)),
    (
        lambda nn: nn.LazyConv2d(3, 2, padding=1, bias=False),
        lambda nn: nn.Conv2d(4, 3, 2, padding=1, bias=False),
        (1, 4, 3, 3),
    ),
    (lambda nn: nn.LazyConv3d(3, 2), lambda nn: nn.Conv3d(1, 3, 2), (1, 3, 3, 3)),
    (lambda nn: nn.LazyConvTranspose2d(3, 2), lambda nn: nn.ConvTranspose2d(4, 3, 2), (1, 4, 3, 3)),
    (lambda nn: nn.LazyBatchNorm1d(), lambda nn: nn.BatchNorm1d(4), (3, 4)),
    (lambda nn: nn.LazyBatchNorm2d(affine=False), lambda nn: nn.BatchNorm2d(4, affine=False), (3, 4, 2, 2)),
])  # fmt: skip
def test_lazy_layers_become_whole(lazy, whole, shape):
    layer, like = lazy(tc.nn), whole(tc.nn)
    parameters = list(layer.parameters())
    assert layer.has_uninitialized_params()
    x = tc.rand(*shape)
    y = layer(x)
    assert type(layer) is type(like)
    assert repr(layer) == repr(like)
    assert {n: p.shape for n, p in layer.state_dict().items()} == {n: p.shape for n, p in like.state_dict().items()}
    assert all(a is b for a, b in zip(parameters, layer.parameters()))
    like.load_state_dict(layer.state_dict())
    again = lazy(tc.nn)
    again.load_state_dict(layer.state_dict())
    layer.eval(), like.eval(), again.eval()
    np.testing.assert_array_equal(layer(x).detach().array, like(x).detach().array)
    np.testing.assert_array_equal(again(x).detach().array, like(x).detach().array)
    assert y.shape == like(x).shape


def test_lazy_state_before_the_first_call():
    a, b = tc.nn.LazyLinear(2), tc.nn.LazyLinear(2)
    b.load_state_dict(a.state_dict())
    assert b.has_uninitialized_params()
    with pytest.raises(RuntimeError, match="has not been called"):
        tc.nn.Linear(3, 2).load_state_dict(a.state_dict())
