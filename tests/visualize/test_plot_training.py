import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure

from pyg_diffpool.visualize import plot_training

CURVES = {
    "train_cross_entropy": [1.0, 0.8, 0.7],
    "link_0": [0.4, 0.3, 0.2],
    "entropy_0": [2.0, 1.0, 0.5],
    "link_1": [0.6, 0.5, 0.4],
    "entropy_1": [1.0, 0.4, 0.3],
    "effective_clusters_0": [9.0, 7.0, 6.0],
    "effective_clusters_1": [3.0, 2.0, 1.5],
    "train_loss": [3.0, 2.0, 1.0],
    "validation_loss": [1.1, 0.9, 0.95],
    "validation_accuracy": [0.4, 0.5, 0.6],
}
PANELS = {
    "accuracy, validation": {"accuracy": "validation_accuracy"},
    "cross-entropy": {"train": "train_cross_entropy", "validation": "validation_loss"},
    "loss with side objectives": {"train": "train_loss"},
    "link objective": {"level 0": "link_0", "level 1": "link_1"},
    "entropy objective": {"level 0": "entropy_0", "level 1": "entropy_1"},
    "effective number of clusters": {
        "level 0": "effective_clusters_0",
        "level 1": "effective_clusters_1",
    },
}


def test_every_curve_has_its_place():
    axes = plot_training(CURVES, axes=Figure().subplots(2, 3))
    assert [ax.get_title() for ax in axes] == list(PANELS)
    for ax in axes:
        lines = {line.get_label(): line for line in ax.lines}
        assert set(lines) == set(PANELS[ax.get_title()])
        for label, name in PANELS[ax.get_title()].items():
            assert lines[label].get_xdata().tolist() == [1, 2, 3]
            assert lines[label].get_ydata().tolist() == CURVES[name]


def test_panels_of_absent_curves_are_left_out():
    axes = plot_training(
        {"validation_rocauc": [0.5], "link_10": [1.0]}, axes=Figure().subplots(1, 2)
    )
    assert [ax.get_title() for ax in axes] == ["rocauc, validation", "link objective"]


def test_best_epoch():
    for ax in plot_training(CURVES, axes=Figure().subplots(2, 3), best_epoch=2):
        mark = ax.lines[-1]
        assert list(mark.get_xdata()) == [2, 2]
        assert mark.get_label() in [text.get_text() for text in ax.get_legend().get_texts()]


def test_values_of_any_kind_and_gaps():
    curves = {"train_loss": torch.tensor([1.0, 2.0]), "validation_loss": np.array([np.nan, 1.0, 2])}
    axes = plot_training(curves, axes=Figure().subplots(1, 2), best_epoch=3)
    assert axes[1].lines[0].get_ydata().tolist() == [1.0, 2.0]


def test_a_new_figure_has_no_empty_axes():
    curves = {name: CURVES[name] for name in ("train_loss", "link_0", "entropy_0", "link_1")}
    curves["validation_accuracy"] = [0.1]
    axes = plot_training(curves)
    assert axes[0].figure.axes == list(axes)
    assert len(axes) == 4
    plt.close(axes[0].figure)


@pytest.mark.parametrize(
    ("curves", "options", "message"),
    [
        ({}, {}, "at least one curve, got none"),
        ({"train_loss": []}, {}, "'train_loss' has none"),
        ({"learning_rate": [1.0]}, {}, "expected validation_<metric>, .* got 'learning_rate'"),
        ({"link_": [1.0]}, {}, "got 'link_'"),
        ({"train_loss": [1.0]}, {"best_epoch": 2}, "best_epoch: expected 1 to 1, got 2"),
        ({"train_loss": [1.0]}, {"best_epoch": 0}, "best_epoch: expected 1 to 1, got 0"),
        ({"train_loss": [1.0]}, {"axes": Figure().subplots(1, 2)}, "axes: expected 1"),
    ],
)
def test_bad_values(curves, options, message):
    with pytest.raises(ValueError, match=message):
        plot_training(curves, **options)


def test_a_list_is_no_mapping():
    with pytest.raises(TypeError, match="curves: expected a mapping, got list"):
        plot_training([1.0, 2.0])


@pytest.mark.parametrize(
    ("curves", "options", "message"),
    [
        ({"train_loss": 3.0}, {}, "curves: expected a value for each epoch, 'train_loss' is a"),
        ({"train_loss": [1.0]}, {"best_epoch": "1"}, "best_epoch: expected an integer, got str"),
    ],
)
def test_bad_types(curves, options, message):
    with pytest.raises(TypeError, match=message):
        plot_training(curves, **options)
