import stat
import zipfile

import pytest

from benchmarks.data import tu_archive
from benchmarks.data.tu_archive import local_path, unpack
from benchmarks.spec.errors import UsageError

WHOLE = {"SMALL_A.txt": "1, 2\n", "SMALL_graph_indicator.txt": "1\n1\n"}


def write(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, text in entries.items():
            archive.writestr(entry, text)


def inside(folder, files=WHOLE):
    return {f"{folder}{name}": text for name, text in files.items()}


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "outer" / "target"
    folder.mkdir(parents=True)
    return folder


def unpacked(archive, place):
    files = unpack(archive, "SMALL", place, "here.zip")
    return {file.name: file.read_text() for file in files}


@pytest.mark.parametrize("folder", ["SMALL/", "", "other/", "a/b/", "SMALL\\"])
def test_files_are_found_in_any_folder(folder, tmp_path, place):
    write(tmp_path / "x.zip", inside(folder))
    assert unpacked(tmp_path / "x.zip", place) == WHOLE


@pytest.mark.parametrize("other", ["SMALL/old/", "old/", "", "__MACOSX/SMALL/", "SMALL/../"])
@pytest.mark.parametrize("first", [True, False])
def test_a_second_copy_is_not_read(other, first, tmp_path, place):
    old = {**dict.fromkeys(WHOLE, "old"), "SMALL_node_labels.txt": "old"}
    copies = [inside(other, old), inside("SMALL/")]
    write(tmp_path / "x.zip", {**copies[first], **copies[not first]})
    assert unpacked(tmp_path / "x.zip", place) == WHOLE
    assert sorted(file.name for file in place.iterdir()) == sorted(WHOLE)


def test_copies_that_cannot_be_told_apart(tmp_path, place):
    write(tmp_path / "x.zip", {**inside("a/"), **inside("b/")})
    with pytest.raises(
        UsageError, match="expected one copy of the data set, got those in a/ and b"
    ):
        unpacked(tmp_path / "x.zip", place)
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name, text in inside("SMALL/").items():
            archive.writestr(name, text)
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("SMALL/SMALL_A.txt", "2, 1\n")
    with pytest.raises(UsageError, match=r"expected SMALL/SMALL_A.txt once, got it twice"):
        unpacked(tmp_path / "x.zip", place)


def test_nothing_is_written_outside_or_under_other_names(tmp_path, place):
    bad = ["SMALL/../../evil.txt", "../SMALL_node_labels.txt", "/SMALL_edge_labels.txt", "SMALL/x"]
    write(tmp_path / "x.zip", {**inside("SMALL/"), **dict.fromkeys(bad, "9")})
    assert unpacked(tmp_path / "x.zip", place) == WHOLE
    written = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {"x.zip", *WHOLE}


def test_links_and_bombs(tmp_path, place, monkeypatch):
    entry = zipfile.ZipInfo("SMALL/SMALL_node_labels.txt")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    write(tmp_path / "x.zip", inside("SMALL/"))
    with zipfile.ZipFile(tmp_path / "x.zip", "a") as archive:
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(UsageError, match=r"SMALL_node_labels.txt to be a file, got a link"):
        unpacked(tmp_path / "x.zip", place)

    monkeypatch.setattr(tu_archive, "LARGEST_UNPACKED", 2**20)
    zeros = "0\n" * 2**20
    write(tmp_path / "x.zip", {**inside("SMALL/"), "SMALL/README.txt": zeros})
    assert unpacked(tmp_path / "x.zip", place) == WHOLE
    write(tmp_path / "x.zip", {**inside("SMALL/"), "SMALL/SMALL_node_labels.txt": zeros})
    with pytest.raises(UsageError, match=r"expected at most 0 GiB of text files, got 0.0 GiB"):
        unpacked(tmp_path / "x.zip", place)


def test_damaged_zips(tmp_path, place):
    path = tmp_path / "x.zip"
    write(path, inside("SMALL/", dict.fromkeys(WHOLE, "1, 2\n" * 1000)))
    whole = path.read_bytes()
    for content in (b"", b"no zip", whole[: len(whole) // 2], whole[:60] + b"?" * 20 + whole[80:]):
        path.write_bytes(content)
        with pytest.raises(UsageError, match=r"here.zip: expected a whole zip, got one that fails"):
            unpacked(path, place)


def test_addresses(tmp_path):
    folder = tmp_path / "a b"
    assert local_path(f"{folder.as_uri()}/X.zip") == local_path(str(folder / "X.zip"))
    assert local_path("https://example.org/X.zip") is None
