// The results: filtered by data set and protocol, sorted by any column.
const tableState = { column: 0, ascending: true };

function startTable(table, openRun) {
  for (const [id, key, all] of [
    ["table-dataset", "dataset", "all data sets"], ["table-protocol", "protocol", "all protocols"],
  ]) {
    const values = distinct(table.rows.map((row) => row[key])).sort();
    fillSelect(byId(id), [["", all], ...values.map((value) => [value, value])]);
    byId(id).addEventListener("change", () => showRows(table, openRun));
  }
  byId("table").tHead.replaceChildren(make("tr", {}, ...table.columns.map((column, number) =>
    make("th", { scope: "col", class: column.number ? "number" : "" },
      make("button", { type: "button", onclick: () => sortBy(table, openRun, number) },
        column.head)))));
  byId("table-notes").replaceChildren(...table.notes.map((note) => make("li", {}, note)));
  if (table.unfinished.length > 0) {
    byId("table-notes").append(
      make("li", {}, `without a finished fold: ${table.unfinished.join(", ")}`));
  }
  byId("table-legend").replaceChildren(
    make("span", {}, spread({ mean: 50, std: 14 }, [30, 70]), " ours, mean ± standard deviation"),
    make("span", {}, spread({ paper: 50 }, [30, 70]), " the paper's (reference)"),
    make("span", {}, spread({ published: 50 }, [30, 70]), " published, of the row's protocol"),
    make("span", {}, spread({ best: 50 }, [30, 70]), " best published, of the row's protocol"));
  showRows(table, openRun);
}

function sortBy(table, openRun, column) {
  tableState.ascending = tableState.column === column ? !tableState.ascending : true;
  tableState.column = column;
  showRows(table, openRun);
}

// Rows without a value come last, whichever the direction.
function compareCells(first, second, ascending) {
  const [a, b] = [first.sort, second.sort];
  const empty = (value) => value === null || value === "";
  if (empty(a) || empty(b)) return empty(a) - empty(b);
  const order = typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true });
  return ascending ? order : -order;
}

function showRows(table, openRun) {
  const { column, ascending } = tableState;
  [...byId("table").tHead.rows[0].cells].forEach((cell, number) => {
    if (number === column) cell.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    else cell.removeAttribute("aria-sort");
  });
  const kept = table.rows.filter((row) =>
    [["table-dataset", "dataset"], ["table-protocol", "protocol"]].every(
      ([id, key]) => byId(id).value === "" || byId(id).value === row[key]));
  kept.sort((a, b) => compareCells(a.cells[column], b.cells[column], ascending));
  const range = scoreRange(table.rows);
  byId("table").tBodies[0].replaceChildren(...kept.map((row) =>
    make("tr", { "data-run": row.run }, ...row.cells.map((cell, number) =>
      tableCell(table.columns[number], cell, row, range, openRun)))));
  byId("table-count").textContent = `${kept.length} of ${plural(table.rows.length, "run")}`;
}

function tableCell(column, cell, row, range, openRun) {
  if (column.head === "protocol") {
    return make("td", {}, make("span", { class: `tag ${row.protocol}` }, cell.text));
  }
  if (column.head === "accuracy %") {
    return make("td", { class: "number" },
      make("span", { class: "score" }, make("span", {}, cell.text),
        spread({ ...row, best: row.best_published }, range)));
  }
  if (column.head === "run") {
    const links = openRun(row.run).map(([text, open]) => make("button",
      { type: "button", "aria-label": `${text} of ${row.run}`, onclick: open }, text));
    return make("td", {}, make("span", { class: "run-links" }, make("code", {}, cell.text),
      ...links));
  }
  return make("td", { class: column.number ? "number" : "" }, cell.text);
}

function scoreRange(rows) {
  const values = rows.flatMap((row) => [row.mean - (row.std ?? 0), row.mean + (row.std ?? 0),
    ...[row.paper, row.published, row.best_published].filter((value) => value !== null)]);
  return [Math.max(0, Math.min(...values)) - 1, Math.min(100, Math.max(...values)) + 1];
}

// A row's interval on the scale that all rows share, the published figures beside it.
function spread({ mean, std, paper, published, best }, [low, high]) {
  const width = 96;
  const at = (value) => 4 + (width - 8) * (value - low) / (high - low);
  const svg = make("svg", { width, height: 16, "aria-hidden": "true" },
    make("line", { x1: 0, x2: width, y1: 8, y2: 8, class: "spread-axis" }));
  const tall = (x, kind) => make("line", { x1: x, x2: x, y1: 2, y2: 14, class: kind });
  if (mean !== undefined) {
    const ends = { x1: at(mean - (std ?? 0)), x2: at(mean + (std ?? 0)), y1: 8, y2: 8 };
    svg.append(make("line", { ...ends, class: "spread-line" }),
      make("circle", { cx: at(mean), cy: 8, r: 3.5, class: "spread-dot" }));
  }
  if (best !== undefined && best !== null) svg.append(tall(at(best), "spread-best"));
  if (published !== undefined && published !== null) {
    svg.append(tall(at(published), "spread-published"));
  }
  if (paper !== undefined && paper !== null) {
    const x = at(paper);
    svg.append(make("path",
      { d: `M${x - 4} 8L${x} 3L${x + 4} 8L${x} 13Z`, class: "spread-paper" }));
  }
  return svg;
}
