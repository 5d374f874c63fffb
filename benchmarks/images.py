"""Convolutional networks: written down once as lists of layers, and made of them in each system."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .case import Limit, Run
from .shared import fill, trained, training, values

__all__ = ["Convnet", "LENET", "VGG", "inception"]

Layer = tuple[Any, ...]

# ("conv", inputs, outputs, kernel, padding), ("pool", side), ("average",) over the image, ("linear", inputs, outputs).
# ReLU follows each layer with weights but the last.
LENET: list[Layer] = [
    ("conv", 1, 6, 5, 0), ("pool", 2), ("conv", 6, 16, 5, 0), ("pool", 2),
    ("linear", 256, 120), ("linear", 120, 84), ("linear", 84, 10),
]  # fmt: skip
VGG: list[Layer] = [
    ("conv", 3, 32, 3, 1), ("conv", 32, 32, 3, 1), ("pool", 2),
    ("conv", 32, 64, 3, 1), ("conv", 64, 64, 3, 1), ("pool", 2),
    ("conv", 64, 128, 3, 1), ("conv", 128, 128, 3, 1), ("pool", 2), ("average",), ("linear", 128, 10),
]  # fmt: skip

LR, MOMENTUM = 0.01, 0.8


@dataclass(frozen=True)
class Convnet:
    """A network that ends in linear layers, trained with cross entropy and momentum on one batch of images.

    Attributes:
        layers: see LENET.
        image: channels, height, width.
        batch: how many images.
    """

    layers: list[Layer]
    image: tuple[int, int, int]
    batch: int

    def systems(self) -> dict[str, Callable[[], Run]]:
        """One builder per system."""
        builders = trained(_modules, self, torch_compile=True) | {"jax": lambda: _jax(self)}
        if self.layers is LENET:  # tinygrad compiles for a minute or more where there are more layers
            builders["tinygrad"] = lambda: _tinygrad(self)
        return builders

    def limit(self) -> Limit:
        """The products and sums of a step: forward, by weights, and by inputs in all layers but the first."""
        flops, side = 0, self.image[1]
        for i, (kind, *numbers) in enumerate(self.layers):
            times = 3 if i else 2
            if kind == "conv":
                inputs, outputs, kernel, padding = numbers
                side += 2 * padding - kernel + 1
                flops += times * 2 * self.batch * inputs * outputs * kernel**2 * side**2
            elif kind == "linear":
                flops += times * 2 * self.batch * numbers[0] * numbers[1]
            elif kind == "pool":
                side //= numbers[0]
        return Limit(flops=flops)

    def weights(self) -> Iterator[np.ndarray]:
        """Weight and bias of each layer that has them."""
        shapes: list[tuple[int, ...]] = []
        for kind, *numbers in self.layers:
            if kind == "conv":
                shapes += [(numbers[1], numbers[0], numbers[2], numbers[2]), (numbers[1],)]
            elif kind == "linear":
                shapes += [(numbers[1], numbers[0]), (numbers[1],)]
        return values(shapes)

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Images and their classes."""
        rng = np.random.default_rng(2)
        return rng.random((self.batch, *self.image), np.float32), rng.integers(0, 10, self.batch)


def _modules(lib: Any, how: str, net: Convnet) -> Run:
    """tinygrad_course and PyTorch."""
    nn = lib.nn
    layers: list[Any] = []
    flat = False
    for kind, *numbers in net.layers:
        if kind == "conv":
            layers += [nn.Conv2d(numbers[0], numbers[1], numbers[2], padding=numbers[3]), nn.ReLU()]
        elif kind == "pool":
            layers.append(nn.MaxPool2d(numbers[0]))
        elif kind == "average":
            layers.append(nn.AdaptiveAvgPool2d(1))
        else:
            layers += [] if flat else [nn.Flatten()]
            layers += [nn.Linear(*numbers), nn.ReLU()]
            flat = True
    model = nn.Sequential(*layers[:-1])
    fill(lib, model)
    optimizer = lib.optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM)
    batches = [tuple(map(lib.from_numpy, net.data()))]
    return training(lib, model, batches, nn.CrossEntropyLoss(), optimizer, how)


