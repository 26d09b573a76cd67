import time

import pytest

from benchmarks.runs.engine import EngineRequest
from benchmarks.runs.engines import make_engine
from benchmarks.runs.worker import CellFailure
from tests.benchmarks.runs.engines.small_run import assert_as_local, small_plan

ray = pytest.importorskip("ray", reason="needs ray")
pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def cluster():
    """Connect to two nodes of one CPU, of which the second says that it has a GPU."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        # Ray's workers give way to all others by default: here, to the other tests.
        patch.setenv("RAY_worker_niceness", "0")
        nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        nodes.add_node(num_cpus=1, num_gpus=1)
        ray.init(address=nodes.address, log_to_driver=False)
        yield nodes
        ray.shutdown()
        nodes.shutdown()


@pytest.fixture
def engine(cluster):
    return make_engine("ray", EngineRequest())


def test_a_lost_worker_is_replaced_and_the_cells_are_those_of_local(engine, tmp_path):
    assert engine.room() == 2
    assert_as_local(engine, tmp_path)


@pytest.mark.parametrize(("share", "room"), [(0, 2), (0.25, 2), (1, 1), (2, 1)])
def test_a_cell_asks_for_a_cpu_and_its_share_of_a_gpu(cluster, monkeypatch, share, room):
    asked = {}
    monkeypatch.setattr(ray, "remote", lambda **options: asked.update(options) or (lambda run: run))
    # Two CPUs; a GPU, which is four quarters of one.
    assert make_engine("ray", EngineRequest(gpus_per_cell=share)).room() == room
    assert asked == {"num_cpus": 1, "num_gpus": share, "max_retries": 0}
    assert make_engine("ray", EngineRequest(5, share)).room() == 5


def sleep(cell):
    time.sleep(600)


def broken(cell):
    raise ZeroDivisionError("so it is")


def test_a_stopped_cell_ends_and_an_error_is_its_failure(engine):
    (cell, _) = small_plan().cells()
    (slow,) = engine.begin(sleep, [cell])
    (fast,) = engine.begin(broken, [cell])
    assert engine.finished([slow, fast]) == [fast]
    failure = engine.outcome(fast, cell)
    assert isinstance(failure, CellFailure)
    assert "ZeroDivisionError: so it is" in failure.text
    engine.stop([slow])
    assert engine.finished([slow]) == [slow]
    assert isinstance(engine.outcome(slow, cell), CellFailure)
