import pytest

from benchmarks.training.made_once import made_once


class Made:
    """A file with a number in it, and how often it was written."""

    def __init__(self, path, content="7"):
        self.path = path
        self.content = content
        self.written = 0

    def read(self):
        text = self.path.read_text() if self.path.exists() else ""
        return int(text) if text.isdigit() else None

    def make(self):
        self.written += 1
        self.path.write_text(self.content)

    def get(self):
        return made_once(self.path, self.read, self.make)


def test_a_file_is_made_once(tmp_path, capsys):
    made = Made(tmp_path / "number.txt")
    assert [made.get(), made.get()] == [7, 7]
    assert made.written == 1
    assert capsys.readouterr().err == ""


def test_a_damaged_file_is_made_again_and_told(tmp_path, capsys):
    made = Made(tmp_path / "number.txt")
    made.path.write_text("7x")
    assert made.get() == 7
    assert made.written == 1
    assert f"{made.path} is damaged and made again" in capsys.readouterr().err


def test_what_another_process_made_meanwhile_is_read(tmp_path):
    made = Made(tmp_path / "number.txt")
    answers = iter([None, 5])
    assert made_once(made.path, lambda: next(answers), made.make) == 5
    assert made.written == 0


def test_a_file_that_cannot_be_read_back_is_an_error(tmp_path):
    made = Made(tmp_path / "number.txt", content="none")
    with pytest.raises(OSError, match=r"number.txt: differs from what has just been written"):
        made.get()
