"""`viz.derivation`: what is printed runs and agrees with autograd; the lecture's network as the lecture has it."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
import tinygrad_course.nn.functional as F
from tests.samples import SAMPLES
from tests.samples.base import drawn
from tinygrad_course.ops import REGISTRY
from tinygrad_course.viz.formula import _RULES
from tinygrad_course.viz.notation import FORMS


def leaf(array):
    return tc.tensor(np.asarray(array), requires_grad=True)


def check(found, loss, leaves, rtol=1e-6):
    """Run the text, and compare the loss and every gradient with autograd's."""
    space = found.namespace()
    exec(found.text, space)
    np.testing.assert_allclose(space["E"], loss.array, rtol=rtol, atol=1e-12)
    grads = tc.autograd.grad(loss, list(leaves.values()), retain_graph=True)
    for name, grad in zip(leaves, grads):
        step = found.gradients[name]
        assert np.shape(space[step.name]) == step.shape == grad.shape
        np.testing.assert_allclose(space[step.name], grad.array, rtol=rtol, atol=1e-9)
        np.testing.assert_allclose(step.value, grad.array, rtol=rtol, atol=1e-9)


def lecture(bias=True, samples=5):
    rng = np.random.default_rng(0)
    x, t = tc.tensor(rng.normal(size=(samples, 2))), tc.tensor(rng.normal(size=(samples, 1)))
    leaves = {"W1": leaf(rng.normal(size=(3, 2))), "W2": leaf(rng.normal(size=(1, 3)))}
    if bias:
        leaves |= {"b1": leaf(rng.normal(size=3)), "b2": leaf(rng.normal(size=1))}
    a = x @ leaves["W1"].T
    y = tc.tanh(a + leaves["b1"] if bias else a) @ leaves["W2"].T
    if bias:
        y = y + leaves["b2"]
    loss = ((y - t) ** 2).sum() / 2
    return loss, leaves, tc.viz.derivation(loss, wrt=leaves)


def test_the_lectures_network_as_text():
    loss, leaves, found = lecture()
    assert [str(step) for step in found.steps if step.backward] == [
        "delta2 = y - t",
        "dE_db2 = np.sum(delta2, axis=0)",
        "dE_dW2 = delta2.T @ z1",
        "delta1 = (1 - z1**2) * (delta2 @ W2)",
        "dE_db1 = np.sum(delta1, axis=0)",
        "dE_dW1 = delta1.T @ x",
    ]
    check(found, loss, leaves)


def test_the_lectures_network_as_latex():
    _, _, found = lecture(bias=False)
    assert found["delta2"].latex == r"\delta^{(2)} = y - t"
    assert found["dE_dW2"].latex == r"\frac{\partial E}{\partial W^{(2)}} = {\delta^{(2)}}^{\top} z^{(1)}"
    assert found["delta1"].latex == (
        r"\delta^{(1)} = \left(1 - {\left(z^{(1)}\right)}^{2}\right) \odot \left(\delta^{(2)} W^{(2)}\right)"
    )
    assert found["dE_dW1"].latex == r"\frac{\partial E}{\partial W^{(1)}} = {\delta^{(1)}}^{\top} x"
    assert found["E"].latex == r"E = \frac{1}{2} \, \sum {\left(y - t\right)}^{2}"
    assert found._repr_latex_().startswith("$\\displaystyle \\begin{aligned}\n")
    assert r"\in \mathbb{R}^{5 \times 3}" in found.latex


def test_modules_give_the_same_formulas():
    net = tc.nn.Sequential(tc.nn.Linear(2, 3), tc.nn.Tanh(), tc.nn.Linear(3, 1))
    x, t = tc.randn(5, 2), tc.randn(5, 1)
    found = tc.viz.derivation(F.mse_loss(net(x), t, reduction="sum") / 2)
    assert str(found["delta2"]) == "delta2 = y - t"
    assert str(found["dE_dW2"]) == "dE_dW2 = delta2.T @ z1"
    assert str(found["delta1"]) == "delta1 = (1 - z1**2) * (delta2 @ W2)"
    assert str(found["dE_dW1"]) == "dE_dW1 = delta1.T @ x"
    assert str(found["dE_db1"]) == "dE_db1 = np.sum(delta1, axis=0)"


