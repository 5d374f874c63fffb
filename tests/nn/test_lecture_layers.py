"""The lecture's own: basis functions, low rank, dropout's two forms, corrupted input, autoencoders, Inception."""

import copy
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tests.nn.against_torch import arrays
from tinygrad_course import nn

# --- Basis functions ----------------------------------------------------------------------------------------------


@given(st.integers(1, 4), st.integers(1, 3), st.booleans(), st.data())
def test_gaussian_basis(count, d, each, data):
    c = arrays(data.draw, (count, d))
    s = np.linspace(0.5, 1.5, count) if each else 0.7
    x = arrays(data.draw, (2, 3, d))
    phi = nn.GaussianBasis(c, s)(tc.tensor(x))
    assert phi.shape == (2, 3, count)
    widths = np.broadcast_to(s, count)
    for j in range(count):
        wanted = np.exp(-((x - c[j]) ** 2).sum(-1) / (2 * widths[j] ** 2))
        np.testing.assert_allclose(phi.array[..., j], wanted, rtol=1e-12)


@given(st.integers(1, 4), st.data())
def test_sigmoid_basis(count, data):
    c, x = arrays(data.draw, (count,)), arrays(data.draw, (5, 1))
    phi = nn.SigmoidBasis(c, 0.5)(tc.tensor(x))
    np.testing.assert_allclose(phi.array, 1 / (1 + np.exp(-(x - c) / 0.5)), rtol=1e-12)
    c, x, a = arrays(data.draw, (count, 2)), arrays(data.draw, (5, 2)), arrays(data.draw, (count, 2))
    phi = nn.SigmoidBasis(c, 0.5, a)(tc.tensor(x))
    np.testing.assert_allclose(phi.array, 1 / (1 + np.exp(-(x @ a.T - (c * a).sum(1)) / 0.5)), rtol=1e-12)


def test_basis_on_samples_fits_a_sine():
    x = np.linspace(-3, 3, 60)
    basis = nn.GaussianBasis.from_samples(x, 12, generator=tc.Generator().manual_seed(0))
    assert set(basis.centers.array[:, 0]) <= set(x)
    phi = basis(tc.tensor(x[:, None])).array
    w, *_ = np.linalg.lstsq(np.c_[phi, np.ones(60)], np.sin(x), rcond=None)
    assert np.abs(np.c_[phi, np.ones(60)] @ w - np.sin(x)).max() < 0.1
    assert not list(basis.parameters())
    assert list(basis.state_dict()) == ["centers", "width"]


@pytest.mark.parametrize("cls", [nn.GaussianBasis, nn.SigmoidBasis])
def test_basis_that_is_learned(cls):
    basis = cls([[0.0, 1.0], [2.0, 3.0]], [1.0, 2.0], trainable=True).double()
    names = [n for n, _ in basis.named_parameters()]
    assert names[:2] == ["centers", "width"]
    x = tc.tensor([[0.5, -0.5], [1.0, 2.0]], dtype=tc.float64)
    assert tc.testing.gradcheck(lambda *p: nn.functional_call(basis, dict(zip(names, p)), x), *basis.parameters())
    assert tc.testing.gradcheck(basis, x)


def test_basis_errors():
    with pytest.raises(RuntimeError, match=r"x\.unsqueeze\(-1\)"):
        nn.GaussianBasis([0.0, 1.0])(tc.zeros(5))
    for call in (
        lambda: nn.GaussianBasis([[[0.0]]]),
        lambda: nn.GaussianBasis([0.0], width=-1),
        lambda: nn.GaussianBasis([0.0], width=[1.0, 2.0]),
        lambda: nn.GaussianBasis.from_samples([1.0, 2.0], 3),
        lambda: nn.SigmoidBasis([0.0], directions=[[1.0, 2.0]]),
    ):
        with pytest.raises(ValueError, match="Basis"):
            call()


# --- Low rank -----------------------------------------------------------------------------------------------------


@given(st.integers(1, 5), st.integers(1, 5), st.booleans(), st.data())
def test_low_rank_at_full_rank_is_linear(n_in, n_out, bias, data):
    layer = nn.Linear(n_in, n_out, bias).double()
    x = tc.tensor(arrays(data.draw, (3, n_in)))
    low = nn.LowRankLinear.from_linear(layer, min(n_in, n_out))
    np.testing.assert_allclose(low(x).detach().array, layer(x).detach().array, atol=1e-12)
    np.testing.assert_allclose(low.weight.detach().array, layer.weight.array, atol=1e-12)
    np.testing.assert_allclose(low.to_linear()(x).detach().array, layer(x).detach().array, atol=1e-12)


