import pytest
import torch
from torch_geometric.data import Data, InMemoryDataset

from benchmarks.data import features
from benchmarks.data.features import node_features

TRAIN = torch.tensor([0, 2])


class Graphs(InMemoryDataset):
    """Three graphs of 2, 3 and 2 nodes: two attributes (if any), then three one-hot labels."""

    def __init__(self, attributes=2, labels=3):
        super().__init__(None)
        sizes = [2, 3, 2]
        self.sizes = {"num_node_attributes": attributes, "num_node_labels": labels}
        self.attributes = torch.tensor(
            [[1.0, 5.0], [2.0, 5.0], [90.0, 7.0], [91.0, 8.0], [92.0, 9.0], [4.0, 5.0], [5.0, 5.0]]
        )
        self.labels = torch.eye(3)[[0, 1, 2, 2, 1, 0, 1]]
        x = torch.cat([self.attributes[:, :attributes], self.labels[:, :labels]], dim=1)
        edges = [[[0, 1], [1, 0]], [[0, 0, 1, 2], [1, 2, 0, 0]], [[], []]]
        data_list = [
            Data(x=part, edge_index=torch.tensor(edge).long(), num_nodes=len(part))
            for part, edge in zip(x.split(sizes), edges, strict=True)
        ]
        if attributes + labels == 0:
            for data in data_list:
                data.x = None
        self.data, self.slices = self.collate(data_list)

    num_node_labels = property(lambda self: self.sizes["num_node_labels"])
    num_node_attributes = property(lambda self: self.sizes["num_node_attributes"])

    def __repr__(self):
        return "Graphs"


@pytest.mark.parametrize("features", ["auto", "labels+attributes"])
def test_labels_come_first_and_attributes_are_standardised_on_training_nodes(features):
    dataset = Graphs()
    x = node_features(dataset, TRAIN, features=features)
    assert x.dtype == torch.float32
    assert torch.equal(x[:, :3], dataset.labels)
    train = torch.tensor([1.0, 2.0, 4.0, 5.0])
    expected = (dataset.attributes[:, 0] - train.mean()) / train.std(correction=0)
    torch.testing.assert_close(x[:, 3], expected)


def test_nothing_outside_the_training_part_changes_training_features():
    first, second = Graphs(), Graphs()
    second._data.x[2:5, :2] = -1e6
    train_nodes = torch.tensor([0, 1, 5, 6])
    assert torch.equal(
        node_features(first, TRAIN)[train_nodes], node_features(second, TRAIN)[train_nodes]
    )


def test_a_column_constant_in_training_is_zero_everywhere():
    x = node_features(Graphs(), TRAIN, features="attributes")
    assert x.shape == (7, 2)
    assert x[:, 1].tolist() == [0.0] * 7
    varied = node_features(Graphs(), torch.tensor([0, 1]), features="attributes")
    assert bool((varied[:, 1] != 0).all())


def test_labels_alone_and_auto_without_one_of_the_two():
    dataset = Graphs()
    assert torch.equal(node_features(dataset, TRAIN, features="labels"), dataset.labels)
    assert torch.equal(node_features(Graphs(attributes=0), TRAIN), dataset.labels)
    assert node_features(Graphs(labels=0), TRAIN).shape == (7, 2)


def test_degree_features():
    dataset = Graphs(attributes=0, labels=0)
    degree = torch.tensor([1, 1, 2, 1, 1, 0, 0])
    everything = torch.arange(3)
    one_hot = torch.eye(3)[degree]
    assert torch.equal(node_features(dataset, everything), one_hot)
    # Training graphs have no degree above 1, and all above shares its column.
    assert torch.equal(
        node_features(dataset, TRAIN, features="degree-one-hot"), torch.eye(2)[degree.clamp(max=1)]
    )
    capped = node_features(dataset, everything, features="degree-one-hot", degree_cap=1)
    assert torch.equal(capped, torch.eye(2)[degree.clamp(max=1)])
    scalar = node_features(dataset, everything, features="degree-scalar")
    logarithm = degree.float().log1p()
    expected = (logarithm - logarithm.mean()) / logarithm.std(correction=0)
    torch.testing.assert_close(scalar, expected.unsqueeze(1))
    assert torch.equal(node_features(dataset, TRAIN, features="constant"), torch.ones(7, 1))


