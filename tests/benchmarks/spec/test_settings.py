import dataclasses
import inspect
import json

import pytest

from benchmarks.spec.errors import UsageError
from benchmarks.spec.settings import (
    NETWORK_KEYWORDS,
    Settings,
    from_record,
    make_settings,
    parse_overrides,
)
from pyg_diffpool import DiffPoolNet


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
        ("aggr=mean,std", ("mean", "std")),
        ("aggr=var", "var"),
        ("sum_scale=asinh", "asinh"),
        ("sum_scale=30", 30.0),
        ("sum_scale=none", None),
        ("readout_norm=batch", "batch"),
        ("head_dropout=0", 0.0),
        ("head_dropout=none", None),
    ],
)
def test_texts_become_settings_of_readout_and_aggregation(pair, expected):
    key = pair.partition("=")[0]
    settings = make_settings(parse_overrides([pair]))
    assert getattr(settings, key) == expected
    assert from_record(json.loads(json.dumps(settings.as_dict()))) == settings


def test_objectives_by_name():
    settings = make_settings(parse_overrides(["objectives=link:1, cut:0.5"]))
    assert settings.objectives == (("cut", 0.5), ("link", 1.0))
    assert make_settings({"objectives": {"cut": 0.5, "link": 1}}) == settings
    assert settings.as_dict()["objectives"] == {"cut": 0.5, "link": 1.0}
    assert from_record(json.loads(json.dumps(settings.as_dict()))) == settings
    assert hash(settings) == hash(dataclasses.replace(settings))
    assert make_settings({"objectives": {}}).objectives == ()
    assert make_settings(parse_overrides(["objectives=none"])).objectives is None
    assert settings.network_keywords(["objectives", "aggr"]) == {
        "objectives": {"cut": 0.5, "link": 1.0},
        "aggr": "mean",
    }


def test_what_an_objective_weighs():
    short = make_settings({"link_weight": 2.0})
    assert [short.objective_weight(n) for n in ("link", "entropy", "cut")] == [2.0, 1.0, 0.0]
    named = make_settings({"link_weight": 2.0, "objectives": {"cut": 0.5}})
    assert [named.objective_weight(n) for n in ("link", "entropy", "cut")] == [0.0, 0.0, 0.5]


def test_a_recipe_names_several_as_a_list_and_one_alone_is_itself():
    assert make_settings({"aggr": ["mean", "std"]}).aggr == ("mean", "std")
    assert make_settings({"aggr": ["mean"]}) == make_settings({})
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
        "compile",
        "objectives",
        "edge_features",
        "assignment",
        "temperature",
        "final_temperature",
        "annealing_steps",
        "sparse_level",
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
            "compile": "auto",
            "objectives": {"cut": 1.0},
            "edge_features": True,
            "assignment": "sparsemax",
            "temperature": 2.0,
            "final_temperature": 0.5,
            "annealing_steps": 10,
            "sparse_level": True,
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
        ("aggr=mean,avg", "unknown value of setting aggr 'avg'"),
        ("aggr=mean,mean", "setting aggr: expected each name once, got mean, mean"),
        ("readout=maxx", "did you mean 'max'"),
        ("readout=max,maxx", "unknown value of setting readout 'maxx': did you mean 'max'"),
        ("readout=max,", "unknown value of setting readout ''"),
        ("readout=max,max", "setting readout: expected each name once, got max, max"),
        ("ema_decay=1", "setting ema_decay: expected at least 0 and less than 1, got 1.0"),
        ("ema_decay=0", "setting ema_decay: expected more than 0, got 0.0"),
        ("objectives=cut", "setting objectives: expected weights by name or none, got 'cut'"),
        ("objectives=cuts:1", "unknown name in setting objectives 'cuts': did you mean 'cut'"),
        ("objectives=cut:x", "expected a finite number from 0 on for cut, got 'x'"),
        ("objectives=cut:-1", "expected a finite number from 0 on for cut, got -1.0"),
        ("objectives=cut:inf", "expected a finite number from 0 on for cut, got inf"),
        ("assignment=hard", "unknown value of setting assignment 'hard'"),
        ("temperature=0", "setting temperature: expected more than 0, got 0.0"),
        ("final_temperature=-1", "setting final_temperature: expected more than 0, got -1.0"),
        ("annealing_steps=0", "setting annealing_steps: expected at least 1, got 0"),
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


def test_the_settings_cover_every_keyword_of_the_network_with_its_default():
    parameters = inspect.signature(DiffPoolNet).parameters.values()
    keywords = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    # These two follow from cluster_ratio, max_clusters and per_graph_clusters.
    del keywords["max_clusters"], keywords["ratio"]
    del keywords["embedding"]  # The method's own networks.
    del keywords["aggr_kwargs"]  # The settings' aggregations have none.
    del keywords["temperature"]  # Made of three settings.
    # What "auto" is under the default convention; runs are named by the settings as they are.
    assert keywords["scale"] == "auto"
    keywords["scale"] = "nodes"
    # What they weigh without objectives.
    assert keywords["link_weight"] is keywords["entropy_weight"] is None
    keywords |= {"link_weight": 1.0, "entropy_weight": 1.0}
    assert {name: getattr(Settings(), name) for name in NETWORK_KEYWORDS} == keywords


def test_settings_stay_flat():
    for field in dataclasses.fields(Settings):
        assert isinstance(field.default, str | int | float | bool | tuple | None)
