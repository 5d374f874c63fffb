"""Tensors made from sizes, numbers and other libraries' arrays: as PyTorch makes them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc

sides = st.lists(st.integers(0, 4), max_size=3)
DTYPES = ["float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8", "bool"]


def same(ours, theirs):
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert str(theirs.dtype) == f"torch.{ours.dtype}"
    np.testing.assert_array_equal(ours.detach().numpy(), theirs.detach().numpy())


@given(sides, st.sampled_from([None, *DTYPES]), st.sampled_from(["zeros", "ones", "empty"]))
def test_filled(size, dtype, name):
    torch = pytest.importorskip("torch")
    make, reference = getattr(tc, name), getattr(torch, name)
    ours = make(*size, dtype=None if dtype is None else getattr(tc, dtype))
    theirs = reference(size, dtype=None if dtype is None else getattr(torch, dtype))
    if name == "empty":
        assert ours.shape == tuple(theirs.shape)
        assert str(theirs.dtype) == f"torch.{ours.dtype}"
    else:
        same(ours, theirs)
        same(make(tuple(size), dtype=ours.dtype), theirs)
        same(make(size=size, dtype=ours.dtype), theirs)


@pytest.mark.parametrize("value", [True, 3, 2.5, -math.inf])
def test_full_takes_the_dtype_of_its_value(value):
    torch = pytest.importorskip("torch")
    same(tc.full((2, 3), value), torch.full((2, 3), value))
    same(tc.full((2,), value, dtype=tc.float64), torch.full((2,), value, dtype=torch.float64))
    same(
        tc.full_like(tc.zeros(2, dtype=tc.float64), value), torch.full_like(torch.zeros(2, dtype=torch.float64), value)
    )
    same(tc.zeros(1, dtype=tc.float64).new_full((3,), value), torch.zeros(1, dtype=torch.float64).new_full((3,), value))


@pytest.mark.parametrize("name", ["zeros", "ones", "empty", "rand", "randn"])
def test_bad_sizes(name):
    make = getattr(tc, name)
    with pytest.raises(RuntimeError, match=f"{name}: sizes cannot be negative"):
        make(2, -1)
    with pytest.raises(TypeError, match=f"{name}: expected sizes as integers"):
        make(2.5)
    with pytest.raises(RuntimeError, match="no device 'cuda'"):
        make(2, device="cuda")
    with pytest.raises(TypeError, match="complex"):
        make(2, dtype=np.complex64)
    assert make(2, device="cpu", requires_grad=True).requires_grad
    assert make(2, device=tc.device("cpu")).shape == (2,)


def test_only_floats_require_grad():
    with pytest.raises(RuntimeError, match="only floating tensors"):
        tc.zeros(2, dtype=tc.int64, requires_grad=True)


numbers = st.floats(-50, 50).map(lambda x: round(x, 2))


@given(st.tuples(numbers, numbers, numbers) | st.tuples(st.integers(-9, 9), st.integers(-9, 9), st.integers(-4, 4)))
def test_arange(bounds):
    torch = pytest.importorskip("torch")
    start, end, step = bounds
    if step == 0 or (end - start) * step < 0:
        with pytest.raises(RuntimeError, match="arange"):
            tc.arange(start, end, step)
        return
    if abs(end - start) / abs(step) > 1e4:
        return
    ours, theirs = tc.arange(start, end, step), torch.arange(start, end, step)
    assert ours.shape == tuple(theirs.shape)
    assert str(theirs.dtype) == f"torch.{ours.dtype}"
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6, atol=1e-6)
    both = tc.range(start, end, step), torch.range(start, end, step)
    np.testing.assert_allclose(both[0].numpy(), both[1].numpy(), rtol=1e-6, atol=1e-6)


def test_arange_ends_where_it_should():
    assert tc.arange(0, 1, 0.1, dtype=tc.float64)[-1].item() == 0 + 9 * 0.1
    assert len(tc.arange(0.0, 1e6 * 0.1, 0.1)) == 1_000_000
    assert tc.arange(5).dtype == tc.int64
    assert tc.arange(5.0).dtype == tc.float32
    assert tc.arange(3, dtype=tc.float64).dtype == tc.float64


@given(numbers, numbers, st.integers(0, 9))
def test_linspace_and_logspace(start, end, steps):
    torch = pytest.importorskip("torch")
    for dtype in ("float32", "float64"):
        kinds = {"dtype": getattr(tc, dtype)}, {"dtype": getattr(torch, dtype)}
        tolerance = {"rtol": 1e-5, "atol": 1e-5} if dtype == "float32" else {"rtol": 1e-12, "atol": 1e-12}
        ours, theirs = tc.linspace(start, end, steps, **kinds[0]), torch.linspace(start, end, steps, **kinds[1])
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), **tolerance)
        ours = tc.logspace(start / 50, end / 50, steps, base=2.0, **kinds[0])
        theirs = torch.logspace(start / 50, end / 50, steps, base=2.0, **kinds[1])
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), **tolerance)


@given(st.integers(0, 5), st.none() | st.integers(0, 5), st.integers(-3, 3))
def test_eye_and_triangles(rows, columns, offset):
    torch = pytest.importorskip("torch")
    same(tc.eye(rows, columns), torch.eye(rows) if columns is None else torch.eye(rows, columns))
    for name in ("tril_indices", "triu_indices"):
        same(getattr(tc, name)(rows, columns or 2, offset), getattr(torch, name)(rows, columns or 2, offset))


@given(sides, st.sampled_from(DTYPES), st.sampled_from([None, *DTYPES]))
def test_like_and_new(size, dtype, other):
    torch = pytest.importorskip("torch")
    ours, theirs = tc.zeros(size, dtype=getattr(tc, dtype)), torch.zeros(size, dtype=getattr(torch, dtype))
    kinds = {"dtype": other and getattr(tc, other)}, {"dtype": other and getattr(torch, other)}
    for name in ("zeros_like", "ones_like"):
        same(getattr(tc, name)(ours, **kinds[0]), getattr(torch, name)(theirs, **kinds[1]))
    for name in ("new_zeros", "new_ones"):
        same(getattr(ours, name)(2, 3, **kinds[0]), getattr(theirs, name)(2, 3, **kinds[1]))
    same(ours.new_tensor([1, 0]), theirs.new_tensor([1, 0]))
    assert ours.new(2, 3).shape == (2, 3)
    assert ours.new([1, 0]).dtype == ours.dtype


def test_legacy_constructors():
    assert tc.FloatTensor([1, 2]).dtype == tc.float32
    assert tc.LongTensor([1.5, 2]).tolist() == [1, 2]
    assert tc.DoubleTensor(2, 3).shape == (2, 3)
    assert tc.ByteTensor(2).dtype == tc.uint8
    tc.set_default_tensor_type(tc.DoubleTensor)
    try:
        assert tc.zeros(1).dtype == tc.float64
    finally:
        tc.set_default_tensor_type("torch.FloatTensor")
    assert tc.zeros(1).dtype == tc.float32


# --- Sharing memory -----------------------------------------------------------------------------------------------

arrays = st.tuples(sides, st.sampled_from(DTYPES), st.integers(0, 2**16)).map(
    lambda t: np.asarray(np.random.default_rng(t[2]).normal(size=t[0]) * 5).astype(getattr(tc, t[1]))
)


@given(arrays)
def test_from_numpy_shares(a):
    t = tc.from_numpy(a)
    assert t.dtype == a.dtype
    assert t.array is a
    assert tc.as_tensor(a).array is a
    assert tc.as_tensor(t) is t
    assert tc.asarray(a, copy=True).array is not a
    if a.size:
        with pytest.raises(ValueError, match="needs a copy"):
            tc.asarray(a.tolist(), copy=False)


def test_from_numpy_refuses():
    with pytest.raises(TypeError, match="from_numpy: expected an ndarray"):
        tc.from_numpy([1.0])
    with pytest.raises(TypeError, match="complex"):
        tc.from_numpy(np.zeros(2, complex))
    with pytest.raises(TypeError):
        tc.from_numpy(np.array(["a"]))
    with pytest.raises(ValueError, match="byte order"):
        tc.from_numpy(np.zeros(2, np.dtype(">f4")))
    with pytest.raises(TypeError, match="DLPack"):
        tc.from_dlpack([1])


@given(arrays)
def test_dlpack_is_without_copies_both_ways(a):
    torch = pytest.importorskip("torch")
    theirs = torch.from_numpy(a.copy())
    ours = tc.from_dlpack(theirs)
    back = torch.from_dlpack(ours)
    np.testing.assert_array_equal(ours.numpy(), a)
    if a.size:
        ours.array.reshape(-1)[0] = 1
        assert theirs.reshape(-1)[0].item() == 1
        assert back.reshape(-1)[0].item() == 1
    assert np.shares_memory(np.from_dlpack(tc.from_numpy(a)), a) or not a.size


def test_dlpack_of_a_tensor_in_the_graph():
    with pytest.raises(BufferError, match="detach"):
        np.from_dlpack(tc.ones(2, requires_grad=True))
