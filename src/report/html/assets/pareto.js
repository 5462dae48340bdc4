// The points of a sweep: what each takes and costs, and those that nothing beats.
"use strict";

/** Figures of a point, `[column, name, kind, better]`: -1 where less is better, 1 where more is, 0 where neither. */
function sweepFigures(item) {
  return [
    [`energy_per_${item}_j`, `energy per ${item}`, "J", -1],
    [`time_per_${item}_s`, `time per ${item}`, "s", -1],
    ["cores_used", "cores in use", "count", -1],
    ["accuracy", "accuracy", "share", 1],
    ["kl_nats", "KL divergence from floats, nats", "count", -1],
    ["float_agreement", "agreement with floats", "share", 1],
    ["area_mm2", "area, mm2", "count", -1],
    ["chips_used", "chips in use", "count", -1],
    ["synapse_memory_used_bits", "synapse memory in use, bits", "count", -1],
    ["spikes", "spikes", "count", 0],
    ["synaptic_operations", "synaptic operations", "count", 0],
    ["packets", "packets", "count", 0],
    ["hops", "hops", "count", 0],
    ["energy_low_j", "energy, lowest constants", "J", 0],
    ["energy_high_j", "energy, highest constants", "J", 0],
  ];
}

/** Most values of a parameter that have a colour each; of more, colours follow the value. */
const COLORS_MOST = 10;
/** Most points of the front whose joules are drawn. */
const FRONT_DRAWN = 40;

/** A point's parameters in a line. */
function pointName(sweep, row) {
  const values = sweep.varied.map((name) => row[name] ?? "–");
  return `${row.point}${values.length ? ": " : ""}${values.join(", ")}`;
}

/** How a column is written in tables. */
function kindOf(name, rows) {
  if (rows.some((row) => typeof row[name] === "string" || typeof row[name] === "boolean")) return "word";
  if (/_j$/.test(name)) return "J";
  if (/_s$/.test(name)) return "s";
  return name === "accuracy" || name === "float_agreement" ? "share" : "count";
}

/** Axes that a sweep has: figures with values, then parameters that differ. */
function axesOf(sweep, rows) {
  const known = (key) => rows.some((row) => row[key] !== null && row[key] !== undefined);
  const axis = ([key, name, kind, better]) => ({ key, name, kind, better });
  const figures = sweepFigures(sweep.item)
    .map(axis)
    .filter(({ key }) => known(key));
  const parameters = sweep.varied.filter(known).map((key) => axis([key, key, kindOf(key, rows), 0]));
  return new Map([...figures, ...parameters].map((found) => [found.key, found]));
}

/** The points that no other point beats in two figures, from the best in the first on. */
function stairs(rows, x, y) {
  if (!x.better || !y.better) return [];
  const [sx, sy] = [-x.better, -y.better];
  const sorted = [...rows].sort((a, b) => sx * (a[x.key] - b[x.key]) || sy * (a[y.key] - b[y.key]));
  let best = Infinity;
  return sorted.filter((row) => {
    const better = sy * row[y.key] < best;
    best = Math.min(best, sy * row[y.key]);
    return better;
  });
}

/** The chart of points with its controls; `at` is the point pointed at, `kept` the one that was chosen. */
class PointsView {
  constructor(sweep, rows) {
    this.sweep = sweep;
    this.done = rows.filter((row) => row.status === "done");
    this.axes = axesOf(sweep, this.done);
    const keys = [...this.axes.keys()];
    const second = keys.includes(`time_per_${sweep.item}_s`) ? `time_per_${sweep.item}_s` : "cores_used";
    this.state = { x: keys[0], y: second, color: "front", log: false, at: null, kept: null };
  }

  mount() {
    const names = [...this.axes.values()].map(({ key, name }) => [key, name]);
    const across = choice("Across", names, (x) => this.set({ x }));
    const up = choice("Up", names, (y) => this.set({ y }));
    up.querySelector("select").value = this.state.y;
    const controls = [across, up];
    const colors = this.sweep.varied.filter((key) => this.axes.has(key)).map((key) => [key, key]);
    if (colors.length)
      controls.push(choice("Colour by", [["front", "front or not"], ...colors], (color) => this.set({ color })));
    controls.push(checkbox("Logarithmic", false, (log) => this.set({ log })));
    this.key = element("div", { id: "points-key" });
    this.details = element("div", { class: "details third", "aria-live": "polite", id: "point-details" });
    const shown = this.sweep.columns.filter((key) => !["error", "error_code", "error_place", "status"].includes(key));
    this.figure = figure("front", {
      title: "Points by two figures",
      note: "The stepped line joins the points that are best in the two figures shown, where both have a better side.",
      controls,
      label: "Points. Arrow keys walk from point to point, Enter keeps a point, Escape lets it go.",
      columns: shown.map((key) => ({ key, name: key, kind: kindOf(key, this.done) })),
      rows: () => this.done,
      draw: (cells, width) => this.draw(cells, width),
    });
    this.figure.querySelector(".controls").after(this.key);
    place("front").append(this.details);
    this.figure.classList.add("two-thirds");
    this.figure.redraw();
    this.show(null);
  }

