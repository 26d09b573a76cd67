"""Sums, means, deviations and maxima of node features with the size, in a radial SVM.

No edge is looked at, except where the features are degrees, for want of labels and attributes:
what a network has above it, it has from edges or from what it learns of nodes.
"""

from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from torch import Tensor

from benchmarks.methods.parts.graph_statistics import FloatArray, log_sizes, node_statistics

DEFAULTS: dict[str, Any] = {}
PARAMETERS = {"C": (0.1, 1.0, 1e1, 1e2, 1e3), "width": (0.1, 1.0, 1e1)}


def describe_graphs(x: Tensor, sizes: Tensor) -> FloatArray:
    """Return four statistics of each feature and the logarithm of the size, ``[G, 4 F + 1]``."""
    return np.concatenate([node_statistics(x, sizes), log_sizes(sizes)], axis=1)


def estimator(num_features: int, *, C: float, width: float) -> Pipeline:
    r"""Return a support vector machine with a radial kernel on standardised columns.

    .. math::
        k(\mathbf{u}, \mathbf{v}) = \exp \left( - \frac{w}{D} \lVert \mathbf{u} - \mathbf{v}
        \rVert^2 \right)

    Args:
        num_features: Number of columns :math:`D`.
        C: Inverse strength of the penalty.
        width: :math:`w`; at 1 typical pairs of graphs are at distances of order 1.
    """
    return make_pipeline(StandardScaler(), SVC(C=C, gamma=width / num_features))
