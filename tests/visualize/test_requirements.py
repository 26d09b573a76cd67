"""Optional packages: found where they are, and asked for by the extra that brings them."""

import math

import pytest

from pyg_diffpool.visualize.requirements import require


def test_modules_and_submodules():
    assert require("math") is math
    assert require("xml.etree.ElementTree").__name__ == "xml.etree.ElementTree"


@pytest.mark.parametrize("module", ["no_such_package", "no_such_package.part"])
def test_a_package_that_is_not_there(module):
    with pytest.raises(ImportError, match=r'needs no_such_package: pip install "pyg-diffpool\[vis'):
        require(module)


def test_what_a_package_misses_itself_is_told_as_it_is(tmp_path, monkeypatch):
    (tmp_path / "needs_more.py").write_text("import no_such_package\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="No module named 'no_such_package'"):
        require("needs_more")
