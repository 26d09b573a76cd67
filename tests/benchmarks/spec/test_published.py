import pytest

from benchmarks.spec import published


def test_published_figures_are_those_of_the_sources():
    assert published.paper("PROTEINS", "diffpool").mean == 76.25
    assert published.paper("COLLAB", "diffpool-nolp").mean == 75.58
    assert published.paper("REDDIT-MULTI-5K", "diffpool") is None
    figure = published.published("DD", "diffpool", "fair")
    assert (figure.mean, figure.std, figure.source) == (75.0, 3.5, published.FAIR_SOURCE)
    assert published.best_published("COLLAB", "reference")[0] == "diffpool-det"
    assert published.best_published("REDDIT-MULTI-12K", "fair") is None


@pytest.mark.parametrize(
    ("dataset", "method", "figure"),
    [
        ("ENZYMES", "co-gnn", (68.3, None)),
        ("ENZYMES", "gin-fully-adjacent", (67.7, None)),
        ("ENZYMES", "baseline", (65.2, 6.4)),
        ("ENZYMES", "diffpool-fully-adjacent", (65.7, 4.8)),
        ("PROTEINS", "spn", (74.2, None)),
        ("DD", "spn", (77.4, None)),
        ("COLLAB", "gcn", (77.0, None)),
        ("COLLAB", "gin", (75.6, 2.3)),
        ("REDDIT-MULTI-5K", "gin", (56.1, 1.7)),
    ],
)
def test_further_figures_under_the_fair_protocol(dataset, method, figure):
    known = published.published(dataset, method, "fair")
    assert (known.mean, known.std) == figure
    assert known.source in published.fair_sources()


@pytest.mark.parametrize(
    ("dataset", "method", "mean"),
    [
        ("ENZYMES", "spn", 69.4),
        ("PROTEINS", "baseline", 75.8),
        ("DD", "baseline", 78.4),
        ("COLLAB", "sigma", 78.2),
        ("REDDIT-MULTI-5K", "co-gnn", 56.3),
    ],
)
def test_the_best_figures_under_the_fair_protocol_have_their_sources(dataset, method, mean):
    best, figure = published.best_published(dataset, "fair")
    assert (best, figure.mean) == (method, mean)
    assert figure.source in published.fair_sources()
