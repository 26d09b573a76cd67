import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.svm import SVC

from benchmarks.kernels.nested_cv import PENALTIES, choose, fit

SOME_PENALTIES = (0.01, 0.1, 1.0)
TRAIN = np.arange(0, 60, 2)


@pytest.fixture(scope="module")
def problem():
    """Two matrices of 60 graphs in three classes: noise, and one that shows the classes."""
    generator = np.random.default_rng(0)
    labels = np.arange(60) // 2 % 3
    noise = generator.normal(size=(60, 5))
    telling = noise + 1.5 * np.eye(3, 5)[labels]
    return np.stack([noise @ noise.T, telling @ telling.T]), labels


def test_chooses_as_scikit_learn_does(problem):
    grams, labels = problem
    choice = choose(grams, labels, TRAIN, 4, SOME_PENALTIES)
    search = GridSearchCV(
        SVC(kernel="precomputed"),
        {"C": SOME_PENALTIES},
        cv=StratifiedKFold(10, shuffle=True, random_state=4),
    )
    for matrix in (0, 1):
        search.fit(grams[matrix][np.ix_(TRAIN, TRAIN)], labels[TRAIN])
        np.testing.assert_allclose(
            choice.accuracies[matrix], search.cv_results_["mean_test_score"], atol=1e-12
        )
    assert choice.matrix == 1
    assert choice.penalty == search.best_params_["C"]
    assert choice.accuracy == pytest.approx(search.best_score_)


def test_nothing_outside_the_training_part_is_read(problem):
    grams, labels = problem
    choice = choose(grams, labels, TRAIN, 0, SOME_PENALTIES)
    held = np.setdiff1d(np.arange(60), TRAIN)
    other_labels, other_grams = labels.copy(), grams.copy()
    other_labels[held] = np.random.default_rng(1).permutation(labels[held])
    other_grams[:, held] = np.nan
    other_grams[:, :, held] = np.nan
    assert (other_labels != labels).any()
    again = choose(other_grams, other_labels, TRAIN, 0, SOME_PENALTIES)
    assert again[:3] == choice[:3]
    np.testing.assert_array_equal(again.accuracies, choice.accuracies)
    machine, other = (
        fit(*data, TRAIN, choice) for data in ((grams, labels), (other_grams, other_labels))
    )
    np.testing.assert_array_equal(machine.dual_coef_, other.dual_coef_)


def test_of_equal_accuracies_the_first_matrix_and_the_smallest_c_win():
    labels = np.arange(40) % 2
    perfect = np.where(labels[:, None] == labels, 1.0, 0.0)
    choice = choose(np.stack([perfect, perfect]), labels, np.arange(40), seed=0)
    assert (choice.accuracies[0] == choice.accuracies[1]).all()
    assert choice.matrix == 0
    assert choice.penalty == PENALTIES[int(np.argmax(choice.accuracies[0] == choice.accuracy))]
