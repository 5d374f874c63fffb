"""What pictures hold: names, frames, labels, what is marked, and that nothing of the model changes."""

import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course import nn
from tinygrad_course.viz.collect import collect
from tinygrad_course.viz.names import module_names
from tinygrad_course.viz.trace import trace


def labels(drawing):
    """Every vertex's label by its key, read back from the DOT text."""
    found = re.findall(r'^\s*(\w+) \[label=(?:"((?:[^"\\]|\\.)*)"|(\S+)) ', drawing.source, re.MULTILINE)
    return {key: re.sub(r"\\(.)", r"\1", quoted or plain) for key, quoted, plain in found}


def of(model, *inputs, **kwargs):
    return trace(model, inputs, module_names(model) if isinstance(model, nn.Module) else {}, **kwargs)


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc = nn.Linear(width, width)

    def forward(self, x):
        return x + self.fc(x).tanh()


class Net(nn.Module):
    def __init__(self, count):
        super().__init__()
        self.stem = nn.Linear(3, 4)
        self.blocks = nn.ModuleList([Block(4) for _ in range(count)])
        self.head = nn.Linear(4, 2)

    def forward(self, image, scale):
        h = self.stem(image)
        for block in self.blocks:
            h = block(h)
        return self.head(h) * scale


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, x):
        return self.fc(self.fc(x))


def test_frames_are_named_as_in_named_modules():
    net = Net(2)
    picture = of(net, tc.randn(5, 3), tc.tensor(2.0))
    called = {cluster.name for cluster in picture.clusters.values()}
    assert called == {name for name, _ in net.named_modules()} - {"blocks"}
    (fc,) = [v for v in picture.vertices.values() if v.op == "linear" and v.scope[-1:] == ("blocks.1.fc#1",)]
    assert fc.scope == ("blocks.1#1", "blocks.1.fc#1")
    assert fc.shape == (5, 4)


def test_arguments_of_forward_name_the_inputs():
    names = {v.label for v in of(Net(1), tc.randn(5, 3), tc.tensor(2.0)).vertices.values() if v.kind == "input"}
    assert names == set()  # trace itself knows no arguments
    text = tc.viz.draw(Net(1), tc.randn(5, 3), tc.tensor(2.0)).source
    assert "image" in text and "scale" in text


def test_the_callers_variables_name_leaves_and_inputs():
    weights = tc.randn(3, 2, requires_grad=True)
    samples = tc.randn(4, 3)
    error = (samples @ weights).sum()
    drawn = set(labels(tc.viz.draw(error, show=("op",))).values())
    assert {"weights", "samples", "error", "matmul", "sum"} == drawn


def test_parameters_of_the_callers_model_have_their_names():
    model = nn.Sequential(nn.Linear(3, 2), nn.Tanh())
    loss = model(tc.randn(4, 3)).sum()
    assert {"0.weight", "0.bias", "loss"} <= set(labels(tc.viz.draw(loss, show=("op",))).values())


def test_parameters_of_several_models_are_told_apart():
    encoder, decoder = nn.Linear(3, 2), nn.Linear(2, 3)
    activation = nn.Tanh()  # without parameters, it needs no telling apart
    y = decoder(activation(encoder(tc.randn(4, 3))))
    drawn = set(labels(tc.viz.draw(y, show=("op",))).values())
    assert {"encoder.weight", "encoder.bias", "decoder.weight", "decoder.bias"} <= drawn


def test_within_a_module_its_own_names_are_used():
    class Inside(nn.Linear):
        def forward(self, x):
            self.drawn = tc.viz.draw(super().forward(x), show=("op",))
            return x

    model = Inside(3, 2)
    model(tc.randn(4, 3))
    assert {"weight", "bias"} <= set(labels(model.drawn).values())


def test_explicit_names_win():
    x = tc.randn(3, requires_grad=True)
    assert "my x" in tc.viz.draw((x * x).sum(), names={"my x": x}).source


