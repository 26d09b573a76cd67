import os

import pytest

from benchmarks.training import parent


class Ended(BaseException):
    """In the place of the end of the process."""


def test_a_process_ends_when_its_parent_is_another(monkeypatch):
    parents, slept, threads = [7, 7, 1], [], []

    def end(code):
        raise Ended(code)

    class Thread:
        def __init__(self, target, daemon):
            assert daemon
            threads.append(target)

        def start(self):
            pass

    monkeypatch.setattr(os, "getppid", lambda: parents.pop(0))
    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setattr(parent.time, "sleep", slept.append)
    monkeypatch.setattr(parent.threading, "Thread", Thread)
    parent.end_with.cache_clear()
    parent.end_with(7)
    parent.end_with(7)
    (watch,) = threads
    with pytest.raises(Ended, match="1"):
        watch()
    assert slept == [1.0, 1.0]
    parent.end_with.cache_clear()
