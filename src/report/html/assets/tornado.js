// Which constants move energy and time: how far each does, alone, from its lowest to its highest value.
"use strict";

/** Most constants that are drawn; the table has all. */
const TORNADO_DRAWN = 16;
const TORNADO_ENDS = ["at its lowest", "at its highest"];
const TORNADO_COLOR = (end) => ({ "at its lowest": "#3b82c4", "at its highest": "#d0721f" })[end];
const ALL_TOGETHER = "all together";
/** Units that take no prefix. */
const PLAIN_UNITS = new Set(["x", "flits", "spikes", "packets"]);

/** What constants move: `key` of their ranges, `together` that of all constants at once. */
const MOVED = {
  energy: { key: "energy_j", together: "energy_range_j", unit: "J", nominal: (report) => report.totals.energy_j },
  time: { key: "time_s", together: "time_range_s", unit: "s", nominal: (report) => report.totals.time_s },
};

/** Every constant with a range, and all of them together; what it is by itself, and what it makes of the run. */
function tornadoRows(report) {
  const known = new Map([
    ...report.energy_constants.map((constant) => [`energy ${constant.name}`, constant]),
    ...(report.time_constants ?? []).map((constant) => [`time ${constant.name}`, constant]),
  ]);
  const ends = (energy, time) => ({
    energy_low: energy.low,
    energy_high: energy.high,
    time_low: time?.low,
    time_high: time?.high,
  });
  const each = report.sensitivity.map((found) => {
    const constant = known.get(`${found.group} ${found.constant}`);
    return {
      name: found.group === "time" && !found.constant.includes(".") ? `time of ${found.constant}` : found.constant,
      value: constant?.value,
      low: constant?.range?.low,
      high: constant?.range?.high,
      unit: constant?.unit,
      provenance: constant?.provenance,
      ...ends(found.energy_j, found.time_s),
    };
  });
  return [{ name: ALL_TOGETHER, ...ends(report.energy_range_j, report.time_range_s) }, ...each];
}

/** The chart of what constants move; `at` is the constant that keys or clicks chose. */
class TornadoView {
  constructor(report) {
    this.report = report;
    this.all = tornadoRows(report);
    this.state = { of: "energy", at: null };
  }

  mount() {
    const timed = this.all.some((row) => this.span(row, "time") > 0);
    const options = [
      ["energy", "energy"],
      ["time", "time"],
    ].filter(([of]) => of === "energy" || timed);
    const control = choice("What they move", options, (of) => {
      this.state.of = of;
      this.figure.redraw();
    });
    this.details = element("div", { class: "details third", "aria-live": "polite", id: "tornado-details" });
    this.figure = figure("constants", {
      title: "What each constant moves",
      note:
        "The run with one constant at the lowest and at the highest value of its range, all others as they are. " +
        `At most ${TORNADO_DRAWN} bars; constants that move nothing are in the table alone.`,
      controls: options.length > 1 ? [control] : [],
      label: "Constants. The up and down arrow keys walk from bar to bar, Escape leaves them.",
      legend: legendOf(TORNADO_ENDS, TORNADO_COLOR),
      columns: columnsOf([
        ["name", "constant", "word"],
        ["provenance", "provenance", "word"],
        ["unit", "unit", "word"],
        ["value", "value", "count"],
        ["low", "lowest", "count"],
        ["high", "highest", "count"],
        ["energy_low", "energy at its lowest", "J"],
        ["energy_high", "energy at its highest", "J"],
        ["time_low", "time at its lowest", "s"],
        ["time_high", "time at its highest", "s"],
      ]),
      rows: () => this.rows(),
      draw: (rows, width) => this.draw(rows, width),
    });
    this.figure.id = "tornado";
    this.figure.classList.add("two-thirds");
    this.figure.after(this.details);
    this.figure.redraw();
    this.show(null);
  }

  /** How far a row moves energy or time. */
  span(row, of) {
    const [low, high] = [row[`${of}_low`], row[`${of}_high`]];
    return low === undefined || high === undefined ? 0 : Math.abs(high - low);
  }

  /** All rows, the one that moves most first, behind all together. */
  rows() {
    const { of } = this.state;
    const last = (row) => (row.name === ALL_TOGETHER ? Infinity : this.span(row, of));
    return [...this.all].sort((a, b) => last(b) - last(a));
  }

