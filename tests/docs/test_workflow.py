"""The workflow of GitHub Actions runs the Makefile's commands, on the Pythons of the metadata."""

from __future__ import annotations

import re

import yaml

from tests.docs.pages import ROOT
from tests.docs.shell import check_make
from tests.docs.test_facts import PROJECT

WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
STEPS = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]


def test_every_command_is_one_of_the_makefile() -> None:
    commands = [step["run"] for step in STEPS if "run" in step]
    made = [command for command in commands if command.startswith("make ")]
    for command in made:
        # Values in quotes may hold spaces; targets have none.
        check_make(re.sub(r'"[^"]*"', "", command).split()[1:])
    others = [command for command in commands if command not in made]
    assert all("apt-get" in command for command in others)
    targets = {command.split()[1] for command in made}
    assert {"lint", "types", "tests", "docs", "notebooks", "dist", "matrix"} <= targets


def test_extras_are_those_of_the_project() -> None:
    extras = WORKFLOW["env"]["EXTRAS"].split(",")
    extras += [
        extra
        for step in STEPS
        for extra in re.findall(r"EXTRAS=(\S+)", step.get("run", ""))
        for extra in extra.split(",")
    ]
    assert set(extras) <= set(PROJECT["optional-dependencies"])


def test_the_matrix_has_the_pythons_that_are_claimed() -> None:
    claimed = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert WORKFLOW["jobs"]["matrix"]["strategy"]["matrix"]["python"] == claimed
