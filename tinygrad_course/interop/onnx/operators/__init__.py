"""ONNX's operators, as operations of the project: a family a file. What runs them is `steps.Step`."""

from . import activation, arithmetic, control, images, indexing, layers, losses, pooling, recurrent, reduction, shapes
from .table import OPERATORS, Known, known

__all__ = [
    "OPERATORS", "Known", "activation", "arithmetic", "control", "images", "indexing", "known", "layers", "losses",
    "pooling", "recurrent", "reduction", "shapes",
]  # fmt: skip
