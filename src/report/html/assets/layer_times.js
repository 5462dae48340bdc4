// Time by layer: what timesteps wait for, and how long units work for each layer, with the ends of the ranges.
"use strict";

const UNIT_NAMES = { synapse: "synapse", neuron: "neuron", axon_in: "axon in", axon_out: "axon out" };
const UNITS_OF_LAYERS = Object.keys(UNIT_NAMES);

/** A row a layer: its part of the busiest units' time; and what is no layer's. */
function bindingRows({ layers, time }) {
  const row = (part, value, range, timesteps) => ({
    part,
    of: "waited for",
    time_s: value,
    low: range?.low,
    high: range?.high,
    timesteps,
  });
  return [
    ...layers.map(({ name, time: own }) => row(name, own.binding_s, own.binding_range_s, own.binding_timesteps)),
    row("links and ports", time.network_s),
    row("barriers", time.barrier_s),
    row("host transfers", time.host_s),
  ];
}

/** A row a layer and unit: busy time of all cores; the ends are of all units together. */
function busyRows({ layers }) {
  return layers.flatMap(({ name, time: own }) =>
    UNITS_OF_LAYERS.map((unit) => ({
      part: name,
      of: UNIT_NAMES[unit],
      unit,
      time_s: own.busy_s[unit],
      low: own.busy_range_s?.low,
      high: own.busy_range_s?.high,
    })),
  );
}

function layerTimes({ report }) {
  const layers = report.layers.filter((layer) => layer.time);
  if (!layers.length) return;
  const [binding, busy] = [bindingRows({ layers, time: report.time }), busyRows({ layers })];
  const ends = layers.some(({ time: own }) => own.binding_range_s)
    ? ["lowest", "highest"].map((end, index) => [["low", "high"][index], end, "s"])
    : [];
  const lines = ends.length ? " Lines go from the lowest to the highest values of the constants" : "";
  figure("time", {
    title: "Time by layer",
    half: true,
    note:
      "A timestep lasts as long as its busiest unit, whose time is that of the layers on its core; by the formula, so " +
      `without latencies and queues.${lines && `${lines}.`}`,
    rows: () => binding,
    columns: columnsOf([
      ["part", "layer or part", "word"],
      ["time_s", "time", "s"],
      ...ends,
      ["timesteps", "timesteps that wait for it most", "count"],
    ]),
    draw: drawLayerTimes,
  });
  figure("time", {
    title: "Busy time by layer",
    half: true,
    note: `Units of all cores, which work at the same time.${lines && `${lines}, of all units together.`}`,
    rows: () => busy,
    legend: legendOf(Object.values(UNIT_NAMES), (name) => boundColor(UNITS_OF_LAYERS[unitNumber(name)])),
    columns: columnsOf([
      ["part", "layer", "word"],
      ["of", "unit", "word"],
      ["time_s", "busy", "s"],
      ...ends.map(([key, name, kind]) => [key, `${name}, all units`, kind]),
    ]),
    draw: drawLayerTimes,
  });
}

function unitNumber(name) {
  return Object.values(UNIT_NAMES).indexOf(name);
}

function drawLayerTimes(rows, width) {
  const names = [...new Set(rows.map((row) => row.part))];
  const marginLeft = marginFor(names, width);
  const between = (row) => (row.high === undefined ? "" : `\n${si(row.low, "s")} to ${si(row.high, "s")}`);
  const ends = names
    .map((name) => rows.find((row) => row.part === name))
    .filter((row) => row.high !== undefined && row.high > row.low);
  const line = { stroke: "var(--ink)", strokeWidth: 1.2 };
  return chart({
    width,
    height: names.length * 26 + 50,
    marginLeft,
    marginRight: 24,
    x: {
      grid: true,
      label: null,
      tickFormat: (x) => tick(x, "s"),
      ticks: Math.max(2, Math.floor((width - marginLeft) / 90)),
    },
    y: { label: null, domain: names, tickFormat: (text) => shorten(text, marginLeft), tickSize: 0 },
    marks: [
      Plot.barX(rows, {
        x: "time_s",
        y: "part",
        z: "of",
        order: UNITS_OF_LAYERS.map((unit) => UNIT_NAMES[unit]),
        fill: (row) => (row.unit ? boundColor(row.unit) : "var(--accent)"),
        insetTop: 3,
        insetBottom: 3,
        title: (row) => {
          const steps = row.timesteps === undefined ? "" : `\n${count(row.timesteps)} timesteps wait for it most`;
          return `${row.part}, ${row.of}: ${si(row.time_s, "s")}${between(row)}${steps}`;
        },
        tip: { fill: "var(--raised)", stroke: "var(--line)" },
      }),
      Plot.ruleY(ends, { y: "part", x1: "low", x2: "high", ...line }),
      Plot.tickX(ends, { y: "part", x: "low", inset: 7, ...line }),
      Plot.tickX(ends, { y: "part", x: "high", inset: 7, ...line }),
      Plot.ruleX([0], { stroke: "var(--soft)" }),
    ],
  });
}
