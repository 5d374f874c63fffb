"""Programs with native kernels, and small steps as one native call: what eager code gives, whatever changes between."""

import copy
import gc
import threading
from inspect import signature

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_course as tc
from tests.samples import SAMPLES
from tinygrad_course import nn
from tinygrad_course.autograd.tree import flatten
from tinygrad_course.compile.lower import VIEWS
from tinygrad_course.graph import Observer
from tinygrad_course.ops.op import REGISTRY

from . import test_primitives as primitives
from . import test_steps as steps
from . import twins
from .twins import same

pytestmark = pytest.mark.skipif(not tc.native.available(), reason="needs llvmlite")


def native(function):
    return tc.compile(function, fullgraph=True, backend="native")


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_primitives(name, monkeypatch):
    monkeypatch.setattr(primitives, "compiled", native)
    primitives.test_replay_agrees_with_eager(name)


@pytest.fixture
def by_native_code(monkeypatch):
    """What other files' tests compile is compiled natively."""
    monkeypatch.setattr(twins, "compiled", native)
    monkeypatch.setattr(steps, "compiled", native)


@pytest.mark.parametrize("name", sorted(steps.OPTIMIZERS))
def test_optimizers_go_on(name, by_native_code):
    steps.test_optimizers_go_on(name)


@pytest.mark.parametrize(
    "name", [n for n, f in vars(steps).items() if n.startswith("test_") and not signature(f).parameters]
)
def test_steps(name, by_native_code):
    getattr(steps, name)()


# --- Generated programs -----------------------------------------------------------------------------------------------

_POINTWISE = [
    lambda a, b: a + b, lambda a, b: a * b - 0.5, lambda a, b: tc.tanh(a) * 2.0,
    lambda a, b: tc.where(a > b, a, b * 0.5),
    lambda a, b: tc.sigmoid(a - b), lambda a, b: (a / (1.5 + b * b)) ** 2, lambda a, b: tc.maximum(a, -b).relu(),
    lambda a, b: tc.nn.functional.gelu(a) + b, lambda a, b: (a < b) * a, lambda a, b: -a.abs(),
]  # fmt: skip
_SHAPED = [
    lambda a: a.T, lambda a: a.reshape(-1), lambda a: a.sum(0), lambda a: a.sum(-1, keepdim=True), lambda a: a.mean(),
    lambda a: a.reshape(a.shape[-1], -1), lambda a: a.T @ a, lambda a: a @ a.T, lambda a: tc.tanh(a).exp().sum(),
    lambda a: a.expand(2, *a.shape).sum(0), lambda a: a.T.reshape(-1) * 1.0, lambda a: a.sum((0, -1)),
    lambda a: tc.softmax(a, -1), lambda a: tc.log_softmax(a, 0) * 0.1, lambda a: nn.functional.mse_loss(a, a * a),
    lambda a: nn.functional.cross_entropy(a, tc.arange(len(a)) % a.shape[1], reduction="none"),
]  # fmt: skip


def _program(picks):
    """A function that makes values from each other as the picks say, with the gradient of a sum of all of them.

    It gives that sum, the sum of its terms' sizes, and two of the values.
    """

    def program(x, w):
        values = [x, w, x * 0.3]
        for pointwise, i, j, k in picks:
            a, b = values[i % len(values)], values[j % len(values)]
            if pointwise:
                try:
                    made = _POINTWISE[k % len(_POINTWISE)](a, b)
                except (RuntimeError, ValueError):  # shapes that do not fit
                    made = _POINTWISE[k % len(_POINTWISE)](a, a)
            else:
                made = _SHAPED[k % len(_SHAPED)](a if a.ndim == 2 else x)
            values.append(made if made.dtype == x.dtype else made * a)
        terms = [(v * 0.1).tanh() if v.array.size < 20_000 else v for v in values[3:]]
        loss = sum(term.sum() for term in terms)
        loss.backward()
        return loss.detach(), sum(term.abs().sum() for term in terms).detach(), values[-1].detach(), values[-2].detach()

    return program


def _outcome(function, arrays):
    """Its results and the gradients of its arguments."""
    xs = [tc.tensor(a, requires_grad=True) for a in arrays]
    return flatten((function(*xs), [x.grad for x in xs]))[0]


# Operations whose results are exact, in any implementation.
_EXACT = {*VIEWS, "absolute", "maximum", "minimum", "negative", "positive", "relu", "where", "zeros_like"}


