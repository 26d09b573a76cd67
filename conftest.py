"""Marks whose tests must not be skipped."""

import os
from collections.abc import Generator

import pytest

MUST_RUN = os.environ.get("PYG_DIFFPOOL_MUST_RUN", "").split()


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
