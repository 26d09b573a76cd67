"""The backends by name."""

from types import SimpleNamespace

import pytest
import torch

from pyg_diffpool.ops.backends import BACKENDS, backend_for, choose_backend
from tests.ops.backends.products import sized


@pytest.mark.parametrize("name", ["padded", "ragged"])
def test_a_name_is_heeded_and_auto_follows_the_rule(name):
    graphs = sized([1] * 40)
    x, s = torch.ones(40, 3), torch.ones(40, 2)
    assert type(backend_for(name, graphs, x, s)) is BACKENDS[name]
    assert type(backend_for("auto", graphs, x, s)) is BACKENDS[choose_backend(graphs, 2, 7)]


@pytest.mark.parametrize("available", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_on_a_gpu_kernels_multiply_float32_where_there_are_any(dtype, available, monkeypatch):
    monkeypatch.setattr("pyg_diffpool.ops.backends.triton_available", lambda: available)
    there = SimpleNamespace(is_cuda=True, dtype=dtype)
    found = backend_for("auto", sized([2, 1]), there, there)
    wanted = "triton" if available and dtype == torch.float32 else "padded"
    assert type(found) is BACKENDS[wanted]


def test_auto_counts_all_columns_of_the_product(monkeypatch):
    counted = []
    monkeypatch.setattr(
        "pyg_diffpool.ops.backends.choose_backend",
        lambda graphs, clusters, columns: counted.append((clusters, columns)) or "ragged",
    )
    backend_for("auto", sized([2, 1]), torch.ones(3, 5), torch.ones(3, 4))
    assert counted == [(4, 5 + 2 * 4)]
