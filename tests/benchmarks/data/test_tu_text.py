import pytest
import torch

from benchmarks.data import tu_text
from benchmarks.data.tu_text import line_of_row, read_floats, read_integers
from benchmarks.spec.errors import UsageError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "X_file.txt"


@pytest.mark.parametrize("read", [read_integers, read_floats])
@pytest.mark.parametrize(
    "content",
    [
        b"1, 2\n3, -4\n",
        b"1 2\n3 -4",
        b"1\t2\r\n3\t-4\r\n",
        b"\xef\xbb\xbf1,2\n\n   \n3 ,  -4\n\n",
        b"1,2,\n3,-4,\n",
        b"1, 2\n+3 -4\n",
        b"1.0,2.\n3,-4.00\n",
        b"1,2\r3,-4\r",
    ],
)
def test_what_is_readable_is_read(read, content, path):
    path.write_bytes(content)
    assert read(path).tolist() == [[1, 2], [3, -4]]


@pytest.mark.parametrize("read", [read_integers, read_floats])
@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_files_without_rows(read, content, path):
    path.write_bytes(content)
    assert read(path).shape == (0, 0)


def test_good_files_are_left_to_the_c_parsers(path, monkeypatch):
    monkeypatch.delattr(tu_text, "_read_slowly")
    for text in ("1, 2\n3, 4\n", "1\t2\n\n3\t4\n", "1 2\r\n3 4\r\n"):
        path.write_text(text)
        assert read_integers(path).tolist() == read_floats(path).tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("read", [read_integers, read_floats])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"1,2\n\n3\n", "line 3: expected 2 columns as in line 1, got 1"),
        (b"1,2\n3,4,5\n", "line 2: expected 2 columns as in line 1, got 3"),
        (b"1,2\n3,,4\n", "line 2: expected .* in column 2, got a missing value"),
        (b",2\n", "line 1: expected .* in column 1, got a missing value"),
        (b"1,2\n# note\n", "line 2: expected .* in column 1, got '#'"),
        (b"1,2 # note\n", "line 1: expected .* in column 3, got '#'"),
        (b"C,2\n", "line 1: expected .* in column 1, got 'C'"),
        (b"TRUE,2\n", "line 1: expected .* in column 1, got 'TRUE'"),
        (b'"1",2\n', "line 1: expected .* in column 1, got '\"1\"'"),
        (b"1;2\n", "line 1: expected .* in column 1, got '1;2'"),
        (b"1_0,2\n", "line 1: expected .* in column 1, got '1_0'"),
        (b"1,2\n3,4\x00\n", "line 2: expected .* in column 2, got '4\x00'"),
        (b"1,2\n3,\xff\n", "line 2: expected .* in column 2, got '\ufffd'"),
        (b"1,2\n3,nan\n", "line 2: expected .* in column 2, got 'nan'"),
        (b"inf,2\n", "line 1: expected .* in column 1, got 'inf'"),
    ],
)
def test_what_is_not_names_the_line(read, content, message, path):
    path.write_bytes(content)
    with pytest.raises(UsageError, match=f"X_file.txt, {message}"):
        read(path)


@pytest.mark.parametrize("text", ["9223372036854775808", "9" * 30, "1e3", "1.5", "1" * 5000])
def test_whole_numbers_beyond_int64(text, path):
    path.write_text(f"1,-2\n1,{text}\n")
    with pytest.raises(UsageError, match=r"line 2: expected a whole number \(int64\) in column 2"):
        read_integers(path)


def test_the_ends_of_int64_and_precise_floats(path):
    path.write_text("-9223372036854775808,9223372036854775807\n")
    assert read_integers(path).tolist() == [[-(2**63), 2**63 - 1]]
    path.write_text("0.30000000001,1e-3\n")
    assert torch.equal(read_floats(path), torch.tensor([[0.30000000001, 1e-3]]))


@pytest.mark.parametrize("text", ["1e39", "1e400"])
def test_numbers_that_are_infinite_in_the_default_type(text, path):
    path.write_text(f"1,2\n\n3,{text}\n")
    with pytest.raises(UsageError, match=r"line 3: .* finite number in column 2, .* torch.float32"):
        read_floats(path)


def test_line_of_row(path):
    path.write_text("\n1\n\n2\n")
    assert [line_of_row(path, row) for row in (0, 1)] == [2, 4]
