"""Calls that native code lets through: whatever is changed between two calls, the next one does what eager code does.

The same changes are tried where Python looks at the conditions (backend "numpy"), and where native code does.
"""

import contextlib
import copy
import gc
import sys
import threading
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course import nn
from tinygrad_course.compile import layout
from tinygrad_course.compile.watch import Unwatchable, Watch

from .twins import same, state_of

BACKENDS = ["numpy", pytest.param("native", marks=pytest.mark.skipif(not tc.native.available(), reason="no llvmlite"))]
native_only = pytest.mark.skipif(not tc.native.available() or not layout.agrees(), reason="needs llvmlite and CPython")

# A script: everything that the step uses is a global, or an attribute or item of one.
SCRIPT = """
def act(a):
    return a * scale

def loss_of(x, t):
    out = net(act(x)) * holder.gain + table["first"] - table["second"] * 0.5 + shifts[0]
    for shift in shifts[1:]:
        out = out + shift
    for i, value in enumerate(table.values()):
        out = out + i * value
    return 0.5 * ((out - t) ** 2).sum()

def step():
    opt.zero_grad()
    loss = loss_of(x, t)
    if loss.requires_grad:
        loss.backward()
        opt.step()
    return RESULT
"""
RESULTS = ["loss", "None", "(loss, 3)", "[loss]", "(loss, loss * 2, 'text')", "{'loss': loss}"]


class Holder:
    def __init__(self):
        self.gain = 1.5


class Twofold(nn.Module):
    def forward(self, x):
        return x * 2.0 if self.training else x


def world(result="loss", optimizer="momentum"):
    tc.manual_seed(0)
    points = np.linspace(-1, 1, 20).reshape(20, 1)  # float64: rounding cannot hide, or look like, a stale value
    net = nn.Sequential(nn.Linear(1, 3), nn.Tanh(), Twofold(), nn.Linear(3, 1)).double()
    rules = {
        "momentum": lambda p: tc.optim.SGD(p, lr=1e-3, momentum=0.8),
        "Adam": lambda p: tc.optim.Adam(p, lr=1e-3),
    }
    space = {
        "net": net, "opt": rules[optimizer](net.parameters()), "x": tc.tensor(points), "t": tc.tensor(np.sin(points)),
        "table": {"first": tc.tensor([0.1]).double(), "second": tc.tensor([0.2]).double()},
        "scale": 1.25, "holder": Holder(), "shifts": [tc.tensor([0.3]), 0.25], "kept": [],
    }  # fmt: skip
    exec(SCRIPT.replace("RESULT", result), space)
    return space


def _assign(w, **names):
    w.update(names)


def _eager_step_at_another_rate(w):
    group = w["opt"].param_groups[0]
    before, group["lr"] = group["lr"], 5e-3
    w["net"].zero_grad()
    w["loss_of"](w["x"], w["t"]).backward()
    w["opt"].step()
    group["lr"] = before  # the very same number as before


def _reorder(w):
    w["table"]["first"] = w["table"].pop("first")


def _half(w):
    w["x"] = w["x"][:10]
    w["t"] = w["t"][:10]


def _to_single(w):
    w["net"].float()
    w["x"], w["t"] = w["x"].float(), w["t"].float()
    w["table"].update({key: value.float() for key, value in w["table"].items()})


def _rebuild(w):
    w["opt"] = tc.optim.SGD(w["net"].parameters(), lr=2e-3)


def _group(w):
    extra = nn.Parameter(tc.ones(1))
    w["opt"].add_param_group({"params": [extra], "lr": 0.1})
    w["shifts"][0] = extra


def _new_gradient(w):
    w["net"][0].weight.grad = tc.ones(3, 1, dtype=w["x"].dtype)


def _double_in_place(w):
    with tc.no_grad():
        w["net"][3].bias.mul_(2.0)
        w["x"].mul_(1.5)


def _hold_gradients(w):
    w["kept"] += [p.grad for p in w["net"].parameters() if p.grad is not None]


def _hold_memory(w):
    w["kept"] += [p.grad.array[:1] for p in w["net"].parameters() if p.grad is not None]


def _another_act(w):
    space = w

    def act(a):
        return a.tanh() * space["scale"]

    w["act"] = act


def _decay(w):
    w["opt"].register_step_post_hook(lambda o, *_: o.param_groups[0].update(lr=o.param_groups[0]["lr"] * 0.9))


def _frozen(w):
    w["net"][0].weight.requires_grad_(False)


def _thawed(w):
    w["net"].requires_grad_(True)


def _leaf(w):
    w["t"] = w["t"].detach().requires_grad_()


