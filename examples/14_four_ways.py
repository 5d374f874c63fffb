"""Chapter 14: four ways to write one network: symbolic functions, modules, a dataflow graph, a script.

    python examples/14_four_ways.py [--out DIR] [--quick] [--seed N]

The lecture closes with four frameworks, each a way to write a network: Theano compiles functions, Torch puts modules
together, TensorFlow builds a dataflow graph and then runs it, Caffe reads a script. Here one network, eight tanh units
that learn the sinus, is written in each way and trained from the same weights: all must give the same numbers.
"""

import sys
from pathlib import Path

import common
import numpy as np
import plotting

import tinygrad_course as tc
from tinygrad_course import nn, optim
from tinygrad_course.data import Sinus
from tinygrad_course.interop import caffe

LR, MOMENTUM = 0.1, 0.8
SOLVER = Path(__file__).parent / "caffe" / "sinus_solver.prototxt"


def criterion(W1, b1, W2, b2, x, t):
    """E = ½ Σ (y - t)² / N of the two-layer network."""
    y = tc.tanh(x @ W1.T + b1) @ W2.T + b2
    return ((y - t) ** 2).sum() / (2 * len(x))


def symbolic(start, x, t, steps):
    """Theano: a graph of symbols for the error, its gradient and the new weights; a function is compiled from it."""
    weights, velocities = [w.clone().requires_grad_() for w in start], [tc.zeros_like(w) for w in start]
    with tc.symbolic():
        inputs = tc.zeros_like(x), tc.zeros_like(t)
        E = criterion(*weights, *inputs)
        slopes = tc.autograd.grad(E, weights)
        faster = [MOMENTUM * v + g for v, g in zip(velocities, slopes, strict=True)]
        lower = [w - LR * v for w, v in zip(weights, faster, strict=True)]
        updates = zip(velocities + weights, faster + lower, strict=True)
        step = tc.compile(inputs, E, updates)
    for _ in range(steps):
        yield step(x, t).item(), weights


def modules(start, x, t, steps):
    """Torch: modules own the weights, an optimizer changes them in place, the graph is made anew in each step."""
    model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
    nn.utils.vector_to_parameters(nn.utils.parameters_to_vector(start), model.parameters())
    optimizer = optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = ((model(x) - t) ** 2).sum() / (2 * len(x))
        loss.backward()
        optimizer.step()
        yield loss.item(), list(model.parameters())


def run_session(fetches, feeds):
    """TensorFlow's session: the fetches' values where the sources have these; what is recorded is run anew."""
    values = dict(feeds)

    def value(node):
        if node not in values:
            inputs = [v if p is None else value(p) for p, v in zip(node.parents, node.inputs, strict=True)]
            values[node] = node.op.forward(*inputs, **node.params)
        return values[node]

    return [value(tensor.node) for tensor in fetches]


def build_graph(x, t):
    """Placeholders and variables, the error, and its gradient, which is a part of the same graph."""
    shapes = {"W1": (8, 1), "b1": (8,), "W2": (1, 8), "b2": (1,), "x": x.shape, "t": t.shape}
    sources = {name: tc.zeros(*shape, requires_grad=True) for name, shape in shapes.items()}
    E = criterion(**sources)
    return sources, E, tc.autograd.grad(E, list(sources.values())[:4], create_graph=True)


def dataflow(start, x, t, steps):
    """TensorFlow: first the graph, once, without a number in it; then a session that feeds and fetches."""
    sources, E, slopes = build_graph(x, t)
    weights, velocities = [w.numpy() for w in start], [0.0] * 4
    for _ in range(steps):
        feeds = dict(zip(sources.values(), [*weights, x.numpy(), t.numpy()], strict=True))
        error, *found = run_session([E, *slopes], feeds)
        velocities = [MOMENTUM * v + g for v, g in zip(velocities, found, strict=True)]
        weights = [w - LR * v for w, v in zip(weights, velocities, strict=True)]
        yield float(error), [tc.tensor(w) for w in weights]


def script(start, x, t, steps):
    """Caffe: no code at all; the network and how to train it are two texts."""
    solver = caffe.Solver(SOLVER, data={"samples": (x[:, :, None, None], t)})
    nn.utils.vector_to_parameters(nn.utils.parameters_to_vector(start), solver.net.parameters())
    for _ in range(steps):
        solver.solve(1)
        yield solver.losses[-1], list(solver.net.parameters())


def draw(errors, apart):
    """The error of all four, one line on the other, and how far their weights are from those of the modules."""
    figure, (left, right) = plotting.subplots(1, 2, 11, 3.8)
    for k, name in enumerate(errors):
        left.plot(errors[name], lw=7 - 2 * k, color=f"C{k}", label=name)
        right.plot(np.maximum(apart[name], 1e-17), lw=1, color=f"C{k}")
    left.set(title="E, four times", xlabel="step", yscale="log")
    right.set(title="Weights: difference from the modules'", xlabel="step", yscale="log", ylim=(8e-18, 1e-11))
    plotting.one_legend(figure)
    return figure


def main():
    args, report = common.start(__doc__, __file__)
    tc.set_default_dtype(tc.float64)  # so that differences are rounding of the sixteenth digit
    steps = 200 if args.quick else 2000
    x, t = (v.double() for v in Sinus(low=-3.14159, high=3.14159).tensors)
    start = [p.detach().clone() for p in nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1)).parameters()]
    errors, weights = {}, {}
    for way in (symbolic, modules, dataflow, script):
        name = way.__name__
        rows = [(E, nn.utils.parameters_to_vector(now).detach()) for E, now in way(start, x, t, steps)]
        errors[name], weights[name] = (np.array(column) for column in zip(*rows, strict=True))
        print(f"  {name:9s} E = {errors[name][0]:.16f} at first, {errors[name][-1]:.16f} after {steps} steps")
    usual, others = weights["modules"], ("symbolic", "dataflow", "script")
    apart = {name: np.abs(weights[name] - usual).max(1) / np.abs(usual).max() for name in weights}

    sources, _, slopes = build_graph(x, t)
    report.draw(tc.viz.draw(slopes[0], names=sources), "14_graph", "The dataflow graph of the third way, from "
                "placeholders and variables to ∂E/∂W1: the gradient is a part of it. A session runs it.")  # fmt: skip
    report.save(draw(errors, apart), "14_four_ways.png", "Left: the error of the network written in four ways; the "
                "lines lie on each other. Right: how far their weights are from the modules', relative to the largest: "
                "roundings of the last digit (0 is drawn at 10⁻¹⁷).")  # fmt: skip

    first = {name: float(abs(errors[name][0] / errors["modules"][0] - 1)) for name in others}
    worst = {name: float(apart[name].max()) for name in others}
    falls = {name: float(found[-1] / found[0]) for name, found in errors.items()}
    report.claim("error", "from the same weights all compute one error (relative difference from the modules')",
                 first, max(first.values()) <= 1e-12)  # fmt: skip
    report.claim("weights", f"in {steps} steps all take one way (largest relative difference of a weight)",
                 worst, max(worst.values()) <= 1e-9)  # fmt: skip
    report.claim("learning", "and each of them learns (error at the end, as a share of that at the start)",
                 falls, max(falls.values()) < 0.1)  # fmt: skip
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
