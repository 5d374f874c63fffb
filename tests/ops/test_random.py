"""Draws: reproducible, of the right distribution, redrawn when run again."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course.graph import Observer

DRAWS = {
    "rand": lambda g: tc.rand(3, 2, generator=g),
    "randn": lambda g: tc.randn((3, 2), generator=g),
    "randint": lambda g: tc.randint(0, 1000, (3, 2), generator=g),
    "randperm": lambda g: tc.randperm(50, generator=g),
    "normal": lambda g: tc.normal(tc.zeros(3, 2), 2.0, generator=g),
    "bernoulli": lambda g: tc.bernoulli(tc.full((40,), 0.5), generator=g),
    "poisson": lambda g: tc.poisson(tc.full((20,), 5.0), generator=g),
    "multinomial": lambda g: tc.multinomial(tc.ones(40), 20, generator=g),
    "uniform_": lambda g: tc.empty(3, 2).uniform_(-1, 1, generator=g),
    "normal_": lambda g: tc.empty(3, 2).normal_(1, 2, generator=g),
    "exponential_": lambda g: tc.empty(3, 2).exponential_(2, generator=g),
    "bernoulli_": lambda g: tc.empty(40).bernoulli_(0.3, generator=g),
    "random_": lambda g: tc.empty(20).random_(0, 100, generator=g),
}


@pytest.mark.parametrize("name", DRAWS)
def test_same_seed_same_bits(name):
    draw = DRAWS[name]
    first = draw(tc.Generator().manual_seed(5)).numpy()
    assert (first == draw(tc.Generator().manual_seed(5)).numpy()).all()
    assert (first != draw(tc.Generator().manual_seed(6)).numpy()).any()
    tc.manual_seed(5)
    assert (first == draw(None).numpy()).all(), "the default generator gives what one of its own gives"
    assert (first != draw(None).numpy()).any()
    with pytest.raises(TypeError, match=r"expected a tc\.Generator"):
        draw(np.random.default_rng(0))


@pytest.mark.parametrize("name", DRAWS)
def test_each_draw_is_an_operation(name):
    seen = []

    class Watch(Observer):
        def saw(self, op, inputs, params, outs, node):
            seen.append((op, inputs, params))

    with Watch():
        y = DRAWS[name](tc.Generator().manual_seed(0))
    assert not y.requires_grad
    drawn = [(op, inputs, params) for op, inputs, params in seen if "generator" in params]
    assert len(drawn) == 1
    op, inputs, params = drawn[0]
    assert (op(*inputs, **params).numpy() != op(*inputs, **params).numpy()).any(), "running it again draws afresh"


def test_float32_is_drawn_natively():
    a = tc.rand(4, generator=tc.Generator().manual_seed(0)).numpy()
    b = np.random.Generator(np.random.PCG64(0)).random(4, np.float32)
    assert a.dtype == np.float32
    np.testing.assert_array_equal(a, b)
    assert tc.randn(2, dtype=tc.float64).dtype == tc.float64
    assert tc.rand(2, dtype=tc.float16).dtype == tc.float16
    assert tc.randn_like(tc.zeros(2, 3, dtype=tc.float64)).dtype == tc.float64
    assert tc.rand_like(tc.zeros(2, 3)).shape == (2, 3)
    assert tc.randint_like(tc.zeros(4), 3).dtype == tc.float32


def z_score(x, mean, std):
    """How many standard errors the sample mean is away from the mean."""
    return abs(x.mean() - mean) / (std / math.sqrt(x.size))


def test_distributions():
    n = 40_000
    g = tc.Generator().manual_seed(3)
    x = tc.empty(n, dtype=tc.float64)
    samples = {
        "uniform": (x.clone().uniform_(-1, 3, generator=g), 1, 4 / math.sqrt(12)),
        "normal": (x.clone().normal_(2, 3, generator=g), 2, 3),
        "exponential": (x.clone().exponential_(4, generator=g), 0.25, 0.25),
        "bernoulli": (x.clone().bernoulli_(0.3, generator=g), 0.3, math.sqrt(0.21)),
        "poisson": (tc.poisson(tc.full((n,), 4.0), g), 4, 2),
        "randint": (tc.randint(-3, 5, (n,), generator=g).double(), 0.5, math.sqrt(63 / 12)),
        "normal of tensors": (tc.normal(tc.full((n,), 2.0), tc.full((n,), 3.0), generator=g), 2, 3),
    }
    for name, (y, mean, std) in samples.items():
        values = y.numpy()
        assert z_score(values, mean, std) < 4, name
        assert abs(values.std() / std - 1) < 0.03, name
    u = samples["uniform"][0].numpy()
    assert u.min() >= -1
    assert u.max() <= 3
    assert set(np.unique(samples["randint"][0].numpy())) == set(range(-3, 5))


@given(st.integers(0, 30))
def test_randperm_is_a_permutation(n):
    assert sorted(tc.randperm(n).tolist()) == list(range(n))
    assert tc.randperm(n).dtype == tc.int64


@given(st.integers(1, 4), st.integers(1, 6), st.integers(0, 2**16))
def test_multinomial(rows, n, seed):
    g = tc.Generator().manual_seed(seed)
    weights = tc.rand(rows, n, generator=g) * tc.randint(0, 2, (rows, n), generator=g)
    weights[:, 0] = 0.5
    drawn = tc.multinomial(weights, 20, replacement=True, generator=g)
    assert drawn.shape == (rows, 20)
    assert drawn.dtype == tc.int64
    assert (np.take_along_axis(weights.numpy(), drawn.numpy(), 1) > 0).all(), "what has no weight is never drawn"
    count = int(np.count_nonzero(weights.numpy(), 1).min())
    drawn = tc.multinomial(weights, count, generator=g).numpy()
    assert all(len(set(row)) == count for row in drawn.tolist())
    assert (np.take_along_axis(weights.numpy(), drawn, 1) > 0).all()


@pytest.mark.parametrize("replacement", [True, False])
def test_multinomial_follows_its_weights(replacement):
    weights = tc.tensor([1.0, 2.0, 3.0, 4.0])
    g = tc.Generator().manual_seed(0)
    first = tc.multinomial(weights.expand(20_000, 4), 1, replacement, generator=g).numpy()
    np.testing.assert_allclose(np.bincount(first[:, 0]) / len(first), weights.numpy() / 10, atol=0.015)


def test_bad_arguments():
    for bad in ([-1.0, 2.0], [0.0, 0.0], [math.nan, 1.0], [math.inf, 1.0]):
        with pytest.raises(RuntimeError, match="multinomial: expected finite weights"):
            tc.multinomial(tc.tensor(bad), 1)
    with pytest.raises(RuntimeError, match="without replacement"):
        tc.multinomial(tc.tensor([1.0, 0.0]), 2)
    with pytest.raises(RuntimeError, match="bernoulli: expected probabilities"):
        tc.bernoulli(tc.tensor([1.5]))
    with pytest.raises(RuntimeError, match="randint: expected low < high"):
        tc.randint(3, 3, (2,))
    with pytest.raises(RuntimeError, match="normal: expected deviations"):
        tc.normal(0.0, -1.0, (2,))
    with pytest.raises(RuntimeError, match="poisson: expected rates"):
        tc.poisson(tc.tensor([-1.0]))
    with pytest.raises(RuntimeError, match="floating dtype"):
        tc.rand(2, dtype=tc.int64)
    with pytest.raises(TypeError, match="size is missing"):
        tc.normal(0.0, 1.0)


def test_in_place_draws_and_the_graph():
    w = tc.zeros(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf"):
        w.normal_()
    with tc.no_grad():
        w.normal_()
    assert w.requires_grad
    assert (w != 0).all()
    x = tc.ones(3)
    y = (w * x).sum()
    x.uniform_()
    with pytest.raises(RuntimeError, match="overwritten"):
        y.backward()


def test_state_of_the_default_generator():
    tc.manual_seed(1)
    state = tc.get_rng_state()
    a = tc.rand(3)
    tc.set_rng_state(state)
    assert (tc.rand(3) == a).all()
    tc.set_rng_state(state)
    with tc.random.fork_rng():
        tc.rand(10)
    assert (tc.rand(3) == a).all()
    tc.random.manual_seed(1)
    assert tc.initial_seed() == 1
    assert (tc.rand(3) == a).all()
