"""Networks: Module, layers by family, losses, initialization; functions without state are in `nn.functional`."""

from . import (
    activation,
    autoencoder,
    basis,
    batchnorm,
    container,
    convolution,
    dbn,
    distance,
    dropout,
    embedding,
    functional,
    inception,
    init,
    lazy,
    linear,
    loss,
    lowrank,
    noise,
    normalization,
    padding,
    parallel,
    parameter,
    pooling,
    rbm,
    reshape,
    utils,
)
from .activation import *
from .autoencoder import *
from .basis import *
from .batchnorm import *
from .container import *
from .convolution import *
from .dbn import *
from .distance import *
from .dropout import *
from .embedding import *
from .inception import *
from .lazy import *
from .linear import *
from .loss import *
from .lowrank import *
from .module import Module
from .noise import *
from .normalization import *
from .padding import *
from .parallel import *
from .parameter import *
from .pooling import *
from .rbm import *
from .reshape import *
from .stateless import functional_call

__all__ = ["Module", "functional", "functional_call", "init", "utils"]
__all__ += activation.__all__
__all__ += autoencoder.__all__
__all__ += basis.__all__
__all__ += batchnorm.__all__
__all__ += container.__all__
__all__ += convolution.__all__
__all__ += dbn.__all__
__all__ += distance.__all__
__all__ += dropout.__all__
__all__ += embedding.__all__
__all__ += inception.__all__
__all__ += lazy.__all__
__all__ += linear.__all__
__all__ += loss.__all__
__all__ += lowrank.__all__
__all__ += noise.__all__
__all__ += normalization.__all__
__all__ += padding.__all__
__all__ += parallel.__all__
__all__ += parameter.__all__
__all__ += pooling.__all__
__all__ += rbm.__all__
__all__ += reshape.__all__
