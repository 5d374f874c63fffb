"""Whole steps: what optimizers, schedulers, gradients, buffers and random numbers do over several calls."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tests.autograd.programs import STEPS, run
from tinygrad_course import nn

from .twins import agree, compiled, same, state_of

F = nn.functional


def _batch(i, n=6):
    rng = np.random.default_rng(i)
    return tc.tensor(rng.normal(size=(n, 4)).astype(np.float32)), tc.tensor(rng.integers(0, 3, n))


def _net():
    # Without a bias before the normalization: its gradient is zero but for rounding, which Adam makes whole steps of.
    return nn.Sequential(nn.Linear(4, 5, bias=False), nn.BatchNorm1d(5), nn.Tanh(), nn.Dropout(0.3), nn.Linear(5, 3))


def _train(net, optimizer, x, t):
    optimizer.zero_grad()
    loss = F.cross_entropy(net(x), t)
    loss.backward()
    optimizer.step()
    return loss


OPTIMIZERS = {
    "SGD": lambda p: tc.optim.SGD(p, lr=0.1, momentum=0.8, dampening=0.2, weight_decay=0.01),
    "Nesterov": lambda p: tc.optim.SGD(p, lr=0.1, momentum=0.8, nesterov=True),
    "Adam": lambda p: tc.optim.Adam(p, lr=0.01),
    "AdamW": lambda p: tc.optim.AdamW(p, lr=0.01),
    "RMSprop": lambda p: tc.optim.RMSprop(p, lr=0.01),
    "Adagrad": lambda p: tc.optim.Adagrad(p, lr=0.01),
    "Rprop": lambda p: tc.optim.Rprop(p, lr=0.01),
}


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_optimizers_go_on(name):
    def make():
        net = _net()
        optimizer = OPTIMIZERS[name](net.parameters())
        return lambda x, t: _train(net, optimizer, x, t), net, optimizer

    agree(make, _batch, rtol=1e-4, atol=1e-5)


def test_schedulers_set_rates_inside_and_outside_of_the_call():
    def make():
        net = nn.Linear(4, 3)
        optimizer = tc.optim.SGD(net.parameters(), lr=0.5)
        inside = tc.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)

        def step(x, t):
            loss = _train(net, optimizer, x, t)
            inside.step()
            return loss

        return step, net, optimizer

    twin = agree(make, _batch)
    net = nn.Linear(4, 3)
    optimizer = tc.optim.SGD(net.parameters(), lr=0.5)
    twin = compiled(lambda x, t: _train(net, optimizer, x, t))
    for i in range(5):
        twin(*_batch(i))
    optimizer.param_groups[0]["lr"] = 0.0
    before = state_of(net)[0][0].clone()
    twin(*_batch(5))
    same(before, net.weight.detach())
    assert twin.entries[0].calls == 3


def test_groups_shared_parameters_and_clipping():
    def make():
        a, b = nn.Linear(4, 4), nn.Linear(4, 3)
        optimizer = tc.optim.SGD([{"params": a.parameters(), "lr": 0.3}, {"params": b.parameters()}], lr=0.01)

        def step(x, t):
            optimizer.zero_grad()
            loss = F.cross_entropy(b(a(a(x).tanh())), t)
            loss.backward()
            norm = nn.utils.clip_grad_norm_([*a.parameters(), *b.parameters()], 0.1)
            nn.utils.clip_grad_value_(a.parameters(), 0.02)
            optimizer.step()
            return loss, norm

        return step, a, b, optimizer

    agree(make, _batch)


def test_gradients_accumulate_over_two_passes_and_over_calls():
    def make():
        net = nn.Linear(4, 3)

        def step(x, t):
            F.cross_entropy(net(x), t).backward()
            (net(x) ** 2).mean().backward()

        return step, net

    agree(make, _batch)


def test_gradients_fill_the_same_memory_when_they_accumulate():
    w = tc.tensor([1.0, 2.0], requires_grad=True)
    twin = compiled(lambda x: (w * x).sum().backward())
    for _ in range(5):
        twin(tc.tensor([3.0, 4.0]))
    held = w.grad
    twin(tc.tensor([3.0, 4.0]))
    assert w.grad is held
    same(held, tc.tensor([18.0, 24.0]))
    assert twin.entries[-1].calls >= 2


def test_zeroing_in_place_keeps_the_gradient():
    def make():
        net = nn.Linear(4, 3)
        optimizer = tc.optim.SGD(net.parameters(), lr=0.1)

        def step(x, t):
            optimizer.zero_grad(set_to_none=False)
            F.cross_entropy(net(x), t).backward()
            optimizer.step()

        return step, net

    agree(make, _batch)


def test_a_closure_an_update_by_hand_and_a_second_derivative():
    def closure():
        net = nn.Linear(4, 3)
        optimizer = tc.optim.SGD(net.parameters(), lr=0.1)

        def step(x, t):
            def loss():
                optimizer.zero_grad()
                value = F.cross_entropy(net(x), t)
                value.backward()
                return value

            return optimizer.step(loss)

        return step, net

    agree(closure, _batch)

    def by_hand():
        w = tc.randn(4, 3, requires_grad=True)

        def step(x, t):
            loss = F.cross_entropy(x @ w, t)
            loss.backward()
            with tc.no_grad():
                w.sub_(0.1 * w.grad)
            w.grad = None
            return loss

        return step, w

    agree(by_hand, _batch)

    def new_data():
        w = tc.randn(4, 3, requires_grad=True)

        def step(x, t):
            loss = F.cross_entropy(x @ w, t)
            loss.backward()
            w.data = w.data - 0.1 * w.grad.data
            w.grad = None
            return loss

        return step, w

    agree(new_data, _batch)

    def penalty():
        net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1))

        def step(x, t):
            x.requires_grad_()
            (slope,) = tc.autograd.grad(net(x).sum(), x, create_graph=True)
            net.zero_grad()
            (slope**2).mean().backward()
            return slope.detach()

        return step, net

    agree(penalty, _batch)


def test_checkpoints_draw_once():
    def make():
        net = nn.Sequential(nn.Linear(4, 5), nn.Dropout(0.5), nn.Linear(5, 3))

        def step(x, t):
            net.zero_grad()
            loss = F.cross_entropy(tc.utils.checkpoint.checkpoint(net, x), t)
            loss.backward()
            return loss

        return step, net

    agree(make, _batch)


def test_averaged_models_follow():
    def make():
        net = nn.Linear(4, 3)
        optimizer = tc.optim.SGD(net.parameters(), lr=0.1)
        mean = tc.optim.swa_utils.AveragedModel(net)

        def step(x, t):
            loss = _train(net, optimizer, x, t)
            mean.update_parameters(net)
            return loss

        return step, net, mean

    agree(make, _batch)


@given(st.data())
def test_generated_programs(data):
    count = data.draw(st.integers(1, 7))
    steps = []
    for i in range(count):
        _, arity, function = data.draw(st.sampled_from(STEPS))
        steps.append((function, tuple(data.draw(st.integers(0, 2 + i)) for _ in range(arity))))
    weights = data.draw(st.lists(st.floats(-1, 1), min_size=count, max_size=count))
    dtype = data.draw(st.sampled_from([np.float32, np.float64]))

    def step(*leaves):
        values = run(steps, leaves)
        loss = sum((v * w).sum() for v, w in zip(values[3:], weights))
        if loss.requires_grad:
            loss.backward()
        return values[-1].detach(), loss.detach()

    twin = compiled(step)
    for i in range(4):
        rng = np.random.default_rng(i)
        arrays = [rng.uniform(-1, 1, (3, 3)).astype(dtype) for _ in range(3)]
        outs = []
        for f in (step, twin):
            leaves = [tc.tensor(a, requires_grad=True) for a in arrays]
            outs.append((f(*leaves), [x.grad for x in leaves]))
        same(*outs, rtol=1e-4, atol=1e-5)
    assert twin.entries[0].calls == 2


def test_draws_are_fresh_and_follow_the_seed():
    twin = compiled(lambda x: F.dropout(x, 0.5) + tc.randn(3))
    x = tc.ones(3)
    drawn = [twin(x).tolist() for _ in range(6)]
    assert len({tuple(d) for d in drawn}) == 6
    tc.manual_seed(7)
    first = [twin(x).tolist() for _ in range(3)]
    tc.manual_seed(7)
    assert first == [twin(x).tolist() for _ in range(3)]


def test_results_stay_as_they_are():
    twin = compiled(lambda x: (x * 2, (x + 1).reshape(-1), x.T, x))
    kept = []
    for i in range(6):
        x = tc.full((2, 3), float(i))
        out = twin(x)
        assert out[3] is x
        kept.append(out)
    for i, (double, flat, turned, _) in enumerate(kept):
        same((double, flat, turned), (tc.full((2, 3), 2.0 * i), tc.full((6,), i + 1.0), tc.full((3, 2), float(i))))


def test_threads_call_the_same_function():
    net = nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 3)).eval()
    twin = compiled(lambda x: net(x).detach())
    xs = [tc.randn(8, 4) for _ in range(4)]
    wanted = [net(x).detach().numpy() for x in xs]
    for _ in range(3):
        twin(xs[0])
    wrong = []

    def work(k):
        for _ in range(200):
            if not np.allclose(twin(xs[k]).numpy(), wanted[k], atol=1e-5):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_an_error_in_the_middle_leaves_the_function_usable():
    table = nn.Embedding(4, 2)
    twin = compiled(lambda i: table(i).detach() * 2)
    for _ in range(3):
        twin(tc.tensor([0, 3]))
    with pytest.raises(IndexError, match="number 4 is no row") as caught:
        twin(tc.tensor([0, 4]))
    assert "in a compiled call" in "".join(caught.value.__notes__)
    same(twin(tc.tensor([1, 2])), table(tc.tensor([1, 2])).detach() * 2)


def test_products_of_vectors_go_on_as_numbers():
    def batch(i):
        return [tc.tensor(row) for row in np.random.default_rng(i).normal(size=(2, 5))]

    agree(lambda: (lambda a, b: ((a @ b - 1.0) ** 2 / 2, tc.exp(a @ b)),), batch)
