"""The symbolic form: functions of a graph that is built first say what the same code says when it is run."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tests.autograd.programs import SIDE, STEPS, run
from tinygrad_course import nn
from tinygrad_course.compile.function import CompileError

F = nn.functional
BACKENDS = ["eager", "numpy", *(["native"] if tc.native.available() else [])]
each_backend = pytest.mark.parametrize("backend", BACKENDS)

# What a graph must not take from the examples: masks, orders, draws.
MORE = [
    ("relu", 1, F.relu),
    ("where", 2, lambda a, b: tc.where(a > b, a, b * 0.5)),
    ("mask", 1, lambda a: a * (a < 0)),
    ("sort", 1, lambda a: a.sort(0)[0]),
    ("gather", 2, lambda a, b: a.gather(1, b.argsort(1))),
    ("dropout", 1, lambda a: F.dropout(a, 0.5)),
    ("noise", 1, lambda a: a + tc.rand(SIDE, SIDE).double()),
    ("transpose", 1, lambda a: a.T),
    ("row", 1, lambda a: a[1].expand(SIDE, SIDE)),
]


def _values(seed, count):
    rng = np.random.default_rng(seed)
    return [tc.tensor(rng.uniform(-1, 1, (SIDE, SIDE))) for _ in range(count)]


@st.composite
def _programs(draw, leaves=4):
    steps = []
    for i in range(draw(st.integers(2, 9))):
        _, arity, function = draw(st.sampled_from(STEPS + MORE))
        steps.append((function, tuple(draw(st.integers(0, leaves + i - 1)) for _ in range(arity))))
    return steps


def _compute(steps, x, y, p, q):
    """All values of a random program, so that all draws are needed, and new values of the parameters."""
    values = run(steps, [x, y, p, q])
    error = (values[-1] ** 2).sum() + (x * y * p * q).sum()
    slopes = tc.autograd.grad(error, [p, q])
    return [error, *values], [q - 0.1 * slopes[0], values[-2] * 0.5 + p]


@each_backend
@given(_programs(), st.integers(0, 2**16))
def test_generated_graphs_agree_with_eager_code_on_other_values(backend, steps, seed):
    ours = [v.requires_grad_() for v in _values(seed, 2)]
    with tc.symbolic():
        x, y = tc.zeros(SIDE, SIDE).double(), tc.ones(SIDE, SIDE).double()
        outputs, news = _compute(steps, x, y, *ours)
        function = tc.compile([x, y], outputs, updates=zip(ours, news), backend=backend)
    theirs = [v.requires_grad_() for v in _values(seed, 2)]
    for i in range(5):
        x, y = _values(seed + 1 + i, 2)
        tc.manual_seed(i)
        wanted, news = _compute(steps, x, y, *theirs)
        wanted = [w.detach().clone() for w in wanted]
        with tc.no_grad():
            for p, new in zip(theirs, [n.detach().clone() for n in news]):
                p.copy_(new)
        tc.manual_seed(i)
        for a, b in zip([*function(x, y), *ours], [*wanted, *theirs], strict=True):
            np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-9, atol=1e-11)


def _symbolic_step(backend="numpy", dropout=0.0):
    """A network, with a function that trains it and one that applies it."""
    model = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Dropout(dropout), nn.Linear(4, 1)).double()
    params = list(model.parameters())
    with tc.symbolic():
        x, t = tc.zeros(5, 2).double(), tc.zeros(5, 1).double()
        error = F.mse_loss(model(x), t)
        slopes = tc.autograd.grad(error, params)
        updates = {p: p - 0.1 * g for p, g in zip(params, slopes)}
        return model, tc.compile([x, t], error, updates, backend=backend), tc.compile(x, model(x), backend=backend)


def _batch(seed=0):
    rng = np.random.default_rng(seed)
    return tc.tensor(rng.normal(size=(5, 2))), tc.tensor(rng.normal(size=(5, 1)))


@each_backend
def test_a_step_is_that_of_an_optimizer_and_several_functions_share_a_graph(backend):
    model, train, predict = _symbolic_step(backend)
    other = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1)).double()
    nn.utils.vector_to_parameters(nn.utils.parameters_to_vector(model.parameters()).detach(), other.parameters())
    optimizer = tc.optim.SGD(other.parameters(), lr=0.1)
    for i in range(6):
        x, t = _batch(i)
        optimizer.zero_grad()
        error = F.mse_loss(other(x), t)
        error.backward()
        optimizer.step()
        np.testing.assert_allclose(train(x, t).item(), error.item(), rtol=1e-12)
        np.testing.assert_allclose(predict(x).numpy(), other(x).detach().numpy(), rtol=1e-12)
    assert all(p.grad is None for p in model.parameters())


@each_backend
def test_new_values_are_computed_from_old_ones_and_outputs_as_well(backend):
    a, b = tc.tensor([1.0, 2.0]), tc.tensor([3.0, 4.0])
    with tc.symbolic():
        function = tc.compile([], [a, b[:1], a + b], updates=[(a, b), (b, a)], backend=backend)
    for _ in range(3):
        first = function()
        assert [v.tolist() for v in first] == [[1, 2], [3], [4, 6]]
        assert (a.tolist(), b.tolist()) == ([3, 4], [1, 2])
        function()
        assert [v.tolist() for v in first] == [[1, 2], [3], [4, 6]]  # results are nobody else's memory


@each_backend
def test_parameters_are_read_in_each_call(backend):
    model, _, predict = _symbolic_step(backend)
    x, _ = _batch()
    state = {k: v.clone() * 2 for k, v in model.state_dict().items()}

    def replaced():
        model[0].weight.data = model[0].weight.data * 3

    def written():
        with tc.no_grad():
            model[3].bias += 1

    for change in (replaced, written, lambda: model.load_state_dict(state), replaced):
        for _ in range(3):
            np.testing.assert_allclose(predict(x).numpy(), model(x).detach().numpy(), rtol=1e-12)
        before = predict(x)
        change()
        assert not np.allclose(predict(x).numpy(), before.numpy())
        np.testing.assert_allclose(predict(x).numpy(), model(x).detach().numpy(), rtol=1e-12)


@each_backend
def test_draws_are_made_afresh_and_follow_the_seed(backend):
    model, _, predict = _symbolic_step(backend, dropout=0.5)
    x, _ = _batch()
    seen = set()
    for i in range(6):
        tc.manual_seed(i)
        y = predict(x)
        tc.manual_seed(i)
        np.testing.assert_allclose(y.numpy(), model(x).detach().numpy(), rtol=1e-12)
        seen.add(tuple(predict(x).numpy().ravel()))
    assert len(seen) > 3


@each_backend
def test_gradients_of_gradients_of_inputs_and_integers(backend):
    with tc.symbolic():
        x = tc.zeros(3, requires_grad=True)
        index = tc.zeros(2, dtype=tc.int64)
        (first,) = tc.autograd.grad((x[index] ** 3).sum(), [x], create_graph=True)
        (second,) = tc.autograd.grad(first.sum(), [x])
        function = tc.compile([x, index], (first, second), backend=backend)
    for value in range(4):
        point, places = np.float32([1, 2, value]), np.array([value % 3, 2])
        times = np.bincount(places, minlength=3)
        one, two = function(tc.tensor(point), tc.tensor(places))
        np.testing.assert_allclose(one.numpy(), 3 * point**2 * times, rtol=1e-6)
        np.testing.assert_allclose(two.numpy(), 6 * point * times, rtol=1e-6)
        assert not one.requires_grad and not two.requires_grad


def test_state_may_be_made_while_the_graph_is_built_and_arrays_may_be_given():
    w = tc.tensor([1.0, -2.0], requires_grad=True)
    with tc.symbolic():
        x, v = tc.zeros(2), tc.zeros_like(w)
        new = 0.5 * v + x * w
        function = tc.compile(x, None, updates=[(v, new), (w, w - new)])
    assert [function(np.float32([1, 1])) for _ in range(4)] == [None] * 4
    wanted, speed = np.array([1.0, -2.0]), np.zeros(2)
    for _ in range(4):
        speed = 0.5 * speed + wanted
        wanted = wanted - speed
    np.testing.assert_allclose(w.detach().numpy(), wanted, rtol=1e-6)
    np.testing.assert_allclose(v.numpy(), speed, rtol=1e-6)


def test_it_is_drawn_and_reported():
    _, train, _ = _symbolic_step()
    for i in range(3):
        train(*_batch(i))
    assert "tanh" in tc.viz.draw(train.graph).source and "linear" in str(train.report())


def test_threads_call_it_at_once():
    model, _, predict = _symbolic_step("auto")
    wrong = []

    def work(seed):
        x, _ = _batch(seed)
        wanted = model(x).detach().numpy()
        wrong.extend(i for i in range(50) if not np.allclose(predict(x).numpy(), wanted, rtol=1e-12))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# --- What is refused ----------------------------------------------------------------------------------------------

w = tc.tensor([1.0, 2.0], requires_grad=True)
v = tc.tensor([0.5, 0.5])
norm = nn.BatchNorm1d(2)


def _backward(x):
    (w * x).sum().backward()
    try:
        return tc.compile(x, x * w)
    finally:
        w.grad = None


def _step(x):
    tc.optim.SGD([w], lr=0.0).step()
    return tc.compile(x, x * w)


def _written(x):
    y = x * 2
    y[0] = 1
    return tc.compile(x, y)


BUILT_WRONG = {
    "unused": (lambda x: tc.compile([x, tc.ones(3)], x * 2), ValueError, r"depends on input 1, of shape \(3,\)"),
    "unused because cut": (lambda x: tc.compile([x, y := x * 2], y * 2), ValueError, "depends on input 0"),
    "same input": (lambda x: tc.compile([x, x], x * 2), ValueError, "inputs 0 and 1 are the same"),
    "no tensor": (lambda x: tc.compile([x, 3.0], x * 2), TypeError, "number 1 is float"),
    "no tensor out": (lambda x: tc.compile([x], [x * 2, None]), TypeError, "outputs are Tensors.* 1 is NoneType"),
    "no pair": (lambda x: tc.compile(x, x * 2, updates=[w]), TypeError, "pairs"),
    "number": (lambda x: tc.compile(x, x * 2, updates=[(v, 1.0)]), TypeError, "pairs"),
    "non-leaf": (lambda x: tc.compile(x, x * 2, updates=[(w * 2, x)]), RuntimeError, "result of multiply"),
    "computed": (lambda x: tc.compile(x, x * 2, updates=[(x * 2, x)]), ValueError, "computed from the inputs"),
    "shape": (lambda x: tc.compile(x, x, updates=[(v, x.sum())]), RuntimeError, r"shape \(2,\).* of shape \(\)"),
    "dtype": (lambda x: tc.compile(x, x, updates=[(v, x.double())]), RuntimeError, "float64"),
    "twice": (lambda x: tc.compile(x, x, updates=[(v, x), (w, x), (v, x * 2)]), ValueError, "updates 0 and 2"),
    "twice, in part": (lambda x: tc.compile(x, x, updates=[(v, x), (v[:1], x[:1])]), ValueError, "updates 0 and 1"),
    "input updated": (lambda x: tc.compile([x, v], x * v, updates=[(v, x)]), ValueError, "input 1 is also updated"),
    "item": (lambda x: tc.compile(x, x * x.sum().item()), CompileError, r"item.*test_symbolic\.py:\d+"),
    "branch": (lambda x: tc.compile(x, x * 2 if x.sum() > 1 else x), CompileError, r"test_symbolic\.py:\d+"),
    "outer graph": (lambda x: tc.compile(x, x * outer), CompileError, "outside"),
    "mask": (lambda x: tc.compile(x, x[x > 0].sum()), CompileError, "depends on values"),
    "backward": (_backward, CompileError, r"backward\(\).*updates"),
    "step": (_step, CompileError, r"step\(\) at .*updates"),
    "in place": (_written, CompileError, r"in place at .*test_symbolic\.py:\d+"),
    "statistics": (lambda x: tc.compile(x, norm(x.expand(3, 2))), CompileError, "batch normalization"),
    "gradient": (lambda x: tc.compile(x, x * held + held.grad), CompileError, "reads a .grad"),
    "two ways": (lambda x: tc.compile(x, x * tc.from_numpy(x.array[:1])), CompileError, "in two ways"),
    "function": (lambda x: tc.compile(lambda x: x, x * 2), TypeError, "for Tensors as inputs"),
}  # fmt: skip
outer = w * 1
held = tc.ones(2, requires_grad=True)
held.grad = tc.ones(2)


@pytest.mark.parametrize("name", BUILT_WRONG)
def test_what_cannot_be_is_said_when_it_is_compiled(name):
    build, error, message = BUILT_WRONG[name]
    with tc.symbolic():
        x = tc.ones(2)
        with pytest.raises(error, match=message):
            build(x)


def test_without_a_graph_there_is_nothing_to_compile():
    x = tc.ones(2)
    with pytest.raises(RuntimeError, match=r"tc\.symbolic\(\)"):
        tc.compile([x], x * 2)


CALLED_WRONG = {
    "too few": (lambda x: (x,), TypeError, "expected 2 inputs, got 1"),
    "too many": (lambda x: (x, x, x), TypeError, "expected 2 inputs, got 3"),
    "shape": (lambda x: (x, tc.ones(3)), ValueError, r"input 1 of shape \(2,\) .*got shape \(3,\)"),
    "broadcast": (lambda x: (x, tc.ones(1)), ValueError, r"input 1 of shape \(2,\)"),
    "dtype": (lambda x: (x.double(), x), TypeError, "float32, got .*float64"),
    "number": (lambda x: (x, 1.0), TypeError, "input 1 must be a Tensor or array, got float"),
}


@each_backend
@pytest.mark.parametrize("name", CALLED_WRONG)
def test_calls_with_something_else_are_refused(backend, name):
    arguments, error, message = CALLED_WRONG[name]
    with tc.symbolic():
        x, y = tc.ones(2), tc.ones(2)
        function = tc.compile([x, y], x * y, backend=backend)
    for _ in range(4):
        function(tc.ones(2), tc.ones(2))
    with pytest.raises(error, match=message):
        function(*arguments(tc.ones(2)))
    assert function(tc.ones(2) * 3, tc.ones(2)).tolist() == [3, 3]


def test_another_default_dtype_is_refused():
    with tc.symbolic():
        x = tc.zeros(2, dtype=tc.int64)
        function = tc.compile(x, x / 2)
    tc.set_default_dtype(tc.float64)
    try:
        with pytest.raises(RuntimeError, match="float32 was the default"):
            function(tc.tensor([1, 2]))
    finally:
        tc.set_default_dtype(tc.float32)


def test_an_error_in_a_call_names_the_line_of_the_graph():
    with tc.symbolic():
        x = tc.zeros(2, dtype=tc.int64)
        function = tc.compile(x, w[x])
    with pytest.raises(IndexError) as caught:
        function(tc.tensor([0, 7]))
    assert "test_symbolic.py" in "".join(getattr(caught.value, "__notes__", []))
