"""Reading edge features; what is made of them is tested with coarsen_edges."""

import torch
from torch.testing import assert_close

from pyg_diffpool import prepare_adjacency
from pyg_diffpool.ops.edge_features import EdgeFeatures, pool_edge_features, read_edge_features
from tests.ops.level.levels import dense, sparse
from tests.oracles import edge_features_oracle
from tests.problems import make_problem

PROBLEM = make_problem((4, 0, 3), weights="positive")
VALUES = torch.arange(2.0 * PROBLEM.edge_index.size(1)).double().view(-1, 2)


def test_edges_keep_their_order_and_their_duplicates():
    level, _ = sparse(PROBLEM)
    features = read_edge_features(VALUES, PROBLEM.edge_index, PROBLEM.edge_weight, level)
    assert isinstance(features, EdgeFeatures)
    assert torch.equal(torch.stack([features.source, features.target]), PROBLEM.edge_index)
    assert torch.equal(features.weight, PROBLEM.edge_weight)
    assert features.values is VALUES


def test_those_of_a_prepared_adjacency_are_in_storage_order():
    level, _ = sparse(PROBLEM)
    prepared = prepare_adjacency(PROBLEM.edge_index, PROBLEM.edge_weight, PROBLEM.num_nodes)
    values = VALUES[: prepared.col.numel()]
    features = read_edge_features(values, prepared, None, level)
    assert torch.equal(features.source, prepared.col)
    assert torch.equal(features.weight, prepared.weight)


def test_padding_of_a_dense_level_becomes_zero():
    level, _ = dense(PROBLEM)
    matrices = torch.full((3, 4, 4, 2), float("nan"))
    pairs = level.mask.unsqueeze(1) & level.mask.unsqueeze(2)
    matrices[pairs] = 1.0
    found = read_edge_features(matrices, level.adj, None, level)
    assert_close(found, pairs.unsqueeze(-1).expand(-1, -1, -1, 2).float())


def test_the_pooled_adjacency_divides_the_mean():
    level, (x, s) = sparse(PROBLEM)
    features = read_edge_features(VALUES, PROBLEM.edge_index, PROBLEM.edge_weight, level)
    adj = level.contract(x, s)[0].adj
    found = pool_edge_features(features, s, level, adj, "mean")
    assert_close(found, edge_features_oracle(PROBLEM, PROBLEM.s, VALUES))
    assert_close(pool_edge_features(features, s, level, 2 * adj, "mean"), found / 2)
