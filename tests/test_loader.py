import copy
import pickle

import pytest
import torch
from torch import distributed, multiprocessing
from torch.utils.data import DistributedSampler
from torch_geometric import EdgeIndex
from torch_geometric.data import Data, InMemoryDataset
from torch_geometric.index import index2ptr
from torch_geometric.loader import DataLoader

from pyg_diffpool import ResidentLoader, diff_pool, prepare_adjacency
from pyg_diffpool.resident_graphs import concatenate

CARRIED = ("x", "edge_index", "edge_weight", "edge_attr", "y", "batch", "ptr")


class InMemory(InMemoryDataset):
    def __init__(self, data_list):
        super().__init__(None)
        self.data, self.slices = self.collate(data_list)


def random_graphs(*, undirected=True, with_x=True, count=13):
    """Graphs of 0 to 9 nodes with shuffled, duplicate and self-loop edges; some have no edges."""
    graphs = []
    for number in range(count):
        nodes = [4, 1, 0, 9, 3][number] if number < 5 else int(torch.randint(1, 9, (1,)))
        edges = 0 if nodes == 0 or number in (4, count - 1) else 2 * nodes
        edge_index = torch.randint(max(nodes, 1), (2, edges))
        edge_weight, edge_attr = torch.rand(edges), torch.rand(edges, 3)
        if undirected:
            edge_index = torch.cat([edge_index, edge_index.flip(0)], dim=1)
            edge_weight, edge_attr = edge_weight.repeat(2), edge_attr.repeat(2, 1)
            order = torch.randperm(2 * edges)
            edge_index = edge_index[:, order]
            edge_weight, edge_attr = edge_weight[order], edge_attr[order]
        graph = Data(edge_index=edge_index, edge_weight=edge_weight, edge_attr=edge_attr)
        graph.y = torch.tensor([number])
        if with_x:
            graph.x = torch.rand(nodes, 4)
        else:
            graph.num_nodes = nodes
        graphs.append(graph)
    return graphs


def with_sorted_edges(graph):
    graph = copy.copy(graph)
    order = sorted(range(graph.num_edges), key=lambda e: graph.edge_index[:, e].tolist())
    graph.edge_index = graph.edge_index[:, order]
    graph.edge_weight, graph.edge_attr = graph.edge_weight[order], graph.edge_attr[order]
    return graph


def assert_same_batches(loader, expected):
    batches = list(loader)
    assert len(batches) == len(expected) == len(loader)
    for ours, theirs in zip(batches, expected, strict=True):
        for key in CARRIED:
            assert (key in ours) == (key in theirs), key
            if key in theirs:
                plain = ours[key].as_tensor() if key == "edge_index" else ours[key]
                assert torch.equal(plain, theirs[key]), key
                assert plain.dtype == theirs[key].dtype
        assert ours.num_graphs == ours.batch_size == theirs.num_graphs
        assert ours.num_nodes == theirs.num_nodes
        assert ours.max_num_nodes == int(theirs.ptr.diff().max())
        assert isinstance(ours.max_num_nodes, int)
        assert ours.edge_index.sparse_size() == (theirs.num_nodes, theirs.num_nodes)
        assert ours.edge_index.sort_order == "row"
        ours.edge_index.validate()
        assert_same_adjacency(ours.adjacency, ours)


def assert_same_adjacency(ours, batch):
    """What the loader cuts out is what operators would prepare, but for duplicate edges."""
    weight = batch.edge_weight if "edge_weight" in batch else None
    expected = prepare_adjacency(batch.edge_index.as_tensor(), weight, batch.num_nodes)
    matrices = []
    for adjacency in (ours, expected):
        values = torch.ones(len(adjacency.col)) if adjacency.weight is None else adjacency.weight
        matrix = torch.zeros(batch.num_nodes, batch.num_nodes)
        matrix.index_put_((adjacency.col, adjacency.target), values, accumulate=True)
        matrices.append(matrix)
        assert torch.equal(index2ptr(adjacency.target, batch.num_nodes), adjacency.rowptr)
        if not adjacency.undirected:
            transposed = adjacency.transpose()
            assert (transposed.target.diff() >= 0).all()
            assert torch.equal(transposed.target, adjacency.col[adjacency.transposed])
    torch.testing.assert_close(*matrices)
    key = ours.target * batch.num_nodes + ours.col
    assert (key.diff() >= 0).all()
    assert not ours.coalesced or (key.diff() > 0).all()