def _jax(net: Convnet) -> Run:
    import jax
    import jax.numpy as jnp

    def outputs(parameters: list[Any], x: Any) -> Any:
        remaining = iter(parameters)
        for i, (kind, *numbers) in enumerate(net.layers):
            if kind == "conv":
                pads = [(numbers[3], numbers[3])] * 2
                x = jax.lax.conv_general_dilated(x, next(remaining), (1, 1), pads)
                x = jax.nn.relu(x + next(remaining)[:, None, None])
            elif kind == "pool":
                window = (1, 1, numbers[0], numbers[0])
                x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, window, window, "VALID")
            elif kind == "average":
                x = x.mean((2, 3))
            else:
                x = x.reshape(len(x), -1) @ next(remaining).T + next(remaining)
                x = jax.nn.relu(x) if i + 1 < len(net.layers) else x
        return x

    def error(parameters: list[Any], x: Any, t: Any) -> Any:
        return -jax.nn.log_softmax(outputs(parameters, x))[jnp.arange(len(t)), t].mean()

    @jax.jit
    def update(parameters: Any, moments: Any, x: Any, t: Any) -> Any:
        gradients = jax.grad(error)(parameters, x, t)
        moments = jax.tree.map(lambda v, g: MOMENTUM * v + g, moments, gradients)
        return jax.tree.map(lambda p, v: p - LR * v, parameters, moments), moments

    parameters = [jnp.asarray(w) for w in net.weights()]
    state = [parameters, jax.tree.map(jnp.zeros_like, parameters)]
    x, t = map(jnp.asarray, net.data())

    def step() -> None:
        state[:] = jax.block_until_ready(update(*state, x, t))

    return Run(step, lambda: float(error(state[0], x, t)))


def _tinygrad(net: Convnet) -> Run:
    from tinygrad import Context, Tensor, TinyJit
    from tinygrad.nn.optim import SGD

    parameters = [Tensor(w) for w in net.weights()]
    optimizer = SGD(parameters, lr=LR, momentum=MOMENTUM)
    images, classes = net.data()
    x, t = Tensor(images).realize(), Tensor(classes.astype(np.int32)).realize()

    def error(x: Any, t: Any) -> Any:
        remaining = iter(parameters)
        for i, (kind, *numbers) in enumerate(net.layers):
            if kind == "conv":
                x = x.conv2d(next(remaining), next(remaining), padding=numbers[3]).relu()
            elif kind == "pool":
                x = x.max_pool2d((numbers[0], numbers[0]))
            elif kind == "average":
                x = x.mean((2, 3))
            else:
                x = x.flatten(1).linear(next(remaining).transpose(), next(remaining))
                x = x.relu() if i + 1 < len(net.layers) else x
        return x.sparse_categorical_crossentropy(t)

    @TinyJit
    def update(x: Any, t: Any) -> Any:
        with Context(TRAINING=1):
            optimizer.zero_grad()
            value = error(x, t).backward()
            optimizer.step()
            return value.realize()

    return Run(lambda: update(x, t).item(), lambda: error(x, t).item())


def inception(lib: Any, how: str, side: int, batch: int) -> Run:
    """The block "inception (3a)" of Szegedy et al. (2014), table 1, trained to give the least mean square."""
    nn = lib.nn

    def conv(inputs: int, outputs: int, size: int) -> list[Any]:
        return [nn.Conv2d(inputs, outputs, size, padding=size // 2), nn.ReLU()]

    class Inception(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.branches = nn.ModuleList([
                nn.Sequential(*conv(192, 64, 1)),
                nn.Sequential(*conv(192, 96, 1), *conv(96, 128, 3)),
                nn.Sequential(*conv(192, 16, 1), *conv(16, 32, 5)),
                nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), *conv(192, 32, 1)),
            ])  # fmt: skip

        def forward(self, x: Any) -> Any:
            return lib.cat([branch(x) for branch in self.branches], 1)

    model = Inception()
    fill(lib, model)
    rng = np.random.default_rng(2)
    x = lib.from_numpy(rng.random((batch, 192, side, side), np.float32))
    optimizer = lib.optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM)
    return training(lib, model, [(x, x)], lambda y, _: (y * y).mean(), optimizer, how)
