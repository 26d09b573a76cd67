import hashlib
import json
import multiprocessing

import numpy as np
import pytest

from benchmarks.data.folders import CACHE_VARIABLE
from benchmarks.kernels.gram import normalised
from benchmarks.methods import wl
from benchmarks.training.gram_cache import are_cached, cached_grams, gram_path
from tests.benchmarks.kernels.small_graphs import HAND, grams_of, random_graphs


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    return tmp_path


@pytest.fixture
def computed(monkeypatch):
    """Count how often the kernel computes."""
    calls = []
    compute = wl.grams

    def counted(*arguments):
        calls.append(1)
        return compute(*arguments)

    monkeypatch.setattr(wl, "grams", counted)
    return calls


def test_the_second_call_computes_nothing(computed):
    assert not are_cached("wl", HAND)
    first = cached_grams("wl", HAND)
    assert are_cached("wl", HAND)
    second = cached_grams("wl", HAND)
    assert len(computed) == 1
    expected = [normalised(gram) for gram in grams_of(wl, HAND)]
    np.testing.assert_array_equal(first, expected)
    np.testing.assert_array_equal(second, expected)
    assert not second.flags.writeable


def test_other_graphs_and_other_kernels_have_other_files():
    paths = {
        gram_path("wl", HAND),
        gram_path("wl-oa", HAND),
        gram_path("wl", random_graphs()),
        gram_path("graphlet", HAND),
    }
    assert len(paths) == 4


OTHER_DIGESTS = {
    "broken digest": '{"sha',
    "empty digest": "{}",
    "list digest": "[]",
    "number digest": "3",
    "text digest": '"sha256"',
    "other digest": '{"sha256": 7}',
    "deep digest": "[" * 100_000,
}
OTHER_ARRAYS = {
    "other shape": np.eye(3),
    "other type": np.zeros((1, 1, 1), dtype=np.int8),
    "pickle": np.array([{}, []], dtype=object),
}


@pytest.mark.parametrize("damage", ["cut", "altered", "no digest", *OTHER_DIGESTS, *OTHER_ARRAYS])
def test_a_damaged_file_is_computed_anew_with_a_word(computed, damage, capsys):
    expected = np.array(cached_grams("wl", HAND))
    path = gram_path("wl", HAND)
    content = bytearray(path.read_bytes())
    if damage == "cut":
        path.write_bytes(content[:-8])
    elif damage == "altered":
        content[-3] ^= 1
        path.write_bytes(content)
    elif damage == "no digest":
        path.with_suffix(".json").unlink()
    elif damage in OTHER_DIGESTS:
        path.with_suffix(".json").write_text(OTHER_DIGESTS[damage])
    else:
        # Another file, whose digest is right.
        np.save(path, OTHER_ARRAYS[damage], allow_pickle=True)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        path.with_suffix(".json").write_text(json.dumps({"sha256": digest}))
    assert not are_cached("wl", HAND)
    np.testing.assert_array_equal(cached_grams("wl", HAND), expected)
    assert len(computed) == 2
    assert f"{path} is damaged and made again" in capsys.readouterr().err


def test_a_failure_leaves_nothing_and_a_kill_leaves_nothing_for_long(cache, monkeypatch):
    path = gram_path("wl", HAND)
    path.parent.mkdir()
    (path.parent / f".{path.name}.1.tmp").write_bytes(b"half")

    def failing(*arguments):
        yield np.eye(3)
        raise RuntimeError("out of luck")

    with monkeypatch.context() as patch:
        patch.setattr(wl, "grams", failing)
        with pytest.raises(RuntimeError, match="out of luck"):
            cached_grams("wl", HAND)
    assert not are_cached("wl", HAND)
    assert [file.suffix for file in path.parent.iterdir()] == [".lock"]


def _ask(barrier, queue):
    calls = []
    compute = wl.grams

    def counted(*arguments):
        calls.append(1)
        return compute(*arguments)

    wl.grams = counted
    graphs = random_graphs(number=40)
    barrier.wait(timeout=120)
    grams = cached_grams("wl", graphs)
    queue.put((len(calls), float(grams.sum())))


def test_processes_that_ask_together_compute_once():
    # Not forked: what holds a lock in another thread of this process would hold it there for ever.
    context = multiprocessing.get_context("spawn")
    barrier, queue = context.Barrier(2), context.Queue()
    processes = [context.Process(target=_ask, args=(barrier, queue)) for _ in range(2)]
    for process in processes:
        process.start()
    answers = [queue.get(timeout=120) for _ in processes]
    for process in processes:
        process.join(timeout=60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert sum(calls for calls, _ in answers) == 1
    assert len({total for _, total in answers}) == 1
