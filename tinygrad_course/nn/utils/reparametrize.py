"""Weights that are computed from other parameters before each call."""

from __future__ import annotations

from typing import Any, TypeVar

from ...autograd import no_grad
from ...ops import randn
from ...tensor import Tensor
from ..functional import normalize
from ..module import Module
from ..parameter import Parameter

__all__ = ["remove_spectral_norm", "remove_weight_norm", "spectral_norm", "weight_norm"]

M = TypeVar("M", bound=Module)


class _Reparametrization:
    """A forward pre-hook that computes the attribute `name`; it is picklable, as the module it belongs to is."""

    def __init__(self, name: str) -> None:
        self.name = name

    def compute(self, module: Module) -> Tensor:
        raise NotImplementedError

    def __call__(self, module: Module, args: Any) -> None:
        module.__dict__[self.name] = self.compute(module)

    def attach(self, module: Module) -> None:
        module.register_forward_pre_hook(self)
        module.__dict__[self.name] = self.compute(module).detach()


def _taken(function: str, module: Module, name: str) -> Parameter:
    """The parameter, taken out of the module."""
    weight = module._parameters.get(name)
    if weight is None:
        raise ValueError(f"{function}: {type(module).__name__} has no parameter {name!r}")
    delattr(module, name)
    return weight


def _remove(kind: type[_Reparametrization], module: Module, name: str, parts: tuple[str, ...]) -> None:
    hooks = module._hooks.of("forward_pre") if module._hooks is not None else []
    for hook, _ in hooks:
        if isinstance(hook, kind) and hook.name == name:
            weight = Parameter(hook.compute(module).detach())
            module._hooks.discard(hook)  # type: ignore[union-attr]
            for part in parts:
                delattr(module, name + part)
            module.__dict__.pop(name, None)
            module.register_parameter(name, weight)
            return
    raise ValueError(f"{kind.__name__}: {type(module).__name__}.{name} is not reparametrized")


class _WeightNorm(_Reparametrization):
    def __init__(self, name: str, dim: int | None) -> None:
        super().__init__(name)
        self.dim = dim

    def norm(self, v: Tensor) -> Tensor:
        axes = None if self.dim is None else tuple(i for i in range(v.ndim) if i != self.dim % v.ndim)
        return (v * v).sum(axes, keepdim=self.dim is not None).sqrt()

    def compute(self, module: Module) -> Tensor:
        v = module.__dict__[self.name + "_v"]
        return v * (module.__dict__[self.name + "_g"] / self.norm(v))


def weight_norm(module: M, name: str = "weight", dim: int | None = 0) -> M:
    """Learn a weight as length times direction, w = g v / ‖v‖ (Salimans and Kingma 2016).

    Args:
        module: the layer; its parameter `name` becomes `name_g` and `name_v`.
        name: which parameter.
        dim: the dimension along which each index has a length of its own; None for one length.

    Example:
        >>> import tinygrad_course as tc
        >>> layer = tc.nn.utils.weight_norm(tc.nn.Linear(20, 40))
        >>> layer.weight_g.shape
        Size([40, 1])
    """
    weight = _taken("weight_norm", module, name)
    hook = _WeightNorm(name, dim)
    module.register_parameter(name + "_g", Parameter(hook.norm(weight.detach())))
    module.register_parameter(name + "_v", weight)
    hook.attach(module)
    return module


def remove_weight_norm(module: M, name: str = "weight") -> M:
    """Make the weight an ordinary parameter again."""
    _remove(_WeightNorm, module, name, ("_g", "_v"))
    return module


class _SpectralNorm(_Reparametrization):
    def __init__(self, name: str, iterations: int, eps: float, dim: int) -> None:
        super().__init__(name)
        self.iterations = iterations
        self.eps = eps
        self.dim = dim

    def matrix(self, weight: Tensor) -> Tensor:
        return weight.movedim(self.dim, 0).reshape(weight.shape[self.dim], -1)

    def compute(self, module: Module) -> Tensor:
        weight = module.__dict__[self.name + "_orig"]
        u, v = module.__dict__[self.name + "_u"], module.__dict__[self.name + "_v"]
        w = self.matrix(weight)
        if module.training:
            with no_grad():
                for _ in range(self.iterations):
                    v.copy_(normalize(w.t() @ u, dim=0, eps=self.eps))
                    u.copy_(normalize(w @ v, dim=0, eps=self.eps))
        sigma = (u.clone() * (w @ v.clone())).sum()
        return weight / sigma


def spectral_norm(
    module: M, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> M:
    """Divide a weight by its largest singular value, found by power iteration (Miyato et al. 2018).

    Args:
        module: the layer; its parameter `name` becomes `name_orig`, with buffers `name_u` and `name_v`.
        name: which parameter.
        n_power_iterations: steps of the power iteration at each call in training.
        eps: the least length that vectors are divided by.
        dim: the dimension of the outputs; default: 1 for transposed convolutions, else 0.
    """
    if n_power_iterations < 1:
        raise ValueError(f"spectral_norm: n_power_iterations must be positive, got {n_power_iterations}")
    if dim is None:
        dim = 1 if type(module).__name__.startswith("ConvTranspose") else 0
    weight = _taken("spectral_norm", module, name)
    hook = _SpectralNorm(name, n_power_iterations, eps, dim)
    with no_grad():
        rows, columns = hook.matrix(weight).shape
        u, v = (normalize(randn(n, dtype=weight.dtype), dim=0, eps=eps) for n in (rows, columns))
    module.register_parameter(name + "_orig", weight)
    for part, x in (("_u", u), ("_v", v)):
        module.register_buffer(name + part, x)
    hook.attach(module)
    return module


def remove_spectral_norm(module: M, name: str = "weight") -> M:
    """Make the weight, as it is divided, an ordinary parameter again."""
    _remove(_SpectralNorm, module, name, ("_orig", "_u", "_v"))
    return module
