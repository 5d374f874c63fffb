"""Layers that ONNX knows as one operator: what such a node keeps, and the operations one by one would lose, is that it
can be recognized, as a batch normalization that is to be trained on must be.
"""

from __future__ import annotations

from typing import Any

from .table import Case, module_rule

__all__: list[str] = []


@module_rule("BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm")
def batch_norm(m: Any, c: Case) -> str | None:
    if m.training or not m.track_running_stats or m.weight is None or m.bias is None or m.momentum is None:
        return None
    return c.node(
        "BatchNormalization", c.name(), *c.owned(m.weight, m.bias, m.running_mean, m.running_var),
        epsilon=float(m.eps), momentum=1.0 - float(m.momentum),
    )  # fmt: skip


@module_rule("InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d")
def instance_norm(m: Any, c: Case) -> str | None:
    if m.track_running_stats or m.weight is None or m.bias is None or c.ndim() != m._ndims[1]:
        return None
    return c.node("InstanceNormalization", c.name(), *c.owned(m.weight, m.bias), epsilon=float(m.eps))


@module_rule("LayerNorm")
def layer_norm(m: Any, c: Case) -> str | None:
    if m.weight is None or m.bias is None:
        return None
    axis = -len(m.normalized_shape)
    return c.node("LayerNormalization", c.name(), *c.owned(m.weight, m.bias), axis=axis, epsilon=float(m.eps))


@module_rule("LocalResponseNorm")
def local_response_norm(m: Any, c: Case) -> str | None:
    if m.size % 2 == 0 or c.ndim() != 4:  # ONNX puts the larger half behind, and onnxruntime has it for images only
        return None
    return c.node("LRN", c.name(), size=m.size, alpha=float(m.alpha), beta=float(m.beta), bias=float(m.k))


@module_rule("AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d")
def adaptive_avg_pool(m: Any, c: Case) -> str | None:
    n = int(type(m).__name__[-2])
    size = m.output_size if isinstance(m.output_size, (tuple, list)) else (m.output_size,) * n
    return c.node("GlobalAveragePool", c.name()) if set(size) == {1} and c.ndim() == n + 2 else None


@module_rule("AvgPool1d", "AvgPool2d", "AvgPool3d")
def avg_pool(m: Any, c: Case) -> str | None:
    n = int(type(m).__name__[-2])
    if m.ceil_mode or getattr(m, "divisor_override", None) is not None or c.ndim() != n + 2:
        return None

    def each(value: Any) -> list[int]:
        return list(value) if isinstance(value, (tuple, list)) else [value] * n

    stride = each(m.kernel_size) if m.stride is None else each(m.stride)
    return c.node(
        "AveragePool", c.name(), kernel_shape=each(m.kernel_size), strides=stride, pads=each(m.padding) * 2,
        count_include_pad=int(m.count_include_pad),
    )  # fmt: skip
