"""The poolings that networks share, and the scale of their link objective."""

import pytest

from pyg_diffpool.models.poolings import make_poolings, read_scale
from pyg_diffpool.nn import AnnealedTemperature, GNNBlock


@pytest.mark.parametrize(
    ("convention", "scale", "expected"),
    [
        ("paper", "auto", "nodes"),
        ("reference", "auto", None),
        ("pyg", "auto", None),
        ("paper", None, None),
        ("pyg", "nodes", "nodes"),
    ],
)
def test_auto_is_what_the_convention_has(convention, scale, expected):
    assert read_scale(convention, scale) == expected


def test_an_unknown_convention_is_named():
    with pytest.raises(ValueError, match="convention"):
        read_scale("papers", "auto")


def test_a_number_of_clusters_alone_is_no_sequence():
    def none(width, level):
        raise AssertionError("no block is made")

    with pytest.raises(TypeError, match=r"max_clusters: expected a sequence, .* got 4"):
        make_poolings(3, 4, none, none, 1.0)


def test_each_level_takes_what_the_one_before_returns():
    made = []

    def make(kind):
        def block(width, level):
            made.append((kind, width, level))
            return GNNBlock(width, 4, 5 + level, 1)

        return block

    temperature = AnnealedTemperature(1.0, 0.1, 10)
    networks = make("embed"), make("assign")
    pools, widths = make_poolings(3, [8, 2], *networks, temperature, ratio=0.5)
    assert widths == [pool.embed.out_channels for pool in pools]
    embedded = widths[0]
    assert made == [
        ("embed", 3, 0), ("assign", 3, 0), ("embed", embedded, 1), ("assign", embedded, 1)
    ]  # fmt: skip
    assert [(pool.max_clusters, pool.ratio) for pool in pools] == [(8, 0.5), (2, 0.5)]
    # Each pooling counts its own steps.
    assert len({id(pool.temperature) for pool in pools} | {id(temperature)}) == 3
    flat, none = make_poolings(3, [], *networks, 1.0)
    assert (len(flat), none) == (0, [])
