"""Writing ONNX files: dynamic sizes, state, errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course import nn
from tinygrad_course.interop.onnx import OnnxError, export

from .test_modules import compare, resized, session

F = nn.functional


def _named(model, inputs, **options):
    return [node.op_type for node in export(model, inputs, **options).graph.node]


class Flattening(nn.Module):
    """The ways to write down a batch size."""

    def __init__(self, how):
        super().__init__()
        self.how = how

    def forward(self, x):
        n = x.shape[0]
        return {
            "flatten": lambda: x.flatten(1), "reshape": lambda: x.reshape(n, -1), "view": lambda: x.view(n, 12),
            "product": lambda: x.reshape(n * 3, 4).sum(1), "last": lambda: x.permute(1, 2, 0).reshape(12, n),
            "both": lambda: x.reshape(n, 2, n * 6 // n), "expand": lambda: x.sum((1, 2)).unsqueeze(1).expand(n, 7),
            "zeros": lambda: tc.cat([x, tc.zeros(n, 1, 4)], 1), "half": lambda: x[: n - 1], "all": x.ravel,
            "arange": lambda: x.sum((1, 2)) * tc.arange(n), "mean": lambda: x.sum() / x.shape[0],
            "gather": lambda: x.sum(2).gather(1, (x.sum((1, 2), keepdim=True).squeeze(1) > 0).to(tc.int64)),
            "squeeze": lambda: x.unsqueeze(0).squeeze(0), "var": lambda: x.var(0) + x.std(),
            "stack": lambda: tc.stack([x, x], 1), "roll": lambda: x.roll(1, 1).flip(0), "scaled": lambda: x * n,
        }[self.how]()  # fmt: skip


@pytest.mark.parametrize(
    "how",
    ["flatten", "reshape", "view", "product", "last", "both", "expand", "zeros", "half", "all", "arange", "mean",
     "gather", "squeeze", "var", "stack", "roll", "scaled"],
)  # fmt: skip
def test_a_batch_size_that_code_has_read_stays_dynamic(how):
    model, x = Flattening(how), tc.randn(3, 3, 4)
    runtime = session(model, [x])
    for n in (3, 2, 4, 9):
        compare(model, runtime, resized(runtime, [x], n))


def test_two_dynamic_axes():
    model = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.MaxPool2d(2), nn.Flatten(2))
    x = tc.randn(2, 1, 8, 6)
    axes = {"input": {0: "n", 2: "height"}}
    runtime = session(model, [x], dynamic_axes=axes)
    for n, h in ((2, 8), (1, 9), (3, 4), (4, 13)):
        compare(model, runtime, [tc.randn(n, 1, h, 6)])


@given(
    st.lists(st.sampled_from(["linear", "tanh", "norm", "view", "residual"]), min_size=1, max_size=5), st.integers(1, 6)
)
def test_random_networks(parts, n):
    """Property: whatever is composed, onnxruntime agrees for a batch size that was not seen."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in parts)
            self.norms = nn.ModuleList(nn.BatchNorm1d(4) for _ in parts)

        def forward(self, x):
            for part, layer, norm in zip(parts, self.layers, self.norms):
                x = {
                    "linear": lambda x=x, f=layer: f(x), "tanh": lambda x=x: x.tanh(), "norm": lambda x=x, f=norm: f(x),
                    "view": lambda x=x: x.view(x.shape[0] * 2, 2).flip(1).reshape(-1, 4),
                    "residual": lambda x=x, f=layer: x + F.relu(f(x)) * x.mean(1, keepdim=True),
                }[part]()  # fmt: skip
            return x

    model = Net().eval()
    compare(model, session(model, [tc.randn(3, 4)]), [tc.randn(n, 4)])


# --- what is in the file ------------------------------------------------------------------------------------------


def test_names_values_and_layers(tmp_path):
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(),
                          nn.Dropout(0.5), nn.Linear(36, 3), nn.Softmax(1))  # fmt: skip
    before = {k: v.clone() for k, v in model.state_dict().items()}
    path = tmp_path / "model.onnx"
    file = export(model, tc.randn(2, 1, 8, 8), path, input_names=["image"], output_names=["class"])
    assert path.read_bytes() == file.SerializeToString()
    kinds = [node.op_type for node in file.graph.node]
    kinds = [k for k in kinds if k != "Constant"]
    assert kinds == ["Conv", "BatchNormalization", "Relu", "AveragePool", "Reshape", "Gemm", "Softmax"]
    names = [x.name for x in file.graph.initializer]
    assert names == [n for n in model.state_dict() if "num_batches" not in n]
    assert [v.name for v in file.graph.input] == ["image"]
    assert [v.name for v in file.graph.output] == ["class"]
    shape = file.graph.input[0].type.tensor_type.shape.dim
    assert [d.dim_param or d.dim_value for d in shape] == ["batch", 1, 8, 8]
    assert all(m.training for m in model.modules())  # it was, and is again
    assert all(np.array_equal(before[k].array, v.array) for k, v in model.state_dict().items())
    fixed = export(model, tc.randn(2, 1, 8, 8), dynamic_batch=False).graph.input[0].type.tensor_type.shape.dim
    assert [d.dim_value for d in fixed] == [2, 1, 8, 8]


