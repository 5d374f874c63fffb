"""Tensors print as PyTorch's do."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc

DTYPES = ["float32", "float64", "float16", "int64", "int32", "uint8", "bool"]
special = st.sampled_from([0.0, -0.0, math.inf, -math.inf, math.nan, 1e-5, 1e9, 1000.0, 0.5])


@st.composite
def arrays(draw):
    shape = tuple(draw(st.lists(st.integers(0, 5), max_size=3) | st.sampled_from([[1200], [40, 50], [2, 30, 30]])))
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    a = rng.normal(size=shape) * 10.0 ** draw(st.integers(-5, 4 if dtype.itemsize == 2 else 9))
    if dtype.kind != "f":
        return np.asarray(rng.integers(0, 200, shape)).astype(dtype)
    if draw(st.booleans()):
        a = np.round(a)
    a = np.asarray(a)
    if a.size and dtype.itemsize > 2:
        a.reshape(-1)[: draw(st.integers(0, 3))] = draw(special)
    return a.astype(dtype)


def without_dtype(text):
    """PyTorch writes dtype=torch.float64, which may not fit on the line any more."""
    return re.sub(r",\s+dtype=(torch\.)?", ", dtype=", text)


@pytest.fixture(autouse=True)
def _defaults():
    yield
    tc.set_printoptions(profile="default")


options = st.fixed_dictionaries(
    {},
    optional={
        "precision": st.integers(0, 6),
        "threshold": st.integers(0, 50),
        "edgeitems": st.integers(1, 4),
        "linewidth": st.integers(30, 120),
        "sci_mode": st.sampled_from([True, False, None]),
        "profile": st.sampled_from(["default", "short", "full"]),
    },
)


@given(arrays(), options)
def test_prints_as_pytorch(a, chosen):
    torch = pytest.importorskip("torch")
    for lib in (tc, torch):
        lib.set_printoptions(profile="default", linewidth=80)
        lib.set_printoptions(**chosen)
    try:
        assert without_dtype(repr(tc.tensor(a))) == without_dtype(repr(torch.tensor(a)))
    finally:
        torch.set_printoptions(profile="default", linewidth=80)


def test_suffixes():
    x = tc.ones(2, requires_grad=True)
    assert repr(x) == "tensor([1., 1.], requires_grad=True)"
    assert repr(x * 2) == "tensor([2., 2.], grad_fn=<multiply>)"
    assert repr(tc.zeros(0, 3)) == "tensor([], size=(0, 3))"
    assert repr(tc.zeros(0, dtype=tc.int64)) == "tensor([], dtype=int64)"
    assert repr(tc.tensor(1.5, dtype=tc.float64)) == "tensor(1.5000, dtype=float64)"
    assert repr(tc.tensor([True])) == "tensor([True])"
    tc.set_default_dtype(tc.float64)
    try:
        assert repr(tc.tensor([0.5])) == "tensor([0.5000])"
    finally:
        tc.set_default_dtype(tc.float32)


def test_long_suffixes_go_to_the_next_line():
    text = repr(tc.ones(14, requires_grad=True) * 1)
    assert text.splitlines()[-1] == "       grad_fn=<multiply>)"
    assert max(map(len, text.splitlines())) <= 80


def test_options():
    tc.set_printoptions(precision=2)
    assert tc.get_printoptions()["precision"] == 2
    assert repr(tc.tensor(0.125)) in ("tensor(0.12)", "tensor(0.13)")
    with pytest.raises(ValueError, match="expected a profile among default, short, full"):
        tc.set_printoptions(profile="tall")
