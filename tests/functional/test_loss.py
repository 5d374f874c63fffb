"""Losses against PyTorch: values and gradients over generated shapes and options; extremes and errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc

from .against import F, T, agree, seeds, torch, values

reductions = st.sampled_from(["mean", "sum", "none"])


@st.composite
def classifications(draw):
    """Logits, classes (some of them 0 = ignored), and the number of classes."""
    lead = draw(st.sampled_from([(), (1,), (3,), (2, 3), (2, 2, 2)]))
    classes = draw(st.integers(2, 5))
    seed = draw(seeds)
    shape = (*lead[:1], classes, *lead[1:])
    target = np.random.default_rng(seed).integers(0, classes, lead)
    return values(seed, *shape, low=-4, high=4), target, classes


@given(classifications(), reductions, st.sampled_from([-100, 0]), st.booleans(), st.sampled_from([0.0, 0.1, 1.0]))
def test_cross_entropy_of_classes(case, reduction, ignore, weighted, smoothing):
    x, target, classes = case
    if ignore == 0 and not target.any():
        target = np.ones_like(target)  # the mean over nothing has no value
    arrays = [x] + [values(1, classes, low=0.5, high=2)] * weighted
    options = {"reduction": reduction, "ignore_index": ignore, "label_smoothing": smoothing}

    def call(f, t):
        return lambda x, w=None: f(x, t, weight=None if w is None else w.detach(), **options)

    agree(call(F.cross_entropy, tc.tensor(target)), call(T.cross_entropy, torch.tensor(target)), *arrays)


@given(classifications(), reductions, st.booleans(), st.sampled_from([0.0, 0.2]))
def test_cross_entropy_of_probabilities(case, reduction, weighted, smoothing):
    x, _, classes = case
    p = np.abs(values(7, *x.shape)) + 0.1
    w = values(1, classes, low=0.5, high=2)
    options = {"reduction": reduction, "label_smoothing": smoothing}
    agree(
        lambda x, p: F.cross_entropy(x, p, weight=tc.tensor(w).to(x.dtype) if weighted else None, **options),
        lambda x, p: T.cross_entropy(x, p, weight=torch.tensor(w) if weighted else None, **options), x, p,
    )  # fmt: skip


@given(classifications(), reductions, st.sampled_from([-100, 0]), st.booleans())
def test_nll_loss(case, reduction, ignore, weighted):
    x, target, classes = case
    if ignore == 0 and not target.any():
        target = np.ones_like(target)
    arrays = [x] + [values(1, classes, low=0.5, high=2)] * weighted
    options = {"reduction": reduction, "ignore_index": ignore}

    def call(f, t):
        return lambda x, w=None: f(x, t, weight=None if w is None else w.detach(), **options)

    agree(call(F.nll_loss, tc.tensor(target)), call(T.nll_loss, torch.tensor(target)), *arrays)


def test_extreme_logits_stay_finite():
    x = tc.tensor([[1e4, -1e4, 0.0]], requires_grad=True)
    loss = F.cross_entropy(x, tc.tensor([1]))
    loss.backward()
    assert loss.item() == 2e4
    assert x.grad.tolist() == [[1.0, -1.0, 0.0]]
    z = tc.tensor([1e4, -1e4], requires_grad=True)
    loss = F.binary_cross_entropy_with_logits(z, tc.tensor([0.0, 1.0]))
    loss.backward()
    assert loss.item() == 1e4
    assert z.grad.tolist() == [0.5, -0.5]


def test_all_ignored_is_nan_as_in_pytorch():
    x, t = tc.zeros(2, 3), tc.tensor([-100, -100])
    with np.errstate(invalid="ignore"):
        assert np.isnan(F.cross_entropy(x, t).item())
    assert F.cross_entropy(x, t, reduction="sum").item() == 0


def test_certain_probabilities_are_clamped():
    x = tc.tensor([0.0, 1.0, 0.0, 1.0], dtype=tc.float64, requires_grad=True)
    u = torch.tensor(x.tolist(), dtype=torch.float64, requires_grad=True)
    t = [0.0, 0.0, 1.0, 1.0]
    y = F.binary_cross_entropy(x, tc.tensor(t, dtype=tc.float64), reduction="none")
    assert y.tolist() == [0.0, 100.0, 100.0, 0.0]
    y.sum().backward()
    T.binary_cross_entropy(u, torch.tensor(t, dtype=torch.float64), reduction="sum").backward()
    np.testing.assert_allclose(x.grad.numpy(), u.grad.numpy(), rtol=1e-7)


shapes = st.sampled_from([(3,), (2, 3), (2, 1, 2), ()])
SIMPLE = {
    "mse_loss": {}, "l1_loss": {}, "smooth_l1_loss": {"beta": 0.7}, "huber_loss": {"delta": 0.8},
    "multilabel_soft_margin_loss": {},
    "poisson_nll_loss": {"full": True}, "kl_div": {},
}  # fmt: skip


@pytest.mark.parametrize("name", SIMPLE)
@given(shape=shapes, reduction=reductions, seed=seeds)
def test_elementwise_losses(name, shape, reduction, seed):
    if name.startswith("multilabel") and not shape:
        shape = (1,)
    x, t = values(seed, *shape), values(seed + 1, *shape, low=0.1, high=2.5)
    options = {**SIMPLE[name], "reduction": reduction}
    agree(lambda x, t: getattr(F, name)(x, t, **options), lambda x, t: getattr(T, name)(x, t, **options), x, t)


@given(shapes, reductions, seeds, st.booleans(), st.booleans())
def test_binary_losses(shape, reduction, seed, weighted, positive):
    p, t = values(seed, *shape, low=0.05, high=0.95), values(seed + 1, *shape, low=0.0, high=1.0)
    w = values(seed + 2, *shape, low=0.5, high=2)

    def weight(module, x):
        return module.tensor(w).to(x.dtype)

    def plain(f, module):
        return lambda x, t: f(x, t, weight=weight(module, x) if weighted else None, reduction=reduction)

    agree(plain(F.binary_cross_entropy, tc), plain(T.binary_cross_entropy, torch), p, t)

    def logits(f, module):
        return lambda x, t: f(
            x, t, weight=weight(module, x) if weighted else None, reduction=reduction,
            pos_weight=weight(module, x) if positive else None,
        )  # fmt: skip

    agree(
        logits(F.binary_cross_entropy_with_logits, tc), logits(T.binary_cross_entropy_with_logits, torch),
        values(seed, *shape, low=-5, high=5), t,
    )  # fmt: skip


@given(seeds, reductions, st.booleans())
def test_losses_of_pairs_and_triplets(seed, reduction, flag):
    a, b, c = (values(seed + i, 4, 3) for i in range(3))
    sign = np.random.default_rng(seed).choice([-1.0, 1.0], 4)
    s, u = tc.tensor(sign), torch.tensor(sign)
    r = {"reduction": reduction}

    def both(call, *arrays):
        agree(lambda *x: call(F, lambda v: s.to(v.dtype), *x), lambda *x: call(T, lambda v: u.to(v.dtype), *x), *arrays)

    both(lambda f, t, x, y: f.cosine_embedding_loss(x, y, t(x), margin=0.1, **r), a, b)
    both(lambda f, t, x, y: f.margin_ranking_loss(x, y, t(x), margin=0.3, **r), a[:, 0], b[:, 0])
    both(lambda f, t, x: f.soft_margin_loss(x, t(x), **r), a[:, 0])
    both(lambda f, t, x: f.hinge_embedding_loss(x, t(x), margin=1.3, **r), a[:, 0])
    both(lambda f, t, x, y, z: f.triplet_margin_loss(x, y, z, margin=1.1, p=2, swap=flag, **r), a, b, c)
    classes = np.random.default_rng(seed).integers(0, 3, 4)
    p = 2 if flag else 1
    agree(
        lambda x: F.multi_margin_loss(x, tc.tensor(classes), p=p, **r),
        lambda x: T.multi_margin_loss(x, torch.tensor(classes), p=p, **r), a, second=False,
    )  # fmt: skip
    agree(
        lambda x, y, v: F.gaussian_nll_loss(x, y, v, full=flag, **r),
        lambda x, y, v: T.gaussian_nll_loss(x, y, v, full=flag, **r), a, b, np.abs(c) + 0.1,
    )  # fmt: skip
    target = np.abs(b) / np.abs(b).sum()
    agree(
        lambda x, t: F.kl_div(x, t, reduction="batchmean", log_target=flag),
        lambda x, t: T.kl_div(x, t, reduction="batchmean", log_target=flag), a, target,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda x: F.cross_entropy(x, tc.tensor([0, 3])), IndexError, "target 3 is no class"),
        (lambda x: F.cross_entropy(x, tc.tensor([0, -1])), IndexError, "target -1 is no class"),
        (lambda x: F.nll_loss(x, tc.tensor([0, 3])), IndexError, "target 3 is no class"),
        (lambda x: F.cross_entropy(x, tc.tensor([0.0, 1.0])), RuntimeError, "class numbers"),
        (lambda x: F.cross_entropy(x, tc.tensor([0, 1, 2])), ValueError, "without the class dim"),
        (lambda x: F.cross_entropy(x, tc.tensor([0, 1]), weight=tc.ones(2)), RuntimeError, "each of 3 classes"),
        (lambda x: F.cross_entropy(x, tc.tensor([0, 1]), reduction="avg"), ValueError, "expected reduction"),
        (lambda x: F.cross_entropy(x.long(), tc.tensor([0, 1])), RuntimeError, "hold floats"),
        (lambda x: F.binary_cross_entropy(x + 2, x), RuntimeError, "probabilities from 0 to 1"),
        (lambda x: F.binary_cross_entropy_with_logits(x, x[0]), ValueError, "of one shape"),
        (lambda x: F.mse_loss(x, 1.0), TypeError, "expected target to be a Tensor"),
        (lambda x: F.huber_loss(x, x, delta=0), RuntimeError, "positive delta"),
        (lambda x: F.triplet_margin_loss(x, x, x, margin=-1), ValueError, "positive margin"),
        (lambda x: F.gaussian_nll_loss(x, x, x - 1), ValueError, "variances of at least 0"),
    ],
)
def test_errors(call, error, says):
    with pytest.raises(error, match=says):
        call(tc.zeros(2, 3))


def test_broadcast_targets_warn():
    with pytest.warns(UserWarning, match="broadcast"):
        F.mse_loss(tc.zeros(2, 1), tc.zeros(2))