@pytest.mark.parametrize("in_memory", [False, True], ids=["list", "InMemoryDataset"])
@pytest.mark.parametrize("with_x", [False, True])
@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_same_batches_as_data_loader(in_memory, with_x, batch_size):
    graphs = random_graphs(with_x=with_x)
    expected = DataLoader([with_sorted_edges(graph) for graph in graphs], batch_size)
    dataset = InMemory(graphs) if in_memory else graphs
    assert_same_batches(ResidentLoader(dataset, batch_size), list(expected))


@pytest.mark.parametrize("undirected", [False, True])
def test_adjacency_of_a_batch(undirected):
    graphs = random_graphs(undirected=undirected)
    for weighted in (True, False):
        if not weighted:
            for graph in graphs:
                del graph.edge_weight, graph.edge_attr
        loader = ResidentLoader(graphs, 4, shuffle=True)
        assert loader.is_undirected == undirected
        for batch in loader:
            assert batch.adjacency.undirected == undirected
            assert_same_adjacency(batch.adjacency, batch)
            logits = torch.randn(batch.num_nodes, 3)
            arguments = {"batch": batch.batch, "batch_size": batch.num_graphs}
            weight = batch.edge_weight if weighted else None
            expected = diff_pool(batch.x, logits, batch.edge_index, weight, **arguments)
            found = diff_pool(batch.x, logits, batch.adjacency, **arguments)
            torch.testing.assert_close(found, expected)


def test_data_sets_over_the_budget_stay_on_the_host():
    graphs = random_graphs()
    expected = list(ResidentLoader(graphs, 4))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    for budget, stays in ((0, True), (10**9, False)):
        loader = ResidentLoader(graphs, 4, device=device, max_resident_bytes=budget)
        assert (loader._graphs.edge_index.device.type == "cpu") >= stays
        for ours, theirs in zip(loader, expected, strict=True):
            assert ours.x.device.type == device
            assert torch.equal(ours.edge_index.as_tensor().cpu(), theirs.edge_index.as_tensor())
            assert torch.equal(ours.adjacency.rowptr.cpu(), theirs.adjacency.rowptr)
            assert ours.max_num_nodes == theirs.max_num_nodes


def test_index_selects_and_orders_graphs():
    graphs = [with_sorted_edges(graph) for graph in random_graphs()]
    index = torch.tensor([5, 2, 12, 5, 0])
    expected = list(DataLoader([graphs[number] for number in index.tolist()], 2))
    assert_same_batches(ResidentLoader(graphs, 2, index=index), expected)
    shared = ResidentLoader(graphs, 2, shuffle=True)
    assert_same_batches(shared.subset(index), expected)
    assert [len(shared), len(shared.subset(index))] == [7, 3]


def test_selection_and_transform_of_a_dataset():
    graphs = [with_sorted_edges(graph) for graph in random_graphs()]
    dataset = InMemory(graphs)[3:8]
    assert_same_batches(ResidentLoader(dataset, 2), list(DataLoader(graphs[3:8], 2)))

    def double(data):
        data.x = 2 * data.x
        return data

    dataset = InMemory(graphs)
    dataset.transform = double
    assert_same_batches(ResidentLoader(dataset, 4), list(DataLoader(dataset, 4)))


def test_shuffle_visits_each_graph_once_in_a_new_order():
    generator = torch.Generator().manual_seed(1)
    loader = ResidentLoader(random_graphs(count=30), 4, shuffle=True, generator=generator)
    passes = [torch.cat([batch.y for batch in loader]) for _ in range(2)]
    assert not torch.equal(*passes)
    for order in passes:
        assert torch.equal(order.sort().values, torch.arange(30))
    generator.manual_seed(1)
    assert torch.equal(torch.cat([batch.y for batch in loader]), passes[0])


