"""What every optimizer has: parameter groups, state, saving and loading, hooks. How it updates is the subclass's."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import numpy as np

from ..autograd.modes import enable_grad
from ..effects import perform
from ..graph import state
from ..overwrites import mark_overwritten
from ..tensor import Tensor

__all__ = ["Handle", "Optimizer", "ParamsT", "required"]

ParamsT: TypeAlias = Iterable[Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, Tensor]]
Hook = Callable[..., Any]


class _Required:
    """The mark of an option that has no default: every group must give it."""

    def __repr__(self) -> str:
        return "<required>"


required = _Required()


class Handle:
    """Returned when a hook is registered; `remove()` takes the hook away."""

    def __init__(self, hooks: dict[int, Hook], key: int) -> None:
        self._hooks = hooks
        self._key = key

    def remove(self) -> None:
        """Take the hook away; a second call does nothing."""
        self._hooks.pop(self._key, None)


def _with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """Give a subclass's `step` what all have in common: its hooks, and the count that schedulers look at."""

    @functools.wraps(step)
    def stepped(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        if self._inside:  # super().step() of a subclass's step
            return step(self, *args, **kwargs)
        if state.observers:
            return self._observed(whole, args, kwargs)
        return whole(self, *args, **kwargs)

    def whole(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        self._inside = True
        try:
            for hook in tuple(self._pre_hooks.values()) if self._pre_hooks else ():
                changed = hook(self, args, kwargs)
                if changed is not None:
                    if not (isinstance(changed, tuple) and len(changed) == 2):
                        raise RuntimeError(f"step_pre_hook: expected None or (args, kwargs), got {changed!r}")
                    args, kwargs = changed
            result = step(self, *args, **kwargs)
            self._steps_taken += 1
            for hook in tuple(self._post_hooks.values()) if self._post_hooks else ():
                hook(self, args, kwargs)
        finally:
            self._inside = False
        return result

    return stepped


class Optimizer:
    """The base of all optimizers.

    A subclass defines `step`. In PyTorch's style it loops over `self.param_groups` and keeps what it needs in
    `self.state[p]`. A rule that treats all elements alike is shorter, and faster, as a `RuleOptimizer`.

    Args:
        params: parameters to update; or dicts with a "params" entry and options of their own (groups); or
            (name, parameter) pairs, as `named_parameters()` gives.
        defaults: the options of groups that do not set them.

    Attributes:
        param_groups: a list of dicts: "params", and the options in force for them. Options may be changed at any time.
        state: for each parameter a dict of what the optimizer remembers about it.
        defaults: as given.

    Raises:
        TypeError: if `params` is a single Tensor, is unordered, or holds something other than Tensors.
        ValueError: if there are no parameters, one appears twice, or one is not a leaf.

    Example:
        >>> import tinygrad_course as tc
        >>> class SignDescent(tc.optim.Optimizer):
        ...     def step(self, closure=None):
        ...         for group in self.param_groups:
        ...             for p in group["params"]:
        ...                 if p.grad is not None:
        ...                     p.data = p.data - group["lr"] * p.grad.data.sign()
        >>> w = tc.tensor([1.0, -1.0], requires_grad=True)
        >>> optimizer = SignDescent([w], dict(lr=0.5))
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.data
        tensor([ 0.5000, -0.5000])
    """

    _closure_first = False  # whether `step(closure)` calls the closure once, before all else

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _with_hooks(cls.__dict__["step"])  # type: ignore[method-assign]

    def __init__(self, params: ParamsT, defaults: dict[str, Any]) -> None:
        name = type(self).__name__
        if isinstance(params, Tensor):
            raise TypeError(
                f"{name}: params must be an iterable of Tensors or dicts, got a single Tensor; put it in a list: [p]"
            )
        if isinstance(params, (set, frozenset)):
            raise TypeError(f"{name}: a set has no fixed order, and saved state goes by order; pass a list")
        if isinstance(params, dict) or not isinstance(params, Iterable):
            raise TypeError(f"{name}: params must be an iterable of Tensors or dicts, got {type(params).__name__}")
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self.state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        self._reset_runtime()
        listed: list[Any] = list(params)
        if not listed:
            raise ValueError(
                f"{name}: got an empty parameter list; if it came from a generator such as model.parameters(), "
                "the generator may have been used up: call it again"
            )
        if not isinstance(listed[0], dict):
            listed = [{"params": listed}]
        for group in listed:
            self.add_param_group(group)

    def _reset_runtime(self) -> None:
        """What is neither saved nor copied."""
        self._pre_hooks: dict[int, Hook] = {}
        self._post_hooks: dict[int, Hook] = {}
        self._steps_taken = 0
        self._inside = False

    # --- groups ---------------------------------------------------------------------------------------------------

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with options of their own, for example layers that are unfrozen later.

        Args:
            param_group: {"params": a Tensor or Tensors, option: value, ...}; missing options get the defaults.

        Raises:
            TypeError: if it is no dict, or holds something other than Tensors.
            ValueError: if a required option is missing, a parameter is not a leaf, or is in the optimizer already.
        """
        name = type(self).__name__
        if not isinstance(param_group, dict) or "params" not in param_group:
            raise TypeError(f'{name}: a parameter group must be a dict with a "params" entry, got {param_group!r:.60}')
        group = dict(param_group)
        params = group["params"]
        if isinstance(params, (set, frozenset)):
            raise TypeError(f"{name}: a set has no fixed order, and saved state goes by order; pass a list")
        params = [params] if isinstance(params, Tensor) else list(params)
        if params and all(isinstance(p, tuple) and len(p) == 2 for p in params):
            group["param_names"] = [label for label, _ in params]
            params = [p for _, p in params]
        known = {id(p) for other in self.param_groups for p in other["params"]}
        for i, p in enumerate(params):
            if not isinstance(p, Tensor):
                raise TypeError(f"{name}: parameter {i} must be a Tensor, got {type(p).__name__}")
            if not p.is_leaf:
                raise ValueError(
                    f"{name}: parameter {i} of shape {tuple(p.shape)} is not a leaf: it was made by {p.node!r}, so its "
                    "value is computed anyway; optimize what it was computed from, or p.detach().requires_grad_()"
                )
            if id(p) in known:
                raise ValueError(f"{name}: parameter {i} of shape {tuple(p.shape)} is given twice; list each once")
            known.add(id(p))
        group["params"] = params
        for option, value in self.defaults.items():
            if value is required and option not in group:
                raise ValueError(f"{name}: a parameter group has no {option!r}, which has no default; add it")
            group.setdefault(option, value)
        self.check_options(group)
        self.param_groups.append(group)

    def check_options(self, group: dict[str, Any]) -> None:
        """Raise ValueError if the options of a group make no sense. Subclasses extend it."""
        lr = group.get("lr")
        if lr is not None and not float(lr) >= 0:
            raise ValueError(f"{type(self).__name__}: expected lr >= 0, got {lr}")

    def _expect(self, group: dict[str, Any], option: str, low: float = 0.0, below: float | None = None) -> None:
        """Raise ValueError unless low <= option (< below)."""
        value = float(group[option])
        if not value >= low or (below is not None and not value < below):
            what = f"expected {option} >= {low:g}" if below is None else f"expected {low:g} <= {option} < {below:g}"
            raise ValueError(f"{type(self).__name__}: {what}, got {group[option]}")

    def _expect_betas(self, group: dict[str, Any]) -> None:
        for i, beta in enumerate(group["betas"]):
            if not 0 <= float(beta) < 1:
                raise ValueError(f"{type(self).__name__}: expected 0 <= betas[{i}] < 1, got {beta}")

    # --- the loop -------------------------------------------------------------------------------------------------

    def _params(self) -> list[Tensor]:
        return [p for group in self.param_groups for p in group["params"]]

    def _observed(self, whole: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A step while somebody watches: what the closure computes is seen, the update is one effect."""
        closure = args[0] if args else kwargs.get("closure")
        loss = None
        if closure is not None:
            if not self._closure_first or self._pre_hooks:
                for observer in state.observers:
                    observer.escaped(self._params()[0], f"{type(self).__name__}.step(closure)")
                return whole(self, *args, **kwargs)
            with enable_grad():
                loss = closure()
            args, kwargs = (), {}
        result = perform(whole, self, *args, owner=self, name="step", touches=self._params, **kwargs)
        return result if closure is None else loss

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters from their gradients.

        Args:
            closure: computes the loss again and its gradients; called first. Its value is returned.
        """
        raise NotImplementedError(f"{type(self).__name__}: an optimizer must define step()")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, so that the next `backward` starts afresh.

        Args:
            set_to_none: drop them (parameters without a gradient are then skipped by `step`), rather than fill with 0.
        """
        if state.observers:
            perform(self._forget, set_to_none, owner=self, name="zero_grad", touches=self._params, only_grads=True)
        else:
            self._forget(set_to_none)

    def _forget(self, set_to_none: bool) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none or p._grad is None:
                    p._grad = None
                else:
                    p._grad = p._grad.detach()
                    p._grad.array.fill(0)
                    mark_overwritten(p._grad.array)

    def register_step_pre_hook(self, hook: Hook) -> Handle:
        """Call `hook(optimizer, args, kwargs)` before each step; it may return new (args, kwargs)."""
        return _registered(self._pre_hooks, hook)

    def register_step_post_hook(self, hook: Hook) -> Handle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return _registered(self._post_hooks, hook)

    # --- saving and loading ---------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """The state and the options, with parameters replaced by their numbers; PyTorch's layout.

        Returns:
            {"state": {number: {name: Tensor or number}}, "param_groups": [{option: value, "params": [numbers]}]}.
            The Tensors share memory with the optimizer's: copy them to keep a moment.
        """
        numbers = {id(p): i for i, p in enumerate(p for group in self.param_groups for p in group["params"])}
        groups = [
            {**{k: v for k, v in group.items() if k != "params"}, "params": [numbers[id(p)] for p in group["params"]]}
            for group in self.param_groups
        ]
        state = {numbers[id(p)]: dict(entry) for p, entry in self.state.items() if id(p) in numbers and entry}
        return {"state": dict(sorted(state.items())), "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a copy of the state and options saved by `state_dict`.

        Raises:
            ValueError: if the numbers of groups or of parameters differ.
        """
        name = type(self).__name__
        groups, saved = self.param_groups, state_dict["param_groups"]
        if len(groups) != len(saved):
            raise ValueError(
                f"{name}: the loaded state has {len(saved)} parameter groups, this optimizer {len(groups)}"
            )
        for i, (group, other) in enumerate(zip(groups, saved)):
            if len(group["params"]) != len(other["params"]):
                raise ValueError(
                    f"{name}: in the loaded state group {i} has {len(other['params'])} parameters, in this optimizer "
                    f"{len(group['params'])}"
                )
        by_number = {
            number: p for group, other in zip(groups, saved) for number, p in zip(other["params"], group["params"])
        }
        state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        for number, entry in state_dict["state"].items():
            p = by_number[int(number)]
            state[p] = {key: _fitted(value, p) for key, value in entry.items()}
        self.state = state
        for group, other in zip(groups, saved):
            group.update({k: v for k, v in other.items() if k not in ("params", "param_names")})

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._reset_runtime()

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])


def _registered(hooks: dict[int, Hook], hook: Hook) -> Handle:
    key = max(hooks, default=0) + 1
    hooks[key] = hook
    return Handle(hooks, key)


def _fitted(value: Any, p: Tensor) -> Any:
    """A saved state value as this parameter needs it: a copy, floats in the parameter's dtype."""
    if isinstance(value, (int, float, str, tuple, list)) or value is None:
        return value
    array = getattr(value, "array", None)
    array = np.array(np.asarray(value) if array is None else array)
    if array.ndim == 0 and p.array.ndim:
        return array.item()  # PyTorch keeps counts as 0-d tensors
    return Tensor._wrap(array.astype(p.array.dtype) if array.dtype.kind == "f" else array)
