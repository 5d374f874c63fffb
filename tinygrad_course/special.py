"""Special functions: the functions of `tc.special`, under PyTorch's names."""

from __future__ import annotations

from .ops.activation import log_softmax, softmax
from .ops.elementwise import exp2, expm1, log1p
from .ops.elementwise import sigmoid as expit
from .ops.gamma import digamma, polygamma
from .ops.gamma import digamma as psi
from .ops.gamma import lgamma as gammaln
from .ops.special import erf, erfc, erfinv, logit, ndtr, sinc, xlogy
from .ops.statistics import logsumexp

__all__ = [
    "digamma", "erf", "erfc", "erfinv", "exp2", "expit", "expm1", "gammaln", "log1p", "log_softmax", "logit",
    "logsumexp", "ndtr", "polygamma", "psi", "sinc", "softmax", "xlogy",
]  # fmt: skip
