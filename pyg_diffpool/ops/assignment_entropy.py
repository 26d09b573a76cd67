"""The entropy of assignments, which is zero for one-hot rows."""

from __future__ import annotations

from torch import Tensor

from pyg_diffpool.ops.conventions import read_convention
from pyg_diffpool.ops.level import read_graphs
from pyg_diffpool.ops.validation import check_distributions


def assignment_entropy(
    s: Tensor,
    batch: Tensor | None = None,
    batch_size: int | None = None,
    *,
    mask: Tensor | None = None,
    convention: str = "paper",
    reduction: str = "mean",
    max_num_nodes: int | None = None,
    validate: bool | None = None,
) -> Tensor:
    r"""Mean entropy of the rows of an assignment matrix.

    .. math::
        \mathcal{L}_E = \frac{1}{n} \sum_{i=1}^{n} H(\mathbf{S}_i), \qquad
        H(\mathbf{S}_i) = - \sum_{k} \mathbf{S}_{ik} \log \mathbf{S}_{ik}

    (Section 3.3 of `"Hierarchical Graph Representation Learning with Differentiable Pooling"
    <https://arxiv.org/abs/1806.08804>`_), in nats. One-hot rows and masked clusters have zero
    entropy and zero gradient.

    Args:
        s: Assignment probabilities :math:`(N, K)`, or :math:`(B, N, K)` on a dense level.
        batch: Graph of each node, sorted, :math:`(N)`. (default: :obj:`None`, a single graph)
        batch_size: Number of graphs. (default: the last entry of :obj:`batch` plus one)
        mask: On a dense level, mask of the rows that are nodes, :math:`(B, N)`. (default: all)
        convention: :obj:`"paper"`: mean over a graph's nodes (0 for an empty graph), then over
            graphs. :obj:`"reference"`: sum over a graph's nodes, mean over all nodes of the batch.
            :obj:`"pyg"`: the loss of :func:`torch_geometric.nn.dense_diff_pool`, a mean over padded
            rows. (default: :obj:`"paper"`)
        reduction: :obj:`"mean"`, :obj:`"sum"` or :obj:`"none"` (one value per graph).
            (default: :obj:`"mean"`)
        max_num_nodes: Number of rows of a padded graph with :obj:`"pyg"`.
            (default: the size of the largest graph)
        validate: Whether to check values. (default: :obj:`None`, on the CPU only)

    Raises:
        ValueError: If sizes do not match, a row of :obj:`s` is not a probability distribution (on a
            dense level, rows of zeros are accepted as padding), or the reduction is not
            :obj:`"mean"` with :obj:`"pyg"`.

    Example:
        >>> import torch
        >>> assignment_entropy(torch.tensor([[0.5, 0.5], [1.0, 0.0]]))
        tensor(0.3466)
    """
    rule = read_convention(convention, reduction=reduction)
    graphs = read_graphs(s, batch, batch_size, mask, max_num_nodes, validate)
    check_distributions(s, validate, padded=s.dim() == 3, mask=graphs.mask)
    values = rule.entropy(rule.row_entropy(graphs.mask_rows(s)), graphs)
    return rule.reduce(values, graphs.sizes, reduction, pairs=False)
