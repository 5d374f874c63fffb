"""Padding, dropout, embedding, distances and images against PyTorch or their definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc

from .against import F, T, agree, same, seeds, torch, values


@given(st.sampled_from(["constant", "reflect", "replicate", "circular"]), st.integers(1, 3), st.data(), seeds)
def test_pad(mode, n, data, seed):
    most = 2 if mode != "constant" else 3
    width = data.draw(st.tuples(*[st.integers(-1 if mode == "constant" else 0, most)] * (2 * n)))
    agree(lambda x: F.pad(x, width, mode), lambda x: T.pad(x, width, mode), values(seed, 2, 1, *(3, 4, 3)[:n]))


@given(st.sampled_from(["nearest", "nearest-exact", "linear", "cubic", "area"]), st.booleans(), st.data(), seeds)
def test_interpolate(kind, align, data, seed):
    n = 2 if kind == "cubic" else data.draw(st.integers(1, 3))
    mode = {"linear": ("linear", "bilinear", "trilinear")[n - 1], "cubic": "bicubic"}.get(kind, kind)
    options = {"align_corners": align} if kind in ("linear", "cubic") else {}
    space = data.draw(st.tuples(*[st.integers(1, 5)] * n))
    if data.draw(st.booleans()):
        options["size"] = data.draw(st.tuples(*[st.integers(1, 7)] * n))
    else:
        options["scale_factor"] = data.draw(st.sampled_from([1.0, 2.0, 2.5]))
        if kind != "area":
            options["recompute_scale_factor"] = data.draw(st.sampled_from([None, True]))
    agree(
        lambda x: F.interpolate(x, mode=mode, **options), lambda x: T.interpolate(x, mode=mode, **options),
        values(seed, 1, 2, *space),
    )  # fmt: skip


@given(
    st.sampled_from([2, 3]), st.sampled_from(["bilinear", "nearest"]),
    st.sampled_from(["zeros", "border", "reflection"]), st.booleans(), seeds,
)  # fmt: skip
def test_grid_sample(n, mode, padding_mode, align, seed):
    x, grid = values(seed, 2, 2, *(3, 4, 2)[:n]), values(seed + 1, 2, *(2, 3, 2)[:n], n, low=-1.4, high=1.4)
    options = {"mode": mode, "padding_mode": padding_mode, "align_corners": align}
    agree(
        lambda x, g: F.grid_sample(x, g, **options), lambda x, g: T.grid_sample(x, g, **options), x, grid,
        second=n == 2 and mode == "bilinear",
    )  # fmt: skip


@given(st.sampled_from([2, 3]), st.booleans(), seeds)
def test_affine_grid(n, align, seed):
    size = (2, 1, 3, 4, 2)[: n + 2]
    agree(
        lambda t: F.affine_grid(t, size, align), lambda t: T.affine_grid(t, size, align_corners=align),
        values(seed, 2, n, n + 1),
    )  # fmt: skip


@given(st.integers(1, 3), st.sampled_from([(), (2,), (2, 2)]), seeds)
def test_pixels_and_channels(r, lead, seed):
    agree(lambda x: F.pixel_shuffle(x, r), lambda x: T.pixel_shuffle(x, r), values(seed, *lead, 2 * r * r, 2, 3))
    agree(lambda x: F.pixel_unshuffle(x, r), lambda x: T.pixel_unshuffle(x, r), values(seed, *lead, 2, 2 * r, 3 * r))
    agree(lambda x: F.channel_shuffle(x, r), lambda x: torch.channel_shuffle(x, r), values(seed, 2, 2 * r, 2, 2))


@given(st.sampled_from([None, 1]), st.booleans(), seeds)
def test_embedding(padding_idx, by_frequency, seed):
    index = np.random.default_rng(seed).integers(0, 4, (2, 3))
    options = {"padding_idx": padding_idx, "scale_grad_by_freq": by_frequency}
    agree(
        lambda w: F.embedding(tc.tensor(index), w, **options),
        lambda w: T.embedding(torch.tensor(index), w, **options), values(seed, 4, 2), second=False,
    )  # fmt: skip


def test_embedding_shortens_rows_that_are_used():
    w = tc.tensor([[3.0, 4.0], [30.0, 40.0], [0.1, 0.0]])
    F.embedding(tc.tensor([0, 2]), w, max_norm=1.0)
    np.testing.assert_allclose(w.numpy(), [[0.6, 0.8], [30, 40], [0.1, 0]], rtol=1e-6)


@given(st.sampled_from([0, 1, -1]), seeds)
def test_similarities(dim, seed):
    a, b = values(seed, 3, 3), values(seed + 1, 3, 3)
    same("cosine_similarity", a, b, dim=dim)
    for p in (1.0, 2.0):
        same("pairwise_distance", a, b, p=p)


@given(st.sampled_from([(), (2,), (2, 2)]), st.booleans(), seeds)
def test_linear_and_bilinear(lead, with_bias, seed):
    a, b = values(seed, *lead, 3), values(seed + 1, *lead, 2)
    bias = [values(seed + 3, 4)] * with_bias
    agree(F.linear, T.linear, a, values(seed + 2, 4, 3), *bias)
    agree(F.bilinear, T.bilinear, a, b, values(seed + 2, 4, 3, 2), *bias)


@given(st.floats(0.1, 0.9), st.sampled_from(["dropout", "dropout1d", "dropout2d", "dropout3d"]))
def test_dropout_keeps_the_mean_and_drops_together(p, name):
    n = int(name[7]) if len(name) > 7 else 0
    x = tc.ones(40, 50, *(2,) * n, requires_grad=True)
    y = getattr(F, name)(x, p)
    kept = y.detach().numpy() != 0
    np.testing.assert_allclose(y.detach().numpy()[kept], 1 / (1 - p), rtol=1e-6)
    assert abs(kept.mean() - (1 - p)) < 6 * np.sqrt(p * (1 - p) / 2000)
    if n:
        rows = kept.reshape(40, 50, -1)
        assert (rows.all(-1) | ~rows.any(-1)).all()
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), y.detach().numpy())
    assert (getattr(F, name)(x, p).detach().numpy() != y.detach().numpy()).any()
    assert getattr(F, name)(x, p, training=False) is x
    z = tc.ones(3, 2, *(2,) * n)
    assert getattr(F, name)(z, 1.0, inplace=True) is z
    assert not z.any()


@given(st.floats(0.1, 0.6))
def test_alpha_dropout_keeps_mean_and_variance(p):
    x = tc.randn(200, 200)
    y = F.alpha_dropout(x, p, training=True).numpy()
    assert abs(y.mean()) < 0.05
    assert abs(y.std() - 1) < 0.05
    z = F.feature_alpha_dropout(tc.randn(30, 40, 3), p, training=True).numpy()
    dropped = z == z.min(-1, keepdims=True)
    assert np.isin(dropped.sum(-1), (1, 3)).all()


def test_gumbel_softmax_draws_by_probability():
    logits = tc.tensor([0.2, 0.3, 0.5]).log().expand(5000, 3)
    y = F.gumbel_softmax(logits, hard=True)
    assert set(np.unique(y.numpy())) == {0.0, 1.0}
    np.testing.assert_allclose(y.numpy().mean(0), [0.2, 0.3, 0.5], atol=0.04)
    np.testing.assert_allclose(F.gumbel_softmax(logits, tau=0.5).numpy().sum(-1), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("celu", {"alpha": 0.7}), ("elu", {"alpha": 0.7}), ("hardsigmoid", {}), ("hardswish", {}),
        ("hardtanh", {"min_val": -0.5, "max_val": 0.6}), ("leaky_relu", {"negative_slope": 0.2}), ("mish", {}),
        ("relu", {}), ("relu6", {}), ("selu", {}), ("silu", {}), ("threshold", {"threshold": 0.3, "value": 5.0}),
    ],
)  # fmt: skip
@given(seed=seeds)
def test_activations_also_in_place(name, options, seed):
    x = values(seed, 3, 4)
    a, b = tc.tensor(x), torch.tensor(x)
    y = getattr(F, name)(a, **options, inplace=True)
    getattr(T, name)(b, **options, inplace=True)
    assert y is a
    np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-7)  # PyTorch's constants are of float32
    w = tc.tensor(x, requires_grad=True)
    h = w * 2
    getattr(F, name)(h, **options, inplace=True).sum().backward()
    u = torch.tensor(x, requires_grad=True)
    getattr(T, name)(u * 2, **options).sum().backward()
    np.testing.assert_allclose(w.grad.numpy(), u.grad.numpy(), rtol=1e-7)


@pytest.mark.parametrize("name", ["softmax", "softmin", "log_softmax"])
@given(seed=seeds, dim=st.sampled_from([0, 1, -1]))
def test_softmaxes(name, seed, dim):
    same(name, values(seed, 3, 4), dim=dim)
    with pytest.warns(UserWarning, match="no dim was given"):
        assert getattr(F, name)(tc.zeros(2, 3, 4)).shape == (2, 3, 4)


def test_rrelu():
    x = tc.tensor([-4.0, 2.0])
    assert F.rrelu(x, 0.25, 0.75).tolist() == [-2.0, 2.0]
    y = F.rrelu(tc.full((1000,), -1.0), 0.25, 0.75, training=True).numpy()
    assert -0.75 <= y.min() < -0.7
    assert -0.3 < y.max() <= -0.25


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda x: F.pad(x, (3, 0), mode="reflect"), RuntimeError, "at most 2"),
        (lambda x: F.pad(x, (1,)), RuntimeError, "pair of widths"),
        (lambda x: F.pad(x, (1, 1), mode="wrap"), NotImplementedError, "expected mode"),
        (lambda x: F.interpolate(x, size=2, scale_factor=2), ValueError, "either size or scale_factor"),
        (lambda x: F.interpolate(x, size=2, mode="linear"), NotImplementedError, "does not exist for 2"),
        (lambda x: F.grid_sample(x, x), RuntimeError, "expected an input"),
        (lambda x: F.pixel_shuffle(x, 2), RuntimeError, "pixel_shuffle"),
        (lambda x: F.dropout(x, 1.5), ValueError, "from 0 to 1"),
        (lambda x: F.embedding(tc.tensor([3]), x[0, 0]), IndexError, "number 3 is no row"),
        (lambda x: F.embedding(tc.tensor([0.0]), x[0, 0]), RuntimeError, "whole numbers"),
        (lambda x: F.one_hot(tc.tensor([3]), 3), RuntimeError, "does not fit"),
        (lambda x: F.linear(x, tc.zeros(2, 4)), RuntimeError, "last dim of the input"),
    ],
)
def test_errors(call, error, says):
    with pytest.raises(error, match=says):
        call(tc.zeros(1, 1, 3, 3))
