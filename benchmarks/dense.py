"""A fully connected network and one step of its training, in every system.

The same initial values, batches and formulas everywhere; in each system as its own guide would have it written.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .case import Limit, Run
from .shared import trained, training

__all__ = ["Dense"]


@dataclass(frozen=True)
class Dense:
    """A network of linear layers, trained by SGD with momentum on batches that take turns.

    Attributes:
        sizes: units of the layers, inputs first.
        activation: "tanh", "relu" or "sigmoid", after each layer but the last.
        loss: "half" for ½Σ(y − t)², "cross_entropy" for its mean.
        batch: samples per step.
        batches: how many batches there are.
        output: an activation of the last layer, or "".
        reconstructs: the targets are the inputs.
    """

    sizes: tuple[int, ...]
    activation: str
    loss: str
    batch: int
    batches: int = 1
    lr: float = 0.002
    momentum: float = 0.8
    output: str = ""
    reconstructs: bool = False

    def systems(self, torch_compile: bool = False) -> dict[str, Callable[[], Run]]:
        """One builder per system; `torch_compile` as in `trained`."""
        return trained(_layers, self, torch_compile=torch_compile) | {
            "jax": lambda: _jax(self),
            "autograd": lambda: _autograd(self),
            "tinygrad": lambda: _tinygrad(self),
            "numpy": lambda: _numpy(self),
        }

    def limit(self) -> Limit:
        """The matrix products of a step: forward, by weights, and by inputs where there is a layer before."""
        products = []
        for i, (a, b) in enumerate(itertools.pairwise(self.sizes)):
            products += [(self.batch, a, b), (b, self.batch, a)] + [(self.batch, b, a)] * (i > 0)
        return Limit(products=products)

    def weights(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Weights (outputs, inputs) and biases, uniform within ±1/√inputs."""
        rng = np.random.default_rng(1)
        layers = []
        for a, b in itertools.pairwise(self.sizes):
            w, c = rng.uniform(-1, 1, (b, a)) / a**0.5, rng.uniform(-1, 1, b) / a**0.5
            layers.append((w.astype(np.float32), c.astype(np.float32)))
        return layers

    def data(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """The batches (inputs, targets)."""
        rng = np.random.default_rng(2)
        count, inputs, outputs = self.batch * self.batches, self.sizes[0], self.sizes[-1]
        if inputs == 1:
            x = np.linspace(-3, 3, count, dtype=np.float32)[:, None]
            x = x[rng.permutation(count)] if self.batches > 1 else x
        else:
            x = rng.random((count, inputs), np.float32)
        if self.reconstructs:
            t = x
        elif self.loss == "cross_entropy":
            t = rng.integers(0, outputs, count)
        else:
            t = np.sin(x.sum(1, keepdims=True) + np.arange(outputs, dtype=np.float32))
        return list(zip(np.split(x, self.batches), np.split(t, self.batches), strict=True))


def _layers(lib: Any, how: str, net: Dense) -> Run:
    """tinygrad_course and PyTorch."""
    nn = lib.nn
    kinds = {"tanh": nn.Tanh, "relu": nn.ReLU, "sigmoid": nn.Sigmoid}
    layers: list[Any] = []
    for a, b in itertools.pairwise(net.sizes):
        layers += [nn.Linear(a, b), kinds[net.activation]()]
    layers[-1:] = [kinds[net.output]()] if net.output else []
    model = nn.Sequential(*layers)
    linears = [layer for layer in layers if isinstance(layer, nn.Linear)]
    for layer, (w, c) in zip(linears, net.weights(), strict=True):
        layer.weight.data[...] = lib.from_numpy(w)
        layer.bias.data[...] = lib.from_numpy(c)
    optimizer = lib.optim.SGD(model.parameters(), lr=net.lr, momentum=net.momentum)
    batches = [(lib.from_numpy(x), lib.from_numpy(t)) for x, t in net.data()]
    error = nn.CrossEntropyLoss() if net.loss == "cross_entropy" else lambda y, t: 0.5 * ((y - t) ** 2).sum()
    return training(lib, model, batches, error, optimizer, how)


def _forward(net: Dense, xp: Any, sigmoid: Any, parameters: Any, x: Any) -> Any:
    """The outputs, in the words of NumPy."""
    kinds = {"tanh": xp.tanh, "relu": lambda a: xp.maximum(a, 0), "sigmoid": sigmoid}
    for i, (w, c) in enumerate(parameters):
        x = x @ w.T + c
        kind = net.activation if i + 1 < len(parameters) else net.output
        x = kinds[kind](x) if kind else x
    return x


def _jax(net: Dense) -> Run:
    import jax
    import jax.numpy as jnp

    def error(parameters: Any, x: Any, t: Any) -> Any:
        y = _forward(net, jnp, jax.nn.sigmoid, parameters, x)
        if net.loss == "half":
            return 0.5 * ((y - t) ** 2).sum()
        return -jax.nn.log_softmax(y)[jnp.arange(len(t)), t].mean()

    @jax.jit
    def update(parameters: Any, moments: Any, x: Any, t: Any) -> Any:
        gradients = jax.grad(error)(parameters, x, t)
        moments = jax.tree.map(lambda v, g: net.momentum * v + g, moments, gradients)
        return jax.tree.map(lambda p, v: p - net.lr * v, parameters, moments), moments

    state = jax.tree.map(jnp.asarray, net.weights())
    state = [state, jax.tree.map(jnp.zeros_like, state)]
    batches = [(jnp.asarray(x), jnp.asarray(t)) for x, t in net.data()]
    turns = itertools.cycle(batches)

    def step() -> None:
        state[:] = jax.block_until_ready(update(*state, *next(turns)))

    return Run(step, lambda: float(error(state[0], *batches[0])))


def _autograd(net: Dense) -> Run:
    import autograd
    import autograd.numpy as anp

    def error(parameters: Any, x: Any, t: Any) -> Any:
        y = _forward(net, anp, lambda a: 1 / (1 + anp.exp(-a)), parameters, x)
        if net.loss == "half":
            return 0.5 * anp.sum((y - t) ** 2)
        shifted = y - anp.max(y, axis=1, keepdims=True)
        logs = shifted - anp.log(anp.sum(anp.exp(shifted), axis=1, keepdims=True))
        return -anp.mean(logs[anp.arange(len(t)), t])

    gradient = autograd.grad(error)
    parameters = net.weights()
    moments = [(np.zeros_like(w), np.zeros_like(c)) for w, c in parameters]
    batches = net.data()
    turns = itertools.cycle(batches)

    def step() -> None:
        for layer, moment, slopes in zip(parameters, moments, gradient(parameters, *next(turns)), strict=True):
            for p, v, g in zip(layer, moment, slopes, strict=True):
                v *= net.momentum
                v += g
                p -= net.lr * v

    return Run(step, lambda: float(error(parameters, *batches[0])))


def _tinygrad(net: Dense) -> Run:
    from tinygrad import Context, Tensor, TinyJit
    from tinygrad.nn.optim import SGD

    layers = [tuple(Tensor(a.copy()) for a in layer) for layer in net.weights()]
    optimizer = SGD([p for layer in layers for p in layer], lr=net.lr, momentum=net.momentum)
    batches = [(Tensor(x).realize(), Tensor(t.astype(np.int32 if t.ndim == 1 else np.float32)).realize())
               for x, t in net.data()]  # fmt: skip
    turns = itertools.cycle(batches)

    def error(x: Any, t: Any) -> Any:
        kinds = {"tanh": Tensor.tanh, "relu": Tensor.relu, "sigmoid": Tensor.sigmoid}
        for i, (w, c) in enumerate(layers):
            x = x.linear(w.transpose(), c)
            kind = net.activation if i + 1 < len(layers) else net.output
            x = kinds[kind](x) if kind else x
        return 0.5 * ((x - t) ** 2).sum() if net.loss == "half" else x.sparse_categorical_crossentropy(t)

    @TinyJit
    def update(x: Any, t: Any) -> Any:
        with Context(TRAINING=1):
            optimizer.zero_grad()
            value = error(x, t).backward()
            optimizer.step()
            return value.realize()

    def step() -> None:
        update(*next(turns)).item()

    return Run(step, lambda: error(*batches[0]).item())


def _numpy(net: Dense) -> Run:
    """The gradient by hand."""
    parameters = net.weights()
    moments = [(np.zeros_like(w), np.zeros_like(c)) for w, c in parameters]
    batches = net.data()
    turns = itertools.cycle(batches)
    kinds = {
        "tanh": (np.tanh, lambda y: 1 - y * y),
        "relu": (lambda a: np.maximum(a, 0), lambda y: y > 0),
        "sigmoid": (lambda a: 1 / (1 + np.exp(-a)), lambda y: y * (1 - y)),
        "": (lambda a: a, lambda y: 1),
    }
    names = [net.activation] * (len(parameters) - 1) + [net.output]

    def forward(x: np.ndarray) -> list[np.ndarray]:
        values = [x]
        for (w, c), name in zip(parameters, names, strict=True):
            values.append(kinds[name][0](values[-1] @ w.T + c))
        return values

    def softmax(y: np.ndarray) -> np.ndarray:
        e = np.exp(y - y.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)

    def step() -> None:
        x, t = next(turns)
        values = forward(x)
        if net.loss == "half":
            g = values[-1] - t
        else:
            g = softmax(values[-1])
            g[np.arange(len(t)), t] -= 1
            g /= len(t)
        for i in reversed(range(len(parameters))):
            w, _ = parameters[i]
            g = g * kinds[names[i]][1](values[i + 1])
            slopes = g.T @ values[i], g.sum(0)
            g = g @ w if i else g
            for p, v, slope in zip(parameters[i], moments[i], slopes, strict=True):
                v *= net.momentum
                v += slope
                p -= net.lr * v

    def loss() -> float:
        x, t = batches[0]
        y = forward(x)[-1]
        if net.loss == "half":
            return 0.5 * float(((y - t) ** 2).sum())
        return -float(np.log(softmax(y)[np.arange(len(t)), t]).mean())

    return Run(step, loss)
