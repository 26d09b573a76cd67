"""The page as a user has it before them, in headless Chromium."""

import pytest

from tests.benchmarks.report.browser import WINDOW
from tests.benchmarks.report.page_data import Page

pytestmark = pytest.mark.browser

SECTIONS = ["Results", "Learning curves", "Clusters", "Provenance"]
LEVEL = "#levels button"
CLUSTER = "#cluster-list button"


@pytest.fixture(scope="module")
def data(made):
    return Page(made.page).data


def show(browser, made, name, graph=None):
    """Choose a run in the explorer, and the graph with most clusters unless one is named."""
    browser.choose("#explorer-run", made.runs[name])
    graphs = next(
        run["graphs"]
        for run in Page(made.page).data["explorer"]["runs"]
        if run["run"] == made.runs[name]
    )
    if graph is None:
        graph = max(range(len(graphs)), key=lambda number: len(graphs[number]["levels"][1]["x"]))
    browser.choose("#explorer-graph", str(graph))
    return graphs[graph]


def test_the_page_loads_from_a_file_without_a_request(browser, made, data):
    assert browser.js("return location.protocol") == "file:"
    assert browser.js("return performance.getEntriesByType('resource').length") == 0
    assert browser.texts("h2") == SECTIONS
    assert "6 runs, trained" in browser.find("#summary").text
    assert len(browser.all("#table tbody tr")) == len(made.runs)
    first = browser.texts("#table tbody tr:first-child td:not(:last-child)")
    assert first == [cell["text"] for cell in data["table"]["rows"][0]["cells"]][:-1]
    assert len(browser.all("#picture .scatterlayer .points path")) > 2
    assert len(browser.all(f"{LEVEL} .points path")) > 3


def test_rows_are_sorted_by_mouse_and_keys_and_filtered(browser, data):
    rows = {row["run"]: row for row in data["table"]["rows"]}
    heads = [column["head"] for column in data["table"]["columns"]]
    accuracy = heads.index("accuracy %")
    head = f"#table th:nth-child({accuracy + 1})"

    def shown():
        return browser.js(
            "return [...document.querySelectorAll('#table tbody tr')].map((r) => r.dataset.run)"
        )

    def means():
        return [rows[run]["mean"] for run in shown()]

    browser.click(f"{head} button")
    assert means() == sorted(means())
    assert browser.find(head).get_attribute("aria-sort") == "ascending"
    browser.press("\ue007")  # Enter, where the click has left the focus.
    assert means() == sorted(means(), reverse=True)
    assert browser.find(head).get_attribute("aria-sort") == "descending"
    assert means() != sorted(means())
    browser.click(f"#table th:nth-child({heads.index('method') + 1}) button")
    methods = [rows[run]["method"] for run in shown()]
    assert methods == sorted(methods)
    assert browser.find(head).get_attribute("aria-sort") is None
    browser.choose("#table-protocol", "reference")
    assert {rows[run]["protocol"] for run in shown()} == {"reference"}
    assert browser.texts("#table tbody .tag") == ["reference (optimistic)"]
    assert browser.find("#table-count").text == "1 of 6 runs"


