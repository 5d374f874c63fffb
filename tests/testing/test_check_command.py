"""`python -m tinygrad_course check`: what it finds in a file, what it says, and its exit codes."""

from __future__ import annotations

import subprocess
import sys

import pytest

import tinygrad_course as tc
from tinygrad_course.cli import main
from tinygrad_course.commands.check import _judge
from tinygrad_course.commands.subjects import Subject

HEAD = """
import numpy as np
import tinygrad_course as tc
from tinygrad_course import nn
from tinygrad_course.testing import strategies as some
"""

FILE = (
    HEAD
    + """
print("a file that prints")
cube = tc.primitive(lambda x: x**3, vjp=lambda g, y, x: 3 * g * x**2, name="cube")
also_cube = cube
tanh = tc.primitive(np.tanh, vjp=lambda g, y, x: g * (1 + y * y), name="my_tanh")
log = tc.primitive(np.log, vjp=lambda g, y, x: g / x, name="log")
times = tc.primitive(np.multiply, vjp=(lambda g, y, a, b: g * b, lambda g, y, a, b: g * b), name="times")
sine = tc.sin

class Square(tc.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * x

class Net(nn.Module):
    def __init__(self, classes=2):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(4, classes)

    def forward(self, image):
        print("shape", image.shape)
        return self.fc(self.drop(self.conv(image).relu()).mean((2, 3)))

class Needs(nn.Module):
    def __init__(self, width):
        super().__init__()

    def forward(self, x):
        return x

class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(5, 2)

    def forward(self, words):
        return self.embedding(words)

@tc.testing.admits(some.tensors((2,), low=3, high=4), base=2.0)
def log_of_less(x, base):
    return tc.log(x - 2) / np.log(base)

@tc.testing.admits(tc.tensor([0.0, 1.0]))
def at_a_jump(x):
    return tc.sign(x - 1) + tc.sign(x)

def loss(scores, classes):
    return nn.functional.cross_entropy(scores, classes.long().clamp(0, 1))

def relu(x):
    return tc.relu(x)

def noisy(x):
    return x * tc.randn(*x.shape)

def words(text):
    return text + "!"

def stops(x):
    raise SystemExit(3)

def main():
    raise RuntimeError("not to be called")

def test_something(x):
    raise RuntimeError("not to be called")

def _private(x):
    raise RuntimeError("not to be called")

model = nn.Sequential(nn.Linear(4, 3), nn.Tanh())

def make():
    return nn.Linear(3, 2)
"""
)

RESULTS = {
    "cube": "right", "tanh": "WRONG", "log": "right", "times": "WRONG", "Square": "WRONG", "Net": "right",
    "Needs": "not checked", "Words": "right", "log_of_less": "right", "at_a_jump": "not checked", "loss": "right",
    "relu": "right", "noisy": "not checked", "words": "not checked", "stops": "not checked", "model": "right",
}  # fmt: skip


@pytest.fixture
def write(tmp_path):
    def write(text, name="operations_of_a_user"):
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        return str(path)

    before = set(sys.modules)
    yield write
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]
    sys.path[:] = [p for p in sys.path if p != str(tmp_path)]


def test_a_file_is_searched_and_each_thing_checked(write, capsys):
    assert main(["check", write(FILE)]) == 1
    out, err = capsys.readouterr()
    lines = out.split("\n\n")[0].splitlines()
    found = {}
    for line in lines[1:]:
        found[line.split()[0]] = next(r for r in ("not checked", "right", "WRONG") if f"  {r}" in line)
    assert found == RESULTS
    notes = {line.split()[0]: line for line in lines}
    assert "1 + h² instead of 1 - h²" in notes["tanh"] and "constant factor 1/2" in notes["Square"]
    assert "its constructor needs width" in notes["Needs"] and "random" in notes["noisy"]
    assert "at kinks too" in notes["relu"] and "a jump" in notes["at_a_jump"] and "tc.testing.admits" in notes["words"]
    assert "2 × 3 × 8 × 8" in notes["Net"] and "a file that prints" not in out + err and "shape" not in out
    # The reports of what is wrong follow the table.
    assert out.count("disagrees with differences") == 3 and "analytic" in out and err == ""


@pytest.mark.parametrize(
    ("name", "extra", "code"),
    [
        ("cube", [], 0),
        ("tanh", [], 1),
        ("tanh", ["--input", "4,3"], 1),
        ("Net", ["--input", "1,3,5,5"], 0),
        ("Words", ["--input", "4:int64", "--high", "5"], 0),
        ("make", [], 0),
        ("_private", [], 2),
        ("model.0", ["--order", "2", "--points", "2", "--seed", "5"], 0),
    ],
)
def test_one_thing(write, capsys, name, extra, code):
    assert main(["check", f"{write(FILE)}:{name}", *extra]) == code
    out = capsys.readouterr().out
    assert len(out.split("\n\n")[0].splitlines()) == 2
    if extra[:1] == ["--input"]:
        assert " × ".join(extra[1].split(":")[0].split(",")) in out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import sys\nsys.exit(3)", "ended the program (code 3)"),
        ("import argparse as a\np = a.ArgumentParser()\np.add_argument('x')\np.parse_args()", "program (code 2)"),
        ("1 / 0", "failed at line 1: ZeroDivisionError"),
        ("def f(:", "failed at line 1: SyntaxError"),
        ("raise KeyboardInterrupt", "was interrupted"),
        ("x = 3", "defines no Function, primitive, Module or function of Tensors"),
        ("import numpy as np\nfrom tinygrad_course import sin, nn", "defines no Function"),
        ("def f(x):\n    return 3", "nothing in"),
        ("print(input())", "failed at line 1"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_used(write, capsys, text, message):
    assert main(["check", write(text)]) == 2
    err = capsys.readouterr().err
    assert message in err and err.startswith("error: ") and err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.py"], "there is no file nowhere.py"),
        (["{file}:cubes"], "did you mean cube?"),
        (["{file}:np"], "of type module; expected a Function"),
        (["{file}:cube", "--input", "a"], "nothing in"),
        (["{file}", "--points", "0"], "--points must be 1 or more"),
    ],
)
def test_mistakes_get_one_line(write, capsys, arguments, message):
    file = write(FILE)
    assert main(["check", *(a.format(file=file) for a in arguments)]) == 2
    err = capsys.readouterr().err
    assert message in err and err.startswith("error: ") and err.count("\n") == 1


def test_it_can_be_interrupted(write, capsys):
    text = HEAD + "def first(x):\n    return x * 2\n\ndef second(x):\n    raise KeyboardInterrupt\n"
    assert main(["check", write(text)]) == 130
    out, err = capsys.readouterr()
    assert "first" in out and "stopped after 1 of 2" in err


def test_as_a_program(write):
    done = subprocess.run(
        [sys.executable, "-m", "tinygrad_course", "check", write(FILE) + ":Square"], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1 and "constant factor 1/2" in done.stdout and done.stderr == ""


def test_what_raises_while_it_is_checked_is_not_checked():
    import argparse

    def moody(x):
        if x.requires_grad:
            raise ValueError("no gradient wanted")
        return x

    args = argparse.Namespace(input=[], order=1, seed=0, points=2, high=2)
    verdict = _judge(Subject("moody", "function", lambda: moody, 1, None), args)
    assert verdict.result == "not checked" and "no gradient wanted" in verdict.note
    assert tc.is_grad_enabled()
