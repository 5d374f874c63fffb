"""Every primitive operation, declared once, and the functions of the top level made of them."""

from . import convert, creation, elementwise, methods, product, protocols, random
from .convert import *
from .creation import *
from .elementwise import *
from .op import REGISTRY, Op, primitive
from .product import *
from .random import *

__all__ = ["REGISTRY", "Op", "methods", "primitive", "protocols"]
__all__ += convert.__all__
__all__ += creation.__all__
__all__ += elementwise.__all__
__all__ += product.__all__
__all__ += random.__all__
