"""A sparse level as an operator takes it, and what it is put together to inside."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyg_diffpool.ops.adjacency import Adjacency
from pyg_diffpool.ops.backends import Backend, Contractions, backend_for
from pyg_diffpool.ops.precision import HALF
from pyg_diffpool.ops.segments import Segments
from pyg_diffpool.ops.sparse_product import ADJACENCY_SIGNATURE, adjacency_arguments, spmm

LEVEL_SIGNATURE = (
    f"{ADJACENCY_SIGNATURE}, Tensor batch, Tensor ptr, SymInt max_num_nodes, str backend"
)


class Level(NamedTuple):
    """An adjacency, its graphs, and the backend that is to multiply."""

    adjacency: Adjacency
    graphs: Segments
    backend: str

    @classmethod
    def of(cls, arguments: tuple[Any, ...]) -> Level:
        """Put the arguments of :data:`LEVEL_SIGNATURE` together."""
        *adjacency, batch, ptr, width, backend = arguments
        return cls(Adjacency(*adjacency), Segments(batch, ptr, ptr.size(0) - 1, width), backend)

    def arguments(self) -> tuple[Any, ...]:
        """Return the arguments of :data:`LEVEL_SIGNATURE`."""
        graphs = self.graphs
        adjacency = adjacency_arguments(self.adjacency)
        return (*adjacency, graphs.batch, graphs.ptr, graphs.given_width, self.backend)

    def multiplier(self, x: Tensor, s: Tensor) -> Backend:
        """Return the backend, chosen now if it was left open."""
        return backend_for(self.backend, self.graphs, x, s)

    def operands(self, x: Tensor, s: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Return features and assignment in the dtype of sums, or as the backend takes them."""
        s = s.to(dtype)
        half = x.dtype in HALF and self.multiplier(x, s).takes_half
        return x if half else x.to(dtype), s

    def multiply(self, x: Tensor, s: Tensor) -> Contractions:
        r"""Form :math:`\mathbf{P} = \mathbf{A}^{\top} \mathbf{S}`, and contract."""
        return self.multiplier(x, s).contract(x, spmm(self.adjacency, s), s)
