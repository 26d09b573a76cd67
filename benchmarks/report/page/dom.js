// Elements by id and by description; texts are never parsed as HTML.
const byId = (id) => document.getElementById(id);

function make(tag, properties = {}, ...children) {
  const space = ["svg", "line", "circle", "path"].includes(tag)
    ? "http://www.w3.org/2000/svg" : "http://www.w3.org/1999/xhtml";
  const element = document.createElementNS(space, tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// Fills a select with [value, text] pairs, or groups {label, options}, and keeps the choice.
function fillSelect(select, entries, chosen = select.value) {
  const option = ([value, text]) => make("option", { value }, text);
  select.replaceChildren(...entries.map((entry) =>
    Array.isArray(entry) ? option(entry)
      : make("optgroup", { label: entry.label }, ...entry.options.map(option))));
  const values = [...select.options].map((each) => each.value);
  select.value = values.includes(chosen) ? chosen : (values[0] ?? "");
  select.disabled = values.length < 2;
}

function groupBy(items, key) {
  const groups = new Map();
  for (const item of items) {
    const name = key(item);
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(item);
  }
  return groups;
}

function protocolText(protocol) {
  return protocol === "reference" ? "reference (optimistic)" : protocol;
}

function plural(number, word) {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}

// One name a run within its data set: its id's last part only where another has the same name.
function runNames(runs) {
  const name = (run) => `${run.method}, ${protocolText(run.protocol)}`;
  const groups = groupBy(runs, (run) => `${run.dataset} ${name(run)}`);
  return new Map(runs.map((run) => [
    run.run,
    groups.get(`${run.dataset} ${name(run)}`).length > 1
      ? `${name(run)}, ${run.run.split("-").at(-1)}` : name(run),
  ]));
}