@given(st.integers(1, 3), st.data())
def test_low_rank_is_the_nearest_of_its_rank(rank, data):
    """Eckart and Young: the squared distance is the sum of the squares of the singular values left out."""
    layer = nn.Linear(5, 4).double()
    layer.weight.array[...] = arrays(data.draw, (4, 5))
    low = nn.LowRankLinear.from_linear(layer, rank)
    sigma = np.linalg.svd(layer.weight.array, compute_uv=False)
    distance = ((low.weight.detach().array - layer.weight.array) ** 2).sum()
    assert distance == pytest.approx((sigma[rank:] ** 2).sum())
    assert np.linalg.matrix_rank(low.weight.detach().array) <= rank


def test_low_rank_layer():
    low = nn.LowRankLinear(400, 300, 20)
    spread = low.weight.detach().array.std() / nn.Linear(400, 300).weight.array.std()
    assert abs(spread - 1) < 0.1
    assert tc.testing.gradcheck(nn.LowRankLinear(3, 2, 1).double(), tc.rand(2, 3, dtype=tc.float64))
    assert repr(low) == "LowRankLinear(in_features=400, out_features=300, rank=20, bias=True)"
    with pytest.raises(ValueError, match="rank"):
        nn.LowRankLinear(3, 2, 0)
    with pytest.raises(ValueError, match="from 1 to 2"):
        nn.LowRankLinear.from_linear(nn.Linear(3, 2), 3)


# --- Dropout and noise --------------------------------------------------------------------------------------------


@given(st.sampled_from([0.0, 0.2, 0.5, 0.9]))
def test_both_dropouts_agree_in_expectation(p):
    """E[training output] = evaluation output in each; and the lecture's is 1 - p times the inverted one."""
    x = tc.full((40_000,), 2.0)
    inverted, lecture = nn.Dropout(p), nn.Dropout(p, scale="evaluation")
    error = 6 * 2.0 * math.sqrt(p / (1 - p) / 40_000) + 1e-6
    assert abs(inverted(x).array.mean(dtype=np.float64) - 2.0) <= error
    assert abs(lecture(x).array.mean(dtype=np.float64) - 2.0 * (1 - p)) <= error
    assert all(v == 0 or v == pytest.approx(2.0) for v in np.unique(lecture(x).array).tolist())
    inverted.eval(), lecture.eval()
    assert (inverted(x).array == 2.0).all()
    np.testing.assert_allclose(lecture(x).array, 2.0 * (1 - p), rtol=1e-6)


def test_dropouts_removes_the_right_fraction_and_scales_the_gradient():
    x = tc.ones(20_000, requires_grad=True)
    y = nn.Dropout(0.3)(x)
    removed = (y.detach().array == 0).mean()
    assert abs(removed - 0.3) < 0.02
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.array, y.detach().array)
    x = tc.ones(1000, requires_grad=True)
    y = nn.Dropout(0.3, scale="evaluation")(x)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.array, y.detach().array)
    assert set(x.grad.tolist()) == {0.0, 1.0}


@pytest.mark.parametrize("scale", ["training", "evaluation"])
def test_dropout_at_the_ends(scale):
    x = tc.ones(50)
    assert not nn.Dropout(1.0, scale=scale)(x).array.any()
    assert (nn.Dropout(0.0, scale=scale)(x).array == 1).all()
    with pytest.raises(ValueError, match="scale must be"):
        nn.Dropout(scale="never")


def test_dropout_prints():
    assert repr(nn.Dropout(0.2)) == "Dropout(p=0.2, inplace=False)"
    assert repr(nn.Dropout(0.2, scale="evaluation")) == "Dropout(p=0.2, inplace=False, scale='evaluation')"


@pytest.mark.parametrize(("cls", "n"), [(nn.Dropout1d, 1), (nn.Dropout2d, 2), (nn.Dropout3d, 3)])
def test_channel_dropout_removes_whole_channels(cls, n):
    x = tc.ones(40, 25, *[2] * n)
    y = cls(0.4)(x).array.reshape(1000, -1)
    assert ((y == 0).all(1) | (np.abs(y - 1 / 0.6) < 1e-6).all(1)).all()
    assert abs((y[:, 0] == 0).mean() - 0.4) < 0.1
    assert (cls(0.4).eval()(x).array == 1).all()


