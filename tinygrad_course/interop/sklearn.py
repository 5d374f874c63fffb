"""Networks as scikit-learn estimators: they go into pipelines, grid searches and cross-validation.

from sklearn.model_selection import GridSearchCV
search = GridSearchCV(NeuralNetClassifier(), {"hidden_layer_sizes": [(50,), (50, 50)], "lr": [0.01, 0.001]})
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils import check_random_state, column_or_1d
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError(
        'interop.sklearn needs scikit-learn 1.6 or later: pip install "tinygrad_course[sklearn]"'
    ) from error

from .. import nn, optim
from ..autograd import no_grad
from ..nn import functional as F
from ..random import fork_rng, manual_seed
from ..tensor import Tensor
from ..training import EarlyStopping, Trainer

__all__ = ["NeuralNetClassifier", "NeuralNetRegressor"]

_ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "logistic": nn.Sigmoid, "identity": nn.Identity}
_AT_ONCE = 1024  # samples that are predicted together
_FULL = 64  # a product of matrices rounds a row alike whatever rows are with it, if their number is a multiple of this

_PARAMETERS = """
    Args:
        module: the network: a Module, of which every `fit` trains a copy; or a function of the numbers of inputs and
            outputs that makes one; or None, for a multilayer perceptron.
        hidden_layer_sizes: units of each hidden layer of the perceptron.
        activation: "relu", "tanh", "logistic" or "identity", of the perceptron.
        loss: a criterion in place of the default one.
        optimizer: the name of a class in `tc.optim`, or such a class.
        lr: the learning rate.
        weight_decay: the strength of the L2 penalty.
        optimizer_options: further arguments of the optimizer.
        epochs: how often, at most, all samples are gone through.
        batch_size: samples per update.
        shuffle: a new random order in each epoch.
        early_stopping: set samples aside, stop when the loss on them no longer falls, and keep the best weights;
            otherwise training stops when the training loss no longer falls.
        validation_fraction: of the samples that early stopping sets aside.
        patience: epochs without a better loss before training stops; None to go on through all epochs.
        tol: a better loss is better by more than this.
        progress: show a bar.
        random_state: seed of the weights, the order of samples and the draws within the network.

    Attributes:
        module_: the trained network.
        n_iter_: how many epochs were done.
        loss_curve_: the mean loss of each epoch.
        validation_curve_: with early stopping, the loss on the samples set aside.
