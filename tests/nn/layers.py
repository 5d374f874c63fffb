"""Every layer and loss, small, with inputs that it takes."""

import numpy as np

from tinygrad_course import nn

__all__ = ["CASES", "ELSEWHERE"]

_rng = np.random.default_rng(0)


def _x(*shape, low=-1.0, high=1.0):
    """Distinct values, away from ties and from most kinks."""
    n = int(np.prod(shape))
    return _rng.permutation(np.linspace(low, high, n) + 0.013).reshape(shape)


def _signs(*shape):
    return np.where(_rng.random(shape) < 0.5, -1.0, 1.0)


IMAGE, LINE, VOLUME = _x(2, 4, 5, 4), _x(2, 4, 6), _x(1, 4, 3, 4, 3)
BY_DIMENSION = {1: LINE, 2: IMAGE, 3: VOLUME}
CLASSES = np.array([0, 2, 1])

CASES: dict[str, tuple] = {
    "Linear": (lambda: nn.Linear(4, 3), _x(2, 4)),
    "Bilinear": (lambda: nn.Bilinear(2, 3, 2), _x(2, 2), _x(2, 3)),
    "Identity": (nn.Identity, _x(3)),
    "Flatten": (nn.Flatten, IMAGE),
    "Unflatten": (lambda: nn.Unflatten(1, (2, 2)), LINE),
    "LowRankLinear": (lambda: nn.LowRankLinear(4, 3, 2), _x(2, 4)),
    "LayerNorm": (lambda: nn.LayerNorm(4), _x(3, 4)),
    "RMSNorm": (lambda: nn.RMSNorm(4, 1e-5), _x(3, 4)),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4), LINE),
    "LocalResponseNorm": (lambda: nn.LocalResponseNorm(3, 0.5), LINE),
    "Dropout": (lambda: nn.Dropout(0.5, scale="evaluation").eval(), _x(4)),
    "PReLU": (lambda: nn.PReLU(4), LINE),
    "GLU": (nn.GLU, _x(3, 4)),
    "Softmax2d": (nn.Softmax2d, IMAGE),
    "Softplus": (lambda: nn.Softplus(2.0), _x(5)),
    "Threshold": (lambda: nn.Threshold(0.2, 3.0), _x(8)),
    "RReLU": (lambda: nn.RReLU().eval(), _x(8)),
    "CosineSimilarity": (nn.CosineSimilarity, _x(3, 4), _x(3, 4)),
    "PairwiseDistance": (nn.PairwiseDistance, _x(3, 4), _x(3, 4)),
    "PixelShuffle": (lambda: nn.PixelShuffle(2), IMAGE),
    "PixelUnshuffle": (lambda: nn.PixelUnshuffle(2), _x(1, 1, 4, 4)),
    "ChannelShuffle": (lambda: nn.ChannelShuffle(2), LINE),
    "Unfold": (lambda: nn.Unfold(2, padding=1), IMAGE),
    "Fold": (lambda: nn.Fold((3, 3), 2), _x(1, 8, 4)),
    "Upsample": (lambda: nn.Upsample(scale_factor=2, mode="bilinear"), _x(1, 2, 3, 3)),
    "UpsamplingNearest2d": (lambda: nn.UpsamplingNearest2d(scale_factor=2), _x(1, 2, 3, 3)),
    "UpsamplingBilinear2d": (lambda: nn.UpsamplingBilinear2d(scale_factor=2), _x(1, 2, 3, 3)),
    "DataParallel": (lambda: nn.DataParallel(nn.Linear(4, 3)), _x(2, 4)),
    "Sequential": (lambda: nn.Sequential(nn.Linear(4, 3), nn.Tanh()), _x(2, 4)),
    "GaussianBasis": (lambda: nn.GaussianBasis(_x(3, 2), 0.7, trainable=True), _x(4, 2)),
    "SigmoidBasis": (lambda: nn.SigmoidBasis(_x(3, 2), 0.7, trainable=True), _x(4, 2)),
    "Inception": (lambda: nn.Inception(4, 1, 1, 1, 1, 1, 1), IMAGE),
    "Autoencoder": (lambda: nn.Autoencoder(4, 2), _x(3, 4)),
    "StackedAutoencoder": (lambda: nn.StackedAutoencoder([4, 3, 2]), _x(3, 4)),
    "ConvAutoencoder": (lambda: nn.ConvAutoencoder([4, 2], activation=nn.Tanh()), IMAGE),
    "RBM": (lambda: nn.RBM(4, 2), _x(3, 4)),
    "DBN": (lambda: nn.DBN([4, 3, 2]), _x(3, 4)),
    "GaussianNoise": (lambda: nn.GaussianNoise().eval(), _x(3)),
    "MaskingNoise": (lambda: nn.MaskingNoise().eval(), _x(3)),
    "SaltAndPepperNoise": (lambda: nn.SaltAndPepperNoise().eval(), _x(3)),
    "SyncBatchNorm": (lambda: nn.SyncBatchNorm(4), LINE),
    "MSELoss": (nn.MSELoss, _x(3, 2), _x(3, 2)),
    "L1Loss": (nn.L1Loss, _x(3, 2), _x(3, 2) + 0.1),
    "SmoothL1Loss": (lambda: nn.SmoothL1Loss(beta=0.6), _x(3, 2), _x(3, 2)),
    "HuberLoss": (lambda: nn.HuberLoss(delta=0.6), _x(3, 2), _x(3, 2)),
    "CrossEntropyLoss": (lambda: nn.CrossEntropyLoss(label_smoothing=0.1), _x(3, 4), CLASSES),
    "NLLLoss": (nn.NLLLoss, _x(3, 4), CLASSES),
    "BCELoss": (nn.BCELoss, _x(3, low=0.2, high=0.8), _x(3, low=0.2, high=0.8)),
    "BCEWithLogitsLoss": (nn.BCEWithLogitsLoss, _x(3), _x(3, low=0.2, high=0.8)),
    "KLDivLoss": (lambda: nn.KLDivLoss(reduction="batchmean"), _x(3, 2), _x(3, 2, low=0.2, high=0.8)),
    "HingeEmbeddingLoss": (nn.HingeEmbeddingLoss, _x(6), _signs(6)),
    "MarginRankingLoss": (lambda: nn.MarginRankingLoss(0.3), _x(6), _x(6), _signs(6)),
    "CosineEmbeddingLoss": (nn.CosineEmbeddingLoss, _x(3, 2), _x(3, 2), np.array([1.0, 1.0, 1.0])),
    "TripletMarginLoss": (lambda: nn.TripletMarginLoss(3.0), _x(3, 2), _x(3, 2), _x(3, 2)),
    "TripletMarginWithDistanceLoss": (
        lambda: nn.TripletMarginWithDistanceLoss(margin=3.0), _x(3, 2), _x(3, 2), _x(3, 2)
    ),
    "GaussianNLLLoss": (nn.GaussianNLLLoss, _x(3), _x(3), _x(3, low=0.4, high=2.0)),
    "PoissonNLLLoss": (nn.PoissonNLLLoss, _x(3), _x(3, low=2.0, high=4.0)),
    "SoftMarginLoss": (nn.SoftMarginLoss, _x(6), _signs(6)),
    "MultiMarginLoss": (lambda: nn.MultiMarginLoss(2), _x(3, 4), CLASSES),
    "MultiLabelSoftMarginLoss": (nn.MultiLabelSoftMarginLoss, _x(3, 4), _x(3, 4, low=0.2, high=0.8)),
    "Embedding": (lambda: nn.Embedding(4, 2), np.array([0, 2, 2])),
}  # fmt: skip


