import os
import signal
import time

from benchmarks.timing.limited_process import OUT_OF_MEMORY, OVER_TIME, run_limited

MIB = 2**20


def add(started, first, second):
    started()
    return first + second


def grow(started, mib):
    started()
    kept = []
    for _ in range(mib):
        kept.append(bytearray(os.urandom(4096) * 256))
        time.sleep(1e-3)
    return len(kept)


def fail_to_allocate(started):
    started()
    raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")


def fail(started):
    started()
    raise ValueError("expected\nsomething else")


def slow_start(started, before, after):
    time.sleep(before)
    started()
    time.sleep(after)
    return "done"


def killed(started):
    os.kill(os.getpid(), signal.SIGKILL)


def gone(started):
    os._exit(3)


def test_a_function_within_its_limits_returns():
    assert run_limited(add, (1, 2), 8.0, 60.0) == (3, None)


def test_memory_limit_is_a_death():
    began = time.monotonic()
    # 4 GiB, at no more than 1 GiB a second.
    assert run_limited(grow, (4096,), 0.25, 60.0) == (None, OUT_OF_MEMORY)
    assert time.monotonic() - began < 4


def test_time_limit_counts_from_the_start_of_the_work():
    assert run_limited(slow_start, (0.5, 0.0), 8.0, 0.3) == ("done", None)
    assert run_limited(slow_start, (0.0, 30.0), 8.0, 0.3) == (None, OVER_TIME)


def test_other_deaths_are_named():
    assert run_limited(fail_to_allocate, (), 8.0, 60.0).died == OUT_OF_MEMORY
    assert run_limited(fail, (), 8.0, 60.0).died == "failed: ValueError: expected"
    assert run_limited(killed, (), 8.0, 60.0).died == f"{OUT_OF_MEMORY} (killed by the system)"
    assert run_limited(gone, (), 8.0, 60.0).died == "failed: its process ended with 3"
