"""The benchmark of the checker: its steps count what they should, it resumes, and its tables add up."""

from __future__ import annotations

import itertools
import json

import pytest

from benchmarks.checking import __main__ as checking
from benchmarks.checking import planted, right
from benchmarks.checking.bugs import KINDS
from benchmarks.checking.table import markdown
from benchmarks.checking.work import bulk, derive
from tinygrad_course.testing import strategies as some


def test_the_same_seed_gives_the_same_values():
    runs = []
    for start in (1, 1, 2):
        seen = []
        bulk(some.tensors(), 10, start, lambda x, seen=seen: seen.append(str(x)))
        runs.append(seen)
    assert runs[0] == runs[1] != runs[2] and len(runs[0]) == 10
    assert derive(0, "a") != derive(0, "b")


def test_right_gradients_give_no_alarm():
    """A step of each part."""
    by_part = {}
    for name, step in itertools.islice(right.rounds(3), 400):
        by_part.setdefault(name.split("/")[0], step)
    assert set(by_part) == {"primitives", "kinks", "layers", "layers at ties"}
    for step in by_part.values():
        counts = step()
        assert counts["checks"] > 0 and counts["alarms"] == 0


def test_a_wrong_gradient_counts_as_an_alarm():
    import numpy as np

    import tinygrad_course as tc

    tally = right.Tally()
    wrong = tc.primitive(np.sin, vjp=lambda g, y, x: -g * np.cos(x), name="wrong")
    tally.check("wrong", wrong, [np.array([0.5])])
    jump = tc.primitive(np.sign, vjp=lambda g, y, x: g * 0, name="jump")
    tally.check("jump", jump, [np.array([0.0])])
    assert (tally.counts["checks"], tally.counts["alarms"], tally.counts["undecided"]) == (2, 1, 1)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if KINDS[kind].cause])
def test_bugs_are_found_located_and_named(kind):
    name = {"transposed": "matmul", "a slice for the sum": "add", "gradient of another input": "multiply"}
    counts = planted._plant(kind, name.get(kind, "tanh"), 2, 0)
    assert counts["planted"] > 0 and counts["found"] == counts["located"] == counts["planted"], counts["examples"]
    if kind not in ("gradient of another input", "a slice for the sum"):  # depends on the shapes
        assert counts["diagnosed"] == counts["named"], counts["examples"]


def test_a_run_resumes_and_prints_its_tables(tmp_path, monkeypatch, capsys):
    def steps(start, each):
        for name in "abc":
            done.append(name)
            yield f"planted/sign flipped/{name}", lambda: {
                "planted": 2, "found": 2, "located": 2, "diagnosed": 1, "named": 2, "examples": [],
            }  # fmt: skip

    done: list[str] = []
    monkeypatch.setattr(checking.planted, "steps", steps)
    arguments = ["--parts", "right,planted", "--checks", "30", "--json", str(tmp_path / "results.json")]
    assert checking.main(arguments) == 0
    first = json.loads((tmp_path / "results.json").read_text())
    assert checking.main(arguments) == 0
    again = json.loads((tmp_path / "results.json").read_text())
    assert first["rows"] == again["rows"] and first["checks"] >= 30
    out = capsys.readouterr().out
    assert "| sign flipped | 6 | 100.00 % (6 of 6) | 100.00 % (6 of 6) | 50.00 % (3 of 6) |" in out
    assert markdown(again) in out
    with pytest.raises(SystemExit, match="begun with seed 0"):
        checking.main([*arguments, "--seed", "1"])
