import pytest

from benchmarks.timing.gpu import epoch
from benchmarks.timing.trainees import Options
from tests.benchmarks.timing.gpu.parts import setting

QUICK = setting(seconds=1e6)._replace(seed=7)
WHOLE = QUICK._replace(quick=False)


@pytest.fixture
def asked(monkeypatch):
    """What is asked of the bench of epochs and of that of folds."""
    found = []
    monkeypatch.setattr(epoch, "load_epoch_data", lambda name: f"graphs of {name}")
    monkeypatch.setattr(epoch, "default_memory_gib", lambda: 3.0)
    monkeypatch.setattr(epoch.os, "cpu_count", lambda: 16)
    monkeypatch.setattr(epoch, "epoch_rows", lambda *given: found.append(given) or ["epochs"])
    monkeypatch.setattr(epoch, "fold_rows", lambda *given: found.append(given) or ["folds"])
    return found


@pytest.mark.parametrize(
    ("device", "modes"),
    [
        ("cpu", ["one", "processes"]),
        ("cuda", ["one", "processes", "streams"]),
    ],
)
def test_works_are_in_the_order_of_what_is_worth_knowing(device, modes, asked):
    works = list(epoch.epoch(QUICK._replace(device=device)))
    assert [work.name for work in works] == [
        "ENZYMES epoch", "PROTEINS epoch", *(f"ENZYMES folds {mode}" for mode in modes),
        "DD epoch", *(f"PROTEINS folds {mode}" for mode in modes),
    ]  # fmt: skip
    assert [work.data for work in works] == [work.name.split()[0] for work in works]
    assert [work.run() for work in works[:3]] == [["epochs"], ["epochs"], ["folds"]]
    assert [given[:2] for given in asked] == [
        ("ENZYMES", "graphs of ENZYMES"), ("PROTEINS", "graphs of PROTEINS"), ("ENZYMES", "one"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "rounds", "seconds", "limit"), [(QUICK, 2, 8.0, 40.0), (WHOLE, 5, 60.0, 900.0)]
)
def test_epochs_take_what_time_the_setting_has(given, rounds, seconds, limit, asked):
    epoch.measure_epochs("DD", given)
    options = Options(seed=given.seed, device="cpu")
    assert asked == [("DD", "graphs of DD", options, rounds, seconds, 3.0, limit)]
    asked.clear()
    epoch.measure_epochs("DD", given._replace(deadline=0.0))
    # A process that is started needs some time.
    assert asked[0][4:] == (0.0, 3.0, 1.0)


@pytest.mark.parametrize(("given", "epochs"), [(QUICK, 1), (WHOLE, 3)])
def test_folds_train_at_most_ten_at_a_time(given, epochs, asked, monkeypatch):
    epoch.measure_folds("DD", "one", given)
    monkeypatch.setattr(epoch.os, "cpu_count", lambda: None)
    epoch.measure_folds("DD", "one", given)
    options = Options(seed=given.seed, device="cpu")
    assert asked == [("DD", "one", epochs, jobs, options) for jobs in (10, 1)]
