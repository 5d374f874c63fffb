"""Restricted Boltzmann machines against sums over all states; deep belief networks."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tests.nn.against_torch import arrays
from tinygrad_course import nn


def _states(n):
    return np.array(list(itertools.product([0.0, 1.0], repeat=n)))


def _machine(draw, visible=None, hidden=None, **options):
    visible = draw(st.integers(1, 4)) if visible is None else visible
    hidden = draw(st.integers(1, 4)) if hidden is None else hidden
    rbm = nn.RBM(visible, hidden, **options).double()
    for p in rbm.parameters():
        p.array[...] = arrays(draw, p.array.shape, -1.5, 1.5)
    return rbm


def _joint(rbm):
    """p(v, h) for all binary v and h, from the energies written out."""
    w, b, c = (p.detach().array for p in rbm.parameters())
    v, h = _states(rbm.visible), _states(rbm.hidden)
    unnormalized = np.exp(v @ b[:, None] + (h @ c)[None] + v @ w.T @ h.T)
    return v, h, unnormalized


@given(st.data())
def test_energies_conditionals_and_partition_function(data):
    rbm = _machine(data.draw)
    v, h, p = _joint(rbm)
    z = p.sum()
    tv, th = tc.tensor(v), tc.tensor(h)
    for i in range(len(v)):
        energies = rbm.energy(tc.tensor(np.repeat(v[i : i + 1], len(h), 0)), th).detach().array
        np.testing.assert_allclose(np.exp(-energies), p[i], rtol=1e-10)
    np.testing.assert_allclose(np.exp(-rbm.free_energy(tv).detach().array), p.sum(1), rtol=1e-10)
    assert rbm.log_partition().item() == pytest.approx(math.log(z), abs=1e-10)
    np.testing.assert_allclose(np.exp(rbm.log_likelihood(tv).detach().array), p.sum(1) / z, rtol=1e-10)
    np.testing.assert_allclose(rbm(tv).detach().array, (p @ h) / p.sum(1)[:, None], rtol=1e-10)
    np.testing.assert_allclose(rbm.visible_mean(th).detach().array, (p.T @ v) / p.sum(0)[:, None], rtol=1e-10)


@given(st.data())
def test_gaussian_visible_units(data):
    """One visible unit, integrated on a grid."""
    rbm = _machine(data.draw, visible=1, visible_type="gaussian")
    grid = np.linspace(-25, 25, 20_001)
    density = np.exp(-rbm.free_energy(tc.tensor(grid[:, None])).detach().array)
    z = np.trapezoid(density, grid)
    assert rbm.log_partition().item() == pytest.approx(math.log(z), abs=1e-8)
    h = tc.tensor(_states(rbm.hidden))
    joint = np.stack([np.exp(-rbm.energy(tc.tensor(grid[:, None]), h[j]).detach().array) for j in range(len(h))])
    means = np.trapezoid(joint * grid, grid) / np.trapezoid(joint, grid)
    np.testing.assert_allclose(rbm.visible_mean(h).detach().array[:, 0], means, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(joint.sum(0), density, rtol=1e-7)


@given(st.data())
def test_exact_gradient_is_data_minus_model(data):
    """d ln p / dW = <h vᵀ> of the data - <h vᵀ> of the model (Hinton 2010, equation 5)."""
    rbm = _machine(data.draw)
    v, h, p = _joint(rbm)
    p = p / p.sum()
    x = tc.tensor(v[: max(1, len(v) // 2)])
    rbm.log_likelihood(x).mean().backward()
    model = np.einsum("vh,hj,vi->ji", p, h, v)
    up = rbm(x).detach().array
    np.testing.assert_allclose(rbm.weight.grad.array, up.T @ x.array / len(x.array) - model, atol=1e-12)
    np.testing.assert_allclose(rbm.visible_bias.grad.array, x.array.mean(0) - p.sum(1) @ v, atol=1e-12)
    np.testing.assert_allclose(rbm.hidden_bias.grad.array, up.mean(0) - p.sum(0) @ h, atol=1e-12)
    assert tc.testing.gradcheck(lambda *q: nn.functional_call(_Likelihood(rbm), _named(q), x), *rbm.parameters())


class _Likelihood(nn.Module):
    def __init__(self, rbm):
        super().__init__()
        self.rbm = rbm

    def forward(self, v):
        return self.rbm.log_likelihood(v).mean()


def _named(values):
    return dict(zip(["rbm.weight", "rbm.visible_bias", "rbm.hidden_bias"], values))


@pytest.mark.parametrize("visible_type", ["bernoulli", "gaussian"])
def test_gradient_of_cd_is_data_minus_samples(visible_type):
    """The gradient of the loss is the statistics of the negative samples minus those of the data."""
    rbm = nn.RBM(3, 2, visible_type=visible_type, generator=tc.Generator().manual_seed(0)).double()
    v = tc.tensor(np.random.default_rng(0).integers(0, 2, (6, 3)).astype(float))
    rbm.generator.manual_seed(1)
    negative = rbm.negative_samples(v, 2)
    rbm.generator.manual_seed(1)
    rbm.loss(v, 2).backward()
    up, down = rbm(v).detach().array, rbm(negative).detach().array
    np.testing.assert_allclose(rbm.weight.grad.array, (down.T @ negative.array - up.T @ v.array) / 6, atol=1e-12)
    np.testing.assert_allclose(rbm.hidden_bias.grad.array, down.mean(0) - up.mean(0), atol=1e-12)
    np.testing.assert_allclose(rbm.visible_bias.grad.array, negative.array.mean(0) - v.array.mean(0), atol=1e-12)


@pytest.mark.parametrize("persistent", [False, True])
def test_contrastive_divergence_tends_to_the_exact_gradient(persistent):
    """With many Gibbs steps the chain forgets the data, and CD-k's gradient is that of the likelihood."""
    rbm = nn.RBM(3, 2, k=20, persistent=persistent, generator=tc.Generator().manual_seed(3)).double()
    rng = np.random.default_rng(2)
    for p in rbm.parameters():
        p.array[...] = rng.normal(0, 0.7, p.array.shape)
    v = tc.tensor(np.repeat(_states(3)[[1, 3, 7, 7]], 5000, 0))
    (-rbm.log_likelihood(v).mean()).backward()
    exact = [p.grad.array.copy() for p in rbm.parameters()]
    rbm.zero_grad()
    rbm.loss(v).backward()
    for p, wanted in zip(rbm.parameters(), exact):
        np.testing.assert_allclose(p.grad.array, wanted, atol=0.02)
    assert max(np.abs(wanted).max() for wanted in exact) > 0.2


