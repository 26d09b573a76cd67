import pytest
import torch
from torch_geometric.data import Data

from benchmarks.timing.epoch_data import EpochData
from benchmarks.timing.operators import LISTED, operator_rows, operator_table
from benchmarks.timing.trainees import Options


def ring(size, target):
    node = torch.arange(size)
    one_way = torch.stack([node, node.roll(1)])
    edge_index = torch.cat([one_way, one_way.flip(0)], 1)
    return Data(x=torch.randn(size, 3), edge_index=edge_index, y=torch.tensor([target]))


def test_calls_of_a_step_of_our_network():
    data = EpochData([ring(4 + number % 3, number % 2) for number in range(9)], 6, 2, [4, 2])
    rows = operator_rows("rings", data, Options(batch_size=3, hidden_channels=8))
    by_name = {row["operator"]: row for row in rows}
    assert all(row["steps"] == 3 for row in rows)
    # A pooling of a sparse level, three blocks that run as one function, and one optimiser step.
    assert by_name["Contract"]["calls"] == by_name["aten::_fused_adam_"]["calls"] == 1
    assert by_name["SAGELayers"]["calls"] == by_name["SAGELayersBackward"]["calls"] == 3
    own = [row["own_ms"] for row in rows]
    assert own == sorted(own, reverse=True)
    assert not any(name.startswith(("autograd::engine", "Optimizer")) for name in by_name)


def test_the_table_adds_what_it_does_not_list():
    rows = [
        {"set": "ENZYMES", "operator": f"aten::{n}", "calls": 2.0, "own_ms": 0.5}
        for n in range(LISTED + 3)
    ]
    lines = operator_table(rows).lines
    assert [line["operator"] for line in lines[-3:]] == [f"aten::{LISTED - 1}", "others", "all"]
    assert [line["calls a step"] for line in lines[-3:]] == ["2", "6", str(2 * LISTED + 6)]
    assert lines[-1]["own ms a step"] == f"{(LISTED + 3) / 2:.2f}"
    assert sum(int(line["%"]) for line in lines[:-1]) == pytest.approx(100, abs=LISTED)
    assert operator_table([]).lines == []
