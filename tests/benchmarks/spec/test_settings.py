import dataclasses
import inspect
import json

import pytest
import torch

from benchmarks.methods import load_method, method_names
from benchmarks.runs.recipe import DATASETS, RECIPES, configurations
from benchmarks.spec.errors import UsageError
from benchmarks.spec.problem import Problem
from benchmarks.spec.settings import (
    NETWORK_KEYWORDS,
    Settings,
    from_record,
    make_settings,
    parse_overrides,
)
from pyg_diffpool import DiffPoolNet, SAGEConv
from tests.benchmarks.methods.networks import NETWORKS


def test_texts_become_the_types_of_the_settings():
    values = parse_overrides(
        ["hidden_channels=32", "learning_rate=5e-4", "normalize=false", "scale=none", "aggr=sum"]
    )
    assert values == {
        "hidden_channels": 32,
        "learning_rate": 5e-4,
        "normalize": False,
        "scale": None,
        "aggr": "sum",
    }
    assert make_settings(values).learning_rate == 5e-4


@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        ("readout=max, mean,sum", ("max", "mean", "sum")),
        ("readout=sum", "sum"),
        ("sum_scale=asinh", "asinh"),
        ("sum_scale=30", 30.0),
        ("sum_scale=none", None),
        ("readout_norm=batch", "batch"),
        ("head_dropout=0", 0.0),
        ("head_dropout=none", None),
    ],
)
def test_texts_become_settings_of_the_readout(pair, expected):
    key = pair.partition("=")[0]
    settings = make_settings(parse_overrides([pair]))
    assert getattr(settings, key) == expected
    assert from_record(json.loads(json.dumps(settings.as_dict()))) == settings


def test_a_recipe_names_several_readouts_as_a_list_and_one_alone_is_itself():
    assert make_settings({"readout": ["max", "sum"]}).readout == ("max", "sum")
    assert make_settings({"readout": ["sum"]}) == make_settings({"readout": "sum"})


def test_settings_that_came_later_stay_out_of_records_at_their_defaults():
    later = {
        "residual",
        "fully_adjacent",
        "skip_input",
        "readout_norm",
        "sum_scale",
        "head_dropout",
        "ema_decay",
        "validation_window",
    }
    assert not later & set(Settings().as_dict())
    named = make_settings(
        {
            "residual": True,
            "fully_adjacent": True,
            "skip_input": True,
            "readout_norm": "batch",
            "sum_scale": 2,
            "head_dropout": 0.5,
            "ema_decay": 0.9,
            "validation_window": 5,
        }
    )
    assert later <= set(named.as_dict())


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("hiden_channels=3", "unknown setting 'hiden_channels': did you mean 'hidden_channels'"),
        ("hidden_channels=3.5", "setting hidden_channels: expected int, got '3.5'"),
        ("hidden_channels=0", "setting hidden_channels: expected at least 1, got 0"),
        ("hidden_channels", "--set: expected key=value, got 'hidden_channels'"),
        ("normalize=1", "setting normalize: expected bool, got '1'"),
        ("aggr=avg", "unknown value of setting aggr 'avg'"),
        ("readout=maxx", "did you mean 'max'"),
        ("readout=max,maxx", "unknown value of setting readout 'maxx': did you mean 'max'"),
        ("readout=max,", "unknown value of setting readout ''"),
        ("readout=max,max", "setting readout: expected each name once, got max, max"),
        ("ema_decay=1", "setting ema_decay: expected at least 0 and less than 1, got 1.0"),
        ("ema_decay=0", "setting ema_decay: expected more than 0, got 0.0"),
        ("validation_window=0", "setting validation_window: expected at least 1, got 0"),
        ("readout_norm=layer", "unknown value of setting readout_norm 'layer'"),
        ("sum_scale=0", "setting sum_scale: expected more than 0, got 0.0"),
        ("sum_scale=log", "unknown value of setting sum_scale 'log'"),
        ("head_dropout=1", "setting head_dropout: expected at least 0 and less than 1, got 1.0"),
        ("dropout=1.0", "setting dropout: expected at least 0 and less than 1, got 1.0"),
        ("learning_rate=nan", "setting learning_rate: expected a finite number, got nan"),
        ("learning_rate=0", "setting learning_rate: expected more than 0, got 0.0"),
        ("explicit=aggr", "unknown setting 'explicit'"),
        ("hidden_channels=" + "9" * 20, "expected at most 1000000000, got 99999999999999999999"),
        ("hidden_channels=" + "9" * 5000, "setting hidden_channels: expected int, got '9999"),
        ("num_layers=1000000000", "setting num_layers: expected at most 1000, got 1000000000"),
        ("num_pools=101", "setting num_pools: expected at most 100, got 101"),
        ("cluster_ratio=1e300", "setting cluster_ratio: expected at most 1000000, got 1e+300"),
        ("learning_rate=1e999", "setting learning_rate: expected a finite number, got inf"),
    ],
)
def test_bad_overrides_name_the_setting_and_what_was_expected(pair, message):
    with pytest.raises(UsageError) as caught:
        make_settings(parse_overrides([pair]))
    assert message in str(caught.value)


