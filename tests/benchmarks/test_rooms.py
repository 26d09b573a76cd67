"""The rooms of the runner: lower ones never import upper ones."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
ROOMS = (
    "spec",
    "records",
    "data",
    "kernels",
    "methods",
    "training",
    "runs",
    "tables",
    "timing",
    "clusters",
    "report",
    "commands",
)
"""From the lowest to the highest, as in CONTRIBUTING."""


def imported(source: str) -> Iterator[str]:
    """Yield each module of the runner that a source imports, inside its functions too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("benchmarks."))
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            if node.module == "benchmarks":
                yield from (f"benchmarks.{alias.name}" for alias in node.names)
            elif node.module.startswith("benchmarks."):
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def upward(room: str, source: str) -> list[str]:
    """Return the rooms above ``room`` that a source of it imports."""
    above = ROOMS[ROOMS.index(room) + 1 :]
    return [name for name in imported(source) if name.split(".")[1] in above]


def modules(room: str) -> list[Path]:
    return sorted((FOLDER / room).rglob("*.py"))


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_none_above_it(room: str) -> None:
    assert modules(room)
    found = {path.name: upward(room, path.read_text(encoding="utf-8")) for path in modules(room)}
    assert {name: rooms for name, rooms in found.items() if rooms} == {}


def test_every_folder_with_code_is_a_room() -> None:
    folders = {path.parent.name for path in FOLDER.glob("*/*.py")}
    assert folders == set(ROOMS)
    assert len(list(FOLDER.glob("*.py"))) <= 6


@pytest.mark.parametrize("room", ROOMS)
def test_modules_of_a_room_import_each_other_without_a_circle(room: str) -> None:
    names = {
        ".".join(path.relative_to(FOLDER.parent).with_suffix("").parts): path
        for path in modules(room)
    }
    package = f"benchmarks.{room}"
    names[package] = names.pop(f"{package}.__init__")
    waiting = {
        name: {
            found
            for module in imported(path.read_text(encoding="utf-8"))
            if (found := _module(module, names)) not in (None, name)
        }
        for name, path in names.items()
    }
    while waiting:
        free = {name for name, needs in waiting.items() if not needs & set(waiting)}
        assert free, f"a circle among {sorted(waiting)}"
        waiting = {name: needs for name, needs in waiting.items() if name not in free}


def _module(imported_name: str, names: dict[str, Path]) -> str | None:
    """Return the module of a room that a name is, or is defined in."""
    if imported_name in names:
        return imported_name
    parent = imported_name.rpartition(".")[0]
    return parent if parent in names else None


def test_an_import_inside_a_function_is_seen() -> None:
    source = "def f():\n    from benchmarks.runs import plan\n    import benchmarks.commands.cli\n"
    assert upward("records", source) == ["benchmarks.runs.plan", "benchmarks.commands.cli"]
    assert upward("commands", source) == []
    assert upward("spec", "from benchmarks import data\n") == ["benchmarks.data"]
