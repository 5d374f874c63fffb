"""x"""
from .export import export
from .package import OnnxError
__all__=["OnnxError","export"]
