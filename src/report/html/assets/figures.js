// Numbers for people, and figures: a drawing with its data as a table and as a CSV file.
"use strict";

const DATA = JSON.parse(document.getElementById("data").textContent);

/** Four significant digits with an SI prefix, as the tables of the page have them. */
function si(value, unit) {
  if (value === null || value === undefined) return "–";
  if (value === 0) return `0 ${unit}`;
  const prefixes = ["a", "f", "p", "n", "u", "m", "", "k", "M", "G", "T"];
  let power = 6;
  while (Math.abs(value) >= 999.95 && power + 1 < prefixes.length) {
    value /= 1000;
    power += 1;
  }
  while (Math.abs(value) < 0.99995 && power > 0) {
    value *= 1000;
    power -= 1;
  }
  const size = Math.abs(value);
  return `${value.toFixed(size < 9.9995 ? 3 : size < 99.995 ? 2 : 1)} ${prefixes[power]}${unit}`;
}

/** Thousands separated; parts of whole numbers with four digits. */
function count(value) {
  if (value === null || value === undefined) return "–";
  return Number.isInteger(value) ? value.toLocaleString("en-US") : String(Number(value.toPrecision(4)));
}

/** `1 packet`, `2,000 packets`. */
function counted(value, noun) {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

function percent(value) {
  return `${(100 * value).toFixed(1)} %`;
}

/** Marks of an axis: an SI prefix without trailing zeros; parts of one that have no unit are decimals. */
function tick(value, unit) {
  if (!unit && Math.abs(value) < 1) return String(Number(value.toPrecision(4)));
  const [number, prefixed] = si(value, unit).split(" ");
  return `${Number(number)} ${prefixed ?? ""}`.trim();
}

/** How a cell of a kind is written in tables and tips. */
const WRITE = {
  J: (value) => si(value, "J"),
  s: (value) => si(value, "s"),
  W: (value) => si(value, "W"),
  count,
  share: percent,
  word: (value) => value ?? "–",
};

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== undefined && value !== null) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** Where a section's charts go; null if the page has no such section. */
function place(section) {
  return document.querySelector(`[data-charts="${section}"]`);
}

function csv(columns, rows) {
  const cell = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const heading = (column) =>
    ["J", "s", "W"].includes(column.kind) ? `${column.name} (${column.kind})` : column.name;
  const lines = [columns.map(heading), ...rows.map((row) => columns.map((column) => row[column.key]))];
  return lines.map((line) => line.map(cell).join(",")).join("\n") + "\n";
}

function table(title, columns, rows) {
  const figure = (column) => (column.kind === "word" ? null : "figure");
  const head = columns.map((column) => element("th", { scope: "col", class: figure(column) }, column.name));
  const body = rows.map((row) =>
    element(
      "tr",
      {},
      ...columns.map((column, index) => {
        const text = WRITE[column.kind](row[column.key]);
        return element(index ? "td" : "th", { scope: index ? null : "row", class: figure(column) }, String(text));
      }),
    ),
  );
  return element(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": title },
    element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...body)),
  );
}

/** Columns of tables, from `[key, name, kind]`. */
function columnsOf(list) {
  return list.map(([key, name, kind]) => ({ key, name, kind }));
}

/** Most rows of a table on the page; its CSV file has all. */
const ROWS_SHOWN = 500;

