"""Chapter 8: ways to descend: SGD, momentum 0.8, learning rate ÷ 10, rProp, L-BFGS, natural gradient.

    python examples/08_descent.py [--out DIR] [--quick] [--seed N]

One problem (the sinus, 50 points, 8 tanh units), one start, and the same number of evaluations for all: an evaluation
is one forward and backward pass over all points. SGD spends it on five updates of ten points each. A product with the
Fisher matrix, of which the natural gradient needs many per step, counts as two.
"""

import contextlib
import copy
import sys

import common
import learning
import plotting

import tinygrad_course as tc
from tinygrad_course import nn, optim
from tinygrad_course.data import Sinus

with contextlib.suppress(ImportError):  # what L-BFGS needs, loaded now so that it does not count as time spent
    import scipy.optimize  # noqa: F401


class Run(learning.Log):
    """One method on its way down: its rows are (evaluations, seconds, error)."""

    def __init__(self, model, x, t, budget):
        super().__init__(lambda: 0.5 * nn.functional.mse_loss(model(x), t))
        self.model, self.x, self.t, self.budget, self.evaluations = model, x, t, budget, 0
        self.spend(0)

    def spend(self, cost):
        """Note the error after `cost` further evaluations."""
        self.evaluations += cost
        self.look(self.evaluations)

    def evaluate(self):
        """E with its gradient: one evaluation."""
        self.model.zero_grad()
        loss = self.error()
        loss.backward()
        self.spend(1)
        return loss


def stochastic(run, label, momentum=0.0, patience=None):
    """SGD with ten points per update; with `patience`, a learning rate that falls to a tenth on a plateau."""
    optimizer = optim.SGD(run.model.parameters(), lr=0.2, momentum=momentum)
    patience = patience or float("inf")
    plateau = optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.1, patience=patience, min_lr=1e-4)
    for _ in (bar := common.progress(run.budget, label)):
        for part in tc.randperm(len(run.x)).split(10):
            optimizer.zero_grad()
            (0.5 * nn.functional.mse_loss(run.model(run.x[part]), run.t[part])).backward()
            optimizer.step()
        run.spend(1)
        plateau.step(run.rows[-1][2])
        bar.note = f"E = {run.rows[-1][2]:.3e}, lr = {optimizer.param_groups[0]['lr']:g}"


def rprop(run, label):
    """rProp, one evaluation per step."""
    optimizer = optim.Rprop(run.model.parameters(), lr=0.01)
    for _ in (bar := common.progress(run.budget, label)):
        optimizer.step(run.evaluate)
        bar.note = f"E = {run.rows[-1][2]:.3e}"


def lbfgs(run, label):
    """L-BFGS: all its steps in one call; it looks for the length of each by further evaluations."""
    limits = {"max_iter": run.budget, "max_eval": run.budget, "tolerance_grad": 0, "tolerance_change": 0}
    optimizer = optim.LBFGS(run.model.parameters(), **limits)
    optimizer.step(run.evaluate)
    print(f"  {label:12s} {optimizer.result['message']}")


def natural(run, label):
    """Natural gradient: its direction by conjugate gradients, each a product with the Fisher matrix."""
    optimizer = optim.NaturalGradient(run.model.parameters(), damping=1e-2)

    def compute():
        outputs = run.model(run.x)
        return 0.5 * nn.functional.mse_loss(outputs, run.t), outputs

    while run.evaluations < run.budget:
        optimizer.step(compute)
        # The gradient, the products (and one for the model's promise), and the look at what the step brought.
        run.spend(2 + 2 * (optimizer.result["cg_iterations"] + 1))
    print(f"  {label:12s} E = {run.rows[-1][2]:.3e} after {len(run.rows) - 1} steps")


METHODS = {
    "SGD": stochastic,
    "momentum": lambda run, label: stochastic(run, label, momentum=0.8),
    "÷ 10": lambda run, label: stochastic(run, label, momentum=0.8, patience=max(20, run.budget // 50)),
    "rProp": rprop,
    "L-BFGS": lbfgs,
    "natural": natural,
}


def draw(runs):
    """The error against evaluations and against time."""
    figure, places = plotting.subplots(1, 2, 11, 4.4, sharey=True)
    for column, axes in enumerate(places):
        for k, (name, run) in enumerate(runs.items()):
            run.plot(axes, column, f"C{k}", name)
        axes.set(xlabel=("evaluations", "seconds")[column])
    places[0].set_ylabel("E = ½ mean (y - t)²")
    plotting.one_legend(figure)
    return figure


def main():
    args, report = common.start(__doc__, __file__)
    budget = 300 if args.quick else 5000
    x, t = (v.double() for v in Sinus(low=-3.14159, high=3.14159).tensors)
    start = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1)).double()
    runs, lowest = {}, {}
    for name, descend in METHODS.items():
        run = Run(copy.deepcopy(start), x, t, budget)
        try:
            descend(run, name)
        except ImportError as error:
            print(f"  {name:12s} left out: {error}")
            continue
        runs[name], lowest[name] = run, min(row[2] for row in run.rows)  # rProp and SGD also step up
        print(f"  {name:12s} lowest E {lowest[name]:.2e} in {run.evaluations} evaluations, {run.seconds:.2f} s")

    report.save(draw(runs), "08_descent.png", "One network and start, six ways down: the lowest error so far and, "
                "faint, the error itself. Momentum adds up what successive gradients agree on; dividing the learning "
                "rate by 10 calms SGD's noise, and its progress; L-BFGS and the natural gradient use "
                "curvature.")  # fmt: skip

    last = {name: run.rows[-1][2] for name, run in runs.items()}
    for key, text, found, worse, better in (
        ("momentum", "momentum 0.8 gets lower than plain SGD with the same learning rate", lowest, "SGD", "momentum"),
        ("plateau", "dividing the learning rate by 10 when learning stops ends lower", last, "momentum", "÷ 10"),
        ("rprop", "rProp, from signs alone, gets lower than SGD with momentum", lowest, "momentum", "rProp"),
    ):
        report.claim(key, text, {k: found[k] for k in (worse, better)}, found[better] < found[worse])
    first, second = list(lowest.values())[:4], list(lowest.values())[4:]  # by slopes alone, and by curvature
    text = "methods that use curvature get lowest for the same number of evaluations"
    report.claim("curvature", text, lowest, max(second) < min(first))
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
