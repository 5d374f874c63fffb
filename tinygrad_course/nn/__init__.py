"""Networks: Module, layers by family, losses, initialization."""

from . import functional, init, utils
from .activation import *
from .batchnorm import *
from .container import *
from .convolution import *
from .distance import *
from .dropout import *
from .embedding import *
from .linear import *
from .loss import *
from .module import Module
from .normalization import *
from .padding import *
from .parallel import *
from .parameter import *
from .pooling import *
from .reshape import *
from .stateless import functional_call
