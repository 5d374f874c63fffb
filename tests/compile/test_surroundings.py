"""Whatever the code of a function reads by name may change between calls, wherever Python keeps it."""

import collections
import functools
import sys
import types
from dataclasses import dataclass

import numpy as np
import pytest

import tinygrad_course as tc
from tinygrad_course import nn

BACKENDS = ["numpy", *(["native"] if tc.native.available() else [])]


def _run(code, **space):
    """The function f of some code, and its globals."""
    space["__name__"] = __name__
    exec(code, space)
    return space["f"], space


def _python_module(code="scale = 2.0"):
    found = types.ModuleType("settings_of_a_user")
    exec(code, found.__dict__)
    return found


def _set(x, name, value):
    return lambda: setattr(x, name, value)


def module_attribute():
    settings = _python_module()
    return lambda x: x * settings.scale, _set(settings, "scale", 3.0)


def global_of_another_file():
    settings = _python_module("scale = 2.0\ndef g(x): return x * scale")
    return lambda x: settings.g(x) * 1.0, _set(settings, "scale", 3.0)


def function_of_another_file():
    settings = _python_module("def g(x): return x * 2.0")
    return lambda x: settings.g(x) * 1.0, _set(settings, "g", lambda x: x * 3.0)


def module_imported_inside():
    sys.modules["settings_of_a_user"] = settings = _python_module()

    def f(x):
        import settings_of_a_user

        return x * settings_of_a_user.scale

    return f, _set(settings, "scale", 3.0)


def global_that_hides_a_builtin():
    f, space = _run("def f(x): return x * abs(-2.0)")
    return f, lambda: space.update(abs=lambda v: 3.0)


def global_by_its_name():
    f, space = _run("def f(x): return x * globals()['scale']", scale=2.0)
    return f, lambda: space.update(scale=3.0)


def function_inside():
    f, space = _run("def g(x): return x * s\ndef f(x):\n  def h(y): return g(y)\n  return h(x)", s=2.0)
    return f, lambda: space.update(s=3.0)


def _two():
    def two(x, scale=2.0, *, more=1.0):
        return x * scale * more

    return two, lambda x: two(x) * 1.0


def code():
    two, f = _two()
    return f, _set(two, "__code__", (lambda x, scale=0, *, more=0: x * 3.0).__code__)


def code_of_the_function_itself():
    two, _ = _two()
    return two, _set(two, "__code__", (lambda x, scale=0, *, more=0: x * 3.0).__code__)


def defaults():
    two, f = _two()
    return f, _set(two, "__defaults__", (3.0,))


def default_by_name():
    two, f = _two()
    return f, lambda: two.__kwdefaults__.update(more=1.5)


def default_that_is_a_list():
    def two(x, scale=[2.0]):  # noqa: B006
        return x * scale[0]

    return two, lambda: two.__defaults__[0].__setitem__(0, 3.0)


def attribute_of_a_function():
    def g(x):
        return x * g.scale

    g.scale = 2.0
    return g, _set(g, "scale", 3.0)


def partial():
    g = functools.partial(lambda x, scale: x * scale, scale=2.0)
    return lambda x: g(x) * 1.0, lambda: g.keywords.update(scale=3.0)


def cached():
    settings = types.SimpleNamespace(scale=2.0)
    g = functools.wraps(len)(lambda x: x * settings.scale)
    return lambda x: g(x) * 1.0, _set(settings, "scale", 3.0)


def gradient_of_a_function():
    settings = types.SimpleNamespace(scale=2.0)
    slope = tc.func.grad(lambda x: (x * settings.scale).sum())
    return lambda x: slope(x) * 1.0, _set(settings, "scale", 3.0)


def compiled_function_inside():
    settings = types.SimpleNamespace(scale=2.0)
    inner = tc.compile(lambda x: x * settings.scale)
    return lambda x: inner(x) * 1.0, _set(settings, "scale", 3.0)