class _Nudged(Observer):
    """While it watches, every operation that rounds has a random last bit, also those of the pass back."""

    traces = True

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def _nudge(self, forward):
        def nudged(*inputs, **params):
            y = forward(*inputs, **params)
            if getattr(y, "dtype", None) not in (np.float32, np.float64):
                return y
            return np.asarray(y * (1 + np.finfo(y.dtype).eps * self.rng.choice([-1, 1], y.shape)).astype(y.dtype))

        return nudged

    def __enter__(self):
        self.plain = {name: op.forward for name, op in REGISTRY.items() if name not in _EXACT}
        for name, forward in self.plain.items():
            REGISTRY[name].forward = self._nudge(forward)
        return super().__enter__()

    def __exit__(self, *exc):
        super().__exit__(*exc)
        for name, forward in self.plain.items():
            REGISTRY[name].forward = forward


def _distances(outs, reference):
    return [0.0 if r is None else np.abs(y.array - r.array).max(initial=0) for y, r in zip(outs, reference)]


@given(
    picks=st.lists(
        st.tuples(st.booleans(), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=8
    ),
    shape=st.tuples(st.integers(1, 70), st.sampled_from([1, 2, 3, 8, 17, 33])),
    double=st.booleans(),
)
def test_generated_programs(picks, shape, double):
    """Compiled programs err as eager ones do, which may be much: programs that are ill-conditioned come up often.

    The error is that towards the program in float64. How large it may be is shown by eager runs whose operations have
    a random last bit (D. Stott Parker, "Monte Carlo arithmetic", 1997).
    """
    program = _program(picks)
    twin = native(program)
    dtype = np.dtype(np.float64 if double else np.float32)
    for i in range(4):
        rng = np.random.default_rng(i)
        arrays = [rng.standard_normal(s).astype(dtype) for s in (shape, (1, shape[1]))]
        wanted, got = (_outcome(f, arrays) for f in (program, twin))
        for x, y in zip(wanted, got):
            assert (x is None) == (y is None)
            assert x is None or (x.shape, x.dtype) == (y.shape, y.dtype)
        if i > 1:  # from here on it is the recording that runs
            errors, allowed = _errors(program, arrays, wanted, got)
            assert (errors <= allowed).all(), (errors, allowed)


def _errors(program, arrays, wanted, got):
    """Of each result: the error of the compiled program, and what it may be."""
    reference = _outcome(program, [a.astype(np.float64) for a in arrays])
    runs = [wanted]
    for seed in range(3):
        with _Nudged(seed):
            runs.append(_outcome(program, arrays))
    noise = np.max([_distances(outs, reference) for outs in runs], axis=0)
    sizes = [0.0 if r is None else np.abs(r.array).max(initial=0) for r in reference]
    sizes[0] = sizes[1]  # a sum may be much smaller than its terms
    return np.array(_distances(got, reference)), 3 * noise + 4 * np.finfo(arrays[0].dtype).eps * np.array(sizes)


@pytest.mark.parametrize("shape", [(20_001,), (1000, 20), (7, 3000), (3, 700, 9)])
@pytest.mark.parametrize("dim", [None, -1])
def test_long_sums_are_as_exact_as_those_of_numpy(shape, dim):
    """The terms are equal, so that roundings of a plain sum are too: they do not cancel."""
    f = native(lambda x: (x * 1.0).sum(dim))
    for value in (0.1, 0.1, 0.3, 0.7):
        x = np.full(shape, value, np.float32)
        wanted = np.asarray(x.astype(np.float64).sum(dim))
        np.testing.assert_allclose(f(tc.from_numpy(x)).numpy(), wanted, rtol=2e-6)


def test_arguments_may_be_strided_and_overlap():
    f = native(lambda x, y: (x * 2 + y).tanh().sum(0))
    base = np.random.default_rng(0).standard_normal((40, 60)).astype(np.float32)
    for x, y in [(base, base), (base[::-1], base), (base, base[:, ::-1]), (base.T.copy().T, base)] * 2:
        found = f(tc.from_numpy(x), tc.from_numpy(y))
        np.testing.assert_allclose(found.numpy(), np.tanh(x * 2 + y).sum(0), rtol=1e-4, atol=1e-4)


def _image_step():
    tc.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 8 * 8, 3))
    opt = tc.optim.Adam(net.parameters())

    def step(x, t):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(x), t)
        loss.backward()
        opt.step()
        return loss

    rng = np.random.default_rng(0)
    return net, opt, step, tc.tensor(rng.normal(size=(40, 1, 10, 10)).astype("f")), tc.tensor(rng.integers(0, 3, 40))