CHANGES = {
    "nothing": lambda w: None,
    "a number": lambda w: _assign(w, scale=0.75),
    "an equal number": lambda w: _assign(w, scale=float(str(w["scale"]))),
    "an integer": lambda w: _assign(w, scale=2),
    "an attribute": lambda w: setattr(w["holder"], "gain", 0.5),
    "another object": lambda w: _assign(w, holder=Holder()),
    "an item of a dict": lambda w: w["table"].update(first=tc.tensor([0.7])),
    "another key": lambda w: w["table"].update(third=tc.tensor([0.7])),
    "the order of a dict": _reorder,
    "an item of a list": lambda w: w["shifts"].__setitem__(-1, 0.125),
    "a longer list": lambda w: w["shifts"].append(tc.tensor([0.5])),
    "a shorter list": lambda w: w["shifts"].pop() if len(w["shifts"]) > 1 else None,
    "another list": lambda w: _assign(w, shifts=list(w["shifts"])),
    "another function": _another_act,
    "other data": lambda w: _assign(w, x=w["x"] * 0.9),
    "data of another shape": _half,
    "data of another dtype": _to_single,
    "data in place": _double_in_place,
    "x.data": lambda w: setattr(w["x"], "data", w["x"].data * 1.1),
    "a leaf": _leaf,
    "learning rate": lambda w: w["opt"].param_groups[0].update(lr=w["opt"].param_groups[0]["lr"] * 0.5),
    "an eager step at another rate": _eager_step_at_another_rate,
    "weight decay": lambda w: w["opt"].param_groups[0].update(weight_decay=0.1),
    "another optimizer": _rebuild,
    "another group": _group,
    "a step hook": _decay,
    "loaded optimizer state": lambda w: w["opt"].load_state_dict(copy.deepcopy(w["opt"].state_dict())),
    "forgotten optimizer state": lambda w: w["opt"].state.clear(),
    "no gradients": lambda w: w["opt"].zero_grad(),
    "zero gradients": lambda w: w["opt"].zero_grad(set_to_none=False),
    "another gradient": _new_gradient,
    "held gradients": _hold_gradients,
    "held memory of gradients": _hold_memory,
    "p.data": lambda w: setattr(w["net"][0].weight, "data", w["net"][0].weight.data * 1.1),
    "loaded weights": lambda w: w["net"].load_state_dict({k: v * 0.9 for k, v in w["net"].state_dict().items()}),
    "a frozen parameter": _frozen,
    "all thawed": _thawed,
    "a hook of a parameter": lambda w: w["net"][0].weight.register_hook(lambda g: g * 0.5),
    "a hook of a module": lambda w: w["net"][1].register_forward_hook(lambda m, i, y: y * 0.5),
    "eval": lambda w: w["net"].eval(),
    "train": lambda w: w["net"].train(),
    "another layer": lambda w: w["net"].__setitem__(1, nn.Sigmoid()),
    "another parameter": lambda w: setattr(w["net"][3], "bias", nn.Parameter(w["net"][3].bias.detach() + 0.5)),
    "a module made elsewhere": lambda w: w["kept"].append(nn.Linear(2, 2)),
    "garbage": lambda w: gc.collect(),
}  # fmt: skip


def _watched(w):
    with tc.autograd.set_detect_anomaly(True):
        return w["step"]()


def _default_dtype(w):
    before = tc.get_default_dtype()
    tc.set_default_dtype(tc.float16)
    try:
        return w["step"]()
    finally:
        tc.set_default_dtype(before)


def _inside(mode):
    def call(w):
        with mode():
            return w["step"]()

    return call


def _elsewhere(mode=contextlib.nullcontext):
    def call(w):
        found = []
        thread = threading.Thread(target=lambda: found.append(_inside(mode)(w)))
        thread.start()
        thread.join()
        return found[0]

    return call


CALLS = {
    "plainly": lambda w: w["step"](),
    "without gradients": _inside(tc.no_grad),
    "for inference": _inside(tc.inference_mode),
    "watched": _watched,
    "at another default dtype": _default_dtype,
    "in another thread": _elsewhere(),
    "in another thread without gradients": _elsewhere(tc.no_grad),
}