def test_softmax_with_cross_entropy():
    W, x, t = leaf([[0.1, 0.2], [0.3, -0.4], [1.0, 0.0]]), tc.tensor([[1.0, 2.0]]), tc.tensor([2])
    found = tc.viz.derivation(F.cross_entropy(x @ W.T, t, reduction="sum"))
    assert found["delta1"].latex == (
        r"\delta^{(1)} = \mathrm{softmax}\left(a^{(1)}\right) - \mathrm{onehot}\left(t\right)"
    )
    ignoring = tc.viz.derivation(F.cross_entropy(x @ W.T, t, reduction="sum", ignore_index=2))
    assert "t != 2" in ignoring["delta1"].text


def test_names_of_the_caller_come_first():
    hidden_weight, x = leaf(np.ones((2, 2)) * 0.3), tc.tensor(np.arange(4.0).reshape(2, 2))
    h = tc.sigmoid(x @ hidden_weight)
    found = tc.viz.derivation(h.sum(), names={"data": x})
    assert [str(s) for s in found.steps] == [
        "a1 = data @ hidden_weight",
        "h = 1 / (1 + np.exp(-a1))",
        "E = np.sum(h)",
        "delta1 = h * (1 - h)",
        "dE_dhidden_weight = data.T @ delta1",
    ]


def test_values_between_can_be_asked_for():
    w = leaf([1.0, 2.0])
    v = w * w
    found = tc.viz.derivation((v * 3).sum(), wrt={"v": v})
    assert list(found.gradients) == ["v"]
    assert str(found.gradients["v"]) == "v_bar = np.broadcast_to(3.0, (2,))"
    np.testing.assert_array_equal(found.gradients["v"].value, [3, 3])


ACTIVATIONS = ["tanh", "sigmoid", "relu", "softplus", "gelu", "silu", "elu", "softsign", "leaky_relu", "softmax"]
LOSSES = ["squared", "mse", "cross_entropy", "bce", "huber", "l1"]


@given(st.lists(st.integers(1, 4), min_size=2, max_size=4), st.integers(1, 3), st.data())
def test_printed_formulas_are_the_gradient(widths, samples, data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**16)))
    z, leaves = tc.tensor(rng.normal(size=(samples, widths[0]))), {}
    for i, (n, m) in enumerate(itertools.pairwise(widths), 1):
        W, b = leaf(rng.normal(size=(m, n))), leaf(rng.normal(size=m))
        leaves[f"W{i}"] = W
        if data.draw(st.booleans()):
            leaves[f"b{i}"] = b
            z = F.linear(z, W, b) if data.draw(st.booleans()) else z @ W.T + b
        else:
            z = z @ W.T
        if i < len(widths) - 1:
            kind = data.draw(st.sampled_from(ACTIVATIONS))
            z = F.softmax(z, dim=-1) if kind == "softmax" else getattr(F, kind)(z)
    target = tc.tensor(rng.uniform(0.1, 0.9, size=z.shape))
    kind = data.draw(st.sampled_from(LOSSES))
    if kind == "squared":
        loss = ((z - target) ** 2).sum() / 2
    elif kind == "cross_entropy":
        loss = F.cross_entropy(z, tc.tensor(rng.integers(0, widths[-1], samples)))
    elif kind == "bce":
        loss = F.binary_cross_entropy(tc.sigmoid(z), target)
    else:
        loss = {"mse": F.mse_loss, "huber": F.huber_loss, "l1": F.l1_loss}[kind](z, target)
    check(tc.viz.derivation(loss, wrt=leaves), loss, leaves)