  draw(all, width) {
    const { of } = this.state;
    const { unit, nominal } = MOVED[of];
    const rows = all.filter((row) => this.span(row, of) > 0).slice(0, TORNADO_DRAWN);
    const middle = nominal(this.report);
    const bars = rows.flatMap((row) =>
      TORNADO_ENDS.map((end, index) => ({ row, end, value: row[`${of}_${index ? "high" : "low"}`] })),
    );
    const names = rows.map((row) => row.name);
    const marginLeft = marginFor(names, width);
    const [low, high] = d3.extent([middle, ...bars.map((bar) => bar.value)]);
    const made = chart({
      width,
      height: names.length * 26 + 76,
      marginLeft,
      marginRight: 30,
      marginTop: 26,
      x: {
        grid: true,
        label: null,
        tickFormat: (x) => tick(x, unit),
        ticks: Math.max(2, Math.floor((width - marginLeft) / 100)),
      },
      y: { label: null, domain: names, tickSize: 0, tickFormat: (text) => shorten(text, marginLeft) },
      marks: [
        Plot.barX(bars, {
          x1: middle,
          x2: "value",
          y: (bar) => bar.row.name,
          fill: (bar) => TORNADO_COLOR(bar.end),
          insetTop: 2,
          insetBottom: 2,
          title: (bar) => `${bar.row.name} ${bar.end}\n${si(bar.value, unit)} instead of ${si(middle, unit)}`,
          tip: { fill: "var(--raised)", stroke: "var(--line)" },
        }),
        Plot.ruleX([middle], { stroke: "var(--ink)" }),
        Plot.text([middle], {
          x: (x) => x,
          frameAnchor: "top",
          dy: -14,
          textAnchor: middle - low > (high - low) / 2 ? "end" : "start",
          text: (x) => `as it is: ${si(x, unit)}`,
        }),
      ],
    });
    this.listen(made, rows, [marginLeft, width - 30]);
    return made;
  }

  /** Keys and clicks. */
  listen(made, rows, [left, right]) {
    this.drawn = rows;
    const scale = made.scale("y");
    this.lines = { top: scale.apply, height: scale.bandwidth };
    this.ring = d3.select(made).append("rect").attr("class", "ring").attr("x", left - 4).attr("rx", 3);
    this.ring.attr("width", right - left + 8).attr("height", scale.bandwidth);
    made.setAttribute("tabindex", 0);
    made.addEventListener("click", (event) => {
      const line = rows.findIndex((row) => {
        const top = made.getBoundingClientRect().top + scale.apply(row.name);
        return event.clientY >= top && event.clientY <= top + scale.bandwidth;
      });
      if (line >= 0) this.show(rows[line]);
    });
    made.addEventListener("keydown", (event) => this.pressed(event));
    if (this.details) this.show(rows.includes(this.state.at) ? this.state.at : null);
  }

  pressed(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step) {
      const from = this.drawn.indexOf(this.state.at);
      this.show(this.drawn[from < 0 ? 0 : Math.max(0, Math.min(this.drawn.length - 1, from + step))] ?? null);
    } else if (event.key === "Escape") {
      this.show(null);
    } else {
      return;
    }
    event.preventDefault();
  }

  /** Tells of a constant, or of none. */
  show(row) {
    this.state.at = row;
    this.ring.attr("visibility", row ? "visible" : "hidden").attr("data-at", row?.name ?? null);
    if (row) this.ring.attr("y", this.lines.top(row.name));
    if (!row) {
      const moves = (found) => found.name !== ALL_TOGETHER && this.span(found, this.state.of) > 0;
      const moving = this.all.filter(moves).length;
      const many = moving === 1 ? "One constant moves" : `${count(moving)} constants move`;
      const text = `${many} ${this.state.of}. Click a bar, or walk to it with the arrow keys.`;
      this.details.replaceChildren(element("h3", {}, "No constant chosen"), element("p", {}, text));
      return;
    }
    const line = (name, text) =>
      element("tr", {}, element("th", { scope: "row" }, name), element("td", { class: "figure" }, String(text)));
    const own = [
      ["value", row.value],
      ["lowest", row.low],
      ["highest", row.high],
    ].filter(([, value]) => value !== undefined && value !== null);
    const ends = Object.entries(MOVED).flatMap(([of, { unit, nominal }]) => {
      const middle = nominal(this.report);
      const moved = (value) => `${si(value, unit)} (${value < middle ? "−" : "+"}${percent(Math.abs(value / middle - 1))})`;
      return this.span(row, of) > 0
        ? TORNADO_ENDS.map((end, index) => line(`${of} ${end}`, moved(row[`${of}_${index ? "high" : "low"}`])))
        : [];
    });
    this.details.replaceChildren(
      element("h3", {}, row.name),
      element(
        "table",
        {},
        element(
          "tbody",
          {},
          ...own.map(([name, value]) => line(name, PLAIN_UNITS.has(row.unit) ? `${count(value)} ${row.unit}` : si(value, row.unit))),
          row.provenance ? line("provenance", row.provenance) : "",
          ...ends,
        ),
      ),
    );
  }
}

function tornado({ report }) {
  const asked = report.sensitivity?.length > 0;
  const view = asked ? new TornadoView(report) : null;
  if (view?.all.some((row) => view.span(row, "energy") > 0)) {
    view.mount();
    return;
  }
  const note = asked
    ? "No constant that has a range moves the energy of this run."
    : "How far each constant moves energy and time is told by runs with --sensitivity.";
  place("constants").append(element("p", { class: "notice" }, note));
}
