"""Initial values: the bounds, spreads and structures that the papers give, and PyTorch's checks."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course.nn import init

SHAPES = st.sampled_from([(40, 60), (60, 40), (20, 10, 3), (16, 8, 3, 3), (4, 4, 3, 3, 3)])


def _fans(shape):
    kernel = math.prod(shape[2:])
    return shape[1] * kernel, shape[0] * kernel


def _uniform_within(x, bound):
    """Within the bound, near it, and with the spread of a uniform distribution."""
    values = x.array
    assert np.abs(values).max() <= bound * (1 + 1e-6)
    assert np.abs(values).max() > 0.95 * bound
    assert abs(values.std() / (bound / math.sqrt(3)) - 1) < 0.1


def _normal_of(x, std):
    assert abs(x.array.std() / std - 1) < 0.12
    assert abs(x.array.mean()) < 5 * std / math.sqrt(x.array.size)
    assert np.abs(x.array).max() > 2 * std


@given(SHAPES, st.sampled_from([np.float32, np.float64]))
def test_bounds_and_spreads(shape, dtype):
    w = tc.zeros(*shape, dtype=np.dtype(dtype), requires_grad=True)
    n_in, n_out = _fans(shape)
    g = tc.Generator().manual_seed(3)
    assert init._calculate_fan_in_and_fan_out(w) == (n_in, n_out)
    _uniform_within(init.xavier_uniform_(w, gain=2.0, generator=g), 2 * math.sqrt(6 / (n_in + n_out)))
    _uniform_within(init.normalized_fan_in_uniform_(w, generator=g), math.sqrt(6) / math.sqrt(n_in + n_out))
    _uniform_within(init.fan_in_uniform_(w, generator=g), 1 / math.sqrt(n_in))
    _uniform_within(init.kaiming_uniform_(w, nonlinearity="relu", generator=g), math.sqrt(6 / n_in))
    _uniform_within(init.kaiming_uniform_(w, a=1, mode="fan_out", generator=g), math.sqrt(3 / n_out))
    _uniform_within(init.uniform_(w, -3, 3, generator=g), 3)
    _normal_of(init.xavier_normal_(w, generator=g), math.sqrt(2 / (n_in + n_out)))
    _normal_of(init.kaiming_normal_(w, nonlinearity="relu", generator=g), math.sqrt(2 / n_in))
    _normal_of(init.normal_(w, 0, 0.3, generator=g), 0.3)
    assert w.dtype == dtype
    assert w.requires_grad
    assert w.is_leaf


def test_biases_are_zero():
    for rule in (init.fan_in_uniform_, init.normalized_fan_in_uniform_):
        layer = tc.nn.Linear(5, 4)
        assert rule(layer.weight, layer.bias) is layer.weight
        assert layer.bias.tolist() == [0.0] * 4


def test_generator_decides():
    w = tc.zeros(3, 3)
    for fill in (
        init.uniform_,
        init.normal_,
        init.xavier_uniform_,
        init.kaiming_normal_,
        init.orthogonal_,
        init.trunc_normal_,
    ):
        a = fill(w, generator=tc.Generator().manual_seed(1)).array.copy()
        b = fill(w, generator=tc.Generator().manual_seed(1)).array.copy()
        c = fill(w, generator=tc.Generator().manual_seed(2)).array.copy()
        assert (a == b).all()
        assert (a != c).any()


def test_truncated_normal():
    w = init.trunc_normal_(tc.zeros(5000), 1.0, 2.0, -1.0, 2.0)
    assert w.array.min() >= -1
    assert w.array.max() <= 2
    scipy = pytest.importorskip("scipy.stats")
    law = scipy.truncnorm(-1, 0.5, loc=1, scale=2)
    assert scipy.kstest(w.array, law.cdf).pvalue > 1e-4
    with pytest.raises(ValueError, match="a < b"):
        init.trunc_normal_(w, a=2, b=1)
    with pytest.raises(ValueError, match="6 std"):
        init.trunc_normal_(w, 0, 0.01, 5, 6)


@given(st.integers(1, 6), st.integers(1, 6), st.sampled_from([(), (2,), (2, 3)]))
def test_orthogonal(rows, columns, kernel):
    w = init.orthogonal_(tc.zeros(rows, columns, *kernel, dtype=tc.float64), gain=2.0).array.reshape(rows, -1)
    small = w @ w.T if rows <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-12)


def test_orthogonal_matrices_are_uniform():
    """No entry of the factor prefers a sign, as the first does in a bare QR decomposition."""
    firsts = [init.orthogonal_(tc.zeros(3, 3)).array[0, 0] for _ in range(300)]
    assert 0.35 < np.mean(np.array(firsts) > 0) < 0.65


def test_constants_and_structures():
    assert init.ones_(tc.zeros(2)).tolist() == [1, 1]
    assert init.zeros_(tc.ones(2)).tolist() == [0, 0]
    assert init.constant_(tc.ones(2), 0.3).tolist() == pytest.approx([0.3, 0.3])
    assert init.eye_(tc.ones(2, 3)).tolist() == [[1, 0, 0], [0, 1, 0]]
    w = init.sparse_(tc.zeros(10, 4), 0.25)
    assert ((w.array == 0).sum(0) == 3).all()
    for call in (
        lambda: init.eye_(tc.zeros(2)),
        lambda: init.sparse_(tc.zeros(2), 0.1),
        lambda: init.dirac_(tc.zeros(2, 2)),
        lambda: init.dirac_(tc.zeros(3, 2, 2), groups=2),
        lambda: init.xavier_uniform_(tc.zeros(3)),
        lambda: init.orthogonal_(tc.zeros(3)),
        lambda: init.kaiming_uniform_(tc.zeros(3, 3), mode="fan"),
        lambda: init.calculate_gain("soft"),
        lambda: init.calculate_gain("leaky_relu", "x"),
    ):
        with pytest.raises(ValueError):
            call()


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("kernel", [(3,), (3, 3), (2, 3, 3)])
def test_dirac_as_pytorch(kernel, groups):
    torch = pytest.importorskip("torch")
    ours = init.dirac_(tc.ones(4, 3, *kernel), groups).array
    np.testing.assert_array_equal(ours, torch.nn.init.dirac_(torch.ones(4, 3, *kernel), groups).numpy())


def test_gains_as_pytorch():
    torch = pytest.importorskip("torch")
    for name in ("linear", "conv2d", "conv_transpose3d", "sigmoid", "tanh", "relu", "selu", "leaky_relu"):
        assert init.calculate_gain(name) == pytest.approx(torch.nn.init.calculate_gain(name))
    assert init.calculate_gain("leaky_relu", 0.3) == pytest.approx(torch.nn.init.calculate_gain("leaky_relu", 0.3))


@pytest.mark.parametrize("make", [
    lambda nn: nn.Linear(64, 80), lambda nn: nn.Conv1d(16, 32, 5), lambda nn: nn.Conv2d(8, 32, 3, groups=2),
    lambda nn: nn.ConvTranspose2d(16, 24, 3), lambda nn: nn.Bilinear(20, 9, 10), lambda nn: nn.Embedding(30, 40),
    lambda nn: nn.PReLU(5), lambda nn: nn.BatchNorm2d(5), lambda nn: nn.LayerNorm((5, 2)),
    lambda nn: nn.GroupNorm(1, 3),
])  # fmt: skip
def test_layers_start_as_pytorchs(make):
    """The same distribution: compared by mean, spread and largest value."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    ours, theirs = make(tc.nn), make(torch.nn)
    for (name, a), (_, b) in zip(ours.named_parameters(), theirs.named_parameters()):
        a, b = a.detach().array, b.detach().numpy()
        size = max(1, b.size)
        assert abs(a.std() - b.std()) <= 5 * b.std() / math.sqrt(size), name
        assert abs(a.mean() - b.mean()) <= 7 * b.std() / math.sqrt(size), name
        assert np.abs(a).max() <= 1.4 * np.abs(b).max() + 1e-9, name
