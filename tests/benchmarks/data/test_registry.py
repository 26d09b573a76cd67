"""Every source that stands in its folder, on tiny data."""

import json

import pytest
import torch

from benchmarks.data import registry, sources
from benchmarks.data.registry import find_source, listed_names
from benchmarks.methods import build_network
from benchmarks.records.provenance import dataset_digest
from benchmarks.spec.errors import UsageError
from benchmarks.spec.settings import make_settings
from benchmarks.training.forward import Forward
from pyg_diffpool import ResidentLoader
from tests.benchmarks.ogb_files import OGB_SETS, write_ogb
from tests.benchmarks.serving import serving
from tests.benchmarks.tu_files import write_tu_zip


@pytest.fixture(params=listed_names())
def source(request, tmp_path, monkeypatch):
    """The source of each listed name; those that read files find small ones."""
    name = request.param
    if name in OGB_SETS:
        request.getfixturevalue("ogb_package")
        write_ogb(tmp_path, name, **OGB_SETS[name])
    elif registry.find_source(name).IN_FILES:
        write_tu_zip(tmp_path, name)
    with serving(tmp_path, monkeypatch):
        yield find_source(name)


def test_a_source_gives_all_that_a_run_asks_for(source):
    assert find_source(source.name) is source
    graphs = source.graphs
    assert source.graphs is graphs
    assert source.digest == dataset_digest(graphs)
    assert source.sizes.tolist() == [data.num_nodes for data in graphs]
    assert len(source.targets) == len(graphs)
    source.check_features(make_settings())

    every = torch.arange(len(graphs))
    folds = source.folds("fair")
    assert source.folds("fair") is folds
    for fold in folds:
        assert torch.equal(torch.cat(fold).sort().values, every)
    identity = source.folds_identity(None)
    assert json.loads(json.dumps(identity)) == identity

    fold, settings = folds[0], make_settings({"hidden_channels": 8})
    x = source.features(fold.train, settings)
    assert x is None or len(x) == source.sizes.sum()
    problem = source.problem(0 if x is None else x.size(1), [2], fold.train)
    assert torch.equal(problem.train_sizes, source.sizes[fold.train])
    assert torch.equal(source.problem(1, []).train_sizes, source.sizes)
    network = build_network("diffpool", settings, problem)
    batch = next(iter(ResidentLoader(graphs, 8, x=x, index=fold.train)))
    logits = Forward(network)(batch).logits
    assert logits.shape == (8, source.task.num_outputs)
    assert bool(source.task.loss(logits, batch.y).isfinite())


def test_sources_refuse_what_they_cannot_have(source):
    if source.NO_SPLITS is not None:
        with pytest.raises(UsageError, match=f"--splits: {source.name} .*, got folds.json"):
            source.folds("fair", "folds.json")
    if source.NO_KERNELS is None:
        source.check_kernel("wl")
    else:
        with pytest.raises(UsageError, match=f"--method wl: .* for {source.name} expected a net"):
            source.check_kernel("wl")


NEW = """
from benchmarks.data.source import Source
from pyg_diffpool.datasets import CommunityChains


class FewChains(Source):
    NAMES = ("FewChains",)
    PREFIX = "chains-of-"

    def load(self):
        return CommunityChains(num_graphs=20, length=int(self.name.rpartition("-")[2]))
"""


@pytest.fixture
def new_file(tmp_path, monkeypatch):
    """A file more in the folder of sources."""
    (tmp_path / "few_chains.py").write_text(NEW)
    monkeypatch.setattr(sources, "__path__", [*sources.__path__, str(tmp_path)])
    registry.kinds.cache_clear()
    find_source.cache_clear()
    yield
    registry.kinds.cache_clear()
    find_source.cache_clear()


def test_a_new_file_is_a_new_source(new_file):
    assert listed_names()[-2:] == ("FewChains", "CommunityChains")
    assert type(find_source("FewChains")).__name__ == "FewChains"
    short, long = find_source("chains-of-3"), find_source("chains-of-5")
    assert len(short.graphs) == 20
    assert short.sizes.sum() < long.sizes.sum()


def test_the_most_telling_source_answers():
    kinds = {name: type(find_source(name)).__name__ for name in ("MUTAG", "ogbg-molbace")}
    assert kinds == {"MUTAG": "TUSource", "ogbg-molbace": "OgbSource"}
    assert type(find_source("CommunityChains2")).__name__ == "TUSource"


@pytest.mark.parametrize("name", ["../SMALL", "a/b", ".", "", "a\nb"])
def test_names_that_are_paths_are_none(name):
    with pytest.raises(UsageError, match="data set: expected a name such as ENZYMES"):
        find_source(name)