"""


class _NeuralNet(BaseEstimator):  # type: ignore[misc]
    """What both estimators share; the signature is what scikit-learn reads the parameters from."""

    def __init__(
        self, module: nn.Module | Callable[[int, int], nn.Module] | None = None, *,
        hidden_layer_sizes: Sequence[int] = (100,), activation: str = "relu",
        loss: Callable[[Any, Any], Tensor] | None = None, optimizer: str | type[optim.Optimizer] = "Adam",
        lr: float = 1e-3, weight_decay: float = 0.0, optimizer_options: dict[str, Any] | None = None,
        epochs: int = 200, batch_size: int = 32, shuffle: bool = True, early_stopping: bool = False,
        validation_fraction: float = 0.1, patience: int | None = 10, tol: float = 1e-4, progress: bool = False,
        random_state: Any = None,
    ) -> None:  # fmt: skip
        self.module = module
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.loss = loss
        self.optimizer = optimizer
        self.lr = lr
        self.weight_decay = weight_decay
        self.optimizer_options = optimizer_options
        self.epochs = epochs
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.tol = tol
        self.progress = progress
        self.random_state = random_state

    # --- making -----------------------------------------------------------------------------------------------------

    def _network(self, inputs: int, outputs: int) -> nn.Module:
        if isinstance(self.module, nn.Module):
            return copy.deepcopy(self.module)
        if self.module is not None:
            made = self.module(inputs, outputs)
            if not isinstance(made, nn.Module):
                raise TypeError(f"{type(self).__name__}: module must give a Module, got {type(made).__name__}")
            return made
        if self.activation not in _ACTIVATIONS:
            known = ", ".join(map(repr, _ACTIVATIONS))
            raise ValueError(f"{type(self).__name__}: activation must be one of {known}, got {self.activation!r}")
        layers: list[nn.Module] = []
        for units in self.hidden_layer_sizes:
            layers += [nn.Linear(inputs, units), _ACTIVATIONS[self.activation]()]
            inputs = units
        return nn.Sequential(*layers, nn.Linear(inputs, outputs))

    def _make_optimizer(self, module: nn.Module) -> optim.Optimizer:
        kind: Any = getattr(optim, self.optimizer, None) if isinstance(self.optimizer, str) else self.optimizer
        if not (isinstance(kind, type) and issubclass(kind, optim.Optimizer)):
            raise ValueError(
                f"{type(self).__name__}: optimizer must be a class of tc.optim or its name, got {self.optimizer!r}"
            )
        options = {"lr": self.lr, **(self.optimizer_options or {})}
        if self.weight_decay:
            options["weight_decay"] = self.weight_decay
        return kind(module.parameters(), **options)

    def _begin(self, X: np.ndarray, y: np.ndarray) -> None:
        """A new network and what belongs to it; the default generator has been seeded."""
        self.module_ = self._network(math.prod(X.shape[1:]), self._count_outputs(y))
        self.optimizer_ = self._make_optimizer(self.module_)
        self.loss_curve_: list[float] = []
        self.validation_curve_: list[float] = []
        self.n_iter_ = 0

    # --- training ---------------------------------------------------------------------------------------------------

    def _inputs(self, X: Any, y: Any = "no_validation", reset: bool = True) -> Any:
        """Checked samples, and targets if there are any to check."""
        more = {} if isinstance(y, str) else {"multi_output": True, "y_numeric": self._y_numeric}
        return validate_data(self, X, y, dtype=np.float32, allow_nd=self.module is not None, reset=reset, **more)

    def fit(self, X: Any, y: Any) -> Self:
        """Train a new network on samples X and their targets y."""
        X, y = self._inputs(X, y)
        y = self._targets(y, None)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        with fork_rng():
            manual_seed(seed)
            self._begin(X, y)
            train, validation = self._held_out(X, y, seed)
            self._run(train, validation, self.epochs, self.patience is not None)
        self._seed = seed
        return self

    def _partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        first = not hasattr(self, "module_")
        X, y = self._inputs(X, y, reset=first)
        y = self._targets(y, classes, first)
        if first:
            self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        with fork_rng():
            manual_seed(self._seed + self.n_iter_ if not first else self._seed)
            if first:
                self._begin(X, y)
            self._run((X, y), None, 1, False)
        return self

    def _held_out(self, X: np.ndarray, y: np.ndarray, seed: int) -> tuple[Any, Any]:
        if not self.early_stopping:
            return (X, y), None
        from sklearn.model_selection import train_test_split

        parts = train_test_split(
            X, y, test_size=self.validation_fraction, random_state=seed, stratify=self._strata(y)
        )  # fmt: skip
        return (parts[0], parts[2]), (parts[1], parts[3])

    def _run(self, train: Any, validation: Any, epochs: int, stopping: bool) -> None:
        watched = "val_loss" if validation is not None else "loss"
        callbacks = []
        if stopping:
            rule = EarlyStopping(
                patience=int(self.patience or 0),
                monitor=watched,
                min_delta=self.tol,
                restore_best=validation is not None,
            )
            callbacks.append(rule)
        trainer = Trainer(
            self.module_, self.optimizer_, self.loss or self._criterion, callbacks=callbacks, progress=self.progress
        )
        held = None if validation is None else tuple(map(Tensor._wrap, validation))
        pair = tuple(map(Tensor._wrap, train))
        size = min(self.batch_size, len(train[0]))
        history = trainer.fit(pair, epochs, held, batch_size=size, shuffle=self.shuffle)
        self.loss_curve_ += list(history["loss"])
        if validation is not None:
            self.validation_curve_ += list(history["val_loss"])
        self.n_iter_ += trainer.epoch
        self.optimizer_.zero_grad()
        self.module_.eval()

    def _outputs(self, X: Any) -> np.ndarray:
        """What the trained network gives for samples."""
        check_is_fitted(self)
        X = self._inputs(X, reset=False)
        count = len(X)
        X = np.concatenate([X, np.repeat(X[-1:], -count % _FULL, axis=0)])
        with no_grad():
            parts = [self.module_(Tensor._wrap(X[i : i + _AT_ONCE])).array for i in range(0, len(X), _AT_ONCE)]
        return np.concatenate(parts)[:count]

    # --- what differs -----------------------------------------------------------------------------------------------

    _y_numeric = False

    def _targets(self, y: np.ndarray, classes: Any, first: bool = True) -> np.ndarray:
        raise NotImplementedError

    def _count_outputs(self, y: np.ndarray) -> int:
        raise NotImplementedError

    def _criterion(self, output: Any, target: Any) -> Tensor:
        raise NotImplementedError

    def _strata(self, y: np.ndarray) -> Any:
        return None


class NeuralNetClassifier(ClassifierMixin, _NeuralNet):  # type: ignore[misc]
    __doc__ = f"""A classifier around a network that gives a score for each class; the default loss is cross entropy.
{_PARAMETERS}        classes_: the classes, in the order of the scores.

    Example:
        >>> import numpy as np, tinygrad_course as tc
        >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array(["low", "low", "high", "high"])
        >>> net = tc.interop.sklearn.NeuralNetClassifier(lr=0.05, random_state=0).fit(X, y)
        >>> net.predict([[0.5], [2.9]]).tolist(), net.score(X, y)
        (['low', 'high'], 1.0)
    """

    def partial_fit(self, X: Any, y: Any, classes: Any = None) -> Self:
        """Go through the samples once more, with the network as it is; the first call needs all `classes`."""
        return self._partial_fit(X, y, classes)

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class: the softmax of the scores. Shape (samples, classes)."""
        scores = self._outputs(X).astype(np.float64)
        return F.softmax(Tensor._wrap(scores), dim=1).array

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each sample."""
        scores = self._outputs(X)
        return self.classes_[scores.argmax(1)]

    def _targets(self, y: np.ndarray, classes: Any, first: bool = True) -> np.ndarray:
        check_classification_targets(y)
        y = column_or_1d(y, warn=True)
        if first:
            self.classes_ = np.unique(y if classes is None else classes)
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(f"{type(self).__name__}.partial_fit: the classes differ from those of the first call")
        codes = np.searchsorted(self.classes_, y)
        known = self.classes_[np.minimum(codes, len(self.classes_) - 1)] == y
        if not known.all():
            raise ValueError(f"{type(self).__name__}.partial_fit: y has classes that the first call did not name")
        return codes.astype(np.int64)

    def _count_outputs(self, y: np.ndarray) -> int:
        return len(self.classes_)

    def _criterion(self, output: Any, target: Any) -> Tensor:
        return F.cross_entropy(output, target)

    def _strata(self, y: np.ndarray) -> Any:
        return y


class NeuralNetRegressor(RegressorMixin, _NeuralNet):  # type: ignore[misc]
    __doc__ = f"""A regressor around a network, of one target or several; the default loss is the mean squared error.
{_PARAMETERS}
    Example:
        >>> import numpy as np, tinygrad_course as tc
        >>> X = np.linspace(-1, 1, 40)[:, None]
        >>> net = tc.interop.sklearn.NeuralNetRegressor(lr=0.01, random_state=0).fit(X, 3 * X[:, 0] + 1)
        >>> net.score(X, 3 * X[:, 0] + 1) > 0.99
        True
    """

    _y_numeric = True

    def partial_fit(self, X: Any, y: Any) -> Self:
        """Go through the samples once more, with the network as it is."""
        return self._partial_fit(X, y)

    def predict(self, X: Any) -> np.ndarray:
        """The network's output for each sample, in the shape that the targets had."""
        out = self._outputs(X).astype(np.float64)
        return out[:, 0] if self._flat else out

    def _targets(self, y: np.ndarray, classes: Any, first: bool = True) -> np.ndarray:
        self._flat = y.ndim == 1
        return np.ascontiguousarray(y.reshape(len(y), -1), np.float32)

    def _count_outputs(self, y: np.ndarray) -> int:
        return int(y.shape[1])

    def _criterion(self, output: Any, target: Any) -> Tensor:
        return F.mse_loss(output, target)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
