import pytest

from benchmarks.timing.gpu import part


@pytest.mark.parametrize(("now", "left"), [(90.0, 5.0), (97.0, 3.0), (100.0, 0.0), (120.0, 0.0)])
def test_no_more_is_left_than_until_the_deadline(now, left, monkeypatch, tmp_path):
    monkeypatch.setattr(part.time, "time", lambda: now)
    assert part.Setting("cpu", 0, True, 100.0, tmp_path).left(5.0) == left
