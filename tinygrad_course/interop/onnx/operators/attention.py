"""Attention, rotary embeddings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .... import ops
from ....nn import functional as F
from ....tensor import Tensor
from ..package import OnnxError
from .table import operator

__all__: list[str] = []


def _split(x: Tensor, heads: int) -> tuple[Any, bool]:
    """(batch, time, heads · width) as (batch, heads, time, width)."""
    if x.ndim == 4:
        return x, False
    if heads < 1 or x.shape[2] % heads:
        raise OnnxError(f"{x.shape[2]} values do not divide into {heads} heads")
    return x.reshape((x.shape[0], x.shape[1], heads, x.shape[2] // heads)).transpose(1, 2), True


@operator("Attention")
def attention(
    step: Any, q: Any, k: Any, v: Any, mask: Any = None, past_key: Any = None, past_value: Any = None,
    lengths: Any = None,
) -> Any:  # fmt: skip
    """softmax(q kᵀ / √d + mask) v (Vaswani et al., 2017), with groups of heads that share keys, and a cache."""
    q, flat = _split(q, step.get("q_num_heads", 0))
    k, _ = _split(k, step.get("kv_num_heads", 0))
    v, _ = _split(v, step.get("kv_num_heads", 0))
    k = k if past_key is None else ops.cat([past_key, k], 2)
    v = v if past_value is None else ops.cat([past_value, v], 2)
    present = k, v
    shared = q.shape[1] // k.shape[1]
    if shared > 1:
        k, v = k.repeat_interleave(shared, 1), v.repeat_interleave(shared, 1)
    scale = math.sqrt(step.attributes.get("scale", 1 / math.sqrt(q.shape[-1])))
    scores = (q * scale) @ (k * scale).transpose(-1, -2)
    cap, stages = step.get("softcap", 0.0), [scores]
    scores = ops.tanh(scores / cap) * cap if cap else scores
    stages.append(scores)
    before = 0 if past_key is None else past_key.shape[2]
    looks = _looks(step, scores.shape[-2], scores.shape[-1], before, lengths)
    if mask is not None:
        mask = _lengthened(mask, scores.shape[-1])
        if mask.array.dtype.kind == "b":
            looks = mask if looks is None else ops.logical_and(looks, mask)
        else:
            scores = scores + mask
    if looks is not None:
        scores = ops.where(looks, scores, -math.inf).to(q.dtype)
    stages.append(scores)
    # A query that looks at nothing gives zeros.
    blind = (scores == -math.inf).all(-1, keepdim=True)
    weights = ops.where(blind, 0.0, F.softmax(ops.where(blind, 0.0, scores), -1)).to(q.dtype)
    y = weights @ v
    if flat:
        y = y.transpose(1, 2).reshape((y.shape[0], y.shape[2], -1))
    shown = [*stages, weights][step.get("qk_matmul_output_mode", 0)]
    return y, *present, shown


def _looks(step: Any, queries: int, keys: int, before: int, lengths: Any) -> Any:
    """Whether each query may look at each key, by their places; None if all may."""
    left, right = step.get("left_window_size", -1), step.get("right_window_size", -1)
    causal = step.get("is_causal", 0)
    if not causal and left < 0 and right < 0 and lengths is None:
        return None
    key = np.arange(keys)
    first = np.array(before) if lengths is None else lengths.array.reshape(-1, 1, 1, 1) - queries
    at = np.arange(queries)[:, None] + first  # where each query stands among the keys
    found = key <= at if causal else np.ones(np.broadcast_shapes(at.shape, key.shape), bool)
    found = found & (key >= at - left) if left >= 0 else found
    found = found & (key <= at + right) if right >= 0 else found
    found = found if lengths is None else found & (key < lengths.array.reshape(-1, 1, 1, 1))
    return Tensor._wrap(found)


def _lengthened(mask: Any, keys: int) -> Any:
    """Keys that a mask says nothing about are not looked at."""
    if mask.shape[-1] >= keys:
        return mask
    more = np.full(
        (*mask.shape[:-1], keys - mask.shape[-1]), mask.array.dtype.kind != "b" and -math.inf, mask.array.dtype
    )
    return ops.cat([mask, Tensor._wrap(more)], -1)


@operator("RotaryEmbedding")
def rotary_embedding(step: Any, x: Tensor, cosines: Tensor, sines: Tensor, places: Tensor | None = None) -> Any:
    flat = x.ndim == 3
    if flat:
        heads = step.get("num_heads", 0)
        x = x.reshape((x.shape[0], x.shape[1], heads, -1)).transpose(1, 2)
    width = step.get("rotary_embedding_dim", 0) or x.shape[-1]
    turned, rest = x[..., :width], x[..., width:]
    cos, sin = (t if places is None else t[places] for t in (cosines, sines))
    cos, sin = (t[..., : width // 2].unsqueeze(1) for t in (cos, sin))
    inter = step.get("interleaved", 0)
    a, b = (turned[..., 0::2], turned[..., 1::2]) if inter else (turned[..., : width // 2], turned[..., width // 2 :])
    real, imaginary = a * cos - b * sin, b * cos + a * sin
    if inter:
        y = ops.stack([real, imaginary], -1).reshape(tuple(turned.shape))
    else:
        y = ops.cat([real, imaginary], -1)
    y = ops.cat([y, rest], -1) if rest.shape[-1] else y
    return y.transpose(1, 2).reshape((y.shape[0], y.shape[2], -1)) if flat else y