class Twins:
    """Two worlds, the function of one of them compiled."""

    def __init__(self, backend, **kwargs):
        self.worlds = world(**kwargs), world(**kwargs)
        self.compiled = tc.compile(self.worlds[1]["step"], backend=backend)
        self.worlds[1]["step"] = self.compiled

    def call(self, how="plainly", times=1):
        for _ in range(times):
            kept = [np.array(getattr(g, "array", g)) for g in self.worlds[1]["kept"] if not isinstance(g, nn.Module)]
            outs = [CALLS[how](w) for w in self.worlds]
            same(*outs, rtol=2e-4, atol=2e-5)
            same(*(state_of(w["net"], w["opt"]) for w in self.worlds), rtol=2e-4, atol=2e-5)
            held = [getattr(g, "array", g) for g in self.worlds[1]["kept"] if not isinstance(g, nn.Module)]
            for now, then in zip(held, kept):  # what somebody holds is never written to
                np.testing.assert_array_equal(now, then)

    def change(self, name):
        for w in self.worlds:
            CHANGES[name](w)

    @property
    def through_the_door(self):
        return sum(entry.run.step.runs for entry in self.compiled.entries if entry.run.step is not None)


@pytest.fixture(autouse=True)
def quiet():
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="compile: step cannot be repeated")
        yield


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("change", CHANGES)
def test_one_change(change, backend):
    twins = Twins(backend)
    twins.call(times=5)
    if backend == "native" and layout.agrees():
        assert twins.through_the_door >= 1
    for _ in range(2):
        twins.change(change)
        twins.call(times=4)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("how", CALLS)
def test_one_call_in_another_mode(how, backend):
    twins = Twins(backend)
    for _ in range(2):
        twins.call(times=4)
        twins.call(how, times=3)
    twins.call(times=3)


@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(CHANGES)), st.sampled_from(sorted(CALLS)), st.integers(1, 4)), max_size=5
    ),
    st.sampled_from(RESULTS), st.sampled_from(["momentum", "Adam"]),
)  # fmt: skip
def test_any_changes(backend, steps, result, optimizer):
    twins = Twins(backend, result=result, optimizer=optimizer)
    twins.call(times=4)
    for change, how, times in steps:
        twins.change(change)
        twins.call(how)
        twins.call(times=times)


@native_only
@pytest.mark.parametrize("optimizer", ["momentum", "Adam"])
@pytest.mark.parametrize("result", RESULTS[:3])
def test_scripts_go_through_the_door(result, optimizer):
    twins = Twins("native", result=result, optimizer=optimizer)
    twins.call(times=4)
    before = twins.through_the_door
    twins.call(times=20)
    assert twins.through_the_door == before + 20
    assert twins.compiled.entries[-1].calls >= 20


@native_only
def test_a_learning_rate_that_follows_a_schedule_keeps_the_door_open():
    twins = Twins("native")
    twins.call(times=5)
    for i in range(12):
        twins.change("learning rate")
        twins.call()
        if i == 3:
            before = twins.through_the_door
    assert twins.through_the_door >= before + 8


# --- Arguments --------------------------------------------------------------------------------------------------------


@native_only
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["same", "new", "strided", "read-only", "reversed", "longer", "double", "leaf", "both",
                             "view", "array", "named", "parameter", "unaligned", "empty"]),
            st.integers(0, 99),
        ),
        max_size=12,
    )
)  # fmt: skip
def test_arguments_of_any_kind(kinds):
    w = tc.tensor([[0.5, -1.0]])

    def f(x, y):
        return ((x * w + y).tanh() * 2.0).sum(0)

    twin = tc.compile(f, backend="native")
    fixed = tc.ones(3, 2), tc.zeros(3, 2)
    for _ in range(5):
        same(f(*fixed), twin(*fixed))
    for kind, seed in kinds:
        rng = np.random.default_rng(seed)
        a, b = (rng.standard_normal((3, 2)).astype(np.float32) for _ in range(2))
        big = rng.standard_normal((8, 6)).astype(np.float32)
        read_only = np.broadcast_to(a[0], (3, 2))
        bytes_ = np.empty(25, np.uint8)[1:].view(np.float32).reshape(3, 2)
        bytes_[...] = a
        x, y = {
            "same": fixed, "new": (a, b), "strided": (big[:3, :2], b), "read-only": (read_only, a),
            "reversed": (a[::-1], b), "longer": (big[:, :2].copy(), a[:1, :1]), "double": (a.astype(np.float64), b),
            "leaf": (tc.tensor(a, requires_grad=True), b), "both": (a, a), "view": (big[:3, :2], big[:3, 1:3]),
            "array": (tc.tensor(a), b), "named": (a, b), "parameter": (nn.Parameter(tc.tensor(a)), b),
            "unaligned": (bytes_, b), "empty": (a[:0], b[:0]),
        }[kind]  # fmt: skip
        if kind == "both":
            x = y = tc.from_numpy(a)
        if kind != "array":
            x, y = (z if isinstance(z, tc.Tensor) else tc.from_numpy(z) for z in (x, y))
        wanted = f(x, y)
        got = twin(x, y=y) if kind == "named" else twin(x, y)
        same(wanted.detach(), got.detach())
        assert wanted.requires_grad == got.requires_grad


