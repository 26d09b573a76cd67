// The picture of one level: outlines of clusters, edges, nodes. What is lit is
// {cluster, rows}, the chosen cluster and its rows on each level, or null.
const WEIGHT_STEPS = 5;
const DIM = 0.14;
const DIM_EDGE = 0.35;
const CROWDED_NODES = 120;
const CROWDED_EDGES = 1000;
const SHOWN_PROBABILITIES = 5;

function drawLevel(plot, graph, number, lit, small) {
  const level = graph.levels[number];
  const extent = levelExtent(level);
  const traces = [
    ...hullTraces(graph.levels, number, lit, extent, small),
    ...edgeTraces(level, number, lit && lit.rows[number], small),
    nodeTrace(graph.levels, number, lit && lit.rows[number], small && plot.clientWidth),
  ];
  const config = { ...PLOT_CONFIG, responsive: false, staticPlot: small, scrollZoom: !small };
  const layout = {
    ...levelLayout(extent, graph, number, small),
    width: plot.clientWidth, height: plot.clientHeight,
  };
  // What is in view stays there while clusters are lit, until another graph or level is chosen.
  if (!small && plot.layout?.meta === layout.meta) {
    layout.xaxis.range = plot.layout.xaxis.range;
    layout.yaxis.range = plot.layout.yaxis.range;
  }
  return Plotly.react(plot, traces, layout, config);
}

function levelExtent({ x, y }) {
  const ends = (values) => [Math.min(...values), Math.max(...values)];
  const [left, right] = ends(x);
  const [low, high] = ends(y);
  return { x: [left, right], y: [low, high], size: Math.max(right - left, high - low) || 1 };
}

function levelLayout(extent, graph, number, small) {
  const margin = extent.size * (number === 0 ? 0.07 : 0.16);
  const axis = ([low, high], changes) => ({
    visible: false, range: [low - margin, high + margin], ...changes });
  return plotLayout({
    margin: { l: 0, r: 0, t: 0, b: 0 },
    xaxis: axis(extent.x, {}),
    yaxis: axis(extent.y, { scaleanchor: "x" }),
    hovermode: small ? false : "closest",
    dragmode: "pan",
    meta: `${graph.key} ${number}`,
  });
}

function hullTraces(levels, number, lit, extent, small) {
  if (number === levels.length - 1) return [];
  const next = levels[number + 1];
  return [...members(levels[number])].map(([cluster, rows]) => {
    const shade = next.color[cluster];
    const on = lit === null || lit.rows[number + 1].has(cluster);
    // Of a cluster above the chosen one not all nodes are lit: an outline without filling.
    const part = lit !== null && on && number + 1 > lit.cluster.level;
    return {
      ...clusterOutline(rows, levels[number], hullRadius(levels[number], number, extent)),
      mode: "lines", fill: "toself", hoveron: "fills",
      fillcolor: withAlpha(shade, on && !part ? (lit ? 0.3 : 0.16) : 0.03),
      line: { color: withAlpha(shade, on ? 0.75 : 0.12), width: small ? 0.6 : 1.2,
        dash: part ? "dot" : "solid" },
      meta: { kind: "hull", cluster },
      name: `cluster ${next.index[cluster]}: ${plural(rows.length, number ? "cluster" : "node")}`,
      hoverinfo: small ? "skip" : "name", hoverlabel: { namelength: -1 },
    };
  });
}

// Of the input graph by its number of nodes, as their size is.
function hullRadius(level, number, extent) {
  return extent.size * (number > 0 ? 0.06 : 0.025 * crowding(level));
}

function crowding(level) {
  return Math.min(1, Math.max(0.45, Math.sqrt(CROWDED_NODES / level.x.length)));
}

