"""Which logits the kernels take; ``exact_cases.py`` tests what they compute."""

import pytest
import torch

from pyg_diffpool.ops.backends.triton import softmax


class OnTheGPU:
    """Stands for logits on a GPU, which there may be none of."""

    is_cuda = True

    def __init__(self, dtype):
        self.dtype = dtype


@pytest.mark.parametrize("available", [False, True])
def test_float32_on_a_gpu_has_kernels_if_there_is_triton(available, monkeypatch):
    monkeypatch.setattr(softmax, "triton_available", lambda: available)
    assert softmax.has_kernels(OnTheGPU(torch.float32)) is available
    assert not softmax.has_kernels(OnTheGPU(torch.float64))
    assert not softmax.has_kernels(torch.ones(2, 3))


def test_tracing_takes_the_operations_of_torch(monkeypatch):
    monkeypatch.setattr(softmax, "has_kernels", lambda logits: True)
    taken = []

    def note(logits):
        taken.append(softmax.takes(logits))
        return logits

    torch.jit.trace(note, torch.ones(2, 3), check_trace=False)
    assert taken == [False]


@pytest.mark.parametrize(
    ("shape", "taken"), [((5, 3), True), ((0, 3), True), ((5, 0), False), ((2, 5, 3), False)]
)
def test_matrices_are_taken(shape, taken, monkeypatch):
    assert not softmax.takes(torch.ones(shape))
    monkeypatch.setattr(softmax, "has_kernels", lambda logits: True)
    assert softmax.takes(torch.ones(shape)) is taken


def test_rows_too_wide_for_a_program_are_not_taken(monkeypatch):
    monkeypatch.setattr(softmax, "has_kernels", lambda logits: True)
    assert softmax.takes(torch.ones(1, softmax.MOST_COLUMNS))
    assert not softmax.takes(torch.ones(1, softmax.MOST_COLUMNS + 1))


@pytest.mark.parametrize("clusters", [1, 5, 64, 65, softmax.MOST_COLUMNS])
def test_a_program_holds_whole_rows(clusters):
    rows, columns = softmax._block(clusters)
    assert columns >= clusters
    assert columns & (columns - 1) == 0
    assert rows * columns == softmax.ENTRIES
