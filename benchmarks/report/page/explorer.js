// The explorer's state, its controls and what they change.
const explorerState = { runs: [], run: null, graph: null, level: 0, cluster: null, node: 0 };

function startExplorer({ runs, absent }) {
  explorerState.runs = runs;
  showAbsent(absent);
  byId("explorer").hidden = runs.length === 0;
  byId("explorer-none").hidden = runs.length > 0;
  if (runs.length === 0) return;
  for (const run of runs) {
    for (const graph of run.graphs) graph.key = `${run.run} ${graph.fold} ${graph.graph}`;
  }
  const datasets = distinct(runs.map((run) => run.dataset));
  fillSelect(byId("explorer-dataset"), datasets.map((name) => [name, name]));
  byId("explorer-dataset").addEventListener("change", chooseDataset);
  byId("explorer-run").addEventListener("change", (event) => chooseRun(event.target.value));
  byId("explorer-graph").addEventListener("change", (event) => chooseGraph(event.target.value));
  byId("graph-before").addEventListener("click", () => stepGraph(-1));
  byId("graph-after").addEventListener("click", () => stepGraph(1));
  byId("clear").addEventListener("click", () => chooseCluster(null));
  byId("node").addEventListener("change", (event) => chooseNode(Number(event.target.value)));
  byId("levels").addEventListener("keydown", stepLevel);
  startPicture();
  themeListeners.push(showExplorer);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") chooseCluster(null);
  });
  chooseDataset();
}

function showAbsent(absent) {
  const box = byId("explorer-absent");
  box.hidden = absent.length === 0;
  box.querySelector("summary").textContent = `${plural(absent.length, "run")} without clusters here`;
  const groups = groupBy(absent, ({ run, reason, command }) => (command ? run : reason));
  box.querySelector("ul").replaceChildren(...[...groups.values()].map((group) => {
    const [{ reason, command }] = group;
    return make("li", {}, make("strong", {}, group.map(({ run }) => run).join(", ")),
      `: ${reason}`, ...(command ? [" ", make("code", {}, command)] : []));
  }));
}

function chooseDataset() {
  const dataset = byId("explorer-dataset").value;
  const runs = explorerState.runs.filter((run) => run.dataset === dataset);
  const names = runNames(explorerState.runs);
  fillSelect(byId("explorer-run"), runs.map((run) => [run.run, names.get(run.run)]), "");
  chooseRun(byId("explorer-run").value);
}

// Keeps the graph where the other run shows it too.
function chooseRun(id) {
  const run = explorerState.runs.find((each) => each.run === id);
  const before = explorerState.graph;
  explorerState.run = run;
  byId("explorer-run").value = id;
  fillSelect(byId("explorer-graph"), run.graphs.map((graph, number) => [String(number),
    `${graph.graph}: ${plural(graph.nodes, "node")}, class ${graph.label}, `
    + `${graph.label === graph.predicted ? "right" : `wrong (${graph.predicted})`}, `
    + `fold ${graph.fold}`]), "");
  const same = run.graphs.findIndex((graph) => before !== null
    && graph.graph === before.graph && graph.fold === before.fold);
  chooseGraph(String(Math.max(same, 0)));
}

function chooseGraph(number) {
  const graph = explorerState.run.graphs[Number(number)];
  byId("explorer-graph").value = number;
  explorerState.graph = graph;
  chooseLevel(Math.min(explorerState.level, graph.levels.length - 1), null);
}

function stepGraph(step) {
  const count = explorerState.run.graphs.length;
  chooseGraph(String((Number(byId("explorer-graph").value) + step + count) % count));
}

function chooseLevel(level, cluster = explorerState.cluster) {
  Object.assign(explorerState, { level, cluster, node: 0 });
  showExplorer();
}

function stepLevel(event) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (step === undefined) return;
  event.preventDefault();
  const count = explorerState.graph.levels.length;
  chooseLevel((explorerState.level + step + count) % count);
  byId("levels").children[explorerState.level].focus();
}

// A second choice of the same cluster clears it.
function chooseCluster(cluster) {
  explorerState.cluster = sameCluster(cluster, explorerState.cluster) ? null : cluster;
  showExplorer();
}

function chooseNode(row) {
  explorerState.node = row;
  byId("node").value = String(row);
  showMembership(explorerState.graph.levels, explorerState.level, row);
}

function showExplorer() {
  const { graph, level, cluster } = explorerState;
  const { levels } = graph;
  const lit = cluster === null ? null : { cluster, rows: litRows(levels, cluster) };
  showFacts();
  showLevels(graph, level, lit);
  byId("level-title").textContent = `${levelName(level)} (${levelSize(level, levels)})`;
  byId("level-note").textContent = levelNote(levels, level);
  byId("picture").setAttribute("aria-label",
    `${levelName(level)} of graph ${graph.graph}, ${levelSize(level, levels)}; arrow keys move, `
    + "plus and minus zoom");
  drawLevel(byId("picture"), graph, level, lit, false);
  showClusterList(levels, level, cluster, chooseCluster);
  byId("clear").disabled = cluster === null;
  byId("lit").textContent = litText(levels, cluster);
  fillSelect(byId("node"), levels[level].index.map((_, row) =>
    [String(row), nodeName(level, row, levels)]), String(explorerState.node));
  showMembership(levels, level, explorerState.node);
}

function levelNote(levels, level) {
  const hint = "Drag to move, turn the wheel to zoom, hover a node for its memberships.";
  const { edges, weight } = levels[level];
  if (level === 0) {
    return weight.length === edges ? hint
      : `${hint} Drawn are ${weight.length} of ${edges} edges, chosen at random.`;
  }
  return `${hint} Wide edges are heavy ones, and those below 1 % of the heaviest are left `
      + "out; a cluster stands amid its nodes.";
}

function showFacts() {
  const { run, graph } = explorerState;
  const right = graph.label === graph.predicted;
  const facts = [
    ["graph", `${graph.graph} of ${run.dataset}`],
    ["part", `${run.part} graphs of fold ${graph.fold}, seed ${graph.seed}`],
    ["nodes, edges", `${graph.nodes}, ${graph.levels[0].edges}`],
    ["true class", String(graph.label)],
    ["predicted class", `${graph.predicted} ${right ? "✓" : "✗"} `
      + `(probability ${graph.probability.toFixed(2)})`, right ? "right" : "wrong"],
  ];
  byId("facts").replaceChildren(...facts.map(([name, text, kind]) =>
    make("div", {}, make("dt", {}, name), make("dd", { class: kind ?? "" }, text))));
}

// The buttons stay while a graph has as many levels: focus and plots survive.
function showLevels(graph, chosen, lit) {
  const { levels } = graph;
  const box = byId("levels");
  if (box.children.length !== levels.length) {
    box.replaceChildren(...levels.map((_, number) => make("button",
      { type: "button", onclick: () => chooseLevel(number) },
      make("strong"), make("div", { class: "small" }), make("span"))));
  }
  [...box.children].forEach((button, number) => {
    button.setAttribute("aria-pressed", String(number === chosen));
    button.querySelector("strong").textContent = levelName(number);
    button.querySelector("span").textContent = levelSize(number, levels);
    drawLevel(button.querySelector(".small"), graph, number, lit, true);
  });
}
