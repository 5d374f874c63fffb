"""Chapters 1 and 2: approximate the sinus: with given and with learned basis functions.

    python examples/01_sinus.py [--csv FILE] [--out DIR] [--quick] [--seed N]

A line, Gaussian and sigmoid basis functions are fitted by least squares; the two-layer network of chapter 2 learns its
own basis functions by gradient descent with momentum, on Bishop's four targets (PRML, fig. 5.3) or on your own points:
a CSV file with columns x,t.
"""

import sys
from pathlib import Path

import common
import plotting

import tinygrad_course as tc
from tinygrad_course import nn, optim
from tinygrad_course.data import BishopTargets, DataFileError, read_columns

TITLES = {"square": "x²", "sin": "sin x", "abs": "|x|", "step": "the step"}
KINDS = ("line", "Gaussians", "Gaussians on samples", "sigmoids")


def basis(kind, x, seed, count=8):
    """Φ(x): x itself, or `count` bumps or steps, spread evenly or put on key samples (as a support vector machine)."""
    if kind == "line":
        return nn.Identity()
    if kind == "Gaussians on samples":
        return nn.GaussianBasis.from_samples(x, count, width=1.0, generator=tc.Generator().manual_seed(seed))
    low, high = x.min().item(), x.max().item()
    centres, width = tc.linspace(low, high, count, dtype=x.dtype), (high - low) / count
    return nn.GaussianBasis(centres, width) if kind == "Gaussians" else nn.SigmoidBasis(centres, width / 2)


def fit_basis(x, t, phi):
    """y = wᵀΦ(x) + b, with the w that least squares gives; ridge 1e-6 keeps overlapping bumps well-behaved."""

    def columns(x):
        return tc.cat([tc.ones_like(x), phi(x)], dim=1)

    A = columns(x)
    w = tc.linalg.solve(A.T @ A + 1e-6 * tc.eye(A.shape[1], dtype=x.dtype), A.T @ t)
    return lambda x: columns(x) @ w


def train_network(x, t, steps, label):
    """Two layers, three tanh units: E = ½ Σ (y - t)², gradient descent with momentum 0.8 (chapter 8)."""
    model = nn.Sequential(nn.Linear(1, 3), nn.Tanh(), nn.Linear(3, 1)).to(x.dtype)
    optimizer = optim.SGD(model.parameters(), lr=0.1 / len(x), momentum=0.8)
    for _ in (bar := common.progress(steps, label)):
        optimizer.zero_grad()
        loss = 0.5 * ((model(x) - t) ** 2).sum()
        loss.backward()
        optimizer.step()
        bar.note = f"E = {loss.item():.6f}"
    return model


def rms(model, x, t):
    """The root mean square error."""
    with tc.no_grad():
        return (model(x) - t).square().mean().sqrt().item()


def closed_form(model, x, t):
    """The gradient of E as chapter 4 derives it: δ² = y - t, δ¹ = (1 - z²) · (δ² W²)."""
    w1, b1, w2, b2 = (p.detach() for p in model.parameters())
    z = tc.tanh(x @ w1.T + b1)
    delta2 = z @ w2.T + b2 - t
    delta1 = (1 - z**2) * (delta2 @ w2)
    return [delta1.T @ x, delta1.sum(0), delta2.T @ z, delta2.sum(0)]


def compare_gradients(model, x, t):
    """Print autograd's gradient beside the closed form; return the loss, with its graph, and the largest difference."""
    model.zero_grad()
    loss = 0.5 * ((model(x) - t) ** 2).sum()
    loss.backward(retain_graph=True)  # kept for its drawing
    print("\nGradient of E, by autograd and by the closed form of chapter 4 (float64)")
    worst = 0.0
    for (name, p), expected in zip(model.named_parameters(), closed_form(model, x, t), strict=True):
        difference = (p.grad - expected).abs().max().item()
        worst = max(worst, difference)
        for a, b in zip(p.grad.flatten().tolist(), expected.flatten().tolist(), strict=True):
            print(f"  {name:9s} {a:+.15e}   {b:+.15e}")
    print(f"largest difference: {worst:.1e}")
    return loss, worst


def load(csv):
    """The problems to solve: name to (x, t, the noise-free target if it is known)."""
    if not csv:
        problems = {name: BishopTargets(name) for name in BishopTargets.targets}
        return {name: (data.x.double(), data.t.double(), data.function) for name, data in problems.items()}
    columns = read_columns(csv, ["x", "t"])
    x, t = (tc.tensor(columns[name])[:, None] for name in ("x", "t"))
    # Gradient descent wants inputs and targets around 0 and of size about 1.
    x, t = ((v - v.mean()) / v.std(correction=0).clamp(min=1e-12) for v in (x, t))
    return {Path(csv).stem: (x, t, None)}


def main():
    csv = ("--csv", {"metavar": "FILE", "help": "fit the columns x,t of this file instead of Bishop's targets"})
    args, report = common.start(__doc__, __file__, [csv])
    try:
        problems = load(args.csv)
    except DataFileError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2

    first = "sin" if "sin" in problems else next(iter(problems))
    x, t, curve = problems[first]
    figure, places = plotting.subplots(1, len(KINDS), 13, 3.2)
    errors = {}
    print(f"Given basis functions, {first}: root mean square error")
    for axes, kind in zip(places, KINDS, strict=True):
        fit = fit_basis(x, t, basis(kind, x, args.seed))
        errors[kind] = rms(fit, x, t)
        print(f"  {kind:20s} {errors[kind]:.6f}")
        tc.viz.plots.fit(fit, x, t, curve=curve, ax=axes).set_title(kind)
    plotting.one_legend(figure)
    report.save(figure, "01_basis_functions.png", "Least squares with given basis functions: a line cannot bend; eight "
                "Gaussians or sigmoids follow the curve, wherever they stand: evenly, or on eight of the samples."
                )  # fmt: skip

    print("\nLearned basis functions: two layers, three tanh units")
    figure, places = plotting.subplots(1, len(problems), 3.25 * max(2, len(problems)), 3.2, squeeze=False)
    models = {}
    for axes, (name, (x, t, curve)) in zip(places.flat, problems.items(), strict=True):
        model = models[name] = train_network(x, t, 400 if args.quick else 20_000, name)
        print(f"  {name:8s} final root mean square error {rms(model, x, t):.6f}")
        tc.viz.plots.fit(model, x, t, basis=model[1], curve=curve, ax=axes).set_title(TITLES.get(name, name))
    plotting.one_legend(figure)
    report.save(figure, "01_network.png", "Two layers learn their own basis functions: the fit is a weighted sum of "
                "the three dashed curves, the outputs of the hidden units.")  # fmt: skip

    x, t, _ = problems[first]
    errors["network"] = rms(models[first], x, t)
    loss, difference = compare_gradients(models[first], x, t)
    drawing = tc.viz.draw(loss, direction="both", names=dict(models[first].named_parameters()))
    report.draw(drawing, "01_loss_graph", "The graph of E; the wider an edge, the larger the gradient through it.")
    better = max(error for kind, error in errors.items() if kind != "line") < errors["line"]
    report.claim("basis", "a line cannot bend; basis functions, given or learned, follow the data", errors, better)
    text = "backpropagation and the closed form of chapter 4 give the same gradient"
    report.claim("gradient", text, difference, difference <= 1e-12)
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