def test_alpha_dropout_keeps_mean_and_variance():
    x = tc.randn(200_000)
    y = nn.AlphaDropout(0.3)(x).array
    assert abs(y.mean(dtype=np.float64)) < 0.02
    assert abs(y.std(dtype=np.float64) - 1) < 0.02
    assert (y != x.array).any()
    assert (nn.AlphaDropout(0.3).eval()(x).array == x.array).all()
    z = nn.FeatureAlphaDropout(0.5)(tc.randn(100, 30, 4)).array
    assert abs((z == z[..., :1]).all(-1).mean() - 0.5) < 0.1


def test_noise():
    x = tc.full((100_000,), 0.5)
    g = tc.Generator().manual_seed(4)
    y = nn.GaussianNoise(0.2, generator=g)(x).array
    assert abs(y.mean(dtype=np.float64) - 0.5) < 0.005
    assert abs(y.std(dtype=np.float64) - 0.2) < 0.005
    y = nn.MaskingNoise(0.3, generator=g)(x).array
    assert abs((y == 0).mean() - 0.3) < 0.01
    assert set(y.tolist()) == {0.0, 0.5}
    y = nn.SaltAndPepperNoise(0.3, -1.0, 2.0, generator=g)(x).array
    assert set(y.tolist()) == {-1.0, 0.5, 2.0}
    assert abs((y == -1).mean() - 0.15) < 0.01
    assert abs((y == 2).mean() - 0.15) < 0.01
    for layer in (nn.GaussianNoise(0.2), nn.MaskingNoise(0.3), nn.SaltAndPepperNoise(0.3)):
        assert layer.eval()(x) is x
        assert layer.train()(x.double()).dtype == np.float64
    a, b = (nn.GaussianNoise(1.0, generator=tc.Generator().manual_seed(1))(x).array for _ in range(2))
    assert (a == b).all()
    for make in (lambda: nn.GaussianNoise(-1), lambda: nn.MaskingNoise(2), lambda: nn.SaltAndPepperNoise(-0.1)):
        with pytest.raises(ValueError, match="Noise"):
            make()


# --- Inception ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_norm", [False, True])
def test_inception_is_its_four_branches(batch_norm):
    block = nn.Inception(3, 2, 2, 3, 1, 2, 1, batch_norm=batch_norm)
    x = tc.randn(2, 3, 6, 5)
    y = block.eval()(x)
    assert y.shape == (2, 8, 6, 5)
    assert block.out_channels == 8
    parts = [b(x).detach().array for b in (block.branch1, block.branch2, block.branch3, block.branch4)]
    assert [p.shape[1] for p in parts] == [2, 3, 2, 1]
    np.testing.assert_array_equal(y.detach().array, np.concatenate(parts, 1))
    assert y.array.min() >= 0
    sizes = [tuple(m.kernel_size) for m in block.modules() if isinstance(m, nn.Conv2d)]
    assert sizes == [(1, 1), (1, 1), (3, 3), (1, 1), (5, 5), (1, 1)]


# --- Autoencoders -------------------------------------------------------------------------------------------------


def test_tied_weights_are_one():
    tied, untied = nn.Autoencoder(4, 3), nn.Autoencoder(4, 3, tied=False)
    assert [n for n, _ in tied.named_parameters()] == ["weight", "bias", "decoder_bias"]
    assert [n for n, _ in untied.named_parameters()] == ["weight", "bias", "decoder_weight", "decoder_bias"]
    untied.load_state_dict({**tied.state_dict(), "decoder_weight": tied.weight.detach().t()})
    x = tc.rand(5, 4)
    np.testing.assert_allclose(tied(x).detach().array, untied(x).detach().array, rtol=1e-6)
    w, b, c = (p.detach().array for p in tied.parameters())
    h = 1 / (1 + np.exp(-(x.array @ w.T + b)))
    np.testing.assert_allclose(tied(x).detach().array, 1 / (1 + np.exp(-(h @ w + c))), rtol=1e-5)


@pytest.mark.parametrize("options", [{}, {"tied": False}, {"sparsity": 0.2, "sparsity_weight": 2.0}])
def test_autoencoder_loss_and_gradient(options):
    net = nn.Autoencoder(3, 2, **options).double()
    x = tc.rand(4, 3, dtype=tc.float64)
    difference = (net(x) - x).detach().array
    wanted = 0.5 * (difference**2).sum() / 4
    if "sparsity" in options:
        rho = net.encode(x).detach().array.mean(0)
        wanted += 2.0 * (0.2 * np.log(0.2 / rho) + 0.8 * np.log(0.8 / (1 - rho))).sum()
    assert net.loss(x).item() == pytest.approx(wanted, rel=1e-12)
    names = [n for n, _ in net.named_parameters()]

    def loss(*values):
        holder = _Loss(net)
        return nn.functional_call(holder, {f"net.{n}": v for n, v in zip(names, values)}, x)

    assert tc.testing.gradcheck(loss, *net.parameters())


