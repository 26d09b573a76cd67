"""Marks of tests that need a newer PyTorch than the library does; docs/install.md has the same."""

import pytest
import torch

VERSION = tuple(int(part) for part in torch.__version__.split(".")[:2])

# Older ones cannot follow a NamedTuple that has properties.
NO_COMPILER, WHY = VERSION < (2, 11), "torch.compile of the library needs torch >= 2.11"
compiled = pytest.mark.skipif(NO_COMPILER, reason=WHY)
exported = pytest.mark.skipif(
    VERSION < (2, 10), reason="torch.export of the library needs torch >= 2.10"
)


def needs_compiler():
    """Skip the rest of a test that compiles the library, where PyTorch is too old."""
    if NO_COMPILER:
        pytest.skip(WHY)
