import json
import re
from pathlib import Path

import pytest

from benchmarks.report import html_page
from benchmarks.report.html_page import SCRIPTS, STYLES, data_json, page_html
from tests.benchmarks.report.page_data import Page

FOLDER = Path(html_page.__file__).parent / "page"
HOSTILE = {"run": "</script><script>alert(1)</script><!-- $data \\u003c é \u2028"}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.html"
    path.write_text(page_html(HOSTILE), encoding="utf-8")
    return Page(path)


def test_data_cannot_end_their_script():
    text = data_json(HOSTILE)
    assert "<" not in text
    assert json.loads(text) == HOSTILE
    with pytest.raises(ValueError, match="not JSON compliant"):
        data_json({"loss": float("nan")})


def test_data_come_back_from_the_page(page):
    assert page.data == HOSTILE
    # The theme's, the data, Plotly, ours.
    assert len(page.scripts) == 4


def test_the_page_loads_nothing(page):
    for tag, attributes in page.elements:
        for name in ("src", "href", "srcset", "action", "data"):
            target = attributes.get(name) or ""
            assert target.startswith(("#", "data:")) or name not in attributes, (tag, attributes)
    (policy,) = (m for m in page.of("meta") if m.get("http-equiv") == "Content-Security-Policy")
    rules = dict(rule.split(maxsplit=1) for rule in policy["content"].split("; "))
    assert rules["default-src"] == "'none'"
    assert "http" not in policy["content"]
    own = "\n".join(path.read_text(encoding="utf-8") for path in sorted(FOLDER.iterdir()))
    assert re.findall(r"https?://[^\s\"']*", own) == [
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xhtml",
    ]
    assert not re.search(r"url\(|@import|\bfetch\(|XMLHttpRequest|innerHTML", own)


def test_plotly_and_every_file_of_the_folder_are_inside(page):
    assert html_page.plotly_script() in page.scripts[2]
    named = {f"{name}.css" for name in STYLES} | {f"{name}.js" for name in SCRIPTS}
    assert {path.name for path in FOLDER.iterdir()} == named | {"index.html"}
    for name in SCRIPTS:
        assert (FOLDER / f"{name}.js").read_text(encoding="utf-8") in page.scripts[3]


def test_labels_name_controls_that_are_there(page):
    there = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    for _, attributes in page.elements:
        assert not {attributes.get("aria-labelledby"), attributes.get("for")} - there - {None}
    for link in page.of("a"):
        assert link["href"][1:] in there
