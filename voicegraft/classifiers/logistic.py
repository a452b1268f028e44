"""Logistic regression on pooled states.

scikit-learn finds the weights. A linear layer takes them over, so that fine-tuning starts from
them.
"""

import warnings
from collections.abc import Sequence

import numpy as np
from joblib import parallel_config
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from voicegraft.model.classifier import FittedLinear
from voicegraft.model.discriminants import fewest_groups

CS = [10.0**power for power in range(-4, 2)]
"""Inverse strengths of the penalty; cross-validation chooses one."""
FOLDS = 5
STEPS = 300


class Logistic(FittedLinear):
    """A linear layer on features that have mean 0 and deviation 1 in train."""

    def fit(self, features: np.ndarray, targets: np.ndarray, groups: Sequence[str]) -> str:
        """See `Fitted`: C by cross-validation, if every class is in at least two groups."""
        pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=STEPS))
        folds = min(FOLDS, fewest_groups(targets, groups))
        with warnings.catch_warnings():
            # Weak penalties may not converge in STEPS steps.
            warnings.simplefilter("ignore", ConvergenceWarning)
            if folds < 2:
                self._take_over(pipeline.fit(features, targets))
                return "C 1, as a class has too few clips for cross-validation"
            splits = StratifiedGroupKFold(folds).split(features, targets, groups)
            grid = {"logisticregression__C": CS}
            search = GridSearchCV(
                pipeline, grid, cv=list(splits), scoring="neg_log_loss", refit=False
            )
            # Fits run in parallel, each on one thread: cores that share a sum of this size wait for
            # each other, and processes load all libraries again. Single precision is enough to
            # choose C, and takes less than half as long.
            with threadpool_limits(1), parallel_config("threading", n_jobs=-1):
                search.fit(features.astype(np.float32), targets)
                self._take_over(pipeline.set_params(**search.best_params_).fit(features, targets))
        return f"C {search.best_params_['logisticregression__C']:g}, by {folds} folds of train"

    def _take_over(self, fitted: object) -> None:
        scaler, regression = fitted[0], fitted[1]
        weights, biases = regression.coef_, regression.intercept_
        if len(weights) == 1:
            # For two classes scikit-learn keeps the difference: the scores of the first class are
            # zero.
            weights, biases = np.vstack([0 * weights, weights]), np.append(0, biases)
        self.take_over(scaler.mean_, scaler.scale_, weights, biases)


def build(features: int, labels: int) -> Logistic:
    """See the contract."""
    return Logistic(features, labels)
