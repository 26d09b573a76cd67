"""What is built: which files, which description, and examples that run where it is installed."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_string
from email.message import Message
from importlib.util import find_spec
from pathlib import Path

import pytest

import pyg_diffpool
from tests.docs.pages import ROOT
from tests.docs.test_facts import PROJECT, README
from tests.docs.test_links import targets

BUILD = "import setuptools.build_meta as b; b.build_sdist('dist'); b.build_wheel('dist')"
DRAWING = ("matplotlib", "networkx", "scipy")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build from a copy of what is needed and of what must not come along.

    `make dist` has the files that it made tested in their place.
    """
    if "PYG_DIFFPOOL_DIST" in os.environ:
        return Path(os.environ["PYG_DIFFPOOL_DIST"]).parent
    copy = tmp_path_factory.mktemp("checkout")
    for file in ROOT.iterdir():
        if file.is_file():
            shutil.copy(file, copy)
    for folder in ("benchmarks", "tests"):
        (copy / folder).mkdir()
        for file in (ROOT / folder).glob("*.py"):
            shutil.copy(file, copy / folder)
    no_caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "pyg_diffpool", copy / "pyg_diffpool", ignore=no_caches)
    done = subprocess.run(
        [sys.executable, "-c", BUILD], cwd=copy, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return copy


def sources(checkout: Path) -> set[str]:
    package = checkout / "pyg_diffpool"
    found = {file.relative_to(checkout).as_posix() for file in package.rglob("*.py")}
    return found | {"pyg_diffpool/py.typed"}


@pytest.fixture
def wheel(built: Path) -> zipfile.ZipFile:
    (path,) = (built / "dist").glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_has_the_package_and_nothing_else(built: Path, wheel: zipfile.ZipFile) -> None:
    names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert names == sources(built)
    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())


def test_the_sdist_has_no_test_that_could_not_run(built: Path) -> None:
    (path,) = (built / "dist").glob("*.tar.gz")
    with tarfile.open(path) as archive:
        files = [member.name for member in archive.getmembers() if member.isfile()]
    names = {name.partition("/")[2] for name in files}
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]
    kept = {"LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff", "pyproject.toml", "setup.py"}
    assert sources(built) | kept <= names


def metadata_of(wheel: zipfile.ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return message_from_string(wheel.read(name).decode())


def test_the_metadata_are_those_of_the_package(wheel: zipfile.ZipFile) -> None:
    metadata = metadata_of(wheel)
    assert metadata["Version"] == pyg_diffpool.__version__
    assert metadata["Requires-Python"] == PROJECT["requires-python"]
    needed = {line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line}
    assert needed == set(PROJECT["dependencies"])


def description(wheel: zipfile.ZipFile) -> str:
    metadata = metadata_of(wheel)
    assert metadata["Description-Content-Type"] == "text/markdown"
    return str(metadata.get_payload())


def code_blocks(text: str) -> list[str]:
    return re.findall(r"^```.*?^```", text, re.MULTILINE | re.DOTALL)


def test_the_description_links_to_nothing_that_an_index_lacks(wheel: zipfile.ZipFile) -> None:
    text = description(wheel)
    assert [target for target in targets(text) if "://" not in target] == []
    assert [target for target in targets(README) if "://" in target] == targets(text)
    assert code_blocks(text) == code_blocks(README)
    assert re.findall(r"^#+ .*", text, re.MULTILINE) == re.findall(r"^#+ .*", README, re.MULTILINE)


def test_links_lead_into_the_repository_once_it_has_an_address() -> None:
    on_an_index = setup_names()["on_an_index"]
    text = "[a](docs/a.md#b) ![p](p.png) [c](#c) [d](https://pyg.org)"
    assert on_an_index(text, "https://example.org/r") == (
        "[a](https://example.org/r/blob/HEAD/docs/a.md#b) ![p](https://example.org/r/raw/HEAD/p.png)"
        " [c](#c) [d](https://pyg.org)"
    )
    assert on_an_index(text, None) == "a  [c](#c) [d](https://pyg.org)"


def setup_names() -> dict:
    path = ROOT / "setup.py"
    names = {"__name__": "setup", "__file__": str(path)}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
    return names


def test_the_oldest_torch_can_have_its_own_triton() -> None:
    # torch 2.6.0 requires triton == 3.2.0.
    assert "torch>=2.6" in PROJECT["dependencies"]
    assert PROJECT["optional-dependencies"]["triton"] == ["triton>=3.2"]


@pytest.mark.parametrize("without", [(), *zip(DRAWING, strict=True), (*DRAWING, "triton")], ids=str)
def test_examples_run_where_the_wheel_is_installed(
    wheel: zipfile.ZipFile, tmp_path: Path, without: tuple[str, ...]
) -> None:
    wheel.extractall(tmp_path)
    # Before the checkout, where that is installed; with packages hidden as if they were not there.
    start = f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n"
    start += "".join(f"sys.modules[{name!r}] = None\n" for name in without)
    start += "import pytest\nraise SystemExit(pytest.main(sys.argv[1:]))\n"
    options = ["-q", "-rs", "-p", "no:cacheprovider", "-c", "none.ini", "--doctest-modules"]
    (tmp_path / "none.ini").write_text("[pytest]\n", encoding="utf-8")
    # Pictures alone differ where a single package is missing.
    package = "pyg_diffpool.visualize" if len(without) == 1 else "pyg_diffpool"
    done = subprocess.run(
        [sys.executable, "-c", start, *options, "--pyargs", package],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if len(without) != 1:
        assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 50
    skipped = re.findall(r"(\w+) not installed", done.stdout)
    missing = [name for name in DRAWING if name in without or find_spec(name) is None]
    assert bool(skipped) == bool(missing)