@pytest.mark.parametrize("backend", ["native", "auto"])
@pytest.mark.parametrize("setting", ["small", "images"])
@given(kernels=st.lists(st.sampled_from(["auto", "off"]), min_size=2, max_size=6))
@settings(max_examples=10)
def test_kernels_are_turned_off_and_on_between_calls(backend, setting, kernels):
    make = _setting if setting == "small" else _image_step
    ours, theirs = make(), make()
    f = tc.compile(theirs[2], fullgraph=True, backend=backend)
    for k in kernels:
        with tc.config.set(kernels=k, log_kernels=True):
            tc.native.report(reset=True)
            for _ in range(4):
                same(ours[2](*ours[3:]).detach(), f(*theirs[3:]).detach(), rtol=1e-4, atol=1e-5)
            ran = [name for name, reason in tc.native.report(reset=True) if not reason]
            door = f._quick is not None and f._quick.door is not None
            assert (bool(ran) or door) == (k != "off"), (ran, door)
    assert len(f.entries) == len(set(kernels))


def test_a_graph_made_with_kernels_is_differentiated_without():
    f = native(lambda x: (x.tanh() * x).sum())
    x = tc.tensor(X, requires_grad=True)
    for k in ["auto"] * 4 + ["off", "auto"]:
        x.grad = None
        y = f(x)
        with tc.config.set(kernels=k, log_kernels=True):
            tc.native.report(reset=True)
            y.backward()
            assert k != "off" or not [name for name, reason in tc.native.report(reset=True) if not reason]
        np.testing.assert_allclose(x.grad.numpy(), np.tanh(X) + X * (1 - np.tanh(X) ** 2), rtol=1e-5)


# --- Small steps as one call ------------------------------------------------------------------------------------------

OPTIMIZERS = {
    "SGD": lambda p: tc.optim.SGD(p, lr=0.01),
    "momentum": lambda p: tc.optim.SGD(p, lr=0.01, momentum=0.8),
    "dampening": lambda p: tc.optim.SGD(p, lr=0.01, momentum=0.8, dampening=0.1),
    "Adam": lambda p: tc.optim.Adam(p, lr=0.01),
    "AdamW": lambda p: tc.optim.AdamW(p, lr=0.001, amsgrad=True),
    "RMSprop": lambda p: tc.optim.RMSprop(p, lr=0.001),
}
X = np.linspace(-1, 1, 50, dtype=np.float32).reshape(50, 1)


def _setting(optimizer="momentum", dtype=np.float32):
    """Bishop's net (50 points, 1-3-1 tanh), the step, and its arguments."""
    tc.manual_seed(0)
    net = nn.Sequential(nn.Linear(1, 3), nn.Tanh(), nn.Linear(3, 1)).to(dtype)
    opt = OPTIMIZERS[optimizer](net.parameters())

    def step(x, t):
        opt.zero_grad()
        loss = 0.5 * ((net(x) - t) ** 2).sum()
        loss.backward()
        opt.step()
        return loss

    x = tc.tensor(X.astype(dtype))
    return net, opt, step, x, tc.tensor(np.sin(3 * X).astype(dtype))


def _pairs(optimizer="momentum", dtype=np.float32):
    ours, theirs = _setting(optimizer, dtype), _setting(optimizer, dtype)
    return ours, theirs, native(theirs[2])


