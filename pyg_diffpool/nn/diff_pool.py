"""The DiffPool layer of the paper: embedding GNN, assignment GNN and coarsening."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch_geometric.nn import MessagePassing

from pyg_diffpool.nn.assignment_logits import ends_in_linear_layer, without_last_layer
from pyg_diffpool.nn.joint_blocks import run_blocks
from pyg_diffpool.nn.level_network import check_rows, network_call
from pyg_diffpool.nn.pooled_graph import PooledGraph
from pyg_diffpool.nn.side_by_side import blocks_of_networks
from pyg_diffpool.nn.sparse_pooled_graph import SparsePooledGraph
from pyg_diffpool.nn.temperature import AnnealedTemperature, check_temperature
from pyg_diffpool.nn.watchers import AnyAdjacency, edge_mask, given_edges, mark_pooled
from pyg_diffpool.ops.adjacency import prepare_adjacency
from pyg_diffpool.ops.assignments import ASSIGNMENTS
from pyg_diffpool.ops.assignments.logits import GivenLogits, Logits
from pyg_diffpool.ops.assignments.sparse import SPARSE_ASSIGNMENTS
from pyg_diffpool.ops.backends import BACKENDS
from pyg_diffpool.ops.coarsen_edges import EDGE_REDUCTIONS
from pyg_diffpool.ops.conventions import Convention, read_convention
from pyg_diffpool.ops.diff_pool import Pooled, pool
from pyg_diffpool.ops.edge_features import (
    EdgeFeatures,
    pool_edge_features,
    read_edge_features,
)
from pyg_diffpool.ops.level import DenseLevel, Level, SparseLevel, is_dense_level, read_level
from pyg_diffpool.ops.objectives import OBJECTIVES
from pyg_diffpool.ops.objectives.choice import Weight, read_objectives
from pyg_diffpool.ops.segments import Segments
from pyg_diffpool.ops.soft_assignment import cluster_mask, number_of_clusters
from pyg_diffpool.ops.sparse_edge_features import pool_edge_features_sparsely
from pyg_diffpool.ops.sparse_pool import sparse_pool
from pyg_diffpool.ops.validation import check_choice, check_flag


class DiffPool(MessagePassing):
    r"""The differentiable pooling layer of the paper.

    From `"Hierarchical Graph Representation Learning with Differentiable Pooling"
    <https://arxiv.org/abs/1806.08804>`_:

    .. math::
        \mathbf{Z} &= \mathrm{GNN}_{embed}(\mathbf{A}, \mathbf{X})

        \mathbf{S} &= \mathrm{softmax} \left( \mathrm{GNN}_{pool}(\mathbf{A}, \mathbf{X}) \right)

        \mathbf{X}' &= \mathbf{S}^{\top} \mathbf{Z}

        \mathbf{A}' &= \mathbf{S}^{\top} \mathbf{A} \mathbf{S}

    (Equations 5, 6, 3 and 4.) The layer takes a sparse level, such as a PyG :obj:`Batch`, or the
    dense level that another :class:`DiffPool` layer returned, and never densifies a sparse
    :math:`\mathbf{A}`.

    Args:
        embed: Embedding GNN: any module that is called like PyG's convolutions,
            :obj:`embed(x, edge_index, edge_weight)`, also wrapped or compiled. A network that takes
            one feature per edge (:obj:`edge_dim=1`) gets the weights as edge features, or ones if
            there are no weights. A network of edge features, such as
            :class:`~torch_geometric.nn.GINEConv`, :class:`~torch_geometric.nn.NNConv` or
            :class:`~torch_geometric.nn.GATv2Conv`, gets :obj:`edge_attr`; if it takes one feature
            more, the weight is the last. A network that takes neither only sees which clusters are
            connected, with a warning on the first call. A network without edges, such as an MLP, is
            called as :obj:`embed(x)`; a network of dense matrices, such as PyG's
            :class:`~torch_geometric.nn.DenseSAGEConv`, is called on dense levels as
            :obj:`embed(x, adj, mask)`.
        assign: Assignment GNN, called like :obj:`embed`, with :obj:`max_clusters` output channels.
        max_clusters: Number of clusters :math:`K`.
        ratio: Number of clusters per node: a graph of :math:`n` nodes uses
            :math:`\min(K, \max(1, \lceil \rho\, n \rceil))` clusters, and the others are masked.
            (default: :obj:`None`, all :math:`K` for every graph)
        assignment: The map from logits to :math:`\mathbf{S}`: :obj:`"softmax"`;
            :obj:`"sparsemax"` (`paper <https://arxiv.org/abs/1602.02068>`_) or :obj:`"entmax15"`
            (`paper <https://arxiv.org/abs/1905.05702>`_), which assign nodes to few clusters, with
            exact zeros elsewhere and exact gradients; or :obj:`"straight-through"`, which assigns
            every node to a single cluster. Its gradient is that of the softmax, a surrogate, and
            its :obj:`"entropy"` that of the softmax. (default: :obj:`"softmax"`)
        temperature: The logits are divided by it: a number above 0, or
            :class:`AnnealedTemperature`, which lowers it during training.
            (default: :obj:`1.0`)
        sparse_level: Whether the pooled level is a sparse batch, :class:`SparsePooledGraph`, in
            which no graph is padded to the clusters of another, and whose cost is linear in the
            edges that remain. This allows a :obj:`ratio` without a cap: set :obj:`max_clusters` to
            the clusters of the largest graph. It requires an :obj:`assignment` of few nonzero
            entries, a sparse level as input, and a convention other than :obj:`"reference"`, whose
            objective compares all pairs of nodes. Gradients are exact on the support of
            :math:`\mathbf{S}`: those of :obj:`"sparsemax"` and :obj:`"entmax15"` are the same as
            without it, while the surrogate of :obj:`"straight-through"` gets the gradient of each
            node's own cluster only. (default: :obj:`False`)
        edge_reduce: How edge features are pooled, :obj:`"mean"` per unit of weight or :obj:`"sum"`,
            see :func:`coarsen_edges`. (default: :obj:`"mean"`)
        convention: Convention of the side objectives: :obj:`"paper"`, :obj:`"reference"` or
            :obj:`"pyg"`, see :func:`link_prediction_loss`. The link objective of :obj:`"reference"`
            is 0 on dense levels, whose weights are not probabilities. (default: :obj:`"paper"`)
        scale: An option of :obj:`"paper"`: :obj:`"nodes"` divides each graph's link loss by its
            number of nodes. (default: :obj:`None`)
        link_weight: Weight of the link prediction loss in :obj:`loss`, a short form of
            :obj:`objectives={"link": …}`. (default: :obj:`1.0` without :obj:`objectives`)
        entropy_weight: Weight of the entropy in :obj:`loss`, a short form of
            :obj:`objectives={"entropy": …}`. (default: :obj:`1.0` without :obj:`objectives`)
        objectives: Side objectives and their weights in :obj:`loss`, of :obj:`"link"`,
            :obj:`"entropy"` (both as the convention defines them), :obj:`"cut"`,
            :obj:`"orthogonality"`, :obj:`"modularity"`, :obj:`"collapse"` and :obj:`"balance"` (see
            :func:`cut_loss`, :func:`orthogonality_loss`, :func:`modularity_loss`,
            :func:`collapse_loss` and :func:`balance_loss`). All of them share the contractions of
            the coarsening. A function of yours is added by a name of its own, as
            :obj:`{"mine": (function, weight)}`; it takes a :class:`~pyg_diffpool.ops.Pooling` and
            returns one value per graph. An objective of weight 0 is computed, but not
            differentiated. (default: :obj:`None`, link and entropy)
        normalize: An option of :obj:`"pyg"`, see :func:`link_prediction_loss`.
            (default: :obj:`True`)
        backend: See :func:`coarsen`. (default: :obj:`"auto"`)
        validate: Whether to check the values of the arguments.
            (default: :obj:`None`, on the CPU only)

    Shapes:
        - **input:** node features :math:`(N, F)`, edges :math:`(2, |\mathcal{E}|)` (or any sparse
          adjacency), weights :math:`(|\mathcal{E}|)`, sorted batch vector :math:`(N)`; or
          :math:`(B, N, F)`, adjacency matrices :math:`(B, N, N)`, mask :math:`(B, N)`; edge
          features :math:`(|\mathcal{E}|, C)` or :math:`(B, N, N, C)` *(optional)*
        - **output:** :class:`PooledGraph`, or :class:`SparsePooledGraph`

    An explainer's edge mask scales the weight of an edge everywhere: in messages, in the pooled
    adjacency and in the losses. It applies to layers of the input graph, not to those of pooled
    levels. The layer is a :class:`~torch_geometric.nn.MessagePassing` only because explainers set
    edge masks on this class. It never propagates; all messages are those of :obj:`embed` and
    :obj:`assign`.

    Raises:
        TypeError: If :obj:`embed` or :obj:`assign` cannot be called, or does not return a tensor.
        ValueError: If an option is unknown or not available in the convention, or :obj:`assign`
            does not have :obj:`max_clusters` output channels.

    Example:
        >>> from pyg_diffpool import SAGEConv
        >>> pool = DiffPool(SAGEConv(3, 8), SAGEConv(3, 4), max_clusters=4)
        >>> x, edge_index = torch.randn(6, 3), torch.tensor([[0, 1, 3, 4], [1, 0, 4, 3]])
        >>> out = pool(x, edge_index, batch=torch.tensor([0, 0, 0, 1, 1, 1]))
        >>> out.x.shape, out.adj.shape, sorted(out.losses)
        (torch.Size([2, 4, 8]), torch.Size([2, 4, 4]), ['entropy', 'link'])

        Edge features, for the networks of this level and of the next one:

        >>> from torch_geometric.nn import GATv2Conv
        >>> pool = DiffPool(GATv2Conv(3, 8, edge_dim=5), SAGEConv(3, 4), max_clusters=4)
        >>> out = pool(x, edge_index, edge_attr=torch.randn(4, 5))
        >>> deeper = DiffPool(GATv2Conv(8, 8, edge_dim=6), SAGEConv(8, 2), max_clusters=2)
        >>> deeper(out.x, out.adj, edge_attr=out.edge_attr).edge_attr.shape
        torch.Size([1, 2, 2, 5])
    """

    runs_on_dense_levels = True

    def __init__(
        self,
        embed: torch.nn.Module,
        assign: torch.nn.Module,
        *,
        max_clusters: int,
        ratio: float | None = None,
        assignment: str = "softmax",
        temperature: float | AnnealedTemperature = 1.0,
        sparse_level: bool = False,
        edge_reduce: str = "mean",
        convention: str = "paper",
        scale: str | None = None,
        link_weight: float | None = None,
        entropy_weight: float | None = None,
        objectives: Mapping[str, Weight] | None = None,
        normalize: bool = True,
        backend: str = "auto",
        validate: bool | None = None,
    ):
        if max_clusters < 1:
            raise ValueError(f"max_clusters: expected at least 1, got {max_clusters}")
        if ratio is not None and not 0 < ratio <= 1:
            raise ValueError(f"ratio: expected a number above 0 and at most 1, got {ratio}")
        check_choice("assignment", assignment, tuple(ASSIGNMENTS))
        check_temperature(temperature)
        check_flag("sparse_level", sparse_level)
        if sparse_level:
            _check_sparse(assignment, convention)
        check_choice("edge_reduce", edge_reduce, EDGE_REDUCTIONS)
        read_convention(convention, scale=scale, normalize=normalize)
        check_choice("backend", backend, ("auto", *BACKENDS))
        chosen, weights = read_objectives(objectives, link_weight, entropy_weight)
        super().__init__()
        self.embed = embed
        self.assign = assign
        self.max_clusters = max_clusters
        self.ratio = ratio
        self.assignment = assignment
        self.temperature = temperature
        self.sparse_level = sparse_level
        self.edge_reduce = edge_reduce
        self.convention = convention
        self.scale = scale
        self.objectives = chosen
        self.objective_weights = weights
        self.normalize = normalize
        self.backend = backend
        self.validate = validate
        # No reset here: both networks are initialised already, or even trained.

    @property
    def link_weight(self) -> float:
        """Weight of the link prediction loss, which can be changed during training.

        Example:
            >>> from pyg_diffpool import SAGEConv
            >>> pool = DiffPool(SAGEConv(3, 8), SAGEConv(3, 4), max_clusters=4)
            >>> pool.link_weight = 0.5
            >>> pool.objective_weights
            {'link': 0.5, 'entropy': 1.0}
        """
        return self.objective_weights.get("link", 0.0)

    @link_weight.setter
    def link_weight(self, weight: float) -> None:
        self._weigh("link", weight)

    @property
    def entropy_weight(self) -> float:
        """Weight of the entropy, which can be changed during training.

        Example:
            >>> from pyg_diffpool import SAGEConv
            >>> pool = DiffPool(
            ...     SAGEConv(3, 8), SAGEConv(3, 4), max_clusters=4, objectives={"cut": 1.0}
            ... )
            >>> pool.entropy_weight
            0.0
        """
        return self.objective_weights.get("entropy", 0.0)

    @entropy_weight.setter
    def entropy_weight(self, weight: float) -> None:
        self._weigh("entropy", weight)

    def _weigh(self, name: str, weight: float) -> None:
        self.objectives.setdefault(name, OBJECTIVES[name])
        self.objective_weights[name] = weight

    def reset_parameters(self) -> None:
        """Reset the parameters of both networks, and an annealed temperature.

        Example:
            >>> from pyg_diffpool import SAGEConv
            >>> pool = DiffPool(SAGEConv(3, 8), SAGEConv(3, 4), max_clusters=4)
            >>> before = pool.assign.lin_l.weight.clone()
            >>> pool.reset_parameters()
            >>> torch.equal(pool.assign.lin_l.weight, before)
            False
        """
        super().reset_parameters()
        for part in (self.embed, self.assign, self.temperature):
            if hasattr(part, "reset_parameters"):
                part.reset_parameters()  # type: ignore[operator]

    def forward(
        self,
        x: Tensor,
        edge_index: AnyAdjacency,
        edge_weight: Tensor | None = None,
        batch: Tensor | Segments | None = None,
        batch_size: int | None = None,
        mask: Tensor | None = None,
        max_num_nodes: int | None = None,
        edge_attr: Tensor | None = None,
    ) -> PooledGraph | SparsePooledGraph:
        r"""Embed, assign and coarsen.

        Edge features :obj:`edge_attr`, :math:`(|\mathcal{E}|, C)` in the order of the edges or
        :math:`(B, N, N, C)` on a dense level, are passed to the networks that take them, and
        pooled to :obj:`edge_attr` of the result, :math:`(B, K, K, C)`, or :math:`(|E'|, C)` if the
        pooled level is sparse.

        With :obj:`batch_size` and :obj:`max_num_nodes` given, there is no host-device
        synchronisation, unless the pooled level is sparse.
        """
        rule = read_convention(self.convention, scale=self.scale, normalize=self.normalize)
        dense = is_dense_level(x, edge_index)
        level, (x,) = read_level(
            {"x": x},
            edge_index,
            edge_weight,
            batch,
            batch_size,
            mask=mask,
            max_num_nodes=max_num_nodes,
            # A dense level is the output of another layer, whose values need no check.
            validate=False if dense else self.validate,
            probabilities=rule.probabilities,
        )
        if self.sparse_level and isinstance(level, DenseLevel):
            raise ValueError(
                "sparse_level: expected a sparse level, x [N, F] and edges, got a dense level of "
                f"shape {tuple(x.shape)}: set it in the layers before this one too"
            )
        features = None
        if edge_attr is not None:
            features = read_edge_features(edge_attr, edge_index, edge_weight, level)
            edge_attr = features if isinstance(features, Tensor) else edge_attr
        outputs = None
        blocks = blocks_of_networks(self.embed, self.assign, x)
        if blocks is not None:
            edges = (level.adj, level.mask) if isinstance(level, DenseLevel) else (level.adjacency,)
            outputs = run_blocks(blocks, x, *edges)
        # A sparse level needs few of the logits, which are multiplied out where they are needed.
        linear = self.sparse_level and ends_in_linear_layer(self.assign)
        if outputs is not None:
            embedding, rows = outputs[0], outputs[1] if linear else self.assign.lin(outputs[1])  # type: ignore[operator]
        else:
            given = (x, level, edge_index, edge_weight, edge_attr)
            embedding = network_call("embed", self.embed, *given)()
            embedding = check_rows("embed", self.embed, embedding, x)
            assign = self.assign.block if linear else self.assign
            rows = network_call("assign", assign, *given)()  # type: ignore[arg-type]
            rows = check_rows("assign", self.assign, rows, x)
        logits = without_last_layer(self.assign, rows) if linear else GivenLogits(rows)
        if logits.columns != self.max_clusters:
            raise ValueError(
                f"assign: expected a network with {self.max_clusters} output channels "
                f"(max_clusters), got {logits.columns}"
            )
        if self.explain and isinstance(level, SparseLevel):
            level, weight = self._masked(level, edge_index, edge_weight)
            if isinstance(features, EdgeFeatures):
                features = features._replace(weight=weight)
        temperature = self.temperature
        if isinstance(temperature, AnnealedTemperature):
            temperature = temperature()
        if isinstance(level, SparseLevel) and self.sparse_level:
            sparse = self._pool_sparsely(embedding, logits, level, rule, temperature)
            if not isinstance(features, EdgeFeatures):
                return sparse
            s, adjacency = sparse.assignment, sparse.adjacency
            pooled_features = pool_edge_features_sparsely(features, s, adjacency, self.edge_reduce)
            return sparse._replace(edge_attr=pooled_features)
        columns = None
        if self.ratio is not None:
            columns = cluster_mask(level.graphs.sizes, self.ratio, self.max_clusters)
        skip = ("link",) if dense and not rule.links_pooled_levels else ()
        pooled = pool(
            embedding,
            logits.matrix(),
            level,
            rule,
            columns,
            self.backend,
            skip,
            self.objectives,
            assignment=self.assignment,
            temperature=temperature,
        )
        graph = self._pooled_graph(pooled, columns, embedding, level)
        if features is None:
            return graph
        pooled_features = pool_edge_features(features, pooled.s, level, graph.adj, self.edge_reduce)
        return graph._replace(edge_attr=pooled_features)

    def _masked(
        self, level: SparseLevel, edge_index: AnyAdjacency, edge_weight: Tensor | None
    ) -> tuple[SparseLevel, Tensor | None]:
        """Multiply edge weights by an explainer's mask, for the pooled adjacency and the losses.

        Also return the weights of the edges as they were passed.
        """
        num_nodes = level.adjacency.num_nodes
        edges, weight = given_edges(edge_index, edge_weight, num_nodes)
        mask = edge_mask(self, edges, num_nodes)
        if mask is None:
            return level, weight
        weight = mask if weight is None else weight * mask
        adjacency = prepare_adjacency(edges, weight, num_nodes, validate=False)
        return level._replace(adjacency=adjacency), weight

    def _pooled_graph(
        self, pooled: Pooled, columns: Tensor | None, embedding: Tensor, level: Level
    ) -> PooledGraph:
        s, coarse, losses, means = pooled
        if columns is None:
            columns = s.new_ones(coarse.x.shape[:2], dtype=torch.bool)
        loss = self._weighted(means, s.new_zeros(()))
        node_batch = level.graphs.batch if isinstance(level, SparseLevel) else None
        return PooledGraph(
            coarse.x,
            coarse.adj,
            columns,
            s,
            losses,
            loss,
            embedding,
            node_batch,
            level.graphs.mask,
        )

    def _pool_sparsely(
        self,
        embedding: Tensor,
        logits: Logits,
        level: SparseLevel,
        rule: Convention,
        temperature: float | Tensor,
    ) -> SparsePooledGraph:
        counts = number_of_clusters(level.graphs.sizes, self.ratio, self.max_clusters)
        pooled = sparse_pool(
            embedding, logits, level, counts, rule, self.objectives, self.assignment, temperature
        )
        s, x, adjacency, losses, means = pooled
        mark_pooled(adjacency)
        loss = self._weighted(means, s.value.new_zeros(()))
        return SparsePooledGraph(x, adjacency, s.clusters, s, losses, loss, embedding)

    def _weighted(self, means: dict[str, Tensor], loss: Tensor) -> Tensor:
        for name, weight in self.objective_weights.items():
            # With a weight of zero, the objective is left out, and so is its backward pass.
            if weight != 0:
                loss = loss + weight * means[name]
        return loss

    def __repr__(self) -> str:
        return (
            f"{self.__class__.__name__}(max_clusters={self.max_clusters}, ratio={self.ratio}, "
            f"convention={self.convention})"
        )


def _check_sparse(assignment: str, convention: str) -> None:
    """Raise a :class:`ValueError` if a pooled level of these options cannot be sparse."""
    if assignment not in SPARSE_ASSIGNMENTS:
        raise ValueError(
            f"sparse_level: expected an assignment of few nonzero entries "
            f"({', '.join(map(repr, SPARSE_ASSIGNMENTS))}), got assignment={assignment!r}"
        )
    if convention == "reference":
        raise ValueError(
            "sparse_level: expected convention='paper' or 'pyg', got 'reference', which compares "
            "all pairs of nodes"
        )