def test_a_recipe_value_of_the_wrong_type_is_an_error():
    with pytest.raises(UsageError, match="setting epochs: expected int, got True"):
        make_settings({"epochs": True})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "setting readout: expected one of max, mean, sum or several, got none"),
        (3, "expected one of 'max', 'mean', 'sum' or several of these, got 3"),
        (["max", 3], "unknown value of setting readout '3'"),
    ],
)
def test_a_recipe_with_readouts_that_are_none_is_an_error(value, message):
    with pytest.raises(UsageError) as caught:
        make_settings({"readout": value})
    assert message in str(caught.value)


def test_later_layers_win_and_the_record_gives_the_settings_back():
    settings = make_settings({"epochs": 5, "aggr": "sum"}, {"epochs": 7}, {"dropout": 0})
    assert (settings.epochs, settings.aggr, settings.dropout) == (7, "sum", 0.0)
    assert from_record(settings.as_dict()) == settings


def test_named_network_settings_are_kept_where_they_change_a_preset():
    assert make_settings({"readout": "max"}) == Settings()
    settings = make_settings({"preset": "paper"}, {"readout": "max", "epochs": 3})
    assert settings.explicit == ("readout",)
    assert from_record(settings.as_dict()) == settings


def test_every_recipe_is_read_and_names_at_most_two_configurations():
    expected = {
        f"{dataset}-{method}.yaml"
        for dataset in ("ENZYMES", "PROTEINS", "DD", "COLLAB")
        for method in ("diffpool", "diffpool-nolp", "graphsage")
    }
    assert expected <= {path.name for path in RECIPES.glob("*.yaml")}
    for dataset in DATASETS:
        for method in method_names():
            assert 1 <= len(configurations(dataset, method, {})) <= 2


def test_overrides_apply_to_every_configuration_and_leave_no_duplicates(tmp_path):
    recipe = "settings: {epochs: 9}\nconfigurations:\n  - {num_pools: 2}\n  - {num_pools: 1}\n"
    (tmp_path / "ENZYMES-diffpool.yaml").write_text(recipe)
    both = configurations("ENZYMES", "diffpool", {"dropout": 0.5}, tmp_path)
    assert [(s.num_pools, s.epochs, s.dropout) for s in both] == [(2, 9, 0.5), (1, 9, 0.5)]
    assert len(configurations("ENZYMES", "diffpool", {"num_pools": 1}, tmp_path)) == 1


