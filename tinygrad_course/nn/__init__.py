"""Networks: Module, layers by family, losses, initialization."""

from . import init
from .activation import *
from .container import *
from .linear import *
from .module import Module
from .parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter
