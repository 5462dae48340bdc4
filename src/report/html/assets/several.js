// Charts of several runs side by side.
"use strict";

function several(runs) {
  const letters = runs.map((_, index) => String.fromCharCode(65 + index));
  const color = categories(letters);
  const each = (run) => Math.max(1, run.report.totals.images ?? run.report.totals.samples ?? 1);
  const totals = runs.flatMap((run, index) =>
    COMPONENTS.map((component) => ({
      run: `${letters[index]}: ${run.report.target.name}`,
      component,
      energy_j: run.report.energy_j[component] / each(run),
    })),
  );
  figure("energy", {
    title: "Energy of an image or sample",
    rows: () => totals,
    legend: legendOf(COMPONENTS, componentColor),
    columns: columnsOf([
      ["run", "run", "word"],
      ["component", "component", "word"],
      ["energy_j", "energy", "J"],
    ]),
    draw: (cells, width) =>
      bars(cells, width, {
        name: "run",
        value: "energy_j",
        fill: "component",
        unit: "J",
        order: COMPONENTS,
        color: componentColor,
        tip: (row) => `${row.run}\n${row.component}: ${si(row.energy_j, "J")}`,
      }),
  });
  const byLayer = (key) =>
    runs.flatMap((run, index) =>
      run.report.layers.map((layer) => ({ layer: layer.name, run: letters[index], value: layer[key] / each(run) })),
    );
  grouped("energy", "Energy by layer", byLayer("energy_j"), { kind: "J", unit: "J" }, letters, color);
  grouped("activity", "Spikes by layer", byLayer("spikes"), { kind: "count", unit: "" }, letters, color);
  const isBound = runs.map((run) => run.report.totals.time_is === "lower_bound");
  const bounded = letters.filter((_, index) => isBound[index]).join(", ");
  const timeNote = bounded ? `Of ${bounded} a lower bound: the run takes at least so long.` : null;
  const timed = runs
    .map((run, index) => ({
      layer: `${letters[index]}: ${run.report.target.name}`,
      run: letters[index],
      value: run.report.totals.time_s === null ? null : run.report.totals.time_s / each(run),
    }))
    .filter((row) => row.value !== null && row.value !== undefined);
  if (timed.length)
    grouped("time", "Time of an image or sample", timed, { kind: "s", unit: "s", what: "run", note: timeNote }, letters, color);
  else place("time").append(element("p", { class: "notice" }, "Time was not modelled in these runs."));
  const bounds = runs.flatMap((run, index) =>
    run.report.time.bounds
      .filter((bound) => bound.timesteps > 0)
      .map((bound) => ({ layer: bound.bound, run: letters[index], value: bound.timesteps })),
  );
  if (bounds.length)
    grouped(
      "time",
      "Timesteps by what they waited for",
      bounds,
      { kind: "count", unit: "", what: "waited for" },
      letters,
      color,
    );
}

/** A bar a run for each name. */
function grouped(section, title, rows, { kind, unit, what = "layer", note = null }, letters, color) {
  figure(section, {
    title,
    note: what === "layer" ? "Of an image or sample." : note,
    rows: () => rows,
    legend: legendOf(letters, color),
    columns: columnsOf([
      ["layer", what, "word"],
      ["run", "run", "word"],
      ["value", title, kind],
    ]),
    draw: (cells, width) => {
      const names = [...new Set(cells.map((row) => row.layer))];
      const marginLeft = marginFor(names, width);
      const lanes = what === "run" ? 1 : letters.length;
      return chart({
        width,
        height: names.length * (14 * lanes + 10) + 50,
        marginLeft,
        marginRight: 24,
        fy: {
          label: null,
          domain: names,
          tickFormat: (text) => shorten(text, marginLeft),
          axis: "left",
          padding: 0.12,
        },
        y: { axis: null, domain: what === "run" ? undefined : letters },
        x: {
          grid: true,
          label: null,
          tickFormat: (x) => tick(x, unit),
          ticks: Math.max(2, Math.floor((width - marginLeft) / 90)),
        },
        marks: [
          Plot.barX(cells, {
            x: "value",
            y: what === "run" ? undefined : "run",
            fy: "layer",
            fill: (row) => color(row.run),
            title: (row) => `${row.layer}, run ${row.run}: ${WRITE[kind](row.value)}`,
            tip: { fill: "var(--raised)" },
          }),
          Plot.ruleX([0], { stroke: "var(--soft)" }),
        ],
      });
    },
  });
}