def test_curves_of_the_chosen_run_and_folds(browser, made, data):
    code = """
        const plots = [...document.querySelectorAll("#curves-panels .panel")];
        return plots.map((panel) => ({ title: panel.querySelector("h3").textContent,
          traces: panel.querySelector(".plot").data,
          shapes: panel.querySelector(".plot").layout.shapes }));
    """

    def cells(name):
        (run,) = (run for run in data["curves"] if run["run"] == made.runs[name])
        return [cell["curves"] for cell in run["cells"]]

    browser.choose("#curves-run", made.runs["diffpool"])
    panels = {panel["title"]: panel for panel in browser.js(code)}
    accuracy = panels["Validation accuracy"]["traces"]
    folds = [curves["validation_accuracy"] for curves in cells("diffpool")]
    assert [trace["y"] for trace in accuracy[:2]] == folds
    mean = next(trace for trace in accuracy if trace.get("meta") == "mean")
    assert mean["y"] == pytest.approx([sum(pair) / 2 for pair in zip(*folds, strict=True)])
    assert max(trace["opacity"] for trace in accuracy[:2]) < 0.5 < mean["line"]["width"]
    best = next(trace for trace in accuracy if trace.get("meta") == "best")
    assert best["y"] == [curve[epoch - 1] for curve, epoch in zip(folds, best["x"], strict=True)]
    names = {trace["name"] for trace in panels["Link prediction"]["traces"] if "name" in trace}
    assert names == {"level 0", "level 1"}
    assert {"Loss", "Assignment entropy"} <= set(panels)

    browser.click("#curves-folds button", 2)
    alone, best = browser.js(code)[0]["traces"]
    assert (alone["y"], alone["meta"]) == (folds[1], "mean")
    assert len(best["x"]) == 1
    assert browser.all("#curves-folds button")[2].get_attribute("aria-pressed") == "true"
    browser.click("#curves-folds button", 0)
    assert browser.js(code)[0]["traces"][0]["y"] == folds[0]

    browser.choose("#curves-run", made.runs["reference"])
    (line,) = browser.js(code)[0]["shapes"]
    assert f"epoch {line['x0']}" in browser.find("#curves-mark").text
    browser.choose("#curves-run", made.runs["flat"])
    assert {panel["title"] for panel in browser.js(code)} == {"Validation accuracy", "Loss"}


def test_data_set_method_graph_and_level_change_the_picture(browser, made, data):
    assert browser.options("#explorer-dataset") == ["TINY"]
    graph = show(browser, made, "det")
    assert browser.nodes()["x"] == graph["levels"][0]["x"]
    assert browser.nodes()["marker"]["color"] == graph["levels"][0]["color"]
    facts = " ".join(browser.texts("#facts dd"))
    assert f"{graph['graph']} of TINY" in facts
    assert "test graphs of fold 0" in facts
    assert ("✓" in facts) == (graph["label"] == graph["predicted"])
    assert len(browser.all(LEVEL)) == 3
    browser.click(LEVEL, 1)
    assert browser.nodes()["x"] == graph["levels"][1]["x"]
    assert "Level 1" in browser.find("#level-title").text
    assert browser.all(LEVEL)[1].get_attribute("aria-pressed") == "true"
    # Another method keeps graph and level; its clusters are others.
    browser.choose("#explorer-run", made.runs["diffpool"])
    (other,) = (
        each
        for run in data["explorer"]["runs"]
        if run["run"] == made.runs["diffpool"]
        for each in run["graphs"]
        if each["graph"] == graph["graph"]
    )
    assert browser.nodes()["x"] == other["levels"][1]["x"]
    assert f"{graph['graph']} of TINY" in browser.texts("#facts dd")
    browser.click("#graph-after")
    before = browser.find("#explorer-graph").get_attribute("value")
    browser.click("#graph-before")
    assert before != browser.find("#explorer-graph").get_attribute("value")
    browser.choose("#explorer-run", made.runs["reference"])
    assert "validation graphs of fold 0" in " ".join(browser.texts("#facts dd"))


def test_hovering_a_node_shows_its_memberships(browser, made):
    graph = show(browser, made, "diffpool")
    level, names = graph["levels"][0], graph["levels"][1]["index"]
    row = len(level["x"]) - 1
    browser.point(level["x"][row], level["y"][row])
    expected = [(f"cluster {names[c]}", f"{value:.3f}") for c, value in level["membership"][row]]
    hover = "".join(browser.texts("#picture .hoverlayer .hovertext"))
    assert f"node {row}" in hover
    for name, value in expected:
        assert f"{name}: {value}" in hover
    assert browser.find("#node").get_attribute("value") == str(row)
    shown = browser.texts("#membership .row")
    assert [tuple(line.split("\n")) for line in shown][: len(expected)] == expected
    total = sum(float(line.split("\n")[1]) for line in shown)
    assert total == pytest.approx(1, abs=0.002)
    # The same without a mouse.
    browser.choose("#node", "0")
    first = level["membership"][0][0][1]
    assert browser.texts("#membership .value")[0] == f"{first:.3f}"


