"""What a compiled function shows of itself, and what it costs."""

import tracemalloc

import numpy as np
import pytest

import tinygrad_course as tc
from tinygrad_course import nn
from tinygrad_course.compile.passes import fusion_groups

from .twins import compiled


def _step():
    net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))
    optimizer = tc.optim.SGD(net.parameters(), lr=0.1)

    def step(x):
        optimizer.zero_grad()
        loss = ((net(x) * 2 + 1) ** 2).sum()
        loss.backward()
        optimizer.step()
        return loss

    twin = compiled(step)
    for _ in range(5):
        twin(tc.randn(5, 4))
    return twin


def test_programs_are_listed_reported_and_drawn():
    twin = _step()
    text = str(twin.graph)
    assert "linear(%0" in text and "SGD.step()" in text and text.count("set_grad") == 4
    report = twin.report()
    assert len(report.lines) == len(twin.entries[0].program.instructions) < report.recorded
    linear = next(line for line in report.lines if line.name == "linear")
    assert linear.flops == 5 * 3 * (2 * 4 + 1)
    assert linear.nbytes == 4 * (5 * 4 + 3 * 4 + 3 + 5 * 3)
    assert linear.where.rpartition(":")[0].endswith("test_looks.py")
    assert 0 < report.buffers < report.unshared
    assert str(report).count("\n") == len(report.lines) + 1
    before, after = tc.viz.draw(twin.recorded_graph).source, tc.viz.draw(twin.graph).source
    assert "fused 1" in after and "fused" not in before
    assert "argument 0" in after


def test_fusion_groups_hold_nothing_that_must_run_in_between():
    twin = _step()
    program = twin.entries[0].program
    groups = fusion_groups(program)
    assert groups
    for group in groups:
        inside = {slot for n in group for slot in program.instructions[n].outputs}
        for n in range(group[0], group[-1]):
            if n not in group:
                assert not inside.intersection(program.instructions[n].reads)


def test_values_that_nobody_reads_share_memory():
    def chain(x):
        y = x * 1.5
        for _ in range(20):
            y = (y * y).tanh() + x
        return y.sum()

    twin = compiled(chain)
    x = tc.randn(1000, 100)
    for _ in range(3):
        twin(x)
    plan = twin.entries[0].run.plan
    assert plan.size <= 3 * x.nbytes < 40 * x.nbytes <= plan.unplanned
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        twin(x)
        assert tracemalloc.get_traced_memory()[1] - before < x.nbytes / 2
    finally:
        tracemalloc.stop()


def test_an_interrupt_leaves_all_as_eager_code_would():
    net = nn.Linear(2, 1, bias=False)
    optimizer = tc.optim.SGD(net.parameters(), lr=0.1)
    interrupt = []

    def interrupted(*_):
        if interrupt:
            raise KeyboardInterrupt

    optimizer.register_step_pre_hook(interrupted)

    @compiled
    def step(x):
        optimizer.zero_grad()
        loss = net(x).sum()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(5):
        step(tc.ones(1, 2))
    before = net.weight.detach().clone()
    interrupt.append(1)
    with pytest.raises(KeyboardInterrupt):
        step(tc.full((1, 2), 3.0))
    np.testing.assert_array_equal(net.weight.detach().numpy(), before.numpy())
    np.testing.assert_array_equal(net.weight.grad.numpy(), [[3.0, 3.0]])
    interrupt.clear()
    step(tc.ones(1, 2))
    np.testing.assert_allclose(net.weight.detach().numpy(), before.numpy() - 0.1, rtol=1e-6)


def test_seeds_set_inside_are_set_in_each_call():
    @compiled
    def f(x):
        tc.manual_seed(3)
        return x + tc.randn(2)

    first = f(tc.zeros(2)).tolist()
    assert all(f(tc.zeros(2)).tolist() == first for _ in range(4))
    assert f.entries[0].calls == 3


def test_compiled_modules_are_modules():
    net = nn.Linear(3, 2)
    twin = tc.compile(net)
    assert next(iter(twin.parameters())) is net.weight
    assert list(twin.state_dict()) == ["_orig_mod.weight", "_orig_mod.bias"]
    assert twin.in_features == 3
    assert not twin.eval().training and not net.training
    stack = nn.Sequential(twin, nn.ReLU())
    for _ in range(4):
        assert stack(tc.ones(1, 3)).shape == (1, 2)
    assert tc.compile(net, backend="eager") is net
    assert tc.compile(net, disable=True) is net

    @tc.compile(mode="reduce-overhead")
    def double(x):
        return x * 2

    assert [double(tc.tensor(float(i))).item() for i in range(4)] == [0, 2, 4, 6]
