"""Indexing and writing at an index: as NumPy, whose arrays are the reference, and where they differ as PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tests.samples.base import shapes
from tests.samples.indexing import chosen, indices
from tinygrad_course.ops.indexing import ARRAY


def assembled(template, arrays, as_tensors):
    """The index as a user writes it."""
    given = iter(arrays)
    parts = tuple(next(given) if part is ARRAY else part for part in template)
    return tuple(tc.tensor(p) if as_tensors and isinstance(p, np.ndarray) else p for p in parts)


@given(st.data(), shapes(), st.booleans())
def test_getitem_is_numpys(data, shape, as_tensors):
    template, arrays = data.draw(indices(shape))
    a = np.arange(np.prod(shape, dtype=int), dtype=float).reshape(shape)
    x = tc.tensor(a, requires_grad=True)
    y = x[assembled(template, arrays, as_tensors)]
    expected = a[assembled(template, arrays, False)]
    np.testing.assert_array_equal(y.detach().numpy(), expected)
    g = np.random.default_rng(0).standard_normal(expected.shape)
    y.backward(tc.tensor(g))
    wanted = np.zeros(shape)
    np.add.at(wanted, assembled(template, arrays, False), g)
    np.testing.assert_allclose(x.grad.numpy(), wanted, atol=1e-12)


@given(st.data(), shapes(), st.booleans(), st.booleans())
def test_setitem_is_numpys_in_and_outside_the_graph(data, shape, as_tensors, in_graph):
    template, arrays = data.draw(indices(shape).filter(lambda drawn: all(a.dtype == bool for a in drawn[1])))
    a = np.arange(np.prod(shape, dtype=int), dtype=float).reshape(shape)
    place = chosen(shape, template, arrays)
    v = np.random.default_rng(0).standard_normal(place[data.draw(st.integers(0, len(place))) :])
    expected = a.copy()
    expected[assembled(template, arrays, False)] = v
    leaf = tc.tensor(a, requires_grad=in_graph)
    x = leaf * 1 if in_graph else leaf
    value = tc.tensor(v, requires_grad=in_graph)
    x[assembled(template, arrays, as_tensors)] = value
    np.testing.assert_array_equal(x.detach().numpy(), expected)
    if in_graph:
        g = np.random.default_rng(1).standard_normal(shape)
        x.backward(tc.tensor(g))
        kept = g.copy()
        kept[assembled(template, arrays, False)] = 0
        np.testing.assert_array_equal(leaf.grad.numpy(), kept)
        taken = g[assembled(template, arrays, False)]
        summed = taken.reshape((-1, *v.shape)).sum(0) if v.size else np.zeros(v.shape)
        np.testing.assert_allclose(value.grad.numpy(), summed, atol=1e-12)


def test_repeated_rows_are_added_up_in_large_gradients():
    rng = np.random.default_rng(0)
    a, rows = rng.standard_normal((50, 7)), rng.integers(-50, 50, (40, 3))
    x = tc.tensor(a, requires_grad=True)
    y = x[tc.tensor(rows)]
    g = rng.standard_normal(y.shape)
    y.backward(tc.tensor(g))
    wanted = np.zeros_like(a)
    np.add.at(wanted, rows, g)
    np.testing.assert_allclose(x.grad.numpy(), wanted, rtol=1e-12)
    columns = tc.tensor(a, requires_grad=True)
    columns[:, rows % 7].backward(tc.ones(50, 40, 3, dtype=tc.float64))
    np.testing.assert_array_equal(columns.grad.numpy(), np.broadcast_to(np.bincount((rows % 7).ravel()), (50, 7)))


def test_index_kinds():
    x = tc.arange(12).reshape(3, 4)
    assert x[np.int64(1), tc.tensor(2)] == 6
    assert x[[0, 2]].tolist() == [[0, 1, 2, 3], [8, 9, 10, 11]]
    assert x[[True, False, True], 0].tolist() == [0, 8]
    assert x[range(2), 1].tolist() == [1, 5]
    assert x[tc.tensor([1, 0, 1], dtype=tc.uint8)].shape == (2, 4)  # PyTorch's older masks
    assert x[[]].shape == (0, 4)
    assert x[True].shape == (1, 3, 4)
    assert x[::-1, 0].tolist() == [8, 4, 0]
    assert [row.tolist() for row in x[:2, :1]] == [[0], [4]]
    assert 5 in x and 99 not in x


def test_second_order_flows_through_an_index():
    x = tc.tensor([1.0, 2.0, 3.0], dtype=tc.float64, requires_grad=True)
    y = (x[tc.tensor([0, 0, 2])] ** 3).sum()
    (g,) = tc.autograd.grad(y, x, create_graph=True)
    assert g.tolist() == [6, 0, 27]
    g.sum().backward()
    assert x.grad.tolist() == [12, 0, 18]


ERRORS = [
    (lambda x: x[5], IndexError, "getitem: .*out of bounds"),
    (lambda x: x[tc.tensor([0, 7])], IndexError, "getitem: .*out of bounds"),
    (lambda x: x[0, 0, 0], IndexError, "getitem: too many indices"),
    (lambda x: x[tc.tensor([0.5])], IndexError, "getitem: index tensors must be integer or bool, got float32"),
    (lambda x: x["a"], IndexError, "got str"),
    (lambda x: x[0, 0][0], IndexError, "0-d tensor"),
    (lambda x: x[tc.tensor([True, False, True])], IndexError, "getitem: .*boolean"),
    (lambda x: x.select(2, 0), IndexError, "select: dim 2 is out of range"),
    (lambda x: x.narrow(0, 1, 5), RuntimeError, "narrow"),
    (lambda x: x.index_select(0, tc.tensor([[0]])), IndexError, "index_select: index must have one dim"),
    (lambda x: x.gather(0, tc.tensor([0])), RuntimeError, "gather: .* as many dims"),
    (lambda x: x.gather(0, tc.tensor([[0.5]])), RuntimeError, "gather: index must be an integer tensor"),
    (lambda x: x.gather(1, tc.zeros(3, 1).long()), RuntimeError, "gather: .* longer than the input"),
    (lambda x: x.scatter(0, tc.tensor([[0]]), tc.zeros(1, dtype=tc.float64)), RuntimeError, "scatter"),
    (lambda x: x.scatter(0, tc.tensor([[0]]), tc.zeros(1, 1, dtype=tc.int64)), RuntimeError, "scatter: input is"),
    (lambda x: x.scatter(0, tc.tensor([[0]]), 1.0, reduce="max"), RuntimeError, "reduce must be"),
    (lambda x: x.scatter(0, tc.tensor([[0]])), TypeError, "scatter: give src or value"),
    (lambda x: x.masked_fill(tc.tensor([1, 0]), 0.0), RuntimeError, "masked_fill: the mask must be bool"),
    (lambda x: x.masked_select(tc.tensor([1.0, 0.0])), RuntimeError, "masked_select: the mask must be bool"),
    (lambda x: x.masked_scatter(x > 0, tc.zeros(1)), RuntimeError, "masked_scatter: the mask has 4 true places"),
    (lambda x: tc.where(x, 1.0, 0.0), RuntimeError, "where: the condition must be bool"),
    (lambda x: x.clamp(), RuntimeError, "clamp: give min"),
]


@pytest.mark.parametrize(("call", "kind", "message"), ERRORS)
def test_bad_indices(call, kind, message):
    with pytest.raises(kind, match=message):
        call(tc.tensor([[1.0, 2.0], [3.0, 4.0]]))


def test_unchosen_values_get_no_gradient_even_if_infinite():
    z = tc.tensor([float("inf"), float("nan"), 4.0], requires_grad=True)
    tc.where(z < 5, z, 0).sum().backward()
    assert z.grad.tolist() == [0, 0, 1]
    y = tc.tensor([-1.0, 0.0, 1.0, 2.0], requires_grad=True)
    y.clamp(0, 1).sum().backward()
    assert y.grad.tolist() == [0, 1, 1, 0]  # at a bound the gradient passes


def test_scatter_multiplies_outside_the_graph_only():
    x, index = tc.tensor([2.0, 3.0]), tc.tensor([0, 0])
    assert x.scatter(0, index, tc.tensor([5.0, 7.0]), reduce="multiply").tolist() == [70, 3]
    with pytest.raises(RuntimeError, match="no gradient"):
        x.requires_grad_().scatter(0, index, 2.0, reduce="multiply")


def test_zero_dims():
    x = tc.tensor(3.0, requires_grad=True)
    assert x[None].shape == (1,) and x[...].shape == ()
    assert x.gather(0, tc.tensor(0)).item() == 3
    assert x.max(0).values.item() == 3 and x.sort().indices.item() == 0
    assert x.index_select(0, tc.tensor([0])).shape == ()
    assert tc.tensor(5).nonzero(as_tuple=True)[0].tolist() == [0]
    x.sum(0).backward()
    assert x.grad.item() == 1
