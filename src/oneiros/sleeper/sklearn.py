"""A scikit-learn classifier that learns class by class and stores no example: `partial_fit`, then `sleep`."""

from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from oneiros.core import Seeds
from oneiros.nets.layers import Perceptron
from oneiros.sleeper import checks
from oneiros.sleeper.automatic import Automatic
from oneiros.sleeper.mechanism import Mechanism
from oneiros.sleeper.sleeper import Sleeper

FARTHEST = 5.0  # standard deviations


class SleepingClassifier(ClassifierMixin, BaseEstimator):
    """A perceptron with nights, as a scikit-learn estimator.

    `partial_fit` lives through what it is given, `sleep` is the night after it. Between two nights there may be
    any number of calls; nothing of a day is kept after its night but weights (with the default mechanism).

    Args:
        hidden: sizes of the network's hidden layers.
        mechanism: what a night does; None is `Automatic` with 500 random features: the better of the perceptron and of
            heads solved from sums, judged on a tenth of each day that neither learned.
        epochs: times through the data of one call of `partial_fit` or `fit`.
        batch_size: examples to a step.
        lr: learning rate of the network's Adam.
        bounds: smallest and largest value of every feature, such as (0, 255); None goes by its mean and spread in the
            first call, which should then show what features are like; a mechanism is shown them squashed to (0, 1).
        random_state: where chance comes from: a whole number, a numpy RandomState or None.

    Attributes:
        classes_: the labels that there can be.
        sleeper_: the network with its memory; `sleeper_.nbytes` tells what is kept.
    """

    def __init__(  # noqa: PLR0913 -- scikit-learn wants every setting by name
        self, hidden: tuple[int, ...] = (100,), *, mechanism: Mechanism | None = None, epochs: int = 30,
        batch_size: int = 32, lr: float = 1e-3, bounds: tuple[float, float] | None = None, random_state: Any = None,
    ) -> None:  # fmt: skip
        self.hidden = hidden
        self.mechanism = mechanism
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.bounds = bounds
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Forget everything, live one day of these examples, and sleep.

        Raises:
            ValueError: they are of one class only, or are not what scikit-learn expects.
        """
        X, y = self._examples(X, y, reset=True)
        classes = np.unique(y)
        if len(classes) < 2:
            raise ValueError(
                f"SleepingClassifier.fit got 1 class, {classes.tolist()[0]!r}: there is nothing to tell apart. "
                "To learn class by class, call partial_fit(X, y, classes=all of them)"
            )
        self._begin(X, classes)
        self._day(X, y)
        return self.sleep()

    def partial_fit(self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None) -> Self:
        """Live through these examples; of one class, if need be.

        Args:
            X: examples `[n, features]`.
            y: their labels.
            classes: all labels that will ever come; needed in the first call.
        """
        first = not hasattr(self, "sleeper_")
        X, y = self._examples(X, y, reset=first)
        if first:
            if classes is None:
                raise ValueError("the first call of partial_fit needs classes: all labels that will ever come")
            if len(np.unique(classes)) < 2:
                raise ValueError(f"classes is {np.unique(classes)}: of one class there is nothing to tell apart")
            self._begin(X, np.unique(classes))
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(f"classes is {np.unique(classes)}, but the first call of partial_fit said {self.classes_}")
        self._day(X, y)
        return self

    def sleep(self) -> Self:
        """The night after the last calls of `partial_fit`.

        Raises:
            RuntimeError: there was no such call since the last night.
        """
        check_is_fitted(self, "sleeper_")
        self.sleeper_.sleep()
        self._optimiser.state.clear()
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probabilities `[n, classes]`, in the order of `classes_`."""
        check_is_fitted(self, "sleeper_")
        inputs = self._inputs(np.asarray(validate_data(self, X=X, dtype=np.float32, reset=False)))
        # In double precision, so that a row's answer does not depend on which rows it is asked with.
        net = self.sleeper_.model().double()
        with torch.no_grad():
            return net(inputs.double()).softmax(1).numpy()

    def predict(self, X: ArrayLike) -> NDArray:
        """The likeliest class of each row."""
        check_is_fitted(self, "sleeper_")
        return self.classes_[self.predict_proba(X).argmax(1)]

    def _examples(self, X: Any, y: Any, *, reset: bool) -> tuple[NDArray, NDArray]:
        X, y = validate_data(self, X, y, dtype=np.float32, reset=reset)
        check_classification_targets(y)
        return X, y

    def _require_settings(self) -> None:
        for name in ("epochs", "batch_size"):
            checks.whole(f"SleepingClassifier.{name}", getattr(self, name), least=1)
        if not isinstance(self.hidden, list | tuple):
            raise TypeError(f"SleepingClassifier.hidden is {self.hidden!r}; expected sizes of layers, such as (100,)")
        for size in self.hidden:
            checks.whole("SleepingClassifier.hidden", size, least=1)
        if not isinstance(self.lr, int | float) or not 0 < self.lr < float("inf"):
            raise ValueError(f"SleepingClassifier.lr is {self.lr!r}; expected a finite number above 0")
        if self.bounds is not None and not (len(self.bounds) == 2 and self.bounds[0] < self.bounds[1]):
            raise ValueError(f"SleepingClassifier.bounds is {self.bounds}; expected (smallest, largest)")

    def _begin(self, X: NDArray, classes: NDArray) -> None:
        self._require_settings()
        self.classes_ = classes
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        with Seeds(seed).building("net"):
            net = Perceptron((X.shape[1], *self.hidden, len(classes)))
        mechanism = self.mechanism or Automatic(width=500)
        self.sleeper_ = Sleeper(net, mechanism, classes=len(classes), seed=seed)
        self._optimiser = torch.optim.Adam(net.parameters(), lr=self.lr, fused=True)
        self._order = Seeds(seed).rng("batches")
        if self.bounds is None:
            spread = X.std(0, dtype=np.float64)
            self._middle = X.mean(0, dtype=np.float64)
            self._spread = np.where(spread > 0, spread, 1.0)  # each feature by itself, so that units do not matter

    def _day(self, X: NDArray, y: NDArray) -> None:
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(
                f"label {unknown.tolist()[0]!r} is outside classes {self.classes_}: name it in the first call"
            )
        inputs, labels = self._inputs(X), torch.from_numpy(np.searchsorted(self.classes_, y))
        for _ in range(self.epochs):
            for index in torch.randperm(len(labels), generator=self._order).split(self.batch_size):
                self._optimiser.zero_grad()
                self.sleeper_.loss(inputs[index], labels[index]).backward()
                self._optimiser.step()

    def _inputs(self, X: NDArray) -> torch.Tensor:
        """Features in [0, 1]; by default their distances from the mean, in standard deviations."""
        if self.bounds is None:
            standard = (X - self._middle) / self._spread
            if self.mechanism is None:  # which needs no bounds, and the perceptron learns faster without
                return torch.from_numpy(np.clip(standard, -FARTHEST, FARTHEST)).float()
            with np.errstate(over="ignore"):
                return torch.from_numpy(1 / (1 + np.exp(-standard))).float()
        low, high = self.bounds
        return torch.from_numpy(np.clip((X - low) / (high - low), 0, 1)).float()
