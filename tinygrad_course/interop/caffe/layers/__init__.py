"""Caffe's layers, one family a file; importing them fills the table."""

from . import common, inputs, loss, neuron, vision
from .table import LAYERS, Setup

__all__ = ["LAYERS", "Setup", "common", "inputs", "loss", "neuron", "vision"]
