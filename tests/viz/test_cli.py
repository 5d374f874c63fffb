"""The command line: what it writes, and one clear line for what the user can mend."""

import subprocess
import sys

import pytest

from tinygrad_course.cli import COMMANDS, main
from tinygrad_course.viz.render import engine_name

MODELS = """
import tinygrad_course as tc
from tinygrad_course import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.fc = nn.Linear(4, 2)

    def forward(self, image):
        return self.fc(self.conv(image).relu().mean((2, 3)))

class Needs(nn.Module):
    def __init__(self, width):
        super().__init__()

class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(5, 2)

    def forward(self, words):
        return self.embedding(words)

def make():
    return Net()

def loss_of(x):
    return (x * 2).sum()

w = tc.ones(3, requires_grad=True)
loss = (w ** 2).sum()
number = 3
"""


@pytest.fixture
def models(tmp_path):
    path = tmp_path / "models_of_a_user.py"
    path.write_text(MODELS)
    yield str(path)
    sys.modules.pop(path.stem, None)
    sys.path[:] = [p for p in sys.path if p != str(tmp_path)]


@pytest.mark.parametrize(
    ("name", "extra", "found"),
    [
        ("Net", ["--input", "8,3,8,8"], "convolution"),
        ("make", [], None),
        ("loss_of", ["--input", "3"], "× 2"),
        ("loss", [], "^ 2"),
        ("Words", ["--input", "2,3:int64", "--high", "5"], "words"),
        ("Net", ["--input", "8x3x8x8", "--depth", "1", "--direction", "both"], "(Conv2d)"),
    ],
)
def test_draw(models, tmp_path, capsys, name, extra, found):
    out = tmp_path / "graph.dot"
    code = main(["draw", f"{models}:{name}", "-o", str(out), *extra])
    if found is None:  # a model whose forward wants an input
        assert code == 2 and "missing 1 required positional argument" in capsys.readouterr().err
    else:
        assert code == 0
        assert found in out.read_text(encoding="utf-8")
        assert capsys.readouterr().out == f"wrote {out}\n"


@pytest.mark.skipif(engine_name("svg") is None, reason="no engine")
def test_draw_makes_a_picture(models, tmp_path):
    out = tmp_path / "graph.svg"
    assert main(["draw", f"{models}:loss", "-o", str(out)]) == 0
    assert "<svg" in out.read_text(encoding="utf-8")


def test_summary(models, capsys):
    assert main(["summary", f"{models}:Net", "--input", "8,3,8,8"]) == 0
    out = capsys.readouterr().out
    assert "conv (Conv2d)" in out and "8 × 4 × 6 × 6" in out and "122 parameters" in out
    assert main(["summary", f"{models}:make"]) == 0
    assert "122 parameters" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["draw", "{models}"], "expected FILE.py:NAME"),
        (["draw", "nowhere.py:x"], "there is no file nowhere.py"),
        (["draw", "{models}:Nett"], "did you mean Net?"),
        (["draw", "{models}:zzz"], "has no 'zzz'"),
        (["draw", "{models}:Needs"], "Needs() failed: TypeError"),
        (["draw", "{models}:number"], "of type int; expected a Module, a function or a Tensor"),
        (["draw", "{models}:loss", "--input", "3"], "is a Tensor, which takes no --input"),
        (["draw", "{models}:Net", "--input", "8,a"], "--input expects lengths"),
        (["draw", "{models}:Net", "--input", "8,-3"], "--input expects lengths"),
        (["draw", "{models}:Net", "--input", "8:text"], "unknown dtype 'text'"),
        (["draw", "{models}:Words", "--input", "8:int64", "--high", "0"], "--high must be 1 or more"),
        (["draw", "{models}:Net", "--input", "8,4,8,8"], "failed at line 12: RuntimeError: conv2d"),
        (["draw", "{models}:Net", "--input", "8,3,8,8", "--show", "colour"], "unknown facts"),
        (["draw", "{models}:loss", "-o", "/no such folder/graph.dot"], "cannot write /no such folder/graph.dot"),
        (["draw", "{models}:loss", "-o", "graph.foo"], "foo"),
        (["summary", "{models}:loss"], "is of type Tensor; summary expects a Module"),
        (["summary", "{models}:Net", "--input", "8,4,8,8"], "RuntimeError: conv2d"),
    ],
)
def test_mistakes_get_one_line(models, capsys, arguments, message):
    assert main([a.format(models=models) for a in arguments]) == 2
    err = capsys.readouterr().err
    assert message in err and err.startswith("error: ") and err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nope_there_is_no_such_module", "failed at line 1: ModuleNotFoundError"),
        ("x = 1\n1 / 0", "failed at line 2: ZeroDivisionError"),
        ("def f(:", "failed at line 1: SyntaxError"),
        ("import sys\nsys.exit(3)", "ended the program (code 3)"),
    ],
)
def test_files_that_cannot_be_imported(tmp_path, capsys, text, message):
    (tmp_path / "broken_file.py").write_text(text)
    assert main(["draw", f"{tmp_path}/broken_file.py:x"]) == 2
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1
    sys.modules.pop("broken_file", None)


def test_unknown_commands_and_help():
    for arguments, code in ((["nonsense"], 2), ([], 2), (["draw", "--help"], 0)):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == code


def test_as_a_program(models):
    done = subprocess.run(
        [sys.executable, "-m", "tinygrad_course", "summary", f"{models}:Net"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and "fc (Linear)" in done.stdout
    done = subprocess.run(
        [sys.executable, "-m", "tinygrad_course", "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and all(name in done.stdout for name in COMMANDS)
