"""ONNX's operators, as operations of the project: a family a file. What runs them is `steps.Step`."""

from importlib import import_module

from .table import OPERATORS, Known, known

__all__ = ["OPERATORS", "Known", "known"]

for _family in (
    "activation", "arithmetic", "attention", "control", "images", "indexing", "layers", "losses", "pooling",
    "quantization", "recurrent", "reduction", "shapes",
):  # fmt: skip
    import_module(f"{__name__}.{_family}")
