import torch

from benchmarks.timing.limited_process import run_limited
from benchmarks.timing.memory import Peak, device_peak


def test_peak_of_a_gpu_is_above_what_was_there(monkeypatch):
    for name in ("synchronize", "empty_cache", "reset_peak_memory_stats"):
        monkeypatch.setattr(torch.cuda, name, lambda: None)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: 3 * 2**20)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: 10 * 2**20)
    assert device_peak(lambda: None, "cuda") == (7.0, None)
    assert device_peak(lambda: None, "cpu") == (None, None)

    def fail():
        raise torch.cuda.OutOfMemoryError("Tried to allocate 54 GiB")

    assert device_peak(fail, "cuda") == (None, "out of memory")


def lifted_by_64_mib(tell):
    peak = Peak("cpu")
    tell()
    torch.ones(2**24)
    return peak.mib()


def test_peak_of_a_process_remembers_what_was_given_back():
    """In a process of its own: in this one freed memory may still be resident, and used again."""
    mib, note = run_limited(lifted_by_64_mib)
    assert note is None
    assert 60 < mib < 100
