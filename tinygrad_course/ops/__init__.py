"""Every primitive operation, declared once, and the functions of the top level made of them."""

from . import elementwise, methods, product, protocols
from .elementwise import *
from .op import REGISTRY, Op, primitive
from .product import *

__all__ = ["REGISTRY", "Op", "methods", "primitive", "protocols"]
__all__ += elementwise.__all__
__all__ += product.__all__
