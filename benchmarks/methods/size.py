"""The logarithm of the number of nodes alone, classified by logistic regression.

What a network is worth begins above it: on DD the number of nodes alone tells three graphs of four.
"""

from typing import Any

from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from benchmarks.methods.parts.graph_statistics import FloatArray, log_sizes

DEFAULTS: dict[str, Any] = {}
PARAMETERS = {"C": (1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3)}


def describe_graphs(x: Tensor, sizes: Tensor) -> FloatArray:
    """Return the logarithm of each graph's number of nodes, ``[G, 1]``."""
    return log_sizes(sizes)


def estimator(num_features: int, *, C: float) -> Pipeline:
    """Return a logistic regression on standardised columns.

    Args:
        num_features: Number of columns.
        C: Inverse strength of the ridge penalty.
    """
    return make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=10_000))
