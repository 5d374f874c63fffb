"""Networks from ONNX files: the same numbers, trained on, drawn, saved."""

import copy
import pickle

import numpy as np
import pytest

import tinygrad_course as tc
from tinygrad_course import nn
from tinygrad_course.interop.onnx import OnnxError, export, load

onnx = pytest.importorskip("onnx")
helper, numpy_helper = onnx.helper, onnx.numpy_helper


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 5), nn.Conv2d(4, 6, 3)
        self.fc = nn.Linear(6, 10)

    def forward(self, x):
        x = nn.functional.max_pool2d(self.conv1(x).relu(), 2)
        x = nn.functional.max_pool2d(self.conv2(x).relu(), 2)
        return self.fc(x.flatten(1))


def _mlp():
    return nn.Sequential(nn.Linear(12, 8), nn.BatchNorm1d(8), nn.Sigmoid(), nn.Linear(8, 3))


def _inception():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.Inception(4, 2, 2, 3, 2, 2, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(9, 3))  # fmt: skip


MODELS = {"LeNet": (LeNet, (1, 14, 14), 10), "MLP": (_mlp, (12,), 3), "Inception": (_inception, (1, 8, 8), 3)}


def _train(model, x, y, steps=4):
    model.train()
    optimizer = tc.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    return losses


@pytest.mark.parametrize("name", MODELS)
def test_round_trip_of_a_trained_network(name):
    make, shape, classes = MODELS[name]
    model = make()
    x, y = tc.randn(6, *shape), tc.randint(0, classes, (6,))
    _train(model, x, y)
    file = export(model, x).SerializeToString()
    other = load(file)
    assert not other.training
    state = {k: v for k, v in model.state_dict().items() if "num_batches" not in k}
    assert list(other.state_dict()) == list(state)
    assert all(np.array_equal(other.state_dict()[k].array, v.array) for k, v in state.items())
    assert [n for n, _ in other.named_parameters()] == [n for n, _ in model.named_parameters()]
    for n in (6, 1, 3):
        rows = tc.randn(n, *shape)
        np.testing.assert_allclose(other(rows).array, model(rows).array, rtol=1e-5, atol=1e-5)
    # Trained on, both take the same steps, running statistics included.
    assert _train(other, x, y) == pytest.approx(_train(model, x, y), rel=1e-4)
    for k, v in other.state_dict().items():
        np.testing.assert_allclose(v.array, model.state_dict()[k].array, rtol=1e-3, atol=1e-5)
    again = load(export(other, x).SerializeToString())
    np.testing.assert_allclose(again(x).array, model(x).array, rtol=1e-3, atol=1e-4)
    model.load_state_dict({k: again.state_dict().get(k, v) for k, v in model.state_dict().items()})


@pytest.mark.parametrize("name", MODELS)
def test_onnxruntime_agrees_with_a_trained_network(name):
    runtime = pytest.importorskip("onnxruntime")
    make, shape, classes = MODELS[name]
    model = make()
    x = tc.randn(6, *shape)
    _train(model, x, tc.randint(0, classes, (6,)))
    session = runtime.InferenceSession(export(model, x).SerializeToString(), providers=["CPUExecutionProvider"])
    for n in (6, 1, 11):
        rows = tc.randn(n, *shape)
        np.testing.assert_allclose(session.run(None, {"input": rows.array})[0], model(rows).array, rtol=1e-5, atol=1e-5)


def test_the_gradient_is_that_of_the_original():
    model = LeNet().double()
    other = load(export(model, tc.randn(2, 1, 14, 14, dtype=tc.float64)).SerializeToString())
    x = tc.randn(3, 1, 14, 14, dtype=tc.float64)
    for m in (model, other):
        m(x).square().sum().backward()
    for p, q in zip(model.parameters(), other.parameters()):
        assert p.grad.array.any()
        np.testing.assert_allclose(q.grad.array, p.grad.array, rtol=1e-9)


