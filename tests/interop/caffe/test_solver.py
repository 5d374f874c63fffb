"""Solvers: update rules against their formulas and PyTorch, policies, regularization, tests, snapshots and resuming."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_course.cli import main
from tinygrad_course.interop import caffe
from tinygrad_course.interop.caffe import Solver
from tinygrad_course.interop.caffe.rules import learning_rate
from tinygrad_course.interop.prototxt import PrototxtError, parse

RNG = np.random.default_rng(2)
TEXT = """
layer { name: "d" type: "Data" top: "x" top: "t" data_param { source: "mine" batch_size: 4 } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y" param { lr_mult: 1 } param { lr_mult: 2 decay_mult: 0 }
  inner_product_param { num_output: 3 weight_filler { type: "gaussian" std: 0.3 } } }
layer { name: "drop" type: "BatchNorm" bottom: "y" top: "y" }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "y" bottom: "t" top: "loss" }
layer { name: "acc" type: "Accuracy" bottom: "y" bottom: "t" top: "acc" include { phase: TEST } }
"""
DATA = {"mine": (RNG.standard_normal((12, 3, 2, 1)).astype(np.float32), RNG.integers(0, 3, 12))}


@pytest.fixture
def solver(tmp_path):
    def make(options, text=TEXT):
        (tmp_path / "net.prototxt").write_text(text)
        (tmp_path / "solver.prototxt").write_text(f'net: "net.prototxt" random_seed: 3\n{options}')
        return Solver(tmp_path / "solver.prototxt", data=DATA)

    return make


def _weights(s):
    return [p.detach().array.copy() for p, _, _ in s.net.learnable]


def _gradients(s):
    """The gradients of the next batch, which is given again afterwards."""
    loss = s.net.loss(s.net.run())
    for p, _, _ in s.net.learnable:
        p.grad = None
    loss.backward()
    s.net.layers["d"].read -= 4
    return [p.grad.array.copy() for p, _, _ in s.net.learnable]


def _formulas(kind, g, lr, mu, h, step):
    """What is subtracted, by the formulas of Caffe's tutorial on solvers; h holds what was before."""
    if kind == "SGD":
        h["v"] = mu * h["v"] + lr * g
        return h["v"]
    if kind == "Nesterov":
        before, h["v"] = h["v"], mu * h["v"] + lr * g
        return -mu * before + (1 + mu) * h["v"]
    if kind == "AdaGrad":
        h["v"] = h["v"] + g**2
        return lr * g / (np.sqrt(h["v"]) + 1e-4)
    if kind == "RMSProp":
        h["v"] = 0.9 * h["v"] + 0.1 * g**2
        return lr * g / (np.sqrt(h["v"]) + 1e-4)
    if kind == "AdaDelta":
        h["v"] = mu * h["v"] + (1 - mu) * g**2
        u = np.sqrt((h["w"] + 1e-4) / (h["v"] + 1e-4)) * g
        h["w"] = mu * h["w"] + (1 - mu) * u**2
        return lr * u
    h["v"] = mu * h["v"] + (1 - mu) * g
    h["w"] = 0.99 * h["w"] + 0.01 * g**2
    return lr * (h["v"] / (1 - mu**step)) / (np.sqrt(h["w"] / (1 - 0.99**step)) + 1e-4 / math.sqrt(1 - 0.99**step))


@pytest.mark.parametrize("kind", ["SGD", "Nesterov", "AdaGrad", "RMSProp", "AdaDelta", "Adam"])
def test_rules_follow_their_formulas(solver, kind):
    s = solver(f"""type: "{kind}" base_lr: 0.1 momentum: 0.8 delta: 1e-4 rms_decay: 0.9 momentum2: 0.99
                   lr_policy: "exp" gamma: 0.9 weight_decay: 0.1""")  # fmt: skip
    history = [{"v": 0.0, "w": 0.0} for _ in range(2)]
    for step in range(1, 6):
        before, gradients = _weights(s), _gradients(s)
        s.solve(1)
        for i, (w, g, h) in enumerate(zip(before, gradients, history)):
            g = g.astype(float) + (0.1 * w if i == 0 else 0)  # the bias has decay_mult 0 and lr_mult 2
            want = w - _formulas(kind, g, 0.1 * 0.9 ** (step - 1) * (i + 1), 0.8, h, step)
            np.testing.assert_allclose(_weights(s)[i], want, rtol=2e-4, atol=2e-6)