class _Plain:
    scale = 2.0
    other = 3.0

    def __init__(self):
        self.own = 2.0

    @property
    def given(self):
        return self.own

    @classmethod
    def made(cls, x):
        return x * cls.scale

    def method(self, x):
        return x * self.own

    def __call__(self, x):
        return x * self.own


def _class():
    return type("Plain", (_Plain,), {})


def attribute_of_a_class():
    c = _class()
    return lambda x: x * c.scale, _set(c, "scale", 3.0)


def attribute_of_the_class_of_an_object():
    c = _class()
    plain = c()
    return lambda x: x * plain.scale, _set(c, "scale", 3.0)


def attribute_that_hides_that_of_the_class():
    plain = _class()()
    return lambda x: x * plain.scale, _set(plain, "scale", 3.0)


def class_method():
    c = _class()
    return lambda x: c.made(x) * 1.0, _set(c, "scale", 3.0)


def method_replaced():
    c = _class()
    plain = c()
    return lambda x: plain.method(x) * 1.0, _set(c, "method", lambda self, x: x * 3.0)


def another_class():
    plain = _class()()
    return lambda x: x * plain.scale, _set(plain, "__class__", type("Other", (_Plain,), {"scale": 3.0}))


def another_dict():
    plain = _class()()
    return lambda x: x * plain.own, _set(plain, "__dict__", {"own": 3.0})


def property_behind():
    plain = _class()()
    return lambda x: x * plain.given, _set(plain, "own", 3.0)


def callable_object():
    plain = _class()()
    return lambda x: plain(x) * 1.0, _set(plain, "own", 3.0)


def callable_object_itself():
    plain = _class()()
    return plain, _set(plain, "own", 3.0)


def attribute_by_its_name():
    plain, name = _class()(), "own"
    return lambda x: x * getattr(plain, name), _set(plain, "own", 3.0)


def attribute_by_a_word():
    plain = _class()()
    return lambda x: x * vars(plain)["own"], _set(plain, "own", 3.0)


def slot():
    plain = dataclass(slots=True)(type("Slots", (), {"__annotations__": {"scale": float}}))(2.0)
    return lambda x: x * plain.scale, _set(plain, "scale", 3.0)


def constants_of_an_object_made_inside():
    f, space = _run("class C:\n  def __init__(self): self.own = scale\ndef f(x): return x * C().own", scale=2.0)
    return f, lambda: space.update(scale=3.0)


def nested_objects():
    outer = types.SimpleNamespace(inner=types.SimpleNamespace(scale=2.0))
    return lambda x: x * outer.inner.scale, _set(outer.inner, "scale", 3.0)


def deep_list():
    deep = [[[[[[[[2.0]]]]]]]]
    return lambda x: x * deep[0][0][0][0][0][0][0][0], lambda: deep[0][0][0][0][0][0][0].__setitem__(0, 3.0)


def long_list():
    numbers = [2.0] * 1000
    return lambda x: x * numbers[7], lambda: numbers.__setitem__(7, 3.0)


def dict_of_a_class_of_its_own():
    numbers = collections.OrderedDict(scale=2.0)
    return lambda x: x * numbers["scale"], lambda: numbers.update(scale=3.0)


def key():
    numbers = {"two": 1.0}
    return lambda x: x * (2.0 if "two" in numbers else 3.0), lambda: (numbers.clear(), numbers.update(three=1.0))


def members_of_a_set():
    numbers = {2.0}
    return lambda x: x * sum(numbers), lambda: (numbers.clear(), numbers.add(3.0))


def queue():
    numbers = collections.deque([2.0])
    return lambda x: x * numbers[0], lambda: numbers.__setitem__(0, 3.0)


def array():
    a = np.float32([2])
    return lambda x: x * a, lambda: a.__setitem__(0, 3.0)


def array_of_which_a_part_is_read():
    a = np.float32([2, 1])
    return lambda x: x * a[:1], lambda: a.__setitem__(0, 3.0)


def array_read_by_python():
    a = np.float32([2, 1])
    return lambda x: x * float(a[0]), lambda: a.__setitem__(0, 3.0)


