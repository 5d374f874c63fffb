"""Convolutions against PyTorch, over generated geometry; blocks, memory orders and errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course.ops import convolution as ops

from .against import F, T, agree, seeds, torch, values


@st.composite
def geometries(draw, transposed=False):
    """(ndim, shape of x, shape of weight, keyword arguments)."""
    n = draw(st.sampled_from([1, 2, 2, 3]))
    most = 3 if n < 3 else 2
    each = st.tuples(*[st.integers(1, most)] * n)
    kernel, stride, dilation = draw(each), draw(each), draw(st.tuples(*[st.integers(1, 2)] * n))
    groups, outs, ins = draw(st.sampled_from([1, 1, 2, 3])), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    padding = draw(st.tuples(*[st.integers(0, 2)] * n))
    if draw(st.booleans()):
        stride = (1,) * n
    kwargs = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    space = tuple(
        max(1, d * (k - 1) + 1 - (0 if transposed else 2 * p)) + draw(st.integers(0, 3))
        for k, d, p in zip(kernel, dilation, padding)
    )
    lead = draw(st.sampled_from([(), (1,), (2,), (5,)]))
    if transposed:
        space = tuple(s + 2 * p for s, p in zip(space, padding))
        kwargs["output_padding"] = tuple(draw(st.integers(0, max(s, d) - 1)) for s, d in zip(stride, dilation))
        return n, (*lead, ins * groups, *space), (ins * groups, outs, *kernel), kwargs
    return n, (*lead, ins * groups, *space), (outs * groups, ins, *kernel), kwargs


@given(geometries(), st.booleans(), seeds)
def test_convolution(geometry, with_bias, seed):
    n, x, w, kwargs = geometry
    arrays = [values(seed, *x), values(seed + 1, *w)] + [values(seed + 2, w[0])] * with_bias
    agree(lambda *a: getattr(F, f"conv{n}d")(*a, **kwargs), lambda *a: getattr(T, f"conv{n}d")(*a, **kwargs), *arrays)


@given(geometries(transposed=True), st.booleans(), seeds)
def test_transposed_convolution(geometry, with_bias, seed):
    n, x, w, kwargs = geometry
    arrays = [values(seed, *x), values(seed + 1, *w)] + [values(seed + 2, w[1] * kwargs["groups"])] * with_bias
    agree(
        lambda *a: getattr(F, f"conv_transpose{n}d")(*a, **kwargs),
        lambda *a: getattr(T, f"conv_transpose{n}d")(*a, **kwargs), *arrays,
    )  # fmt: skip


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 3), seeds)
def test_same_padding_is_uneven_for_even_kernels(height, width, dilation, seed):
    x, w = values(seed, 2, 1, 7, 8), values(seed + 1, 2, 1, height, width)
    agree(
        lambda *a: F.conv2d(*a, padding="same", dilation=dilation),
        lambda *a: T.conv2d(*a, padding="same", dilation=dilation), x, w,
    )  # fmt: skip


@given(geometries(), st.sampled_from([64, 500]), seeds)
def test_result_does_not_depend_on_blocks_or_order_of_memory(geometry, block, seed):
    _, x_shape, w_shape, kwargs = geometry
    if len(x_shape) < len(w_shape):
        x_shape = (1, *x_shape)
    params = {**kwargs, "padding": tuple((p, p) for p in kwargs["padding"])}
    x, w = values(seed, *x_shape), values(seed + 1, *w_shape)
    y = ops.convolution.forward(x, w, **params)
    g = values(seed + 2, *y.shape)
    space, kernel = {"space": x_shape[2:]}, {"kernel": w_shape[2:]}
    whole = (
        y,
        ops.convolution_transpose.forward(g, w, **space, **params),
        ops.convolution_weight.forward(g, x, **kernel, **params),
    )
    before, ops.BLOCK = ops.BLOCK, block
    try:
        for order in (
            np.ascontiguousarray,
            np.asfortranarray,
            batch_last_in_memory,
        ):
            x2, w2, g2 = order(x), order(w), order(g)
            parts = (
                ops.convolution.forward(x2, w2, **params), ops.convolution_transpose.forward(g2, w2, **space, **params),
                ops.convolution_weight.forward(g2, x2, **kernel, **params),
            )  # fmt: skip
            for a, b in zip(whole, parts):
                np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
    finally:
        ops.BLOCK = before


def batch_last_in_memory(a):
    return np.moveaxis(np.moveaxis(a, 0, -1).copy(), -1, 0)


def test_large_batches_are_reordered_through_a_buffer():
    x = np.random.default_rng(0).random((64, 3, 33, 17), np.float32)
    y = ops.batch_last(x)
    assert y.flags.c_contiguous
    np.testing.assert_array_equal(y, np.moveaxis(x, 0, -1))
    assert ops.batch_first(y).shape == x.shape
    assert np.shares_memory(ops.batch_last(ops.batch_first(y)), y)


def test_empty_batch():
    x, w = tc.zeros(0, 2, 5, 5, requires_grad=True), tc.ones(3, 2, 3, 3, requires_grad=True)
    y = F.conv2d(x, w, padding=1)
    assert y.shape == (0, 3, 5, 5)
    y.sum().backward()
    assert x.grad.shape == (0, 2, 5, 5)
    assert not w.grad.any()


@given(geometries(), seeds)
def test_unfold_and_fold(geometry, seed):
    n, x, w, kwargs = geometry
    if n != 2:
        return
    options = {k: kwargs[k] for k in ("dilation", "padding", "stride")}
    array = values(seed, *x)
    agree(lambda a: F.unfold(a, w[2:], **options), lambda a: T.unfold(a, w[2:], **options), array)
    columns = T.unfold(torch.tensor(array), w[2:], **options).numpy() ** 2
    agree(lambda a: F.fold(a, x[-2:], w[2:], **options), lambda a: T.fold(a, x[-2:], w[2:], **options), columns)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda x, w: F.conv2d(x, w[:, :1]), RuntimeError, "has 2 channels"),
        (lambda x, w: F.conv2d(x, w, groups=2), RuntimeError, "groups"),
        (lambda x, w: F.conv2d(x, w, tc.zeros(2)), RuntimeError, "bias of shape"),
        (lambda x, w: F.conv2d(x, w, dilation=3), RuntimeError, "larger than the input's space"),
        (lambda x, w: F.conv2d(x, w, stride=0), RuntimeError, "stride of at least 1"),
        (lambda x, w: F.conv2d(x, w, stride=(1, 1, 1)), RuntimeError, "one number or 2"),
        (lambda x, w: F.conv2d(x, w, padding="some"), ValueError, "'same', 'valid'"),
        (lambda x, w: F.conv2d(x, w, padding="same", stride=2), RuntimeError, "needs stride 1"),
        (lambda x, w: F.conv2d(x.double(), w), RuntimeError, "one dtype"),
        (lambda x, w: F.conv2d(x[0, 0], w), RuntimeError, "4 dims"),
        (lambda x, w: F.conv2d(x, w.array), TypeError, "expected weight to be a Tensor"),
        (F.conv_transpose2d, RuntimeError, "must be the input's channels"),
        (lambda x, w: F.conv_transpose2d(x[:, :1], w[:1], output_padding=1), RuntimeError, "smaller than stride"),
        (lambda x, w: F.unfold(x, 6), RuntimeError, "larger than the space"),
        (lambda x, w: F.fold(tc.zeros(1, 5, 4), 3, 2), RuntimeError, "expected columns"),
    ],
)
def test_errors_name_the_function_and_what_came(call, error, says):
    x, w = tc.zeros(1, 2, 5, 5), tc.zeros(3, 2, 3, 3)
    with pytest.raises(error, match=says):
        call(x, w)
