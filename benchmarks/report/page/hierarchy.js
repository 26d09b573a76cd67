// How nodes and clusters of a graph's levels belong together; no drawing, no state.
// A cluster is {level, row}: a node of level 1 or above, which is a cluster of the level below.

// The rows that a cluster lights up on each level: its nodes on the levels below, itself, and the
// cluster that it is part of on each level above.
function litRows(levels, cluster) {
  const lit = levels.map(() => new Set());
  lit[cluster.level].add(cluster.row);
  for (let level = cluster.level - 1; level >= 0; level -= 1) {
    levels[level].cluster.forEach((parent, row) => {
      if (lit[level + 1].has(parent)) lit[level].add(row);
    });
  }
  for (let level = cluster.level; level < levels.length - 1; level += 1) {
    lit[level].forEach((row) => lit[level + 1].add(levels[level].cluster[row]));
  }
  return lit;
}

// Rows of a level by the row of their likeliest cluster on the next level.
function members(level) {
  return groupBy(level.cluster.map((_, row) => row), (row) => level.cluster[row]);
}

// Parts of a cluster that hang together in its level's graph.
function connectedParts(rows, level) {
  const parent = new Map(rows.map((row) => [row, row]));
  const root = (row) => {
    let at = row;
    while (parent.get(at) !== at) at = parent.get(at);
    return at;
  };
  level.edge[0].forEach((source, number) => {
    const target = level.edge[1][number];
    if (parent.has(source) && parent.has(target)) parent.set(root(source), root(target));
  });
  return [...groupBy(rows, root).values()];
}

function nodeName(level, row, levels) {
  const number = levels[level].index[row];
  return level === 0 ? `node ${number}` : `cluster ${number}`;
}

function levelName(level) {
  return level === 0 ? "Level 0: input graph" : `Level ${level}`;
}

function levelSize(level, levels) {
  const size = plural(levels[level].x.length, level === 0 ? "node" : "cluster");
  return levels[level].hidden > 0 ? `${size}, ${levels[level].hidden} unused` : size;
}
