// Which curves share a panel, and the traces of one; no state.
const LEVEL_COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"];

function panelsOf(names, metric) {
  const level = (prefix) => names.filter((name) => name.startsWith(prefix)).map(
    (name) => [name, `level ${name.slice(prefix.length)}`]);
  const panels = [
    { title: metric === "accuracy" ? "Validation accuracy" : `Validation ${metric}`,
      note: "higher is better", score: true, curves: [[`validation_${metric}`, "validation"]] },
    { title: "Loss", note: "cross-entropy, nats; total adds the side objectives", curves: [
      ["train_loss", "total"], ["train_cross_entropy", "training"],
      ["validation_loss", "validation"]] },
    { title: "Link prediction", note: "‖A − SSᵀ‖ as the run's settings scale it",
      curves: level("link_") },
    { title: "Assignment entropy", note: "nats, mean over nodes", curves: level("entropy_") },
    { title: "Effective number of clusters",
      note: "exp of the entropy of a graph's mean assignment, validation graphs",
      curves: level("effective_clusters_") },
  ];
  for (const panel of panels) {
    panel.curves = panel.curves.filter(([name]) => names.includes(name));
  }
  const placed = new Set(panels.flatMap((panel) => panel.curves.map(([name]) => name)));
  for (const name of names.filter((each) => !placed.has(each))) {
    panels.push({ title: name.replaceAll("_", " "), note: "", curves: [[name, name]] });
  }
  return panels.filter((panel) => panel.curves.length > 0);
}

// The mean of some curves over the epochs that all of them reached.
function meanCurve(curves) {
  const length = Math.min(...curves.map((curve) => curve.length));
  return Array.from({ length }, (_, epoch) => {
    const values = curves.map((curve) => curve[epoch]);
    return values.includes(null) ? null : values.reduce((a, b) => a + b, 0) / values.length;
  });
}

const epochs = (values) => values.map((_, number) => number + 1);

function panelTraces(panel, cells, markEach) {
  const traces = [];
  panel.curves.forEach(([name, label], number) => {
    const shade = LEVEL_COLORS[number % LEVEL_COLORS.length];
    const curves = cells.map((cell) => cell.curves[name]).filter((values) => values);
    if (curves.length === 0) return;
    if (curves.length > 1) {
      for (const values of curves) {
        traces.push({ x: epochs(values), y: values, mode: "lines", hoverinfo: "skip",
          opacity: 0.28, line: { color: shade, width: 1 }, showlegend: false });
      }
    }
    const mean = meanCurve(curves);
    traces.push({ x: epochs(mean), y: mean, mode: "lines", name: label,
      line: { color: shade, width: 2.6 }, meta: "mean",
      hovertemplate: `epoch %{x}<br>${label}: %{y:.4g}<extra></extra>` });
  });
  if (panel.score && markEach) traces.push(bestEpochs(panel.curves[0][0], cells));
  return traces;
}

function bestEpochs(name, cells) {
  const marked = cells.filter((cell) => cell.curves[name]);
  return {
    x: marked.map((cell) => cell.best_epoch),
    y: marked.map((cell) => cell.curves[name][cell.best_epoch - 1]),
    text: marked.map((cell) => `fold ${cell.fold}, seed ${cell.seed}`),
    mode: "markers", name: "best epoch", meta: "best",
    marker: { color: color("card"), size: 8, line: { color: color("mark"), width: 2 } },
    hovertemplate: "%{text}<br>best epoch %{x}: %{y:.4g}<extra></extra>",
  };
}
