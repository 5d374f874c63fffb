"""Every loss over generated arguments: values and gradients are PyTorch's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tests.nn.against_torch import arrays, compare

torch = pytest.importorskip("torch")
REDUCTIONS = st.sampled_from(["none", "mean", "sum"])


def _tensor(nn, x):
    return None if x is None else tc.tensor(x) if nn is tc.nn else torch.tensor(x)


@pytest.mark.parametrize(("name", "options"), [
    ("MSELoss", {}), ("L1Loss", {}), ("SmoothL1Loss", {"beta": 0.7}), ("HuberLoss", {"delta": 0.7}),
    ("PoissonNLLLoss", {"full": True}), ("PoissonNLLLoss", {"log_input": False}), ("BCEWithLogitsLoss", {}),
], ids=str)  # fmt: skip
@given(reduction=REDUCTIONS, data=st.data())
def test_elementwise(name, options, reduction, data):
    shape = data.draw(st.sampled_from([(3,), (2, 3), (2, 2, 2)]))
    low = 0.1 if options.get("log_input") is False else -2.0
    x = arrays(data.draw, shape, low)
    t = arrays(data.draw, shape, 0.01, 0.99) if name.startswith("BCE") else arrays(data.draw, shape, 0.3, 3.0)
    compare(lambda nn: getattr(nn, name)(reduction=reduction, **options), x, t)


@given(reduction=REDUCTIONS, data=st.data())
def test_binary_cross_entropies(reduction, data):
    x, t = arrays(data.draw, (3, 2), 0.05, 0.95), arrays(data.draw, (3, 2), 0.05, 0.95)
    weight = data.draw(st.sampled_from([None, np.array([0.5, 2.0])]))
    positive = data.draw(st.sampled_from([None, np.array([3.0, 0.5])]))
    compare(lambda nn: nn.BCELoss(_tensor(nn, weight), reduction=reduction), x, t)
    make = lambda nn: nn.BCEWithLogitsLoss(_tensor(nn, weight), reduction=reduction, pos_weight=_tensor(nn, positive))
    compare(make, x * 8 - 4, t)


@given(reduction=REDUCTIONS, data=st.data())
def test_classes(reduction, data):
    draw = data.draw
    shape = draw(st.sampled_from([(3, 4), (2, 4, 2), (2, 4, 2, 3)]))
    x = arrays(draw, shape)
    n = int(np.prod(shape)) // 4
    targets = np.array(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))).reshape(shape[0], *shape[2:])
    weight = draw(st.sampled_from([None, np.array([0.5, 1.0, 2.0, 1.5])]))
    smoothing = draw(st.sampled_from([0.0, 0.2]))
    ignore = draw(st.sampled_from([-100, int(targets.flat[0])]))
    if reduction == "mean" and (targets == ignore).all():
        ignore = -100  # the mean of nothing
    compare(
        lambda nn: nn.CrossEntropyLoss(
            _tensor(nn, weight), ignore_index=ignore, reduction=reduction, label_smoothing=smoothing
        ), x, targets,
    )  # fmt: skip
    compare(lambda nn: nn.NLLLoss(_tensor(nn, weight), ignore_index=ignore, reduction=reduction), x, targets)
    probabilities = arrays(draw, shape, 0.1, 0.9)
    probabilities /= probabilities.sum(1, keepdims=True)
    make = lambda nn: nn.CrossEntropyLoss(_tensor(nn, weight), reduction=reduction, label_smoothing=smoothing)
    compare(make, x, probabilities)


def test_cross_entropy_of_one_sample():
    compare(lambda nn: nn.CrossEntropyLoss(), np.array([0.3, 0.1, -2.0]), np.array(1))


@given(reduction=REDUCTIONS, data=st.data())
def test_margins(reduction, data):
    draw = data.draw
    a, b, c = (arrays(draw, (3, 4)) + 0.01 * i for i in range(3))
    signs = np.array(draw(st.lists(st.sampled_from([-1, 1]), min_size=3, max_size=3)))
    margin = draw(st.sampled_from([0.0, 0.4]))
    wide = np.array(draw(st.lists(st.sampled_from([-1, 1]), min_size=12, max_size=12))).reshape(3, 4)
    compare(lambda nn: nn.MarginRankingLoss(margin, reduction=reduction), a[:, 0], b[:, 0], signs)
    compare(lambda nn: nn.CosineEmbeddingLoss(margin, reduction=reduction), a, b, signs)
    compare(lambda nn: nn.HingeEmbeddingLoss(1 + margin, reduction=reduction), a, wide)
    compare(lambda nn: nn.SoftMarginLoss(reduction=reduction), a, wide)
    swap, p = draw(st.booleans()), draw(st.sampled_from([1.0, 2.0]))
    compare(lambda nn: nn.TripletMarginLoss(1 + margin, p, swap=swap, reduction=reduction), a, b, c)
    make = lambda nn: nn.TripletMarginWithDistanceLoss(margin=1 + margin, swap=swap, reduction=reduction)
    compare(make, a, b, c)
    classes = np.array(draw(st.lists(st.integers(0, 3), min_size=3, max_size=3)))
    weight = draw(st.sampled_from([None, np.array([0.5, 1.0, 2.0, 1.5])]))
    power = draw(st.sampled_from([1, 2]))
    compare(lambda nn: nn.MultiMarginLoss(power, 0.7, _tensor(nn, weight), reduction=reduction), a, classes)
    compare(lambda nn: nn.MultiLabelSoftMarginLoss(_tensor(nn, weight), reduction=reduction), a, (wide + 1) / 2)


@pytest.mark.filterwarnings("ignore:reduction")
@given(reduction=st.sampled_from(["none", "mean", "sum", "batchmean"]), log_target=st.booleans(), data=st.data())
def test_kl_divergence(reduction, log_target, data):
    x, t = arrays(data.draw, (2, 3)), arrays(data.draw, (2, 3), 0.1, 0.9)
    compare(lambda nn: nn.KLDivLoss(reduction=reduction, log_target=log_target), x, np.log(t) if log_target else t)


@given(reduction=REDUCTIONS, full=st.booleans(), data=st.data())
def test_gaussian_likelihood(reduction, full, data):
    x, t, v = arrays(data.draw, (2, 3)), arrays(data.draw, (2, 3)), arrays(data.draw, (2, 3), 0.2, 3.0)
    compare(lambda nn: nn.GaussianNLLLoss(full=full, reduction=reduction), x, t, v)


@pytest.mark.parametrize(("flags", "wanted"), [
    ({"size_average": False}, "sum"), ({"reduce": False}, "none"), ({"size_average": True}, "mean"), ({}, "mean"),
])  # fmt: skip
def test_old_flags(flags, wanted):
    assert tc.nn.MSELoss(**flags).reduction == wanted
