"""The metadata claim the versions that passed `make matrix`, and the page tells the same."""

from __future__ import annotations

import re

from tests.docs.matrix_table import PAGE, ROWS, written
from tests.docs.test_facts import PROJECT


def test_the_page_has_the_rows_that_are_stored() -> None:
    assert PAGE.read_text(encoding="utf-8") == written()


def test_all_passed() -> None:
    assert ROWS
    for row in ROWS:
        assert row["failed"] == 0, row
        assert row["passed"] > (2500 if row["tests"] == "all" else 1000), row


def test_the_corners_passed_all_tests() -> None:
    whole = {(row["python"], row["requirements"]) for row in ROWS if row["tests"] == "all"}
    pythons = sorted({row["python"] for row in ROWS}, key=lambda version: int(version[2:]))
    assert {(pythons[0], "oldest"), (pythons[-1], "newest")} <= whole


def test_the_pythons_that_are_claimed_passed_with_the_oldest_and_the_newest() -> None:
    claimed = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert PROJECT["requires-python"] == f">={claimed[0]}"
    for requirements in ("oldest", "newest"):
        passed = [row["python"] for row in ROWS if row["requirements"] == requirements]
        assert passed == claimed


def test_the_floors_are_the_oldest_that_passed() -> None:
    floors = dict(requirement.split(">=") for requirement in PROJECT["dependencies"])
    for row in ROWS:
        if row["requirements"] == "oldest":
            for name, floor in floors.items():
                assert row[name].partition("+")[0] == f"{floor}.0", row
