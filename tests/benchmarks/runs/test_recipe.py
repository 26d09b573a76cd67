import pytest

from benchmarks.data.registry import listed_names
from benchmarks.methods import method_names
from benchmarks.runs.recipe import RECIPES, configurations
from benchmarks.spec.errors import UsageError


def test_every_recipe_is_read_and_names_at_most_two_configurations():
    expected = {
        f"{dataset}-{method}.yaml"
        for dataset in ("ENZYMES", "PROTEINS", "DD", "COLLAB")
        for method in ("diffpool", "diffpool-nolp", "graphsage")
    }
    assert expected <= {path.name for path in RECIPES.glob("*.yaml")}
    for dataset in listed_names():
        for method in method_names():
            assert 1 <= len(configurations(dataset, method, {})) <= 2


def test_overrides_apply_to_every_configuration_and_leave_no_duplicates(tmp_path):
    recipe = "settings: {epochs: 9}\nconfigurations:\n  - {num_pools: 2}\n  - {num_pools: 1}\n"
    (tmp_path / "ENZYMES-diffpool.yaml").write_text(recipe)
    both = configurations("ENZYMES", "diffpool", {"dropout": 0.5}, tmp_path)
    assert [(s.num_pools, s.epochs, s.dropout) for s in both] == [(2, 9, 0.5), (1, 9, 0.5)]
    assert len(configurations("ENZYMES", "diffpool", {"num_pools": 1}, tmp_path)) == 1


def test_objectives_and_their_short_forms_are_not_named_together(tmp_path):
    both = {"objectives": {"cut": 1.0}, "link_weight": 2.0}
    with pytest.raises(UsageError, match=r"^setting link_weight: expected none beside objectives"):
        configurations("ENZYMES", "diffpool", both, tmp_path)
    recipe = tmp_path / "ENZYMES-diffpool.yaml"
    recipe.write_text("settings: {objectives: {cut: 1.0}, entropy_weight: 0.5}\n")
    with pytest.raises(UsageError, match=r"diffpool\.yaml, settings: setting entropy_weight"):
        configurations("ENZYMES", "diffpool", {}, tmp_path)
    recipe.write_text("settings: {link_weight: 5.0}\n")
    (tried,) = configurations("ENZYMES", "diffpool", {"objectives": {"cut": 1.0}}, tmp_path)
    assert tried.objective_weight("link") == 0
    recipe.write_text("settings: {objectives: {cut: 1.0}}\n")
    with pytest.raises(UsageError, match=r"^setting entropy_weight: expected none beside"):
        configurations("ENZYMES", "diffpool", {"entropy_weight": 0.5}, tmp_path)


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
