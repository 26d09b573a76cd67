"""A sparse level: concatenated graphs of any size with one block-diagonal adjacency.

Also the operator ``pyg_diffpool::contract``, whose arguments are the tensors of a level.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.backends import backend_for
from pyg_diffpool.ops.contract.backward import Cotangents, Needs, Saved, gradients
from pyg_diffpool.ops.contract.coarsening import Coarsening, Distances
from pyg_diffpool.ops.contract.forward import Contract, fake, plain
from pyg_diffpool.ops.operator import Arguments, Gradients, operator, register
from pyg_diffpool.ops.precision import HALF, accumulated, accumulation_dtype, without_autocast
from pyg_diffpool.ops.segments import Segments
from pyg_diffpool.ops.sparse_product import STRUCTURE, adjacency_of, adjacency_structure


class SparseLevel(NamedTuple):
    """A validated batch of graphs, see :func:`~pyg_diffpool.ops.level.read_level`.

    It has the same methods as :class:`~pyg_diffpool.ops.level.DenseLevel`.

    Attributes:
        adjacency: The edges of all graphs.
        graphs: The segments of nodes that belong to each graph.
    """

    adjacency: Adjacency
    graphs: Segments

    def contract(
        self, x: Tensor, s: Tensor, backend: str = "auto", distances: Distances = None
    ) -> tuple[Coarsening, Tensor | None]:
        """Coarsen, and compute :meth:`squared_distances` if requested."""
        weight = self.adjacency.weight
        run = _CONTRACT.way(x, s, weight)
        pooled, adj, gram, squared, *_ = run(x, s, weight, self, backend, distances is not None)
        return Coarsening(pooled, adj, gram), None if distances is None else squared

    def squared_distances(self, s: Tensor, distances: Distances = "graphs") -> Tensor:
        r"""Return :math:`\lVert \mathbf{A} - \mathbf{S} \mathbf{S}^{\top} \rVert_F^2`.

        Args:
            s: Assignment (N, K).
            distances: ``"graphs"`` and ``"padded"`` are the same here, as there is no padding.

        Returns:
            One value per graph, in float64.
        """
        weight = self.adjacency.weight
        nothing = s[:, :0]
        squared: Tensor = _CONTRACT.way(s, weight)(nothing, s, weight, self, "auto", True)[3]
        return squared

    def out_degrees(self) -> Tensor:
        """Return the sum of the weights of each node's outgoing edges, (N)."""
        adjacency = self.adjacency
        if adjacency.weight is None and adjacency.undirected is True:
            return adjacency.rowptr.diff().float()
        weight = adjacency.weight
        weight = torch.ones_like(adjacency.col).float() if weight is None else accumulated(weight)
        return weight.new_zeros(adjacency.num_nodes).index_add(0, adjacency.col, weight)

    def padded_pairs(self) -> int | Tensor:
        """Return the number of entries that padded adjacency matrices would have."""
        return self.graphs.batch_size * self.graphs.padded_width() ** 2

    def loss_dtype(self, s: Tensor) -> torch.dtype:
        """Return the dtype of losses that compare an assignment with the adjacency."""
        return accumulation_dtype(s.dtype)

    def structure(self) -> Arguments:
        """Return the arguments listed in :data:`LEVEL_STRUCTURE`: all but the weights."""
        graphs = self.graphs
        return (*adjacency_structure(self.adjacency), graphs.batch, graphs.ptr, graphs.given_width)

    @classmethod
    def of(cls, weight: Tensor | None, structure: Sequence[Any]) -> SparseLevel:
        """Build a level from its weights and its :meth:`structure`."""
        *adjacency, batch, ptr, width = structure
        graphs = Segments(batch, ptr, ptr.size(0) - 1, width)
        return cls(adjacency_of(weight, adjacency), graphs)


LEVEL_STRUCTURE = f"{STRUCTURE}, Tensor batch, Tensor ptr, SymInt max_num_nodes"


def _flatten(
    x: Tensor, s: Tensor, weight: Tensor | None, level: SparseLevel, backend: str, distances: bool
) -> Arguments:
    return (x, s, weight, *level.structure(), backend, distances)


def _unflatten(x: Tensor, s: Tensor, weight: Tensor | None, *rest: Any) -> Arguments:
    *structure, backend, distances = rest
    return x, s, weight, SparseLevel.of(weight, structure), backend, distances


def _gradient(
    flat: Arguments, results: Sequence[Tensor], onto: Gradients, needed: tuple[bool, ...]
) -> Gradients:
    *arguments, _ = flat
    needs = needed[:3]
    found = _gradient_operator(*onto[:4], *results, *arguments, *needs)
    return tuple(slope if need else None for slope, need in zip(found, needs, strict=True))


def _gradient_kernel(
    onto_pooled: Tensor | None,
    onto_adj: Tensor | None,
    onto_gram: Tensor | None,
    onto_squared: Tensor | None,
    gram: Tensor,
    near: Tensor,
    product: Tensor,
    x: Tensor,
    s: Tensor,
    weight: Tensor | None,
    *rest: Any,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients, empty if not needed; rows are arranged again instead of saved."""
    *structure, backend, needs_x, needs_s, needs_weight = rest
    level = SparseLevel.of(weight, structure)
    with without_autocast(x):
        wide = s.to(gram.dtype)
        multiplier = backend_for(backend, level.graphs, x, wide)
        features = x if x.dtype in HALF and multiplier.takes_half else x.to(gram.dtype)
        rows = multiplier.arrange(features, product, wide)
        found = gradients(
            Saved(level, multiplier, features, wide, rows, gram, near),
            Cotangents(onto_pooled, onto_adj, onto_gram, onto_squared),
            Needs(needs_x, needs_s, needs_weight),
        )
    like = (x, s, x if weight is None else weight)
    onto_x, onto_s, onto_weight = (
        of.new_empty(0) if slope is None else slope.to(of.dtype)
        for slope, of in zip(found, like, strict=True)
    )
    return onto_x, onto_s, onto_weight


def _gradient_fake(
    onto_pooled: Tensor | None,
    onto_adj: Tensor | None,
    onto_gram: Tensor | None,
    onto_squared: Tensor | None,
    gram: Tensor,
    near: Tensor,
    product: Tensor,
    x: Tensor,
    s: Tensor,
    weight: Tensor | None,
    *rest: Any,
) -> tuple[Tensor, Tensor, Tensor]:
    *_, needs_x, needs_s, needs_weight = rest
    like = x if weight is None else weight
    return (
        x.new_empty(x.shape if needs_x else (0,)),
        s.new_empty(s.shape if needs_s else (0,)),
        like.new_empty(like.shape if needs_weight else (0,)),
    )


_gradient_operator = register(
    "contraction_gradient",
    "(Tensor? grad_pooled, Tensor? grad_adj, Tensor? grad_gram, Tensor? grad_squared, "
    "Tensor gram, Tensor near, Tensor product, Tensor x, Tensor s, Tensor? weight, "
    f"{LEVEL_STRUCTURE}, str backend, bool needs_x, bool needs_s, bool needs_weight) "
    "-> (Tensor, Tensor, Tensor)",
    _gradient_kernel,
    _gradient_fake,
)
_CONTRACT = operator(
    "contract",
    f"(Tensor x, Tensor s, Tensor? weight, {LEVEL_STRUCTURE}, str backend, bool distances) -> "
    "(Tensor pooled, Tensor adj, Tensor gram, Tensor squared, Tensor near, Tensor product)",
    Contract,
    plain,
    fake,
    _gradient,
    _flatten,
    _unflatten,
    kept=(2, 4, 5),
    constant=(4, 5),
)
