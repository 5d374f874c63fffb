"""Calls of torch.nn.functional to compare: convolution, pooling, normalization, losses; and functions' other names."""

from __future__ import annotations

from typing import Any

from .cases import case

__all__: list[str] = []


def seen(m: Any, *shape: int) -> Any:
    """Fixed weights, the same for both."""
    n = 1
    for length in shape:
        n *= length
    return m.tensor([((7 * i) % 11 - 5) / 6 for i in range(n)], dtype=m.float64).reshape(shape)


def functional(name: str, inputs: str, *options: dict[str, Any], shape: tuple[int, ...] = ()) -> None:
    """`name(x, **options)`, or `name(x, w, **options)` with weights of a shape, which depend on x for a gradient."""
    calls = []
    for option in options or ({},):
        if shape:
            calls.append(
                lambda m, x, o=option: getattr(m.nn.functional, name)(
                    x, seen(m, *shape).to(x.dtype) * (1 + x.mean()), **o
                )
            )
        else:
            calls.append(lambda m, x, o=option: getattr(m.nn.functional, name)(x, **o))
    case(f"F.{name}", inputs, *calls)


# --- Convolution and pooling: images (2, 4, 6, 5), sequences (2, 4, 6) -----------------------------------------------

functional("conv1d", "246", {}, {"stride": 2, "padding": 1}, {"dilation": 2, "padding": "same"}, shape=(3, 4, 3))
functional(
    "conv2d",
    "2465",
    {},
    {"stride": (2, 1), "padding": 1},
    {"dilation": (1, 2)},
    {"padding": "valid"},
    shape=(3, 4, 2, 3),
)
functional("conv3d", "11444", {}, {"stride": 2, "padding": 1}, shape=(2, 1, 2, 2, 3))
functional("conv_transpose1d", "246", {}, {"stride": 2, "padding": 1, "output_padding": 1}, shape=(4, 3, 3))
functional("conv_transpose2d", "2465", {}, {"stride": 2, "padding": (0, 1)}, {"dilation": 2}, shape=(4, 3, 2, 3))
case(
    "F.conv2d grouped",
    "2465",
    lambda m, x: m.nn.functional.conv2d(x, seen(m, 6, 2, 2, 2).to(x.dtype), seen(m, 6).to(x.dtype), groups=2),
)
functional("max_pool1d", "246", {"kernel_size": 2}, {"kernel_size": 3, "stride": 1, "padding": 1})
functional(
    "max_pool2d",
    "2465",
    {"kernel_size": 2},
    {"kernel_size": (2, 3), "stride": 1, "ceil_mode": True},
    {"kernel_size": 2, "return_indices": True},
)
functional("avg_pool1d", "246", {"kernel_size": 2}, {"kernel_size": 3, "stride": 2, "padding": 1})
functional(
    "avg_pool2d",
    "2465",
    {"kernel_size": 2},
    {"kernel_size": 3, "padding": 1, "count_include_pad": False},
    {"kernel_size": 2, "ceil_mode": True},
)
functional("adaptive_avg_pool2d", "2465", {"output_size": 1}, {"output_size": (3, 2)})
functional("adaptive_max_pool2d", "2465", {"output_size": 1}, {"output_size": (3, 2)})
functional("lp_pool2d", "2465", {"norm_type": 2, "kernel_size": 2})
functional("unfold", "2465", {"kernel_size": 2}, {"kernel_size": (2, 3), "stride": 2, "padding": 1})
case("F.fold", "246", lambda m, x: m.nn.functional.fold(x, (3, 4), (2, 2)))
case(
    "F.max_unpool2d",
    "2465",
    lambda m, x: m.nn.functional.max_unpool2d(*m.nn.functional.max_pool2d(x, 2, return_indices=True), 2),
)
functional("pixel_shuffle", "2465", {"upscale_factor": 2})
functional("interpolate", "2465", {"scale_factor": 2}, {"size": (3, 7), "mode": "bilinear"})

# --- Normalization, embedding, distance ------------------------------------------------------------------------------

functional("layer_norm", "2465", {"normalized_shape": (5,)}, {"normalized_shape": (6, 5)})
functional("group_norm", "2465", {"num_groups": 2})
functional("instance_norm", "2465")
functional("rms_norm", "2465", {"normalized_shape": (5,), "eps": 1e-3})
functional("normalize", "46", {}, {"p": 1, "dim": 0})
case(
    "F.batch_norm",
    "2465",
    lambda m, x: m.nn.functional.batch_norm(x, None, None, training=True),
    lambda m, x: m.nn.functional.batch_norm(
        x, m.zeros(4).to(x.dtype), m.ones(4).to(x.dtype) * 2, seen(m, 4).to(x.dtype)
    ),
)
functional("local_response_norm", "2465", {"size": 3})
functional("cosine_similarity", "46", {}, {"dim": 0}, shape=(4, 6))
case(
    "F.embedding",
    "46",
    lambda m, w: m.nn.functional.embedding(m.tensor([[0, 3], [3, 1]]), w),
    lambda m, w: m.nn.functional.embedding(m.tensor([1, 2]), w, padding_idx=1),
)
case(
    "F.one_hot",
    "nothing",
    lambda m: m.nn.functional.one_hot(m.tensor([0, 2])),
    lambda m: m.nn.functional.one_hot(m.tensor([[1]]), 4),
)

