"""The lecture's chapters in quick mode, each as a user runs it: what they measured, not only that they finish."""

import functools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def chapter(tmp_path_factory):
    """Run a chapter once; give what it printed, its entry in claims.json and its claims by name."""
    pytest.importorskip("matplotlib")

    @functools.cache
    def run(name):
        out = tmp_path_factory.mktemp(name)
        command = [sys.executable, str(EXAMPLES / f"{name}.py"), "--quick", "--out", str(out)]
        done = subprocess.run(
            command, cwd=out, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
        assert done.returncode == 0, done.stderr
        entry = json.loads((out / "claims.json").read_text(encoding="utf-8"))[name]
        assert entry["quick"] is True
        for figure in entry["figures"]:
            assert len(figure["caption"]) > 20
            head = (out / figure["file"]).read_bytes()[:8]
            assert head.startswith((b"\x89PNG", b"<?xml", b"digraph"))
        claims = {claim["name"]: claim for claim in entry["claims"]}
        assert done.stdout.count("\nClaim: ") == len(claims) == len(entry["claims"])
        for claim in claims.values():
            said = "holds" if claim["holds"] else "DOES NOT HOLD on this run"
            assert re.search(rf"Claim: {re.escape(claim['claim'])}\. Measured: .*: {said}\.", done.stdout)
        return claims

    return run


def hold(claims, *names):
    assert {name: claims[name]["holds"] for name in names} == dict.fromkeys(names, True)


def test_01_basis_functions(chapter):
    claims = chapter("01_sinus")
    hold(claims, "basis", "gradient")
    rms = claims["basis"]["measured"]
    assert rms["sigmoids"] < rms["Gaussians"] < rms["network"] < rms["line"] < 0.5
    assert rms["Gaussians on samples"] < rms["network"]
    assert claims["gradient"]["measured"] <= 1e-12


def test_02_bishops_figure(chapter):
    claims = chapter("02_bishop")
    hold(claims, "three units", "starts")
    assert 0 < max(claims["three units"]["measured"].values()) <= 0.03
    assert min(claims["starts"]["measured"].values()) > 2
    # One tanh unit is a step already: there more units do not help, and the script says so.
    for name in ("each unit", "more units"):
        assert claims[name]["holds"] is False
    ratio = claims["more units"]["measured"]
    assert ratio.pop("step") > 1
    assert max(ratio.values()) < 0.2
    spared = claims["each unit"]["measured"]
    assert min(spared[name] for name in ("square", "sin", "abs")) > 5


def test_03_two_curves(chapter):
    claims = chapter("03_two_curves")
    hold(claims, "line", "hidden layer", "separable")
    assert 0.5 <= claims["line"]["measured"] < 0.9
    assert claims["hidden layer"]["measured"] == 1
    assert 0.05 < claims["separable"]["measured"] < 2


def test_04_backpropagation(chapter):
    claims = chapter("04_backpropagation")
    hold(claims, "gradient", "misprint", "learning")
    assert max(claims["gradient"]["measured"].values()) <= 1e-12
    # The worst is at a = 2: (1 + h²) / (1 - h²) - 1.
    assert claims["misprint"]["measured"] == pytest.approx(26.3, rel=0.01)


def test_05_batches(chapter):
    claims = chapter("05_batches")
    hold(claims, "epochs", "updates")
    epochs, updates = claims["epochs"]["measured"], claims["updates"]["measured"]
    assert updates["batch"] == epochs["batch"]
    assert updates["stochastic"] == pytest.approx(500 * epochs["stochastic"])
    assert epochs["batch"] > 4 * epochs["stochastic"]
    assert all(
        0 < seconds < 60 for seconds in claims["seconds"]["measured"].values()
    )  # which is least is the machine's


def test_06_error_surface(chapter):
    claims = chapter("06_error_surface")
    hold(claims, "collapse", "no gain", "bends", "symmetries", "barriers")
    assert claims["collapse"]["measured"] <= 1e-12
    assert claims["no gain"]["measured"] == pytest.approx(1, abs=1e-4)
    assert claims["symmetries"]["measured"]["number"] == 384
    assert claims["symmetries"]["measured"]["difference"] <= 1e-12
    assert claims["bends"]["measured"] < 0.1


def test_07_width_and_depth(chapter):
    claims = chapter("07_width_and_depth")
    hold(claims, "underfitting", "depth", "gap", "vanishing")
    assert all(50 < error < 90 for error in claims["underfitting"]["measured"].values())
    # On 200 images 256 units learn by heart what does not help with others.
    gap = claims["gap"]["measured"]
    assert 10 < gap["MNIST"] < 40 < gap["Shapeset-3×2"] < 90
    vanish = claims["vanishing"]["measured"]
    assert 0 < vanish["sigmoid"] < 1e-6 < vanish["ReLU"] < vanish["tanh"] < 0.01
    # Each tanh layer takes about √3 from the gradient on its way back (chapter 11), and eleven are passed.
    assert vanish["tanh"] == pytest.approx(3**-5.5, rel=0.5)
    assert claims["inception"]["measured"]["parameters"] < 0.05


def test_08_descent(chapter):
    pytest.importorskip("scipy")
    claims = chapter("08_descent")
    hold(claims, "momentum", "plateau", "curvature")
    lowest = claims["curvature"]["measured"]
    assert set(lowest) == {"SGD", "momentum", "÷ 10", "rProp", "L-BFGS", "natural"}
    assert lowest["L-BFGS"] < 1e-6
    assert lowest["natural"] < 1e-5
    assert lowest["momentum"] < lowest["SGD"] / 5
    assert lowest["rProp"] < 1e-3


def test_09_regularization(chapter):
    claims = chapter("09_regularization")
    hold(claims, "sparsity")
    silent = claims["sparsity"]["measured"]
    assert 0.1 < silent["ReLU"] < 0.9
    assert silent["sigmoid"] < 0.01
    low = claims["low rank"]["measured"]
    assert 5 < low["full error"] < 50
    assert low["parameters"] == pytest.approx((low["rank"] * 884 + 100) / 78_500)
    assert all(-20 < claims[name]["measured"]["gain"] < 20 for name in ("l2", "noise"))


def test_10_dropout(chapter):
    claims = chapter("10_dropout")
    hold(claims, "expectation", "overfitting")
    forms = {"the lecture's form", "inverted form"}
    assert set(claims["expectation"]["measured"]) == forms
    assert all(0 < error < 5 for error in claims["expectation"]["measured"].values())
    # On CIFAR-10, or on MNIST without its files: better than guessing after four short epochs.
    shares = claims["dropout"]["measured"]
    assert set(shares) == {"without dropout", *forms}
    assert all(0.15 < share < 0.95 for share in shares.values())
    assert set(claims["overfitting"]["measured"]) == set(shares)


def test_10_perceptron(chapter):
    share = chapter("10_mnist_mlp")["accuracy"]["measured"]
    assert 0.7 < share < 0.96  # of what 500 digits teach; the claim is about all of them


def test_11_initialization(chapter):
    claims = chapter("11_initialization")
    hold(claims, "activations", "gradients")
    table = claims["table"]["measured"]
    assert list(table) == ["tanh", "tanh N", "softsign", "softsign N", "sigmoid"]
    # So few updates hardly teach nine classes (89 % wrong by guessing); but the normalized rule is ahead already.
    assert max(table["tanh N"], table["softsign N"]) < 87 < min(table["tanh"], table["softsign"], table["sigmoid"])
    for name in ("activations", "gradients"):
        spread = claims[name]["measured"]
        assert spread["tanh"] == pytest.approx(3**-2, rel=0.25)
        assert spread["tanh N"] > 1 / 3
    assert 0 < claims["gradients"]["measured"]["sigmoid"] < 0.01


def test_12_pretraining(chapter):
    claims = chapter("12_pretraining")
    hold(claims, "score", "filters", "fine-tuning")
    score = claims["score"]["measured"]
    assert max(score[name] for name in ("DBN", "stacked", "denoising")) < 75 < score["fan-in"] <= 95
    smooth = claims["filters"]["measured"]
    for name in ("DBN", "stacked", "denoising"):
        assert abs(smooth[f"{name}, at random"]) < 0.1
        assert 0.3 < smooth[f"{name}, pretrained"] < 1
        assert 0 < claims["fine-tuning"]["measured"][name] < 0.25
        # A short pretraining reconstructs already better than the mean digit does, though not yet twice as well.
        assert 0 < claims["reconstruction"]["measured"][name] < claims["reconstruction"]["measured"]["mean digit"]


def test_13_lenet(chapter):
    claims = chapter("13_lenet")
    hold(claims, "receptive fields")
    # 5; then + 1 pixel by pooling, + 4 · 2 by the second convolution, + 2 by pooling.
    assert list(claims["receptive fields"]["measured"].values()) == [5, 6, 14, 16]
    assert 0.6 < claims["accuracy"]["measured"] < 0.983


def test_14_four_ways(chapter):
    claims = chapter("14_four_ways")
    hold(claims, "error", "weights", "learning")
    ways = {"symbolic", "modules", "dataflow", "script"}
    assert set(claims["error"]["measured"]) == set(claims["weights"]["measured"]) == ways - {"modules"}
    assert max(claims["error"]["measured"].values()) <= 1e-12
    assert max(claims["weights"]["measured"].values()) <= 1e-12
    falls = claims["learning"]["measured"]
    assert set(falls) == ways
    assert falls["modules"] == pytest.approx(0.01035, rel=0.01)
    assert max(falls.values()) - min(falls.values()) < 1e-12


def test_no_chapter_is_left_out():
    texts = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py")]
    tested = re.findall(r"chapter\(\"(\w+)\"\)", "\n".join(texts))
    assert sorted(tested) == sorted(path.stem for path in EXAMPLES.glob("[0-9]*.py"))


def test_progress_reaches_its_end(capsys, monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES)
    import common

    assert list(common.progress(7, "few")) == list(range(7))
    assert list(common.progress(0, "none")) == []
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].split() == ["few", "7/7"]
    assert len(lines) == 4


def test_claims_of_several_chapters_share_a_file(tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(EXAMPLES)
    import common

    for file in ("a.py", "b.py", "a.py"):
        monkeypatch.setattr(sys, "argv", [file, "--out", str(tmp_path), "--seed", "3"])
        args, report = common.start("A test.", file)
        report.claim("one", "one is less than two", {"one": 1.0, "two": 2.0}, args.seed == 3)
        report.claim("two", "two is less than one", 2.0, False)
        assert report.close() == 0
    found = json.loads((tmp_path / "claims.json").read_text(encoding="utf-8"))
    assert list(found) == ["a", "b"]
    assert [c["holds"] for c in found["b"]["claims"]] == [True, False]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["claims.json"]
    printed = capsys.readouterr().out
    assert "Claim: one is less than two. Measured: one 1, two 2: holds." in printed
    assert "Claim: two is less than one. Measured: 2: DOES NOT HOLD on this run." in printed
