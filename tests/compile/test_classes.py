"""Steps of classifiers as one native call: rows, classes that are none, large layers whose memory is their own."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course import nn
from tinygrad_course.compile import native_rules, native_step
from tinygrad_course.native import pool
from tinygrad_course.nn import functional as F

from .twins import same, state_of
from .worlds import native_only

pytestmark = native_only

VALUES = st.sampled_from([0.0, -0.0, 1.5, -3.25, 80.0, -1e4, 3e38, -np.inf, np.nan])
ROWS = {
    "softmax": lambda x, t: tc.softmax(x * 1.0, 1),
    "softmax of columns": lambda x, t: tc.softmax(x * 1.0, 0) * 2.0,
    "softmax of a transpose": lambda x, t: tc.softmax((x * 1.0).T, 1).T + 1.0,
    "log_softmax": lambda x, t: tc.log_softmax(x * 1.0, 1),
    "log_softmax of columns": lambda x, t: tc.log_softmax((x * 1.0).T, 0) * 2.0,
    "cross_entropy": lambda x, t: F.cross_entropy(x * 1.0, t, reduction="none"),
    "cross_entropy, ignoring": lambda x, t: F.cross_entropy(x * 1.0, t, ignore_index=1, reduction="none"),
    "mean of it": lambda x, t: F.cross_entropy(x * 1.0, t, ignore_index=1),
    "its gradient": lambda x, t: tc.autograd.grad(F.cross_entropy(x.requires_grad_() * 2.0, t), x)[0],
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
@given(
    st.integers(1, 40), st.sampled_from([1, 2, 3, 7, 16, 17, 33, 100]), st.sampled_from(["float32", "float64"]),
    st.sampled_from(["int32", "int64"]), st.lists(st.tuples(VALUES, st.integers(0, 3999)), max_size=4),
    st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_rows(name, n, c, dtype, kind, special, seed):
    def example(seed):
        rng = np.random.default_rng(seed)
        x = (rng.standard_normal((n, c)) * 5).astype(dtype)
        for value, place in special:
            x.flat[place % x.size] = value
        return tc.from_numpy(x), tc.from_numpy(rng.integers(0, c, n).astype(kind))

    run = tc.compile(ROWS[name], fullgraph=True, backend="native")
    for i in range(4):
        pair = example(seed + i)
        with np.errstate(all="ignore"):
            wanted = ROWS[name](*(x.clone() for x in pair))
            got = run(*(x.clone() for x in pair))
        assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape)
        tight = {"float32": (3e-6, 1e-6), "float64": (1e-13, 1e-14)}[dtype]
        # Next to a logit of 10,000 the loss is a difference of large numbers.
        np.testing.assert_allclose(got.numpy(), wanted.numpy(), rtol=tight[0], atol=tight[1] * (1e4 if special else 10))
    programs = [i for entry in run.entries for i in entry.run.program.instructions]
    assert programs and all(type(i).__name__ == "Kernel" for i in programs)


def _classifier(features=6, hidden=5, classes=4, rows=9, optimizer=None):
    """(step of a batch, net, optimizer, batches): the same in every call."""
    tc.manual_seed(1)
    net = nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, classes))
    opt = (optimizer or (lambda p: tc.optim.SGD(p, lr=0.1, momentum=0.9)))(net.parameters())
    rng = np.random.default_rng(0)
    xs = [tc.tensor(rng.standard_normal((rows, features)).astype(np.float32)) for _ in range(10)]
    ts = [tc.tensor(rng.integers(0, classes, rows)) for _ in range(10)]

    def step(x, t):
        opt.zero_grad()
        loss = F.cross_entropy(net(x), t)
        loss.backward()
        opt.step()
        return loss

    return step, net, opt, list(zip(xs, ts))


@pytest.mark.parametrize("bad", [-1, 4, 2**40, -(2**40)])
def test_a_class_that_is_none_changes_nothing(bad):
    twins = [_classifier(), _classifier()]
    run = tc.compile(twins[1][0], fullgraph=True, backend="native")
    for i, (x, t) in enumerate(twins[0][3]):
        same(twins[0][0](x, t), run(x, t), rtol=1e-4)
        if i in (3, 6):  # through the door, and after it was closed
            wrong = t.clone()
            wrong[i] = bad
            values = [np.array(p.array) for p in twins[1][1].parameters()]
            for step in (twins[0][0], run, run):
                with pytest.raises(IndexError, match=rf"cross_entropy: target {bad} is no class: with 4 classes"):
                    step(x, wrong)
            for p, value in zip(twins[1][1].parameters(), values):
                np.testing.assert_array_equal(p.array, value)
    same(*(state_of(net, opt) for _, net, opt, _ in twins), rtol=1e-3, atol=1e-5)
    assert run.entries[-1].run.step.runs >= 4


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_large_layers_go_through_the_door(optimizer):
    make = {"SGD": None, "Adam": lambda p: tc.optim.Adam(p, lr=1e-3)}[optimizer]
    twins = [_classifier(784, 130, 10, 128, make) for _ in range(2)]
    assert twins[0][1][0].weight.numel() > tc.optim.storage.SMALL  # it is updated where it is
    run = tc.compile(twins[1][0], fullgraph=True, backend="native")
    held = twins[1][1][0].weight.array
    for x, t in twins[0][3]:
        same(twins[0][0](x, t), run(x, t), rtol=1e-4, atol=1e-5)
    same(*(state_of(net) for _, net, _, _ in twins), rtol=1e-2, atol=1e-4)
    assert run.entries[-1].run.step.runs >= 5
    assert twins[1][1][0].weight.array is held


def test_graphs_of_large_layers_notice_the_update():
    step, net, _, batches = _classifier(784, 130, 10, 16)
    run = tc.compile(step, fullgraph=True, backend="native")
    for x, t in batches:
        y = (net[0](x.clone().requires_grad_()) ** 2).sum()  # its gradient needs the weight
        run(x, t)
        with pytest.raises(RuntimeError, match=r"shape \(130, 784\) .* was overwritten in place"):
            y.backward()
    assert run.entries[-1].run.step.runs >= 5


def test_results_do_not_depend_on_the_number_of_threads(monkeypatch):
    found = []
    for threads in ("1", "2", "3"):
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            monkeypatch.setenv(name, threads)
        pool.resize()
        step, net, _, batches = _classifier(784, 130, 10, 128)
        run = tc.compile(step, fullgraph=True, backend="native")
        losses = [run(x, t).item() for x, t in batches]
        found.append([losses, *(np.array(p.array) for p in net.parameters())])
    monkeypatch.undo()
    pool.resize()
    for other in found[1:]:
        for a, b in zip(found[0], other):
            np.testing.assert_array_equal(a, b)


def test_much_work_is_not_one_call(monkeypatch):
    """Python's lock would be held too long."""
    monkeypatch.setattr(native_step, "_PRODUCTS", 9 * 6 * 5)
    step, _, _, batches = _classifier()
    run = tc.compile(step, fullgraph=True, backend="native")
    for x, t in batches:
        run(x, t)
    assert run.entries[-1].run.step is None
    calls = run.entries[-1].recorded.instructions
    values = run.entries[-1].recorded.values
    products = [i for i in calls if getattr(getattr(i, "op", None), "name", "") in ("linear", "matmul")]
    by_hand = 9 * 6 * 5 * 2 + 9 * 5 * 4 * 3 + 9 * 5 + 9 * 4  # forward; dW, and dX of the second layer; biases
    assert native_rules.multiplications(products, values) == by_hand


def test_nothing_outside_of_the_arrays_is_touched():
    script = Path(__file__).parents[1] / "native" / "guarded.py"
    done = subprocess.run(
        [sys.executable, script, "segment", "60"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split() == ["ran", "60"]