def test_it_is_drawn_summarized_saved_and_copied(tmp_path):
    model, x = LeNet(), tc.randn(2, 1, 14, 14)
    path = tmp_path / "net.onnx"
    export(model, x, path)
    other = load(path)
    table = tc.viz.summary(other, x)
    assert table.parameters == sum(p.numel() for p in model.parameters())
    rows = {row.name: row for row in table.rows}
    assert (rows["conv1"].kind, rows["conv1"].output, rows["conv1"].parameters) == ("Conv", ((2, 4, 10, 10),), 104)
    source = str(tc.viz.draw(other, x))
    assert "conv1" in source and "MaxPool" in source
    for twin in (copy.deepcopy(other), pickle.loads(pickle.dumps(other))):
        assert np.array_equal(twin(x).array, other(x).array)
    tc.save(other.state_dict(), tmp_path / "state")
    model.load_state_dict(tc.load(tmp_path / "state"))
    assert "Conv" in repr(other)


def test_inputs_by_name_and_wrong_ones():
    net = load(export(lambda a, b: a - b, (tc.zeros(2), tc.zeros(2)), input_names=["a", "b"]).SerializeToString())
    assert net(b=tc.ones(2), a=tc.zeros(2)).tolist() == [-1, -1]
    assert net(np.ones(3, np.float32), tc.zeros(3)).tolist() == [1, 1, 1]
    with pytest.raises(TypeError, match="expected the inputs a, b, got 1 by place"):
        net(tc.zeros(2))
    with pytest.raises(TypeError, match="should be float32, got int64"):
        net(tc.tensor([1]), tc.zeros(1))
    with pytest.raises(OnnxError, match=r"Sub 'Sub' on shapes \(2,\), \(3,\)"):
        net(tc.zeros(2), tc.zeros(3))


def model_of(nodes, inputs, outputs, initializers=(), version=18, **kwargs):
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info(n, t, s) for n, t, s in inputs],
        [helper.make_tensor_value_info(n, t, s) for n, t, s in outputs], list(initializers), **kwargs,
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)]).SerializeToString()


FLOAT, INT = 1, 7


def test_shapes_computed_while_it_runs():
    """What PyTorch writes for x.view(x.size(0), -1): Shape, Gather, Unsqueeze, Concat, Reshape."""
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"]),
        helper.make_node("Unsqueeze", ["n", "axis"], ["n1"]),
        helper.make_node("Concat", ["n1", "rest"], ["shape"], axis=0),
        helper.make_node("Reshape", ["x", "shape"], ["y"]),
    ]
    constants = [numpy_helper.from_array(np.array(v, np.int64), n) for n, v in
                 (("zero", 0), ("axis", [0]), ("rest", [-1]))]  # fmt: skip
    net = load(model_of(nodes, [("x", FLOAT, None)], [("y", FLOAT, None)], constants))
    assert [tuple(net(tc.zeros(n, 2, 3)).shape) for n in (1, 4)] == [(1, 6), (4, 6)]
    assert not list(net.parameters())
    assert {n for n, _ in net.named_buffers()} == {"zero", "axis", "rest"}
    # Shapes are known without looking at values, so a network of them is exported again, dynamic.
    again = load(export(net, tc.zeros(2, 2, 3)).SerializeToString())
    assert again(tc.zeros(5, 2, 3)).shape == (5, 6)


