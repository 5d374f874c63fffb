"""Pooling against PyTorch, over generated geometry; ties, NaN, infinities and errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc

from .against import F, T, agree, close, seeds, torch, values


@st.composite
def geometries(draw, dilated=False):
    n = draw(st.sampled_from([1, 2, 2, 3]))
    each = st.tuples(*[st.integers(1, 3 if n < 3 else 2)] * n)
    kernel = draw(each)
    kwargs = {"kernel_size": kernel, "ceil_mode": draw(st.booleans())}
    if draw(st.booleans()):
        kwargs["stride"] = draw(each)
    kwargs["padding"] = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    dilation = draw(st.tuples(*[st.integers(1, 2)] * n)) if dilated else (1,) * n
    if dilated:
        kwargs["dilation"] = dilation
        kwargs["padding"] = tuple(p if d == 1 else 0 for p, d in zip(kwargs["padding"], dilation))
    space = tuple(
        max(1, d * (k - 1) + 1 - 2 * p) + draw(st.integers(0, 4))
        for k, d, p in zip(kernel, dilation, kwargs["padding"])
    )
    lead = draw(st.sampled_from([(2,), (1, 1), (2, 3)]))
    return n, (*lead, *space), kwargs


@given(geometries(dilated=True), seeds)
def test_max_pool(geometry, seed):
    n, shape, kwargs = geometry
    ours, theirs = getattr(F, f"max_pool{n}d"), getattr(T, f"max_pool{n}d")
    x = values(seed, *shape)
    agree(lambda a: ours(a, **kwargs), lambda a: theirs(a, **kwargs), x)
    _, index = ours(tc.tensor(x), return_indices=True, **kwargs)
    _, expected = theirs(torch.tensor(x), return_indices=True, **kwargs)
    close(index, expected, 0, "indices")


@given(geometries(), seeds, st.integers(0, 3))
def test_ties_go_to_the_first_and_nan_wins(geometry, seed, nans):
    n, shape, kwargs = geometry
    x = np.random.default_rng(seed).integers(0, 3, shape).astype(float)
    x.flat[np.random.default_rng(seed).integers(0, x.size, nans)] = np.nan
    a, b = tc.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, v = getattr(F, f"max_pool{n}d")(a, **kwargs), getattr(T, f"max_pool{n}d")(b, **kwargs)
    np.testing.assert_array_equal(y.detach().numpy(), v.detach().numpy())
    if nans:
        return
    y.sum().backward()
    v.sum().backward()
    np.testing.assert_array_equal(a.grad.numpy(), b.grad.numpy())


def test_infinite_cotangents_reach_the_maximum_only():
    x = tc.tensor([[[1.0, 2.0, 3.0, 0.0]]], requires_grad=True)
    (F.max_pool1d(x, 2) * tc.tensor([float("inf"), 1.0])).sum().backward()
    assert x.grad.tolist() == [[[0.0, float("inf"), 1.0, 0.0]]]


@given(geometries(), st.booleans(), st.sampled_from([None, 3]), seeds)
def test_avg_pool(geometry, count_include_pad, divisor, seed):
    n, shape, kwargs = geometry
    kwargs["count_include_pad"] = count_include_pad
    if n > 1:
        kwargs["divisor_override"] = divisor
    if n == 3:  # of volumes PyTorch wants the kernel to fit without padding
        shape = (*shape[:-n], *(max(s, k) for s, k in zip(shape[-n:], kwargs["kernel_size"])))
    agree(
        lambda a: getattr(F, f"avg_pool{n}d")(a, **kwargs), lambda a: getattr(T, f"avg_pool{n}d")(a, **kwargs),
        values(seed, *shape),
    )  # fmt: skip


@given(geometries(), st.sampled_from([1.0, 2.0, 3.5]), seeds)
def test_lp_pool(geometry, p, seed):
    n, shape, kwargs = geometry
    kwargs.pop("padding")
    kernel = kwargs.pop("kernel_size")
    shape = (*shape[:-n], *(max(s, k) for s, k in zip(shape[-n:], kernel)))
    kernel = kernel[0] if n == 1 else kernel
    kwargs["ceil_mode"] = False  # PyTorch scales windows that reach beyond the input differently
    agree(
        lambda a: getattr(F, f"lp_pool{n}d")(a, p, kernel, **kwargs),
        lambda a: getattr(T, f"lp_pool{n}d")(a, p, kernel, **kwargs), values(seed, *shape, low=0.5, high=2),
    )  # fmt: skip


@given(st.integers(1, 3), st.data(), seeds)
def test_adaptive_pooling(n, data, seed):
    space = data.draw(st.tuples(*[st.integers(1, 6)] * n))
    size = data.draw(st.tuples(*[st.one_of(st.integers(1, 7), st.none())] * n))
    if n == 1:
        size = (size[0] or 1,)
    x = values(seed, *data.draw(st.sampled_from([(2,), (2, 1)])), *space)
    agree(
        lambda a: getattr(F, f"adaptive_avg_pool{n}d")(a, size),
        lambda a: getattr(T, f"adaptive_avg_pool{n}d")(a, size), x,
    )  # fmt: skip
    ours, theirs = getattr(F, f"adaptive_max_pool{n}d"), getattr(T, f"adaptive_max_pool{n}d")
    agree(lambda a: ours(a, size), lambda a: theirs(a, size), x)
    close(ours(tc.tensor(x), size, True)[1], theirs(torch.tensor(x), size, return_indices=True)[1], 0, "indices")


@given(seeds, st.integers(1, 3), st.integers(0, 1))
def test_max_unpool(seed, n, extra):
    x = values(seed, 2, 2, *(4 + extra,) * n)
    _, index = getattr(T, f"max_pool{n}d")(torch.tensor(x), 2, return_indices=True)
    y = values(seed + 1, *index.shape)
    size = x.shape[2:]
    agree(
        lambda a: getattr(F, f"max_unpool{n}d")(a, tc.tensor(index.numpy()), 2, output_size=size),
        lambda a: getattr(T, f"max_unpool{n}d")(a, index, 2, output_size=size), y,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda x: F.max_pool2d(x, 6), "larger than the input's space"),
        (lambda x: F.max_pool2d(x, 2, padding=2), "at most half"),
        (lambda x: F.avg_pool2d(x, (2, 2, 2)), "one number or 2"),
        (lambda x: F.avg_pool2d(x, 2, divisor_override=0), "cannot be 0"),
        (lambda x: F.avg_pool2d(x.long(), 2), "hold floats"),
        (lambda x: F.max_pool1d(x, 2), "3 dims"),
        (lambda x: F.adaptive_avg_pool2d(x, (1, 2, 3)), "one number or 2"),
        (lambda x: F.max_unpool2d(x, tc.full((1, 1, 4, 4), 99), 1), "outside of an output"),
    ],
)
def test_errors(call, says):
    with pytest.raises(RuntimeError, match=says):
        call(tc.zeros(1, 1, 4, 4))
