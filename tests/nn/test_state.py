"""state_dict and load_state_dict: round trips, and one message with everything that does not fit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course import nn

LAYERS = st.sampled_from([
    lambda: nn.Linear(2, 3),
    lambda: nn.Linear(2, 3, bias=False),
    lambda: nn.BatchNorm1d(2),
    lambda: nn.Conv2d(1, 2, 3),
    lambda: nn.Embedding(3, 2),
    nn.PReLU,
    nn.Tanh,
    lambda: nn.Sequential(nn.Linear(1, 1), nn.LayerNorm(1)),
    lambda: nn.ParameterList([tc.zeros(2), tc.ones(1)]),
])  # fmt: skip


def _randomize(module):
    rng = np.random.default_rng(1)
    for x in module.state_dict().values():
        x.array[...] = rng.integers(-50, 50, x.array.shape)


@given(st.lists(LAYERS, max_size=4))
def test_round_trip(makers):
    source, target = (nn.ModuleList([make() for make in makers]) for _ in range(2))
    _randomize(source)
    result = target.load_state_dict(source.state_dict())
    assert result == ([], [])
    assert repr(result) == "<All keys matched successfully>"
    assert list(source.state_dict()) == list(target.state_dict())
    for name, x in source.state_dict().items():
        y = target.state_dict()[name]
        np.testing.assert_array_equal(x.array, y.array)
        assert x.dtype == y.dtype
        assert not np.shares_memory(x.array, y.array)


def test_shares_memory_and_is_detached():
    layer = nn.Linear(2, 2)
    state = layer.state_dict(prefix="p.")
    assert list(state) == ["p.weight", "p.bias"]
    assert np.shares_memory(state["p.weight"].array, layer.weight.array)
    assert not state["p.weight"].requires_grad
    assert layer.state_dict(keep_vars=True)["weight"] is layer.weight


def test_loading_keeps_identity_and_dtype():
    layer = nn.Linear(2, 1)
    weight, memory = layer.weight, layer.weight.array
    layer.load_state_dict({"weight": np.array([[3.0, 4.0]]), "bias": tc.tensor([1.0], dtype=tc.float64)})
    assert layer.weight is weight
    assert layer.weight.array is memory
    assert layer.weight.tolist() == [[3.0, 4.0]]
    assert layer.bias.dtype == np.float32


def test_assign():
    layer = nn.Linear(2, 1)
    given_weight = tc.tensor([[3.0, 4.0]], dtype=tc.float64)
    layer.load_state_dict({"weight": given_weight, "bias": layer.bias}, assign=True)
    assert isinstance(layer.weight, nn.Parameter)
    assert layer.weight.array is given_weight.array
    assert layer.weight.requires_grad


def test_one_message_lists_everything_and_nothing_is_loaded():
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    before = {n: x.array.copy() for n, x in net.state_dict().items()}
    state = {"0.weight": tc.zeros(3, 2), "0.bias": tc.zeros(4), "1.weight": [1.0], "extra": tc.zeros(1)}
    with pytest.raises(RuntimeError) as caught:
        net.load_state_dict(state)
    text = str(caught.value)
    for part in (
        "missing: 1.bias",
        "unexpected: extra",
        "0.bias: expected shape (3,), got (4,)",
        "1.weight: expected a Tensor, got list",
    ):
        assert part in text
    for name, x in net.state_dict().items():
        np.testing.assert_array_equal(x.array, before[name])


def test_not_strict():
    layer = nn.Linear(2, 1)
    result = layer.load_state_dict({"bias": tc.tensor([5.0]), "other": tc.zeros(1)}, strict=False)
    assert result.missing_keys == ["weight"]
    assert result.unexpected_keys == ["other"]
    assert "other" in repr(result)
    assert layer.bias.item() == 5.0
    with pytest.raises(RuntimeError, match="bias: expected shape"):  # shapes count all the same
        layer.load_state_dict({"bias": tc.zeros(2)}, strict=False)
    with pytest.raises(TypeError, match="expected a dict"):
        layer.load_state_dict(layer)


def test_loading_makes_an_old_graph_an_error():
    layer = nn.Linear(2, 1)
    x = tc.ones(1, 2, requires_grad=True)
    y = layer(x)
    layer.load_state_dict(nn.Linear(2, 1).state_dict())
    with pytest.raises(RuntimeError, match="overwritten"):
        y.backward()


def test_extra_state():
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.calls = 0

        def get_extra_state(self):
            return {"calls": self.calls}

        def set_extra_state(self, state):
            self.calls = state["calls"]

    a, b = nn.Sequential(Counting()), nn.Sequential(Counting())
    a[0].calls = 3
    assert a.state_dict() == {"0._extra_state": {"calls": 3}}
    b.load_state_dict(a.state_dict())
    assert b[0].calls == 3


def test_names_and_shapes_are_pytorchs():
    torch = pytest.importorskip("torch")

    def build(nn):
        return nn.Sequential(
            nn.Linear(2, 3), nn.Bilinear(2, 3, 4), nn.Conv1d(2, 4, 3, groups=2), nn.Conv2d(2, 3, (1, 2)),
            nn.Conv3d(1, 2, 2),
            nn.ConvTranspose1d(2, 4, 3, groups=2), nn.ConvTranspose2d(2, 3, 2, bias=False), nn.ConvTranspose3d(1, 2, 2),
            nn.BatchNorm1d(3), nn.BatchNorm2d(3, affine=False), nn.BatchNorm3d(2, track_running_stats=False),
            nn.LayerNorm((2, 3)), nn.GroupNorm(2, 4), nn.InstanceNorm2d(3, affine=True, track_running_stats=True),
            nn.RMSNorm(3), nn.Embedding(5, 2), nn.PReLU(3), nn.CrossEntropyLoss(), nn.ParameterList([]),
        )  # fmt: skip

    ours, theirs = build(nn).state_dict(), build(torch.nn).state_dict()
    assert {n: tuple(x.shape) for n, x in ours.items()} == {n: tuple(x.shape) for n, x in theirs.items()}
    assert list(ours) == list(theirs)
