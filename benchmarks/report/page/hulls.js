// Rounded outlines around sets of points.
function convexHull(points) {
  const sorted = [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const left = (o, a, b) => (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0]);
  const half = (ordered) => {
    const chain = [];
    for (const point of ordered) {
      while (chain.length > 1 && left(chain.at(-2), chain.at(-1), point) <= 0) chain.pop();
      chain.push(point);
    }
    return chain.slice(0, -1);
  };
  return [...half(sorted), ...half(sorted.reverse())];
}

// The hull of circles around the points: round, and not empty for one point or two.
function roundedHull(points, radius, corners = 16) {
  const circles = points.flatMap(([x, y]) => Array.from({ length: corners }, (_, number) => {
    const angle = 2 * Math.PI * number / corners;
    return [x + radius * Math.cos(angle), y + radius * Math.sin(angle)];
  }));
  const hull = convexHull(circles);
  return [...hull, hull[0]];
}

// Outlines of a cluster: of each part that hangs together in the input graph, where edges mean
// nearness; of the whole on coarser levels, whose clusters are all joined by some weight. A node
// alone has none, since its colour tells the same.
function clusterOutline(rows, level, radius) {
  const parts = level.part ? [...groupBy(rows, (row) => level.part[row]).values()] : [rows];
  const outline = { x: [], y: [] };
  for (const part of parts.filter(({ length }) => length > 1)) {
    for (const [x, y] of roundedHull(part.map((row) => [level.x[row], level.y[row]]), radius)) {
      outline.x.push(x);
      outline.y.push(y);
    }
    outline.x.push(null);
    outline.y.push(null);
  }
  return outline;
}
