import json

import pytest
import torch

from benchmarks.timing.gpu import process
from benchmarks.timing.gpu import run as gpu_run
from tests.benchmarks.command_line import invoke


def test_without_a_gpu_there_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    done = invoke("gpu", "--quick", "--out", tmp_path / "out")
    assert done.exit_code == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: gpu: expected a CUDA device")
    assert not (tmp_path / "out").exists()
    assert invoke("gpu", "--help").exit_code == 0


@pytest.fixture
def pretended_gpu(monkeypatch):
    """Let the command find a GPU, and run its parts here on the CPU."""

    def here(name, address, setting, lines, skip, kill_at):
        process.run_part(name, address, setting._replace(device="cpu"), lines, skip)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "pretended")
    monkeypatch.setattr(gpu_run, "run_part_alone", here)


@pytest.mark.parametrize(("name", "code"), [("good", 0), ("raising", 1)])
def test_the_command_prints_stores_and_tells_failures(
    name, code, pretended_gpu, gpu_parts, tmp_path
):
    gpu_parts("good", "raising")
    done = invoke("gpu", "--quick", "--part", name, "--format", "json", "--out", tmp_path)
    assert done.exit_code == code, done.stderr
    (path,) = tmp_path.iterdir()
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert json.loads(done.stdout) == rows
    assert {row["part"].partition(":")[0] for row in rows} == {"machine", name}
    assert rows[0]["machine"]["gpu"] == "pretended"
    assert str(path) in done.stderr
    assert ("FAILED: raising: fails" in done.stderr) == bool(code)
    assert invoke("gpu", "--quick", "--part", "god").exit_code == 2


def test_a_stopped_command_keeps_what_it_has(pretended_gpu, gpu_parts, tmp_path, monkeypatch):
    def stop(*arguments):
        raise KeyboardInterrupt

    gpu_parts("good")
    monkeypatch.setattr(gpu_run, "run_part_alone", stop)
    done = invoke("gpu", "--out", tmp_path)
    assert done.exit_code == 130
    (path,) = tmp_path.iterdir()
    assert f"--resume {path}" in done.stderr
