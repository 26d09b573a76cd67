"""Node features: labels, attributes standardised on the training part, or degrees."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.data import InMemoryDataset

from benchmarks.data.tu_reader import LARGEST_ONE_HOT, one_hot_gigabytes

FEATURES = (
    "auto",
    "labels",
    "attributes",
    "labels+attributes",
    "degree-one-hot",
    "degree-scalar",
    "constant",
)


def node_features(
    dataset: InMemoryDataset,
    train_index: Tensor,
    *,
    features: str = "auto",
    degree_cap: int = 128,
    label_cap: int | None = None,
) -> Tensor:
    """Features of all nodes, in the order of the data set, as float32 ``[N, F]``.

    Whatever is estimated (mean, standard deviation, largest degree) comes from the nodes of the
    training graphs alone. A column that is constant there carries nothing a model could learn, and
    is 0 everywhere.

    Args:
        dataset: A TU data set loaded with ``use_node_attr=True`` (as ``load_dataset`` does), or one
            that tells no labels from attributes: all of its features are attributes.
        train_index: Numbers of the training graphs.
        features: What the features are:

            - ``"labels"``: one-hot node labels;
            - ``"attributes"``: standardised continuous attributes;
            - ``"labels+attributes"``: both, in this order;
            - ``"degree-one-hot"``: one-hot degree, where the last column stands for the largest
              training degree (at most ``degree_cap``) and all above;
            - ``"degree-scalar"``: log(1 + degree), standardised;
            - ``"constant"``: ones;
            - ``"auto"``: labels and attributes as far as there are any, else ``"degree-one-hot"``.
        degree_cap: Largest degree that has its own column.
        label_cap: Largest number of columns of labels. Where there are more labels, the most
            frequent ones of the training nodes have a column each, and the last column is for all
            others. (default: a column for every label)
    """
    if features not in FEATURES:
        raise ValueError(f"features: expected one of {', '.join(FEATURES)}, got {features!r}")
    if getattr(dataset, "_indices", None) is not None:
        raise ValueError("dataset: expected the whole data set, got a selection of its graphs")
    counts = graph_sizes(dataset)
    train_nodes = _train_nodes(train_index, counts)
    if features == "constant":
        return torch.ones(int(counts.sum()), 1)
    num_attributes, num_labels = _widths(dataset)
    has_labels, has_attributes = num_labels > 0, num_attributes > 0
    if features == "auto":
        present = {"labels": has_labels, "attributes": has_attributes}
        features = "+".join(name for name, there in present.items() if there) or "degree-one-hot"
    if features.startswith("degree"):
        degree = _degrees(dataset, counts)
        if features == "degree-scalar":
            return _standardise(degree.double().log1p().unsqueeze(1), train_nodes)
        return _one_hot_degrees(degree, train_nodes, degree_cap)

    check_label_width(dataset, features, label_cap)
    attributes, labels = _stored_features(dataset)
    parts = []
    if "labels" in features:
        if not has_labels:
            raise ValueError(f"features={features!r}: {dataset} has no node labels")
        if "node_label" in dataset._data or (label_cap is not None and num_labels > label_cap):
            labels = _capped_labels(_label_numbers(dataset, labels), train_nodes, label_cap)
        parts.append(labels.float())
    if "attributes" in features:
        if not has_attributes:
            raise ValueError(f"features={features!r}: {dataset} has no continuous attributes")
        parts.append(_standardise(attributes.double(), train_nodes))
    return torch.cat(parts, dim=1)


def graph_sizes(dataset: InMemoryDataset) -> Tensor:
    """Return each graph's number of nodes."""
    if "x" not in dataset.slices:
        return torch.as_tensor(dataset._data._num_nodes, dtype=torch.long)
    sizes: Tensor = dataset.slices["x"].diff()
    return sizes


def _train_nodes(train_index: Tensor, counts: Tensor) -> Tensor:
    """Mask of the nodes of the training graphs."""
    if train_index.dtype != torch.long or train_index.dim() != 1 or train_index.numel() == 0:
        raise ValueError(
            "train_index: expected a non-empty vector of graph numbers (int64), got "
            f"{train_index.dtype} of shape {tuple(train_index.shape)}"
        )
    low, high = int(train_index.min()), int(train_index.max())
    if low < 0 or high >= counts.numel():
        raise ValueError(
            f"train_index: expected graph numbers from 0 to {counts.numel() - 1}, "
            f"got {low} to {high}"
        )
    chosen = torch.zeros(counts.numel(), dtype=torch.bool)
    chosen[train_index] = True
    return chosen.repeat_interleave(counts)


