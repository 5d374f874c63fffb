"""How each operation of the project is written in ONNX's operators: a family a file."""

from . import elementwise, layers, losses, network, reduction, structure
from .table import MODULES, RULES, Case

__all__ = ["MODULES", "RULES", "Case", "elementwise", "layers", "losses", "network", "reduction", "structure"]
