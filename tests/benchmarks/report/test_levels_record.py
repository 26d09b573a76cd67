import json

import pytest
import torch
from torch_geometric.data import Batch, Data

from benchmarks.report import levels_record
from benchmarks.report.levels_record import (
    FAINT,
    LISTED,
    SYMBOLS,
    graph_levels,
    heavy,
    level_record,
)
from pyg_diffpool import DiffPoolNet
from pyg_diffpool.visualize.hierarchy import hierarchy
from pyg_diffpool.visualize.palette import MARKS


def ring(size):
    nodes = torch.arange(size)
    edge_index = torch.cat(
        [torch.stack([nodes, nodes.roll(1)]), torch.stack([nodes.roll(1), nodes])], 1
    )
    return Data(x=torch.randn(size, 3), edge_index=edge_index)


@pytest.fixture
def pooled():
    torch.manual_seed(0)
    batch = Batch.from_data_list([ring(5), ring(12)])
    net = DiffPoolNet(3, 8, 2, max_clusters=[LISTED + 4, 3]).eval()
    with torch.no_grad():
        return batch, net(batch.x, batch.edge_index, batch=batch.batch).levels


def test_levels_are_the_hierarchy_s(pooled):
    batch, levels = pooled
    record, position = graph_levels(batch, levels, 1)
    found = hierarchy(batch, levels, graph=1).levels
    json.dumps(record, allow_nan=False)
    assert torch.equal(position, found[0].position)
    assert len(record) == 3
    for shown, level in zip(record, found, strict=True):
        for key in ("cluster", "index"):
            assert shown[key] == getattr(level, key).tolist()
        assert (shown["color"], shown["hidden"]) == (level.color, level.hidden)
        places = list(zip(shown["x"], shown["y"], strict=True))
        assert torch.allclose(torch.tensor(places).double(), level.position, atol=1e-3)
        assert shown["mass"] == pytest.approx(level.mass.tolist(), abs=1e-4)
        heaviest = max(level.weight.tolist(), default=0)
        faintest = 0 if level is found[0] else FAINT * heaviest
        edges = zip(level.edge.t().tolist(), level.weight.tolist(), strict=True)
        kept = [(ends, weight) for ends, weight in edges if weight >= faintest]
        assert [list(pair) for pair in zip(*shown["edge"], strict=True)] == [e for e, _ in kept]
        assert shown["weight"] == pytest.approx([weight for _, weight in kept], abs=1e-4)
        for pairs, row in zip(shown["membership"], level.membership, strict=True):
            values = [value for _, value in pairs]
            assert len(pairs) <= LISTED
            assert values == sorted(values, reverse=True)
            assert values == pytest.approx([float(row[c]) for c, _ in pairs], abs=1e-4)
            assert all(value > 0 for value in values)
    assert len(record[0]["x"]) == 12
    assert [pairs[0][0] for pairs in record[0]["membership"]] == record[0]["cluster"]
    assert record[-1]["membership"] == [[] for _ in record[-1]["x"]]


def test_faint_edges_of_coarse_levels_are_left_out(pooled):
    batch, levels = pooled
    level = hierarchy(batch, levels, graph=1).levels[0]
    level.weight[:] = 5.0
    level.weight[1] = 4.9 * FAINT
    shown = level_record(level, heavy(level))
    assert shown["edges"] == 12
    assert shown["weight"] == [5.0] * 11
    assert shown["edge"] == torch.cat([level.edge[:, :1], level.edge[:, 2:]], 1).tolist()


def test_of_too_many_edges_some_are_drawn(pooled, monkeypatch):
    batch, levels = pooled
    whole, _ = graph_levels(batch, levels, 1)
    monkeypatch.setattr(levels_record, "MOST_EDGES", 5)
    few, _ = graph_levels(batch, levels, 1)
    assert (few[0]["edges"], len(few[0]["weight"])) == (12, 5)
    drawn, every = (list(zip(*level["edge"], strict=True)) for level in (few[0], whole[0]))
    assert set(drawn) < set(every)
    assert few == graph_levels(batch, levels, 1)[0]
    # Parts are those of all edges.
    assert few[0]["part"] == whole[0]["part"]


def test_parts_of_a_cluster_are_what_edges_join():
    assignment = torch.eye(2)[[0, 0, 1, 1, 0, 0, 0, 1]]
    record, _ = graph_levels(ring(8), [assignment], 0)
    # Around the ring: 0 0 | 1 1 | 0 0 0 | 1.
    part = record[0]["part"]
    assert [part[a] == part[b] for a, b in zip(range(7), range(1, 8), strict=True)] == [
        True, False, True, False, True, True, False,
    ]  # fmt: skip
    assert len(set(part)) == 4
    assert "part" not in record[1]


def test_a_level_without_edges():
    data = Data(x=torch.zeros(2, 1), edge_index=torch.empty(2, 0, dtype=torch.long))
    assignment = torch.eye(2)
    record, _ = graph_levels(data, [assignment], 0)
    assert [level["edge"] for level in record] == [[[], []]] * 2


def test_another_picture_s_places_are_kept(pooled):
    batch, levels = pooled
    _, position = graph_levels(batch, levels, 0)
    record, again = graph_levels(batch, levels, 0, position=position.flip(1))
    assert torch.allclose(again, position.flip(1))
    assert record[0]["x"] == pytest.approx(position[:, 1].tolist(), abs=1e-3)


def test_every_mark_has_a_symbol_of_plotly():
    assert set(SYMBOLS) == set(MARKS)
    assert len(set(SYMBOLS.values())) == len(SYMBOLS)
