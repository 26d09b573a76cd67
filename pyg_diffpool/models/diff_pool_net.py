"""The graph classifier of the paper, with every design choice configurable."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.nn.aggr import Aggregation
from torch_geometric.typing import SparseTensor

from pyg_diffpool.exportable import exportable
from pyg_diffpool.models.graph_head import NORMS, check_share, graph_head
from pyg_diffpool.models.poolings import make_poolings, read_scale
from pyg_diffpool.nn import (
    AnnealedTemperature,
    GNNBlock,
    PooledGraph,
    SparsePooledGraph,
    readout,
)
from pyg_diffpool.nn.call_plan import plan_call, runs_on_dense_levels
from pyg_diffpool.nn.level_network import check_rows, network_call
from pyg_diffpool.nn.readout import check_sum_scale, readout_names
from pyg_diffpool.nn.watchers import AnyAdjacency, has_observed
from pyg_diffpool.ops import Adjacency
from pyg_diffpool.ops.level import read_level, read_sparse_level
from pyg_diffpool.ops.objectives.choice import Weight
from pyg_diffpool.ops.segments import Segments
from pyg_diffpool.ops.validation import check_choice, check_flag, kind, read_size

AnyPooledGraph: TypeAlias = PooledGraph | SparsePooledGraph


@exportable
class DiffPoolOutput(NamedTuple):
    r"""What :class:`DiffPoolNet` and :class:`DiffPoolUNet` return.

    Attributes:
        logits: Class scores of graphs :math:`(B, C)`; of :class:`DiffPoolUNet`, those of nodes,
            :math:`(N, C)`.
        loss: Weighted side objectives of all levels, a scalar to add to the training loss.
        levels: One :class:`PooledGraph` per pooling, or :class:`SparsePooledGraph`.

    Example:
        >>> net = DiffPoolNet(3, 16, 2, max_clusters=[4, 2])
        >>> x, edge_index = torch.randn(5, 3), torch.tensor([[0, 1], [1, 0]])
        >>> logits, loss, levels = net(x, edge_index)
        >>> [level.adj.shape for level in levels]
        [torch.Size([1, 4, 4]), torch.Size([1, 2, 2])]
    """

    logits: Tensor
    loss: Tensor
    levels: list[AnyPooledGraph]


class DiffPoolNet(torch.nn.Module):
    r"""A hierarchical graph classifier: GraphSAGE blocks with :class:`DiffPool` between them.

    Level 0 is the input graph. At each pooling, one block embeds the level's nodes and another
    assigns them to clusters, which become the nodes of the next level. A final block follows on
    the last level. Node embeddings are read out level by level, and an MLP classifies the
    concatenation. Without poolings, the network is a flat GNN with the same settings.

    Args:
        in_channels: Number of input features per node.
        hidden_channels: Number of hidden channels of the blocks.
        out_channels: Number of classes :math:`C`.
        max_clusters: Number of clusters of each pooling, first to last; empty for a flat network.
            Compute it from the training graphs only, with :meth:`clusters`.
        embedding_channels: Number of output channels of a block's last layer.
            (default: :obj:`hidden_channels`)
        ratio: Number of clusters relative to each graph's size, see :class:`DiffPool`.
            (default: :obj:`None`)
        assignment: See :class:`DiffPool`. (default: :obj:`"softmax"`)
        temperature: See :class:`DiffPool`; each pooling gets its own copy of an
            :class:`AnnealedTemperature`. (default: :obj:`1.0`)
        sparse_level: Whether all levels are sparse, see :class:`DiffPool`. Compute
            :obj:`max_clusters` without a cap, and set :obj:`ratio`: the paper's 25 % of each
            graph's nodes are then affordable on graphs of any size. (default: :obj:`False`)
        num_layers: Number of convolutions of a block at level 0. (default: :obj:`3`)
        num_layers_after: Number of convolutions of a block after a pooling. (default: :obj:`3`)
        aggr: See :class:`GNNBlock`. (default: :obj:`"mean"`)
        root_weight: See :class:`SAGEConv`. (default: :obj:`True`)
        normalize: Whether rows are :math:`\ell_2`-normalised after each convolution.
            (default: :obj:`True`)
        batch_norm: Whether batch normalisation follows each layer. (default: :obj:`True`)
        final_activation: See :class:`GNNBlock`. (default: :obj:`True`)
        jump: See :class:`GNNBlock`. (default: :obj:`"cat"`)
        residual: Whether blocks have residual connections, see :class:`GNNBlock`.
            (default: :obj:`False`)
        fully_adjacent: Whether the last convolution of the last level's block connects all nodes of
            a graph, see :class:`GNNBlock`: all clusters after a pooling, all nodes in a flat
            network. (default: :obj:`False`)
        readout: :obj:`"max"`, :obj:`"mean"` or :obj:`"sum"`; or several of them, for example
            :obj:`("max", "mean", "sum")`, whose vectors are concatenated. See :func:`readout`.
            (default: :obj:`"max"`)
        readout_levels: :obj:`"all"` concatenates the readouts of all levels, :obj:`"last"` uses
            the last level only. (default: :obj:`"all"`)
        readout_norm: :obj:`"batch"` for batch normalisation of the graph's vector, see
            :func:`graph_head`. (default: :obj:`None`)
        sum_scale: Scaling of sums, :obj:`"asinh"` or a number, see :func:`readout`. Batch
            normalisation cancels a number. Use :obj:`"asinh"` if graph sizes differ by orders of
            magnitude: otherwise the largest graph dominates the standard deviation of a batch, and
            all others are nearly equal after normalisation. (default: :obj:`None`)
        skip_input: Whether to append the sum of a graph's input features
            :math:`\sum_v \mathbf{x}_v`, with the same scaling, to the readout. With one-hot labels
            it counts the nodes of each label. (default: :obj:`False`)
        mlp_channels: Hidden size of the classifier. (default: :obj:`50`)
        dropout: Dropout probability between the layers of a block, see :class:`GNNBlock`, and of
            the classifier's hidden layer unless :obj:`head_dropout` is given.
            (default: :obj:`0.0`)
        head_dropout: Dropout probability before both linear layers of the classifier, that is, of
            the graph's vector and of the hidden layer.
            (default: :obj:`None`, :obj:`dropout` on the hidden layer only)
        link_weight: See :class:`DiffPool`. (default: :obj:`1.0` without :obj:`objectives`)
        entropy_weight: See :class:`DiffPool`. (default: :obj:`1.0` without :obj:`objectives`)
        objectives: Side objectives and their weights at every pooling, see :class:`DiffPool`.
            (default: :obj:`None`, link and entropy)
        convention: See :class:`DiffPool`. (default: :obj:`"paper"`)
        scale: See :class:`DiffPool`; :obj:`"auto"` is :obj:`"nodes"` for conventions that have
            this option, and :obj:`None` for all others. (default: :obj:`"auto"`)
        backend: See :func:`coarsen`. (default: :obj:`"auto"`)
        embedding: Factory of a level's embedding network, used instead of a :class:`GNNBlock`:
            :obj:`embedding(width, level)` returns a module that takes inputs with that number of
            channels on sparse and dense levels, as :class:`GNNBlock` does, or any other network
            that :class:`DiffPool` can call, such as PyG's convolutions; and has an attribute
            :obj:`out_channels`. Such networks may take edge features. (default: :obj:`None`)
        aggr_kwargs: See :class:`SAGEConv`. (default: :obj:`None`)

    Shapes:
        - **input:** node features :math:`(N, F_{in})`, edges :math:`(2, |\mathcal{E}|)` (or any
          sparse adjacency), weights :math:`(|\mathcal{E}|)` *(optional)*, sorted batch vector
          :math:`(N)` *(optional)*
        - **output:** :class:`DiffPoolOutput`

    Raises:
        ValueError: If an option is unknown or not available in the convention.

    Example:
        >>> net = DiffPoolNet(3, 16, 2, max_clusters=[4])
        >>> out = net(torch.randn(5, 3), torch.tensor([[0, 1], [1, 0]]))
        >>> out.logits.shape, len(out.levels)
        (torch.Size([1, 2]), 1)

        A network that can distinguish a graph from two copies of it:

        >>> net = DiffPoolNet(
        ...     3,
        ...     16,
        ...     2,
        ...     max_clusters=[4],
        ...     readout=("max", "mean", "sum"),
        ...     readout_norm="batch",
        ...     sum_scale="asinh",
        ...     head_dropout=0.5,
        ... )
        >>> net.classifier  # doctest: +ELLIPSIS
        Sequential(
          (norm): BatchNorm(288, ...)
          (dropout): Dropout(p=0.5, inplace=False)
          (0): Linear(in_features=288, out_features=50, bias=True)
          (1): ReLU()
          (2): Dropout(p=0.5, inplace=False)
          (3): Linear(in_features=50, out_features=2, bias=True)
        )
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        out_channels: int,
        *,
        max_clusters: Sequence[int],
        embedding_channels: int | None = None,
        ratio: float | None = None,
        assignment: str = "softmax",
        temperature: float | AnnealedTemperature = 1.0,
        sparse_level: bool = False,
        num_layers: int = 3,
        num_layers_after: int = 3,
        aggr: str | Sequence[str | Aggregation] | Aggregation = "mean",
        root_weight: bool = True,
        normalize: bool = True,
        batch_norm: bool = True,
        final_activation: bool = True,
        jump: str = "cat",
        residual: bool = False,
        fully_adjacent: bool = False,
        readout: str | Sequence[str] = "max",
        readout_levels: str = "all",
        readout_norm: str | None = None,
        sum_scale: float | str | None = None,
        skip_input: bool = False,
        mlp_channels: int = 50,
        dropout: float = 0.0,
        head_dropout: float | None = None,
        link_weight: float | None = None,
        entropy_weight: float | None = None,
        objectives: Mapping[str, Weight] | None = None,
        convention: str = "paper",
        scale: str | None = "auto",
        backend: str = "auto",
        embedding: Callable[[int, int], torch.nn.Module] | None = None,
        aggr_kwargs: dict[str, Any] | None = None,
    ):
        super().__init__()
        names = readout_names("readout", readout)
        check_choice("readout_levels", readout_levels, ("all", "last"))
        scale = read_scale(convention, scale)
        check_choice("readout_norm", readout_norm, NORMS)
        check_sum_scale(sum_scale)
        check_flag("skip_input", skip_input)
        check_flag("fully_adjacent", fully_adjacent)
        if fully_adjacent and embedding is not None:
            raise ValueError(
                "fully_adjacent: expected False with embedding, whose networks are not GNNBlocks"
            )
        if embedding_channels is not None:
            read_size("embedding_channels", embedding_channels, least=1)
        read_size("mlp_channels", mlp_channels, least=1)
        check_share("dropout", dropout)
        if head_dropout is not None:
            check_share("head_dropout", head_dropout)
        self.readout = readout if isinstance(readout, str) else names
        self.readout_levels = readout_levels
        self.sum_scale = sum_scale
        self.skip_input = skip_input
        self.fully_adjacent = fully_adjacent
        self.ratio = ratio

        def block(width: int, level: int, **changes: bool) -> GNNBlock:
            return GNNBlock(
                width,
                hidden_channels,
                embedding_channels or hidden_channels,
                num_layers if level == 0 else num_layers_after,
                aggr=aggr,
                aggr_kwargs=aggr_kwargs,
                normalize=normalize,
                root_weight=root_weight,
                batch_norm=batch_norm,
                jump=jump,
                dropout=dropout,
                final_activation=final_activation,
                residual=residual,
                **changes,
            )

        make_embedding: Callable[[int, int], Any] = embedding or block
        self.pools, widths = make_poolings(
            in_channels,
            max_clusters,
            make_embedding,
            block,
            temperature,
            ratio=ratio,
            assignment=assignment,
            sparse_level=sparse_level,
            convention=convention,
            scale=scale,
            link_weight=link_weight,
            entropy_weight=entropy_weight,
            objectives=objectives,
            backend=backend,
        )
        make_last = partial(block, fully_adjacent=True) if fully_adjacent else make_embedding
        self.last = make_last(widths[-1] if widths else in_channels, len(self.pools))
        widths.append(self.last.out_channels)
        networks: list[Any] = [*(pool.embed for pool in self.pools), self.last]
        self.takes_edge_attr = any(plan_call(each).features is not None for each in networks)
        read = sum(widths) if readout_levels == "all" else widths[-1]
        self.classifier = graph_head(
            len(names) * read + (in_channels if skip_input else 0),
            mlp_channels,
            out_channels,
            norm=readout_norm,
            dropout=dropout if head_dropout is None else head_dropout,
            input_dropout=head_dropout or 0.0,
        )

    @classmethod
    def paper(
        cls,
        in_channels: int,
        hidden_channels: int,
        out_channels: int,
        max_clusters: Sequence[int],
        **changes: Any,
    ) -> DiffPoolNet:
        """Build the network that the paper describes.

        Mean GraphSAGE with DiffPool after every two layers, three convolutions after each pooling,
        batch normalisation and l2-normalisation after every layer (Section 4, model
        configurations); the last assignment matrix is all ones, so that a graph's vector is the
        sum over the last clusters (Section 3.2); the Frobenius norm and the entropy of every level
        are added to the loss without scaling (Section 3.3).

        Args:
            in_channels: See :class:`DiffPoolNet`.
            hidden_channels: See :class:`DiffPoolNet`; not specified in the paper.
            out_channels: See :class:`DiffPoolNet`.
            max_clusters: In the paper, 10 % of the nodes for a single pooling, 25 % for each of two
                poolings (Section 4).
            changes: Arguments of :class:`DiffPoolNet` that override these settings.

        Example:
            >>> net = DiffPoolNet.paper(3, 64, 2, max_clusters=[16, 4], dropout=0.1)
            >>> net.readout, net.pools[0].convention
            ('sum', 'paper')
        """
        settings: dict[str, Any] = {
            "num_layers": 2,
            "num_layers_after": 3,
            "aggr": "mean",
            "jump": "last",
            "readout": "sum",
            "readout_levels": "last",
            "convention": "paper",
            "scale": None,
        }
        settings.update(changes)
        return cls(
            in_channels, hidden_channels, out_channels, max_clusters=max_clusters, **settings
        )

    @classmethod
    def reference(
        cls,
        in_channels: int,
        hidden_channels: int,
        out_channels: int,
        max_clusters: Sequence[int],
        **changes: Any,
    ) -> DiffPoolNet:
        """Build the network of the authors' code (encoders.py, RexYing/diffpool), without its bugs.

        Three convolutions before and after each pooling, with sum aggregation and without root
        weight, no activation after the last convolution of a block; concatenated outputs of all
        convolutions; maximum readout of every level, concatenated; an MLP with 50 hidden units;
        binary cross-entropy of the links, no entropy term. Not reproduced: batch normalisation
        layers that are created in each forward pass, normalise every node slot separately and keep
        no statistics, and a maximum that includes padded rows.

        Args:
            in_channels: See :class:`DiffPoolNet`.
            hidden_channels: See :class:`DiffPoolNet`; 30 for ENZYMES and 64 for DD in the authors'
                scripts.
            out_channels: See :class:`DiffPoolNet`.
            max_clusters: 10 % of the padded size in the authors' scripts.
            changes: Arguments of :class:`DiffPoolNet` that override these settings.

        Example:
            >>> net = DiffPoolNet.reference(3, 30, 6, max_clusters=[100])
            >>> net.readout, net.pools[0].convention, net.pools[0].entropy_weight
            ('max', 'reference', 0.0)
        """
        settings: dict[str, Any] = {
            "num_layers": 3,
            "num_layers_after": 3,
            "aggr": "sum",
            "root_weight": False,
            "final_activation": False,
            "jump": "cat",
            "readout": "max",
            "readout_levels": "all",
            "mlp_channels": 50,
            "convention": "reference",
            "scale": None,
        }
        if "objectives" not in changes:
            settings |= {"link_weight": 1.0, "entropy_weight": 0.0}
        settings.update(changes)
        return cls(
            in_channels, hidden_channels, out_channels, max_clusters=max_clusters, **settings
        )

    def reset_parameters(self) -> None:
        """Reset all parameters and running statistics.

        Example:
            >>> net = DiffPoolNet(3, 16, 2, max_clusters=[4])
            >>> before = net.classifier[0].weight.clone()
            >>> net.reset_parameters()
            >>> torch.equal(net.classifier[0].weight, before)
            False
        """
        for module in (*self.pools, self.last, *self.classifier):
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor | EdgeIndex | SparseTensor | Adjacency,
        edge_weight: Tensor | None = None,
        batch: Tensor | None = None,
        batch_size: int | None = None,
        max_num_nodes: int | None = None,
        edge_attr: Tensor | None = None,
    ) -> DiffPoolOutput:
        r"""Classify the graphs of a batch.

        Edge features :obj:`edge_attr`, :math:`(|\mathcal{E}|, C)` in the order of the edges, are
        for networks of :obj:`embedding` that take them, at every level.

        With :obj:`batch_size` and :obj:`max_num_nodes` given, there is no host-device
        synchronisation.
        """
        if edge_attr is not None and not self.takes_edge_attr:
            raise ValueError(
                "edge_attr: expected None, since no embedding network takes edge features, got "
                f"{kind(edge_attr)}"
            )
        adjacency, graphs = read_sparse_level(
            {"x": x}, edge_index, edge_weight, batch, batch_size, max_num_nodes=max_num_nodes
        )
        level: dict[str, Any] = {"batch": graphs.batch, "batch_size": graphs.batch_size}
        rows: Tensor | EdgeIndex | SparseTensor | Adjacency = adjacency
        weights: dict[str, Tensor | None] = {}
        first = self.pools[0] if len(self.pools) > 0 else self.last
        as_passed = edge_attr is not None or has_observed(first)
        if not isinstance(edge_index, Adjacency) and as_passed:
            # Explainers and message hooks observe the edges as they were passed, and edge features
            # are in their order.
            rows, weights = edge_index, {"edge_weight": edge_weight}
        skipped = []
        if self.skip_input:
            skipped.append(readout(x, "sum", sum_scale=self.sum_scale, **level))
        levels: list[AnyPooledGraph] = []
        vectors: list[Tensor] = []
        mask: Tensor | None = None
        for pool in self.pools:
            where: dict[str, Any] = {"mask": mask} if x.dim() == 3 else {"batch": graphs}
            pooled = pool(x, rows, **weights, **where, edge_attr=edge_attr)
            if self.readout_levels == "all":
                vectors.append(self._read(pooled.embedding, level))
            levels.append(pooled)
            weights = {}
            if isinstance(pooled, SparsePooledGraph):
                x, rows, graphs = pooled.x, pooled.adjacency, pooled.graphs
                edge_attr = pooled.edge_attr
                level = {"batch": graphs.batch, "batch_size": graphs.batch_size}
                continue
            x, rows, edge_attr = pooled.x, pooled.adj, pooled.edge_attr
            # Without a ratio all clusters are valid, and a mask would only cost time.
            mask = pooled.mask if self.ratio is not None else None
            level = {"mask": mask}
        # A custom embedding network may not accept the arguments of a fully adjacent layer.
        arguments = level if self.fully_adjacent else {"mask": mask}
        if runs_on_dense_levels(self.last) and edge_attr is None:
            embedded = self.last(x, rows, **weights, **arguments)
        else:
            weight = weights.get("edge_weight")
            embedded = self._embed_last(x, rows, weight, graphs, mask, edge_attr)
        vectors.append(self._read(embedded, level))
        read = torch.cat([*vectors, *skipped], -1)
        loss = sum((pooled.loss for pooled in levels), start=read.new_zeros(()))
        return DiffPoolOutput(self.classifier(read), loss, levels)

    def _embed_last(
        self,
        x: Tensor,
        rows: AnyAdjacency,
        weight: Tensor | None,
        graphs: Segments,
        mask: Tensor | None,
        edge_attr: Tensor | None,
    ) -> Tensor:
        """Call the last level's network as :class:`DiffPool` calls its networks."""
        level, _ = read_level(
            {"x": x},
            rows,
            weight,
            None if x.dim() == 3 else graphs,
            mask=mask,
            validate=False,
        )
        given = (self.last, x, level, rows, weight, edge_attr)
        return check_rows("embedding", self.last, network_call("embedding", *given)(), x)

    def _read(self, rows: Tensor, level: dict[str, Any]) -> Tensor:
        return readout(rows, self.readout, sum_scale=self.sum_scale, **level)

    @staticmethod
    def clusters(
        max_num_nodes: int, ratio: float, num_pools: int, max_clusters: int | None = None
    ) -> list[int]:
        r"""Compute the number of clusters of each pooling for graphs of up to :obj:`max_num_nodes`.

        :math:`K_1 = \lceil \rho\, n_{\max} \rceil`, :math:`K_2 = \lceil \rho\, K_1 \rceil`, and so
        on, each at least one and at most :obj:`max_clusters`.

        Example:
            >>> DiffPoolNet.clusters(126, ratio=0.25, num_pools=2)
            [32, 8]
            >>> DiffPoolNet.clusters(126, ratio=0.25, num_pools=2, max_clusters=20)
            [20, 5]
        """
        clusters = []
        size = max_num_nodes
        for _ in range(num_pools):
            # 0.1 · 30 is 3.0000000000000004 in floating point; the tolerance keeps the ceiling 3.
            size = max(1, math.ceil(ratio * size - 1e-6))
            size = size if max_clusters is None else min(size, max_clusters)
            clusters.append(size)
        return clusters
