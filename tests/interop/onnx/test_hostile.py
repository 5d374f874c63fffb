"""Files that are broken, or made to do harm: a clear error in bounded time and memory."""

import contextlib
import os
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course import nn
from tinygrad_course.interop.onnx import OnnxError, export, load

from .test_load import FLOAT, INT, model_of

onnx = pytest.importorskip("onnx")
helper, numpy_helper, TensorProto = onnx.helper, onnx.numpy_helper, onnx.TensorProto

X, Y = [("x", FLOAT, [1])], [("y", FLOAT, [1])]


@pytest.fixture(scope="module")
def valid():
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3)
    )
    return export(model, tc.zeros(1, 1, 6, 6)).SerializeToString()


def refused(data, match=None, run=None):
    """The file, or running it, raises OnnxError, and takes no memory to speak of."""
    tracemalloc.start()
    try:
        with pytest.raises(OnnxError, match=match):
            net = load(data)
            if run is not None:
                net(*run)
        assert tracemalloc.get_traced_memory()[1] < 64e6
    finally:
        tracemalloc.stop()


def _attempt(data):
    """Load and run; whatever goes wrong is one of these errors."""
    with contextlib.suppress(OnnxError, TypeError):
        load(data)(tc.zeros(1, 1, 6, 6))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@given(data=st.data())
def test_mutated_files(valid, data):
    """Property: bytes changed, cut, repeated or put in lead to an OnnxError, or a network of another sense."""
    file = bytearray(valid)
    for _ in range(data.draw(st.integers(1, 6))):
        kind = data.draw(st.sampled_from(["set", "cut", "insert", "repeat", "drop"]))
        i = data.draw(st.integers(0, max(len(file) - 1, 0)))
        n = data.draw(st.integers(1, 40))
        if kind == "set" and file:
            file[i] = data.draw(st.integers(0, 255))
        elif kind == "cut":
            del file[i:]
        elif kind == "insert":
            file[i:i] = data.draw(st.binary(min_size=1, max_size=12))
        elif kind == "repeat":
            file[i:i] = file[i : i + n]
        else:
            del file[i : i + n]
    _attempt(bytes(file))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # such as the acosh of 0
@given(data=st.data())
def test_mutated_structures(valid, data):
    """Property: the same for files that are well-formed, but whose contents do not fit together."""
    model = onnx.ModelProto.FromString(valid)
    graph = model.graph
    for _ in range(data.draw(st.integers(1, 4))):
        what = data.draw(
            st.sampled_from(["ints", "int", "kind", "input", "output", "dims", "type", "drop", "swap", "raw"])
        )
        node = graph.node[data.draw(st.integers(0, len(graph.node) - 1))]
        tensor = graph.initializer[data.draw(st.integers(0, len(graph.initializer) - 1))]
        names = [*(n for other in graph.node for n in other.output), *(t.name for t in graph.initializer), "", "z"]
        number = data.draw(st.one_of(st.integers(-3, 9), st.sampled_from([2**31, 2**62, -(2**63)])))
        if what in ("ints", "int") and node.attribute:
            a = node.attribute[data.draw(st.integers(0, len(node.attribute) - 1))]
            if a.type == a.INTS and a.ints:
                a.ints[data.draw(st.integers(0, len(a.ints) - 1))] = number
            elif a.type == a.INT:
                a.i = number
            else:
                a.type = data.draw(st.integers(0, 14))
        elif what == "kind":
            node.op_type = data.draw(st.sampled_from(sorted(_operators())))
        elif what == "input" and node.input:
            node.input[data.draw(st.integers(0, len(node.input) - 1))] = data.draw(st.sampled_from(names))
        elif what == "output" and node.output:
            node.output[0] = data.draw(st.sampled_from(names))
        elif what == "dims":
            tensor.dims[:] = [*tensor.dims, number] if data.draw(st.booleans()) else tensor.dims[1:]
        elif what == "type":
            tensor.data_type = data.draw(st.integers(0, 24))
        elif what == "drop" and len(graph.node) > 1:
            graph.node.remove(node)
        elif what == "swap":
            graph.output[0].name = data.draw(st.sampled_from(names))
        elif what == "raw":
            tensor.raw_data = tensor.raw_data[: data.draw(st.integers(0, 8))]
    _attempt(model.SerializeToString())


def _operators():
    from tinygrad_course.interop.onnx.operators import OPERATORS

    # Those that may be told by x to make something large, which is what they are for.
    return set(OPERATORS) - {"Loop", "Scan", "If"}


@pytest.mark.parametrize(
    "data", [b"", b"\x00", b"PK\x03\x04", b"not a model", b"\x08" * 100, os.urandom(500), b"\x0a\xff\xff\xff\xff\x0f"]
)
def test_no_model(data):
    refused(data, "no ONNX file")