def array_read_by_numpy():
    a = np.float32([2])
    return lambda x: x * (a + 0), lambda: a.__setitem__(0, 3.0)


class _Net(nn.Module):
    scale = 2.0

    def __init__(self):
        super().__init__()
        self.numbers = [2.0]
        self.holder = types.SimpleNamespace(scale=2.0)

    def forward(self, x):
        return self.helped(x) * self.scale * self.holder.scale

    def helped(self, x):
        return x * self.numbers[0]


def _net():
    return type("Net", (_Net,), {})()


def class_of_a_module():
    net = _net()
    return net, _set(type(net), "scale", 3.0)


def list_of_a_module():
    net = _net()
    return nn.Sequential(net), lambda: net.numbers.__setitem__(0, 3.0)


def object_of_a_module():
    net = _net()
    return lambda x: net(x) * 1.0, _set(net.holder, "scale", 3.0)


def method_of_a_module():
    net = _net()
    return lambda x: net(x) * 1.0, _set(type(net), "helped", lambda self, x: x * 3.0)


def forward_of_a_module():
    net = _net()
    return lambda x: net(x) * 1.0, _set(type(net), "forward", lambda self, x: x * 3.0)


def _optimizer():
    return tc.optim.SGD([nn.Parameter(tc.ones(1))], lr=2.0)


def learning_rate_that_is_read():
    optimizer = _optimizer()
    return lambda x: x * optimizer.param_groups[0]["lr"], lambda: optimizer.param_groups[0].update(lr=3.0)


def scheduler_that_is_read():
    optimizer = _optimizer()
    scheduler = tc.optim.lr_scheduler.ExponentialLR(optimizer, 1.5)
    optimizer.step()
    return lambda x: x * scheduler.get_last_lr()[0], scheduler.step


def count_of_a_scheduler():
    optimizer = _optimizer()
    scheduler = tc.optim.lr_scheduler.ExponentialLR(optimizer, 1.5)
    optimizer.step()
    return lambda x: x * (scheduler.last_epoch + 2), scheduler.step


def attribute_of_an_optimizer():
    optimizer = type("Mine", (tc.optim.SGD,), {})([nn.Parameter(tc.ones(1))], lr=0.1)
    optimizer.scale = 2.0
    return lambda x: x * optimizer.scale, _set(optimizer, "scale", 3.0)


def gradient_that_is_there():
    w = nn.Parameter(tc.ones(1))
    w.grad = tc.ones(1)
    return lambda x: x * (3.0 if w.grad is None else 2.0), _set(w, "grad", None)


def shape_of_a_tensor():
    w = tc.ones(2)
    return lambda x: x * len(w), _set(w, "data", tc.ones(3))


def dtype_of_a_tensor():
    w = tc.ones(2)
    return lambda x: x * (2.0 if w.dtype == tc.float32 else 3.0), _set(w, "data", tc.ones(2).double())


def part_of_a_large_array():
    a = np.full(10**6, 2.0, np.float32)
    return lambda x: x * a[:3], lambda: a.fill(3.0)


def copy_of_a_large_array():
    a = np.full(10**5, 2.0, np.float32)
    return lambda x: x * tc.tensor(a[:3]), lambda: a.fill(3.0)


CASES = [f for f in list(globals().values())
         if isinstance(f, types.FunctionType) and f.__module__ == __name__ and f.__name__[0] != "_"]  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_a_change_is_seen_by_the_next_call(case, backend):
    function, change = case()
    twin = tc.compile(function, fullgraph=True, backend=backend)
    x = tc.tensor([1.0, -2.0, 0.5])
    before = function(x)
    for _ in range(5):
        np.testing.assert_array_equal(twin(x).numpy(), before.numpy())
    entries = (twin._compiled if isinstance(twin, nn.Module) else twin).entries
    assert entries[0].calls > 1
    change()
    wanted = function(x)
    assert not np.array_equal(wanted.numpy(), before.numpy())
    for _ in range(4):
        np.testing.assert_array_equal(twin(x).numpy(), wanted.numpy())
