"""Nets from prototxt: phases, sharing, data, weights files, writing, and texts that are wrong."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course import nn
from tinygrad_course.interop import caffe
from tinygrad_course.interop.caffe import Net
from tinygrad_course.interop.prototxt import PrototxtError, parse

RNG = np.random.default_rng(1)
IMAGES, LABELS = RNG.integers(0, 256, (10, 6, 6)).astype(np.uint8), np.arange(10)
DATA = """layer { name: "d" type: "Data" top: "x" top: "t" data_param { source: "mine" batch_size: 4 backend: LMDB }
  transform_param { %s } }"""


def test_phases_in_place_tops_and_loss_weights():
    text = (
        DATA % "scale: 0.5 mean_value: 10"
        + """
    layer { name: "ip" type: "InnerProduct" bottom: "x" top: "y" param { lr_mult: 2 decay_mult: 0 } param { lr_mult: 0 }
      inner_product_param { num_output: 3 weight_filler { type: "xavier" } } }
    layer { name: "r" type: "ReLU" bottom: "y" top: "y" }
    layer { name: "hush" type: "Silence" bottom: "t" }
    layer { name: "l" type: "EuclideanLoss" bottom: "y" bottom: "y" top: "l" loss_weight: 3 include { phase: TRAIN } }
    layer { name: "p" type: "Softmax" bottom: "y" top: "p" exclude { phase: TRAIN } }
    layer { name: "s" type: "TanH" bottom: "y" top: "s" include { phase: TEST stage: "deploy" } }"""
    )
    train, test = (Net(parse(text), phase, data={"mine": (IMAGES, LABELS)}) for phase in ("TRAIN", "TEST"))
    assert list(train.layers) == ["d", "ip", "r", "hush", "l"]
    assert list(test.layers) == ["d", "ip", "r", "hush", "p"]
    assert "s" in Net(parse(text), "TEST", data={"mine": (IMAGES, LABELS)}, stages=("deploy",)).layers
    assert [rates for _, *rates in train.learnable] == [[2.0, 0.0], [0.0, 1.0]]
    assert not train.layers["ip"].bias.requires_grad
    test.share_with(train)
    assert test.layers["ip"].weight is train.layers["ip"].weight
    blobs = train.run()
    np.testing.assert_allclose(blobs["x"].array[:, 0], (IMAGES[:4].astype(float) - 10) * 0.5)
    assert (blobs["y"].array >= 0).all()
    assert train.loss(blobs).item() == 0
    assert train.run()["t"].tolist() == [4, 5, 6, 7]
    assert train.run()["t"].tolist() == [8, 9, 0, 1]
    with pytest.raises(RuntimeError, match="has no loss"):
        test.loss(test.run())


def test_cropping_and_mirroring():
    kinds = {}
    for phase in ("TRAIN", "TEST"):
        n = Net(parse(DATA % "crop_size: 4 mirror: true"), phase, data={"d": (IMAGES, LABELS)})
        kinds[phase] = [n.run()["x"].array[0, 0] for _ in range(5)]
    np.testing.assert_array_equal(kinds["TEST"][0], IMAGES[0, 1:5, 1:5])
    all_crops = [IMAGES[0, i : i + 4, j : j + 4][:, ::d] for i in range(3) for j in range(3) for d in (1, -1)]
    assert any((kinds["TRAIN"][0] == crop).all() for crop in all_crops)


@pytest.mark.parametrize("kind", ["MemoryData", "ImageData", "HDF5Data"])
def test_other_data_layers_take_the_callers_data(kind, tmp_path):
    param = {"MemoryData": "memory_data_param", "ImageData": "image_data_param", "HDF5Data": "hdf5_data_param"}[kind]
    path = tmp_path / "x.npz"
    np.savez(path, data=IMAGES, label=LABELS)
    source = f'source: "{path}"' if kind != "MemoryData" else ""
    text = f'layer {{ name: "d" type: "{kind}" top: "x" {param} {{ batch_size: 3 {source} }} }}'
    n = Net(parse(text), data={"d": tc.tensor(IMAGES)} if kind == "MemoryData" else None)
    np.testing.assert_array_equal(n().array[:, 0], IMAGES[:3])


def test_older_inputs_and_shared_parameters():
    n = Net(parse("""name: "n" input: "a" input: "train" input_dim: 2 input_dim: 3 input_dim: 1 input_dim: 1
    input_dim: 2 input_dim: 3 input_dim: 1 input_dim: 1
    layer { name: "train" type: "InnerProduct" bottom: "a" top: "y" param { name: "w" } param { name: "b" }
      inner_product_param { num_output: 2 weight_filler { type: "gaussian" } } }
    layer { name: "q" type: "InnerProduct" bottom: "train" top: "z" param { name: "w" } param { name: "b" }
      inner_product_param { num_output: 2 } }"""))  # fmt: skip
    assert n.inputs == ["a", "train"]
    assert len(n.learnable) == 2
    x = tc.ones(4, 3, 1, 1)
    out = n(a=x, train=x)
    assert out["y"].tolist() == out["z"].tolist()
    assert out["y"].abs().sum().item() > 0
    assert n.train().training
    with pytest.raises(TypeError, match="expected the inputs a, train, got 1 by place"):
        n(x)


WRONG = {
    'layer { name: "a" type: "Nope" }': r":1:19: layer 'a': there is no type 'Nope' here",
    'layer { name: "a" type: "ReLU" top: "y" }': "ReLU takes 1 bottoms, got 0",
    'layer { name: "a" type: "ReLU" bottom: "x" top: "y" }': "no layer before it gives the bottom 'x'",
    'layers { name: "a" type: RELU }': "format of before 2014",
    'layer { type: "Input" top: "x" input_param { shape { dim: -1 } } }': "dims must be positive",
    'layer { type: "Input" top: "x" input_param { shape { dim: 100000 dim: 100000 } } }': "dims must be positive",
    'input: "x"': "1 inputs need as many shapes, got 0",
    DATA % "": "no data for the source 'mine'",
}
ON_X = {
    "InnerProduct": "num_output is missing",
    "InnerProduct inner_product_param { num_output: 3 axis: 9 }": "axis 9 is not one of a blob",
    "InnerProduct inner_product_param { num_output: 99999999999 }": "too large",
    "InnerProduct inner_product_param { num_output: 3 bias: true }": "inner_product_param: bias is not known here",
    "Convolution convolution_param { num_output: 3 }": "kernel_size is missing",
    "Convolution convolution_param { num_output: 3 kernel_size: 9 }": "layer 'l': ",
    "Convolution convolution_param { num_output: 3 kernel_size: 1 group: 2 }": "do not divide into 2 groups",
    "Convolution convolution_param { num_output: 3 kernel_size: 1 kernel_h: 2 }": "not both",
    "Pooling pooling_param { pool: STOCHASTIC kernel_size: 2 }": "STOCHASTIC pooling is not supported",
    "Pooling pooling_param { kernel_size: 9 }": "is larger than the image",
    "LRN lrn_param { local_size: 2 }": "local_size must be odd",
    "Dropout dropout_param { dropout_ratio: 1 }": r"must be in \[0, 1\)",
    "Slice slice_param { slice_point: 7 }": "do not cut axis 1",
    "Reshape reshape_param { shape { dim: 7 } }": "layer 'l': ",
    "ReLU relu_parameter { }": "relu_parameter is not known here",
    "ReLU include { phase: TEST } exclude { phase: TRAIN }": "not both",
    "ReLU include { phase: TESTING }": "phase must be one of",
}


@pytest.mark.parametrize("text", WRONG)
def test_wrong_texts(text):
    with pytest.raises(PrototxtError, match=WRONG[text]) as error:
        Net(parse(text, "net.prototxt"))
    assert str(error.value).startswith("net.prototxt:")


@pytest.mark.parametrize("text", ON_X)
def test_wrong_layers(text):
    kind, _, param = text.partition(" ")
    whole = f"""input: "x" input_shape {{ dim: 1 dim: 3 dim: 4 dim: 4 }}
    layer {{ name: "l" type: "{kind}" bottom: "x" top: "y" {param} }}"""
    with pytest.raises(PrototxtError, match=ON_X[text]) as error:
        Net(parse(whole, "net.prototxt"))
    assert str(error.value).startswith("net.prototxt:")


LAYERS_TEXT = """name: "n" input: "x" input_shape { dim: 2 dim: 3 dim: 8 dim: 8 }
layer { name: "conv/1" type: "Convolution" bottom: "x" top: "a" convolution_param { num_output: 4 kernel_size: 3
  weight_filler { type: "xavier" } bias_filler { type: "uniform" } } }