class _Loss(nn.Module):
    """A network's loss as a module."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net.loss(x)


def test_sparsity_penalty_is_zero_at_its_target():
    net = nn.Autoencoder(3, 2, sparsity=0.25)
    assert net.sparsity_penalty(tc.full((5, 2), 0.25)).item() == pytest.approx(0.0, abs=1e-6)
    assert net.sparsity_penalty(tc.full((5, 2), 0.5)).item() > 0.1
    assert math.isfinite(net.sparsity_penalty(tc.zeros(5, 2)).item())
    with pytest.raises(RuntimeError, match="sparsity="):
        nn.Autoencoder(3, 2).sparsity_penalty(tc.zeros(5, 2))
    with pytest.raises(ValueError, match="sparsity"):
        nn.Autoencoder(3, 2, sparsity=1.5)


def test_denoising_gives_back_the_clean_input():
    net = nn.Autoencoder(3, 2, corruption=nn.MaskingNoise(1.0))
    x = tc.ones(4, 3)
    b, c = net.bias.detach().array, net.decoder_bias.detach().array
    h = 1 / (1 + np.exp(-b))
    z = 1 / (1 + np.exp(-(h @ net.weight.detach().array + c)))
    assert net.loss(x).item() == pytest.approx(0.5 * ((z - 1) ** 2).sum(), rel=1e-5)
    assert net.eval().loss(x).item() != pytest.approx(0.5 * ((z - 1) ** 2).sum(), rel=1e-5)


def _patterns():
    rng = np.random.default_rng(0)
    return tc.tensor(np.eye(8, dtype=np.float32)[rng.integers(8, size=200)])


def test_stacked_autoencoder_learns_layer_by_layer():
    net = nn.StackedAutoencoder([8, 6, 4], tied=False)
    before = copy.deepcopy(net.state_dict())
    calls = []
    x = _patterns()
    history = net.pretrain(
        x, lambda ps: tc.optim.Adam(ps, lr=0.05), epochs=15, batch_size=20, callback=lambda *a: calls.append(a)
    )
    assert [len(h) for h in history] == [15, 15]
    assert all(h[-1] < 0.7 * h[0] for h in history)
    assert [c[:2] for c in calls[:2]] == [(0, 0), (0, 1)]
    assert calls[-1] == (1, 14, history[1][-1])
    assert all((before[n].array != v.array).any() for n, v in net.state_dict().items())
    mlp = net.to_mlp(3)
    assert [type(m).__name__ for m in mlp] == ["Linear", "Sigmoid", "Linear", "Sigmoid", "Linear"]
    np.testing.assert_allclose(mlp[:4](x).detach().array, net.encode(x).detach().array, rtol=1e-5)
    assert not np.shares_memory(mlp[0].weight.array, net.layers[0].weight.array)
    before_tuning = net.loss(x).item()
    opt = tc.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(40):
        opt.zero_grad()
        loss = net.loss(x)
        loss.backward()
        opt.step()
    assert loss.item() < before_tuning


def test_pretraining_leaves_the_layers_below_alone():
    net = nn.StackedAutoencoder([8, 6, 4])
    after = {}

    def note(layer, epoch, loss):
        after[layer] = net.layers[0].weight.array.copy()

    net.pretrain([(_patterns(), None)], lambda ps: tc.optim.SGD(ps, lr=0.1), epochs=2, callback=note)
    np.testing.assert_array_equal(after[0], after[1])
    with pytest.raises(ValueError, match="no batch"):
        net.pretrain([], lambda ps: tc.optim.SGD(ps, lr=0.1))
    with pytest.raises(TypeError, match="Tensors"):
        net.pretrain([3], lambda ps: tc.optim.SGD(ps, lr=0.1))
    with pytest.raises(ValueError, match="two sizes"):
        nn.StackedAutoencoder([3])


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (5, 6)])
def test_convolutional_autoencoder(size):
    net = nn.ConvAutoencoder([2, 3, 4])
    x = tc.rand(3, 2, *size)
    code = net.encode(x)
    assert code.shape == (3, 4, *(((n + 1) // 2 + 1) // 2 for n in size))
    assert net(x).shape == x.shape
    opt = tc.optim.Adam(net.parameters(), lr=0.02)
    losses = []
    for _ in range(30):
        opt.zero_grad()
        loss = net.loss(x)
        loss.backward()
        opt.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]
    with pytest.raises(ValueError, match="odd"):
        nn.ConvAutoencoder([1, 2], kernel_size=4)