  set(change) {
    Object.assign(this.state, change);
    this.figure.redraw();
  }

  get x() {
    return this.axes.get(this.state.x);
  }

  get y() {
    return this.axes.get(this.state.y);
  }

  /** Points that have both figures, by the first of them: the order in which keys walk. */
  both(cells) {
    const known =
      ({ key }) =>
      (row) =>
        row[key] !== null && row[key] !== undefined;
    const order = (key) => (a, b) => d3.ascending(a[key], b[key]);
    const byPlace = (a, b) => order(this.x.key)(a, b) || order(this.y.key)(a, b) || a.point - b.point;
    return cells.filter(known(this.x)).filter(known(this.y)).sort(byPlace);
  }

  scale({ key, name, kind }, cells, room) {
    const values = cells.map((row) => row[key]);
    if (kind === "word") return { type: "point", label: name, padding: 0.6, tickSize: 0 };
    const write = kind === "share" ? percent : (value) => tick(value, { J: "J", s: "s" }[kind] ?? "");
    const log = this.state.log && values.every((value) => value > 0);
    // Marks of a logarithmic axis that is long enough stand at powers of ten alone.
    const tens = log && d3.max(values) / d3.min(values) > 100;
    const ticks = Math.max(2, Math.floor(room / 90));
    return {
      type: log ? "log" : "linear",
      grid: true,
      nice: true,
      label: name,
      ticks: tens ? undefined : ticks,
      tickFormat: (value) => (tens && Math.log10(value) % 1 ? "" : write(value)),
    };
  }

  /** A colour for each point, and the legend. */
  colors(cells) {
    const { color } = this.state;
    if (color === "front") {
      const of = (name) => (name === "on the front" ? "#d0721f" : "#3b82c4");
      return [(row) => of(row.on_front ? "on the front" : ""), legendOf(["on the front", "not on the front"], of)];
    }
    const values = [...new Set(cells.map((row) => row[color]))].sort(d3.ascending);
    if (values.length <= COLORS_MOST || typeof values[0] === "string") {
      const of = categories(values);
      return [(row) => of(row[color]), legendOf(values, (value) => of(value))];
    }
    const place = new Map(values.map((value, index) => [value, index / (values.length - 1)]));
    const swatch = element("i");
    swatch.style.background = `linear-gradient(90deg, ${[0, 0.25, 0.5, 0.75, 1].map(ramp).join(",")})`;
    const legend = () =>
      element("span", { class: "ramp" }, count(values[0]), swatch, count(values[values.length - 1]));
    return [(row) => ramp(place.get(row[color])), legend];
  }

  draw(all, width) {
    const cells = this.both(all);
    const { x, y } = this;
    const height = Math.max(300, Math.min(480, Math.floor(width * 0.62)));
    const [color, legend] = this.colors(all);
    const down = { ...this.scale(y, cells, height * 2), labelArrow: "none", labelAnchor: "top" };
    const marginLeft =
      y.kind === "word"
        ? marginFor(
            cells.map((row) => row[y.key]),
            width,
          )
        : 64;
    if (y.kind === "word") down.tickFormat = (text) => shorten(text, marginLeft);
    const across = { ...this.scale(x, cells, width - marginLeft), labelOffset: 40, labelArrow: "none" };
    if (x.kind === "word") across.tickRotate = -30;
    const spot = { x: x.key, y: y.key };
    const marked = (rows, symbol, r, opacity) =>
      Plot.dot(rows, { ...spot, symbol, r, fill: color, fillOpacity: opacity, stroke: "var(--back)" });
    const made = chart({
      width,
      height,
      marginLeft,
      marginTop: 36,
      marginRight: 28,
      marginBottom: x.kind === "word" ? 96 : 52,
      x: across,
      y: down,
      marks: [
        Plot.line(stairs(cells, x, y), {
          ...spot,
          curve: "step-after",
          stroke: "var(--soft)",
          strokeDasharray: "4 3",
        }),
        marked(
          cells.filter((row) => !row.on_front),
          "circle",
          4.5,
          0.9,
        ),
        marked(
          cells.filter((row) => row.on_front),
          "diamond",
          7,
          1,
        ),
        Plot.tip(cells, Plot.pointer({ ...spot, title: (row) => this.tell(row), fill: "var(--raised)" })),
      ],
    });
    this.listen(made, cells);
    this.key.replaceChildren(legend());
    return made;
  }