def lit_rows(browser, plot):
    marker = browser.nodes(plot)["marker"]
    return {row for row, opacity in enumerate(marker["opacity"]) if opacity == 1}


def test_a_chosen_cluster_lights_up_on_every_level(browser, made):
    graph = show(browser, made, "det")
    levels = graph["levels"]
    everything = [set(range(len(level["x"]))) for level in levels]
    plots = [f"{LEVEL}:nth-child({number + 1}) .small" for number in range(3)]
    assert [lit_rows(browser, plot) for plot in plots] == everything
    # The node of a cluster, by mouse: it lights its fellows, its cluster, and that one's cluster.
    cluster = levels[0]["cluster"][0]
    fellows = {row for row, other in enumerate(levels[0]["cluster"]) if other == cluster}
    assert fellows != everything[0]
    lit = [fellows, {cluster}, {levels[1]["cluster"][cluster]}]
    browser.point(levels[0]["x"][0], levels[0]["y"][0], click=True)
    browser.wait(lambda: [lit_rows(browser, plot) for plot in plots] == lit)
    assert lit_rows(browser, "#picture") == fellows
    name = f"Cluster {levels[1]['index'][cluster]} of level 1"
    assert browser.find("#lit").text.startswith(name)
    (pressed,) = browser.texts(f"{CLUSTER}[aria-pressed=true]")
    assert f"Cluster {levels[1]['index'][cluster]}\n" in pressed
    # On another level it stays lit, until Escape.
    browser.click(LEVEL, 1)
    assert lit_rows(browser, "#picture") == {cluster}
    browser.press("\ue00c")
    assert [lit_rows(browser, plot) for plot in plots] == everything
    assert browser.find("#lit").text == ""
    assert not browser.find("#clear").is_enabled()
    # A cluster of level 1 in its own picture; the same from the list; and the button that clears.
    browser.point(levels[1]["x"][cluster], levels[1]["y"][cluster], click=True)
    browser.wait(lambda: [lit_rows(browser, plot) for plot in plots] == lit)
    browser.click("#clear")
    browser.click(LEVEL, 0)
    browser.click(CLUSTER, 0)
    assert lit_rows(browser, "#picture") != everything[0]
    browser.click(CLUSTER, 0)
    assert lit_rows(browser, "#picture") == everything[0]


def test_an_outline_can_be_clicked(browser, made):
    graph = show(browser, made, "det")
    level = graph["levels"][0]
    hull = browser.traces("hull")[0]
    cluster = hull["meta"]["cluster"]
    members = [row for row, other in enumerate(level["cluster"]) if other == cluster]
    middle = [sum(level[axis][row] for row in members) / len(members) for axis in "xy"]
    browser.point(*middle, click=True)
    assert lit_rows(browser, "#picture") == set(members)