def _stored_features(dataset: InMemoryDataset) -> tuple[Tensor, Tensor]:
    """Attributes and one-hot labels, in the order in which PyG stores them."""
    widths = _widths(dataset)
    if "node_label" in dataset._data:
        widths[1] = 0
    x = dataset._data.x
    stored = 0 if x is None else x.size(1)
    if stored != sum(widths):
        raise ValueError(
            f"dataset: expected {sum(widths)} feature columns, got {stored}; "
            "load it with use_node_attr=True"
        )
    if x is None:
        x = torch.empty(dataset._data.num_nodes, 0)
    attributes, labels = x.split(widths, dim=1)
    return attributes, labels


def check_label_width(dataset: InMemoryDataset, features: str, label_cap: int | None) -> None:
    """Refuse one-hot labels that memory is too small for, or a cap without room for two columns.

    Args:
        dataset: The data set.
        features: As in :func:`node_features`.
        label_cap: As in :func:`node_features`.
    """
    if label_cap is not None and label_cap < 2:
        raise ValueError(f"label_cap: expected at least 2, got {label_cap}")
    if "node_label" not in dataset._data or not (features == "auto" or "labels" in features):
        return
    num_nodes, width = dataset._data.num_nodes, dataset.num_node_labels
    columns = width if label_cap is None else min(width, label_cap)
    size = one_hot_gigabytes(num_nodes, columns)
    if size > LARGEST_ONE_HOT / 1e9:
        raise ValueError(
            f"{dataset} has {width} node labels, of which {columns} columns for {num_nodes} nodes "
            f"would need {size:.1f} GB; set a smaller label_cap, such as label_cap=128 (the most "
            "frequent labels, and one column for all others), or features=degree-one-hot"
        )


def _label_numbers(dataset: InMemoryDataset, labels: Tensor) -> Tensor:
    """Return the columns of a one-hot form that each node's labels are in, ``[N, labels]``."""
    if "node_label" in dataset._data:
        numbers: Tensor = dataset._data.node_label
        widths = numbers.max(dim=0).values + 1
        return numbers + widths.cumsum(0) - widths
    return labels.nonzero()[:, 1].view(len(labels), -1)


def _capped_labels(numbers: Tensor, train_nodes: Tensor, label_cap: int | None) -> Tensor:
    """One column for each of the most frequent training labels, and the last for all others."""
    width = int(numbers.max()) + 1
    if label_cap is None or width <= label_cap:
        return torch.zeros(len(numbers), width).scatter_(1, numbers, 1.0)
    counts = numbers[train_nodes].view(-1).bincount(minlength=width)
    kept = counts.argsort(descending=True, stable=True)[: label_cap - 1].sort().values
    column = torch.full((width,), label_cap - 1)
    column[kept] = torch.arange(label_cap - 1)
    return torch.zeros(len(numbers), label_cap).scatter_(1, column[numbers], 1.0)


def _widths(dataset: InMemoryDataset) -> list[int]:
    """Numbers of columns of attributes and of labels."""
    return [
        getattr(dataset, "num_node_attributes", dataset.num_features),
        getattr(dataset, "num_node_labels", 0),
    ]


def _standardise(values: Tensor, train_nodes: Tensor) -> Tensor:
    train = values[train_nodes]
    spread = train.std(dim=0, correction=0)
    varies = (train != train[:1]).any(dim=0)
    scaled = (values - train.mean(dim=0)) / torch.where(varies, spread, 1.0)
    return torch.where(varies, scaled, 0.0).float()


def _degrees(dataset: InMemoryDataset, counts: Tensor) -> Tensor:
    """Number of edges that leave each node."""
    first_node = counts.cumsum(0) - counts
    edges_of_graph = dataset.slices["edge_index"].diff()
    node = dataset._data.edge_index[0] + first_node.repeat_interleave(edges_of_graph)
    return node.bincount(minlength=int(counts.sum()))


def _one_hot_degrees(degree: Tensor, train_nodes: Tensor, degree_cap: int) -> Tensor:
    if degree_cap < 1:
        raise ValueError(f"degree_cap: expected at least 1, got {degree_cap}")
    last = min(degree_cap, int(degree[train_nodes].max()))
    one_hot = torch.zeros(degree.numel(), last + 1)
    return one_hot.scatter_(1, degree.clamp(max=last).unsqueeze(1), 1.0)
