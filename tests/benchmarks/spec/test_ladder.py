from benchmarks.runs.recipe import configurations
from benchmarks.spec.ladder import LADDER, settings_of


def test_the_first_rung_is_the_papers_network_and_the_last_one_the_recipe():
    first, last = settings_of(0), settings_of(len(LADDER) - 1)
    assert first["preset"] == "paper"
    assert not {"readout", "jump", "num_layers", "scale"} & set(first)
    (recipe,) = configurations("ENZYMES", "diffpool", {})
    (climbed,) = configurations("ENZYMES", "diffpool", last, recipe=False)
    same = {"explicit": recipe.explicit, "preset": recipe.preset}
    assert {**climbed.as_dict(), **same} == {**recipe.as_dict(), **same}


def test_every_rung_changes_something_and_keeps_what_the_others_changed():
    for number in range(1, len(LADDER)):
        before, after = settings_of(number - 1), settings_of(number)
        assert before != after
        assert set(before) <= set(after)
    assert len({rung.label for rung in LADDER}) == len(LADDER)
