from benchmarks.timing.gpu import table, training
from benchmarks.timing.gpu.training import train_set
from tests.benchmarks.timing.gpu.parts import setting


def test_training_is_labelled_as_a_timing(tiny_data, tmp_path, monkeypatch):
    # One job runs in this process.
    monkeypatch.setattr(training.os, "cpu_count", lambda: 1)
    (row,) = train_set("TINY", setting(tmp_path / "runs"), method=tiny_data)
    assert row["label"] == "a timing of few epochs, no accuracy result"
    assert (row["cells"], row["failed"], row["epochs"]) == (2, 0, [5, 5])
    assert "test_accuracy" not in row
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name == row["run"]
    assert table.training_lines([row])[0]["cells"] == "2 of 2"
