"""What user code changes between calls is noticed; nothing stale is ever used."""

import copy

import numpy as np
import pytest

import tinygrad_course as tc
from tinygrad_course import nn

from .twins import compiled, same, state_of

rate = 2.0


def _pair():
    tc.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Dropout(0.5), nn.Linear(5, 3))
    return net, copy.deepcopy(net)


def _training(net):
    optimizer = tc.optim.SGD(net.parameters(), lr=1e-3, momentum=0.5)

    def step(x):
        optimizer.zero_grad()
        loss = (net(x) ** 2).mean()
        if loss.requires_grad:
            loss.backward()
            optimizer.step()
        return loss

    return step, optimizer


def _replace_data(net):
    net[0].weight.data = tc.ones(5, 4)


def _write(net):
    with tc.no_grad():
        net[0].weight.mul_(0.5)


def _load(net):
    net.load_state_dict({k: v.detach().clone() + 1 for k, v in net.state_dict().items()})


def _freeze(net):
    net[0].requires_grad_(False)


def _unfreeze(net):
    net[0].requires_grad_(True)


def _evaluate(net):
    net.eval()


def _train_again(net):
    net.train()


def _less_dropout(net):
    net[2].p = 0.1


def _another_layer(net):
    net[3] = nn.Linear(5, 3, bias=False)
    nn.init.ones_(net[3].weight)


def _another_parameter(net):
    net[3].weight = nn.Parameter(tc.ones(3, 5))


def _longer(net):
    net.append(nn.Tanh())


def _momentum(net):
    net[1].momentum = 0.5


CHANGES = [
    _replace_data, _write, _load, _freeze, _unfreeze, _evaluate, _less_dropout, _train_again, _another_layer,
    _another_parameter, _longer, _momentum,
]  # fmt: skip


def test_changes_of_modules_are_seen_at_the_next_call():
    ours, theirs = _pair()
    step, optimizer = _training(ours)
    other, other_optimizer = _training(theirs)
    twin = compiled(other)
    for k, change in enumerate([lambda net: None, *CHANGES]):
        change(ours)
        change(theirs)
        for i in range(4):
            x = tc.tensor(np.random.default_rng(i).normal(size=(6, 4)).astype(np.float32))
            outs = []
            for f in (step, twin):
                tc.manual_seed(100 * k + i)
                outs.append(f(x))
            same(*outs, rtol=1e-4)
            same(state_of(ours, optimizer), state_of(theirs, other_optimizer), rtol=1e-4, atol=1e-5)
    assert sum(entry.calls for entry in twin.entries) > 10


def test_numbers_globals_and_closures_are_read_anew():
    global rate
    factor = 3.0

    class Holder:
        scale = 1.0

    holder = Holder()
    holder.scale = 5.0

    @compiled
    def f(x, power=2, *, shift=0.0):
        return (x**power) * rate * factor * holder.scale + shift

    def check(**kwargs):
        for v in (1.0, 2.0, 3.0):
            wanted = v ** kwargs.get("power", 2) * rate * factor * holder.scale + kwargs.get("shift", 0.0)
            assert f(tc.tensor(v), **kwargs).item() == pytest.approx(wanted)

    for _ in range(2):
        check()
        rate = 7.0
        check()
        factor = 0.5
        check()
        holder.scale = 2.0
        check()
        check(power=3)
        check(shift=1.0)
        rate = 2.0


def test_shapes_dtypes_and_modes_get_programs_of_their_own():
    w = tc.randn(3, requires_grad=True)

    @compiled
    def f(x):
        return (x * w).sum()

    for x in (tc.ones(3), tc.ones(2, 3), tc.ones(3, dtype=tc.float64), tc.ones(3, dtype=tc.int64), tc.ones(0, 3)):
        for _ in range(4):
            same(f(x).detach(), (x * w).sum().detach())
            with tc.no_grad():
                same(f(x), (x * w).sum())
    same(f(tc.ones(3, 2).T), (tc.ones(2, 3) * w).sum())
    assert len(f.entries) == 10


def test_arguments_may_be_nested_repeated_and_of_any_kind():
    @compiled
    def f(batch, *more, flag=False, net=None, array=None):
        total = batch["x"] + sum(more)
        return {"sum": total if flag else -total, "net": net(batch["x"]), "array": total * array, "n": len(more)}

    net = nn.Linear(3, 3)
    x, y = tc.randn(3), tc.randn(3)
    for i in range(5):
        with tc.no_grad():
            args = {"x": x + i}, y, y * i
            out = f(*args, flag=bool(i % 2), net=net, array=np.full(3, i, np.float32))
            total = x + i + y + y * i
            same(out["sum"], total if i % 2 else -total)
            same(out["net"], net(x + i))
            same(out["array"], total * i)
            assert out["n"] == 2
            same(f({"x": x}, x, flag=True, net=net, array=np.ones(3, np.float32))["sum"], x + x)


