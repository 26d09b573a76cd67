"""DMoN pooling with an MLP that assigns the nodes, as a module."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import dropout
from torch_geometric import EdgeIndex
from torch_geometric.nn import MLP
from torch_geometric.typing import SparseTensor

from pyg_diffpool.ops import Adjacency
from pyg_diffpool.ops.dmon_pool import dmon_pool


class DMoNPooling(torch.nn.Module):
    r"""The spectral modularity pooling of DMoN, for sparse and dense levels.

    From `"Graph Clustering with Graph Neural Networks" <https://arxiv.org/abs/2006.16904>`_:

    .. math::
        \mathbf{S} &= \mathrm{softmax}(\mathrm{MLP}(\mathbf{X}))

        \mathbf{X}' &= \mathrm{selu}(\mathbf{S}^{\top} \mathbf{X})

        \mathbf{A}' &= \mathbf{S}^{\top} \mathbf{A} \mathbf{S}

    with a zero diagonal and symmetric normalisation of :math:`\mathbf{A}'`. Parameters, dropout and
    results are those of :class:`torch_geometric.nn.DMoNPooling`, whose :obj:`state_dict` can be
    loaded, but no graph is padded, and each graph's size counts once in the cluster loss.

    Args:
        channels: Number of input features, or sizes of the layers of the MLP without the last.
        k: Number of clusters :math:`K`.
        dropout: Dropout probability of the logits. (default: :obj:`0.0`)

    Shapes:
        - **input:** node features :math:`(N, F)`, edges :math:`(2, |\mathcal{E}|)` (or any sparse
          adjacency), weights :math:`(|\mathcal{E}|)` *(optional)*, sorted batch vector :math:`(N)`
          *(optional)*; or :math:`(B, N, F)`, adjacency matrices :math:`(B, N, N)`, mask
          :math:`(B, N)` *(optional)*
        - **output:** assignment :math:`(N, K)` or :math:`(B, N, K)`, pooled features
          :math:`(B, K, F)`, normalised adjacency :math:`(B, K, K)`, and three scalars: spectral,
          orthogonality and cluster loss, see :func:`modularity_loss`, :func:`orthogonality_loss`
          and :func:`collapse_loss`

    Example:
        >>> pool = DMoNPooling(8, 2)
        >>> x, edge_index = torch.randn(5, 8), torch.tensor([[0, 1, 3, 4], [1, 0, 4, 3]])
        >>> s, x, adj, spectral_loss, ortho_loss, cluster_loss = pool(
        ...     x, edge_index, batch=torch.tensor([0, 0, 0, 1, 1])
        ... )
        >>> s.shape, x.shape, adj.shape
        (torch.Size([5, 2]), torch.Size([2, 2, 8]), torch.Size([2, 2, 2]))
    """

    def __init__(self, channels: int | Sequence[int], k: int, dropout: float = 0.0):
        super().__init__()
        widths = [channels] if isinstance(channels, int) else list(channels)
        self.mlp = MLP([*widths, k], act=None, norm=None)
        self.dropout = dropout
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Reset the parameters of the MLP.

        Example:
            >>> pool = DMoNPooling(8, 2)
            >>> before = pool.mlp.lins[0].weight.clone()
            >>> pool.reset_parameters()
            >>> torch.equal(pool.mlp.lins[0].weight, before)
            False
        """
        self.mlp.reset_parameters()

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor | EdgeIndex | SparseTensor | Adjacency,
        edge_weight: Tensor | None = None,
        batch: Tensor | None = None,
        batch_size: int | None = None,
        *,
        mask: Tensor | None = None,
        max_num_nodes: int | None = None,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Assign the nodes by the MLP, and pool."""
        logits = dropout(self.mlp(x), self.dropout, training=self.training)
        return dmon_pool(
            x,
            logits,
            edge_index,
            edge_weight,
            batch,
            batch_size,
            mask=mask,
            max_num_nodes=max_num_nodes,
        )

    def __repr__(self) -> str:
        return (
            f"{self.__class__.__name__}({self.mlp.in_channels}, "
            f"num_clusters={self.mlp.out_channels})"
        )