/** The table and the CSV file of some rows; `current` gives them when they are asked for. */
function dataOf(title, columns, current, named = false) {
  const name = title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
  const holder = element("div");
  const details = element("details", {}, element("summary", {}, "Table"), holder);
  const fill = () => {
    if (!details.open) return;
    const rows = current();
    const note =
      rows.length > ROWS_SHOWN ? element("p", {}, `The first ${ROWS_SHOWN} of ${counted(rows.length, "row")}.`) : null;
    holder.replaceChildren(...[note, table(title, columns, rows.slice(0, ROWS_SHOWN))].filter(Boolean));
  };
  details.addEventListener("toggle", fill);
  const save = () => {
    const address = URL.createObjectURL(new Blob([csv(columns, current())], { type: "text/csv" }));
    const link = element("a", { href: address, download: `${name}.csv` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  };
  const button = element(
    "button",
    { type: "button", "aria-label": `Download ${title} as CSV`, onclick: save },
    "CSV",
  );
  const box = element(
    "div",
    { class: "data" },
    named ? element("span", { class: "of" }, title) : null,
    details,
    button,
  );
  box.refresh = fill;
  return box;
}

/** Every figure that follows the width of the window. */
const FIGURES = [];

/** What figures are drawn for: a screen, or paper, whose width is in pixels. */
const MEDIUM = { widest: Infinity, paper: 680 };

/**
 * Adds a figure to a section: `draw(rows, width)` gives the drawing of `rows()`, whose columns are
 * `{key, name, kind}`. `controls` stand above it and call `figure.redraw()`. A drawing that keys walk over has a
 * `label` that says how.
 */
function figure(section, { title, note, columns, rows, draw, controls = [], half = false, legend, label }) {
  const holder = place(section);
  if (!holder) return null;
  const drawing = element("div", { class: "drawing" });
  const data = dataOf(title, columns, rows);
  const head = element("figcaption", {}, element("h3", {}, title), note ? element("p", {}, note) : null);
  const bar = controls.length ? element("div", { class: "controls" }, ...controls) : null;
  const made = element(
    "figure",
    { class: half ? "half" : null, "aria-label": title },
    head,
    bar,
    legend ? legend() : null,
    drawing,
    data,
  );
  holder.append(made);
  made.redraw = () => {
    const room = Math.floor(drawing.clientWidth || holder.clientWidth || 640);
    const width = Math.max(280, Math.min(room, MEDIUM.widest));
    const drawn = draw(rows(), width);
    drawn.setAttribute("role", label ? "application" : "img");
    drawn.setAttribute("aria-label", label ?? `${title}. Its data are in the table below.`);
    drawing.replaceChildren(drawn);
    data.refresh();
  };
  FIGURES.push(made);
  made.redraw();
  return made;
}

function legendOf(names, color) {
  return () =>
    element(
      "ul",
      { class: "legend", "aria-label": "Colours" },
      ...names.map((name) => {
        const swatch = element("i");
        swatch.style.background = color(name);
        return element("li", {}, swatch, name);
      }),
    );
}

/** A choice among `[value, label]`. */
function choice(label, options, onchange) {
  const select = element("select", {}, ...options.map(([value, text]) => element("option", { value }, text)));
  select.addEventListener("change", () => onchange(select.value));
  const box = element("label", {}, label, select);
  box.value = () => select.value;
  return box;
}

/** A slider over 0 to `most`; `text` says what a position is. */
function slider(label, most, start, text, oninput) {
  const input = element("input", { type: "range", min: 0, max: most, value: start, step: 1 });
  const output = element("output", {}, text(start));
  const tell = () => {
    output.textContent = text(Number(input.value));
    input.setAttribute("aria-valuetext", output.textContent);
    oninput(Number(input.value));
  };
  input.addEventListener("input", tell);
  input.setAttribute("aria-valuetext", text(start));
  const box = element("label", {}, label, input, output);
  box.value = () => Number(input.value);
  box.set = (value) => {
    input.value = value;
    tell();
  };
  // Another end and place, of which nobody is told.
  box.limit = (end, value) => {
    input.max = end;
    input.value = value;
    output.textContent = text(value);
    input.setAttribute("aria-valuetext", output.textContent);
  };
  return box;
}

function checkbox(label, checked, onchange) {
  const input = element("input", { type: "checkbox" });
  input.checked = checked;
  input.addEventListener("change", () => onchange(input.checked));
  const box = element("label", {}, input, label);
  box.value = () => input.checked;
  return box;
}

/** A button that walks a slider to its end, which `last` tells. */
function player(box, last, name = "Play") {
  const most = () => (typeof last === "function" ? last() : last);
  let timer = null;
  const button = element("button", { type: "button" }, name);
  const stop = () => {
    clearInterval(timer);
    timer = null;
    button.textContent = name;
  };
  button.addEventListener("click", () => {
    if (timer) {
      stop();
      return;
    }
    if (box.value() >= most()) box.set(0);
    button.textContent = "Stop";
    timer = setInterval(
      () => (box.value() >= most() ? stop() : box.set(box.value() + 1)),
      Math.max(40, Math.min(400, 6000 / most())),
    );
  });
  return button;
}

/** Rows of a table that came by column. */
function rowsOf(columns) {
  if (!columns) return [];
  const cells = Object.entries(columns.columns).map(([name, column]) =>
    Array.isArray(column) ? [name, (row) => column[row]] : [name, (row) => column.words[column.index[row]]],
  );
  return Array.from({ length: columns.rows }, (_, row) =>
    Object.fromEntries(cells.map(([name, cell]) => [name, cell(row)])),
  );
}

// Colours that differ from both backgrounds and from each other.
const COMPONENTS = ["synapse", "neuron", "axon", "network", "host", "static"];
const COMPONENT_COLORS = {
  synapse: "#3b82c4",
  neuron: "#d0721f",
  axon: "#3f9b6c",
  network: "#b0569e",
  host: "#a38c14",
  static: "#7d8590",
};
function componentColor(name) {
  return COMPONENT_COLORS[name] ?? "#7d8590";
}

const MANY = [
  "#3b82c4",
  "#d0721f",
  "#3f9b6c",
  "#c2534f",
  "#8a6bc0",
  "#a38c14",
  "#2a9aa5",
  "#b0569e",
  "#7d8590",
  "#8b6b4a",
];
/** A colour for each name, the first ten apart by hand. */
function categories(names) {
  const at = new Map(names.map((name, index) => [name, index]));
  return (name) => {
    const index = at.get(name) ?? 0;
    return names.length <= MANY.length
      ? MANY[index]
      : d3.hcl((index * 360 * 0.618034) % 360, 55, 48 + 14 * (index % 3)).formatHex();
  };
}

/** Pixels of a letter of an axis, a wide one. */
const LETTER = 7.5;

/** Pixels that the longest name takes, at most two fifths of the width, on a phone half of it. */
function marginFor(names, width) {
  const longest = names.reduce((most, name) => Math.max(most, String(name).length), 0);
  return Math.min(Math.ceil(longest * LETTER) + 14, Math.floor(width * (width < 480 ? 0.52 : 0.42)));
}

/** A name that fits into a margin, its end kept. */
function shorten(name, margin) {
  const most = Math.max(4, Math.floor((margin - 14) / LETTER));
  return String(name).length <= most ? name : `…${String(name).slice(-(most - 1))}`;
}

/** Options that all charts share. */
function chart(options) {
  return Plot.plot({
    style: { fontSize: "12px", background: "transparent", color: "var(--ink)", overflow: "visible" },
    ...options,
  });
}

/** Horizontal bars: one a row, or stacked where rows share a name. */
function bars(rows, width, { name, value, fill, unit, order, color, tip }) {
  const names = [...new Set(rows.map((row) => row[name]))];
  const marginLeft = marginFor(names, width);
  return chart({
    width,
    height: names.length * 24 + 50,
    marginLeft,
    marginRight: 32,
    x: {
      grid: true,
      label: null,
      tickFormat: (x) => (unit === "share" ? percent(x) : tick(x, unit)),
      ticks: Math.max(2, Math.floor((width - marginLeft) / 90)),
    },
    y: { label: null, domain: names, tickFormat: (text) => shorten(text, marginLeft), tickSize: 0 },
    marks: [
      Plot.barX(rows, {
        x: value,
        y: name,
        z: fill,
        order,
        fill: fill ? (row) => color(row[fill]) : "var(--accent)",
        inset: 1,
        title: tip,
        tip: { fill: "var(--raised)", stroke: "var(--line)" },
      }),
      Plot.ruleX([0], { stroke: "var(--soft)" }),
    ],
  });
}
