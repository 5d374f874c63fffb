"""The place for Tensor's methods: `ops/methods.py` fills this class from a table; `methods.pyi` tells type checkers."""


class TensorMethods:
    """Methods and operators of Tensor that are one-line calls of an operation."""

    __slots__ = ()
