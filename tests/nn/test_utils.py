"""nn.utils: clipping, parameters as a vector, reparametrized weights."""

import copy
import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tests.nn.against_torch import arrays
from tinygrad_course import nn


def _with_gradients(draw):
    grads = [arrays(draw, shape) for shape in [(3,), (2, 2), ()]]
    parameters = [nn.Parameter(np.zeros(g.shape)) for g in grads]
    for p, g in zip(parameters, grads):
        p.grad = tc.tensor(g)
    return [*parameters, nn.Parameter(np.zeros(3))], grads


@given(st.sampled_from([1.0, 2.0, 3.5, math.inf]), st.sampled_from([0.1, 1.0, 100.0]), st.data())
def test_clip_grad_norm(norm_type, max_norm, data):
    parameters, grads = _with_gradients(data.draw)
    flat = np.concatenate([g.ravel() for g in grads])
    norm = np.linalg.norm(flat, norm_type)
    total = nn.utils.clip_grad_norm_(parameters, max_norm, norm_type)
    assert total.item() == pytest.approx(norm)
    factor = min(1.0, max_norm / (norm + 1e-6))
    for p, g in zip(parameters, grads):
        np.testing.assert_allclose(p.grad.array, g * factor)
    assert parameters[-1].grad is None
    assert nn.utils.get_total_norm([p.grad for p in parameters[:3]], norm_type).item() <= max_norm * (1 + 1e-9)


def test_clip_grad_norm_of_large_and_missing_values():
    p = nn.Parameter(tc.zeros(2))
    assert nn.utils.clip_grad_norm_(p, 1.0).item() == 0.0
    p.grad = tc.tensor([3e30, 4e30])
    assert nn.utils.clip_grad_norm_((q for q in [p]), 1.0).item() == pytest.approx(5e30)
    np.testing.assert_allclose(p.grad.array, [0.6, 0.8], rtol=1e-5)
    p.grad = tc.tensor([math.nan, 1.0])
    with pytest.raises(RuntimeError, match="norm of the gradients is nan"):
        nn.utils.clip_grad_norm_([p], 1.0, error_if_nonfinite=True)


@given(st.data())
def test_clip_grad_value(data):
    parameters, grads = _with_gradients(data.draw)
    nn.utils.clip_grad_value_(parameters, 0.5)
    for p, g in zip(parameters, grads):
        np.testing.assert_array_equal(p.grad.array, np.clip(g, -0.5, 0.5))


def test_vector_and_back():
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    vector = nn.utils.parameters_to_vector(net.parameters())
    assert vector.shape == (13,)
    assert vector.requires_grad
    other = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    nn.utils.vector_to_parameters(vector.detach(), other.parameters())
    x = tc.rand(4, 2)
    np.testing.assert_array_equal(net(x).detach().array, other(x).detach().array)
    with pytest.raises(ValueError, match="13 values"):
        nn.utils.vector_to_parameters(tc.zeros(12), other.parameters())
    with pytest.raises(TypeError, match="Tensor"):
        nn.utils.vector_to_parameters([0.0], other.parameters())


@pytest.mark.parametrize("dim", [0, 1, None])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_weight_norm_as_pytorch(dim):
    torch = pytest.importorskip("torch")
    theirs = torch.nn.utils.weight_norm(torch.nn.Conv1d(2, 3, 2).double(), dim=dim)
    ours = nn.utils.weight_norm(nn.Conv1d(2, 3, 2).double(), dim=dim)
    ours.load_state_dict({n: x.numpy() for n, x in theirs.state_dict().items()})
    x = np.random.default_rng(0).standard_normal((2, 2, 5))
    y, t = ours(tc.tensor(x)), theirs(torch.tensor(x))
    np.testing.assert_allclose(y.detach().array, t.detach().numpy(), rtol=1e-10)
    (y * y).sum().backward()
    (t * t).sum().backward()
    for (n, a), (m, b) in zip(ours.named_parameters(), theirs.named_parameters()):
        assert n == m
        np.testing.assert_allclose(a.grad.array, b.grad.numpy(), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("reparametrize", ["weight_norm", "spectral_norm"])
def test_reparametrized_layers_train_copy_and_return(reparametrize):
    layer = getattr(nn.utils, reparametrize)(nn.Linear(4, 3))
    x = tc.rand(2, 4)
    for _ in range(30):
        layer(x)
    layer.eval()
    y = layer(x).detach().array
    fresh = pickle.loads(pickle.dumps(copy.deepcopy(getattr(nn.utils, reparametrize)(nn.Linear(4, 3)))))
    fresh.load_state_dict(layer.state_dict())
    np.testing.assert_allclose(fresh.eval()(x).detach().array, y, rtol=1e-5)
    getattr(nn.utils, f"remove_{reparametrize}")(layer)
    assert sorted(layer.state_dict()) == ["bias", "weight"]
    assert layer._hooks is None
    np.testing.assert_allclose(layer(x).detach().array, y, rtol=1e-5)
    with pytest.raises(ValueError, match="not reparametrized"):
        getattr(nn.utils, f"remove_{reparametrize}")(layer)
    with pytest.raises(ValueError, match="no parameter"):
        getattr(nn.utils, reparametrize)(layer, "scale")


def test_spectral_norm_is_one():
    layer = nn.utils.spectral_norm(nn.Linear(5, 4), n_power_iterations=50)
    x = tc.rand(2, 5)
    layer(x).sum().backward()
    assert np.linalg.norm(layer.weight.detach().array, 2) == pytest.approx(1.0, rel=1e-4)
    assert layer.weight_orig.grad is not None
    with pytest.raises(ValueError, match="positive"):
        nn.utils.spectral_norm(nn.Linear(2, 2), n_power_iterations=0)