def test_light_and_dark(browser, made):
    def colors():
        return browser.js(
            "return [getComputedStyle(document.body).backgroundColor,"
            " document.getElementById('picture').layout.hoverlabel.bgcolor,"
            " document.querySelector('#curves-panels .plot').layout.font.color]"
        )

    light = colors()
    browser.click("#theme")
    dark = colors()
    assert all(a != b for a, b in zip(light, dark, strict=True))
    browser.click("#theme")
    assert colors() == light
    # What the system asks for, until the button is used.
    browser.driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia",
        {"features": [{"name": "prefers-color-scheme", "value": "dark"}]},
    )
    try:
        browser.driver.get(made.page.as_uri())
        assert colors() == dark
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_everything_is_reached_by_keys(browser, made):
    tab, space, right, escape = "\ue004", " ", "\ue014", "\ue00c"
    browser.find("body").send_keys(tab)
    assert browser.driver.switch_to.active_element.text == "Skip to content"
    reached = []
    for _ in range(120):
        browser.press(tab)
        code = "const e = document.activeElement; return [e.id, e.closest('[id]')?.id, e.tagName]"
        reached.append(tuple(browser.js(code)))
        if reached[-1][2] == "BODY":
            break
    ids = {name for name, *_ in reached} | {parent for _, parent, _ in reached}
    assert {
        "theme", "table-dataset", "table-protocol", "table", "curves-run", "curves-folds",
        "explorer-run", "explorer-graph", "graph-before", "graph-after", "levels", "zoom-in",
        "zoom-out", "zoom-reset", "picture", "cluster-list", "node", "explorer-absent",
    } <= ids  # fmt: skip
    show(browser, made, "det")
    # Levels by arrows, a cluster by the space bar, the picture by plus, arrows and nought.
    browser.find(LEVEL).send_keys(right)
    assert browser.all(LEVEL)[1] == browser.driver.switch_to.active_element
    assert browser.all(LEVEL)[1].get_attribute("aria-pressed") == "true"
    browser.all(CLUSTER)[0].send_keys(space)
    assert browser.driver.switch_to.active_element.get_attribute("aria-pressed") == "true"
    browser.press(escape)
    assert not browser.all(f"{CLUSTER}[aria-pressed=true]")

    def view():
        return browser.js("return document.getElementById('picture')._fullLayout.xaxis.range")

    def width(ends):
        return ends[1] - ends[0]

    whole = view()
    browser.find("#picture").send_keys("+")
    near = view()
    assert width(near) == pytest.approx(0.7 * width(whole))
    browser.find("#picture").send_keys(right)
    assert view()[0] > near[0]
    assert width(view()) == pytest.approx(width(near))
    # What is in view stays in view when a cluster is lit.
    moved = view()
    browser.all(CLUSTER)[0].send_keys(space)
    assert browser.all(f"{CLUSTER}[aria-pressed=true]")
    assert view() == moved
    browser.find("#picture").send_keys("0")
    assert view() == pytest.approx(whole)


def test_the_table_opens_a_run_s_curves_and_clusters(browser, made):
    row = f"#table tr[data-run='{made.runs['reference']}'] .run-links button"
    assert browser.texts(row) == ["curves", "clusters"]
    browser.click(row, 1)
    assert browser.find("#explorer-run").get_attribute("value") == made.runs["reference"]
    browser.click(row, 0)
    assert browser.find("#curves-run").get_attribute("value") == made.runs["reference"]
    assert not browser.all(f"#table tr[data-run='{made.runs['kernel']}'] .run-links button")


def test_absent_runs_are_named_with_what_helps(browser, made):
    browser.click("#explorer-absent summary")
    text = browser.find("#explorer-absent").text
    assert "3 runs without clusters here" in text
    assert f"{made.runs['flat']}, {made.runs['kernel']}: its method pools nothing" in text
    assert "python -m benchmarks run --dataset TINY --method diffpool-nolp" in text


def test_a_narrow_window_is_not_scrolled_sideways(browser, made):
    show(browser, made, "det")

    def view():
        return browser.js(
            "const { xaxis, yaxis, width } = document.getElementById('picture')._fullLayout;"
            "return [...xaxis.range, ...yaxis.range, width]"
        )

    wide = view()
    browser.driver.set_window_size(400, 900)
    try:
        browser.wait(lambda: view() != wide)
        browser.driver.set_window_size(*WINDOW)
        browser.wait(lambda: view() == wide)
        browser.driver.set_window_size(400, 900)
        browser.driver.refresh()
        # Chromium's windows have a least width; the page need not be wider than that.
        inner, page = browser.js("return [innerWidth, document.documentElement.scrollWidth]")
        assert inner < 600
        assert page <= inner
        assert browser.js("return document.getElementById('picture').clientWidth") < inner
    finally:
        browser.driver.set_window_size(*WINDOW)
