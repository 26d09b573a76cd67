"""Where the kernels are taken; ``exact_cases.py`` tests what they compute."""

import pytest
import torch

from pyg_diffpool.ops.backends.triton import exact
from pyg_diffpool.ops.backends.triton.exact import has_kernels


class OnTheGPU:
    """Stands for an assignment on a GPU, which there may be none of."""

    is_cuda = True

    def __init__(self, dtype):
        self.dtype = dtype


def test_tensors_on_the_cpu_have_no_kernels():
    assert not has_kernels(torch.ones(2, 3))


@pytest.mark.parametrize("available", [False, True])
def test_float32_on_a_gpu_has_kernels_if_there_is_triton(available, monkeypatch):
    monkeypatch.setattr(exact, "triton_available", lambda: available)
    assert has_kernels(OnTheGPU(torch.float32)) is available
    assert not has_kernels(OnTheGPU(torch.float64))
