"""Compare a function with PyTorch's: values, gradients, and gradients of gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

import tinygrad_course as tc

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

F = tc.nn.functional
T = torch.nn.functional


def values(seed: int, *shape: int, low: float = -2.0, high: float = 2.0) -> np.ndarray:
    """Numbers that differ, so that there are neither ties nor kinks at 0."""
    rng = np.random.default_rng(seed)
    size = int(np.prod(shape, dtype=int))
    return rng.permutation(np.linspace(low, high, size + 1)[:size] + 1e-3 * rng.random(size)).reshape(shape)


def close(ours: Any, theirs: Any, tolerance: float, what: str) -> None:
    assert tuple(ours.shape) == tuple(theirs.shape), f"{what}: shape {tuple(ours.shape)} for {tuple(theirs.shape)}"
    a, b = ours.detach().numpy(), theirs.numpy(force=True)
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1.0, np.abs(b).max(initial=0)), err_msg=what)


def agree(
    ours: Callable[..., Any], theirs: Callable[..., Any], *arrays: np.ndarray, second: bool = True, seed: int = 0
) -> None:
    """Assert equal values and gradients in float64 (also of order 2), and equal values and dtype in float32."""
    x = [tc.tensor(a, requires_grad=True) for a in arrays]
    u = [torch.tensor(a, requires_grad=True) for a in arrays]
    y, v = ours(*x), theirs(*u)
    close(y, v, 1e-10, "value")
    g = values(seed + 1, *v.shape)
    dx = tc.autograd.grad(y, x, tc.tensor(g), create_graph=second, allow_unused=True, materialize_grads=True)
    dv = torch.autograd.grad(v, u, torch.tensor(g), create_graph=second, allow_unused=True, materialize_grads=True)
    for i, (a, b) in enumerate(zip(dx, dv)):
        assert a.dtype == tc.float64
        close(a, b, 1e-10, f"gradient {i}")
    if second and any(d.requires_grad for d in dv):
        h = [values(seed + 2 + i, *d.shape) for i, d in enumerate(dv)]
        inner = sum((d * tc.tensor(w)).sum() for d, w in zip(dx, h))
        theirs_inner = sum((d * torch.tensor(w)).sum() for d, w in zip(dv, h))
        ddv = torch.autograd.grad(theirs_inner, u, allow_unused=True, materialize_grads=True)
        if inner.requires_grad:
            ddx = tc.autograd.grad(inner, x, allow_unused=True, materialize_grads=True)
        else:
            ddx = tuple(tc.zeros(*d.shape, dtype=tc.float64) for d in ddv)
        for i, (a, b) in enumerate(zip(ddx, ddv)):
            close(a, b, 1e-9, f"second gradient {i}")
    x32 = [tc.tensor(a.astype(np.float32), requires_grad=True) for a in arrays]
    y32 = ours(*x32)
    assert y32.dtype == tc.float32
    close(y32, v.to(torch.float32), 1e-4, "value in float32")
    y32.sum().backward()
    assert all(p.grad is None or p.grad.dtype == tc.float32 for p in x32)


def same(name: str, *arrays: np.ndarray, second: bool = True, **options: Any) -> None:
    """Assert that the function of this name agrees with PyTorch's, given tensors first and the same options."""
    agree(
        lambda *x: getattr(F, name)(*x, **options), lambda *x: getattr(T, name)(*x, **options), *arrays, second=second
    )


seeds = st.integers(0, 2**16)
