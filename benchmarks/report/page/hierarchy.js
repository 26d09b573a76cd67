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
