import pytest

from benchmarks.data.registry import find_source
from benchmarks.timing import set2set_steps
from benchmarks.timing.claim_contenders import SHARED, load_timing_data


@pytest.fixture
def tiny(tiny_data, monkeypatch):
    monkeypatch.setitem(SHARED, "hidden_channels", 8)
    return load_timing_data("TINY", find_source("TINY").graphs, "cpu", 0)


def test_steps_have_room_in_the_time_there_is():
    probed = set2set_steps.PROBED
    # A second for three steps, 17 for 19: one a step.
    assert set2set_steps.steps_within(51.0, 1.0, 17.0, 1000) == 53
    assert set2set_steps.steps_within(51.0, 1.0, 17.0, 40) == 40
    assert set2set_steps.steps_within(1.5, 1.0, 17.0, 1000) == probed
    assert set2set_steps.steps_within(1e9, 1.0, 1.0, 1000) == 1000


def test_memory_bounds_the_steps(tiny, monkeypatch):
    batches = list(tiny.loader)
    nodes = max(batch.num_nodes for batch in batches)
    assert set2set_steps.bytes_of_step(batches) == nodes * 8 * 3 * 4 * 3
    large = tiny._replace(sizes=tiny.sizes * 1000)
    monkeypatch.setattr(set2set_steps, "_timed", lambda *arguments: 0.0)
    monkeypatch.setattr(
        set2set_steps, "free_bytes", lambda device: 200 * set2set_steps.bytes_of_step(batches)
    )
    assert set2set_steps.measurable_steps(large, None, batches, 1, "cpu", 0) == 100
