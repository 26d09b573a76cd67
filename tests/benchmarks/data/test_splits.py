import json

import pytest
import torch

from benchmarks.data.splits import fair_folds, published_folds, reference_folds, small_classes

LABELS = torch.tensor([0] * 100 + [1] * 60 + [2] * 40)[
    torch.randperm(200, generator=torch.Generator().manual_seed(0))
]


def shares(part):
    return LABELS[part].bincount(minlength=3).tolist()


def test_fair_folds_are_stratified_and_test_each_graph_once():
    folds = fair_folds(LABELS, seed=3)
    assert len(folds) == 10
    assert torch.equal(torch.cat([fold.test for fold in folds]).sort().values, torch.arange(200))
    for fold in folds:
        assert torch.equal(torch.cat(fold).sort().values, torch.arange(200))
        assert shares(fold.test) == [10, 6, 4]
        assert len(fold.validation) == 18
        assert shares(fold.validation) in ([9, 5, 4], [9, 6, 3])
        assert all(part.dtype == torch.long and bool((part.diff() > 0).all()) for part in fold)


def test_reference_folds_keep_no_test_set():
    folds = reference_folds(LABELS, seed=3)
    validated = torch.cat([fold.validation for fold in folds])
    assert torch.equal(validated.sort().values, torch.arange(200))
    for fold in folds:
        assert shares(fold.validation) == [10, 6, 4]
        assert torch.equal(torch.cat(fold).sort().values, torch.arange(200))
        assert fold.test.shape == (0,)
        assert fold.test.dtype == torch.long


@pytest.mark.parametrize("folds_of", [fair_folds, reference_folds])
def test_folds_depend_on_the_seed_alone(folds_of):
    def flat(seed, labels=LABELS):
        return torch.cat([part for fold in folds_of(labels, seed) for part in fold])

    assert torch.equal(flat(0), flat(0, LABELS.tolist()))
    assert not torch.equal(flat(0), flat(1))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.tensor([0] * 5 + [7] * 4), "labels: expected 10 graphs or more, got 9"),
        (torch.zeros(20, 2), r"labels: expected one class a graph, got shape \(20, 2\)"),
        ([], "labels: .* got 0"),
    ],
)
def test_bad_labels(labels, message):
    for folds_of in (fair_folds, reference_folds):
        with pytest.raises(ValueError, match=message):
            folds_of(labels, 0)


@pytest.mark.parametrize(
    "counts", [[20, 9, 2, 1], [4, 4, 4, 4, 4, 4, 4, 4, 4, 3, 2], [100, 1], [1] * 10]
)
def test_small_classes_are_spread_as_far_as_they_go(counts):
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    labels = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))]
    with pytest.warns(UserWarning, match="classes have fewer than 10 graphs .* of class"):
        folds = fair_folds(labels, seed=1)
    assert torch.equal(
        torch.cat([fold.test for fold in folds]).sort().values, torch.arange(len(labels))
    )
    for fold in folds:
        assert torch.equal(torch.cat(fold).sort().values, torch.arange(len(labels)))
        assert 0 <= len(fold.test) - len(labels) // 10 <= 1
        assert 1 <= len(fold.validation) <= -(-len(labels) // 10)
        tested = labels[fold.test].bincount(minlength=len(counts))
        assert all(
            abs(n - count / 10) < 1 for n, count in zip(tested.tolist(), counts, strict=True)
        )
    with pytest.warns(UserWarning, match="fewer than 10"):
        held = [fold.validation for fold in reference_folds(labels, seed=1)]
    assert torch.equal(torch.cat(held).sort().values, torch.arange(len(labels)))


def test_more_classes_than_graphs_held_out():
    labels = torch.arange(20).repeat(10)
    for fold in fair_folds(labels):
        assert labels[fold.test].bincount().tolist() == [1] * 20
        assert len(fold.validation) == 18


def test_small_classes():
    assert small_classes([0] * 10 + [3] * 9 + [5]) == {"3": 9, "5": 1}
    assert small_classes(LABELS) == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe\x00", "expected JSON"),
        (b"[" * 100_000, "expected JSON"),
        (
            b'[{"test": [%d], "model_selection": [{"train": [1], "validation": [2]}]}]' % 10**30,
            "numb",
        ),
    ],
)
def test_files_that_are_no_splits(content, message, tmp_path):
    (tmp_path / "splits.json").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        published_folds(tmp_path / "splits.json", 3)


