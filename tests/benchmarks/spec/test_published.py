from benchmarks.spec import published


def test_published_figures_are_those_of_the_sources():
    assert published.paper("PROTEINS", "diffpool").mean == 76.25
    assert published.paper("COLLAB", "diffpool-nolp").mean == 75.58
    assert published.paper("REDDIT-MULTI-5K", "diffpool") is None
    assert published.published("DD", "diffpool", "fair") == (75.0, 3.5)
    assert published.best_published("COLLAB", "reference")[0] == "diffpool-det"
    assert published.best_published("REDDIT-MULTI-12K", "fair") is None
