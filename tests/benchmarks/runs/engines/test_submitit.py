import signal

import pytest

from benchmarks.data.folders import cache_folder
from benchmarks.runs.elsewhere import elsewhere
from benchmarks.runs.engine import EngineRequest
from benchmarks.runs.engines import make_engine
from benchmarks.runs.submitting import LostWorkerError
from benchmarks.spec.errors import UsageError
from tests.benchmarks.runs.engines.small_run import assert_as_local, small_plan, task_in

submitit = pytest.importorskip("submitit", reason="needs submitit")
pytestmark = pytest.mark.submitit


def test_a_lost_job_is_begun_anew_and_the_cells_are_those_of_local(tmp_path, monkeypatch):
    # A job that has left no result is given up after 15 s, which slow file systems need.
    monkeypatch.setattr(submitit.local.local.LocalJob, "_results_timeout_s", 0)
    assert_as_local(make_engine("submitit", EngineRequest(jobs=2)), tmp_path)
    # Of the job that was lost the logs stay, to be read.
    left = [path.suffix for path in tmp_path.glob("engine/*/.submitit/*")]
    assert sorted(left) == [".err", ".out"]


@pytest.fixture
def slurm(monkeypatch):
    """Answer as SLURM's commands do, by submitit's own test utility."""
    test_slurm = pytest.importorskip("submitit.slurm.test_slurm")
    with test_slurm.mocked_slurm() as mocked:
        yield mocked


@pytest.fixture
def own_signals():
    """Take back the handlers of signals that a job sets in its process."""
    kept = {number: signal.getsignal(number) for number in signal.valid_signals()}
    yield
    for number, handler in kept.items():
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)


def script(task):
    (path,) = (task.task.store.folder / ".submitit").glob("*_submission.sh")
    return path.read_text()


def test_cells_are_an_array_of_jobs_that_ask_for_gpus(tmp_path, slurm):
    options = {"slurm_partition": "large", "timeout_min": "90"}
    engine = make_engine("submitit", EngineRequest(2, 2, options))
    assert engine.cluster == "slurm"
    assert engine.room() == 1000
    with elsewhere(task_in(tmp_path)) as task:
        jobs = engine.begin(task, small_plan().cells())
        assert [job.job_id for job in jobs] == ["12_0", "12_1"]
        lines = script(task).splitlines()
    for line in ("--array=0-1%2", "--gpus-per-node=2", "--partition=large", "--time=90"):
        assert f"#SBATCH {line}" in lines
    assert "#SBATCH --cpus-per-task=1" in lines


def test_a_job_of_slurms_runs_its_cell_and_leaves_no_file(tmp_path, slurm, own_signals):
    engine = make_engine("submitit", EngineRequest())
    (cell, _) = small_plan().cells()
    cache_folder().mkdir(parents=True)
    with elsewhere(task_in(tmp_path)) as task:
        (job,) = engine.begin(task, [cell])
        assert "#SBATCH --gpus-per-node" not in script(task)
        with slurm.job_context(job.job_id):
            submitit.core.submission.process_job(job.paths.folder)
        slurm.set_job_state(job.job_id, "COMPLETED")
        assert engine.finished([job]) == [job]
        assert "validation" in engine.outcome(job, cell)
        assert task.task.store.has(0, 0, 0)
        assert not (task.task.store.folder / ".submitit").exists()


def test_a_job_that_left_no_result_is_a_lost_worker(tmp_path, slurm, monkeypatch):
    monkeypatch.setattr(submitit.SlurmJob, "_results_timeout_s", 0)
    engine = make_engine("submitit", EngineRequest())
    with elsewhere(task_in(tmp_path)) as task:
        (job,) = engine.begin(task, small_plan().cells()[:1])
        slurm.set_job_state(job.job_id, "NODE_FAIL")
        with pytest.raises(LostWorkerError, match="has not produced any output"):
            engine.outcome(job, small_plan().cells()[0])
        stopped = []
        monkeypatch.setattr(job, "cancel", lambda check: stopped.append(check))
        engine.stop([job])
        assert stopped == [False]


def test_a_job_whose_time_is_up_is_the_same_job_again(tmp_path):
    from benchmarks.runs.engines.submitit import _Job

    with elsewhere(task_in(tmp_path)) as task:
        (cell, _) = small_plan().cells()
        again = _Job(task).checkpoint(cell)
        assert (again.function.task, again.args) == (task, (cell,))


def test_a_part_of_a_gpu_is_refused_with_the_way_out():
    with pytest.raises(UsageError, match=r"whole number .* got 0\.25; .* slurm_gres=shard:1"):
        make_engine("submitit", EngineRequest(gpus_per_cell=0.25))


def test_an_option_that_submitit_does_not_know_is_told(tmp_path):
    engine = make_engine("submitit", EngineRequest(options={"partitoin": "large"}))
    with (
        elsewhere(task_in(tmp_path)) as task,
        pytest.raises(UsageError, match=r"--engine-option: .*partitoin"),
    ):
        engine.begin(task, small_plan().cells())
