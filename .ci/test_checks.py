"""What must hold besides the tests: lint, types, doctests, and the wheel, with the lecture's command in it."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def run(*command, cwd=ROOT, **env):
    """Run a command and return its output; fail with all that it printed if its exit code is not 0."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, env={**os.environ, **env})
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
    return done.stdout


def test_lint():
    run(sys.executable, "-m", "ruff", "check", "--config", ".ci/ruff.toml", ".")
    run(sys.executable, "-m", "ruff", "format", "--check", "--config", ".ci/ruff.toml", ".")


def test_types():
    run(sys.executable, "-m", "mypy")


def test_doctests():
    # As a user runs them: the suite's own filters, which turn warnings into errors, are left out.
    flags = ("-p", "no:cacheprovider", "-o", "filterwarnings=")
    out = run(sys.executable, "-m", "pytest", "--doctest-modules", "tinygrad_course", *flags)
    assert re.search(r"\d+ passed", out)


def test_files_stay_small():
    long = {}
    for folder in ("tinygrad_course", "tests", "benchmarks", "examples"):
        for path in (ROOT / folder).rglob("*.py"):
            count = len(path.read_text(encoding="utf-8").splitlines())
            if count > 420:
                long[str(path.relative_to(ROOT))] = count
    assert not long, "files of more than about 400 lines: " + str(long)


def test_wheel_works_outside_the_checkout(tmp_path):
    run(sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT))
    (wheel,) = tmp_path.glob("*.whl")
    run(sys.executable, "-m", "venv", str(tmp_path / "venv"))
    python = str(tmp_path / "venv" / "bin" / "python")
    run(python, "-m", "pip", "install", "-q", f"{wheel}[plot]", cwd=tmp_path)
    code = (
        "import tinygrad_course as tc; x = tc.tensor([2.0], requires_grad=True); (x ** 3).backward();"
        "assert x.grad.item() == 12, x.grad; import importlib.resources as r;"
        "assert r.files(tc).joinpath('py.typed').is_file(); assert len(tc.data.MNIST()) > 0"
    )
    run(python, "-W", "ignore", "-c", code, cwd=tmp_path, TINYGRAD_COURSE_DATA="")
    # The suite runs every chapter from the checkout; here it is the scripts in the wheel that run.
    out = run(python, "-m", "tinygrad_course", "lecture", "--quick", "--chapters", "4,14", cwd=tmp_path)
    assert "[ 2/2] 14_four_ways" in out
    page = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert page.count("<figure>") >= 6
    assert "<math>" in page
