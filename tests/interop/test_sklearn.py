"""Networks in scikit-learn: its own checks of an estimator, and the tools that estimators are put into."""

import pickle
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn", minversion="1.6")

from sklearn.base import clone
from sklearn.datasets import load_iris, make_classification
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import tinygrad_course as tc
from tinygrad_course import nn
from tinygrad_course.interop.sklearn import NeuralNetClassifier, NeuralNetRegressor

IRIS = load_iris(return_X_y=True)
QUICK = {"lr": 0.02, "epochs": 30, "random_state": 0}


@pytest.mark.parametrize("kind", [NeuralNetClassifier, NeuralNetRegressor])
@pytest.mark.parametrize(
    "options", [{"lr": 0.02, "epochs": 40, "patience": 3, "hidden_layer_sizes": (30,)}, {"epochs": 20}]
)
def test_check_estimator(kind, options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(kind(**options), on_fail=None)
    bad = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert not bad
    assert sum(r["status"] == "passed" for r in results) > 40


def test_pipeline_grid_search_and_cross_validation():
    pipe = make_pipeline(StandardScaler(), NeuralNetClassifier(**QUICK))
    assert cross_val_score(pipe, *IRIS, cv=3).mean() > 0.9
    grid = {"neuralnetclassifier__hidden_layer_sizes": [(), (20,)], "neuralnetclassifier__lr": [1e-6, 0.02]}
    search = GridSearchCV(pipe, grid, cv=2).fit(*IRIS)
    assert search.best_params_["neuralnetclassifier__lr"] == 0.02
    assert search.best_score_ > 0.9


def test_clone_and_pickle():
    net = NeuralNetClassifier(nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)), optimizer="SGD", **QUICK)
    other = clone(net)
    assert other.module is not net.module
    assert other.get_params()["lr"] == 0.02
    before = net.module[0].weight.detach().clone()
    net.fit(*IRIS)
    assert (net.module[0].weight == before).all()  # a copy is trained
    again = pickle.loads(pickle.dumps(net))
    np.testing.assert_array_equal(again.predict_proba(IRIS[0]), net.predict_proba(IRIS[0]))
    again.partial_fit(*IRIS)
    with pytest.raises(NotFittedError):
        other.predict(IRIS[0])


def test_the_same_seed_gives_the_same_network_and_disturbs_nothing():
    tc.manual_seed(5)
    expected = tc.rand(1).item()
    tc.manual_seed(5)
    model = lambda i, o: nn.Sequential(nn.Linear(i, 8), nn.Dropout(0.5), nn.Linear(8, o))
    a, b = (NeuralNetClassifier(model, **QUICK).fit(*IRIS).predict_proba(IRIS[0]) for _ in range(2))
    np.testing.assert_array_equal(a, b)
    assert tc.rand(1).item() == expected
    c = NeuralNetClassifier(model, **{**QUICK, "random_state": 1}).fit(*IRIS).predict_proba(IRIS[0])
    assert not np.array_equal(a, c)


def test_pandas_input():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(IRIS[0], columns=["a", "b", "c", "d"])
    names = pandas.Series(np.array(["x", "y", "z"])[IRIS[1]], dtype="category")
    net = NeuralNetClassifier(**QUICK).fit(frame, names)
    assert list(net.feature_names_in_) == ["a", "b", "c", "d"]
    assert list(net.classes_) == ["x", "y", "z"]
    assert net.score(frame, names) > 0.9
    with pytest.raises(ValueError, match="feature names"):
        net.predict(frame[["b", "a", "c", "d"]])


def test_partial_fit_goes_on():
    net = NeuralNetClassifier(lr=0.02, random_state=0)
    net.partial_fit(IRIS[0][:50], IRIS[1][:50], classes=[0, 1, 2])
    assert (net.n_iter_, net.predict_proba(IRIS[0]).shape) == (1, (150, 3))
    for _ in range(30):
        net.partial_fit(*IRIS)
    assert net.score(*IRIS) > 0.9
    assert (net.n_iter_, len(net.loss_curve_)) == (31, 31)
    with pytest.raises(ValueError, match="that the first call did not name"):
        net.partial_fit(IRIS[0], IRIS[1] + 1)
    with pytest.raises(ValueError, match="differ from those of the first call"):
        net.partial_fit(*IRIS, classes=[0, 1])
    reg = NeuralNetRegressor(lr=0.02, random_state=0)
    for _ in range(60):
        reg.partial_fit(IRIS[0], IRIS[1])
    assert reg.score(IRIS[0], IRIS[1]) > 0.8


def test_early_stopping_keeps_the_best_weights():
    X, y = make_classification(120, 20, n_informative=3, flip_y=0.3, random_state=0)
    net = NeuralNetClassifier(
        lr=0.05, early_stopping=True, patience=4, tol=0.0, random_state=0, validation_fraction=0.25
    )
    net.fit(X, y)
    curve = net.validation_curve_
    best = int(np.argmin(curve))
    assert len(curve) == net.n_iter_ < 200
    assert net.n_iter_ - 1 - best >= 4
    same = clone(net).set_params(patience=None, epochs=best + 1).fit(X, y)
    np.testing.assert_array_equal(net.predict_proba(X), same.predict_proba(X))
    every = NeuralNetClassifier(lr=0.05, patience=None, epochs=20, random_state=0).fit(X, y)
    assert (every.n_iter_, every.validation_curve_) == (20, [])
    assert every.loss_curve_[-1] < every.loss_curve_[0]


def test_images_and_several_targets():
    rng = np.random.default_rng(0)
    images, labels = rng.random((40, 1, 6, 6)), np.arange(40) % 2
    images[labels == 1, :, :3] += 1
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 2))
    assert NeuralNetClassifier(model, **QUICK).fit(images, labels).score(images, labels) == 1.0
    X = rng.standard_normal((60, 3))
    Y = np.stack([X[:, 0], X[:, 1] - X[:, 2]], 1)
    net = NeuralNetRegressor(lr=0.02, random_state=0).fit(X, Y)
    assert net.predict(X).shape == (60, 2)
    assert net.score(X, Y) > 0.95


def test_wrong_options():
    for options, match in [
        ({"activation": "sine"}, "activation must be one of 'relu'"),
        ({"optimizer": "Nope"}, "optimizer must be a class of tc.optim or its name, got 'Nope'"),
        ({"optimizer": "lr_scheduler"}, "optimizer must be a class"),
    ]:
        with pytest.raises(ValueError, match=match):
            NeuralNetClassifier(**options).fit(*IRIS)
    with pytest.raises(TypeError, match="module must give a Module, got int"):
        NeuralNetClassifier(lambda i, o: 3).fit(*IRIS)


@pytest.mark.parametrize("hidden", [(30,), (256, 128)])
def test_a_prediction_does_not_depend_on_what_is_predicted_with_it(hidden):
    x, y = make_classification(150, 64, random_state=0)
    model = NeuralNetRegressor(hidden_layer_sizes=hidden, epochs=2, random_state=0).fit(x, y)
    together = model.predict(x)
    for n in (1, 7, 50):
        assert np.array_equal(np.concatenate([model.predict(x[i : i + n]) for i in range(0, 150, n)]), together)
