"""Chapter 4: backpropagation: the closed form, its derivation, the graph, and a misprint that a check finds.

    python examples/04_backpropagation.py [--out DIR] [--quick] [--seed N]

E = ½ ‖y - t‖² of a network with one tanh layer. Its gradient is computed three times: by the lecture's closed form, by
autograd, and by the formulas that the project derives from the graph. Then someone types in h'(x) = 1 + h(x)², as one
slide has it, where it should be 1 - h(x)².
"""

import sys

import common
import numpy as np
import plotting

import tinygrad_course as tc
from tinygrad_course import nn, optim

right = tc.primitive(np.tanh, vjp=lambda g, y, x: g * (1 - y * y), name="h")
misprint = tc.primitive(np.tanh, vjp=lambda g, y, x: g * (1 + y * y), name="h_misprinted")


def squares(y, t):
    """E = ½ ‖y - t‖²."""
    return 0.5 * ((y - t) ** 2).sum()


def cross_entropy(y, t):
    """E = -Σₖ tₖ ln yₖ, with y the softmax of the outputs."""
    return -(t * tc.log_softmax(y, dim=1)).sum()


def closed_form(W1, b1, W2, b2, x, t, softmax=False):
    """The lecture's gradients. For both criteria δ² = y - t; for the cross-entropy y is the softmax of the outputs."""
    z = np.tanh(x @ W1.T + b1)
    y = z @ W2.T + b2
    if softmax:
        y = np.exp(y) / np.exp(y).sum(1, keepdims=True)
    delta2 = y - t
    delta1 = (1 - z**2) * (delta2 @ W2)
    return {"W1": delta1.T @ x, "b1": delta1.sum(0), "W2": delta2.T @ z, "b2": delta2.sum(0)}


def largest_difference(found, expected):
    """Over all elements, relative to the largest element."""
    scale = max(np.abs(e).max() for e in expected.values())
    return max(np.abs(np.asarray(found[name]) - e).max() for name, e in expected.items()) / scale


def caught(h, x):
    """What gradcheck says about an activation: the error, or None if its gradient is right."""
    try:
        tc.testing.gradcheck(h, x)
    except tc.testing.GradientError as error:
        return error
    return None


def train(h, steps, seed):
    """The sinus with three units of activation h: what a wrong derivative costs. Returns the error at each step."""
    generator = tc.Generator().manual_seed(seed)
    x = tc.linspace(-3, 3, 50, dtype=tc.float64)[:, None]
    t = tc.sin(x)
    shapes = (3, 1), (3,), (1, 3), (1,)
    weights = [tc.randn(*shape, dtype=tc.float64, generator=generator).requires_grad_() for shape in shapes]
    W1, b1, W2, b2 = weights
    optimizer = optim.SGD(weights, lr=0.001, momentum=0.8)
    errors = []
    for _ in (bar := common.progress(steps, h.name)):
        optimizer.zero_grad()
        E = squares(h(x @ W1.T + b1) @ W2.T + b2, t)
        E.backward()
        optimizer.step()
        errors.append(E.item())
        bar.note = f"E = {E.item():.5f}"
    return errors


def main():
    args, report = common.start(__doc__, __file__)
    print("1. Closed form and autograd (float64)")
    x, t = tc.randn(20, 4, dtype=tc.float64), tc.softmax(tc.randn(20, 3, dtype=tc.float64), dim=1)
    model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    weights = dict(zip(("W1", "b1", "W2", "b2"), model.parameters(), strict=True))
    arrays = {name: w.detach().numpy() for name, w in weights.items()}
    differences = {}
    for label, criterion in (("½‖y - t‖²", squares), ("cross-entropy", cross_entropy)):
        gradients = dict(zip(weights, tc.autograd.grad(criterion(model(x), t), list(weights.values())), strict=True))
        expected = closed_form(**arrays, x=x.numpy(), t=t.numpy(), softmax=criterion is cross_entropy)
        differences[label] = largest_difference({name: g.numpy() for name, g in gradients.items()}, expected)
        print(f"  {label:14s} largest relative difference {differences[label]:.1e}")

    print("\n2. The derivation, from the graph")
    W1, b1, W2, b2 = weights.values()
    E = squares(tc.tanh(x @ W1.T + b1) @ W2.T + b2, t)
    derived = tc.viz.derivation(E, weights)
    for step in derived.steps:
        print(f"  {step}")
    space = derived.namespace()
    exec(derived.text, space)  # the derivation is a program too
    expected = closed_form(**arrays, x=x.numpy(), t=t.numpy())
    differences["derivation"] = largest_difference({n: space[s.name] for n, s in derived.gradients.items()}, expected)
    for direction in ("forward", "backward", "both"):
        said = {"forward": "operations from the inputs to E", "backward": "from E back to the weights",
                "both": "each value with the size of its gradient"}  # fmt: skip
        drawing = tc.viz.draw(E, direction=direction, names=weights)
        report.draw(drawing, f"04_graph_{direction}", f"The graph of E, {direction}: {said[direction]}.")
    report.derive(derived, "The derivation of the gradient, read off the graph: each line a formula that was computed.")
    (report.out / "04_derivation.tex").write_text(derived.latex + "\n", encoding="utf-8")

    print("\n3. The misprint h' = 1 + h²")
    point = tc.tensor([-1.0, 0.25, 0.5, 2.0])
    error = caught(misprint, point)
    print(error)
    print("  h' = 1 - h² passes the same check:", caught(right, point) is None)
    steps = 300 if args.quick else 3000
    curves = {h: train(h, steps, args.seed) for h in (right, misprint)}

    figure, (slope, descent) = plotting.subplots(1, 2, 11, 3.9)
    a = np.linspace(-3, 3, 201)
    h, width = np.tanh(a), 1e-3
    central = (np.tanh(a[::10] + width) - np.tanh(a[::10] - width)) / (2 * width)
    slope.plot(a, 1 - h**2, color="tab:green", label="h' = 1 - h²")
    slope.plot(a, 1 + h**2, color="tab:red", label="misprint: h' = 1 + h²")
    slope.plot(a[::10], central, "o", ms=4, color="tab:blue", label="differences (h(a+ε) - h(a-ε)) / 2ε")
    slope.plot(a, h, "--", color="tab:gray", lw=1, label="h = tanh a")
    slope.set(title="The derivative of tanh", xlabel="a", ylabel="h'(a)")
    descent.plot(curves[right], color="tab:green")
    descent.plot(curves[misprint], color="tab:red")
    descent.set(title="Learning sin x with either", xlabel="step", ylabel="E", yscale="log")
    plotting.one_legend(figure)
    report.save(figure, "04_misprint.png", "Left: slopes measured by differences lie on 1 - h², not on the misprint, "
                "which differs most where a unit is saturated. Right: the same network, start and learning rate, with "
                "either derivative. With the misprint the first layer moves in wrong directions, and saturated units "
                "are driven on instead of being left alone.")  # fmt: skip

    text = "the closed form, autograd and the derivation give one gradient (relative difference at most 1e-12)"
    report.claim("gradient", text, differences, max(differences.values()) <= 1e-12)
    worst = max(abs(row.analytic / row.numeric - 1) for row in error.rows) if error else 0.0
    text = "the check catches the misprint h' = 1 + h² (relative error of its derivative), and lets 1 - h² pass"
    report.claim("misprint", text, worst, error is not None and caught(right, point) is None)
    ends = {"1 - h²": curves[right][-1], "1 + h²": curves[misprint][-1]}
    text = "with the misprint the network learns worse: E at the end is larger"
    report.claim("learning", text, ends, not ends["1 + h²"] <= ends["1 - h²"])
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
