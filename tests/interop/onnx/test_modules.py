"""Every module of `nn` as an ONNX file, run by onnxruntime: in the given batch size and in others."""

import numpy as np
import pytest

import tinygrad_course as tc
from tests.nn.test_gradcheck import CASES
from tinygrad_course import nn

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

# What no file can hold, and why. A new module belongs here or into the cases of tests/nn/test_gradcheck.py.
WITHOUT = {
    "Module": "a base class", "ModuleDict": "holds modules, computes nothing", "ModuleList": "as ModuleDict",
    "ParameterDict": "holds parameters, computes nothing", "ParameterList": "as ParameterDict",
}  # fmt: skip
IMAGE = np.random.default_rng(0).normal(size=(2, 4, 5, 4))
CASES = CASES | {
    name: (getattr(nn, name), IMAGE[:, :, 0] if name.endswith("1d") else IMAGE)
    for name in ("AlphaDropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout")
}
# Modules whose results are the same as those of another that is a case.
AS = {
    **{f"Lazy{name}{n}d": f"{name}{n}d" for name in ("Conv", "ConvTranspose", "BatchNorm") for n in (1, 2, 3)},
    "LazyLinear": "Linear", "TripletMarginWithDistanceLoss": "TripletMarginLoss",
}  # fmt: skip


def _single(x):
    x = np.asarray(x)
    return tc.tensor(x.astype(np.float32) if x.dtype.kind == "f" else x)


def session(model, inputs, **options):
    file = tc.interop.onnx.export(model, tuple(inputs), **options)
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3
    settings.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(file.SerializeToString(), settings, providers=["CPUExecutionProvider"])


def compare(model, runtime, inputs, tolerance=1e-5):
    wanted = model(*inputs)
    wanted = wanted if isinstance(wanted, (tuple, list)) else (wanted,)
    found = runtime.run(None, {i.name: x.array for i, x in zip(runtime.get_inputs(), inputs)})
    assert len(found) == len(wanted)
    for got, y in zip(found, wanted):
        assert (got.shape, got.dtype) == (tuple(y.shape), y.array.dtype)
        np.testing.assert_allclose(got, y.array, rtol=tolerance, atol=tolerance)


def resized(runtime, inputs, n):
    """The inputs whose batch is dynamic, with n rows."""
    return [
        tc.tensor(np.take(x.array, np.arange(n) % len(x.array), 0)) if i.shape and i.shape[0] == "batch" else x
        for i, x in zip(runtime.get_inputs(), inputs)
    ]


@pytest.mark.parametrize("name", CASES)
def test_onnxruntime_computes_the_same(name):
    make, *arrays = CASES[name]
    model = make()
    model = model.float() if isinstance(model, nn.Module) else model
    if isinstance(model, nn.Module):
        model.eval()
    inputs = [_single(x) for x in arrays]
    runtime = session(model, inputs)
    compare(model, runtime, inputs)
    for n in (1, 5):
        compare(model, runtime, resized(runtime, inputs, n))


def test_every_module_is_placed():
    modules = {n for n in nn.__all__ if isinstance(getattr(nn, n), type) and issubclass(getattr(nn, n), nn.Module)}
    placed = {*CASES, *WITHOUT, *AS, *(type(make()).__name__ for make, *_ in CASES.values())}
    assert modules <= placed, f"{sorted(modules - placed)} have neither a case nor a reason in WITHOUT"
    assert {*WITHOUT, *AS} <= modules
    assert set(AS.values()) <= placed - set(AS)