def test_an_unknown_key_of_a_recipe_names_the_near_miss(tmp_path):
    (tmp_path / "ENZYMES-diffpool.yaml").write_text("setings: {epochs: 9}\n")
    with pytest.raises(UsageError, match=r"key of recipe .* 'setings': did you mean 'settings'"):
        configurations("ENZYMES", "diffpool", {}, tmp_path)


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("settings: {epochs: [", r"diffpool\.yaml: expected YAML"),
        (b"\xff\xfe\x00", r"diffpool\.yaml: expected YAML"),
        ("[" * 20_000, r"diffpool\.yaml: expected YAML"),
        ("3", "expected a mapping, got int"),
        ("false", "expected a mapping, got bool"),
        ("[settings]", "expected a mapping, got list"),
        ("settings: 3", "settings: expected a mapping from names of settings"),
        ("settings: [epochs]", "settings: expected a mapping from names of settings"),
        ("settings: {3: 4}", "settings: expected a mapping from names of settings"),
        ("settings: {epochs: 9.5}", "settings: setting epochs: expected int, got 9.5"),
        ("settings: {epoch: 9}", "settings: unknown setting 'epoch': did you mean 'epochs'"),
        ("settings: {dropout: " + "9" * 400 + "}", "setting dropout: expected a finite number"),
        ("configurations: {epochs: 9}", "configurations: expected a list of mappings"),
        ("configurations: [{}, 3]", "configuration 1: expected a mapping from names of settings"),
        ("configurations: [{}, {aggr: avg}]", "configuration 1: unknown value of setting aggr"),
        ("3: 4", "key of recipe .* '3'"),
    ],
)
def test_a_broken_recipe_is_named_with_the_place(tmp_path, recipe, message):
    content = recipe if isinstance(recipe, bytes) else recipe.encode()
    (tmp_path / "ENZYMES-diffpool.yaml").write_bytes(content)
    with pytest.raises(UsageError, match=message):
        configurations("ENZYMES", "diffpool", {}, tmp_path)


def test_the_settings_cover_every_keyword_of_the_network_with_its_default():
    parameters = inspect.signature(DiffPoolNet).parameters.values()
    keywords = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    # These two follow from cluster_ratio, max_clusters and per_graph_clusters.
    del keywords["max_clusters"], keywords["ratio"]
    del keywords["embedding"]  # The method's own networks.
    assert {name: getattr(Settings(), name) for name in NETWORK_KEYWORDS} == keywords


@pytest.mark.parametrize("preset", ["none", "paper", "reference"])
@pytest.mark.parametrize("method", NETWORKS)
def test_every_method_is_built_under_every_preset_and_takes_named_settings(method, preset):
    convolutions = []
    for num_layers in (2, 5):
        overrides = {"preset": preset, "num_layers": num_layers, "num_layers_after": 1}
        (settings,) = configurations("UNKNOWN", method, overrides)
        net = load_method(method).build(
            settings, Problem(3, 2, [4] * settings.num_pools, torch.tensor([9, 4]))
        )
        convolutions.append(sum(isinstance(module, SAGEConv) for module in net.modules()))
    # One embedding block, and with a pooling one assignment block too.
    expected = {"graphsage": 3, "diffpool": 6, "diffpool-nolp": 6}
    if method in expected:
        assert convolutions[1] - convolutions[0] == expected[method]


def test_methods_refuse_settings_that_contradict_them():
    for method, overrides, message in (
        ("graphsage", {"num_pools": 1}, "setting num_pools: graphsage is flat"),
        ("diffpool", {"num_pools": 0}, "setting num_pools: expected at least 1"),
        ("diffpool-nolp", {"link_weight": 0.5}, "setting link_weight: diffpool-nolp expects 0"),
        ("sortpool", {"readout_norm": "batch"}, "setting readout_norm: sortpool has no use"),
        ("patchysan", {"head_dropout": 0.5}, "setting head_dropout: patchysan has no use"),
        ("sortpool", {"residual": True}, "setting residual: sortpool has no use for it, got True"),
        ("patchysan", {"skip_input": True}, "setting skip_input: patchysan has no use for it"),
        ("ecc", {"skip_input": True}, "setting skip_input: ecc has no use for it"),
        ("s2v", {"fully_adjacent": True}, "setting fully_adjacent: Structure2Vec has no use"),
        ("set2set", {"sum_scale": "asinh"}, "setting sum_scale: set2set has no use for it"),
        ("set2set", {"readout": ["max", "sum"]}, "set2set has a readout of its own, got max,sum"),
    ):
        (settings,) = configurations("UNKNOWN", method, overrides)
        with pytest.raises(UsageError, match=message):
            load_method(method).build(
                settings, Problem(3, 2, [4] * settings.num_pools, torch.tensor([9, 4]))
            )


def test_settings_stay_flat():
    for field in dataclasses.fields(Settings):
        assert isinstance(field.default, str | int | float | bool | tuple | None)