def _agree(ours, theirs, f, times=3):
    for i in range(times):
        x = ours[3] * (1 + 0.01 * i) if i % 2 else ours[3]
        same(ours[2](x, ours[4]).detach(), f(theirs[3] if x is ours[3] else x, theirs[4]).detach())
        for p, q in zip(ours[0].parameters(), theirs[0].parameters()):
            same([p.detach(), p.grad], [q.detach(), q.grad], rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_a_step_is_one_native_call(name, dtype):
    ours, theirs, f = _pairs(name, dtype)
    _agree(ours, theirs, f, 30)
    assert f._quick is not None and f._quick.run.step.armed
    assert f.entries[-1].calls >= 25
    assert ".update" in f.llvm_ir  # forward, backward and update are one piece of code
    assert ours[1]._steps_taken == theirs[1]._steps_taken


CHANGES = {
    "learning rate": lambda net, opt, held: opt.param_groups[0].update(lr=0.002),
    "a held gradient": lambda net, opt, held: held.append(net[0].weight.grad),
    "a held view of a gradient": lambda net, opt, held: held.append(net[2].bias.grad.array[0:1]),
    "a held view of a view": lambda net, opt, held: held.append(net[0].weight.grad.reshape(-1)),
    "new values": lambda net, opt, held: setattr(net[0].weight, "data", net[0].weight.data * 1.1),
    "values in place": lambda net, opt, held: net[0].bias.array.__imul__(1.1),
    "loaded state": lambda net, opt, held: opt.load_state_dict(copy.deepcopy(opt.state_dict())),
    "no gradients": lambda net, opt, held: opt.zero_grad(),
    "a frozen parameter": lambda net, opt, held: setattr(net[2].bias, "requires_grad", False),
    "another momentum": lambda net, opt, held: opt.param_groups[0].update(momentum=0.3),
    "another buffer": lambda net, opt, held: opt.state[net[0].weight].update(momentum_buffer=tc.ones(3, 1)),
    "loaded weights": lambda net, opt, held: net.load_state_dict({k: v * 0.9 for k, v in net.state_dict().items()}),
    "a hook of the optimizer": lambda net, opt, held: opt.register_step_post_hook(
        lambda o, *_: o.param_groups[0].update(lr=o.param_groups[0]["lr"] * 0.9)
    ),
    "a hook of a parameter": lambda net, opt, held: net[0].weight.register_hook(lambda g: g * 0.5),
    "garbage": lambda net, opt, held: gc.collect(),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_changes_between_calls_are_seen(name):
    ours, theirs, f = _pairs()
    _agree(ours, theirs, f, 8)
    assert f._quick.run.step.armed
    for _ in range(2):
        held = [[], []]
        for setting, kept in zip((ours, theirs), held):
            with tc.no_grad():
                CHANGES[name](setting[0], setting[1], kept)
        before = [np.array(getattr(x, "array", x)) for x in held[1]]
        _agree(ours, theirs, f, 6)
        for x, then in zip(held[1], before):  # what somebody holds is never written to
            np.testing.assert_array_equal(getattr(x, "array", x), then)
        del held, before


def test_stale_graphs_are_noticed():
    net, _, step, x, t = _setting()
    f = native(step)
    for _ in range(6):
        f(x, t)
    assert f._quick.run.step.armed
    loss = (net(x) ** 2).sum()
    f(x, t)
    with pytest.raises(RuntimeError, match=r"modified|overwritten|in place"):
        loss.backward()


def test_results_are_new_in_every_call():
    _, _, step, x, t = _setting()
    f = native(step)
    losses = [f(x, t) for _ in range(12)]
    assert len({loss.item() for loss in losses}) == 12


def test_arguments_of_other_kinds_take_the_ordinary_way():
    ours, theirs, f = _pairs()
    _agree(ours, theirs, f, 6)
    assert f._quick.run.step.armed
    longer = [np.linspace(-1, 1, 2 * n, dtype=np.float32).reshape(n, 2)[:, :1] for n in (50, 70)]
    for array in longer:  # not contiguous; another shape
        for _ in range(4):
            args = tc.from_numpy(array), tc.from_numpy(np.sin(array))
            same(ours[2](*args).detach(), f(*args).detach())
    _agree(ours, theirs, f, 6)


def test_threads_may_call_at_once():
    settings = [_setting() for _ in range(3)]
    compiled = [native(s[2]) for s in settings]

    def work(k):
        for _ in range(200):
            compiled[k](*settings[k][3:])

    threads = [threading.Thread(target=work, args=(k,)) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reference = _setting()
    for _ in range(200):
        reference[2](*reference[3:])
    for s in settings:
        for p, q in zip(reference[0].parameters(), s[0].parameters()):
            same(p.detach(), q.detach(), rtol=1e-3, atol=1e-4)


def test_inference_is_one_call_too():
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))

    @tc.no_grad()
    def plain(x):
        return net(x).sum(1)

    f = native(plain)
    for i in range(8):
        x = tc.tensor(np.random.default_rng(i).standard_normal((5, 4)).astype(np.float32))
        same(plain(x), f(x))
        if i == 5:
            with tc.no_grad():
                net[0].weight.mul_(0.5)
