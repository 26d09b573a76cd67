import importlib.util

import pytest
import torch

from benchmarks.spec.device import check_accelerator
from benchmarks.spec.errors import UsageError
from benchmarks.spec.settings import make_settings


@pytest.mark.parametrize(
    ("settings", "there", "installed", "message"),
    [
        ({"accelerator": "gpu"}, False, True, "setting accelerator: gpu needs a CUDA device"),
        ({"backend": "triton"}, False, True, "setting backend: triton needs a CUDA device"),
        ({"backend": "triton"}, True, True, "setting backend: triton needs a CUDA device"),
        (
            {"backend": "triton", "accelerator": "auto"},
            False,
            True,
            "setting backend: triton needs a CUDA device",
        ),
        (
            {"backend": "triton", "accelerator": "gpu"},
            True,
            False,
            r'needs the package triton: pip install "pyg-diffpool\[triton\]"',
        ),
        ({"backend": "triton", "accelerator": "gpu"}, True, True, None),
        ({"accelerator": "gpu"}, True, False, None),
        ({"accelerator": "auto"}, False, False, None),
        ({}, False, False, None),
    ],
)
def test_settings_that_need_a_gpu_are_refused_without_one(
    monkeypatch, settings, there, installed, message
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object() if installed else None)
    if message is None:
        check_accelerator(make_settings(settings))
        return
    with pytest.raises(UsageError, match=message):
        check_accelerator(make_settings(settings))
