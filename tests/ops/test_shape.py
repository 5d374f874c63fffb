"""Shapes: what is a view, what does not fit, and what follows from other operations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tests.samples.base import numbers, shapes


@given(shapes(1, min_side=0).flatmap(numbers), st.data())
def test_taking_apart_and_joining_again(a, data):
    x = tc.tensor(a)
    dim = data.draw(st.integers(-x.ndim, x.ndim - 1))
    n = x.shape[dim]
    cuts = sorted(data.draw(st.lists(st.integers(0, n), max_size=3)))
    sizes = np.diff([0, *cuts, n]).tolist()
    for parts in (
        x.split(sizes, dim), x.split(max(n, 1), dim), x.chunk(data.draw(st.integers(1, 4)), dim),
        x.tensor_split(data.draw(st.integers(1, 4)), dim), x.tensor_split(cuts, dim),
    ):  # fmt: skip
        assert tc.equal(tc.cat(parts, dim), x)
    if n:
        assert tc.equal(tc.stack(x.unbind(dim), dim), x)


@given(shapes(0).flatmap(numbers), st.data())
def test_orders_of_dims(a, data):
    x = tc.tensor(a)
    order = data.draw(st.permutations(range(x.ndim)))
    y = x.permute(order)
    assert y.shape == a.transpose(order).shape
    assert tc.equal(y.movedim(list(range(x.ndim)), order), x)
    assert tc.equal(x.T, x.permute(*range(x.ndim)[::-1]))
    assert tc.equal(x.flip(tuple(order)).flip(*order), x)
    if x.ndim > 1:
        assert tc.equal(x.mT, x.transpose(-1, -2))
        assert tc.equal(x.rot90().rot90(3), x) and tc.equal(x.rot90(2), x.rot90().rot90())
        assert tc.equal(tc.tril(x) + tc.triu(x, 1), x)
        assert tc.equal(x.rot90(), tc.tensor(np.rot90(a)))


@given(shapes(1).flatmap(numbers), st.data())
def test_repeating(a, data):
    x = tc.tensor(a)
    counts = data.draw(st.lists(st.integers(0, 3), min_size=x.ndim, max_size=x.ndim + 1))
    assert tc.equal(x.repeat(*counts), tc.tensor(np.tile(a, counts)))
    assert tc.equal(x.tile(counts[-1:]), tc.tensor(np.tile(a, counts[-1])))
    dim = data.draw(st.integers(0, x.ndim - 1))
    times = data.draw(st.lists(st.integers(0, 3), min_size=a.shape[dim], max_size=a.shape[dim]))
    assert tc.equal(x.repeat_interleave(tc.tensor(times), dim), tc.tensor(np.repeat(a, times, dim)))
    assert tc.equal(tc.repeat_interleave(x, 2), tc.tensor(np.repeat(a, 2)))


@given(shapes(1, 2, 5).flatmap(numbers), st.integers(1, 5), st.integers(1, 3))
def test_windows(a, size, step):
    size = min(size, a.shape[0])
    expected = np.lib.stride_tricks.sliding_window_view(a, size, 0)[::step]
    assert tc.equal(tc.tensor(a).unfold(0, size, step), tc.tensor(expected))


@given(shapes(0).flatmap(numbers))
def test_layout(a):
    x = tc.tensor(a)
    y = x.T
    assert y.is_contiguous() == y.array.flags.c_contiguous
    assert y.contiguous().is_contiguous() and tc.equal(y.contiguous(), y)
    assert x.contiguous() is x
    assert x.dim() == x.ndim == a.ndim and x.numel() == x.nelement() == a.size
    assert x.stride() == tuple(s // 8 for s in a.copy().strides) and x.element_size() == 8
    assert x.size() == x.shape and all(x.size(d) == a.shape[d] for d in range(-a.ndim, a.ndim))
    assert x.view(tc.int64).dtype == tc.int64


def test_meshgrid_follows_its_indexing():
    a, b = tc.arange(2), tc.arange(3)
    for indexing in ("ij", "xy"):
        for found, expected in zip(
            tc.meshgrid(a, b, indexing=indexing), np.meshgrid(*map(np.arange, (2, 3)), indexing=indexing)
        ):
            np.testing.assert_array_equal(found.numpy(), expected)


def test_squeezing():
    x = tc.zeros(1, 3, 1, 2)
    assert x.squeeze().shape == (3, 2) and x.squeeze(1).shape == x.shape
    assert x.squeeze((0, 1, 2)).shape == (3, 2) and x.squeeze(-2).shape == (1, 3, 2)
    assert tc.tensor(1.0).squeeze(0).shape == () and tc.tensor(1.0).unsqueeze(-1).shape == (1,)


def test_cat_keeps_no_inputs_alive():
    parts = [tc.ones(5000, requires_grad=True) * 1 for _ in range(2)]
    y = tc.cat(parts)
    assert not any(isinstance(x, np.ndarray) for x in y.grad_fn.inputs)
    y.sum().backward()


ERRORS = [
    (lambda x: x.reshape(5), RuntimeError, r"reshape: .*size 6 into shape \(5,\)"),
    (lambda x: x.view(-1, -1), RuntimeError, "reshape"),
    (lambda x: x.permute(0), RuntimeError, "permute: got 1 dims"),
    (lambda x: x.permute(0, 0), RuntimeError, "permute: a dim appears twice"),
    (lambda x: x.transpose(0, 2), IndexError, "transpose: dim 2 is out of range"),
    (lambda x: x.unsqueeze(4), IndexError, "unsqueeze: dim 4"),
    (lambda x: x.squeeze(4), IndexError, "squeeze: dim 4"),
    (lambda x: x.flatten(1, 0), RuntimeError, "flatten: start_dim 1 comes after"),
    (lambda x: x.expand(2), RuntimeError, r"expand: shape \(2, 3\) cannot become \(2,\)"),
    (lambda x: x.expand(4, 3), RuntimeError, "expand: .*only dims of length 1"),
    (lambda x: x.expand(-1, 2, 3), RuntimeError, "expand: a new dim needs a length"),
    (lambda x: x.repeat(2), RuntimeError, "repeat: 1 numbers for the 2 dims"),
    (lambda x: x.split([1, 3]), RuntimeError, "split: .* must add up to 2"),
    (lambda x: x.split(0), RuntimeError, "split: the size of a part must be positive"),
    (lambda x: x.chunk(0), RuntimeError, "chunk: the number of chunks must be positive"),
    (lambda x: x.unsqueeze(0).t(), RuntimeError, "t: expected at most 2 dims"),
    (lambda x: x[0].mT, RuntimeError, "mT: expected matrices"),
    (lambda x: x.movedim((0, 1), 0), RuntimeError, "movedim"),
    (lambda x: x.unfold(0, 3, 1), RuntimeError, "unfold: windows of 3"),
    (lambda x: x[0].tril(), RuntimeError, "tril: expected matrices"),
    (lambda x: tc.diag(x.unsqueeze(0)), RuntimeError, "diag: expected a vector or a matrix"),
    (lambda x: tc.cat([x, x[0]]), RuntimeError, "cat: "),
    (lambda x: tc.cat([x, x[:, :2]]), RuntimeError, "cat: "),
    (lambda x: tc.cat([]), ValueError, "cat: expected at least one tensor"),
    (lambda x: tc.stack([x, x.T]), RuntimeError, r"stack: tensors must have one shape, got \(2, 3\) and, as number 1"),
    (lambda x: tc.stack([]), RuntimeError, "stack: expected at least one"),
    (lambda x: tc.broadcast_tensors(x, tc.ones(2)), RuntimeError, "broadcast_shapes"),
    (tc.meshgrid, RuntimeError, "meshgrid: expected vectors"),
    (lambda x: x.roll((1, 1), 0), RuntimeError, "roll: 2 shifts for 1 dims"),
    (lambda x: tc.dot(x, x), RuntimeError, "dot: the first operand must be a vector"),
    (lambda x: x @ x, RuntimeError, "matmul: .*size 2 is different from 3"),
    (lambda x: tc.mm(x, x), RuntimeError, "mm: shapes .* do not fit"),
    (lambda x: tc.mm(x, x.T.double()), RuntimeError, "mm: operands must have one dtype"),
    (lambda x: tc.bmm(x, x), RuntimeError, "bmm: the first operand must be a stack"),
    (lambda x: tc.tensordot(x, x, ([0], [1])), RuntimeError, "tensordot: .* equally long"),
    (lambda x: tc.cross(x, x[0]), RuntimeError, "cross"),
    (lambda x: tc.trace(x[0]), RuntimeError, "trace: expected a matrix"),
]


@pytest.mark.parametrize(("call", "kind", "message"), ERRORS)
def test_bad_shapes(call, kind, message):
    with pytest.raises(kind, match=message):
        call(tc.ones(2, 3))