function withAlpha(hex, alpha) {
  const parts = [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
  return `rgba(${parts.join(",")},${alpha})`;
}

// Black or white, whichever reads better; on a dim node the text's own colour.
function ink(hex, on) {
  const [red, green, blue] = [1, 3, 5].map((start) => parseInt(hex.slice(start, start + 2), 16));
  if (!on) return color("muted");
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? "#000000" : "#ffffff";
}

// Edges in steps of weight, and in those between lit nodes and others, each step one trace.
function edgeTraces(level, number, lit, small) {
  const heaviest = Math.max(...level.weight, 0);
  const groups = new Map();
  level.edge[0].forEach((source, edge) => {
    const target = level.edge[1][edge];
    const share = heaviest > 0 ? level.weight[edge] / heaviest : 0;
    const step = number === 0 ? WEIGHT_STEPS : Math.ceil(share * WEIGHT_STEPS);
    if (step === 0) return;
    const on = lit === null || (lit.has(source) && lit.has(target));
    const key = `${step} ${on}`;
    if (!groups.has(key)) groups.set(key, { step, on, x: [], y: [] });
    const group = groups.get(key);
    group.x.push(level.x[source], level.x[target], null);
    group.y.push(level.y[source], level.y[target], null);
  });
  return [...groups.values()].map(({ step, on, x, y }) => {
    const share = step / WEIGHT_STEPS;
    const width = number > 0 ? 0.6 + 5 * share : level.edges > CROWDED_EDGES ? 0.6 : 1.3;
    return {
      x, y, mode: "lines", hoverinfo: "skip", meta: { kind: "edge" },
      line: { color: color("edge"), width: small ? width / 2 : width },
      opacity: (number === 0 ? 0.75 : 0.25 + 0.55 * share) * (on ? 1 : DIM_EDGE),
    };
  });
}

// A small picture tells its width, by which its nodes shrink.
function nodeTrace(levels, number, lit, small) {
  const level = levels[number];
  const rows = level.x.map((_, row) => row);
  const on = (row) => lit === null || lit.has(row);
  const thick = number === 0 ? 2 * crowding(level) : 2;
  return {
    x: level.x, y: level.y, meta: { kind: "node" },
    mode: number > 0 && !small ? "markers+text" : "markers",
    text: level.index.map(String),
    textfont: { size: 11, color: rows.map((row) => ink(level.color[row], on(row))) },
    hovertext: rows.map((row) => hoverText(levels, number, row)),
    hovertemplate: "%{hovertext}<extra></extra>", hoverinfo: small ? "skip" : undefined,
    marker: {
      color: level.color,
      symbol: level.symbol,
      size: nodeSizes(level, number).map((size) => (small ? size * Math.min(0.5, small / 450) : size)),
      opacity: rows.map((row) => (on(row) ? 1 : DIM)),
      line: {
        color: rows.map((row) => (lit !== null && on(row) ? color("lit") : color("node-line"))),
        width: rows.map((row) => (small ? 0.5 : lit !== null && on(row) ? thick : thick / 2)),
      },
    },
  };
}

// The area of a coarse node is the number of input nodes in it.
function nodeSizes(level, number) {
  if (number === 0) {
    return level.x.map(() => 13 * crowding(level));
  }
  const largest = Math.max(...level.mass, 1e-9);
  return level.mass.map((mass) => 16 + 30 * Math.sqrt(Math.max(mass, 0) / largest));
}

function hoverText(levels, number, row) {
  const level = levels[number];
  const name = `<b>${nodeName(number, row, levels)}</b>`;
  const mass = number === 0 ? "" : `<br>${level.mass[row].toFixed(1)} input nodes`;
  if (number === levels.length - 1) return name + mass;
  const lines = memberships(levels, number, row).slice(0, SHOWN_PROBABILITIES).map(
    ({ text, value }) => `${text}: ${value.toFixed(3)}`);
  return [name + mass, ...lines].join("<br>");
}

// A node's likeliest clusters, and what is left for all others together.
function memberships(levels, number, row) {
  const next = levels[number + 1];
  const listed = levels[number].membership[row].map(([cluster, value]) => (
    { text: `cluster ${next.index[cluster]}`, color: next.color[cluster], value }));
  const rest = 1 - listed.reduce((sum, { value }) => sum + value, 0);
  return rest < 0.0005 ? listed : [...listed, { text: "all others", color: null, value: rest }];
}
