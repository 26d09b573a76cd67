import os

import pytest

from benchmarks.records.output_path import check_file, check_folder
from benchmarks.spec.errors import UsageError


def test_folders_that_are_there_or_can_be_made_pass_and_nothing_is_made(tmp_path):
    check_folder("--out", tmp_path)
    check_folder("--out", tmp_path / "a" / "b")
    check_file("--out", tmp_path / "a" / "page.html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("below", ["file", "file/a", "file/a/b"])
def test_a_file_in_the_way_is_named(tmp_path, below):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=f"--out: expected a folder.*{tmp_path}/file is a file"):
        check_folder("--out", tmp_path / below)


def test_what_cannot_be_written_is_refused(tmp_path, monkeypatch):
    # The superuser may write anywhere: the system's answer is given here.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(UsageError, match=f"that can be written, {tmp_path} cannot"):
        check_folder("--out", tmp_path / "a")


def test_a_folder_is_no_file_and_a_name_has_a_length(tmp_path):
    with pytest.raises(UsageError, match="--out: expected a file"):
        check_file("--out", tmp_path)
    with pytest.raises(UsageError, match="--out: File name too long"):
        check_folder("--out", tmp_path / ("x" * 300))