def test_views_among_the_arguments_are_told_apart():
    @compiled
    def f(a, b):
        a.add_(1.0)
        return b * 1.0

    for _ in range(4):
        a = tc.zeros(3)
        same(f(a, a), tc.ones(3))
        same(f(a, tc.zeros(3)), tc.zeros(3))
        same(f(a, a[1:]), tc.full((2,), 3.0))
        same(a, tc.full((3,), 3.0))


@pytest.mark.parametrize("backend", ["numpy", "auto"])
def test_an_argument_may_be_something_that_the_code_names_as_well(backend):
    kept = tc.ones(3)
    whole = tc.arange(6.0)
    f = tc.compile(lambda x: x * 2 + kept, backend=backend)
    g = tc.compile(lambda x: x * 2 + kept.detach() + whole[1:4], backend=backend)
    for order in ([kept, tc.zeros(3)], [tc.zeros(3), kept], [kept, whole[:3], kept.detach(), whole[1:4]]):
        for x in order:
            for _ in range(4):
                same(f(x), x * 2 + kept)
                same(g(x), x * 2 + kept + whole[1:4])
    for i in range(6):  # new data each time is one recording
        same(f(tc.full((3,), float(i))), tc.full((3,), 2.0 * i) + kept)
    assert len(f.entries) == 2


def test_values_written_in_place_inside_the_call():
    table = tc.arange(6.0).reshape(3, 2)

    @compiled
    def f(x, i):
        out = tc.zeros(3, 2)
        out[1] = x
        out[i] += 5.0
        table[0] = x
        table.mul_(2.0)
        y = x * 1.0
        y.sub_(table[2])
        return out, y

    wanted = np.arange(6.0, dtype=np.float32).reshape(3, 2)
    for k in range(6):
        x = tc.tensor([float(k), 1.0])
        out, y = f(x, tc.tensor(k % 3))
        plain = np.zeros((3, 2), np.float32)
        plain[1] = x.numpy()
        plain[k % 3] += 5
        wanted[0] = x.numpy()
        wanted *= 2
        np.testing.assert_allclose(out.numpy(), plain)
        np.testing.assert_allclose(table.numpy(), wanted)
        np.testing.assert_allclose(y.numpy(), x.numpy() - wanted[2])
    assert f.entries


def test_methods_and_nested_compiled_functions():
    class Model:
        def __init__(self, scale):
            self.w = tc.tensor([scale], requires_grad=True)

        @tc.compile
        def loss(self, x):
            return (self.inner(x) * 2).sum().detach()

        @tc.compile
        def inner(self, x):
            return self.w * x

    a, b = Model(2.0), Model(3.0)
    for i in range(5):
        x = tc.tensor([float(i)])
        assert a.loss(x).item() == 4.0 * i
        assert b.loss(x).item() == 6.0 * i
    a.w = tc.tensor([1.0], requires_grad=True)
    assert [a.loss(tc.tensor([1.0])).item() for _ in range(4)] == [2.0] * 4


def test_gradients_outside_belong_to_the_values_of_their_call():
    net = nn.Linear(2, 1)
    twin = compiled(net)
    for _ in range(3):
        twin(tc.ones(1, 2))
    first, second = twin(tc.tensor([[1.0, 2.0]])), twin(tc.tensor([[3.0, 4.0]]))
    second.sum().backward()
    first.sum().backward(retain_graph=True)
    first.sum().backward()
    same(net.weight.grad, tc.tensor([[5.0, 8.0]]))
    with pytest.raises(RuntimeError, match="have been freed"):
        first.sum().backward()
    y = twin(tc.tensor([[1.0, 2.0]]))
    with tc.no_grad():
        net.weight.add_(1.0)
    with pytest.raises(RuntimeError, match="overwritten"):
        y.sum().backward()
    x = tc.tensor([[1.0, 2.0]], requires_grad=True)
    for _ in range(3):
        y = twin(x)
    with pytest.raises(RuntimeError, match="cannot itself be differentiated"):
        tc.autograd.grad(y.sum(), x, create_graph=True)


def test_programs_of_numbers_that_have_passed_are_let_go():
    numbers = {"now": 0.0}
    twin = compiled(lambda x: x * numbers["now"])
    for i in range(40):
        numbers["now"] = float(i)
        assert [twin(tc.ones(1)).item() for _ in range(3)] == [i] * 3
    assert 1 < len(twin.entries) <= 16
    numbers["now"] = 1.0
    assert twin(tc.ones(1)).item() == 1


def test_a_variable_that_is_deleted_is_missed_as_in_python():
    def make():
        scale = 2.0

        def delete():
            nonlocal scale
            del scale

        return tc.compile(lambda x: x * scale), delete

    twin, delete = make()
    for _ in range(5):
        twin(tc.ones(2))
    delete()
    with pytest.raises(NameError, match="scale"):
        twin(tc.ones(2))


@pytest.mark.skipif(not tc.native.available(), reason="needs llvmlite")
def test_an_array_of_zeros_of_both_signs_is_not_one_number():
    zeros = np.float32([0.0, -0.0])
    twin = tc.compile(lambda x: tc.copysign(x, tc.tensor(zeros)) + x, fullgraph=True, backend="native")
    for _ in range(4):
        assert twin(tc.ones(2)).tolist() == [2.0, 0.0]
