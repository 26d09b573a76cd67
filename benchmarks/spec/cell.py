"""A cell: one configuration on one fold with one seed, and what running it leaves."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from benchmarks.spec.settings import Settings

PROTOCOLS = ("fair", "reference")


@dataclass(frozen=True)
class Cell:
    """The frozen description of a cell; it travels to a worker process."""

    dataset: str
    method: str
    protocol: str
    settings: Settings
    configuration: int
    fold: int
    seed: int
    splits: str | None = None

    def as_record(self) -> dict[str, Any]:
        """Return what tells a cell's record from others of the same run and of other runs."""
        names = ("dataset", "method", "protocol", "configuration", "fold", "seed")
        return {name: getattr(self, name) for name in names}


class CellResult(NamedTuple):
    """A cell's record for the store and its best weights."""

    record: dict[str, Any]
    checkpoint: dict[str, Any]