layer { name: "bn" type: "BatchNorm" bottom: "a" top: "a" }
layer { name: "sc" type: "Scale" bottom: "a" top: "a" scale_param { bias_term: true } }
layer { name: "pr" type: "PReLU" bottom: "a" top: "a" }
layer { name: "ip" type: "InnerProduct" bottom: "a" top: "y" inner_product_param { num_output: 3
  weight_filler { type: "gaussian" } } }"""


def test_weights_files(tmp_path):
    (tmp_path / "n.prototxt").write_text(LAYERS_TEXT)
    a = Net(parse(LAYERS_TEXT), "TRAIN")
    x = tc.tensor(RNG.standard_normal((2, 3, 8, 8)).astype(np.float32))
    a(x)  # moves the statistics
    a.eval()
    caffe.save_weights(a, tmp_path / "n.caffemodel")
    b = caffe.load(tmp_path / "n.prototxt", weights=tmp_path / "n.caffemodel")
    assert not np.allclose(caffe.load(tmp_path / "n.prototxt")(x).detach().array, a(x).detach().array)
    np.testing.assert_array_equal(b(x).detach().array, a(x).detach().array)
    other = tmp_path / "other.prototxt"
    other.write_text(LAYERS_TEXT.replace("num_output: 3", "num_output: 5"))
    with pytest.raises(caffe.CaffeFileError, match="the layer 'ip' has blobs"):
        caffe.load(other, weights=tmp_path / "n.caffemodel")
    other.write_text('input: "x" input_shape { dim: 1 dim: 1 }')
    with pytest.raises(caffe.CaffeFileError, match="no weights for any layer"):
        caffe.load(other, weights=tmp_path / "n.caffemodel")


def _model(tmp_path_factory):
    path = tmp_path_factory.mktemp("caffe") / "n.caffemodel"
    net = Net(parse(LAYERS_TEXT))
    caffe.save_weights(net, path)
    return path, path.read_bytes()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return _model(tmp_path_factory)


@given(st.integers(0, 2**31), st.lists(st.tuples(st.integers(0, 2**31), st.integers(0, 255)), max_size=3))
def test_damaged_weights_files_are_refused_or_read(model, cut, changes):
    path, whole = model
    data = bytearray(whole[: cut % (len(whole) + 1)])
    for place, value in changes:
        if data:
            data[place % min(len(data), 200)] = value
    path.write_bytes(bytes(data))
    try:
        caffe.load_weights(Net(parse(LAYERS_TEXT)), path)
    except caffe.CaffeFileError as error:
        assert str(error).startswith(str(path))


def test_weights_of_the_other_encodings(tmp_path):
    """Unpacked values, doubles and the four old dims, as older files have them."""
    from tinygrad_course.interop.caffe.weights import _field, _number, read_blobs

    values = np.array([1.5, -2.0], "<f4")
    unpacked = b"".join(_number(5 << 3 | 5) + v.tobytes() for v in values)
    old = _field(1, 1) + _field(2, 1) + _field(3, 1) + _field(4, 2) + unpacked
    doubles = _field(7, _field(1, 2)) + _field(8, values.astype("<f8").tobytes())
    data = _field(2, _field(4, b"v1") + _field(6, old)) + _field(100, _field(1, b"new") + _field(7, doubles))
    (tmp_path / "w").write_bytes(data)
    found = read_blobs(tmp_path / "w")
    assert found["v1"][0].shape == (1, 1, 1, 2)
    assert found["v1"][0].ravel().tolist() == found["new"][0].tolist() == [1.5, -2.0]


def test_writing_a_sequential(tmp_path):
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 4, 1, groups=2), nn.LeakyReLU(0.1), nn.AvgPool2d(2, 1), nn.LocalResponseNorm(3), nn.PReLU(4),
        nn.Flatten(), nn.Sequential(nn.Linear(16, 8), nn.Tanh(), nn.Dropout(0.3), nn.Linear(8, 5, bias=False)),
        nn.ELU(), nn.Sigmoid(), nn.Softplus(), nn.Softmax(1),
    )  # fmt: skip
    x = tc.tensor(RNG.standard_normal((2, 3, 14, 13)).astype(np.float32))
    model[:9](x)  # moves the statistics
    model.eval()
    path, weights = tmp_path / "m.prototxt", tmp_path / "m.caffemodel"
    caffe.save(model, path, (1, 3, 14, 13), weights=weights)
    assert path.read_text().count("FLOOR") == 1  # 7 columns do not divide into windows of 2
    twin = caffe.load(path, weights=weights)
    np.testing.assert_allclose(twin(x).detach().array, model(x).detach().array, rtol=1e-5, atol=1e-6)
    with pytest.raises(TypeError, match="no layer for GELU at 'layer0'"):
        caffe.save(nn.Sequential(nn.GELU()), path, (1, 2))
