"""Trainer: the same bits as a plain loop, and what it adds to one."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_course as tc
from tinygrad_course import nn, optim
from tinygrad_course.optim import lr_scheduler
from tinygrad_course.training import Callback, EarlyStopping, History, Trainer, accuracy
from tinygrad_course.utils.data import DataLoader, TensorDataset

from .common import network, problem, same, trainer_for, weights


def plain_loop(epochs, clip=None):
    x, y = problem()
    model = network(dropout=0.3)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
    scheduler = lr_scheduler.StepLR(optimizer, 2, 0.5)
    losses = []
    for _ in range(epochs):
        total = 0.0
        for xb, yb in DataLoader(TensorDataset(x, y), 7, shuffle=True):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(xb), yb)
            loss.backward()
            if clip:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
            total += loss.item() * len(xb)
        scheduler.step()
        losses.append(total / len(x))
    return model, losses


@pytest.mark.parametrize("clip", [None, 0.05])
def test_it_is_the_plain_loop_bit_for_bit(clip):
    model, losses = plain_loop(3, clip)
    other = network(dropout=0.3)
    trainer = trainer_for(other, clip_norm=clip)
    trainer.scheduler = lr_scheduler.StepLR(trainer.optimizer, 2, 0.5)
    history = trainer.fit(problem(), epochs=3, batch_size=7)
    assert same(weights(model), weights(other))
    assert history["loss"] == losses
    assert history["lr"] == [0.1, 0.1, 0.05]
    assert trainer.steps == 3 * math.ceil(24 / 7)
    assert not same(weights(model), weights(plain_loop(2, clip)[0]))


def test_epochs_are_counted_over_calls():
    whole, parts = network(0.2), network(0.2)
    tc.manual_seed(5)
    trainer_for(whole).fit(problem(), epochs=4, batch_size=5)
    tc.manual_seed(5)
    trainer = trainer_for(parts)
    trainer.fit(problem(), epochs=1, batch_size=5)
    trainer.fit(problem(), epochs=1, batch_size=5)
    trainer.fit(problem(), epochs=4, batch_size=5)
    assert same(weights(whole), weights(parts))
    assert trainer.history.epochs == trainer.epoch == 4


# --- Batch, stochastic, mini-batch ------------------------------------------------------------------------------------


@given(size=st.integers(1, 24), groups=st.integers(1, 6), reduction=st.sampled_from(["mean", "sum"]))
def test_accumulated_batches_equal_one_large_batch(size, groups, reduction):
    x, y = problem()
    models = []
    for batch, accumulate in ((size * groups, 1), (size, groups)):
        model = nn.Linear(3, 2).double()
        nn.init.constant_(model.weight, 0.1)
        nn.init.zeros_(model.bias)
        optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.5)
        loss = nn.CrossEntropyLoss(reduction=reduction)
        trainer = Trainer(model, optimizer, loss, accumulate=accumulate, metrics=[accuracy], progress=False)
        history = trainer.fit((x, y), epochs=2, batch_size=batch, shuffle=False)
        models.append((weights(model), history))
        assert trainer.steps == 2 * math.ceil(24 / (size * groups))
    (a, first), (b, second) = models
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=1e-11, atol=1e-13)
    for name in ("loss", "accuracy"):
        np.testing.assert_allclose(first[name], second[name], rtol=1e-11)


def test_a_whole_epoch_accumulated_is_batch_gradient_descent():
    x, y = problem()
    ends = []
    for batch, accumulate in ((None, 1), (5, "epoch"), (1, "epoch")):
        model = network(seed=4)[4:]
        model = nn.Sequential(nn.Linear(3, 5), *model).double()
        tc.manual_seed(2)
        model.apply(lambda m: m.reset_parameters() if isinstance(m, nn.Linear) else None)
        trainer = trainer_for(model, accumulate=accumulate)
        trainer.fit((x, y), epochs=3, batch_size=batch)
        assert trainer.steps == 3
        ends.append(weights(model))
    for other in ends[1:]:
        for name in other:
            np.testing.assert_allclose(ends[0][name], other[name], rtol=1e-10)


def test_an_optimizer_that_searches_along_a_line():
    pytest.importorskip("scipy")
    x = tc.linspace(-1, 1, 20).double()[:, None]
    model = nn.Linear(1, 1).double()
    trainer = Trainer(model, optim.LBFGS(model.parameters()), nn.MSELoss(), accumulate="epoch", progress=False)
    trainer.fit((x, 3 * x + 1), epochs=2, batch_size=5)
    assert model.weight.item() == pytest.approx(3, abs=1e-5)


# --- What may be trained on -------------------------------------------------------------------------------------------


def test_loaders_lists_and_tensors_are_the_same():
    x, y = problem()
    lists = [[x[:10], y[:10]], [x[10:20], y[10:20]], [x[20:], y[20:]]]
    ends = []
    for data, options in (
        (lists, {}),
        ((x, y), {"batch_size": 10, "shuffle": False}),
        ((x.numpy(), y.numpy()), {"batch_size": 10, "shuffle": False}),
        (DataLoader(TensorDataset(x, y), 10), {}),
        (TensorDataset(x, y), {"batch_size": 10, "shuffle": False}),
    ):
        model = network()
        trainer_for(model).fit(data, epochs=2, **options)
        ends.append(weights(model))
    assert all(same(ends[0], end) for end in ends)


def test_several_inputs_and_steps_of_ones_own():
    class Product(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(tc.ones(1))

        def forward(self, a, b):
            return self.scale * a * b

    a, b = tc.randn(8), tc.randn(8)
    model = Product()
    Trainer(model, optim.SGD(model.parameters(), lr=0.3), nn.MSELoss(), progress=False).fit((a, b, 2 * a * b), 200)
    assert model.scale.item() == pytest.approx(2, abs=1e-3)

    def step(model, batch):
        loss = (model(batch["a"], batch["b"]) - 3 * batch["a"] * batch["b"]).square().mean()
        return loss, {"scale": model.scale.item()}

    trainer = Trainer(model, optim.SGD(model.parameters(), lr=0.3), step=step, progress=False)
    history = trainer.fit([{"a": a, "b": b}], 100, validation=[{"a": a, "b": b}])
    assert history["val_scale"][-1] == pytest.approx(3, abs=1e-3)
    assert history["scale"][0] == pytest.approx(2, abs=1e-3)


def test_a_restricted_boltzmann_machine_learns():
    tc.manual_seed(0)
    v = (tc.rand(40, 1) < 0.5).float() * tc.ones(1, 6)
    rbm = nn.RBM(6, 3)
    before = rbm.log_likelihood(v).mean().item()
    optimizer = optim.SGD(rbm.parameters(), lr=0.1)
    trainer = Trainer(rbm, optimizer, step=lambda rbm, batch: rbm.loss(batch[0]), progress=False)
    trainer.fit((v,), epochs=100, batch_size=10)
    assert rbm.log_likelihood(v).mean().item() > before + 1


@pytest.mark.parametrize(
    ("data", "options", "error", "text"),
    [
        (iter([]), {}, TypeError, "used up after one epoch"),
        (tc.ones(3), {}, TypeError, r"goes as \(x,\)"),
        (TensorDataset(tc.ones(3), tc.ones(3)), {}, TypeError, "gives samples; pass batch_size"),
        ([], {}, ValueError, "no batches in epoch 1"),
        ((tc.ones(3, 3), tc.ones(2)), {}, ValueError, "differ in length"),
        ([tc.ones(3, 3)], {}, TypeError, "pass step="),
        ([], {"batch_size": 3}, ValueError, "tuple of tensors"),
    ],
)
def test_data_that_cannot_be_trained_on(data, options, error, text):
    with pytest.raises(error, match=text):
        trainer_for(network()).fit(data, epochs=1, **options)


def test_options_that_make_no_sense():
    model = network()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    loss = nn.MSELoss()
    plateau = lr_scheduler.ReduceLROnPlateau(optimizer)
    for options, error in (
        ({}, TypeError),
        ({"loss": loss, "step": lambda m, b: 0}, TypeError),
        ({"step": lambda m, b: 0, "metrics": [accuracy]}, TypeError),
        ({"loss": loss, "schedule": "day"}, ValueError),
        ({"loss": loss, "schedule": "step", "scheduler": plateau}, ValueError),
        ({"loss": loss, "accumulate": 0}, ValueError),
        ({"loss": loss, "accumulate": "all"}, ValueError),
        ({"loss": loss, "metrics": [lambda y, t: 0]}, ValueError),
        ({"loss": loss, "callbacks": [EarlyStopping]}, TypeError),
    ):
        with pytest.raises(error, match="Trainer"):
            Trainer(model, optimizer, **options)


# --- Validation and metrics -------------------------------------------------------------------------------------------


def test_validation_measures_in_evaluation_mode_and_leaves_no_trace():
    x, y = problem(2500)
    model = network(dropout=0.5)
    model[1].eval()
    trainer = trainer_for(model, metrics={"right": accuracy})
    before = weights(model)
    found = trainer.evaluate((x, y))
    assert same(weights(model), before)
    assert model.training and model[3].training and not model[1].training
    assert all(p.grad is None for p in model.parameters())
    model.eval()
    output = model(x)
    assert found["loss"] == pytest.approx(nn.functional.cross_entropy(output, y).item(), rel=1e-12)
    assert found["right"] == (output.argmax(1) == y).double().mean().item()
    with pytest.raises(ValueError, match="no batches"):
        trainer.evaluate([])


def test_accuracy():
    scores = tc.tensor([[[0.1, 0.9], [0.8, 0.3]], [[0.4, 0.2], [0.5, 0.1]]])  # (N=2, C=2, 2 places)
    assert accuracy(scores, tc.tensor([[1, 0], [0, 0]])) == 0.75
    assert accuracy(tc.tensor([[1.0, 0.0], [0.0, 1.0]]), tc.tensor([[0.9, 0.1], [0.6, 0.4]])) == 0.5
    for output, target in ((tc.ones(4), tc.ones(4)), (tc.ones(4, 1), tc.ones(4, 1)), (tc.ones(4, 3), tc.ones(3))):
        with pytest.raises(ValueError, match="accuracy"):
            accuracy(output, target)


def test_history_keeps_columns_aligned_and_plots():
    pytest.importorskip("matplotlib")
    history = History()
    history.add({"loss": 3.0, "lr": 0.1})
    history.add({"loss": 2.0, "lr": 0.1, "val_loss": 2.5, "accuracy": 0.5})
    history.add({"loss": 1.0, "lr": 0.1})
    assert history["val_loss"] == [None, 2.5, None]
    assert history.epochs == 3
    figure = history.plot()
    first, second = figure.axes
    assert [line.get_ydata().tolist() for line in first.lines] == [[3, 2, 1], [2.5]]
    assert [line.get_xdata().tolist() for line in second.lines] == [[2]]
    from matplotlib.figure import Figure

    own = Figure().subplots()
    assert history.plot(own) is own.figure
    assert len(own.lines) == 2


# --- Schedulers, clipping, stopping -----------------------------------------------------------------------------------


def test_schedulers_by_step_and_on_a_plateau():
    model = network()
    trainer = trainer_for(model, schedule="step")
    trainer.scheduler = lr_scheduler.ExponentialLR(trainer.optimizer, 0.5)
    trainer.fit(problem(), epochs=2, batch_size=8)
    assert trainer.optimizer.param_groups[0]["lr"] == pytest.approx(0.1 * 0.5**6)
    trainer = trainer_for(model, lr=0.0)
    trainer.scheduler = lr_scheduler.ReduceLROnPlateau(trainer.optimizer, patience=1)
    trainer.optimizer.param_groups[0]["lr"] = 1e-30
    trainer.scheduler.eps = 0
    history = trainer.fit(problem(), epochs=4, validation=problem(10, seed=2))
    assert history["lr"] == pytest.approx([1e-30, 1e-30, 1e-30, 1e-31])


def test_gradients_are_clipped():
    norms = []

    class Look(Callback):
        def on_step_end(self, trainer):
            gradients = [p.grad.array for p in trainer.model.parameters()]
            norms.append((max(abs(g).max() for g in gradients), math.sqrt(sum((g**2).sum() for g in gradients))))

    for options in ({}, {"clip_value": 0.01}, {"clip_norm": 0.02}):
        trainer_for(network(), callbacks=[Look()], **options).fit(problem(), epochs=1)
    (_, free), (largest, _), (_, norm) = norms
    assert free > 0.1
    assert largest == pytest.approx(0.01)
    assert norm == pytest.approx(0.02, rel=1e-4)


class Losses(Callback):
    """Pretends that these were the validation losses."""

    def __init__(self, values):
        self.values = values
        self.seen = {}

    def on_epoch_end(self, trainer):
        trainer.history["loss"][-1] = self.values[trainer.epoch - 1]
        self.seen[trainer.epoch] = weights(trainer.model)


@pytest.mark.parametrize(
    ("mode", "values", "delta", "stops", "best"),
    [
        ("min", [5, 4, 3, 3, 4, 3, 2, 1], 0.0, 6, 3),
        ("max", [5, 6, 7, 1, 8, 1, 1, 1, 9], 0.0, 8, 5),
        ("min", [5, 4.9, 4.8, 4.7, 4.6], 0.5, 4, 1),
        ("min", [5, math.nan, math.nan, 4], 0.0, None, 4),
        ("min", [3, 2, 1, 4], 0.0, None, 3),
    ],
)
def test_early_stopping_goes_back_to_the_best(mode, values, delta, stops, best):
    losses = Losses(values)
    stopping = EarlyStopping(patience=2, mode=mode, min_delta=delta)
    model = network()
    trainer = trainer_for(model, callbacks=[losses, stopping])
    trainer.fit(problem(), epochs=len(values))
    assert trainer.epoch == (stops or len(values))
    assert (stopping.best_epoch, stopping.best) == (best, values[best - 1])
    assert same(weights(model), losses.seen[best])


def test_an_unknown_name_to_monitor_is_told():
    with pytest.raises(KeyError, match=r"'val_los'.*loss, lr"):
        trainer_for(network(), callbacks=[EarlyStopping(monitor="val_los")]).fit(problem(), epochs=1)


def test_callbacks_are_called_in_order():
    calls = []

    class Log(Callback):
        def on_fit_start(self, trainer):
            calls.append("fit")

        def on_epoch_start(self, trainer):
            calls.append("epoch")

        def on_step_end(self, trainer):
            calls.append(trainer.steps)
            if trainer.steps == 3:
                trainer.stop()

        def on_fit_end(self, trainer):
            calls.append("end")

    trainer = trainer_for(network(), callbacks=[Log(), lambda trainer: calls.append("done")])
    trainer.fit(problem(), epochs=5, batch_size=12)
    assert calls == ["fit", "epoch", 1, 2, "done", "epoch", 3, "end"]
    assert trainer.epoch == 1 and not trainer.interrupted
