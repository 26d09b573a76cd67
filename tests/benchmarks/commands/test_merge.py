from benchmarks.records.store import RunStore
from tests.benchmarks.command_line import invoke
from tests.benchmarks.stored import write_run

RUN = "TINY-diffpool-fair-1"


def test_folders_are_brought_together_and_what_was_left_out_is_told(tmp_path):
    write_run(tmp_path / "a", RUN, "TINY", "diffpool", {0: 0.1})
    write_run(tmp_path / "b", RUN, "TINY", "diffpool", {1: 0.2})
    RunStore(tmp_path / "b", RUN).cell_path(0, 2, 0).write_text("{")
    out = tmp_path / "out"
    done = invoke("merge", tmp_path / "a", tmp_path / "b", "--out", out)
    assert done.exit_code == 0, done.stderr
    assert "left out: " in done.stderr
    assert f"2 cells of 1 runs are new in {out}, 0 were there" in done.stderr
    assert [cell["fold"] for cell in RunStore(out, RUN).cells()] == [0, 1]


def test_conflicts_are_told_and_end_with_2(tmp_path):
    write_run(tmp_path / "a", RUN, "TINY", "diffpool", {0: 0.1})
    write_run(tmp_path / "b", RUN, "TINY", "diffpool", {0: 0.2})
    done = invoke("merge", tmp_path / "a", tmp_path / "b", "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert "1 conflicts between the folders" in done.stderr
    assert "fold-00_seed-0: not the same validation_accuracy" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_not_there_is_told(tmp_path):
    done = invoke("merge", tmp_path / "none", "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert f"DIR: no folder {tmp_path / 'none'}" in done.stderr.replace("\n", "")