@pytest.mark.parametrize(
    ("dataset", "train_index", "arguments", "message"),
    [
        (Graphs(), TRAIN, {"features": "label"}, "features: expected one of auto, .* got 'label'"),
        (Graphs(labels=0), TRAIN, {"features": "labels"}, "Graphs has no node labels"),
        (Graphs(attributes=0), TRAIN, {"features": "labels+attributes"}, "no continuous"),
        (Graphs(0, 0), TRAIN, {"degree_cap": 0}, "degree_cap: expected at least 1, got 0"),
        (Graphs(), torch.tensor([3]), {}, "train_index: .* from 0 to 2, got 3 to 3"),
        (Graphs(), torch.tensor([-1]), {}, "train_index: .* got -1 to -1"),
        (Graphs(), torch.arange(0), {}, "train_index: expected a non-empty vector"),
        (Graphs(), torch.ones(3) > 0, {}, "train_index: .* got torch.bool"),
        (Graphs()[:2], TRAIN, {}, "dataset: expected the whole data set"),
    ],
)
def test_bad_input(dataset, train_index, arguments, message):
    with pytest.raises(ValueError, match=message):
        node_features(dataset, train_index, **arguments)


def test_data_loaded_without_attributes_are_refused():
    dataset = Graphs()
    dataset._data.x = dataset._data.x[:, 2:]
    with pytest.raises(ValueError, match=r"5 feature columns, got 3; load it with use_node_attr"):
        node_features(dataset, TRAIN)


def test_label_cap_keeps_the_most_frequent_training_labels():
    # Training nodes have the labels 0, 1, 0, 1: label 2 shares the last column.
    x = node_features(Graphs(attributes=0), TRAIN, features="labels", label_cap=3)
    assert torch.equal(x, Graphs().labels)
    x = node_features(Graphs(), torch.tensor([0, 1]), features="labels", label_cap=2)
    # Now they have 0, 1, 2, 2, 1: label 1 is as frequent as 2, and comes first.
    assert x.argmax(dim=1).tolist() == [1, 0, 1, 1, 0, 1, 0]
    assert torch.equal(x.sum(dim=1), torch.ones(7))
    with pytest.raises(ValueError, match="label_cap: expected at least 2, got 1"):
        node_features(Graphs(), TRAIN, label_cap=1)


@pytest.mark.parametrize("attributes", [0, 2])
def test_labels_kept_as_numbers_give_the_same_columns(attributes, monkeypatch):
    whole, kept = Graphs(attributes), Graphs(attributes)
    kept._data.node_label = torch.tensor([[0], [1], [2], [2], [1], [0], [1]])
    kept._data.x = kept.attributes if attributes else None
    kept._data.num_nodes, kept._data._num_nodes = 7, [2, 3, 2]
    if not attributes:
        del kept.slices["x"]
    for cap in (None, 2, 5):
        expected = node_features(whole, TRAIN, label_cap=cap)
        assert torch.equal(node_features(kept, TRAIN, label_cap=cap), expected)
    monkeypatch.setattr(features, "LARGEST_ONE_HOT", 60)
    with pytest.raises(
        ValueError, match=r"Graphs has 3 node labels, .* 7 nodes would need 0.0 GB.* label_cap=128"
    ):
        node_features(kept, TRAIN)
    assert node_features(kept, TRAIN, features="degree-scalar").shape == (7, 1)
    assert node_features(kept, TRAIN, features="labels", label_cap=2).shape == (7, 2)
