"""Normalization against PyTorch: values, gradients to second order, running statistics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc

from .against import F, T, agree, close, same, seeds, torch, values

batches = st.sampled_from([(3, 2), (2, 4, 3), (2, 2, 3, 2), (2, 4, 2, 1, 3)])


@given(batches, st.booleans(), st.sampled_from([1e-5, 0.1]), seeds)
def test_batch_norm(shape, affine, eps, seed):
    channels = shape[1]
    arrays = [values(seed, *shape)] + [values(seed + i, channels, low=0.5, high=2) for i in (1, 2)] * affine

    def call(f, **kwargs):
        return lambda x, w=None, b=None: f(x, None, None, w, b, True, 0.1, eps)

    agree(call(F.batch_norm), call(T.batch_norm), *arrays)
    mean, var = values(seed + 3, channels), values(seed + 4, channels, low=0.5, high=2)

    def evaluated(f, module):
        return lambda x, w=None, b=None: f(
            x, module.tensor(mean).to(x.dtype), module.tensor(var).to(x.dtype), w, b, False, 0.1, eps
        )

    agree(evaluated(F.batch_norm, tc), evaluated(T.batch_norm, torch), *arrays)


@given(batches, st.floats(0, 1), seeds)
def test_running_statistics(shape, momentum, seed):
    x, mean, var = values(seed, *shape), values(seed + 1, shape[1]), values(seed + 2, shape[1], low=0.5)
    ours = [tc.tensor(mean), tc.tensor(var)]
    theirs = [torch.tensor(mean), torch.tensor(var)]
    held = ours[0].array
    F.batch_norm(tc.tensor(x, requires_grad=True), *ours, training=True, momentum=momentum)
    T.batch_norm(torch.tensor(x), *theirs, training=True, momentum=momentum)
    assert ours[0].array is held
    assert not ours[0].requires_grad
    for a, b in zip(ours, theirs):
        close(a, b, 1e-12, "running")
    if len(shape) > 2 and np.prod(shape[2:]) > 1:
        F.instance_norm(tc.tensor(x), *ours, momentum=momentum)
        T.instance_norm(torch.tensor(x), *theirs, momentum=momentum)
        for a, b in zip(ours, theirs):
            close(a, b, 1e-12, "running")


@given(batches, st.booleans(), seeds)
def test_group_instance_layer_and_rms_norm(shape, affine, seed):
    x, channels = values(seed, *shape), shape[1]
    vectors = [values(seed + i, channels, low=0.5, high=2) for i in (1, 2)] * affine
    for groups in {1, 2, channels}:
        check_group_norm(groups, x, *vectors)
    if len(shape) > 2:
        agree(
            lambda x, w=None, b=None: F.instance_norm(x, None, None, w, b, eps=0.01),
            lambda x, w=None, b=None: T.instance_norm(x, None, None, w, b, eps=0.01), x, *vectors,
        )  # fmt: skip
    for n in range(1, len(shape)):
        check_last_dims(shape[-n:], x, *[values(seed + i, *shape[-n:], low=0.5, high=2) for i in (1, 2)] * affine)


def check_group_norm(groups, *arrays):
    agree(
        lambda x, w=None, b=None: F.group_norm(x, groups, w, b, 0.01),
        lambda x, w=None, b=None: T.group_norm(x, groups, w, b, 0.01), *arrays,
    )  # fmt: skip


def check_last_dims(last, *arrays):
    agree(
        lambda x, w=None, b=None: F.layer_norm(x, last, w, b, 0.01),
        lambda x, w=None, b=None: T.layer_norm(x, last, w, b, 0.01), *arrays,
    )  # fmt: skip
    agree(lambda x, w=None: F.rms_norm(x, last, w, 0.01), lambda x, w=None: T.rms_norm(x, last, w, 0.01), *arrays[:2])


@given(st.sampled_from([(1, 3, 2), (2, 5, 2, 2), (1, 4, 2, 1, 2)]), st.integers(1, 5), seeds)
def test_local_response_norm(shape, size, seed):
    same("local_response_norm", values(seed, *shape), size=size, alpha=0.3, beta=0.6, k=1.5)


@given(st.sampled_from([1.0, 2.0, 3.0]), st.sampled_from([0, 1, -1]), seeds)
def test_normalize(p, dim, seed):
    same("normalize", values(seed, 3, 4), p=p, dim=dim)


def test_zero_vectors_stay_zero():
    x = tc.zeros(2, 3, requires_grad=True)
    y = F.normalize(x)
    y.sum().backward()
    assert not y.any()
    assert np.isfinite(x.grad.numpy()).all()


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda x: F.batch_norm(x[:1, :, 0, 0], None, None, training=True), ValueError, "more than 1 value"),
        (lambda x: F.batch_norm(x, None, None), RuntimeError, "needed in evaluation"),
        (lambda x: F.batch_norm(x, tc.zeros(3), tc.ones(3)), RuntimeError, "running_mean of shape"),
        (lambda x: F.group_norm(x, 3), RuntimeError, "divide into 3 groups"),
        (lambda x: F.layer_norm(x, (3,)), RuntimeError, "normalized_shape"),
        (lambda x: F.layer_norm(x, (2,), tc.ones(3)), RuntimeError, "weight of shape"),
        (lambda x: F.instance_norm(x[..., :1, :1]), ValueError, "more than 1 value"),
        (lambda x: F.local_response_norm(x[:, :, 0, 0], 2), ValueError, "expected an input"),
    ],
)
def test_errors(call, error, says):
    with pytest.raises(error, match=says):
        call(tc.zeros(2, 2, 2, 2))
