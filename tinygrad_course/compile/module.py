"""A compiled Module is a Module around the given one."""

from __future__ import annotations

from typing import Any

from ..nn.module import Module
from .function import Compiled
from .report import Graph, Report

__all__ = ["CompiledModule"]


class CompiledModule(Module):
    """Computes what the module computes, from recordings; all else, parameters above all, is the module's.

    Args:
        module: the module; its names in `state_dict` get the prefix "_orig_mod.", as in PyTorch.
        backend, fullgraph: as for `tc.compile`.
    """

    _orig_mod: Module

    def __init__(self, module: Module, backend: str, fullgraph: bool) -> None:
        super().__init__()
        self._orig_mod = module
        self.training = module.training
        self._compiled = Compiled(module, backend, fullgraph)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self._compiled(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name.startswith("__") or "_orig_mod" not in self.__dict__:
                raise
            return getattr(self.__dict__["_orig_mod"], name)

    @property
    def graph(self) -> Graph:
        """The program that was compiled last, for `tc.viz.draw`."""
        return self._compiled.graph

    @property
    def recorded_graph(self) -> Graph:
        """The same as it was recorded."""
        return self._compiled.recorded_graph

    def report(self) -> Report:
        """Operations, bytes, floating-point operations and times of the program that was compiled last."""
        return self._compiled.report()