def test_a_reused_layer_is_drawn_once_per_call_and_its_parameters_once():
    picture = of(Twice(), tc.randn(2, 3))
    assert [c.label for c in picture.clusters.values() if c.name == "fc"] == ["fc (call 1)", "fc (call 2)"]
    assert [v.label for v in picture.vertices.values() if v.kind == "parameter"] == ["fc.weight", "fc.bias"]
    assert sum(v.op == "linear" for v in picture.vertices.values()) == 2
    assert all(v.scope == () for v in picture.vertices.values() if v.kind == "parameter")


def test_a_module_without_gradients_is_drawn_too():
    with tc.no_grad():
        picture = of(nn.Sequential(nn.Linear(3, 2), nn.ReLU()), tc.randn(4, 3))
    assert [v.op for v in picture.vertices.values() if v.kind == "op"] == ["linear", "relu"]


def test_what_does_not_lead_to_the_output_is_left_out():
    def f(x):
        (x * 17).sum()
        return x + 1

    assert [v.label for v in of(f, tc.ones(2)).vertices.values() if v.kind == "op"] == ["+ 1"]


def test_functions_show_modules_of_their_closure():
    model = nn.Linear(3, 1)
    text = tc.viz.draw(lambda x: (model(x) ** 2).sum(), tc.randn(2, 3)).source
    assert "model (Linear)" in text


@pytest.mark.parametrize(
    ("function", "label"),
    [
        (lambda x: 0.5 * x, "× 0.5"),
        (lambda x: x - 2, "− 2"),
        (lambda x: 2 - x, "2 − ·"),
        (lambda x: x / 4, "÷ 4"),
        (lambda x: 1 / x, "1 ÷ ·"),
        (lambda x: x**2, "^ 2"),
        (lambda x: x[0, 1:3], "[0, 1:3]"),
        (lambda x: x.sum(), "sum"),
        (lambda x: x.sum(dim=0, keepdim=True), "sum\ndim 0, keepdims True"),
    ],
)
def test_labels(function, label):
    x = tc.rand(3, 4, requires_grad=True) + 1
    assert label in labels(tc.viz.draw(function, x, show=("params",))).values()


def test_convolution_shows_kernel_stride_and_padding():
    x = tc.randn(1, 2, 8, 8)
    drawn = labels(tc.viz.draw(nn.Conv2d(2, 3, 3, stride=2, padding=1), x, show=("params",)))
    assert "convolution\nkernel 3, stride 2, padding 1" in drawn.values()


@pytest.mark.parametrize("direction", ["forward", "backward", "both"])
def test_directions(direction):
    w = tc.tensor([3.0, 4.0], requires_grad=True)
    source = tc.viz.draw((w * w).sum() * 0.5, direction=direction).source
    assert ("leaf0 -> node0" in source) == (direction != "backward")
    assert ("node0 -> leaf0" in source) == (direction == "backward")
    # the gradient of ½|w|² is w, whose norm is 5
    assert ("‖∇‖ 5" in labels(tc.viz.draw((w * w).sum() * 0.5, direction=direction))["leaf0"]) == (
        direction != "forward"
    )


def test_gradients_are_those_of_backward():
    model = nn.Sequential(nn.Linear(3, 5), nn.LayerNorm(5), nn.Tanh(), nn.Linear(5, 1)).double()
    x = tc.randn(7, 3).double()
    picture = of(model, x, gradients=True)
    model(x).sum().backward()
    values = {v.value.ctypes.data: v for v in picture.vertices.values() if v.kind == "parameter"}
    for p in model.parameters():
        np.testing.assert_allclose(values[p.array.ctypes.data].grad, p.grad.array, rtol=1e-12, atol=1e-14)
    assert all(v.grad is not None for v in picture.vertices.values() if v.kind == "op")


def test_a_large_gradient_is_drawn_thicker():
    small = tc.tensor(1.0, requires_grad=True)
    large = tc.tensor(1.0, requires_grad=True)
    source = tc.viz.draw(1e-5 * small + 10 * large, direction="both").source
    width = {key: float(w) for key, w in re.findall(r"(leaf\d) -> .* penwidth=([\d.]+)", source)}
    assert width["leaf1"] > 2 * width["leaf0"]


