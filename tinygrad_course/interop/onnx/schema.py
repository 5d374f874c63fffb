"""Nodes against what ONNX says of their operators: an attribute that is not known must not be overlooked."""

from __future__ import annotations

from typing import Any

from .package import OnnxError, onnx_package

__all__ = ["check_node"]

# Attributes of old versions that change what an operator does, with the value that changes nothing.
_WITHOUT_EFFECT: dict[tuple[str, str], Any] = {
    ("BatchNormalization", "spatial"): 1, ("Pad", "paddings"): None, ("Upsample", "height_scale"): None,
    ("Upsample", "width_scale"): None, ("Scan", "directions"): None,
}  # fmt: skip


def check_node(node: Any, version: int) -> None:
    """Raise unless the operator of this version has the node's attributes, of their types, and as many inputs."""
    onnx = onnx_package()
    what = f"load: {node.op_type} {node.name!r}"
    try:
        schema = onnx.defs.get_schema(node.op_type, max_inclusive_version=version)
    except onnx.defs.SchemaError:
        raise OnnxError(f"{what}: there is no such operator in version {version}") from None
    for side, given, least, most in (
        ("inputs", node.input, schema.min_input, schema.max_input),
        ("outputs", node.output, schema.min_output, schema.max_output),
    ):
        if not least <= len(given) <= most:
            raise OnnxError(f"{what}: {len(given)} {side}; expected {least} to {most}")
    for a in node.attribute:
        known = schema.attributes.get(a.name)
        if known is None:
            names = ", ".join(sorted(schema.attributes)) or "none"
            raise OnnxError(f"{what}: the attribute {a.name!r} is not known in version {version}; known are {names}")
        if int(known.type.value) != a.type:
            raise OnnxError(f"{what}: the attribute {a.name!r} should be of kind {known.type.name}, not {a.type}")
        unchanged = _WITHOUT_EFFECT.get((node.op_type, a.name), ...)
        if unchanged is not ... and (unchanged is None or a.i != unchanged):
            raise OnnxError(f"{what}: the attribute {a.name!r} of old versions is not supported")