def test_branches_and_loops():
    then = helper.make_graph(
        [helper.make_node("Neg", ["x"], ["t"])], "t", [], [helper.make_tensor_value_info("t", 1, None)]
    )
    other = helper.make_graph([helper.make_node("Add", ["x", "w"], ["e"])], "e", [],
                              [helper.make_tensor_value_info("e", 1, None)],
                              [numpy_helper.from_array(np.float32([10]), "w")])  # fmt: skip
    nodes = [helper.make_node("If", ["c"], ["y"], then_branch=then, else_branch=other)]
    net = load(model_of(nodes, [("c", 9, []), ("x", FLOAT, [1])], [("y", FLOAT, [1])]))
    x = tc.tensor([2.0], requires_grad=True)
    assert net(tc.tensor(True), x).tolist() == [-2]
    assert net(tc.tensor(False), x).tolist() == [12]
    net(tc.tensor(True), x).sum().backward()
    assert x.grad.tolist() == [-1]
    assert len(list(net.parameters())) == 1

    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Mul", ["v", "x"], ["w"])], "b",
        [helper.make_tensor_value_info("i", INT, []), helper.make_tensor_value_info("go", 9, []),
         helper.make_tensor_value_info("v", 1, [1])],
        [helper.make_tensor_value_info("on", 9, []), helper.make_tensor_value_info("w", 1, [1])],
    )  # fmt: skip
    loop = [helper.make_node("Loop", ["n", "", "x"], ["y"], body=body)]
    power = load(model_of(loop, [("n", INT, []), ("x", FLOAT, [1])], [("y", FLOAT, [1])]))
    assert power(tc.tensor(3), x).tolist() == [16]
    with pytest.raises(OnnxError, match="a loop of 1000000000 turns"):
        power(tc.tensor(10**9), x)


def test_settings_are_buffers_and_weights_are_parameters():
    nodes = [
        helper.make_node("Clip", ["x", "low", "high"], ["c"]),
        helper.make_node("Mul", ["c", "w"], ["y"]),
    ]
    weights = [numpy_helper.from_array(np.float32(v), n) for n, v in (("low", 0), ("high", 1), ("w", [3]))]
    net = load(model_of(nodes, [("x", FLOAT, [1])], [("y", FLOAT, [1])], weights))
    assert [n for n, _ in net.named_parameters()] == ["w"]
    assert [n for n, _ in net.named_buffers()] == ["low", "high"]
    assert not any(p.requires_grad for p in load(export(nn.Linear(1, 1), tc.zeros(1, 1)).SerializeToString(),
                                                 trainable=False).parameters())  # fmt: skip


def test_names_that_modules_cannot_have():
    """Names of Module's own attributes, empty parts, and one name that begins another."""
    names = ["train", "a", "a.b", ".", "forward.weight", "inputs", "x/y:0"]
    nodes = [helper.make_node("Sum", ["x", *names], ["y"], name="weight")]
    weights = [numpy_helper.from_array(np.float32([i]), n) for i, n in enumerate(names)]
    net = load(model_of(nodes, [("x", FLOAT, [1])], [("y", FLOAT, [1])], weights))
    assert net(tc.zeros(1)).item() == sum(range(len(names)))
    assert len(net.state_dict()) == len(names)
    net.load_state_dict(net.state_dict())


def test_bfloat16_and_float16_initializers():
    half = numpy_helper.from_array(np.float16([1.5]), "h")
    brain = onnx.TensorProto(name="b", dims=[2], data_type=16, raw_data=np.uint16([0x3FC0, 0xC000]).tobytes())
    nodes = [helper.make_node("Cast", ["h"], ["f"], to=1), helper.make_node("Sum", ["x", "f", "b"], ["y"])]
    net = load(model_of(nodes, [("x", FLOAT, [1])], [("y", FLOAT, [2])], [half, brain]))
    assert net(tc.zeros(1)).tolist() == [3.0, -0.5]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_pytorch_exports():
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    import io

    model = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3, padding=1), torch.nn.BatchNorm2d(4), torch.nn.ReLU(),
                                torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Linear(64, 5)).eval()  # fmt: skip
    x = torch.randn(2, 1, 8, 8)
    for dynamo in (False, True):
        file = io.BytesIO()
        torch.onnx.export(model, (x,), file, dynamo=dynamo, verbose=False)
        net = load(file.getvalue())
        np.testing.assert_allclose(net(x.numpy()).array, model(x).detach().numpy(), rtol=1e-4, atol=1e-5)
        assert {"5.weight", "5.bias"} <= {n for n, _ in net.named_parameters()}