DIFFERENTIABLE = sorted(name for name in SAMPLES if REGISTRY[name].rules is not None)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_every_primitive_can_be_derived(name):
    """The text of Σ c · op(x) runs, and gives autograd's gradient; LaTeX is balanced."""
    tried = 0
    for sample in drawn(name, 4):
        inputs = [tc.tensor(x) if isinstance(x, np.ndarray) else x for x in sample.inputs]
        floats = [x for x in inputs if isinstance(x, tc.Tensor) and x.dtype.kind == "f"]
        for x in floats:
            x.requires_grad_()
        outs = REGISTRY[name](*inputs, **sample.params)
        outs = [y for y in (outs if isinstance(outs, tuple) else (outs,)) if y.requires_grad]
        if not outs:  # a sample of integers
            continue
        rng = np.random.default_rng(0)
        parts = [(y * tc.tensor(rng.normal(size=y.shape))).sum() for y in outs]
        loss = sum(parts[1:], parts[0])
        found = tc.viz.derivation(loss)
        leaves = {n: x for n in found.gradients for x in floats if found.inputs[n] is x.array}
        assert len(leaves) == len(found.gradients) > 0
        check(found, loss, leaves)
        for step in found.steps:
            assert step.latex.count("{") == step.latex.count("}")
            assert step.latex.count(r"\left") == step.latex.count(r"\right")
        tried += 1
    assert tried


def test_elementwise_reductions_and_products_have_latex():
    written = FORMS.keys() | _RULES.keys()
    elementwise = {n for n, op in REGISTRY.items() if op.rules is not None and op.broadcasts and n in SAMPLES}
    reductions = {"sum", "mean", "prod", "amax", "amin", "var", "std", "logsumexp", "norm"}
    assert not (elementwise | reductions | {"matmul", "linear", "einsum", "softmax", "log_softmax"}) - written


@pytest.mark.parametrize("op", sorted(FORMS))
def test_mathtext_reads_every_form(op):
    mathtext = pytest.importorskip("matplotlib.mathtext")
    from tinygrad_course.viz.notation import latex
    from tinygrad_course.viz.symbols import Names
    from tinygrad_course.viz.terms import Term, name

    names = Names()
    args = tuple(name(names.new(letter, (2,))) for letter in ("a", "b", "c"))
    params = {"axis": 0, "dim": 0, "n": 1, "index": 0, "min_val": 0, "max_val": 1, "classes": 2}
    mathtext.MathTextParser("path").parse(f"${latex(Term(op, args, tuple(params.items()), (2,)))}$")


def test_nothing_of_the_users_is_touched():
    w = leaf([1.0, 2.0])
    calls = []
    w.register_hook(calls.append)
    loss = (w * w).sum()
    tc.viz.derivation(loss)
    assert w.grad is None and not calls
    loss.backward()  # the graph is still there
    assert w.grad.tolist() == [2.0, 4.0] and len(calls) == 1


def test_errors_say_what_to_do():
    w = leaf([1.0, 2.0])
    with pytest.raises(TypeError, match="expected a Tensor as the loss, got int"):
        tc.viz.derivation(3)
    with pytest.raises(RuntimeError, match="nothing was recorded"):
        tc.viz.derivation(tc.tensor(1.0))
    with pytest.raises(RuntimeError, match=r"reduce it to one value"):
        tc.viz.derivation(w * 2)
    with pytest.raises(RuntimeError, match="does not depend on 'v'"):
        tc.viz.derivation((w * 2).sum(), wrt={"v": leaf([1.0])})
    with pytest.raises(TypeError, match="in wrt, got float for 'v'"):
        tc.viz.derivation((w * 2).sum(), wrt={"v": 1.0})
    with pytest.raises(KeyError, match="there is no 'delta7'"):
        tc.viz.derivation((w * 2).sum())["delta7"]
    loss = (w * w).sum()
    loss.backward()
    with pytest.raises(RuntimeError, match="retain_graph=True"):
        tc.viz.derivation(loss)
