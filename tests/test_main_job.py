"""The first example as a user runs it: its output, its files, and one clear line for a bad CSV file."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent


def run(*arguments, cwd):
    command = [sys.executable, str(ROOT / "examples" / "01_sinus.py"), "--quick", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def check_outcome(done, out):
    assert done.returncode == 0, done.stderr
    found = re.search(r"largest difference: (\S+)", done.stdout)
    assert found is not None
    assert float(found.group(1)) <= 1e-12
    assert "final root mean square error" in done.stdout
    for name in ("01_basis_functions.png", "01_network.png"):
        assert (out / name).read_bytes().startswith(b"\x89PNG")
    assert list(out.glob("01_loss_graph.*"))


def test_bishops_targets(tmp_path):
    pytest.importorskip("matplotlib")
    done = run("--out", tmp_path / "out", cwd=tmp_path)
    check_outcome(done, tmp_path / "out")
    for name in ("square", "sin", "abs", "step"):
        assert re.search(rf"{name} +final root mean square error 0\.\d+", done.stdout)


def test_a_users_points(tmp_path):
    pytest.importorskip("matplotlib")
    x = np.linspace(900, 1000, 30)
    rows = "".join(f"{a},{b}\n" for a, b in zip(x, 5e4 * np.cos(x / 10), strict=True))
    (tmp_path / "mine.csv").write_text("x,t\n" + rows)
    done = run("--csv", "mine.csv", "--out", tmp_path / "out", cwd=tmp_path)
    check_outcome(done, tmp_path / "out")
    assert "mine" in done.stdout


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "bad.csv"),
        ("x,y\n1,2\n3,4\n", "line 1: no column 't'"),
        ("x,t\n1,2\n3,many\n", "line 3, column 't'"),
        ("", "empty"),
        ("x,t\n1,2\n", "one row"),
        ("x,t\n1,2\nNaN,3\n", "line 3, column 'x'"),
    ],
)
def test_a_bad_file_gets_one_line(tmp_path, text, told):
    if text is not None:
        (tmp_path / "bad.csv").write_text(text)
    done = run("--csv", "bad.csv", "--out", tmp_path / "out", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: bad.csv")
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
