"""C and the number of iterations chosen by cross-validation inside a training part."""

import warnings
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import sklearn
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import SVC

from benchmarks.kernels.gram import FloatArray
from benchmarks.kernels.graphs import IntArray

PENALTIES = (1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3)
"""The paper's values of C (Section 4.2, and the kernel baselines of TUDataset)."""
INNER_FOLDS = 10


class Choice(NamedTuple):
    """What the inner cross-validation chose.

    Attributes:
        matrix: Position of the chosen Gram matrix.
        penalty: The chosen C.
        accuracy: Its mean accuracy over the inner folds.
        accuracies: Mean accuracy of each matrix (rows) and each C (columns).
    """

    matrix: int
    penalty: float
    accuracy: float
    accuracies: FloatArray


def choose(
    grams: npt.NDArray[np.float64],
    labels: IntArray,
    train: IntArray,
    seed: int,
    penalties: Sequence[float] = PENALTIES,
) -> Choice:
    """Choose Gram matrix and C by stratified 10-fold CV among the training graphs alone.

    Of equal accuracies the one with fewer iterations is taken, then the smaller C.

    Args:
        grams: Normalised Gram matrices of all graphs, ``[M, G, G]``.
        labels: Class of each graph, ``[G]``; only those of ``train`` are read.
        train: Numbers of the training graphs.
        seed: Seed of the inner folds, the same for all choices.
        penalties: Values of C, ascending.
    """
    classes = labels[train]
    splitter = StratifiedKFold(INNER_FOLDS, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class with fewer than ten training graphs is missing from some inner folds.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        inner_folds = list(splitter.split(np.zeros(len(train)), classes))
    accuracies = np.zeros((len(grams), len(penalties)))
    # Checks of the input take longer than a small SVM.
    with sklearn.config_context(assume_finite=True, skip_parameter_validation=True):
        for matrix, gram in enumerate(grams):
            inside = gram[np.ix_(train, train)]
            for rest, held in inner_folds:
                fitted, met = inside[np.ix_(rest, rest)], inside[np.ix_(held, rest)]
                for column, penalty in enumerate(penalties):
                    machine = _machine(penalty).fit(fitted, classes[rest])
                    right = machine.predict(met) == classes[held]
                    accuracies[matrix, column] += right.mean() / len(inner_folds)
    # Sums of the same accuracies in another order may differ in the last bit.
    matrix, column = divmod(int(np.argmax(accuracies.round(12))), len(penalties))
    return Choice(matrix, penalties[column], float(accuracies[matrix, column]), accuracies)


def fit(grams: npt.NDArray[np.float64], labels: IntArray, train: IntArray, choice: Choice) -> SVC:
    """Return the chosen SVM fitted to the whole training part."""
    inside = grams[choice.matrix][np.ix_(train, train)]
    return _machine(choice.penalty).fit(inside, labels[train])


def _machine(penalty: float) -> SVC:
    return SVC(C=penalty, kernel="precomputed")
