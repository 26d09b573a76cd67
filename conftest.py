"""Names that every doctest may use, and marks whose tests must not be skipped."""

import os
from collections.abc import Generator
from typing import Any

import pytest
import torch

MUST_RUN = os.environ.get("PYG_DIFFPOOL_MUST_RUN", "").split()

# The search for doctests imports every module; this one needs Triton, which is optional.
collect_ignore = ["pyg_diffpool/ops/triton_programs.py"]


@pytest.fixture(autouse=True)
def _doctest_names(doctest_namespace: dict[str, Any]) -> None:
    doctest_namespace["torch"] = torch
    torch.manual_seed(0)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn the skip of a test into a failure where its inputs are said to be there."""
    report = yield
    marks = [name for name in MUST_RUN if item.get_closest_marker(name)]
    if report.skipped and marks:
        report.outcome = "failed"
        report.longrepr = f"skipped, but PYG_DIFFPOOL_MUST_RUN names its mark {marks[0]}"
    return report


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuse a whole run in which a mark has no test at all."""
    if session.config.option.file_or_dir:
        return
    for name in MUST_RUN:
        if not any(item.get_closest_marker(name) for item in session.items):
            raise pytest.UsageError(
                f"PYG_DIFFPOOL_MUST_RUN names {name}, and no test has that mark"
            )
