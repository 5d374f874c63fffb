"""Caffe's networks and solvers (Jia et al., "Caffe: Convolutional Architecture for Fast Feature Embedding", 2014):
the way of the lecture's chapter 14 to write a network as a script.

`load("net.prototxt", weights=None, phase="TEST")` builds a Module; `Solver("solver.prototxt").solve()` trains one;
`save(model, "net.prototxt", input_shape)` writes a Sequential.
"""

from .export import save
from .layers import LAYERS
from .net import Net, load
from .solver import Solver
from .weights import CaffeFileError, load_weights, save_weights

__all__ = ["LAYERS", "CaffeFileError", "Net", "Solver", "load", "load_weights", "save", "save_weights"]
