from benchmarks.timing.loader import line


def verdict(row):
    return list(line(row).values())[-2:]


def test_verdicts():
    row = {"set": "COLLAB", "loader": "ResidentLoader", "median_ms": 1.0, "graphs_per_second": 1.0}
    assert verdict(row | {"times_pyg": 2.6}) == ["2.5", "met"]
    assert verdict(row | {"times_pyg": 2.4})[1] == "NOT MET"
    assert verdict(row | {"times_pyg": 9.0, "loader": "DataLoader"}) == ["", ""]
