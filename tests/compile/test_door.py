"""Calls that native code lets through: whatever is changed between two calls, the next one does what eager code does.

The same changes are tried where Python looks at the conditions (backend "numpy"), and where native code does.
"""

import contextlib
import copy
import gc
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course import nn
from tinygrad_course.compile import layout

from .twins import same, state_of
from .worlds import RESULTS, Holder, native_only, world

BACKENDS = ["numpy", pytest.param("native", marks=pytest.mark.skipif(not tc.native.available(), reason="no llvmlite"))]


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


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("change", CHANGES)
def test_one_change(change, backend, packed, monkeypatch):
    if not packed:  # parameters of more elements stay where they are
        monkeypatch.setattr("tinygrad_course.optim.rule.SMALL", 1)
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
