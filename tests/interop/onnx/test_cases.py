"""The cases that ship with the onnx package: which pass is written down, so that none is lost."""

from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

EXPECTED = Path(__file__).with_name("not_passing.txt")


def _expected():
    lines = [line for line in EXPECTED.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split() for line in lines)


@pytest.fixture(scope="module")
def results():
    from tinygrad_course.interop.onnx.backend import measure

    return list(measure(("node", "simple", "pytorch-converted", "pytorch-operator")))


def test_every_case_passes_that_did(results, capsys):
    from tinygrad_course.interop.onnx.backend import table

    expected = _expected()
    lost = [r for r in results if r.outcome != "passed" and expected.get(r.name) != r.outcome]
    if not onnx.__version__.startswith("1.23."):  # other versions have other cases
        lost = [r for r in lost if r.outcome == "failed" and r.name in expected]
    assert not lost, "\n".join(f"{r.name} {r.outcome}: {r.message[:150]}" for r in lost)
    with capsys.disabled():
        passed = sum(r.outcome == "passed" for r in results)
        print(f"\n{passed} of {len(results)} of onnx's cases passed\n{table(results).splitlines()[-1]}")


def test_what_is_written_down_still_fails(results):
    found = {r.name: r.outcome for r in results}
    gained = [name for name in _expected() if found.get(name) == "passed"]
    assert not gained, f"these pass now; take them off {EXPECTED.name}: {gained}"


def test_the_measure_can_fail(monkeypatch):
    from tinygrad_course.interop.onnx.backend import measure
    from tinygrad_course.interop.onnx.operators import OPERATORS

    monkeypatch.setitem(OPERATORS, "Relu", lambda step, x: x)
    assert [r.outcome for r in measure(("pytorch-converted",)) if r.name == "test_ReLU"] == ["failed"]
    monkeypatch.delitem(OPERATORS, "Relu")
    assert [r.outcome for r in measure(("pytorch-converted",)) if r.name == "test_ReLU"] == ["unsupported"]


def test_the_adapter_is_one_that_onnx_can_call():
    from tinygrad_course.interop.onnx.backend import Backend

    node = onnx.helper.make_node("Abs", ["x"], ["y"])
    info = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph([node], "g", [info("x", 1, [2])], [info("y", 1, [2])])
    model = onnx.helper.make_model(graph)
    assert Backend.supports_device("CPU") and not Backend.supports_device("CUDA") and Backend.is_compatible(model)
    assert Backend.run_model(model, {"x": np.float32([-1, 2])})[0].tolist() == [1, 2]
    node.op_type = "NoSuch"
    del graph.node[:]
    graph.node.append(node)
    assert not Backend.is_compatible(onnx.helper.make_model(graph))
