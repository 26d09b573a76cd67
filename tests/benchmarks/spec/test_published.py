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
