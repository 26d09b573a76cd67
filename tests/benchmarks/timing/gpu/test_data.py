from benchmarks.timing.gpu.data import data_there


def test_data_are_there_in_the_folder_of_zips(monkeypatch, tmp_path):
    monkeypatch.setenv("PYG_DIFFPOOL_DATA", str(tmp_path))
    monkeypatch.setenv("PYG_DIFFPOOL_CACHE", str(tmp_path / "cache"))
    assert not data_there("DD")
    (tmp_path / "DD.zip").touch()
    assert data_there("DD")
    monkeypatch.setenv("PYG_DIFFPOOL_DATA", "http://localhost:9/data")
    assert not data_there("DD")


def test_data_are_there_in_the_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("PYG_DIFFPOOL_DATA", "http://localhost:9/data")
    monkeypatch.setenv("PYG_DIFFPOOL_CACHE", str(tmp_path))
    processed = tmp_path / "DD" / "processed"
    processed.mkdir(parents=True)
    assert not data_there("DD")
    (processed / "data.pt").touch()
    assert data_there("DD")
