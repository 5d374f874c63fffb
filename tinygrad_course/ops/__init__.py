"""Every primitive operation, declared once, and the functions of the top level made of them."""

from . import (  # noqa: F401
    activation,
    arithmetic,
    choosing,
    contraction,
    convert,
    creation,
    decomposition,
    diagonals,
    einstein,
    elementwise,
    exchange,
    extremes,
    gamma,
    indexing,
    joining,
    layout,
    linalg,
    methods,
    norms,
    numpy_api,
    product,
    protocols,
    random,
    rearrange,
    reduction,
    scan,
    shape,
    sorting,
    special,
    statistics,
)
from .activation import celu, hardshrink, log_softmax, prelu, relu, selu, softmax, threshold
from .choosing import *
from .contraction import *
from .convert import *
from .creation import *
from .decomposition import old_cholesky as cholesky
from .decomposition import old_qr as qr
from .decomposition import old_svd as svd
from .diagonals import *
from .elementwise import *
from .exchange import *
from .extremes import *
from .gamma import *
from .indexing import *
from .joining import *
from .layout import *
from .linalg import cholesky_inverse, cholesky_solve, det, logdet, matrix_power, slogdet
from .linalg import inv as inverse
from .linalg import pinv as pinverse
from .op import REGISTRY, Op, primitive
from .product import *
from .random import *
from .rearrange import *
from .reduction import *
from .scan import *
from .shape import *
from .sorting import *
from .special import erf, erfc, erfinv, logaddexp2, logit, sinc, xlogy
from .statistics import *

# Functions of the same names as operations, with options, and a function named as its module: they come last.
from .arithmetic import *  # type: ignore[assignment]  # isort: skip
from .einstein import einsum  # isort: skip

__all__ = [
    "REGISTRY", "Op", "celu", "cholesky", "cholesky_inverse", "cholesky_solve", "det", "einsum", "erf",
    "erfc", "erfinv", "hardshrink", "inverse", "log_softmax", "logaddexp2", "logdet", "logit",
    "matrix_power", "pinverse", "prelu", "primitive", "qr", "relu", "selu",
    "sinc", "slogdet", "softmax", "svd", "threshold", "xlogy",
]  # fmt: skip
__all__ += convert.__all__
__all__ += creation.__all__
__all__ += elementwise.__all__
__all__ += exchange.__all__
__all__ += gamma.__all__
__all__ += product.__all__
__all__ += random.__all__
__all__ += arithmetic.__all__
__all__ += indexing.__all__
__all__ += diagonals.__all__
__all__ += extremes.__all__
__all__ += joining.__all__
__all__ += layout.__all__
__all__ += contraction.__all__
__all__ += rearrange.__all__
__all__ += reduction.__all__
__all__ += scan.__all__
__all__ += choosing.__all__
__all__ += shape.__all__
__all__ += sorting.__all__
__all__ += statistics.__all__
