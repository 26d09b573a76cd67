import signal
import time

import pytest

from benchmarks.runs.budget import Budget


class Clock:
    def __init__(self):
        self.time = 0.0

    def __call__(self):
        return self.time


def test_work_that_would_end_beyond_the_limit_is_not_begun():
    clock = Clock()
    budget = Budget(100.0, clock)
    assert budget.allows(100.0)
    assert budget.allows(None)
    clock.time = 60.0
    assert budget.left == 40.0
    assert not budget.allows(41.0)
    clock.time = 200.0
    assert budget.spent
    assert not budget.allows(None)
    assert budget.left == 0.0


def test_without_a_limit_everything_may_begin():
    budget = Budget(None)
    assert budget.allows(1e12)
    assert not budget.limited
    with budget.interrupts():
        assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_work_in_progress_is_interrupted_at_the_limit():
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(KeyboardInterrupt), Budget(0.02).interrupts():
        time.sleep(30)
    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_work_that_ends_in_time_leaves_no_timer():
    with Budget(60.0).interrupts():
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= 60
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
