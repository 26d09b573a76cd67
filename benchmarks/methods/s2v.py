"""Structure2Vec, flat (paper, Table 2): mean-field rounds, the sum over all nodes, an MLP.

Defaults are those of the authors' script for graph classification (``graph_classification/run.sh``
of Hanjun-Dai/pytorch_structure2vec): 64 latent channels, 3 rounds, no output layer before the sum,
64 hidden units, batches of 50, learning rate 1e-3. What differs: real-valued node attributes are
used where the data have them, the classifier is the one that all rows share, and the loss is
averaged by the same loop.
"""

from typing import Any

from torch import nn

from benchmarks.methods.diffpool import diff_pool_net
from benchmarks.methods.parts.head import BLOCK, CONVOLUTION, POOLING, refuse_unused
from benchmarks.methods.parts.mean_field import MeanField
from benchmarks.spec.errors import UsageError
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import Settings

DEFAULTS: dict[str, Any] = {
    "num_pools": 0,
    "hidden_channels": 64,
    "num_layers": 3,
    "batch_norm": False,
    "readout": "sum",
    "mlp_channels": 64,
    "batch_size": 50,
    "learning_rate": 1e-3,
}


def build(settings: Settings, problem: Problem) -> nn.Module:
    """Return Structure2Vec without a pooling."""
    if problem.clusters:
        raise UsageError(f"setting num_pools: s2v is flat and expects 0, got {settings.num_pools}")
    refuse_unused("s2v", settings, (*CONVOLUTION, *POOLING))
    return structure2vec(settings, problem)


def structure2vec(settings: Settings, problem: Problem) -> nn.Module:
    """Return a DiffPoolNet whose embedding networks are mean-field rounds.

    ``num_layers`` rounds in all: one before each pooling, the others on the last level (Section
    4.2 of the DiffPool paper, "Differentiable Pooling on Structure2Vec"). The assignment networks
    are GraphSAGE, as deep as those of ``diffpool``.
    """
    refuse_unused("Structure2Vec", settings, BLOCK)
    pools = len(problem.clusters)
    if settings.num_layers < pools:
        raise UsageError(
            f"setting num_layers: expected at least a round a pooling ({pools}), "
            f"got {settings.num_layers}"
        )

    def mean_field(width: int, level: int) -> MeanField:
        return MeanField(
            width,
            settings.hidden_channels,
            1 if level < pools else settings.num_layers - pools,
            batch_norm=settings.batch_norm,
            dropout=settings.dropout,
        )

    return diff_pool_net(settings, problem, embedding=mean_field)
