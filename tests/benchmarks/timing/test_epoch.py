from dataclasses import dataclass, field

import pytest
import torch

from benchmarks.timing import epoch as epoch_measure
from benchmarks.timing.epoch import Turn, epoch_row, sampled_row, train_in_turns, train_steps
from benchmarks.timing.trainees import OURS, Options


class Clock:
    """A clock that only training moves."""

    now = 0.0

    def perf_counter(self):
        return self.now


@dataclass
class Trainee:
    """Takes a second a step; its first steps take a minute."""

    clock: Clock
    graphs: int
    slow_steps: int = 0
    batch_size: int = 4
    steps: list = field(default_factory=list)
    parameters = 7

    @property
    def data(self):
        return self

    @property
    def loader(self):
        return torch.arange(self.graphs).split(self.batch_size)

    def step(self, batch):
        self.clock.now += 60.0 if len(self.steps) < self.slow_steps else 1.0
        self.steps.append(batch.numel())
        return batch.numel(), torch.tensor(float(len(self.steps)))

    largest, clusters = 9, (2, 1)


class Graphs(int):
    def __len__(self):
        return int(self)


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(epoch_measure.time, "perf_counter", clock.perf_counter)
    return clock


def trainee(clock, graphs, **others):
    made = Trainee(clock, graphs, **others)
    made.graphs = Graphs(graphs)
    return made


def test_extrapolation_counts_graphs():
    # Ten full batches of 20 out of 1113 graphs.
    assert Turn(10.0, 10, 200, 0.0).epoch_seconds(1113) == pytest.approx(55.65)
    assert Turn(3.0, 56, 1113, 0.0).epoch_seconds(1113) == 3.0


def test_a_whole_epoch_and_a_sample_are_timed(clock):
    whole = train_steps(trainee(clock, 42), "cpu")
    assert whole == (11.0, 11, 42, 6.0)
    sampled = train_steps(trainee(clock, 42, slow_steps=2), "cpu", steps=3, warm_up=2)
    assert sampled == (3.0, 3, 12, 4.0)
    # Two steps an epoch: no step is left after the warm-up, so the warm-up is the sample.
    assert train_steps(trainee(clock, 8), "cpu", steps=2, warm_up=2).steps == 2


def test_only_a_contender_that_takes_long_is_sampled(clock):
    made = {"short": trainee(clock, 40, slow_steps=2), "long": trainee(clock, 400)}
    turns = train_in_turns(made, "cpu", rounds=3, seconds=40.0)
    assert [turn.steps for turn in turns["short"]] == [10, 10, 10]
    assert [turn.steps for turn in turns["long"]] == [10, 10, 10]
    assert [turn.graphs for turn in turns["long"]] == [40, 40, 40]
    # Four steps to warm up, then two and ten in each round.
    assert len(made["long"].steps) == 4 + 3 * 12
    assert len(made["short"].steps) == 4 + 3 * 10
    long = epoch_row(made["long"], turns["long"], 450, 4)
    assert (long["median_s"], long["steps"], long["sampled_steps"]) == (100.0, 100, 10)
    assert (long["graphs"], long["dropped"]) == (400, 50)
    short = epoch_row(made["short"], turns["short"], 40, 4)
    assert (short["median_s"], short["sampled_steps"], short["dropped"]) == (10.0, None, 0)
    everything = train_in_turns(made, "cpu", rounds=3, seconds=301.0)
    assert [turn.steps for turn in everything["long"]] == [100, 100, 100]


def test_a_sample_of_real_training(tiny_data):
    began = []
    row = sampled_row(lambda: began.append(True), OURS, "TINY", Options(batch_size=3), 1)
    assert began == [True]
    assert (row["sampled_steps"], row["steps"], row["graphs"]) == (10, 14, 40)
    assert row["median_s"] == pytest.approx(row["turns"][0]["seconds"] * 40 / 30)
    assert row["peak_mib"] > 50
