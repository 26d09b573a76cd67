import pytest

from benchmarks.methods import load_method
from benchmarks.methods.parts.head import (
    BLOCK,
    HEAD,
    OWN,
    own_of_others,
    refuse_scale_without_sum,
    refuse_unused,
)
from benchmarks.spec.errors import UsageError
from benchmarks.spec.settings import make_settings
from tests.benchmarks.methods.networks import NETWORKS, small_network


@pytest.mark.parametrize(
    ("named", "names", "message"),
    [
        ({"residual": True}, BLOCK, "setting residual: mine has no use for it, got True"),
        (
            {"readout_norm": "batch"},
            HEAD,
            "setting readout_norm: mine has no use for it, got batch",
        ),
        ({"sum_scale": 2.0}, HEAD, "setting sum_scale: mine has no use for it, got 2.0"),
        ({"head_dropout": 0.0}, HEAD, "setting head_dropout: mine has no use for it, got 0.0"),
        ({"sum_scale": 2.0}, BLOCK, None),
        ({"num_layers": 5}, [*BLOCK, *HEAD], None),
    ],
)
def test_settings_without_an_effect_are_refused_unless_at_their_defaults(named, names, message):
    settings = make_settings(named)
    if message is None:
        refuse_unused("mine", settings, names)
        return
    with pytest.raises(UsageError) as caught:
        refuse_unused("mine", settings, names)
    assert str(caught.value).startswith(message)


def test_a_methods_own_settings_are_not_among_those_of_others():
    assert own_of_others() == OWN
    assert own_of_others("field_size", "num_fields") == (
        *("processing_steps", "sort_quantile", "pyramid_levels", "edge_hidden"),
    )


@pytest.mark.parametrize(
    ("readout", "more", "refused"),
    [
        ("max", {}, True),
        (("max", "mean"), {}, True),
        ("sum", {}, False),
        (("max", "sum"), {}, False),
        ("max", {"skip_input": True}, False),
    ],
)
def test_a_scale_of_sums_needs_a_sum(readout, more, refused):
    settings = make_settings({"sum_scale": "asinh", **more})
    refuse_scale_without_sum(make_settings(more), readout)
    if not refused:
        refuse_scale_without_sum(settings, readout)
        return
    with pytest.raises(UsageError, match=r"^setting sum_scale: expected with the readout sum"):
        refuse_scale_without_sum(settings, readout)


USED = {
    "processing_steps": {"set2set"},
    "sort_quantile": {"sortpool"},
    "field_size": {"patchysan"},
    "pyramid_levels": {"ecc"},
    "edge_hidden": {"ecc"},
    "link_weight": {"diffpool", "s2v-diffpool1", "s2v-diffpool2"},
    "max_clusters": {name for name in NETWORKS if "diffpool" in name},
    "aggr": {name for name in NETWORKS if name not in ("sortpool", "patchysan", "ecc", "s2v")},
    "convention": {"diffpool", "diffpool-nolp", "s2v-diffpool1", "s2v-diffpool2"},
    "readout": {name for name in NETWORKS if name not in ("set2set", "sortpool", "patchysan")},
    "annealing_steps": set(),
    # The others read out the maximum or the mean by default.
    "sum_scale": {"s2v", "s2v-diffpool1", "s2v-diffpool2"},
}
"""The methods on which each setting has an effect when it is named alone."""
VALUES = {
    "processing_steps": 2, "sort_quantile": 0.3, "field_size": 4, "pyramid_levels": 1,
    "edge_hidden": 4, "link_weight": 0.5, "max_clusters": 3, "aggr": "max", "convention": "pyg",
    "annealing_steps": 7, "sum_scale": "asinh",
}  # fmt: skip


@pytest.mark.parametrize("name", USED)
def test_each_network_heeds_a_setting_or_refuses_it(name):
    for method in NETWORKS:
        defaults = load_method(method).DEFAULTS
        value = VALUES.get(name, "mean" if defaults.get(name) != "mean" else "max")
        settings = make_settings(defaults, {name: value})
        if method in USED[name]:
            small_network(method, settings, [5, 9, 30])
            continue
        with pytest.raises(UsageError, match=rf"^setting {name}: .*{value}"):
            small_network(method, settings, [5, 9, 30])
