// What all plots share.
const PLOT_CONFIG = { displayModeBar: false, displaylogo: false, responsive: true };

function plotFont(size = 12) {
  return { family: getComputedStyle(document.body).fontFamily, size, color: color("text") };
}

function plotLayout(changes = {}) {
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: plotFont(),
    hoverlabel: {
      bgcolor: color("card"), bordercolor: color("edge"), font: plotFont(13), align: "left",
    },
    showlegend: false,
    ...changes,
  };
}

function plotAxis(changes = {}) {
  return {
    gridcolor: color("grid"), linecolor: color("line"), zeroline: false, automargin: true,
    ...changes,
  };
}
