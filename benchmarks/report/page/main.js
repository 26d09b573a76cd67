// Starts every section with its part of the data that the page carries.
const report = JSON.parse(byId("data").textContent);

// Buttons of a table's row that open what else the page has of its run.
function linksOf(run) {
  const links = [];
  if (report.curves.some((each) => each.run === run)) {
    links.push(["curves", () => {
      chooseCurvesRun(run);
      openSection("curves");
    }]);
  }
  const shown = report.explorer.runs.find((each) => each.run === run);
  if (shown) {
    links.push(["clusters", () => {
      byId("explorer-dataset").value = shown.dataset;
      chooseDataset();
      chooseRun(run);
      openSection("clusters");
    }]);
  }
  return links;
}

function openSection(id) {
  byId(id).scrollIntoView();
  byId(id).querySelector("select").focus({ preventScroll: true });
}

startTheme();
showProvenance(report.provenance);
startTable(report.table, linksOf);
startCurves(report.curves);
startExplorer(report.explorer);