def published(num_folds=3):
    """Nine graphs: fold f tests 3f to 3f + 2; the next graph validates, the others train."""
    entries = []
    for fold in range(num_folds):
        test = [3 * fold, 3 * fold + 1, 3 * fold + 2]
        rest = [(3 * fold + 3 + step) % 9 for step in range(6)]
        entries.append(
            {"test": test, "model_selection": [{"train": rest[1:], "validation": rest[:1]}]}
        )
    return entries


def write(tmp_path, entries):
    path = tmp_path / "splits.json"
    path.write_text(json.dumps(entries))
    return path


def test_published_folds(tmp_path):
    folds = published_folds(write(tmp_path, published()), 9)
    assert [fold.test.tolist() for fold in folds] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    assert [fold.validation.tolist() for fold in folds] == [[3], [6], [0]]
    assert folds[1].train.tolist() == [0, 1, 2, 7, 8]


def repeat(source, target):
    def change(entries):
        parts = {"test": entries[1]["test"], **entries[1]["model_selection"][0]}
        parts[target].append(parts[source][0])

    return change


@pytest.mark.parametrize(
    ("change", "num_graphs", "message"),
    [
        (lambda entries: None, 10, "fold 0: expected 10 graphs as in the data set, got 9"),
        (lambda entries: None, 8, r"fold 0: expected the numbers of 8 graphs \(0 to 7\)"),
        (repeat("test", "train"), 9, "fold 1: .* disjoint .* graph 3 is 2 times in train and test"),
        (repeat("test", "validation"), 9, "fold 1: .* graph 3 .* in validation and test"),
        (repeat("train", "validation"), 9, "fold 1: .* graph 7 .* in train and validation"),
        (repeat("train", "train"), 9, "fold 1: .* graph 7 is 2 times in train$"),
        (lambda entries: entries[2].pop("test"), 9, "fold 2: expected key 'test', got keys"),
        (lambda entries: entries[0].pop("model_selection"), 9, "fold 0: .* 'model_selection'"),
        (
            lambda entries: entries[0]["model_selection"][0].pop("validation"),
            9,
            r"fold 0: expected key 'validation', got keys \['train'\]",
        ),
        (lambda entries: entries[0].update(model_selection=[]), 9, "one train/validation pair"),
        (lambda entries: entries[0].update(test=[]), 9, "expected graphs in 'test', got none"),
        (lambda entries: entries[0].update(test=[0.5]), 9, "'test' to be a list of whole numbers"),
        (lambda entries: entries.pop(), 9, "each graph in one test fold, graph 6 is in 0"),
        (lambda entries: entries.clear(), 9, "expected a list of folds, got 0 entries"),
    ],
)
def test_bad_published_folds(tmp_path, change, num_graphs, message):
    entries = published()
    change(entries)
    with pytest.raises(ValueError, match=message):
        published_folds(write(tmp_path, entries), num_graphs)


def test_splits_file_that_is_not_json(tmp_path):
    path = tmp_path / "splits.json"
    path.write_text("[{")
    with pytest.raises(ValueError, match=r"splits\.json: expected JSON"):
        published_folds(path, 9)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"splits\.json: expected JSON"),
        (b"\xff\xfe\x00\x01", r"splits\.json: expected JSON, got no text"),
        (b"[" * 100_000, r"splits\.json: expected JSON"),
        (b"[" * 100_000 + b"]" * 100_000, r"splits\.json: expected JSON"),
        (b"[" + b"9" * 5000 + b"]", r"splits\.json"),
        (b"NaN", "expected a list of folds, got nan"),
        (b'"' + b"x" * 9999 + b'"', "expected a list of folds, got 'x{79}$"),
    ],
    ids=["empty", "binary", "open", "nested", "digits", "nan", "text"],
)
def test_splits_file_of_other_content(tmp_path, content, message):
    path = tmp_path / "splits.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        published_folds(path, 9)


@pytest.mark.parametrize("number", [10**30, -(10**30), 2**63])
def test_a_number_that_no_tensor_holds_is_named(tmp_path, number):
    entries = published()
    entries[1]["test"][0] = number
    with pytest.raises(ValueError, match=f"fold 1: expected numbers of graphs.* got {number}$"):
        published_folds(write(tmp_path, entries), 9)


def test_a_byte_order_mark_is_read_over(tmp_path):
    path = write(tmp_path, published())
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(published_folds(path, 9)) == len(published())
