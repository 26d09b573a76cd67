// What the mouse and the keyboard do in the large picture.
function startPicture() {
  const picture = byId("picture");
  // Plotly makes the plot's own events only with its first drawing.
  drawLevel(picture, { key: "", levels: [emptyLevel()] }, 0, null, false);
  picture.on("plotly_hover", ({ points }) => {
    if (points[0].data.meta.kind === "node") chooseNode(points[0].pointNumber);
  });
  picture.on("plotly_click", ({ points }) => clickPoint(points[0]));
  picture.addEventListener("keydown", movePicture);
  byId("zoom-in").addEventListener("click", () => zoomPicture(0.7));
  byId("zoom-out").addEventListener("click", () => zoomPicture(1 / 0.7));
  byId("zoom-reset").addEventListener("click", resetPicture);
  // If it did this by itself, Plotly would widen the view at each turn and never narrow it.
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    picture.layout.meta = null;
    showExplorer();
  });
}

function emptyLevel() {
  return { x: [0], y: [0], edge: [[], []], weight: [], edges: 0, mass: [1], cluster: [], index: [0],
    color: ["#000000"], symbol: ["circle"], membership: [], hidden: 0 };
}

// A node of the input graph stands for its cluster, one of a coarse level for itself.
function clickPoint({ data, pointNumber }) {
  const { graph, level } = explorerState;
  if (data.meta.kind === "hull") {
    chooseCluster({ level: level + 1, row: data.meta.cluster });
  } else if (data.meta.kind === "node") {
    explorerState.node = pointNumber;
    chooseCluster(level > 0 ? { level, row: pointNumber }
      : { level: 1, row: graph.levels[0].cluster[pointNumber] });
  }
}

function setView(x, y) {
  Plotly.relayout(byId("picture"), { "xaxis.range": x, "yaxis.range": y });
}

function zoomPicture(factor) {
  const { xaxis, yaxis } = byId("picture")._fullLayout;
  setView(...[xaxis, yaxis].map(({ range: [low, high] }) => {
    const middle = (low + high) / 2;
    return [middle + (low - middle) * factor, middle + (high - middle) * factor];
  }));
}

function resetPicture() {
  const { graph, level } = explorerState;
  const { xaxis, yaxis } = levelLayout(levelExtent(graph.levels[level]), graph, level, false);
  setView(xaxis.range, yaxis.range);
}

function movePicture(event) {
  if (event.key === "+" || event.key === "=") zoomPicture(0.7);
  else if (event.key === "-") zoomPicture(1 / 0.7);
  else if (event.key === "0") resetPicture();
  else if (event.key.startsWith("Arrow")) {
    const { xaxis, yaxis } = byId("picture")._fullLayout;
    const step = (axis, keys) => {
      const shift = 0.12 * (axis.range[1] - axis.range[0]) * (
        (event.key === keys[1]) - (event.key === keys[0]));
      return axis.range.map((end) => end + shift);
    };
    setView(step(xaxis, ["ArrowLeft", "ArrowRight"]), step(yaxis, ["ArrowDown", "ArrowUp"]));
  } else return;
  event.preventDefault();
}
