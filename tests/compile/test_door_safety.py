"""What passes the door of a compiled function, how long what it names lives, and what its tables refuse."""

import contextlib
import gc
import sys
import threading
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course import nn
from tinygrad_course.compile import layout
from tinygrad_course.compile.watch import Unwatchable, Watch

from .twins import same
from .worlds import native_only, world

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
