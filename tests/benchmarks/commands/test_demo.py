import matplotlib.image
import pytest

from benchmarks.commands.demo import DIFFPOOL, FLAT, demo, make_network
from benchmarks.commands.demo_picture import PALETTE
from pyg_diffpool.datasets import CommunityChains


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_demo_prints_a_table_and_draws(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    demo(out=tmp_path, seeds=1, epochs=1, graphs=40)
    printed = capsys.readouterr().out
    for text in (DIFFPOOL, *FLAT, "parameters", "points", "clusters.png"):
        assert text in printed
    picture = matplotlib.image.imread(tmp_path / "clusters.png")
    assert picture.shape[0] > 500
    pixels = (255 * picture[..., :3]).round().astype(int).reshape(-1, 3)
    for color in PALETTE[:4]:
        # All four ends are drawn, in their own hues.
        assert (pixels == list(bytes.fromhex(color[1:]))).all(1).sum() > 100


@pytest.mark.parametrize("name", FLAT)
def test_flat_network_is_as_large_and_as_deep(name):
    pooled, flat = (make_network(which, 10, 3) for which in (DIFFPOOL, name))
    assert count(pooled) <= count(flat) <= 1.1 * count(pooled)
    # No deeper than what CommunityChains hides the class from.
    assert len(flat.last.convs) == len(pooled.pools[0].embed.convs) + len(pooled.last.convs)
    assert len(flat.last.convs) <= CommunityChains(6).receptive_field