def test_sgd_equals_pytorch_at_a_fixed_rate(solver):
    torch = pytest.importorskip("torch")
    s = solver('base_lr: 0.1 momentum: 0.9 lr_policy: "fixed"')
    w = [torch.tensor(x, requires_grad=True) for x in _weights(s)]
    opt = torch.optim.SGD([{"params": [w[0]]}, {"params": [w[1]], "lr": 0.2}], lr=0.1, momentum=0.9)
    for _ in range(5):
        for x, g in zip(w, _gradients(s)):
            x.grad = torch.tensor(g)
        opt.step()
        s.solve(1)
        for x, y in zip(w, _weights(s)):
            np.testing.assert_allclose(y, x.detach().numpy(), rtol=1e-4, atol=1e-6)


@given(st.integers(0, 99))
def test_learning_rates(i):
    of = lambda text: learning_rate(parse(f"base_lr: 0.5 {text}"))(i)
    assert of('lr_policy: "fixed"') == 0.5
    assert of('lr_policy: "step" gamma: 0.1 stepsize: 30') == pytest.approx(0.5 * 0.1 ** (i // 30))
    assert of('lr_policy: "exp" gamma: 0.99') == pytest.approx(0.5 * 0.99**i)
    assert of('lr_policy: "inv" gamma: 0.1 power: 0.75') == pytest.approx(0.5 / (1 + 0.1 * i) ** 0.75)
    steps = 0 if i < 20 else 1 if i < 50 else 2
    assert of('lr_policy: "multistep" gamma: 0.1 stepvalue: 20 stepvalue: 50') == pytest.approx(0.5 * 0.1**steps)
    assert of('lr_policy: "poly" power: 2 max_iter: 100') == pytest.approx(0.5 * (1 - i / 100) ** 2)
    assert of('lr_policy: "sigmoid" gamma: -0.1 stepsize: 50') == pytest.approx(0.5 / (1 + math.exp(0.1 * (i - 50))))


def test_regularization_clipping_and_iter_size(solver):
    s = solver('base_lr: 1 lr_policy: "fixed" weight_decay: 0.1 regularization_type: "L1"')
    w, g = _weights(s)[0], _gradients(s)[0]
    s.solve(1)
    np.testing.assert_allclose(_weights(s)[0], w - g - 0.1 * np.sign(w), rtol=1e-4, atol=1e-6)

    s = solver('base_lr: 1 lr_policy: "fixed" clip_gradients: 0.01')
    before, gradients = _weights(s), _gradients(s)
    norm = math.sqrt(sum(float((g**2).sum()) for g in gradients))
    assert norm > 0.01
    s.solve(1)
    np.testing.assert_allclose(_weights(s)[0], before[0] - gradients[0] * 0.01 / norm, rtol=1e-4, atol=1e-7)

    plain = TEXT.replace('layer { name: "drop" type: "BatchNorm" bottom: "y" top: "y" }', "")
    many = solver('base_lr: 1 lr_policy: "fixed" iter_size: 3', plain)
    one = solver('base_lr: 1 lr_policy: "fixed"', plain.replace("batch_size: 4", "batch_size: 12"))
    many.solve(1), one.solve(1)
    for a, b in zip(_weights(many), _weights(one)):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    assert many.losses == pytest.approx(one.losses, rel=1e-5)


@pytest.mark.parametrize("kind", ["Nesterov", "Adam"])
def test_resuming_gives_the_same_bits(solver, kind, tmp_path):
    options = f"""type: "{kind}" base_lr: 0.05 momentum: 0.9 lr_policy: "inv" gamma: 0.1 power: 0.5 max_iter: 8
                  snapshot: 3 snapshot_prefix: "{tmp_path}/shots/s" test_iter: 3 test_interval: 4"""
    whole = solver(options).solve()
    names = sorted(p.name for p in (tmp_path / "shots").iterdir())
    assert names == [f"s_iter_{i}.{kind}" for i in (3, 6, 8) for kind in ("caffemodel", "solverstate")]
    part = solver(options).restore(tmp_path / "shots" / "s_iter_3.solverstate").solve()
    for a, b in zip(_weights(whole), _weights(part)):
        np.testing.assert_array_equal(a, b)
    assert part.losses == whole.losses[3:]
    assert [i for i, _ in whole.scores] == [0, 4, 8]
    assert part.scores == whole.scores[1:]
    assert set(part.scores[0][1]) == {"loss", "acc"}
    with pytest.raises(caffe.CaffeFileError, match="is not of this network and rule"):
        other = "Adam" if kind == "Nesterov" else "SGD"
        solver(f'type: "{other}" base_lr: 1').restore(tmp_path / "shots" / "s_iter_3.solverstate")
    (tmp_path / "cut").write_bytes((tmp_path / "shots" / "s_iter_3.solverstate").read_bytes()[:-5])
    with pytest.raises(caffe.CaffeFileError, match="cut: it is truncated"):
        solver(options).restore(tmp_path / "cut")


WRONG = {
    'type: "sgd"': "type must be one of SGD",
    'lr_policy: "cosine"': "lr_policy must be one of fixed",
    'lr_policy: "step" gamma: 0.1': "needs stepsize",
    'lr_policy: "multistep" stepvalue: 5 stepvalue: 3': "stepvalue must rise",
    "test_iter: 1 test_iter: 2": "1 test nets need as many test_iter",
    "learning_rate: 1": "learning_rate is not known here",
    'train_net: "net.prototxt" train_net: "net.prototxt"': "one network to train is needed",
    'regularization_type: "L3"': '"L1" or "L2"',
    "snapshot_format: HDF5": "HDF5 is not supported",
}


@pytest.mark.parametrize("options", WRONG)
def test_wrong_solvers(solver, options):
    with pytest.raises(PrototxtError, match=WRONG[options]):
        solver(options)


def test_a_loss_that_is_not_finite(solver):
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError, match="at iteration 1 is nan; try a smaller"):
        s = solver('base_lr: 0.1 lr_policy: "fixed"')
        s.solve(1)
        s.net.layers["ip"].weight.array[...] = np.nan
        s.solve(1)


def test_the_command_trains_and_resumes(tmp_path, monkeypatch, capsys):
    """A small net learns from its two files; examples/caffe has the whole LeNet."""
    images, labels = RNG.random((40, 1, 8, 8)).astype(np.float32), np.arange(40) % 4
    images[np.arange(40), 0, labels, :] += 2  # the bright row is the class
    np.savez(tmp_path / "a.npz", data=images, label=labels)
    (tmp_path / "net.prototxt").write_text(f"""
      layer {{ name: "d" type: "Data" top: "x" top: "t" data_param {{ source: "{tmp_path}/a.npz" batch_size: 20 }} }}
      layer {{ name: "c" type: "Convolution" bottom: "x" top: "c" convolution_param {{ num_output: 6 kernel_size: 3
        weight_filler {{ type: "xavier" }} }} }}
      layer {{ name: "p" type: "Pooling" bottom: "c" top: "p" pooling_param {{ kernel_size: 2 stride: 2 }} }}
      layer {{ name: "i" type: "InnerProduct" bottom: "p" top: "i" inner_product_param {{ num_output: 4
        weight_filler {{ type: "xavier" }} }} }}
      layer {{ name: "a" type: "Accuracy" bottom: "i" bottom: "t" top: "accuracy" include {{ phase: TEST }} }}
      layer {{ name: "l" type: "SoftmaxWithLoss" bottom: "i" bottom: "t" top: "loss" }}""")
    path = tmp_path / "solver.prototxt"
    path.write_text(f"""net: "net.prototxt" base_lr: 0.05 momentum: 0.9 lr_policy: "fixed" max_iter: 60 display: 20
      test_iter: 2 test_interval: 30 random_seed: 1 snapshot: 60 snapshot_prefix: "{tmp_path}/s" """)
    assert main(["train", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "accuracy 1.0000" in lines[-1]
    assert any(line.startswith("iteration 40: loss ") for line in lines)
    assert main(["train", str(path), "--resume", f"{tmp_path}/s_iter_60.solverstate", "--iterations", "1"]) == 0
    path.write_text("net: 3")
    assert main(["train", str(path)]) == 2
    assert "solver.prototxt:1:1: " in capsys.readouterr().err


def test_the_examples_files_build():
    from pathlib import Path

    folder = Path(__file__).parents[3] / "examples" / "caffe"
    digits = np.zeros((100, 28, 28), np.uint8), np.zeros(100, int)
    data = {"mnist_train": digits, "mnist_test": digits}
    s = Solver(folder / "lenet_solver.prototxt", data=data)
    assert sum(p.numel() for p in s.net.parameters()) == 431080  # as in Caffe
    s.solve(1)
    assert s.losses[0] == pytest.approx(math.log(10), abs=0.6)
