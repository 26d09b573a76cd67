"""Functional DiffPool: pooled graph and side objectives from features and logits."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import NamedTuple

import torch
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.typing import SparseTensor

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.assignments import assignment_and_entropy
from pyg_diffpool.ops.backends import BACKENDS
from pyg_diffpool.ops.contract.coarsening import Coarsening
from pyg_diffpool.ops.conventions import Convention, PyG, read_convention
from pyg_diffpool.ops.level import DenseLevel, Level, checked_matrices, read_dense, read_level
from pyg_diffpool.ops.objectives import OBJECTIVES, OF_THE_PAPER, Objective, Pooling
from pyg_diffpool.ops.padded_graphs import PaddedGraphs
from pyg_diffpool.ops.soft_assignment import soft_assignment
from pyg_diffpool.ops.validation import (
    check_choice,
    check_clusters,
    check_flag,
    check_floating,
    check_tensor,
)


class Pooled(NamedTuple):
    """Output of :func:`pool`.

    Attributes:
        s: Assignment.
        coarsening: The coarsened level.
        losses: The side objectives by name, one value per graph (or one for the batch).
        means: Means of the side objectives over the batch.
    """

    s: Tensor
    coarsening: Coarsening
    losses: dict[str, Tensor]
    means: dict[str, Tensor]


def pool(
    x: Tensor,
    logits: Tensor,
    level: Level,
    convention: Convention,
    columns: Tensor | None = None,
    backend: str = "auto",
    skip: Container[str] = (),
    objectives: Mapping[str, Objective] | None = None,
    assignment: str = "softmax",
    temperature: float | Tensor = 1.0,
) -> Pooled:
    """Assign, coarsen a level and compute the side objectives, sharing intermediate results.

    Args:
        x: Features.
        logits: Assignment logits.
        level: The level.
        convention: Convention of the side objectives.
        columns: Mask of the clusters that each graph uses, (B, K). (default: all)
        backend: See :func:`coarsen`.
        skip: Names of objectives that are not computed; their values are zero.
        objectives: The side objectives by name. (default: those of the paper)
        assignment: Name of the map from logits to the assignment.
        temperature: The logits are divided by it.
    """
    if objectives is None:
        objectives = {name: OBJECTIVES[name] for name in OF_THE_PAPER}
    graphs = level.graphs
    # Values in padding must not reach a gradient, not even as 0 · NaN.
    masked = graphs.mask_rows(logits)
    used = None if columns is None else graphs.to_rows(columns)
    s, rows = assignment_and_entropy(assignment, masked, used, temperature)
    no_link = "link" in skip or "link" not in objectives
    distances = None if no_link else convention.distances
    coarse, squared = level.contract(x, s, backend, distances)
    # The softmax is in float32 or float64; the next layer expects the input dtype of this one.
    coarse = coarse._replace(x=coarse.x.to(x.dtype))
    pooling = Pooling(level, s, coarse, convention, columns, rows, squared)
    losses: dict[str, Tensor] = {}
    means: dict[str, Tensor] = {}
    for name, objective in objectives.items():
        if name in skip:
            losses[name] = s.new_zeros(graphs.batch_size)
        else:
            losses[name] = objective.values(pooling)
        means[name] = objective.mean(losses[name], pooling)
    return Pooled(s, coarse, losses, means)


def diff_pool(
    x: Tensor,
    s: Tensor,
    edge_index: Tensor | EdgeIndex | SparseTensor | Adjacency,
    edge_weight: Tensor | None = None,
    batch: Tensor | None = None,
    batch_size: int | None = None,
    *,
    mask: Tensor | None = None,
    convention: str = "paper",
    scale: str | None = None,
    max_num_nodes: int | None = None,
    normalize: bool = True,
    backend: str = "auto",
    validate: bool | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    r"""Differentiable pooling of sparse graphs.

    .. math::
        \mathbf{S} &= \mathrm{softmax}(\mathbf{L})

        \mathbf{X}' &= \mathbf{S}^{\top} \mathbf{X}

        \mathbf{A}' &= \mathbf{S}^{\top} \mathbf{A} \mathbf{S}

    (Equations 3, 4 and 6 of `"Hierarchical Graph Representation Learning with Differentiable
    Pooling" <https://arxiv.org/abs/1806.08804>`_.) This is the counterpart of
    :func:`torch_geometric.nn.dense_diff_pool` for PyG's sparse batches: no graph is padded to
    :math:`N \times N`, and with :obj:`convention="pyg"` the results are the same.

    Args:
        x: Node features :math:`(N, F)`, or :math:`(B, N, F)` on a dense level.
        s: Assignment logits :math:`(N, K)` or :math:`(B, N, K)`; the softmax is applied here.
        edge_index: As in :func:`coarsen`.
        edge_weight: Weights :math:`(|\mathcal{E}|)`. (default: :obj:`None`, all one)
        batch: Graph of each node, sorted, :math:`(N)`. (default: :obj:`None`, a single graph)
        batch_size: Number of graphs. (default: the last entry of :obj:`batch` plus one)
        mask: On a dense level, mask of the rows that are nodes, :math:`(B, N)`. (default: all)
        convention: Convention of the losses: :obj:`"paper"`, :obj:`"reference"` or :obj:`"pyg"`,
            see :func:`link_prediction_loss` and :func:`assignment_entropy`.
            (default: :obj:`"paper"`)
        scale: See :func:`link_prediction_loss`. (default: :obj:`None`)
        max_num_nodes: See :func:`coarsen`. (default: computed)
        normalize: See :func:`link_prediction_loss`. (default: :obj:`True`)
        backend: See :func:`coarsen`. (default: :obj:`"auto"`)
        validate: Whether to check values. (default: :obj:`None`, on the CPU only)

    Returns:
        Pooled features :math:`(B, K, F)`, pooled adjacency :math:`(B, K, K)`, and the scalar link
        prediction and entropy losses.

    Raises:
        TypeError: If an argument has the wrong type or dtype.
        ValueError: See :func:`coarsen` and :func:`link_prediction_loss`.

    Example:
        >>> import torch
        >>> x, s = torch.randn(5, 8), torch.randn(5, 2)
        >>> edge_index = torch.tensor([[0, 1, 3, 4], [1, 0, 4, 3]])
        >>> batch = torch.tensor([0, 0, 0, 1, 1])
        >>> x, adj, link_loss, entropy_loss = diff_pool(x, s, edge_index, batch=batch)
        >>> x.shape, adj.shape, link_loss.shape
        (torch.Size([2, 2, 8]), torch.Size([2, 2, 2]), torch.Size([]))
    """
    rule = read_convention(convention, scale=scale, normalize=normalize)
    check_choice("backend", backend, ("auto", *BACKENDS))
    level, (x, s) = read_level(
        {"x": x, "s": s},
        edge_index,
        edge_weight,
        batch,
        batch_size,
        mask=mask,
        max_num_nodes=max_num_nodes,
        validate=validate,
        probabilities=rule.probabilities,
        expand=not rule.counts_shared_once,
    )
    _, coarse, _, means = pool(x, s, level, rule, backend=backend)
    return coarse.x, coarse.adj, means["link"], means["entropy"]


def dense_diff_pool(
    x: Tensor,
    adj: Tensor,
    s: Tensor,
    mask: Tensor | None = None,
    normalize: bool = True,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    r"""Differentiable pooling of padded graphs, like :func:`torch_geometric.nn.dense_diff_pool`.

    Signature, results and broadcasting are the same as in PyG, including the effects of padding, so
    that migration starts with changing one import; :func:`diff_pool` is the next step. Unlike in
    PyG, the entropy is finite in float16, and the gradient is finite if the link prediction loss is
    zero.

    Args:
        x: Node features :math:`(B, N, F)`, or :math:`(1, N, F)` or :math:`(N, F)` if all graphs
            share them.
        adj: Adjacency matrices :math:`(B, N, N)`, or one matrix that all graphs share.
        s: Assignment logits :math:`(B, N, K)`, or one matrix that all graphs share.
        mask: Mask of the rows that are nodes, :math:`(B, N)`; the rows of :obj:`x` and of the soft
            assignment are multiplied by a mask that is not boolean, as in PyG.
            (default: :obj:`None`, all)
        normalize: Whether the link prediction loss is divided by :obj:`adj.numel()`.
            (default: :obj:`True`)

    Returns:
        Pooled features :math:`(B, K, F)`, pooled adjacency :math:`(B, K, K)`, and the scalar link
        prediction and entropy losses.

    Raises:
        TypeError: If an argument has the wrong type or dtype.
        ValueError: If sizes do not match.

    Example:
        >>> import torch
        >>> x, adj, s = torch.ones(1, 2, 3), torch.ones(1, 2, 2), torch.zeros(1, 2, 2)
        >>> x, adj, link_loss, entropy_loss = dense_diff_pool(x, adj, s)
        >>> adj, link_loss  # doctest: +NORMALIZE_WHITESPACE
        (tensor([[[1., 1.], [1., 1.]]]), tensor(0.2500))
    """
    check_flag("normalize", normalize)
    for name, rows in (("x", x), ("s", s)):
        check_floating(name, rows, (2, 3))
    check_clusters(s)
    adj = checked_matrices("adj", adj, "x", x)
    if mask is not None:
        mask = _rows_of_nodes(mask, x)
    (x, s, adj), mask = read_dense({"x": x, "s": s, "adj": adj}, mask)
    rule = PyG(normalize)
    if mask is not None and mask.dtype != torch.bool:
        return _pool_weighted(x, adj, s, mask, rule)
    level = _padded_level(adj, mask)
    _, coarse, _, means = pool(x, s, level, rule)
    return coarse.x, coarse.adj, means["link"], means["entropy"]


def _padded_level(adj: Tensor, mask: Tensor | None) -> DenseLevel:
    return DenseLevel(adj, PaddedGraphs(mask, adj.size(0), adj.size(1), adj.device))


def _rows_of_nodes(mask: Tensor, x: Tensor) -> Tensor:
    """Reshape a mask as PyG's view would, if it has the right number of entries."""
    check_tensor("mask", mask, "a tensor of an entry for each row")
    if mask.is_complex():
        raise TypeError(f"mask: expected a boolean or real dtype, got {mask.dtype}")
    shape = x.shape[:-1] if x.dim() == 3 else (1, x.size(0))
    return mask.reshape(shape) if mask.numel() == x.shape[:-1].numel() else mask


def _pool_weighted(
    x: Tensor, adj: Tensor, s: Tensor, mask: Tensor, rule: PyG
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Multiply rows by the values of a mask, as PyG does for any mask, and pool."""
    mask = mask.unsqueeze(-1).to(x.dtype)
    x, s = x * mask, soft_assignment(s) * mask
    level = _padded_level(adj, None)
    coarse, squared = level.contract(x, s, distances=rule.distances)
    link, entropy = rule.link(s, level, squared), rule.entropy(rule.row_entropy(s), level.graphs)
    return coarse.x.to(x.dtype), coarse.adj, link, entropy