def test_facts():
    w = tc.tensor([3.0, 4.0], requires_grad=True)
    show = ("shape", "dtype", "bytes", "values", "grad", "flops")
    drawn = labels(tc.viz.draw((w * w).sum(), show=show, direction="both"))
    assert drawn["leaf0"] == "w\n2 · float32 · 8 B\n[3., 4.]\n∇ [6., 8.]"
    assert drawn["node0"] == "multiply\n2 · float32 · 8 B\n[ 9., 16.]\n∇ [1., 1.]\n2 FLOP"


def test_source_lines():
    def f(x):
        y = x * 2
        return y.exp()

    first = f.__code__.co_firstlineno
    drawn = labels(tc.viz.draw(f, tc.ones(2), show=("where",)))
    assert drawn["node0"] == f"× 2\ntest_draw.py:{first + 1}"
    assert drawn["node1"] == f"exp\ntest_draw.py:{first + 2}"
    x = tc.ones(2, requires_grad=True)
    with tc.autograd.detect_anomaly():
        y = f(x)
    assert f"test_draw.py:{first + 1}" in tc.viz.draw(y, show="where").source
    with pytest.warns(UserWarning, match="no source lines were recorded"):
        tc.viz.draw(f(x), show="where")


def test_nan_is_marked():
    x = tc.tensor([-1.0, 1.0], requires_grad=True)
    with np.errstate(invalid="ignore"):
        y = x.log()
    drawn = labels(tc.viz.draw(y, direction="both"))
    assert "NaN or inf in value" in drawn["node0"]
    assert "NaN" not in drawn["leaf0"]
    x = tc.tensor([0.0, 1.0], requires_grad=True)
    with np.errstate(all="ignore"):
        assert "NaN or inf in gradient" in labels(tc.viz.draw(x.sqrt(), direction="both"))["leaf0"]


def test_dead_relus_are_marked():
    def net(x):
        return (x - tc.tensor([0.0, 100.0, 100.0, 0.0])).relu()

    x = tc.ones(5, 4)
    assert "dead: 50 % of units" in tc.viz.draw(net, x).source
    assert "dead: 100 %" in tc.viz.draw(net, x - 50).source
    assert "dead" not in tc.viz.draw(net, x + 200).source
    images = tc.ones(2, 3, 4, 4) * tc.tensor([1.0, -1.0, 1.0])[:, None, None]
    assert "dead: 33 % of units" in tc.viz.draw(lambda x: x.relu(), images).source


def test_the_graph_of_a_gradient():
    x = tc.tensor([1.0, 2.0], requires_grad=True)
    (g,) = tc.autograd.grad((x**3).sum(), x, create_graph=True)
    drawn = list(labels(tc.viz.draw(g, show=("op",))).values())
    assert "^ 2" in drawn and "x" in drawn and "g" in drawn
    (h,) = tc.autograd.grad(g.sum(), x, create_graph=True)
    assert len(labels(tc.viz.draw(h))) > 2


def in_graph(x):
    w = tc.ones(2, requires_grad=True)
    h = x * w
    h.add_(1)
    return h.exp()


def in_memory(x):
    h = x.clone()
    h *= 3
    h.relu_()
    return h.exp()


def assigned(x):
    h = x.clone()
    h[0] = 5
    return h.exp()


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (in_graph, ["multiply", "+ 1", "exp"]),
        (in_memory, ["clone", "× 3", "relu", "exp"]),
        (assigned, ["clone", "setitem", "exp"]),
        (lambda x: x.detach().sin() + x.data, ["sin", "add"]),
    ],
)
def test_changes_in_place_are_seen(function, expected):
    picture = of(function, tc.ones(2))
    assert [v.label for v in picture.vertices.values() if v.kind == "op"] == expected
    into = [e.target for e in picture.edges]
    assert all(v.key in into for v in picture.vertices.values() if v.kind == "op" and v.label != "clone")
    assert ("node1", "node2") in {(e.source, e.target) for e in picture.edges} or len(expected) < 3


def test_parameters_can_be_hidden():
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).eval()
    text = tc.viz.draw(model, tc.randn(4, 3), params=False).source
    assert "weight" not in text and "running" not in text and "linear" in text.lower()


