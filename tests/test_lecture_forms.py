"""The lecture's closed forms (ch. 4) against the backward pass, and its misprint h' = 1 + h² against the checker."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course.testing import GradientError, gradcheck

sizes = st.tuples(*(st.integers(1, 6) for _ in range(4)))  # samples, inputs, hidden units, outputs
seeds = st.integers(0, 2**32 - 1)


def network(n, d, m, k, seed):
    """Random samples, targets and weights of a two-layer network: x, t, W1, b1, W2, b2."""
    rng = np.random.default_rng(seed)
    shapes = [(n, d), (n, k), (m, d), (m,), (k, m), (k,)]
    return [rng.normal(size=shape) for shape in shapes]


def leaf(array):
    return tc.tensor(array, requires_grad=True)


def assert_close(found, expected):
    """To 1e-12 of the largest value."""
    assert found.dtype == np.float64
    np.testing.assert_allclose(found.numpy(), expected, rtol=0, atol=1e-12 * np.abs(expected).max())


@given(sizes, seeds)
def test_two_layers_and_squared_error(size, seed):
    """E = ½‖y − t‖²: δ² = y − t, ∂E/∂W² = δ² zᵀ, δ¹ = (1 − h²) W²ᵀδ², ∂E/∂W¹ = δ¹ xᵀ, summed over the samples."""
    x, t, w1, b1, w2, b2 = network(*size, seed)
    v1, c1, v2, c2 = (leaf(p) for p in (w1, b1, w2, b2))
    y = tc.tanh(tc.tensor(x) @ v1.T + c1) @ v2.T + c2
    (0.5 * ((y - tc.tensor(t)) ** 2).sum()).backward()

    h = np.tanh(x @ w1.T + b1)
    delta2 = h @ w2.T + b2 - t
    delta1 = (1 - h**2) * (delta2 @ w2)
    for found, expected in ((v1, delta1.T @ x), (c1, delta1.sum(0)), (v2, delta2.T @ h), (c2, delta2.sum(0))):
        assert_close(found.grad, expected)


@given(sizes, seeds)
def test_two_layers_and_cross_entropy(size, seed):
    """E = −Σₖ tₖ ln yₖ with y the softmax of a² and t a distribution: δ² = y − t."""
    x, t, w1, b1, w2, b2 = network(*size, seed)
    t = np.exp(t) / np.exp(t).sum(1, keepdims=True)
    v1, c1, v2, c2 = (leaf(p) for p in (w1, b1, w2, b2))
    a = tc.tanh(tc.tensor(x) @ v1.T + c1) @ v2.T + c2
    y = tc.exp(a) / tc.exp(a).sum(dim=1, keepdim=True)
    (-(tc.tensor(t) * tc.log(y)).sum()).backward()

    h = np.tanh(x @ w1.T + b1)
    e = np.exp(h @ w2.T + b2)
    delta2 = e / e.sum(1, keepdims=True) - t
    delta1 = (1 - h**2) * (delta2 @ w2)
    for found, expected in ((v1, delta1.T @ x), (c1, delta1.sum(0)), (v2, delta2.T @ h)):
        np.testing.assert_allclose(found.grad.numpy(), expected, rtol=0, atol=1e-12 * max(1, np.abs(x).max()))
    # Σₖ δₖ = 0, so what is left of a single class is rounding.
    np.testing.assert_allclose(c2.grad.numpy(), delta2.sum(0), rtol=0, atol=1e-12)


@given(sizes, seeds)
def test_the_slope_of_tanh(size, seed):
    """h' = 1 − h², h'' = −2 h h'."""
    a = leaf(np.random.default_rng(seed).normal(size=size[:2]))
    h = tc.tanh(a)
    (first,) = tc.autograd.grad(h.sum(), a, create_graph=True)
    (second,) = tc.autograd.grad(first.sum(), a)
    z = np.tanh(a.array)
    np.testing.assert_allclose(first.array, 1 - z**2, rtol=0, atol=1e-12)
    np.testing.assert_allclose(second.array, -2 * z * (1 - z**2), rtol=0, atol=1e-12)


@given(sizes, seeds)
def test_weight_decay_adds_the_weights_to_the_gradient(size, seed):
    """∂/∂w (E + ½λ‖w‖²) = ∂E/∂w + λw (ch. 9)."""
    x, t, w1, *_ = network(size[0], size[1], size[3], size[3], seed)
    decay = 0.1
    w = leaf(w1)
    error = ((tc.tensor(x) @ w.T - tc.tensor(t)) ** 2).sum() / 2
    (error + decay / 2 * (w**2).sum()).backward()
    assert_close(w.grad, (x @ w1.T - t).T @ x + decay * w1)


misprinted = tc.primitive(np.tanh, vjp=lambda g, y, x: g * (1 + y * y), name="misprinted_tanh")


@given(sizes, seeds)
def test_the_misprint_is_caught(size, seed):
    """One slide has h' = 1 + h². The two agree only where h = 0."""
    rng = np.random.default_rng(seed)
    with pytest.raises(GradientError, match="misprinted_tanh"):
        gradcheck(misprinted, rng.choice([-1, 1], size[:2]) * rng.uniform(0.1, 2, size[:2]), seed=seed)


@given(sizes, seeds)
def test_the_misprint_is_caught_inside_a_network(size, seed):
    x, t, *parameters = network(*size, seed)

    def error(w1, b1, w2, b2):
        y = misprinted(tc.tensor(x) @ w1.T + b1) @ w2.T + b2
        return ((y - tc.tensor(t)) ** 2).sum() / 2

    with pytest.raises(GradientError, match="input 0"):
        gradcheck(error, *parameters, seed=seed)
