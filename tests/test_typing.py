"""What type checkers see: the stubs are current, and a user's file passes `mypy --strict`."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import textwrap

import pytest

import tinygrad_course
from tinygrad_course import stubs

PACKAGE = pathlib.Path(tinygrad_course.__file__).parent


@pytest.mark.parametrize("name", ["methods", "public"])
def test_the_stubs_are_current(name):
    path = PACKAGE / ("methods.pyi" if name == "methods" else "__init__.pyi")
    text = getattr(stubs, f"{name}_stub")()
    assert path.read_text(encoding="utf-8") == text, "run: python -m tinygrad_course.stubs"


def test_the_stub_has_every_public_name():
    text = stubs.public_stub()
    for name in tinygrad_course.__all__:
        assert f" as {name}\n" in text or f"def {name}(" in text or f"\n{name}: " in text, name


USER = """
    from typing import Any

    import numpy as np
    import tinygrad_course as tc
    from tinygrad_course import Tensor

    def loss(w: Tensor, x: Tensor, t: Tensor) -> Tensor:
        h = tc.tanh(x @ w)
        return ((h - t) ** 2).sum(dim=0).mean()

    tc.manual_seed(0)
    x = tc.randn(8, 3)
    w = tc.zeros(3, 2, requires_grad=True, dtype=tc.float64)
    value: Tensor = loss(w, x, tc.ones(8, 2))
    value.backward()
    (g,) = tc.autograd.grad(loss(w, x, tc.ones(8, 2)), [w])
    number: float = value.item()
    shape: tuple[int, ...] = x.shape
    count: int = x.numel()
    values, indices = x.max(dim=1)
    both: Tensor = values + indices.float()
    probabilities: Tensor = tc.softmax(x, dim=1).log().exp()
    picked: Tensor = x[0, 1:] * 2 - 1 / x[:, 0].unsqueeze(-1)
    mask: Tensor = (x > 0) & (x != 1)
    mixed: Tensor = 2.0 * x + np.ones(3)
    u, s, vh = tc.linalg.svd(x)
    spectrum: Tensor = s.abs().sqrt().sum()
    array: np.ndarray[Any, Any] = x.detach().numpy()
    joined: Tensor = tc.cat([x, x], dim=0).reshape(-1, 3).permute(1, 0).contiguous()
    drawn: Tensor = tc.multinomial(probabilities, 2).to(tc.float32)
    filled: Tensor = tc.empty(3).normal_(0, 1)
    filled += 1
    with tc.no_grad():
        w -= 0.1 * g
    device = tc.device("cuda" if tc.cuda.is_available() else "cpu")
    moved: Tensor = x.to(device).cpu().double()
    pair = tc.arange(3), tc.linspace(0, 1, 5), tc.full((2, 2), 1.5), tc.eye(3)
    print(tc.erf(x), tc.where(mask, x, 0.0), pair, x.device, x.T, w.grad)
"""
WRONG = """
    import tinygrad_course as tc

    x = tc.zeros(3)
    text: str = x.sum(dim=0)
    tc.ones_lik(x)
    x.summ()
    x.sum(dimension=0)
"""


@pytest.fixture(scope="module")
def complaints(tmp_path_factory):
    """The lines of complaint about each of the files above, of one run over both."""
    pytest.importorskip("mypy")
    folder = tmp_path_factory.mktemp("typing")
    files = {"user": USER, "wrong": WRONG}
    for name, source in files.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(source), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--config-file=", "--cache-dir=cache",
         "user.py", "wrong.py"],
        capture_output=True, text=True, cwd=folder, env={**os.environ, "MYPYPATH": str(PACKAGE.parent)}, check=False,
    )  # fmt: skip
    assert "Found" in done.stdout, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    return {name: [line for line in lines if line.startswith(f"{name}.py:")] for name in files}


def test_a_users_file_passes_strict_mypy(complaints):
    assert not complaints["user"], "\n".join(complaints["user"])


def test_mistakes_are_found(complaints):
    assert [line.split(":")[1] for line in complaints["wrong"] if ": error:" in line] == ["5", "6", "7", "8"]