def test_training_only_layers_are_not_there():
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.9), nn.GaussianNoise(), nn.RReLU(), nn.AlphaDropout())
    assert set(_named(model, tc.randn(2, 4))) <= {"Gemm", "LeakyRelu"}


@pytest.mark.parametrize("opset", [17, 18, 20, 21, 23])
def test_versions_of_operators(opset):
    model = nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4), nn.GELU(), nn.RMSNorm(4), nn.LogSoftmax(1))
    compare(model.eval(), session(model, [tc.randn(2, 4)], opset=opset), [tc.randn(5, 4)])


def test_a_hook_is_part_of_what_is_written():
    model = nn.Sequential(nn.BatchNorm1d(3)).eval()
    model[0].register_forward_hook(lambda m, x, y: y * 2)
    compare(model, session(model, [tc.randn(2, 3)]), [tc.randn(4, 3)])


def test_functions_and_several_inputs_and_outputs():
    def model(x, y):
        return x @ y, (x + y).sum()

    a, b = tc.randn(3, 3), tc.randn(3, 3)
    runtime = session(model, [a, b], dynamic_batch=False)
    assert [i.name for i in runtime.get_inputs()] == ["input_0", "input_1"]
    compare(model, runtime, [b, a])


def test_float64_and_shared_parameters():
    model = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3)).double()
    model[2].weight = model[0].weight
    file = export(model, tc.randn(2, 3, dtype=tc.float64))
    assert [x.name for x in file.graph.initializer] == ["0.weight", "0.bias", "2.bias"]
    compare(model, session(model, [tc.randn(2, 3, dtype=tc.float64)]), [tc.randn(4, 3, dtype=tc.float64)], 1e-12)


# --- what cannot be written ---------------------------------------------------------------------------------------


def test_all_operations_without_an_equivalent_are_named_with_their_lines():
    def model(x):
        return tc.linalg.svdvals(x) + tc.lgamma(x).sum()

    with pytest.raises(OnnxError, match=r"lgamma \(.*test_export.py:\d+\), svdvals \(.*test_export.py:\d+\)"):
        export(model, tc.randn(3, 3))


def test_control_flow_by_values_is_refused():
    with pytest.raises(OnnxError, match=r"bool\(\) reads a value that depends on the inputs .*test_export.py"):
        export(lambda x: x * 2 if x.sum() > 0 else x, tc.randn(3, 3))
    with pytest.raises(OnnxError, match=r"item\(\) reads"):
        export(lambda x: x * x.max().item(), tc.randn(3, 3))


def test_values_computed_behind_the_graph_are_refused():
    with pytest.raises(OnnxError, match="Python or NumPy code has computed it"):
        export(lambda x: x * tc.tensor(np.cos(x.array)), tc.randn(3, 3))
    with pytest.raises(OnnxError, match=r"Python or NumPy|not a formula of their sizes"):
        export(lambda x: x * float(np.sin(x.shape[0])), tc.randn(3, 3))


def test_random_numbers_are_refused():
    with pytest.raises(OnnxError, match="normal"):
        export(lambda x: x + tc.randn_like(x), tc.randn(3, 3))


def test_bad_arguments():
    model, x = nn.Linear(3, 2), tc.randn(2, 3)
    with pytest.raises(ValueError, match="opset from 17 to 23, got 9"):
        export(model, x, opset=9)
    with pytest.raises(ValueError, match="expected 1 different input_names"):
        export(model, x, input_names=["a", "b"])
    with pytest.raises(ValueError, match="dynamic_axes names"):
        export(model, x, dynamic_axes={"x": [0]})
    with pytest.raises(ValueError, match="its shape is"):
        export(model, x, dynamic_axes={"input": [5]})
    with pytest.raises(ValueError, match="rename the former"):
        export(model, x, input_names=["weight"])
    with pytest.raises(TypeError, match="expected a Module"):
        export(3, x)
    with pytest.raises(RuntimeError):  # the model's own error
        export(model, tc.randn(2, 4))
