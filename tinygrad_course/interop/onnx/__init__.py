"""ONNX (https://onnx.ai), the format in which frameworks exchange networks; needs the extra `onnx`.

`export(model, inputs, path)` writes what a model computes; `load(path)` gives a Module that runs, is drawn, and trains.
"""

from .export import export
from .network import Network, load
from .package import OnnxError

__all__ = ["Network", "OnnxError", "export", "load"]