@pytest.mark.parametrize("count", [12, 13])
def test_drop_last(count):
    loader = ResidentLoader(random_graphs(count=count), 4, drop_last=True)
    assert [batch.num_graphs for batch in loader] == [4, 4, 4]
    assert len(loader) == 3


def test_other_node_features():
    graphs = random_graphs()
    x = torch.rand(sum(graph.num_nodes for graph in graphs), 7)
    loader = ResidentLoader(graphs, 4, x=x)
    assert torch.equal(torch.cat([batch.x for batch in loader]), x)
    last = next(iter(loader.subset(torch.tensor([12]))))
    assert torch.equal(last.x, x[-graphs[12].num_nodes :])


def path(edge_index, **values):
    return Data(x=torch.ones(3, 1), edge_index=torch.tensor(edge_index), **values)


@pytest.mark.parametrize(
    ("graph", "undirected"),
    [
        (path([[0, 1, 1, 2], [1, 0, 2, 1]]), True),
        (path([[0, 1, 1, 2, 2], [1, 0, 2, 1, 2]]), True),
        (path([[0, 1, 1], [1, 0, 2]]), False),
        (path([[0, 0, 1], [1, 1, 0]]), False),
        (path([[0, 1], [1, 0]], edge_weight=torch.tensor([1.0, 2.0])), False),
        (path([[0, 1], [1, 0]], edge_attr=torch.tensor([[1.0, 2.0], [1.0, 3.0]])), False),
        (path([[0, 1, 0, 1], [1, 0, 1, 0]], edge_weight=torch.tensor([1.0, 2, 2, 1])), True),
        (path([[0, 1, 0, 1], [1, 0, 1, 0]], edge_weight=torch.tensor([1.0, 2, 2, 3])), False),
    ],
)
def test_is_undirected(graph, undirected):
    other = path([[0, 1], [1, 0]])
    for key in ("edge_weight", "edge_attr"):
        if key in graph:
            other[key] = torch.ones(2, *graph[key].shape[1:])
    for batch in ResidentLoader([other, graph], 2):
        assert batch.edge_index.is_undirected == undirected


def test_edges_between_equal_numbers_in_two_graphs_do_not_pair_up():
    graphs = [path([[0], [1]]), path([[1], [0]])]
    assert not ResidentLoader(graphs).is_undirected


def test_targets_of_nodes_and_python_numbers():
    graphs = random_graphs()
    for graph in graphs:
        graph.y = torch.rand(graph.num_nodes, 2)
    expected = list(DataLoader([with_sorted_edges(graph) for graph in graphs], 4))
    assert_same_batches(ResidentLoader(graphs, 4), expected)
    graphs = [Data(x=torch.ones(2, 1), edge_index=torch.zeros(2, 0).long(), y=v) for v in (3, 5)]
    assert_same_batches(ResidentLoader(graphs, 2), list(DataLoader(graphs, 2)))


def test_edge_index_objects_are_accepted():
    graph = path([[0, 1], [1, 0]])
    graph.edge_index = EdgeIndex(graph.edge_index, sparse_size=(3, 3))
    batch = next(iter(ResidentLoader([graph, graph], 2)))
    # As a tensor: EdgeIndex.tolist() is refused by older PyG.
    assert torch.equal(batch.edge_index.as_tensor(), torch.tensor([[0, 1, 3, 4], [1, 0, 4, 3]]))
    assert type(concatenate([graph, graph]).edge_index) is torch.Tensor


def test_batches_and_loader_survive_pickling():
    loader = ResidentLoader(random_graphs(), 4)
    again = pickle.loads(pickle.dumps(loader))
    assert_same_batches(again, [batch.clone() for batch in loader])


def test_empty_selection_and_repr():
    loader = ResidentLoader(random_graphs(), 4, index=torch.arange(0))
    assert list(loader) == []
    assert len(loader) == 0
    assert repr(loader) == "ResidentLoader(0 graphs, batch_size=4, shuffle=False)"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_batches_on_a_gpu_equal_those_on_the_cpu():
    graphs = random_graphs()
    for ours, expected in zip(
        ResidentLoader(graphs, 4, device="cuda"), ResidentLoader(graphs, 4), strict=True
    ):
        for key in CARRIED:
            assert ours[key].is_cuda
            assert torch.equal(ours[key].cpu(), expected[key])


