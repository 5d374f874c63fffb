"""Module's contract: what it owns, what it says when something is wrong, and what it does to all of it."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
        self.scale = nn.Parameter(tc.tensor([2.0]))
        self.head = nn.Linear(3, 1)
        self.register_buffer("count", tc.tensor(0.0))
        self.register_buffer("scratch", tc.tensor(1.0), persistent=False)
        self.note = "plain"

    def forward(self, x):
        return self.head(self.body(x)) * self.scale


NAMES = ["scale", "body.0.weight", "body.0.bias", "head.weight", "head.bias"]


def test_names_in_order_of_assignment():
    net = Net()
    assert [n for n, _ in net.named_parameters()] == NAMES
    assert [n for n, _ in net.named_buffers()] == ["count", "scratch"]
    assert [n for n, _ in net.named_children()] == ["body", "head"]
    assert [n for n, _ in net.named_modules()] == ["", "body", "body.0", "body.1", "head"]
    assert [n for n, _ in net.named_parameters(prefix="net", recurse=False)] == ["net.scale"]
    assert [n for n, _ in net.named_parameters("net")][1] == "net.body.0.weight"


def test_shared_parameters_and_modules_count_once():
    net = Net()
    net.twin = net.head
    net.alias = net.scale
    assert [n for n, _ in net.named_parameters()] == NAMES
    assert len(list(net.named_parameters(remove_duplicate=False))) == len(NAMES) + 3
    assert sum(m is net.head for m in net.modules()) == 1
    assert {"twin.weight", "head.weight", "alias"} <= set(net.state_dict())


def test_attribute_access_is_plain():
    net = Net()
    assert net.__dict__["scale"] is net.scale
    assert net._parameters == {"scale": net.scale}
    assert list(net._modules) == ["body", "head"]
    assert net._buffers["count"] is net.count


def test_views_write_through():
    net = Net()
    net._modules["extra"] = nn.Identity()
    net._parameters["scale"] = nn.Parameter(tc.tensor([5.0]))
    assert isinstance(net.extra, nn.Identity)
    assert net.scale.item() == 5.0
    del net._modules["extra"]
    assert not hasattr(net, "extra")
    with pytest.raises(KeyError):
        net._modules["scale"]


def test_replacing_kinds():
    net = Net()
    net.late = None
    net.late = nn.Linear(1, 1)
    assert "late" in dict(net.named_children())
    net.late = None
    assert "late" not in dict(net.named_children())
    net.late = nn.Identity()  # the place was kept
    del net.late
    assert not hasattr(net, "late")
    net.count = tc.tensor(4.0)
    assert dict(net.named_buffers())["count"].item() == 4.0
    net.count = nn.Parameter(tc.tensor(1.0))
    assert "count" in dict(net.named_parameters())
    assert "count" not in dict(net.named_buffers())
    net.extra = nn.Parameter(tc.tensor(1.0))
    net.scratch = nn.Parameter(tc.tensor(1.0))  # of another kind now, so the last of it
    assert list(net._parameters) == ["scale", "count", "extra", "scratch"]
    net.fresh = nn.Buffer(tc.tensor(1.0), persistent=False)
    assert "fresh" in dict(net.named_buffers())
    assert "fresh" not in net.state_dict()


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("scale", tc.tensor([1.0]), "Parameter"),
        ("head", 3, "Module"),
        ("count", "x", "Tensor"),
        ("scale", 1.0, "nn.Para"),
    ],
)
def test_wrong_kind_of_value(name, value, wanted):
    with pytest.raises(TypeError, match=f"cannot assign .*{name}.*{wanted}"):
        setattr(Net(), name, value)


def test_before_init():
    class Forgot(nn.Module):
        def __init__(self, value):
            self.plain = 1  # allowed, as in PyTorch
            self.part = value

    for value in (nn.Linear(1, 1), nn.Parameter(tc.zeros(1)), nn.Buffer(tc.zeros(1))):
        with pytest.raises(AttributeError, match=r"'part'.*super\(\).__init__\(\) first"):
            Forgot(value)


def test_typo_suggests_near_names():
    with pytest.raises(AttributeError, match=r"'Net' object has no attribute 'haed'; did you mean .*'head'"):
        _ = Net().haed
    with pytest.raises(AttributeError, match=r"no attribute 'qqqqqq'$"):
        _ = Net().qqqqqq
    assert not hasattr(Net(), "haed")


def test_error_inside_a_property_is_shown():
    class Broken(nn.Module):
        @property
        def size(self):
            return self.weigth

    with pytest.raises(AttributeError, match="weigth"):
        _ = Broken().size


def test_forward_missing():
    class Empty(nn.Module):
        pass

    with pytest.raises(NotImplementedError, match="Empty must define forward"):
        Empty()(1)
    with pytest.raises(TypeError, match="takes no arguments"):
        Empty(3)


@pytest.mark.parametrize("name", ["", "a.b", 3])
def test_bad_names(name):
    with pytest.raises((KeyError, TypeError)):
        nn.Module().add_module(name, nn.Identity())


def test_taken_names():
    net = Net()
    with pytest.raises(KeyError, match="note"):
        net.register_buffer("note", tc.zeros(1))
    with pytest.raises(KeyError, match="forward"):
        net.add_module("forward", nn.Identity())
    with pytest.raises(KeyError, match="parameter of that name"):
        net.register_buffer("scale", tc.zeros(1))
    with pytest.raises(TypeError, match=r"nn\.Parameter"):
        net.register_parameter("p", tc.zeros(1))
    with pytest.raises(KeyError, match="property"):
        nn.LowRankLinear(2, 2, 1).weight = nn.Parameter(tc.zeros(2, 2))


def test_get_by_path():
    net = Net()
    assert net.get_submodule("body.0") is net.body[0]
    assert net.get_submodule("") is net
    assert net.get_parameter("body.0.weight") is net.body[0].weight
    assert net.get_buffer("count") is net.count
    for call in (
        lambda: net.get_submodule("body.7"),
        lambda: net.get_parameter("body.0.count"),
        lambda: net.get_buffer("scale"),
    ):
        with pytest.raises(AttributeError, match="path"):
            call()


def test_train_eval_apply_zero_grad_freeze():
    net = Net()
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    net.train()
    assert all(m.training for m in net.modules())
    with pytest.raises(ValueError, match="True or False"):
        net.train("yes")
    order = []
    assert net.apply(order.append) is net
    assert order[-1] is net
    assert order[0] is net.body[0]
    net(tc.ones(4, 2)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.zero_grad(set_to_none=False)
    assert all(p.grad is not None and not p.grad.array.any() for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    net.requires_grad_(False)
    assert not net(tc.ones(4, 2)).requires_grad
    net.body.requires_grad_(True)
    assert net(tc.ones(4, 2)).requires_grad


def test_to_keeps_identity():
    net = Net()
    net.register_buffer("ints", tc.tensor([1, 2]))
    before = dict(net.named_parameters())
    net(tc.ones(4, 2)).sum().backward()
    assert net.to(tc.float64) is net
    assert all(
        p is before[n] and p.dtype == np.float64 and p.grad.dtype == np.float64 for n, p in net.named_parameters()
    )
    assert net.count.dtype == np.float64
    assert net.ints.dtype == np.int64
    assert net.float().scale.dtype == np.float32
    assert net.half().scale.dtype == np.float16
    assert net.double().to("cpu").cpu().scale.dtype == np.float64
    assert net.to(tc.zeros(1)).scale.dtype == np.float32
    with pytest.raises(TypeError, match="floating"):
        net.to(tc.int64)
    with pytest.raises(RuntimeError):
        net.to("cuda")
    with pytest.raises(RuntimeError, match="cuda"):
        net.cuda()


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_independent(duplicate):
    net = Net()
    net.twin = net.head
    x = tc.ones(3, 2)
    twin = duplicate(net)
    assert twin.twin is twin.head
    np.testing.assert_array_equal(twin(x).detach().array, net(x).detach().array)
    twin.head.weight.array += 1
    assert not np.array_equal(twin.head.weight.array, net.head.weight.array)
    assert isinstance(twin.head.weight, nn.Parameter)
    assert [n for n, _ in twin.named_parameters()] == [n for n, _ in net.named_parameters()]


def test_repr_as_pytorch():
    torch = pytest.importorskip("torch")

    def build(nn):
        return nn.Sequential(
            nn.Linear(2, 3, bias=False),
            nn.ModuleDict({"a": nn.ReLU(), "b": nn.Sequential(nn.Dropout(0.1), nn.LeakyReLU(0.2))}),
            nn.Conv2d(1, 2, 3, padding=1, groups=1, bias=False),
            nn.ConvTranspose2d(1, 2, (3, 5), stride=2, output_padding=1),
            nn.MaxPool2d(2),
            nn.AvgPool2d(2),
            nn.Softmax(dim=1),
            nn.ModuleList([nn.ELU(), nn.GELU(), nn.Softplus(), nn.Hardtanh(), nn.Threshold(0.1, 2.0)]),
            nn.Embedding(3, 4, padding_idx=0),
            nn.Flatten(),
            nn.Upsample(scale_factor=2),
            nn.ZeroPad2d(1),
            nn.ConstantPad1d(2, 3.5),
            nn.Identity(),
            nn.PReLU(),
            nn.AdaptiveAvgPool2d((1, 2)),
            nn.Bilinear(1, 2, 3),
        )

    assert repr(build(nn)) == repr(build(torch.nn))


def test_functional_call():
    net = Net()
    x = tc.ones(2, 2)
    before = net(x).detach().array
    values = {n: tc.zeros(*p.shape) for n, p in net.named_parameters()}
    values["head.bias"] = tc.tensor([3.0], requires_grad=True)
    values["scale"] = tc.tensor([2.0])
    y = nn.functional_call(net, values, (x,))
    np.testing.assert_array_equal(y.detach().array, [[6.0], [6.0]])
    y.sum().backward()
    assert values["head.bias"].grad.item() == 4.0
    assert all(p.grad is None for p in net.parameters())
    np.testing.assert_array_equal(net(x).detach().array, before)
    with pytest.raises(RuntimeError, match="no nothing"):
        nn.functional_call(net, {"nothing": x}, x)
    with pytest.raises(RuntimeError, match=r"Net is not given its count, .*body\.0\.weight"):
        nn.functional_call(net, {"scale": x}, x, strict=True)
    with pytest.raises(RuntimeError):  # and the parameters are put back after an error within
        nn.functional_call(net, {"scale": tc.zeros(7, 5)}, x)
    np.testing.assert_array_equal(net(x).detach().array, before)


def test_functional_call_ties_shared_weights():
    first = nn.Linear(2, 2, bias=False)
    net = nn.Sequential(first, first)
    w = tc.tensor([[2.0, 0.0], [0.0, 2.0]])
    x = tc.ones(1, 2)
    np.testing.assert_array_equal(nn.functional_call(net, {"0.weight": w}, x).array, [[4.0, 4.0]])
    with pytest.raises(ValueError, match="different values"):
        nn.functional_call(net, {"0.weight": w, "1.weight": w * 2}, x)


@given(st.lists(st.sampled_from("abc"), max_size=8))
def test_kinds_agree_with_values_after_any_assignments(names):
    values = [nn.Parameter(tc.zeros(1)), nn.Linear(1, 1), nn.Buffer(tc.zeros(1))]
    module = nn.Module()
    for i, name in enumerate(names):
        setattr(module, name, values[i % 3])
    for view, cls in ((module._parameters, nn.Parameter), (module._modules, nn.Module), (module._buffers, nn.Buffer)):
        assert all(isinstance(v, cls) for v in view.values())
    assert {*module._parameters, *module._modules, *module._buffers} == set(names)
