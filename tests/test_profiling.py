"""tc.profile: every call is counted once, times add up, and nothing is left behind."""

import contextlib
import io
import json
import threading
import time

import numpy as np
import pytest

import tinygrad_course as tc
from tinygrad_course.graph import state

WAIT = 0.01  # seconds; what is slept cannot take less


def _sleep(x):
    time.sleep(WAIT)
    return x + 0


def _sleep_back(g, _y, _x):
    time.sleep(2 * WAIT)
    return g + 0


slow = tc.primitive(_sleep, vjp=_sleep_back, name="slow")


def _fail(x):
    raise ArithmeticError("no")


failing = tc.primitive(_fail, vjp=lambda g, y, x: g, name="failing")
breaking = tc.primitive(lambda x: x + 0, vjp=lambda g, y, x: _fail(g), name="breaking")


def _x():
    return tc.ones(3, requires_grad=True)


def _of(p, name):
    (row,) = [row for row in p.rows if row.name == name]
    return row


def test_times_are_those_of_the_calls():
    with tc.profile(show=False) as p:
        slow(slow(_x())).sum().backward()
    row = _of(p, "slow")
    assert (row.forward_calls, row.backward_calls) == (2, 2)
    assert row.forward_seconds >= 2 * WAIT
    assert row.backward_seconds >= 4 * WAIT
    assert p.rows[0] is row


def test_sums_add_up():
    with tc.profile(show=False) as p:
        y = slow(_x())
        time.sleep(WAIT)
        (y * y).sum().backward()
    assert p.elsewhere >= WAIT
    assert sum(row.seconds for row in p.rows) + p.elsewhere == pytest.approx(p.seconds)
    assert all(row.forward_seconds > 0 for row in p.rows if row.forward_calls)


def test_bytes():
    x = tc.ones(10, 20, requires_grad=True)
    with tc.profile(show=False) as p:
        y = tc.exp(x)
        y.backward(tc.ones(10, 20))
    assert _of(p, "exp").bytes == 2 * 4 * 200


def test_several_outputs():
    a = tc.ones(6, 3)
    with tc.profile(show=False) as p:
        tc.linalg.qr(a)
    assert [row.forward_calls for row in p.rows if "qr" in row.name] == [1]


def test_recorded_backward_is_counted_once():
    """With create_graph the rules execute operations: their time is theirs, not the rule's too."""
    twice = tc.primitive(lambda x: x * 2, vjp=lambda g, y, x: slow(g) * 2, name="twice")
    x = _x()
    with tc.profile(show=False) as p:
        tc.autograd.grad(twice(x).sum(), x, create_graph=True)
    assert _of(p, "slow").forward_seconds >= WAIT
    assert _of(p, "twice").backward_seconds < _of(p, "slow").forward_seconds
    assert sum(row.seconds for row in p.rows) <= p.seconds


def test_nested():
    with tc.profile(show=False) as outer:
        tc.exp(_x())
        with tc.profile(show=False) as inner:
            tc.exp(_x())
        tc.exp(_x())
    assert _of(outer, "exp").forward_calls == 3
    assert _of(inner, "exp").forward_calls == 1
    assert state.observers == ()


def test_entered_twice():
    with tc.profile(show=False) as p, pytest.raises(RuntimeError, match="running already"), p:
        pass
    with p:  # it begins afresh
        tc.exp(_x())
    assert _of(p, "exp").forward_calls == 1


def test_exception_of_the_work():
    with pytest.raises(ZeroDivisionError), tc.profile(show=False) as p:
        slow(_x())
        raise ZeroDivisionError
    assert state.observers == ()
    assert _of(p, "slow").forward_calls == 1


def test_operation_that_fails():
    with tc.profile(show=False) as p:
        with pytest.raises(ArithmeticError, match="no"):
            failing(_x())
        slow(_x())
        with pytest.raises(ArithmeticError, match="no"):
            breaking(slow(_x())).sum().backward()
        slow(_x()).sum().backward()
    row = _of(p, "slow")
    assert (row.forward_calls, row.backward_calls) == (3, 1)
    assert row.forward_seconds >= 3 * WAIT
    assert not any(row.name == "failing" for row in p.rows)
    assert _of(p, "breaking").backward_calls == 0
    assert sum(row.seconds for row in p.rows) + p.elsewhere == pytest.approx(p.seconds)


