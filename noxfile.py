"""``make matrix``: the library's tests on each Python, with the oldest and newest requirements.

Each session adds its row to ``tests/matrix.json``, whose last state is committed: the metadata of
the package claim what passed there (``tests/docs/test_facts.py``).
"""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import nox

ROOT = Path(__file__).parent
RESULTS = ROOT / "tests" / "matrix.json"
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
REQUIRED = nox.project.load_toml(ROOT / "pyproject.toml")["project"]["dependencies"]
OF_THE_LIBRARY = (
    "tests",
    "pyg_diffpool",
    # These test the runner, the pages and the checkout, on the pinned versions.
    *(f"--ignore=tests/{name}" for name in ("benchmarks", "docs", "notebooks")),
    *(f"--ignore=tests/test_{name}.py" for name in ("packaging", "mirrored")),
)
# The mark no_cover is pytest-cov's, and Triton 3.2 imports setuptools, which it does not ask for.
OF_THE_TESTS = (
    "hypothesis",
    "pytest",
    "pytest-cov",
    "pytest-timeout",
    "pytest-xdist",
    "setuptools",
)

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = False


@nox.session(python=PYTHONS)
@nox.parametrize("requirements", ["oldest", "newest"])
def library(session: nox.Session, requirements: str) -> None:
    """Run the library's tests, or those that follow ``--``, which the row tells."""
    pins = REQUIRED
    if requirements == "oldest":
        pins = [re.sub(r">=(.*)", r"==\1.0", requirement) for requirement in REQUIRED]
    session.install(*pins, *OF_THE_TESTS, "--editable", ".[visualize]")
    report = Path(session.create_tmp()) / "report.xml"
    session.run(
        "python",
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        f"--junitxml={report}",
        *(session.posargs or OF_THE_LIBRARY),
        env={"OMP_NUM_THREADS": "1"},
        success_codes=[0, 1],
    )
    row = {"python": str(session.python), "requirements": requirements, **_versions(session)}
    row |= {"tests": " ".join(session.posargs) or "all", **_counts(report)}
    _keep(row)
    if row["failed"] or not row["passed"]:
        session.error(f"{row['failed']} tests failed, {row['passed']} passed")


def _versions(session: nox.Session) -> dict[str, str]:
    """Return the versions that a session installed."""
    names = ("torch", "torch-geometric", "numpy")
    program = f"from importlib.metadata import version as v; print(*map(v, {names}))"
    printed = session.run("python", "-c", program, silent=True) or ""
    return dict(zip(names, printed.split(), strict=True))


def _counts(report: Path) -> dict[str, int]:
    """Return the numbers of tests in pytest's report."""
    suites = ElementTree.parse(report).getroot().iter("testsuite")
    count = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    for suite in suites:
        for name in count:
            count[name] += int(suite.get(name, 0))
    failed = count["failures"] + count["errors"]
    passed = count["tests"] - failed - count["skipped"]
    return {"passed": passed, "failed": failed, "skipped": count["skipped"]}


def _keep(row: dict[str, object]) -> None:
    """Put a row in the place of the last one of its Python and requirements."""
    rows = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
    key = ("python", "requirements")
    rows = [kept for kept in rows if [kept[name] for name in key] != [row[name] for name in key]]
    rows = sorted([*rows, row], key=lambda row: [str(row[name]) for name in key])
    lines = ",\n".join("  " + json.dumps(row) for row in rows)
    RESULTS.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