# --- Losses ----------------------------------------------------------------------------------------------------------

REDUCTIONS = ({}, {"reduction": "sum"}, {"reduction": "none"})
for _name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"):
    functional(_name, "46", *REDUCTIONS, shape=(4, 6))
case(
    "F.cross_entropy",
    "46",
    *(lambda m, x, r=r: m.nn.functional.cross_entropy(x, m.tensor([0, 5, 2, 2]), **r) for r in REDUCTIONS),
    lambda m, x: m.nn.functional.cross_entropy(x, m.tensor([0, -100, 2, 2]), label_smoothing=0.1),
    lambda m, x: m.nn.functional.cross_entropy(x, m.tensor([0, 1, 2, 2]), weight=m.arange(1, 7).to(x.dtype)),
    lambda m, x: m.nn.functional.cross_entropy(x, m.softmax(seen(m, 4, 6).to(x.dtype), 1)),
)
case(
    "F.nll_loss",
    "46",
    *(lambda m, x, r=r: m.nn.functional.nll_loss(m.log_softmax(x, 1), m.tensor([0, 5, 2, 2]), **r) for r in REDUCTIONS),
)
case(
    "F.binary_cross_entropy",
    "46",
    *(
        lambda m, x, r=r: m.nn.functional.binary_cross_entropy(m.sigmoid(x), m.sigmoid(seen(m, 4, 6)).to(x.dtype), **r)
        for r in REDUCTIONS
    ),
)
case(
    "F.binary_cross_entropy_with_logits",
    "46",
    *(
        lambda m, x, r=r: m.nn.functional.binary_cross_entropy_with_logits(x, m.sigmoid(seen(m, 4, 6)).to(x.dtype), **r)
        for r in REDUCTIONS
    ),
    lambda m, x: m.nn.functional.binary_cross_entropy_with_logits(
        x, (x > 0).to(x.dtype), pos_weight=m.tensor(2.0, dtype=x.dtype)
    ),
)
case(
    "F.kl_div",
    "46",
    lambda m, x: m.nn.functional.kl_div(
        m.log_softmax(x, 1), m.softmax(seen(m, 4, 6).to(x.dtype), 1), reduction="batchmean"
    ),
)

# --- Other names of elementwise functions ----------------------------------------------------------------------------

for _name in (
    "absolute",
    "arcsinh",
    "arctan",
    "deg2rad",
    "fix",
    "isneginf",
    "isposinf",
    "neg",
    "rad2deg",
    "sgn",
    "selu",
):
    case(_name, "full", lambda m, x, f=_name: getattr(m, f)(x))
for _name in ("arccos", "arcsin", "arctanh"):
    case(_name, "full", lambda m, x, f=_name: getattr(m, f)(x / 3))
case("arccosh", "full", lambda m, x: m.arccosh(1.5 + x.exp()))
case("digamma", "positive", lambda m, x: m.digamma(x))
case("arctan2", "pair", lambda m, x, y: m.arctan2(x, y.exp()))
for _name in ("greater", "greater_equal", "less", "less_equal", "not_equal"):
    case(_name, "pair", lambda m, x, y, f=_name: getattr(m, f)(x, y))
for _name in ("det", "slogdet", "inverse", "pinverse"):
    case(_name, "square", lambda m, a, f=_name: getattr(m, f)(a))
case("matrix_power", "square", lambda m, a: m.matrix_power(a, 2))
case("logdet", "definite", lambda m, a: m.logdet(a))
case("cholesky", "definite", lambda m, a: m.cholesky(a))
case("cholesky_inverse", "definite", lambda m, a: m.cholesky_inverse(m.cholesky(a)))
case("cholesky_solve", "definite", lambda m, a: m.cholesky_solve(a, m.cholesky(a)))
# Singular vectors and reflections are unique up to signs.
case("svd", "square", lambda m, a: m.svd(a)[1], lambda m, a: abs(m.svd(a)[0]))
case("qr", "square", lambda m, a: abs(m.qr(a)[0]))
case("linalg.eigh", "definite", lambda m, a: m.linalg.eigh(a)[0], lambda m, a: abs(m.linalg.eigh(a)[1]))
