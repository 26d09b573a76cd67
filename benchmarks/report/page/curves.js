// The learning curves of one run, configuration and choice of folds.
const curvesState = { runs: [], run: null, folds: new Set() };

function startCurves(runs) {
  curvesState.runs = runs;
  byId("curves-none").hidden = runs.length > 0;
  if (runs.length === 0) {
    byId("curves-run").closest(".controls").hidden = true;
    return;
  }
  const names = runNames(runs);
  fillSelect(byId("curves-run"), [...groupBy(runs, (run) => run.dataset)].map(
    ([dataset, members]) => ({ label: dataset,
      options: members.map((run) => [run.run, `${dataset}: ${names.get(run.run)}`]) })));
  byId("curves-run").addEventListener("change", (event) => chooseCurvesRun(event.target.value));
  byId("curves-configuration").addEventListener("change", chooseConfiguration);
  themeListeners.push(showCurves);
  const finished = runs.filter((run) => Object.keys(run.selected).length > 0);
  const first = finished.find((run) => run.method === "diffpool") ?? finished[0] ?? runs[0];
  chooseCurvesRun(first.run);
}

function chooseCurvesRun(id) {
  const run = curvesState.runs.find((each) => each.run === id);
  curvesState.run = run;
  byId("curves-run").value = id;
  const chosen = Object.values(run.selected);
  const options = run.configurations.map((text, number) => {
    const times = chosen.filter((each) => each === number).length;
    const note = run.configurations.length > 1 ? `, chosen on ${plural(times, "fold")}` : "";
    return [String(number), `${text || "the run's only one"}${note}`];
  });
  const chosenOption = run.configurations.length > 1 && chosen.length > 0
    ? [["chosen", "each fold's chosen one"]] : [];
  fillSelect(byId("curves-configuration"), [...chosenOption, ...options], "");
  byId("curves-configuration-label").hidden = run.configurations.length < 2;
  byId("curves-mark").textContent = run.best_epoch === null
    ? "Rings mark each fold's best epoch, whose weights are tested."
    : `The dashed line marks epoch ${run.best_epoch}, the best of the mean validation curve.`;
  chooseConfiguration();
}

// The cells of the chosen configuration, one a fold and seed.
function configurationCells() {
  const choice = byId("curves-configuration").value;
  const { cells, selected } = curvesState.run;
  return cells.filter((cell) => cell.configuration === (
    choice === "chosen" ? selected[String(cell.fold)] : Number(choice)));
}

function chooseConfiguration() {
  curvesState.folds = new Set(configurationCells().map((cell) => cell.fold));
  showFolds();
  showCurves();
}

function showFolds() {
  const all = [...new Set(configurationCells().map((cell) => cell.fold))];
  const everything = curvesState.folds.size === all.length;
  const press = (folds) => () => {
    curvesState.folds = new Set(folds);
    showFolds();
    showCurves();
  };
  const { folds } = curvesState;
  const alone = (fold) => folds.size === 1 && folds.has(fold);
  // From all folds, a press keeps that one alone; then presses add and take away.
  const next = (fold) => (everything && all.length > 1 ? [fold]
    : alone(fold) ? all
      : folds.has(fold) ? [...folds].filter((each) => each !== fold) : [...folds, fold]);
  const focused = document.activeElement?.dataset?.fold;
  byId("curves-folds").replaceChildren(
    make("button", { type: "button", "data-fold": "all", "aria-pressed": String(everything),
      onclick: press(all) }, "all"),
    ...all.map((fold) => make("button", { type: "button", "data-fold": fold,
      "aria-pressed": String(!everything && folds.has(fold)), "aria-label": `Fold ${fold}`,
      onclick: press(next(fold)) }, String(fold))));
  if (focused !== undefined) {
    byId("curves-folds").querySelector(`[data-fold="${focused}"]`)?.focus();
  }
}

function showCurves() {
  const { run, folds } = curvesState;
  const cells = configurationCells().filter((cell) => folds.has(cell.fold));
  const names = [...new Set(cells.flatMap((cell) => Object.keys(cell.curves)))];
  const panels = panelsOf(names, run.metric);
  const grid = byId("curves-panels");
  grid.querySelectorAll(".plot").forEach((plot) => Plotly.purge(plot));
  // Rows of equal length where that is possible.
  grid.style.setProperty("--columns", [1, 2, 3, 4, 3, 3][panels.length - 1] ?? 4);
  grid.replaceChildren(...panels.map((panel) => make("div", { class: "panel" },
    make("h3", {}, panel.title), make("p", {}, panel.note || " "),
    make("div", { class: "plot", role: "img",
      "aria-label": `${panel.title} of ${run.run} by epoch` }))));
  panels.forEach((panel, number) => {
    const plot = grid.children[number].querySelector(".plot");
    Plotly.newPlot(plot, panelTraces(panel, cells, run.best_epoch === null),
      curveLayout(run, panel), PLOT_CONFIG);
  });
}

function curveLayout(run, panel) {
  const line = run.best_epoch === null ? [] : [{
    type: "line", x0: run.best_epoch, x1: run.best_epoch, yref: "paper", y0: 0, y1: 1,
    line: { color: color("mark"), width: 1.5, dash: "dash" } }];
  return plotLayout({
    margin: { l: 44, r: 8, t: 6, b: 36 },
    xaxis: plotAxis({ title: { text: "epoch", standoff: 4 }, rangemode: "tozero" }),
    yaxis: plotAxis(panel.score ? {} : { rangemode: "tozero" }),
    showlegend: panel.curves.length > 1,
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: plotFont(11) },
    dragmode: false,
    shapes: line,
  });
}