def test_drawing_changes_nothing():
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Dropout(0.5))
    before = {name: v.array.copy() for name, v in model.state_dict().items()}
    state = tc.get_rng_state()
    tc.viz.draw(model, tc.ones(6, 3) * tc.arange(6)[:, None])
    for name, v in model.state_dict().items():
        np.testing.assert_array_equal(v.array, before[name], err_msg=name)
    np.testing.assert_array_equal(np.asarray(tc.get_rng_state()), np.asarray(state))
    assert all(m._hooks is None for m in model.modules())


def test_hooks_are_removed_when_the_call_fails():
    model = nn.Sequential(nn.Linear(3, 2))
    with pytest.raises(RuntimeError):
        tc.viz.draw(model, tc.ones(2, 4))
    assert all(m._hooks is None for m in model.modules())


@pytest.mark.parametrize(
    ("arguments", "kwargs", "error", "message"),
    [
        ((3,), {}, TypeError, "got int"),
        (([3],), {}, TypeError, "expected Tensors, got int"),
        ((tc.ones(2),), {}, ValueError, "no input of its computation requires grad"),
        ((tc.ones(2, requires_grad=True),), {}, ValueError, "is a leaf"),
        ((lambda: 3,), {}, ValueError, "returned int, which holds no Tensor"),
        ((lambda x: x * 2, tc.ones(2)), {"direction": "both"}, ValueError, "do not require grad"),
        ((lambda x: x * 2, tc.ones(2)), {"direction": "up"}, ValueError, "direction must be"),
        ((lambda x: x * 2, tc.ones(2)), {"show": ("colour",)}, ValueError, "unknown facts"),
        ((lambda x: x * 2, tc.ones(2)), {"depth": -1}, ValueError, "depth must be"),
    ],
)
def test_errors_say_why(arguments, kwargs, error, message):
    with pytest.raises(error, match=message):
        tc.viz.draw(*arguments, **kwargs)


def test_a_deep_graph_needs_no_recursion_and_is_drawn_folded():
    x = tc.ones(2, requires_grad=True)
    y = x
    for _ in range(5000):
        y = (y * 1.01).tanh()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        source = tc.viz.draw(y).source
    assert "× 5000" in source and source.count("tanh") == 1


@given(st.lists(st.sampled_from(["tanh", "cos", "sin", "add", "mul", "detach"]), max_size=12))
def test_collect_has_an_edge_for_every_input(steps):
    x = tc.rand(3, requires_grad=True)
    y = x * 1.5
    for step in steps:
        y = {"add": lambda y: y + x, "mul": lambda y: y * y, "detach": lambda y: y.detach() + x}.get(
            step, lambda y, step=step: getattr(y, step)()
        )(y)
    picture = collect([y], {})
    into = dict.fromkeys(picture.vertices, 0)
    order = {key: i for i, key in enumerate(picture.vertices)}
    for edge in picture.edges:
        assert order[edge.source] < order[edge.target]
        into[edge.target] += 1
    for v in picture.vertices.values():
        if v.kind == "op":
            assert into[v.key] == (2 if v.op in ("add", "multiply") and v.label == v.op else 1)


SCRIPT = """
import tinygrad_course as tc
from tinygrad_course import nn
tc.manual_seed(0)
model = nn.Sequential(*[nn.Linear(3, 3), nn.Tanh()] * 2, nn.BatchNorm1d(3), nn.Linear(3, 1))
x = tc.randn(4, 3)
print(tc.viz.draw(model, x, direction="both", show=("shape", "values", "norm", "where")).source)
print(tc.viz.draw(model(x).sum(), direction="both").source)
"""


def test_the_text_is_the_same_in_every_process():
    texts = set()
    for seed in ("0", "1", "42"):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], capture_output=True, check=True, env={"PYTHONHASHSEED": seed, **_paths()}
        )
        texts.add(done.stdout)
    assert len(texts) == 1 and b"digraph" in texts.pop()


def _paths():
    return {"PYTHONPATH": ":".join(p for p in sys.path if p)}