@pytest.mark.parametrize("visible_type", ["bernoulli", "gaussian"])
def test_k_steps_are_k_times_one(visible_type):
    rbm = nn.RBM(5, 4, visible_type=visible_type, k=3, generator=tc.Generator().manual_seed(0)).double()
    v = tc.rand(6, 5, dtype=tc.float64)
    rbm.generator.manual_seed(1)
    at_once = rbm.negative_samples(v)
    rbm.generator.manual_seed(1)
    for _ in range(3):
        v = rbm.sample_visible(rbm.sample_hidden(v))
    np.testing.assert_array_equal(at_once.array, v.array)


def test_gibbs_sampling_has_the_machines_distribution():
    rbm = nn.RBM(2, 2, generator=tc.Generator().manual_seed(5)).double()
    rng = np.random.default_rng(7)
    for p in rbm.parameters():
        p.array[...] = rng.normal(0, 1.0, p.array.shape)
    v, _, p = _joint(rbm)
    wanted = p.sum(1) / p.sum()
    samples = rbm.gibbs(tc.zeros(20_000, 2, dtype=tc.float64), 30).array
    found = np.array([(samples == s).all(1).mean() for s in v])
    np.testing.assert_allclose(found, wanted, atol=0.02)


def test_gaussian_samples_have_unit_variance_about_the_mean():
    rbm = nn.RBM(2, 3, visible_type="gaussian", generator=tc.Generator().manual_seed(5)).double()
    h = tc.ones(40_000, 3, dtype=tc.float64)
    noise = (rbm.sample_visible(h) - rbm.visible_mean(h)).detach().array
    assert abs(noise.std() - 1) < 0.02
    assert abs(noise.mean()) < 0.02


def test_persistent_chains_go_on():
    rbm = nn.RBM(3, 2, persistent=True)
    v = tc.ones(4, 3)
    first = rbm.negative_samples(v)
    np.testing.assert_array_equal(rbm.chains.array, first.array)
    memory = rbm.chains.array
    rbm.loss(v).backward()
    assert rbm.chains.array is memory
    assert "chains" not in rbm.state_dict()
    assert rbm.negative_samples(tc.ones(7, 3)).shape == (7, 3)  # another batch size starts over


@pytest.mark.parametrize("persistent", [False, True])
def test_learning_raises_the_likelihood(persistent):
    tc.manual_seed(1)
    rbm = nn.RBM(4, 4, persistent=persistent)
    v = tc.tensor(np.array([[1, 1, 0, 0], [0, 0, 1, 1]] * 30, np.float32))
    before = rbm.log_likelihood(v).mean().item()
    opt = tc.optim.SGD(rbm.parameters(), lr=0.5)
    for _ in range(150):
        opt.zero_grad()
        rbm.loss(v).backward()
        opt.step()
    assert before == pytest.approx(-4 * math.log(2), abs=0.1)
    assert rbm.log_likelihood(v).mean().item() > -1.5  # the entropy of the data is ln 2
    assert rbm.reconstruction_error(v) < 0.1


def test_errors():
    with pytest.raises(ValueError, match="visible_type"):
        nn.RBM(2, 2, visible_type="binary")
    with pytest.raises(ValueError, match="k must be"):
        nn.RBM(2, 2, k=0)
    with pytest.raises(ValueError, match="enumerate"):
        nn.RBM(30, 40).log_partition()
    with pytest.raises(ValueError, match="two sizes"):
        nn.DBN([3])


def test_deep_belief_network():
    dbn = nn.DBN([6, 5, 4], visible_type="gaussian")
    assert [layer.visible_type for layer in dbn.layers] == ["gaussian", "bernoulli"]
    x = tc.rand(40, 6)
    first = {}
    history = dbn.pretrain(
        x, lambda ps: tc.optim.SGD(ps, lr=0.1), epochs=3, batch_size=10,
        callback=lambda layer, epoch, error: first.setdefault(layer, dbn.layers[0].weight.array.copy()),
    )  # fmt: skip
    assert [len(h) for h in history] == [3, 3]
    np.testing.assert_array_equal(dbn.layers[0].weight.array, first[1])
    mlp = dbn.to_mlp(2)
    np.testing.assert_allclose(mlp[:4](x).detach().array, dbn(x).detach().array, rtol=1e-5)
    assert mlp(x).shape == (40, 2)
    assert dbn.sample(7, steps=3).shape == (7, 6)
    assert dbn.reconstruct(x).shape == (40, 6)
    assert len(dbn.to_mlp()) == 4
