"""Small TU data sets as lines of text, and what the readers must agree in."""

import torch

# Three graphs of 3, 1 and 2 nodes; edge (2, 2) is a self-loop, edge (5, 6) comes twice.
PLAIN = {
    "A": ["2, 1", "1, 2", "2, 2", "3, 2", "2, 3", "5, 6", "6, 5", "5, 6"],
    "graph_indicator": ["1", "1", "1", "2", "3", "3"],
    "graph_labels": ["7", "-1", "7"],
}
NODE_LABELS = {"node_labels": ["4", "2", "2", "6", "4", "2"]}
NODE_ATTRIBUTES = {
    "node_attributes": [" 0.1, 1e-3", "-2, 3.3333333333", "0.30000000001, 4", "5,6", "7,8", "9,1.7"]
}
ONE_ATTRIBUTE = {"node_attributes": [" 23.000000", " 1.5", "0.1", "0", "-2", " 4"]}
EDGES = {
    "edge_labels": ["1", "1", "3", "0", "0", "3", "1", "0"],
    "edge_attributes": ["0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8"],
}
TWO_LABELS = {"node_labels": ["1, 0", "2, 3", "1, 1", "1, 1", "2, 0", "1, 0"]}
REGRESSION = {"graph_attributes": ["0.5", "1.25", "-3"]}
KINDS = {
    "plain": {},
    "labels": NODE_LABELS,
    "two label columns": TWO_LABELS,
    "attributes": NODE_ATTRIBUTES,
    "one attribute": ONE_ATTRIBUTE,
    "everything": {**NODE_LABELS, **NODE_ATTRIBUTES, **EDGES},
    "edge attributes": {"edge_attributes": EDGES["edge_attributes"]},
    "regression": REGRESSION,
}


def unpack(folder, name, files):
    for kind, lines in files.items():
        (folder / f"{name}_{kind}.txt").write_text("\n".join(lines) + "\n")


def assert_equal_value(ours, theirs):
    if isinstance(theirs, torch.Tensor):
        assert ours.dtype == theirs.dtype
        assert torch.equal(ours, theirs)
    else:
        assert ours == theirs


def assert_equal_data(ours, theirs):
    """Data, slices and sizes agree to the last bit."""
    ours, theirs = (ours[0].to_dict(), *ours[1:]), (theirs[0].to_dict(), *theirs[1:])
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.keys() == other.keys()
        for key in other:
            assert_equal_value(mine[key], other[key])
