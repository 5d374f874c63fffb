"""The pytest plugin: its options, its fixture, what it prints, and that it costs nothing to those who do not use it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

WRONG = """
import numpy as np
import tinygrad_course as tc
from tinygrad_course.testing import strategies as some

tanh = tc.primitive(np.tanh, vjp=lambda g, y, x: g * (1 + y * y), name="my_tanh")

@tc.testing.check_gradients(some.tensors())
def test_drawn(x):
    return tanh(x)

def test_given(gradcheck):
    gradcheck(lambda x: tanh(tc.sin(x)), np.array([0.5, 1.0]))

def test_right(gradcheck):
    assert gradcheck(tc.tanh, np.array([0.5, 1.0]))

def test_other_failures_are_told_as_ever():
    assert 1 + 1 == 3
"""

SECOND_ORDER = """
import numpy as np
import tinygrad_course as tc
from tinygrad_course.testing import strategies as some

cube = tc.primitive(lambda x: x**3, vjp=lambda g, y, x: g * 3 * np.square(getattr(x, "array", x)), name="cube")

@tc.testing.check_gradients(some.tensors((2,), low=1))
def test_drawn(x):
    return cube(x)

def test_given(gradcheck):
    gradcheck(cube, np.array([0.5, 1.0]))
"""


def run(folder, *arguments, code=""):
    """Run pytest on a file in a process of its own, with the plugin named as users do, unless it is installed."""
    (folder / "test_of_a_user.py").write_text(code)
    names = ("CI", "HYPOTHESIS_PROFILE", "PYTEST_ADDOPTS")
    env = {**{k: v for k, v in os.environ.items() if k not in names}, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tinygrad_course.testing.plugin", "-p", "no:cacheprovider", *arguments],
        cwd=folder, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_a_failure_is_told_by_its_diagnosis(tmp_path):
    code, out = run(tmp_path, code=WRONG)
    assert code == 1 and "3 failed, 1 passed" in out
    drawn, rest = out.split("test_given", 1)
    given, other = rest.split("test_other_failures", 1)
    for text in (drawn, given):
        assert "1 + h² instead of 1 - h²" in text and "analytic" in text
        assert "gradcheck.py" not in text and "Traceback" not in text
    assert "tensor(0.0625, dtype=float64)" in drawn and "test_of_a_user.py:13: GradientError" in given
    assert "assert (1 + 1) == 3" in other
    assert len(drawn.splitlines()) < 25


def test_order(tmp_path):
    assert run(tmp_path, code=SECOND_ORDER)[0] == 0
    code, out = run(tmp_path, "--gradients-order", "2", code=SECOND_ORDER)
    assert code == 1 and "2 failed" in out and "gradient of the gradient" in out


def test_seed_and_profile(tmp_path):
    code = """
import tinygrad_course as tc
from tinygrad_course.testing import strategies as some

drawn = []

def seen(x):
    drawn.append(tuple(x.tolist()))
    return x

test_drawn = tc.testing.check_gradients(some.tensors((2,)).map(seen))(tc.sin)

def test_print():
    print("drawn:", len(drawn), hash(tuple(drawn)))
"""
    arguments = ("-s", "--gradients-seed", "3", "--gradients-profile")
    quick, again, more = (run(tmp_path, *arguments, profile, code=code) for profile in ("quick", "quick", "normal"))
    assert quick[0] == more[0] == 0

    def numbers(out):
        return next(line for line in out[1].splitlines() if "drawn:" in line).partition("drawn:")[2].split()

    assert numbers(quick) == numbers(again)
    assert int(numbers(quick)[0]) <= 10 < int(numbers(more)[0])
    code, out = run(tmp_path, "--gradients-profile", "endless", code="")
    assert code == 4 and "invalid choice: 'endless'" in out


def test_a_run_that_does_not_use_it_imports_nothing(tmp_path):
    code = """
import sys

def test_nothing_is_imported():
    assert not {"numpy", "tinygrad_course.tensor", "hypothesis.core"} & set(sys.modules)
"""
    (tmp_path / "test_plain.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tinygrad_course_pytest", "-p", "no:cacheprovider",
         "-p", "no:hypothesispytest", "test_plain.py"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_works_without_hypothesis(tmp_path):
    code = """
import sys
sys.modules["hypothesis"] = None
import numpy as np
import tinygrad_course as tc

def test_given(gradcheck):
    assert gradcheck(tc.tanh, np.array([0.5, 1.0]))
"""
    code, out = run(tmp_path, "-p", "no:hypothesispytest", "--gradients-seed", "1", code=code)
    assert code == 0, out


@pytest.mark.parametrize("twice", [(), ("-p", "tinygrad_course.testing.plugin")])
def test_it_is_loaded_once(tmp_path, twice):
    code, out = run(tmp_path, *twice, "--help", code="")
    assert code == 0 and out.count("--gradients-seed") == 1