@pytest.mark.parametrize(
    ("dataset", "arguments", "message"),
    [
        ([], {}, "dataset: expected at least one graph"),
        (random_graphs(), {"batch_size": 0}, "batch_size: expected at least 1, got 0"),
        (random_graphs(), {"x": torch.ones(3, 2)}, r"x: expected shape .*, got \[3, 2\]"),
        (random_graphs(), {"index": torch.tensor([13])}, "index: .* 0 to 12, got 13 to 13"),
        (random_graphs(), {"index": torch.tensor([-1])}, "index: .* got -1 to -1"),
        (random_graphs(), {"index": torch.ones(13) > 0}, r"index: .* got torch.bool of shape"),
        ([path([[0, 3], [3, 0]])], {}, r"dataset: .* nodes 0 to 2 .* got \[0, 3\]"),
        ([path([[0, -1], [1, 0]])], {}, r"dataset: .* got \[-1, 0\]"),
        ([path([[0.0], [1.0]])], {}, "dataset: expected edge_index of integers"),
        ([Data(x=torch.ones(2, 1))], {}, "dataset: expected graphs with edge_index"),
        ([path([[0], [1]], y=1), path([[0], [1]])], {}, "dataset: expected y in all .* graph 1"),
        ([path([[0], [1]], y=torch.ones(2))], {}, "dataset: expected y .* has 2 rows"),
        ([path([[0], [1]], edge_weight=torch.ones(2))], {}, "dataset: expected 1 rows of edge_w"),
    ],
)
def test_bad_input(dataset, arguments, message):
    with pytest.raises(ValueError, match=message):
        ResidentLoader(dataset, **arguments)


def _process(rank, folder):
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2
    )
    graphs = [Data(x=torch.ones(n, 1), edge_index=torch.empty(2, 0).long()) for n in range(1, 8)]
    found = {}
    for shuffle in (False, True):
        for drop_last in (False, True):
            options = {"shuffle": shuffle, "drop_last": drop_last}
            loader = ResidentLoader(graphs, batch_size=2, shard=True, **options)
            passes = [[batch.graph_index.tolist() for batch in loader] for _ in range(2)]
            loader.set_epoch(0)
            passes.append([batch.graph_index.tolist() for batch in loader])
            assert [len(loader)] * 3 == [len(batches) for batches in passes]
            found[shuffle, drop_last] = passes
    shared = torch.Generator().manual_seed(3)
    loader = ResidentLoader(graphs, batch_size=3, shuffle=True, shard="batch", generator=shared)
    found["parts"] = [(b.graph_index.tolist(), b.loss_weight, b.num_graphs) for b in loader]
    assert len(loader) == len(found["parts"])
    found["whole parts"] = [
        b.graph_index.tolist()
        for b in ResidentLoader(graphs, batch_size=3, shard="batch", drop_last=True)
    ]
    found["all"] = [b.graph_index.tolist() for b in ResidentLoader(graphs, 7, shard=False)]
    for ask in (iter, len):
        with pytest.raises(RuntimeError, match=r"shard in one of 2 processes: shard=True"):
            next(ask(ResidentLoader(graphs))) if ask is iter else ask(ResidentLoader(graphs))
    torch.save(found, f"{folder}/{rank}.pt")
    distributed.barrier()  # Nobody leaves while another still listens.
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    """Return what each of two processes has loaded."""
    folder = tmp_path_factory.mktemp("processes")
    multiprocessing.spawn(_process, (str(folder),), nprocs=2)
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


