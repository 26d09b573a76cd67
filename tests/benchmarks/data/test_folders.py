import multiprocessing
import signal
import time

import pytest

from benchmarks.data.folders import CACHE_VARIABLE, cache_folder, exclusive
from benchmarks.spec.errors import UsageError


def test_the_cache_is_where_the_variable_says(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "made later"))
    assert cache_folder() == tmp_path / "made later"
    monkeypatch.delenv(CACHE_VARIABLE)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "pyg_diffpool"


@pytest.mark.parametrize("below", ["", "folder"])
def test_a_file_is_no_cache(tmp_path, monkeypatch, below):
    (tmp_path / "file").write_text("kept")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file" / below))
    with pytest.raises(UsageError, match=r"_CACHE: expected a folder, got .* is a file"):
        cache_folder()


def _hold(path, held):
    with exclusive(path):
        held.set()
        time.sleep(60)


def test_a_lock_is_free_when_its_process_is_killed(tmp_path):
    path, context = tmp_path / "folder" / "lock", multiprocessing.get_context("spawn")
    held = context.Event()
    process = context.Process(target=_hold, args=(path, held))
    process.start()
    assert held.wait(timeout=120)
    process.kill()
    with exclusive(path) as mine:
        assert mine
    process.join(timeout=60)
    assert process.exitcode == -signal.SIGKILL


def test_a_folder_that_cannot_be_written_needs_no_lock(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with exclusive(tmp_path / "file" / "lock") as held:
        assert not held
