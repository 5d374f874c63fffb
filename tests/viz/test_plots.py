"""Figures hold the right data; no window and no pyplot state is needed."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import tinygrad_course as tc
from tinygrad_course import nn

pytest.importorskip("matplotlib")
from matplotlib.figure import Figure

from tinygrad_course.viz import plots


def test_fit():
    model = nn.Sequential(nn.Linear(1, 3), nn.Tanh(), nn.Dropout(0.5), nn.Linear(3, 1)).double()
    x = tc.linspace(-2, 2, 9).double()[:, None]
    ax = plots.fit(model, x, x**2, basis="1", curve=np.square, points=50)
    samples, target, fitted, *units = ax.lines
    np.testing.assert_array_equal(samples.get_xdata(), x.numpy()[:, 0])
    np.testing.assert_allclose(samples.get_ydata(), x.numpy()[:, 0] ** 2)
    np.testing.assert_allclose(target.get_ydata(), target.get_xdata() ** 2)
    grid = tc.tensor(fitted.get_xdata())[:, None]
    with tc.no_grad():
        hidden = model[1](model[0](grid))
        np.testing.assert_allclose(fitted.get_ydata(), model[3](hidden).numpy()[:, 0], rtol=1e-6)
    np.testing.assert_allclose(np.stack([u.get_ydata() for u in units], 1), hidden.numpy(), rtol=1e-6)
    assert model.training and model[2].training
    assert plots.fit(lambda v: v * 2, x, x, basis=lambda v: v**2, ax=ax) is ax


def test_decision_regions():
    x = np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, 2.0]], np.float32)
    ax = plots.decision_regions(lambda v: v[:, :1], x, [0, 1, 1], steps=11)
    (points,) = [c for c in ax.collections if len(c.get_offsets()) == 3]
    np.testing.assert_array_equal(points.get_offsets(), x)
    low, high = ax.get_xlim()
    assert low == pytest.approx(-1.2, abs=0.02) and high == pytest.approx(1.2, abs=0.02)
    scores = plots.decision_regions(lambda v: tc.stack([v[:, 0], v[:, 1], -v[:, 0]], 1), x, [0, 1, 2], steps=11)
    assert len(scores.collections) >= 2


@pytest.mark.parametrize("units", [2, 3])
def test_warped_grid(units):
    model = nn.Sequential(nn.Linear(2, units), nn.Tanh(), nn.Linear(units, 2))
    x = tc.randn(20, 2)
    ax = plots.warped_grid(model, "1", x, [0, 1] * 10, lines=5)
    assert len(ax.lines) == 10
    with tc.no_grad():
        z = model[1](model[0](x)).numpy()
    (points,) = ax.collections
    shown = np.stack(points._offsets3d, 1) if units == 3 else points.get_offsets()
    np.testing.assert_allclose(np.sort(np.asarray(shown), axis=0), np.sort(z, axis=0), rtol=1e-5, atol=1e-6)


@given(arrays(np.float64, st.integers(1, 20), elements=st.floats(0.01, 100)))
def test_curves(losses):
    ax = plots.curves({"loss": losses, "lr": losses / 10, "slr_loss": losses})
    assert [line.get_label() for line in ax.lines] == ["loss", "slr_loss"]
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), losses)
    (rate,) = ax.figure.axes[-1].lines
    np.testing.assert_array_equal(rate.get_ydata(), losses / 10)
    assert ax.get_yscale() == "log"
    assert plots.curves([1.0, -1.0]).get_yscale() == "linear"


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40))
def test_confusion_matrix(pairs):
    true, given = zip(*pairs)
    counts = np.asarray(plots.confusion_matrix(true, given, classes="abcde").images[0].get_array())
    for i in range(5):
        for j in range(5):
            assert counts[i, j] == pairs.count((i, j))


def test_confusion_matrix_of_scores():
    ax = plots.confusion_matrix(tc.tensor([0, 1, 1]), tc.tensor([[2.0, 1.0], [0.0, 1.0], [1.0, 0.0]]))
    assert ax.images[0].get_array().tolist() == [[1, 0], [1, 1]]
    assert sorted(t.get_text() for t in ax.texts) == ["1", "1", "1"]


def test_recorder_and_histograms():
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    seen = []
    with plots.Recorder(model, ["1", model[2]]) as recorder:
        for _ in range(4):
            h = model[1](model[0](tc.randn(5, 4)))
            h.retain_grad()
            model[2](h).sum().backward()
            seen.append(h)
    model(tc.randn(5, 4))
    assert {k: len(v) for k, v in recorder.activations.items()} == {"1": 4, "2": 4}
    for noted, grad, h in zip(recorder.activations["1"], recorder.gradients["1"], seen):
        np.testing.assert_array_equal(noted, h.detach().numpy().ravel())
        np.testing.assert_allclose(grad, h.grad.numpy().ravel(), rtol=1e-6)
    figure = plots.histograms(recorder, bins=10)
    last, *layers = figure.axes
    assert [ax.get_ylabel() for ax in layers] == ["1", "2"]
    shares = np.asarray(layers[0].images[0].get_array()) ** 2
    assert shares.shape == (10, 4)
    values, edges, _ = last.patches[0].get_data()
    expected = np.histogram(recorder.activations["1"][-1], edges)[0] / 40
    np.testing.assert_allclose(values, expected)
    np.testing.assert_allclose(shares[:, -1], expected, atol=1e-6)
    assert len(plots.histograms(recorder, of="gradients").axes) == 3
    assert plots.Recorder(model, every=2, most=3).activations.keys() == {"0", "2"}


def test_filters():
    w = np.arange(2 * 9, dtype=np.float32).reshape(2, 9)
    figure = plots.filters(w)
    np.testing.assert_array_equal(figure.axes[1].images[0].get_array(), w[1].reshape(3, 3))
    figure = plots.filters(nn.Conv2d(3, 5, 4).weight, most=3)
    assert len([ax for ax in figure.axes if ax.images]) == 3
    image = np.asarray(figure.axes[0].images[0].get_array())
    assert image.shape == (4, 4, 3) and image.min() == 0 and image.max() == pytest.approx(1)


def test_feature_maps():
    model = nn.Sequential(nn.Conv2d(1, 3, 2), nn.ReLU())
    image = tc.randn(1, 6, 6)
    figure = plots.feature_maps(model, "1", image)
    with tc.no_grad():
        maps = model(image[None]).numpy()[0]
    for ax, expected in zip(figure.axes, maps, strict=True):
        np.testing.assert_allclose(ax.images[0].get_array(), expected, rtol=1e-6)


def test_reconstructions():
    images = tc.rand(4, 16)
    figure = plots.reconstructions(images, images * 0.5, most=3)
    assert len(figure.axes) == 6
    top, bottom = figure.axes[1].images[0], figure.axes[4].images[0]
    np.testing.assert_allclose(np.asarray(bottom.get_array()), 0.5 * np.asarray(top.get_array()))
    assert top.get_clim() == bottom.get_clim()


def test_singular_values():
    matrix = np.diag([3.0, 2.0, 1.0])
    (line,) = plots.singular_values(matrix).lines
    np.testing.assert_allclose(line.get_ydata(), [3, 2, 1])
    model = nn.Sequential(nn.Linear(3, 4), nn.Conv2d(2, 3, 3))
    ax = plots.singular_values(model)
    assert [line.get_label() for line in ax.lines] == ["0.weight", "1.weight"]
    assert len(ax.lines[1].get_ydata()) == 3


def test_axes_and_figures_that_are_given_are_used():
    figure = Figure()
    ax = figure.add_subplot()
    assert plots.curves([1.0, 2.0], ax=ax) is ax
    ax = figure.add_subplot()
    assert plots.confusion_matrix([0], [0], ax=ax) is ax
    figure = Figure()
    assert plots.filters(np.ones((2, 4)), figure=figure) is figure and figure.axes


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plots.fit(lambda v: v, [1.0], [1.0, 2.0]), "as many targets as inputs"),
        (lambda: plots.fit(lambda v: v, [], []), "no samples"),
        (lambda: plots.decision_regions(lambda v: v, np.ones((3, 3)), [0, 1, 0]), r"shape \(n, 2\)"),
        (lambda: plots.warped_grid(nn.Linear(2, 4), "", np.ones((3, 2))), "2 or 3 units"),
        (lambda: plots.warped_grid(nn.Linear(2, 2), "fc", np.ones((3, 2))), "no module 'fc'"),
        (lambda: plots.curves({}), "no values"),
        (lambda: plots.confusion_matrix([0, 1], [0]), "2 targets and 1 predictions"),
        (lambda: plots.filters(np.ones((2, 5))), "no square image"),
        (lambda: plots.feature_maps(nn.ReLU(), "", np.ones((2, 1, 3, 3))), "one image"),
        (lambda: plots.reconstructions(np.ones((2, 4)), np.ones((2, 5))), "as many values"),
        (lambda: plots.histograms({}), "no activations"),
        (lambda: plots.singular_values(nn.ReLU()), "no parameters"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_no_pyplot_and_a_hint_without_matplotlib():
    code = (
        "import sys; import tinygrad_course as tc; tc.viz.plots.curves([1.0, 0.5]);"
        "assert 'matplotlib.pyplot' not in sys.modules;"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    code = (
        "import sys; sys.modules['matplotlib'] = None; import tinygrad_course as tc\n"
        "try: tc.viz.plots.curves([1.0])\n"
        "except ImportError as error: assert 'tinygrad_course[plot]' in str(error)\n"
        "else: raise SystemExit(1)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
