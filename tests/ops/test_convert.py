"""Dtypes, devices, and what ordinary scripts ask of CUDA."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc

DTYPES = ["float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8", "bool"]
FLOATS = ["float16", "float32", "float64"]
CASTS = {
    "float": "float32", "double": "float64", "half": "float16", "long": "int64", "int": "int32", "short": "int16",
    "char": "int8", "byte": "uint8", "bool": "bool",
}  # fmt: skip


@given(st.sampled_from(DTYPES), st.sampled_from(sorted(CASTS)))
def test_named_casts(dtype, name):
    torch = pytest.importorskip("torch")
    a = np.array([[0, 1, 2], [3, 100, 7]]).astype(dtype)
    x = tc.from_numpy(a)
    y = getattr(x, name)()
    assert y.dtype == getattr(tc, CASTS[name])
    np.testing.assert_array_equal(y.numpy(), getattr(torch.from_numpy(a), name)().numpy())
    assert (y is x) == (y.dtype == x.dtype)
    for other in (x.to(y.dtype), x.to("cpu", y.dtype), x.to(dtype=y.dtype), x.to(y), x.type(y.dtype), x.type_as(y)):
        assert other.dtype == y.dtype
    assert x.to(y.dtype, copy=True) is not x
    assert x.type(y.type()).dtype == y.dtype


@given(st.sampled_from(FLOATS), st.sampled_from(FLOATS))
def test_gradients_are_cast_back(dtype, other):
    x = tc.tensor([1.0, 2.0], dtype=getattr(tc, dtype), requires_grad=True)
    (x.to(getattr(tc, other)) * 3).sum().backward()
    assert x.grad.dtype == x.dtype
    assert x.grad.tolist() == [3, 3]
    assert not x.long().requires_grad


@given(st.sampled_from(DTYPES), st.sampled_from(DTYPES))
def test_promotion_says_what_the_operations_do(a, b):
    torch = pytest.importorskip("torch")
    x, y = tc.ones(2, dtype=getattr(tc, a)), tc.ones(2, dtype=getattr(tc, b))
    promoted = tc.promote_types(x.dtype, y.dtype)
    assert (x * y).dtype == promoted == tc.result_type(x, y)
    assert tc.can_cast(x.dtype, y.dtype) == torch.can_cast(getattr(torch, a), getattr(torch, b))
    if "float16" not in (a, b):  # NumPy widens a half for a large integer, PyTorch does not
        assert str(torch.promote_types(getattr(torch, a), getattr(torch, b))) == f"torch.{promoted}"


@given(st.sampled_from(DTYPES), st.sampled_from([True, 2, 2.5]))
def test_python_numbers_are_weak(dtype, number):
    torch = pytest.importorskip("torch")
    x = tc.ones(2, dtype=getattr(tc, dtype))
    theirs = torch.ones(2, dtype=getattr(torch, dtype))
    assert tc.result_type(x, number) == (x * number).dtype
    assert str(torch.result_type(theirs, number)) == f"torch.{tc.result_type(x, number)}"


def test_limits():
    assert tc.finfo().eps == np.finfo(np.float32).eps
    assert tc.finfo(tc.float64).max == np.finfo(np.float64).max
    assert tc.iinfo(tc.int8).min == -128


def test_what_a_tensor_is():
    x = tc.zeros(2, 3)
    assert x.device == tc.device("cpu")
    assert x.cpu() is x
    assert not x.is_cuda
    assert not x.is_sparse
    assert x.is_cpu
    assert x.pin_memory() is x
    assert x.data_ptr() == x.reshape(6).data_ptr() != x.clone().data_ptr()
    assert x.get_device() == -1
    assert x.is_floating_point() and tc.is_floating_point(x) and not x.long().is_floating_point()
    assert not tc.is_complex(x)
    assert tc.is_tensor(x) and not tc.is_tensor(x.numpy())
    assert tc.numel(x) == x.nelement() == 6


def test_devices():
    assert str(tc.device("cuda:1")) == "cuda:1"
    assert tc.device("cuda", 1) == tc.device("cuda:1") == tc.device(1)
    assert tc.device("cpu") != tc.device("cuda")
    assert repr(tc.device("cpu")) == "device(type='cpu')"
    assert len({tc.device("cpu"), tc.device(tc.device("cpu"))}) == 1
    assert pickle.loads(pickle.dumps(tc.device("cpu:0"))) == tc.device("cpu:0")
    with pytest.raises(RuntimeError, match="expected one of"):
        tc.device("tpu")
    x = tc.zeros(1)
    for use in (lambda: x.to("cuda"), x.cuda, lambda: tc.tensor([1], device="cuda"), lambda: x.to("mps")):
        with pytest.raises(RuntimeError, match="there is no device"):
            use()


def test_a_script_that_asks_for_cuda():
    device = tc.device("cuda" if tc.cuda.is_available() else "cpu")
    assert device.type == "cpu"
    assert tc.cuda.device_count() == 0
    assert tc.cuda.memory_allocated() == tc.cuda.memory_reserved() == tc.cuda.max_memory_allocated() == 0
    tc.cuda.synchronize()
    tc.cuda.empty_cache()
    tc.cuda.manual_seed(1)
    tc.cuda.manual_seed_all(1)
    for name in ("current_device", "get_device_name", "get_device_properties", "mem_get_info"):
        with pytest.raises(RuntimeError, match=f"cuda.{name}: there is no CUDA device"):
            getattr(tc.cuda, name)()
    assert not tc.backends.mps.is_available()
    tc.backends.cudnn.deterministic = True
    assert tc.backends.cudnn.deterministic


def test_threads(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    monkeypatch.setenv("MKL_NUM_THREADS", "1")
    assert tc.get_num_threads() == 1
    tc.set_num_threads(1)
    with pytest.warns(UserWarning, match="set OMP_NUM_THREADS=2"):
        tc.set_num_threads(2)
    assert tc.get_num_threads() == 2
    with pytest.raises(RuntimeError, match="positive"):
        tc.set_num_threads(0)


def test_bfloat16_says_what_to_use():
    with pytest.raises(AttributeError, match="float32"):
        _ = tc.bfloat16
