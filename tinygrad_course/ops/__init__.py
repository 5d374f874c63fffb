"""Every primitive operation, declared once, and the functions of the top level made of them."""

from . import activation, convert, creation, elementwise, methods, product, protocols, random, special
from .activation import celu, hardshrink, log_softmax, prelu, relu, selu, softmax, threshold
from .convert import *
from .creation import *
from .elementwise import *
from .op import REGISTRY, Op, primitive
from .product import *
from .random import *
from .special import digamma, erf, erfc, erfinv, lgamma, logaddexp2, logit, polygamma, sinc, xlogy

__all__ = [
    "REGISTRY", "Op", "celu", "digamma", "erf", "erfc", "erfinv", "hardshrink", "lgamma", "log_softmax",
    "logaddexp2", "logit", "methods", "polygamma", "prelu", "primitive", "protocols", "relu", "selu", "sinc", "softmax",
    "threshold", "xlogy",
]  # fmt: skip
__all__ += convert.__all__
__all__ += creation.__all__
__all__ += elementwise.__all__
__all__ += product.__all__
__all__ += random.__all__