def _maker(name, *args, **options):
    return lambda: getattr(nn, name)(*args, **options)


for _name in (
    "CELU", "ELU", "GELU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "LogSigmoid", "Mish",
    "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softshrink", "Softsign", "Tanh", "Tanhshrink",
):  # fmt: skip
    CASES[_name] = (getattr(nn, _name), _x(8, low=-2.0, high=2.0))
for _name in ("Softmax", "LogSoftmax", "Softmin"):
    CASES[_name] = (_maker(_name, dim=1), _x(3, 4))
for _n, _input in BY_DIMENSION.items():
    for _name in (f"Conv{_n}d", f"ConvTranspose{_n}d"):
        CASES[_name] = (_maker(_name, 4, 2, 2, stride=2, padding=1, groups=2), _input)
    for _name in (f"MaxPool{_n}d", f"AvgPool{_n}d", f"AdaptiveAvgPool{_n}d", f"AdaptiveMaxPool{_n}d"):
        CASES[_name] = (_maker(_name, 2), _input)
    for _name in ("ZeroPad", "ReflectionPad", "ReplicationPad", "CircularPad"):
        CASES[f"{_name}{_n}d"] = (_maker(f"{_name}{_n}d", 1), _input)
    CASES[f"ConstantPad{_n}d"] = (_maker(f"ConstantPad{_n}d", 1, 2.0), _input)
    for _name in (f"BatchNorm{_n}d", f"InstanceNorm{_n}d"):
        CASES[_name] = (_maker(_name, 4, affine=True), _input)
    if _n < 3:
        CASES[f"LPPool{_n}d"] = (_maker(f"LPPool{_n}d", 2.0, 2), np.abs(_input) + 0.1)

# Random at every call, containers that cannot be called, and lazy forms of what is checked above.
ELSEWHERE = {
    "Module", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict", "AlphaDropout", "FeatureAlphaDropout",
    "Dropout1d", "Dropout2d", "Dropout3d",
}  # fmt: skip
