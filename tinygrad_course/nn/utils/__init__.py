"""Helpers around modules: clip gradients, parameters as one vector, reparametrized weights."""

from .clip import *
from .reparametrize import *
from .vector import *
