"""Adjacencies of batches against matrices made edge by edge."""

import pytest
import torch
from torch.testing import assert_close
from torch_geometric.data import Data

from pyg_diffpool.resident_adjacency import ResidentAdjacency
from pyg_diffpool.resident_graphs import concatenate, sort_edges

SIZES = (3, 1, 4, 2)


def resident(undirected, duplicates=False):
    generator = torch.Generator().manual_seed(5)
    listed = []
    for nodes in SIZES:
        pairs = {tuple(torch.randint(nodes, (2,), generator=generator).tolist()) for _ in range(6)}
        if undirected:
            pairs |= {(v, u) for u, v in pairs}
        edges = sorted(pairs) * (2 if duplicates else 1)
        edge_index = torch.tensor(edges).t().contiguous()
        weight = torch.tensor([1.0 + u * v + u + v for u, v in edges])
        if not undirected:
            weight = torch.arange(1.0, len(edges) + 1)
        listed.append(Data(edge_index=edge_index, edge_weight=weight, num_nodes=nodes))
    graphs, symmetric = sort_edges(concatenate(listed))
    assert symmetric == undirected
    return graphs


def positions(counts, chosen):
    """Return the positions of the chosen graphs' rows among all."""
    ends = counts.cumsum(0)
    return torch.cat([torch.arange(int(ends[g] - counts[g]), int(ends[g])) for g in chosen])


def cut(graphs, prepared, batches, weighted):
    """Gather the graphs of some batches as the loader does, and cut their adjacencies."""
    chosen = [graph for batch in batches for graph in batch]
    node, edge = positions(graphs.num_nodes, chosen), positions(graphs.num_edges, chosen)
    shifts = []
    for batch in batches:
        first = 0
        for graph in batch:
            shifts += [first] * int(graphs.num_edges[graph])
            first += int(graphs.num_nodes[graph])
    edge_index = graphs.edge_index[:, edge] + torch.tensor(shifts)
    node_totals = [int(graphs.num_nodes[batch].sum()) for batch in batches]
    edge_totals = [int(graphs.num_edges[batch].sum()) for batch in batches]
    weights = graphs.edge_weight[edge]
    split = weights.split(edge_totals) if weighted else None
    found = list(prepared.cut(edge_index, edge, node, split, node_totals, edge_totals))
    ends = edge_index.split_with_sizes(edge_totals, 1)
    values = weights if weighted else torch.ones_like(weights)
    matrices = []
    for nodes, (row, col), value in zip(node_totals, ends, values.split(edge_totals), strict=True):
        matrix = torch.zeros(nodes, nodes)
        for u, v, w in zip(row.tolist(), col.tolist(), value.tolist(), strict=True):
            matrix[u, v] += w
        matrices.append(matrix)
    return found, matrices


def whole(adjacency):
    matrix = torch.zeros(adjacency.num_nodes, adjacency.num_nodes)
    for v in range(adjacency.num_nodes):
        for e in range(int(adjacency.rowptr[v]), int(adjacency.rowptr[v + 1])):
            assert adjacency.target[e] == v
            matrix[adjacency.col[e], v] += 1.0 if adjacency.weight is None else adjacency.weight[e]
    return matrix


@pytest.mark.parametrize("batches", [[[0]], [[2, 0], [3]], [[1, 1, 3], [0, 2], [2]]])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("duplicates", [True, False])
@pytest.mark.parametrize("undirected", [True, False])
def test_each_batch_has_its_matrix(undirected, duplicates, weighted, batches):
    graphs = resident(undirected, duplicates)
    prepared = ResidentAdjacency.of(graphs, undirected)
    assert prepared.coalesced is not duplicates
    assert (prepared.by_target is None) == undirected
    found, matrices = cut(graphs, prepared, batches, weighted)
    assert len(found) == len(batches)
    for adjacency, matrix in zip(found, matrices, strict=True):
        assert_close(whole(adjacency), matrix)
        assert_close(whole(adjacency.transpose()), matrix.t())
        assert adjacency.undirected is undirected
        assert adjacency.coalesced is not duplicates
        key = adjacency.target * adjacency.num_nodes + adjacency.col
        assert (key.diff() >= 0).all()


def test_in_degrees():
    graphs = resident(undirected=False)
    prepared = ResidentAdjacency.of(graphs, undirected=False)
    wanted = []
    for edges, nodes in zip(
        graphs.edge_index.split(graphs.num_edges.tolist(), 1), SIZES, strict=True
    ):
        wanted += [int((edges[1] == node).sum()) for node in range(nodes)]
    assert prepared.degree.tolist() == wanted


def test_equal_edges_of_two_graphs_are_no_duplicates():
    listed = [Data(edge_index=torch.tensor([[0], [0]]), num_nodes=1) for _ in range(2)]
    graphs, undirected = sort_edges(concatenate(listed))
    assert ResidentAdjacency.of(graphs, undirected).coalesced


def test_columns_of_weights_are_rows():
    graphs = resident(undirected=True)
    graphs = graphs._replace(edge_weight=graphs.edge_weight.unsqueeze(1))
    (adjacency,) = ResidentAdjacency.of(graphs, True).cut(
        graphs.edge_index[:, : int(graphs.num_edges[0])],
        torch.empty(0).long(),
        torch.arange(SIZES[0]),
        (graphs.edge_weight[: int(graphs.num_edges[0])],),
        [SIZES[0]],
        [int(graphs.num_edges[0])],
    )
    assert adjacency.weight.dim() == 1


@pytest.mark.parametrize("undirected", [True, False])
def test_everything_moves(undirected):
    moved = ResidentAdjacency.of(resident(undirected), undirected).to("meta")
    assert moved.degree.is_meta
    assert moved.by_target is None if undirected else moved.by_target.is_meta
    assert moved.coalesced
