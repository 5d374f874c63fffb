"""Without the onnx package."""

import sys

import pytest

import tinygrad_course as tc
from tinygrad_course.interop import onnx


def test_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r'pip install "tinygrad_course\[onnx\]"'):
        onnx.export(tc.nn.Linear(1, 1), tc.zeros(1, 1))
    with pytest.raises(ImportError, match=r"tinygrad_course\[onnx\]"):
        onnx.load(b"")
