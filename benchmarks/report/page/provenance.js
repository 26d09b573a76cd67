// The summary below the title, and the section at the end.
function commitText(code) {
  if (!code || !code.commit) return "unknown commit";
  return code.commit.slice(0, 8) + (code.dirty ? " with uncommitted changes" : "");
}

function distinct(values) {
  return [...new Set(values.filter((value) => value))];
}

function versionTexts(runs, name) {
  return distinct(runs.map((run) => run.packages[name])).map((version) => `${name} ${version}`);
}

function showProvenance({ code, packages, runs }) {
  const days = runs.map((run) => run.started.slice(0, 10)).sort();
  const span = days[0] === days.at(-1) ? days[0] : `${days[0]} to ${days.at(-1)}`;
  byId("summary").textContent = runs.length === 0 ? "No runs." : [
    `${plural(runs.length, "run")}, trained ${span}`,
    ...versionTexts(runs, "torch"), ...versionTexts(runs, "torch-geometric"),
    ...distinct(runs.map((run) => run.machine)),
  ].join(" · ");
  byId("page-provenance").textContent =
    `Page made by python -m benchmarks report, commit ${commitText(code)}, with `
    + `Python ${packages.python}, torch ${packages.torch}.`;
  const heads = ["run", "started", "commit", "packages", "machine", "folds"];
  byId("provenance-table").tHead.replaceChildren(
    make("tr", {}, ...heads.map((head) => make("th", { scope: "col", class: "plain" }, head))));
  byId("provenance-table").tBodies[0].replaceChildren(...runs.map((run) => {
    const versions = Object.entries(run.packages).map((pair) => pair.join(" ")).join(", ");
    const cells = [run.run, run.started.slice(0, 16).replace("T", " "), commitText(run.code),
      versions, run.machine, run.splits];
    return make("tr", {}, ...cells.map((text) => make("td", {}, text)));
  }));
}
