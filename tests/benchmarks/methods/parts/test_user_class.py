"""A stored run's class is imported only from the source that was trained."""

import hashlib
import sys

import pytest

from benchmarks.methods.parts.user_class import check_source
from benchmarks.spec.errors import UsageError


def test_only_the_source_that_was_trained_is_good_and_nothing_is_imported(tmp_path, monkeypatch):
    folder = tmp_path / "stranger"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    source = b"raise SystemExit('imported too')"
    (folder / "model.py").write_bytes(source)
    monkeypatch.syspath_prepend(tmp_path)
    trained = hashlib.sha256(source).hexdigest()
    check_source("run", "stranger.model:Net", trained)
    for fingerprint in (hashlib.sha256(b"else").hexdigest(), None):
        with pytest.raises(UsageError, match=r"run run: .*model.py is not the source"):
            check_source("run", "stranger.model:Net", fingerprint)
    with pytest.raises(UsageError, match=r"run run: nowhere.model:Net is not found"):
        check_source("run", "nowhere.model:Net", trained)
    assert "stranger" not in sys.modules


def test_what_would_run_in_place_of_the_source_or_before_it_is_refused(tmp_path, monkeypatch):
    source = b"trained = True"
    trained = hashlib.sha256(source).hexdigest()
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "twice").mkdir()
    (tmp_path / "twice.py").write_bytes(source)
    (tmp_path / "twice" / "__init__.py").write_text("raise SystemExit('another')")
    with pytest.raises(UsageError, match=r"__init__.py is not the source"):
        check_source("run", "twice:Net", trained)
    (tmp_path / "outer").mkdir()
    (tmp_path / "outer" / "inner.py").write_bytes(source)
    (tmp_path / "outer" / "__init__.py").write_text("raise SystemExit('before')")
    with pytest.raises(UsageError, match=r"outer/__init__.py would run before the source"):
        check_source("run", "outer.inner:Net", trained)
    assert not {"twice", "outer"} & set(sys.modules)
