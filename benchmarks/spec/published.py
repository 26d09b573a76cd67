"""Published accuracies in per cent, each with its protocol and source, to stand beside ours."""

from typing import NamedTuple


class Figure(NamedTuple):
    """A published accuracy: mean and, where given, standard deviation over folds, and where from.

    Attributes:
        mean: In per cent.
        std: In per cent.
        source: The publication.
    """

    mean: float
    std: float | None
    source: str


PAPER_SOURCE = "Ying et al. 2018, Tables 1 and 2 (protocol: reference)"
FAIR_SOURCE = (
    "Errica et al. 2020, fair comparison (protocol: fair; COLLAB and REDDIT with degrees as "
    "features; ENZYMES from reprints of the paper)"
)
_LATER_SOURCES = {
    "spn": "Abboud et al. 2022, arXiv 2206.01003 (shortest path networks; ENZYMES with k = 5)",
    "co-gnn": "Finkelshtein et al. 2024, arXiv 2310.01267 (cooperative networks)",
    "gin-fully-adjacent": "Alon and Yahav 2021, arXiv 2006.05205 (a fully adjacent last layer)",
    "diffpool-fully-adjacent": (
        "Alon and Yahav 2021, arXiv 2006.05205 (a fully adjacent last layer)"
    ),
    "gcn": "GCN, rerun by the same procedure (at second hand)",
    "sigma": "SiGMA, as its authors report it (at second hand)",
}
"""Of methods measured later by the same protocol."""

TABLE_1_DATASETS = ("ENZYMES", "DD", "REDDIT-MULTI-12K", "COLLAB", "PROTEINS")
TABLE_2_DATASETS = ("ENZYMES", "DD")
"""Columns of the paper's tables."""

_TABLE_1: dict[str, tuple[float | None, ...]] = {
    "graphlet": (41.03, 74.85, 21.73, 64.66, 72.91),
    "shortest-path": (42.32, 78.86, 36.93, 59.10, 76.43),
    "wl": (53.43, 74.02, 39.03, 78.61, 73.76),
    "wl-oa": (60.13, 79.04, 44.38, 80.74, 75.26),
    "patchysan": (None, 76.27, 41.32, 72.60, 75.00),
    "graphsage": (54.25, 75.42, 42.24, 68.25, 70.48),
    "ecc": (53.50, 74.10, 41.73, 67.79, 72.65),
    "set2set": (60.15, 78.12, 43.49, 71.75, 74.29),
    "sortpool": (57.12, 79.37, 41.82, 73.76, 75.54),
    "diffpool-det": (58.33, 75.47, 46.18, 82.13, 75.62),
    "diffpool-nolp": (61.95, 79.98, 46.65, 75.58, 76.22),
    "diffpool": (62.53, 80.64, 47.08, 75.48, 76.25),
}
_TABLE_2: dict[str, tuple[float | None, ...]] = {
    "s2v": (61.10, 78.92),
    "s2v-diffpool1": (62.86, 80.75),
    "s2v-diffpool2": (63.33, 82.07),
}
WITHOUT_EDGES = ("size", "statistics")
"""Rows that precede the paper's: what the data reward without any network."""
TABLE_1_METHODS = tuple(_TABLE_1)
TABLE_2_METHODS = tuple(_TABLE_2)
"""Rows of the paper's tables, in its order, by the names of our methods."""

BASELINE = "graphsage"
"""The row to which Table 1's last column is the mean difference."""

PRINTED_GAINS = {
    "patchysan": 4.17,
    "ecc": 0.11,
    "set2set": 3.32,
    "sortpool": 3.39,
    "diffpool-det": 5.42,
    "diffpool-nolp": 5.95,
    "diffpool": 6.27,
}
"""The paper's gain column as it is printed; the first three do not follow from its cells."""

_FAIR_DATASETS = ("DD", "PROTEINS", "ENZYMES", "REDDIT-MULTI-5K", "COLLAB")
_FAIR_ROWS: dict[str, tuple[tuple[float, float] | None, ...]] = {
    "baseline": ((78.4, 4.5), (75.8, 3.7), (65.2, 6.4), (52.2, 1.5), (70.2, 1.5)),
    "sortpool": ((76.6, 4.3), (72.9, 3.5), (38.9, 5.7), (49.2, 1.2), (71.2, 1.9)),
    "diffpool": ((75.0, 3.5), (73.7, 3.5), (59.5, 5.6), (53.8, 1.4), (68.9, 2.0)),
    "ecc": ((72.6, 4.1), (72.3, 3.4), (29.5, 8.2), None, None),
    "gin": ((75.3, 2.9), (73.3, 4.0), (59.6, 4.5), (56.1, 1.7), (75.6, 2.3)),
    "graphsage": ((72.9, 2.0), (73.0, 4.5), (58.2, 6.0), (50.0, 1.3), (73.9, 1.7)),
}
_LATER: dict[tuple[str, str], tuple[float, float | None]] = {
    ("ENZYMES", "spn"): (69.4, 6.2),
    ("PROTEINS", "spn"): (74.2, None),
    ("DD", "spn"): (77.4, None),
    ("ENZYMES", "co-gnn"): (68.3, None),
    ("REDDIT-MULTI-5K", "co-gnn"): (56.3, None),
    ("ENZYMES", "gin-fully-adjacent"): (67.7, None),
    ("ENZYMES", "diffpool-fully-adjacent"): (65.7, 4.8),
    ("COLLAB", "sigma"): (78.2, None),
    ("COLLAB", "gcn"): (77.0, None),
}

_TABLES: dict[str, dict[tuple[str, str], Figure]] = {
    "reference": {
        (dataset, method): Figure(value, None, PAPER_SOURCE)
        for table, datasets in ((_TABLE_1, TABLE_1_DATASETS), (_TABLE_2, TABLE_2_DATASETS))
        for method, row in table.items()
        for dataset, value in zip(datasets, row, strict=True)
        if value is not None
    },
    "fair": {
        (dataset, method): Figure(*value, FAIR_SOURCE)
        for method, row in _FAIR_ROWS.items()
        for dataset, value in zip(_FAIR_DATASETS, row, strict=True)
        if value is not None
    }
    | {cell: Figure(*value, _LATER_SOURCES[cell[1]]) for cell, value in _LATER.items()},
}


def paper(dataset: str, method: str) -> Figure | None:
    """Return the paper's figure, of Table 1 or 2, which is of protocol ``reference``."""
    return _TABLES["reference"].get((dataset, method))


def published(dataset: str, method: str, protocol: str) -> Figure | None:
    """Return the method's published figure under the same protocol."""
    return _TABLES[protocol].get((dataset, method))


def best_published(dataset: str, protocol: str) -> tuple[str, Figure] | None:
    """Return the best published method of a data set under a protocol, with its figure."""
    rows = [
        (method, figure) for (name, method), figure in _TABLES[protocol].items() if name == dataset
    ]
    return max(rows, key=lambda row: row[1].mean, default=None)


def fair_sources() -> str:
    """Return the sources of the figures under ``fair``, for a table's notes."""
    methods: dict[str, list[str]] = {}
    for method, source in _LATER_SOURCES.items():
        methods.setdefault(source, []).append(method)
    later = [f"{', '.join(names)}: {source}" for source, names in methods.items()]
    return "; ".join([FAIR_SOURCE, *later])