def test_truncated(valid):
    for n in range(0, len(valid) - 1, 97):
        _attempt(valid[:n])
    refused(valid[: len(valid) // 2])


def _with(tensor, nodes=None):
    nodes = nodes or [helper.make_node("Add", ["x", "w"], ["y"])]
    return model_of(nodes, X, Y, [tensor])


def test_sizes_that_are_declared_and_not_there():
    refused(_with(TensorProto(name="w", dims=[1 << 40], data_type=1, raw_data=b"1234")), "at most")
    refused(
        _with(TensorProto(name="w", dims=[1 << 20, 1 << 9], data_type=1, raw_data=b"1234")), "needs 2147483648 bytes"
    )
    refused(_with(TensorProto(name="w", dims=[1 << 29], data_type=1)), "needs 536870912 values, but there are 0")
    refused(_with(TensorProto(name="w", dims=[-1], data_type=1, raw_data=b"")), "is no shape")
    refused(_with(TensorProto(name="w", dims=[0, 1 << 62, 1 << 62], data_type=1, raw_data=b"123")), "bytes")
    refused(_with(TensorProto(name="w", dims=[1] * 65, data_type=1, raw_data=b"1234")), "is no shape")


def test_types_that_are_not_supported():
    refused(_with(TensorProto(name="w", dims=[1], data_type=8, string_data=[b"a"])), "elements of type 8")
    refused(_with(TensorProto(name="w", dims=[1], data_type=14, raw_data=b"1" * 8)), "elements of type 14")
    refused(_with(TensorProto(name="w", dims=[1], data_type=99, raw_data=b"1")), "elements of type 99")


@pytest.mark.parametrize(
    "node",
    [
        ("ConstantOfShape", ["n"], {}), ("Expand", ["x", "n"], {}), ("Tile", ["x", "n1"], {}),
        ("Range", ["zero", "big", "one"], {}), ("Pad", ["x", "pads"], {}), ("Resize", ["image", "", "", "n4"], {}),
        ("OneHot", ["index", "big", "values"], {}), ("EyeLike", ["huge"], {}),
        ("RandomNormal", [], {"shape": [1 << 50]}), ("HannWindow", ["big"], {}),
        ("MaxUnpool", ["image", "places"], {"kernel_shape": [1, 1], "strides": [1 << 30] * 2}),
        ("CenterCropPad", ["x", "n1"], {}), ("Col2Im", ["columns", "n2", "ones"], {}),
        ("AveragePool", ["image"], {"kernel_shape": [1, 1], "pads": [1 << 30] * 4}),
        ("ConvTranspose", ["image", "image"], {"strides": [1 << 30, 1 << 30], "dilations": [1 << 30, 1]}),
    ],
    ids=lambda node: node[0],
)  # fmt: skip
def test_operators_that_are_told_to_make_something_huge(node):
    kind, inputs, given = node
    big = 1 << 40
    values = {
        "n": [big], "n1": [big], "n2": [1 << 30, 1 << 30], "zero": 0, "one": 1, "big": big, "pads": [0, big],
        "ones": [1, 1], "n4": [1, 1, 1 << 30, 1 << 30], "index": [0], "values": np.float32([0, 1]),
        "image": np.ones((1, 1, 2, 2), np.float32),
        "places": np.zeros((1, 1, 2, 2), np.int64), "columns": np.ones((1, 1, 1), np.float32),
    }  # fmt: skip
    tensors = [numpy_helper.from_array(np.asarray(v), k) for k, v in values.items() if k in inputs]
    nodes = [helper.make_node(kind, inputs, ["z"], **given), helper.make_node("Shape", ["z"], ["y"])]
    if kind == "EyeLike":
        nodes.insert(0, helper.make_node("Expand", ["x", "n"], ["huge"]))
        tensors.append(numpy_helper.from_array(np.array([1 << 25, 1 << 25]), "n"))
    refused(
        model_of(nodes, X, [("y", INT, [1])], tensors, version=21),
        kind if kind != "EyeLike" else "Expand",
        [tc.zeros(1)],
    )


def test_cycles_and_missing_values():
    loop = [
        helper.make_node("Add", ["x", "b"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Relu", ["b"], ["y"]),
    ]
    refused(model_of(loop, X, Y), "has a cycle")
    refused(model_of([helper.make_node("Relu", ["y"], ["y"])], X, Y), "has a cycle")
    refused(model_of([helper.make_node("Relu", ["z"], ["y"])], X, Y), "nothing before it gives")
    refused(model_of([helper.make_node("Relu", ["x"], ["z"])], X, Y), "nothing gives the output 'y'")
    refused(model_of([helper.make_node("Relu", ["x"], ["y"])] * 2, X, Y), "given twice")
    refused(model_of([helper.make_node("Dropout", ["x"], ["y", "y"])], X, Y), "given twice")
    unnamed = model_of([helper.make_node("Dropout", ["x"], ["y", ""])], X, [("", FLOAT, [1])])
    refused(unnamed, "nothing gives the output ''")
    refused(model_of([helper.make_node("Relu", ["x"], ["x"])], X, [("x", FLOAT, [1])]), "given twice")


def test_all_unknown_operators_are_named():
    nodes = [helper.make_node("NoSuch", ["x"], ["a"]), helper.make_node("Evil", ["a"], ["y"], domain="my.domain")]
    refused(model_of(nodes, X, Y), "not supported: NoSuch, my.domain.Evil")


def test_nodes_are_held_against_what_onnx_says_of_operators():
    def node(kind, inputs=("x",), outputs=("y",), version=18, **given):
        return model_of([helper.make_node(kind, inputs, outputs, **given)], X, Y, version=version)

    refused(node("Conv"), "1 inputs; expected 2 to 3")
    refused(node("Relu", outputs=["y", "z"]), "2 outputs; expected 1 to 1")
    refused(node("Softmax", axis="all"), "'axis' should be of kind INT")
    refused(node("Softmax", axes=[1]), "the attribute 'axes' is not known in version 18; known are axis")
    refused(node("Gelu"), "no such operator in version 18")
    refused(node("BatchNormalization", ["x"] * 5, version=7, spatial=0), "'spatial' of old versions is not supported")
    refused(node("Add", ["x", ""]), "Add", [tc.zeros(1)])
    ours = helper.make_node("LeakyRelu", ["x"], ["y"], alpha=0.1)
    ours.attribute[0].ref_attr_name = "a"
    refused(model_of([ours], X, Y), "functions are not supported")


def _field(number, data):
    """One length-delimited field of a protocol buffer."""
    length, out = len(data), bytearray([number << 3 | 2])
    while length > 127:
        out.append(length & 127 | 128)
        length >>= 7
    return bytes(out) + bytes([length]) + data


@pytest.mark.parametrize("depth", [20, 200, 2000])
def test_deep_nesting(depth):
    graph = b""
    for _ in range(depth):  # a graph of a node with an attribute that is a graph
        graph = _field(1, _field(4, b"If") + _field(5, _field(1, b"then_branch") + _field(6, graph) + b"\xa0\x01\x05"))
    refused(b"\x08\x08" + _field(8, b"\x10\x12") + _field(7, graph), "nested more than 16 deep|no ONNX file")


# --- data in other files ------------------------------------------------------------------------------------------


def _external(location, offset="0", length="4"):
    tensor = TensorProto(name="w", dims=[1], data_type=1, data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        tensor.external_data.add(key=key, value=value)
    return _with(tensor)


def test_data_in_another_file(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "weights.bin").write_bytes(b"...." + np.float32([2.5]).tobytes())
    path = tmp_path / "model.onnx"
    path.write_bytes(_external("sub/weights.bin", "4"))
    assert load(path)(tc.zeros(1)).tolist() == [2.5]
    refused(path.read_bytes(), "load the model by its path")


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("../secret", "leads out"), ("sub/../../secret", "leads out"), ("/etc/passwd", "leads out"),
        ("..\\secret", "leads out"), ("C:\\secret", "leads out"), ("", "leads out"), ("a\0b", "leads out"),
        ("link", "symbolic link"), ("linked/secret", "symbolic link"), ("sub", "no regular file"),
        ("pipe", "no regular file"), ("missing", "cannot be read"), ("x" * 5000, "cannot be read"),
    ],
)  # fmt: skip
def test_paths_that_lead_elsewhere(tmp_path, location, message):
    home = tmp_path / "home"
    (home / "sub").mkdir(parents=True)
    (tmp_path / "secret").write_bytes(b"1234")
    (home / "link").symlink_to(tmp_path / "secret")
    (home / "linked").symlink_to(tmp_path)
    os.mkfifo(home / "pipe")
    path = home / "model.onnx"
    path.write_bytes(_external(location))
    refused(path, message)


@pytest.mark.parametrize(
    ("offset", "length"), [("0", "400"), ("1", "4"), ("-1", "4"), ("x", "4"), ("0", "1" * 30), ("0", "-4")]
)
def test_places_outside_of_the_other_file(tmp_path, offset, length):
    (tmp_path / "w").write_bytes(b"1234")
    path = tmp_path / "model.onnx"
    path.write_bytes(_external("w", offset, length))
    refused(path)
