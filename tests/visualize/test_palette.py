import itertools

import pytest
import torch

from pyg_diffpool.visualize.palette import (
    MARKS,
    PALETTE,
    cluster_colors,
    cluster_marks,
    ink,
    linear_rgb,
    luminance,
)

# Machado, Oliveira and Fernandes (2009), severity 1.0, on linear RGB.
SIGHT = {
    "normal": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
SRGB_TO_XYZ = torch.tensor(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
WHITE = torch.tensor([0.95047, 1.0, 1.08883])


def lab(color, sight="normal"):
    """CIELAB (D65) of a colour as an eye sees it."""
    seen = torch.tensor(SIGHT[sight]) @ torch.tensor(linear_rgb(color))
    ratio = SRGB_TO_XYZ @ seen.clamp(0, 1) / WHITE
    root = torch.where(ratio > 216 / 24389, ratio ** (1 / 3), (24389 / 27 * ratio + 16) / 116)
    x, y, z = root.tolist()
    return torch.tensor([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def smallest_distance(colors, sight):
    pairs = itertools.combinations([lab(color, sight) for color in colors], 2)
    return min(float((one - other).norm()) for one, other in pairs)


def test_lab_of_known_colors():
    assert torch.allclose(lab("#ffffff"), torch.tensor([100.0, 0.0, 0.0]), atol=0.01)
    assert torch.allclose(lab("#ff0000"), torch.tensor([53.24, 80.09, 67.20]), atol=0.05)
    # Red and green of one lightness, which the simulated eyes must confuse and we do not.
    assert smallest_distance(["#b05050", "#4f7a4f"], "normal") > 50
    assert smallest_distance(["#b05050", "#4f7a4f"], "deuteranopia") < 20


@pytest.mark.parametrize("sight", SIGHT)
def test_any_two_colors_differ_for_every_eye(sight):
    assert smallest_distance([*PALETTE, "#ffffff"], sight) > 20


def test_colors_come_again_with_another_mark():
    colors = cluster_colors(range(30))
    marks = cluster_marks(colors)
    assert len(set(colors[:10])) == 10
    assert set(marks[:10]) == {"o"}
    assert len(set(zip(colors, marks, strict=True))) == 30
    many = cluster_colors(range(len(PALETTE) * len(MARKS)))
    assert len(set(zip(many, cluster_marks(many), strict=True))) == len(many)


def test_own_colors_are_not_dealt_again():
    colors = cluster_colors([5, 6, 7], own={6: PALETTE[0], 9: PALETTE[1]})
    assert colors == [PALETTE[1], PALETTE[0], PALETTE[2]]
    # Even where own colours leave nothing of the palette, every cluster has one.
    all_taken = cluster_colors(range(11), own=dict(enumerate(PALETTE)))
    assert all_taken == [*PALETTE, PALETTE[0]]


@pytest.mark.parametrize("color", ["red", "#fff", "#12345", "#1234567"])
def test_colors_written_in_another_way_are_refused(color):
    with pytest.raises(ValueError, match=r"expected '#rrggbb'"):
        cluster_colors([1], own={1: color})


@pytest.mark.parametrize("color", PALETTE)
def test_ink_has_the_better_contrast(color):
    def contrast(one, other):
        dark, light = sorted((luminance(one), luminance(other)))
        return (light + 0.05) / (dark + 0.05)

    best = max(("#000000", "#ffffff"), key=lambda other: contrast(color, other))
    assert ink(color) == best
    assert contrast(color, ink(color)) >= 4.5
