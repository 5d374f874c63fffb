"""`load` as a backend of onnx's own tests, and the measure that they give of it.

`onnx.backend.test` ships with the onnx package: small models, each with inputs and what should come out.
"""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...autograd import no_grad
from ...tensor import Tensor
from .network import Network
from .package import OnnxError, onnx_package

__all__ = ["Backend", "Prepared", "Result", "measure", "table"]

# float32, float64, whole numbers and bools: what tensors may hold here and are of use.
_TYPES = {1, 2, 3, 4, 5, 6, 7, 9, 11, 12, 13}


class Prepared:
    """A model that is ready to run, in the terms of `onnx.backend.base.BackendRep`."""

    def __init__(self, network: Network) -> None:
        self.network = network

    def run(self, inputs: Any, **_: Any) -> tuple[np.ndarray, ...]:
        """The outputs, as arrays, for inputs in their order or by name."""
        named = inputs if isinstance(inputs, dict) else dict(zip(self.network.inputs, inputs))
        with no_grad():
            found = self.network(*(Tensor._wrap(np.asarray(named[n])) for n in self.network.inputs))
        return tuple(y.array for y in (found if isinstance(found, tuple) else (found,)))


class Backend:
    """The functions that `onnx.backend.test.BackendTest` calls."""

    @classmethod
    def prepare(cls, model: Any, device: str = "CPU", **_: Any) -> Prepared:
        return Prepared(Network(model))

    @classmethod
    def run_model(cls, model: Any, inputs: Any, device: str = "CPU", **_: Any) -> tuple[np.ndarray, ...]:
        return cls.prepare(model, device).run(inputs)

    @classmethod
    def is_compatible(cls, model: Any, device: str = "CPU", **_: Any) -> bool:
        """Whether all operators are known."""
        try:
            Network(model)
        except OnnxError:
            return False
        return True

    @classmethod
    def supports_device(cls, device: str) -> bool:
        return device == "CPU"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one case: "passed", "failed" or "unsupported"."""

    name: str
    operator: str
    outcome: str
    message: str = ""


def measure(kinds: Sequence[str] = ("node",)) -> Iterator[Result]:
    """Run onnx's cases whose inputs and outputs are tensors of float32, float64, whole numbers or bools.

    Args:
        kinds: "node" for operators one by one, "pytorch-converted" and "pytorch-operator" for models that PyTorch has
            written, "simple".
    """
    onnx_package()
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = [case for kind in kinds for case in load_model_tests(kind=kind)]
        for case in cases:
            model, sets = _contents(case)
            if {_element(v) for v in (*model.graph.input, *model.graph.output)} <= _TYPES:
                yield _run(case, model, sets)


def _contents(case: Any) -> tuple[Any, Any]:
    """The model of a case, and pairs of inputs and outputs; of some they lie in files."""
    if case.model is not None:
        return case.model, case.data_sets
    onnx, folder = onnx_package(), case.model_dir

    def read(place: str, side: str) -> list[Any]:
        names = [n for n in os.listdir(os.path.join(folder, place)) if n.startswith(side)]
        return [
            onnx.load_tensor(os.path.join(folder, place, n))
            for n in sorted(names, key=lambda n: int(n.rpartition("_")[2].partition(".")[0]))
        ]

    places = sorted(n for n in os.listdir(folder) if n.startswith("test_data_set"))
    return onnx.load(os.path.join(folder, "model.onnx")), [(read(p, "input"), read(p, "output")) for p in places]


def _element(value: Any) -> int:
    return int(value.type.tensor_type.elem_type) if value.type.HasField("tensor_type") else -1


def _run(case: Any, model: Any, sets: Any) -> Result:
    operator = model.graph.node[0].op_type if "_expanded" not in case.name else "bodies of functions"
    try:
        prepared = Backend.prepare(model)
        for inputs, outputs in sets:
            for got, wanted in zip(prepared.run([_array(x) for x in inputs]), map(_array, outputs), strict=True):
                if (got.shape, got.dtype) != (wanted.shape, wanted.dtype):
                    raise ValueError(f"{got.dtype} {got.shape} came, not {wanted.dtype} {wanted.shape}")
                np.testing.assert_allclose(got, wanted, case.rtol, max(case.atol, 1e-6))
    except Exception as error:
        outcome = "unsupported" if isinstance(error, OnnxError) and "not supported" in str(error) else "failed"
        return Result(case.name, operator, outcome, " ".join(str(error).split()))
    return Result(case.name, operator, "passed")


def _array(x: Any) -> np.ndarray:
    onnx = onnx_package()
    return np.asarray(onnx.numpy_helper.to_array(x) if isinstance(x, onnx.TensorProto) else x)


def table(results: Sequence[Result]) -> str:
    """Operator, passed, failed, unsupported, as text."""
    counts = Counter((r.operator, r.outcome) for r in results)
    names = sorted({r.operator for r in results})
    kinds = ("passed", "failed", "unsupported")
    rows = [("operator", *kinds), *((n, *(str(counts[n, k]) for k in kinds)) for n in names)]
    rows.append(("all", *(str(sum(counts[n, k] for n in names)) for k in kinds)))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))]) for row in rows
    )
