// The list of the clusters of a level, and the bars of one node's memberships.

const SIGNS = { circle: "●", square: "■", "triangle-up": "▲", diamond: "◆", "triangle-down": "▼",
  cross: "✚", x: "✖", star: "★" };

// On the last level there is no next one: its own nodes are listed.
function listedClusters(levels, number) {
  if (number === levels.length - 1) {
    return levels[number].index.map((_, row) => ({ level: number, row,
      count: `${levels[number].mass[row].toFixed(1)} input nodes` }));
  }
  return [...members(levels[number])]
    .sort((a, b) => b[1].length - a[1].length || a[0] - b[0])
    .map(([row, rows]) => ({ level: number + 1, row,
      count: plural(rows.length, number === 0 ? "node" : "cluster") }));
}

function sameCluster(a, b) {
  return a !== null && b !== null && a.level === b.level && a.row === b.row;
}

function showClusterList(levels, number, chosen, choose) {
  const last = number === levels.length - 1;
  byId("cluster-head").textContent = `Clusters of level ${last ? number : number + 1}`;
  const focused = byId("cluster-list").contains(document.activeElement)
    ? document.activeElement.dataset.key : null;
  byId("cluster-list").replaceChildren(...listedClusters(levels, number).map((cluster) => {
    const { index, color: colors, symbol } = levels[cluster.level];
    const swatch = make("span", { class: "swatch", "aria-hidden": "true" },
      SIGNS[symbol[cluster.row]]);
    swatch.style.color = colors[cluster.row];
    return make("button", {
      type: "button", "data-key": `${cluster.level}-${cluster.row}`,
      "aria-pressed": String(sameCluster(cluster, chosen)), onclick: () => choose(cluster),
    }, swatch, make("span", {}, `Cluster ${index[cluster.row]}`),
    make("span", { class: "count" }, cluster.count));
  }));
  if (focused !== null) {
    byId("cluster-list").querySelector(`[data-key="${focused}"]`)?.focus();
  }
}

function litText(levels, cluster) {
  if (cluster === null) return "";
  const lit = litRows(levels, cluster);
  const counts = lit.map((rows, number) => (number === 0 ? plural(rows.size, "node")
    : `${plural(rows.size, "cluster")} of level ${number}`));
  const name = `Cluster ${levels[cluster.level].index[cluster.row]} of level ${cluster.level}`;
  return `${name}, lit: ${counts.join(", ")}.`;
}

function showMembership(levels, number, row) {
  const box = byId("membership");
  if (number === levels.length - 1) {
    box.replaceChildren(make("p", {}, "The last level is not pooled again."));
    return;
  }
  box.replaceChildren(...memberships(levels, number, row).map(({ text, color: shade, value }) => {
    const fill = make("i");
    fill.style.width = `${100 * value}%`;
    fill.style.background = shade ?? color("edge");
    return make("div", { class: "row" }, make("span", {}, text),
      make("span", { class: "bar", "aria-hidden": "true" }, fill),
      make("span", { class: "value" }, value.toFixed(3)));
  }));
}