@native_only
def test_arguments_that_are_given_twice_are_told_from_two():
    f = tc.compile(lambda x, y: ((x - y) ** 2).sum(), backend="native")
    a, b = tc.ones(3), tc.zeros(3)
    for _ in range(5):
        assert f(a, a).item() == 0.0
    for _ in range(5):
        assert f(a, b).item() == 3.0
        assert f(a, a).item() == 0.0


@native_only
def test_wrong_calls_raise_as_the_function_does():
    f = tc.compile(lambda x: x * 2.0, backend="native")
    for _ in range(5):
        f(tc.ones(2))
    with pytest.raises(TypeError):
        f()
    with pytest.raises(TypeError):
        f(tc.ones(2), tc.ones(2))
    with pytest.raises(TypeError):
        f(tc.ones(2), z=1)
    same(f(tc.ones(2)), tc.full((2,), 2.0))


# --- Lifetime ---------------------------------------------------------------------------------------------------------


@native_only
def test_what_is_compiled_goes_when_nobody_needs_it():
    def made():
        w = world()
        f = tc.compile(w["step"], backend="native")
        for _ in range(6):
            f()
        assert f._quick.run.step.armed
        return f, weakref.ref(f), weakref.ref(w["net"])

    f, compiled, net = made()
    gc.collect()
    assert net() is not None
    f()
    del f
    gc.collect()
    assert compiled() is None
    assert net() is None


@native_only
def test_a_function_object_outlives_what_it_was_made_for():
    w = world()
    f = tc.compile(w["step"], backend="native")
    for _ in range(6):
        f()
    door = f.__call__
    assert type(door).__name__ == "builtin_function_or_method"
    parameter = w["net"][0].weight
    before = parameter.detach().clone()
    del f
    w.clear()
    gc.collect()
    with contextlib.suppress(NameError):  # the globals are gone
        door()
    del door
    gc.collect()
    same(parameter.detach(), before)


@native_only
def test_references_are_neither_lost_nor_gained():
    w = world("(loss, marker)")
    w["marker"] = marker = object()
    f = tc.compile(w["step"], backend="native")
    for _ in range(6):
        f()
    watched = [marker, None, tc.Tensor, w["x"], w["x"].array, w["opt"], w["net"][0].weight, np.dtype(np.float32)]
    for _ in range(2):
        counts = [sys.getrefcount(x) for x in watched]
        for _ in range(1000):
            loss, found = f()
        assert found is marker
        assert type(loss) is tc.Tensor
        assert loss.node is not None
        assert loss.grad is None
        del loss, found
    changed = [abs(sys.getrefcount(x) - n) for x, n in zip(watched, counts)]
    assert max(changed) < 100
    assert f._quick.run.step.runs >= 2000


@native_only
def test_garbage_collected_all_the_time_does_no_harm():
    twins = Twins("native")
    twins.call(times=5)
    threshold = gc.get_threshold()
    gc.set_threshold(1)
    try:
        twins.call(times=20)
    finally:
        gc.set_threshold(*threshold)


@native_only
def test_many_threads_may_call_one_function():
    w = tc.tensor([[0.5, -1.0]])
    f = tc.compile(lambda x: ((x * w).tanh() * 2.0).sum(0), backend="native")
    wrong = []

    def work(k):
        x = tc.full((4, 2), float(k))
        wanted = np.tanh(k * w.numpy()).repeat(4, 0).sum(0) * 2
        for _ in range(300):
            if not np.allclose(f(x).numpy(), wanted, rtol=1e-5):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# --- Tables -----------------------------------------------------------------------------------------------------------


def test_watches_refuse_what_tables_cannot_hold():
    class Ordered(dict):
        pass

    class Listed(list):
        pass

    watch = Watch()
    with pytest.raises(Unwatchable):
        watch.whole(Ordered())
    with pytest.raises(Unwatchable):
        watch.items(Listed([1]), [1])
    x = tc.ones(2)
    watch.slot(x, "node", None, tc.Tensor)
    with pytest.raises(Unwatchable, match="changed meanwhile"):
        watch.slot(x, "node", x, tc.Tensor)


@native_only
def test_layout_of_slots():
    x = tc.ones(2)
    place = layout.slot(tc.Tensor, "array")
    assert layout.word(id(x) + place) == id(x.array)
