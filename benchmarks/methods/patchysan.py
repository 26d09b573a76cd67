"""PATCHY-SAN: a convolution over receptive fields in a canonical order (paper, Table 1).

`"Learning Convolutional Neural Networks for Graphs" <https://arxiv.org/abs/1605.05273>`_
(Niepert, Ahmed and Kutzkov, ICML 2016). Defaults are its experiments': fields of 10 nodes, labelled
by 1-dimensional Weisfeiler-Lehman; two convolutions of 16 and 8 channels, the second over 10
fields; 128 rectified linear units with dropout of 0.5. The number of fields is there a data set's
mean number of nodes: a published figure, which the recipes hold (39 for PROTEINS); 40 stands for
data sets without a recipe. What differs: the node labels are computed once on the graph instead of
anew on each field, ties are broken without NAUTY (see
:mod:`benchmarks.methods.parts.receptive_fields`), and the optimiser is Adam in place of RMSProp.
Edge features (its ``k = 10^E``) are not used.
"""

from typing import Any

from torch import Tensor, nn

from benchmarks.methods.parts.head import NETWORK, refuse_unused
from benchmarks.methods.parts.receptive_fields import PREPARED_BY, prepare
from benchmarks.spec.errors import UsageError
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import Settings

__all__ = ["DEFAULTS", "PREPARED_BY", "PatchySan", "build", "prepare"]

DEFAULTS: dict[str, Any] = {
    "num_pools": 0,
    "field_size": 10,
    "num_fields": 40,
    "mlp_channels": 128,
    "dropout": 0.5,
}


def build(settings: Settings, problem: Problem) -> nn.Module:
    """Return the convolutional network."""
    if problem.clusters:
        raise UsageError(
            f"setting num_pools: patchysan has no pooling and expects 0, got {settings.num_pools}"
        )
    if settings.num_fields is None:
        raise UsageError("setting num_fields: expected a number, got none")
    refuse_unused("patchysan", settings, NETWORK, own=("field_size", "num_fields"))
    return PatchySan(
        problem.num_features,
        problem.num_classes,
        settings.num_fields,
        settings.field_size,
        mlp_channels=settings.mlp_channels,
        dropout=settings.dropout,
    )


class PatchySan(nn.Module):
    """The network of the paper's experiments on graph classification.

    Args:
        in_channels: Width of the node features.
        out_channels: Number of classes.
        num_fields: Number of fields a graph, ``w``.
        field_size: Number of nodes a field, ``k``.
        mlp_channels: Hidden units of the classifier. (default: 128)
        dropout: Share of them set to zero. (default: 0.5)
    """

    CHANNELS = (16, 8)
    FIELDS_SEEN = 10

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        num_fields: int,
        field_size: int,
        *,
        mlp_channels: int = 128,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        first, second = self.CHANNELS
        seen = min(self.FIELDS_SEEN, num_fields)
        # A convolution over k places with stride k is a linear map of each field.
        self.fields = nn.Linear(field_size * in_channels, first)
        self.conv = nn.Conv1d(first, second, seen)
        self.classifier = nn.Sequential(
            nn.Linear(second * (num_fields - seen + 1), mlp_channels),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(mlp_channels, out_channels),
        )

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor,
        field_index: Tensor,
        field_mask: Tensor,
        batch: Tensor | None = None,
    ) -> Tensor:
        """Return class scores ``[B, C]``.

        Args:
            x: Node features ``[N, F]``.
            edge_index: Edges; the fields hold what is used of them.
            field_index: Node in each place of each field ``[B·w·k]``.
            field_mask: Places that have a node ``[B, w, k]``; the others are zeros.
            batch: Graph of each node; the fields tell.
        """
        size, num_fields, _ = field_mask.shape
        places = x[field_index].masked_fill(~field_mask.view(-1, 1), 0.0)
        rows = self.fields(places.view(size, num_fields, -1)).relu()
        seen = self.conv(rows.transpose(1, 2)).relu()
        out: Tensor = self.classifier(seen.flatten(1))
        return out