def test_failure_inside_another_call():
    """What ran within a failed call within a call is not counted a second time."""

    def forward(x):
        with contextlib.suppress(ArithmeticError):
            inner(tc.from_numpy(x))
        return x + 0

    def within(x):
        slow(tc.from_numpy(x))
        raise ArithmeticError("no")

    inner = tc.primitive(within, name="inner")
    outer = tc.primitive(forward, name="outer")
    with tc.profile(show=False) as p:
        outer(tc.ones(3))
    assert _of(p, "slow").forward_seconds >= WAIT
    assert _of(p, "outer").forward_seconds <= p.seconds - _of(p, "slow").forward_seconds


def test_other_threads_are_not_watched():
    def work():
        slow(_x()).sum().backward()

    with tc.profile(show=False) as p:
        thread = threading.Thread(target=work)
        thread.start()
        tc.exp(_x())
        thread.join()
    assert [row.name for row in p.rows] == ["exp"]


def test_two_threads_at_once():
    found = {}

    def work(name, count):
        with tc.profile(show=False) as p:
            for _ in range(count):
                tc.exp(slow(_x())).sum().backward()
        found[name] = [(row.name, row.forward_calls, row.backward_calls) for row in p.rows]

    threads = [threading.Thread(target=work, args=(n, n)) for n in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for n in (1, 2, 3):
        assert sorted(found[n]) == [("exp", n, n), ("slow", n, n), ("sum", n, n)]


def test_entered_within_an_operation():
    """Ends are not taken for something whose beginning was not seen."""
    kept = []

    def forward(x):
        p = tc.profile(show=False)
        p.__enter__()
        kept.append(p)
        return x + 0

    op = tc.primitive(forward, name="enters")
    op(tc.ones(2))
    kept[0].__exit__(None, None, None)
    assert kept[0].rows == []


def test_table():
    out = io.StringIO()
    with tc.profile(file=out) as p:
        slow(_x()).sum().backward()
    text = out.getvalue()
    assert text.rstrip("\n") == str(p)
    lines = text.splitlines()
    assert lines[0].split() == ["operation", "forward", "backward", "bytes", "share"]
    assert [line.split()[0] for line in lines[2:]] == [*(row.name for row in p.rows), "elsewhere", "together"]
    shares = [float(line.split()[-1].rstrip("%")) for line in lines[2:-1]]
    assert sum(shares) == pytest.approx(100, abs=0.1 * len(shares))


def test_empty(capsys):
    with tc.profile():
        pass
    assert "elsewhere" in capsys.readouterr().out


def test_trace(tmp_path):
    path = tmp_path / "trace.json"
    with tc.profile(show=False, trace=path) as p:
        slow(_x()).sum().backward()
    events = json.loads(path.read_text())["traceEvents"]
    assert [(e["name"], e["cat"]) for e in events] == [
        ("slow", "forward"), ("sum", "forward"), ("sum", "backward"), ("slow", "backward"),
    ]  # fmt: skip
    assert all(e["ph"] == "X" and e["ts"] >= 0 and e["dur"] > 0 for e in events)
    assert events[0]["dur"] >= 1e6 * WAIT
    assert events[-1]["ts"] + events[-1]["dur"] <= 1e6 * p.seconds
    assert events[0]["args"]["shapes"] == [[3]]


def test_values_are_the_same():
    x = tc.from_numpy(np.linspace(0, 1, 7, dtype=np.float32)).requires_grad_()

    def work():
        x.grad = None
        tc.tanh(x * 3).sum().backward()
        return x.grad.numpy()

    plain = work()
    with tc.profile(show=False):
        watched = work()
    np.testing.assert_array_equal(plain, watched)