def test_processes_share_the_graphs_as_a_distributed_sampler_would_have_them(two_processes):
    first, second = two_processes
    assert first["all"] == second["all"] == [list(range(7))]
    for rank, found in enumerate((first, second)):
        sampler = DistributedSampler(range(7), 2, rank, shuffle=False)
        graphs = [graph for batch in found[False, False][0] for graph in batch]
        assert graphs == list(sampler)
    for drop_last, visited in ((False, set(range(7))), (True, None)):
        for epoch in range(2):
            shares = [
                [graph for batch in found[True, drop_last][epoch] for graph in batch]
                for found in (first, second)
            ]
            assert len(shares[0]) == len(shares[1]) == (2 if drop_last else 4)
            if visited is None:
                assert not set(shares[0]) & set(shares[1])
            else:
                assert set(shares[0]) | set(shares[1]) == visited
    assert first[True, False][0] == first[True, False][2] != first[True, False][1]


def test_processes_divide_the_batches_of_one(two_processes):
    first, second = two_processes
    graphs = [Data(x=torch.ones(n, 1), edge_index=torch.empty(2, 0).long()) for n in range(1, 8)]
    alone = torch.Generator().manual_seed(3)
    joint = list(ResidentLoader(graphs, batch_size=3, shuffle=True, generator=alone))
    assert len(joint) == len(first["parts"]) == len(second["parts"]) == 3
    for batch, (graphs, weight, number), (others, other, _) in zip(
        joint, first["parts"], second["parts"], strict=True
    ):
        order = batch.graph_index.tolist()
        assert (graphs, number) == (order[::2], len(order[::2]))
        assert weight == len(graphs) * 2 / len(order)
        # The last batch is one graph, which the second process has as a placeholder.
        assert (others, other) == ((order[1::2] or order), len(order[1::2]) * 2 / len(order))
    assert first["whole parts"] == [[0, 2], [3, 5]]
    assert second["whole parts"] == [[1], [4]]


def test_without_other_processes_shares_are_everything():
    loader = ResidentLoader(random_graphs(), batch_size=13, shard=True)
    assert [batch.graph_index.tolist() for batch in loader] == [list(range(13))]


@pytest.mark.parametrize(
    ("weight", "error", "message"),
    [
        (torch.tensor([1, 2]), TypeError, "edge_weight: expected a floating point dtype, got"),
        (torch.tensor([1.0, torch.nan]), ValueError, "edge_weight: expected finite weights, got"),
        (torch.ones(2, 2), ValueError, "edge_weight: expected one weight for each of the 2 edges"),
    ],
    ids=["whole", "nan", "wide"],
)
def test_weights_are_checked_as_beside_edges(weight, error, message):
    graph = Data(x=torch.ones(2, 1), edge_index=torch.tensor([[0, 1], [1, 0]]), edge_weight=weight)
    with pytest.raises(error, match=message):
        prepare_adjacency(graph.edge_index, graph.edge_weight)
    with pytest.raises(error, match=message):
        ResidentLoader([graph])


def test_a_column_of_weights_is_taken_as_beside_edges():
    graph = Data(
        x=torch.ones(2, 1),
        edge_index=torch.tensor([[0, 1], [1, 0]]),
        edge_weight=torch.tensor([[0.5], [2.0]]),
    )
    batch = next(iter(ResidentLoader([graph])))
    assert batch.adjacency.weight.shape == (2,)
    s = torch.eye(2)
    given = diff_pool(batch.x, s, batch.adjacency)
    expected = diff_pool(graph.x, s, graph.edge_index, graph.edge_weight)
    for ours, theirs in zip(given, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"index": [0]}, TypeError, "index: expected a tensor, got list"),
        ({"x": [1.0]}, TypeError, "x: expected a tensor, got list"),
        ({"generator": 3}, TypeError, "generator: expected a torch.Generator or None, got 3"),
        ({"shuffle": "yes"}, TypeError, "shuffle: expected True or False, got 'yes'"),
        ({"drop_last": 1}, TypeError, "drop_last: expected True or False, got 1"),
        ({"max_resident_bytes": -1}, ValueError, "max_resident_bytes: expected at least 0, got -1"),
        ({"batch_size": 2.0}, TypeError, "batch_size: expected an integer, got 2.0"),
    ],
    ids=str,
)
def test_arguments_of_the_wrong_kind_are_named(arguments, error, message):
    with pytest.raises(error, match=f"^{message}"):
        ResidentLoader(random_graphs(), **arguments)