  /** Hovers, clicks and keys. */
  listen(made, cells) {
    const at =
      ({ key }, axis) =>
      (row) =>
        made.scale(axis).apply(row[key]);
    this.spot = [at(this.x, "x"), at(this.y, "y")];
    this.cells = cells;
    this.ring = d3.select(made).append("circle").attr("class", "ring").attr("r", 10);
    made.setAttribute("tabindex", 0);
    made.addEventListener("input", () => this.show(made.value ?? null));
    made.addEventListener("click", () => made.value && this.keep(made.value));
    made.addEventListener("keydown", (event) => this.pressed(event));
    this.show(this.state.kept);
  }

  /** A point in a few lines. */
  tell(row) {
    const lines = [this.x, this.y].map(({ key, name, kind }) => `${name}: ${WRITE[kind](row[key])}`);
    return [`point ${pointName(this.sweep, row)}${row.on_front ? " (front)" : ""}`, ...lines].join("\n");
  }

  /** Tells of a point, or of none. */
  show(row) {
    this.state.at = row;
    const { kept } = this.state;
    const told = row ?? kept;
    this.ring?.attr("visibility", told && this.cells.includes(told) ? "visible" : "hidden");
    this.ring?.attr("data-kept", kept ? kept.point : null);
    if (told && this.ring && this.cells.includes(told))
      this.ring.attr("cx", this.spot[0](told)).attr("cy", this.spot[1](told));
    if (!told) {
      const many = counted(this.done.length, "point");
      this.details.replaceChildren(element("h3", {}, "No point chosen"), element("p", {}, `${many} ran.`));
      return;
    }
    const line = (name, text) =>
      element("tr", {}, element("th", { scope: "row" }, name), element("td", { class: "figure" }, String(text)));
    const asked = this.sweep.varied.map((name) => line(name, told[name] ?? "–"));
    const figures = [...this.axes.values()].filter(({ key }) => !this.sweep.varied.includes(key));
    const found = figures.map(({ key, name, kind }) => line(name, WRITE[kind](told[key])));
    this.details.replaceChildren(
      element("h3", {}, `Point ${told.point}${told.on_front ? ", on the front" : ""}`),
      element("table", {}, element("tbody", {}, ...asked, ...found)),
    );
  }

  keep(row) {
    this.state.kept = this.state.kept === row ? null : row;
    this.show(row);
  }

  pressed(event) {
    const { state, cells } = this;
    const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
    const from = cells.indexOf(state.at ?? state.kept);
    if (step) {
      const next = from < 0 ? 0 : Math.max(0, Math.min(cells.length - 1, from + step));
      this.show(cells[next] ?? null);
    } else if (event.key === "Enter" || event.key === " ") {
      if (state.at) this.keep(state.at);
    } else if (event.key === "Escape") {
      state.kept = null;
      this.show(null);
    } else {
      return;
    }
    event.preventDefault();
  }
}

/** Joules of the points on the front by component, least first. */
function frontEnergy(sweep, rows) {
  const each = `energy_per_${sweep.item}_j`;
  const front = rows.filter((row) => row.on_front).sort((a, b) => a[each] - b[each]);
  const joules = front.slice(0, FRONT_DRAWN).flatMap((row) =>
    COMPONENTS.map((component) => ({
      point: pointName(sweep, row),
      component,
      energy_j: row[`energy_${component}_j`] / Math.max(1, row[`${sweep.item}s`]),
    })),
  );
  const cut = front.length > FRONT_DRAWN ? ` The first ${FRONT_DRAWN} of ${counted(front.length, "point")}.` : "";
  figure("energy", {
    title: `Energy of ${sweep.item === "image" ? "an image" : "a sample"} by component`,
    note: `Points are named by their number${sweep.varied.length ? ` and ${sweep.varied.join(", ")}` : ""}.${cut}`,
    rows: () => joules,
    legend: legendOf(COMPONENTS, componentColor),
    columns: columnsOf([
      ["point", "point", "word"],
      ["component", "component", "word"],
      ["energy_j", `energy per ${sweep.item}`, "J"],
    ]),
    draw: (cells, width) =>
      bars(cells, width, {
        name: "point",
        value: "energy_j",
        fill: "component",
        unit: "J",
        order: COMPONENTS,
        color: componentColor,
        tip: (row) => `point ${row.point}\n${row.component}: ${si(row.energy_j, "J")}`,
      }),
  });
}

function pareto(sweep) {
  const rows = sweep.rows.map((cells) => Object.fromEntries(sweep.columns.map((name, at) => [name, cells[at]])));
  if (rows.some((row) => row.status === "done")) {
    new PointsView(sweep, rows).mount();
    frontEnergy(sweep, rows);
  }
  const columns = sweep.columns.map((name) => ({ key: name, name, kind: kindOf(name, rows) }));
  place("points").append(dataOf("Points", columns, () => rows, true));
}
