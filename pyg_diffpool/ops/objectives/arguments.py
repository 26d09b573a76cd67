"""What the public functions of objectives share: reading their arguments, and reductions."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from pyg_diffpool.ops.conventions import read_convention
from pyg_diffpool.ops.level import Edges, read_graphs, read_level
from pyg_diffpool.ops.objectives.objective import Objective, Pooling, mean_over_graphs
from pyg_diffpool.ops.padded_graphs import PaddedGraphs
from pyg_diffpool.ops.precision import accumulation_dtype
from pyg_diffpool.ops.segments import Segments
from pyg_diffpool.ops.validation import check_choice, check_distributions, check_tensor, kind

REDUCTIONS = ("mean", "sum", "none")


class Assigned(NamedTuple):
    """The arguments of an objective that does not depend on the edges.

    Attributes:
        graphs: The graphs that the rows belong to.
        s: Assignment (N, K) or (B, N, K), with zeros in padding.
        clusters: Mask of the clusters that each graph uses, or None for all.
    """

    graphs: Segments | PaddedGraphs
    s: Tensor
    clusters: Tensor | None

    @property
    def dtype(self) -> torch.dtype:
        """Dtype of the values."""
        return accumulation_dtype(self.s.dtype)


def loss_of_edges(
    objective: Objective,
    s: Tensor,
    edge_index: Edges,
    edge_weight: Tensor | None,
    batch: Tensor | None,
    batch_size: int | None,
    *,
    mask: Tensor | None,
    reduction: str,
    max_num_nodes: int | None,
    validate: bool | None,
) -> Tensor:
    """Compute an objective that depends on the edges, with the contractions that it needs."""
    check_choice("reduction", reduction, REDUCTIONS)
    level, (s,) = read_level(
        {"s": s},
        edge_index,
        edge_weight,
        batch,
        batch_size,
        mask=mask,
        max_num_nodes=max_num_nodes,
        validate=validate,
    )
    check_distributions(s, validate, padded=s.dim() == 3, mask=level.graphs.mask)
    s = level.graphs.mask_rows(s)
    coarsening, _ = level.contract(s[..., :0], s)
    return reduce_values(
        objective.values(Pooling(level, s, coarsening, read_convention("paper"))), reduction
    )


def read_assignment(
    s: Tensor,
    edge_index: Edges | None,
    edge_weight: Tensor | None,
    batch: Tensor | None,
    batch_size: int | None,
    *,
    mask: Tensor | None,
    cluster_mask: Tensor | None,
    reduction: str,
    max_num_nodes: int | None,
    validate: bool | None,
) -> Assigned:
    """Validate the arguments of an objective that does not depend on the edges."""
    check_choice("reduction", reduction, REDUCTIONS)
    graphs: Segments | PaddedGraphs
    if edge_index is not None:
        level, (s,) = read_level(
            {"s": s},
            edge_index,
            edge_weight,
            batch,
            batch_size,
            mask=mask,
            max_num_nodes=max_num_nodes,
            validate=validate,
        )
        graphs = level.graphs
    elif edge_weight is not None:
        raise ValueError(f"edge_weight: expected None without edges, got {kind(edge_weight)}")
    else:
        graphs = read_graphs(s, batch, batch_size, mask, max_num_nodes, validate)
    check_distributions(s, validate, padded=s.dim() == 3, mask=graphs.mask)
    if cluster_mask is not None:
        check_cluster_mask(cluster_mask, (graphs.batch_size, s.size(-1)))
    return Assigned(graphs, graphs.mask_rows(s), cluster_mask)


def check_cluster_mask(cluster_mask: Tensor, shape: tuple[int, int]) -> None:
    """Check that there is a boolean for each cluster of each graph."""
    check_tensor("cluster_mask", cluster_mask, "a boolean tensor or None")
    if cluster_mask.dtype != torch.bool:
        raise TypeError(f"cluster_mask: expected a boolean tensor, got {cluster_mask.dtype}")
    if tuple(cluster_mask.shape) != shape:
        raise ValueError(
            f"cluster_mask: expected one row for each graph and one column for each cluster, "
            f"shape {list(shape)}, got {tuple(cluster_mask.shape)}"
        )


def reduce_values(values: Tensor, reduction: str) -> Tensor:
    """Reduce one value per graph."""
    if reduction == "none":
        return values
    return values.sum() if reduction == "sum" else mean_over_graphs(values)
