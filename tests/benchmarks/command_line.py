"""The command line as tests call it, and short runs on TINY that it trains."""

from typing import Any

from typer.testing import CliRunner

from benchmarks.commands.cli import app

SETTINGS = ("epochs=2", "hidden_channels=4", "num_layers=1", "num_pools=2", "cluster_ratio=0.5")


def invoke(*arguments: Any):
    """Call ``python -m benchmarks`` in this process; return its exit code and output."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def options_of(settings):
    """Return settings as the command line takes them."""
    return [part for setting in settings for part in ("--set", setting)]


def train(out, method, protocol="fair", *more):
    """Train two folds of a small network, and return the run's folder."""
    return _trained(out, method, protocol, "0-1", (*SETTINGS, *more))


def train_flat(out):
    """Train one fold of a network that pools nothing, and return the run's folder."""
    return _trained(out, "graphsage", "fair", "0", ("epochs=1",))


def _trained(out, method, protocol, folds, settings):
    done = invoke(
        "run", "--dataset", "TINY", "--method", method, "--protocol", protocol, "--folds", folds,
        "--jobs", 1, "--device", "cpu", "--out", out, *options_of(settings),
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    (path,) = out.glob(f"TINY-{method}-{protocol}-*")
    return path
