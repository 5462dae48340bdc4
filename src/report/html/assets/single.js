// The charts of one run: activity and limits, and the order of its sections.
"use strict";

function activity(run) {
  const rows = run.report.layers.map((layer) => ({
    layer: layer.name,
    rate: layer.rate,
    spikes: layer.spikes,
    neurons: layer.neurons,
    synaptic_operations: layer.synaptic_operations,
    packets: layer.packets,
  }));
  figure("activity", {
    title: "Rate by layer",
    half: true,
    note: "Spikes of a neuron and timestep.",
    rows: () => rows,
    columns: columnsOf([
      ["layer", "layer", "word"],
      ["neurons", "neurons", "count"],
      ["spikes", "spikes", "count"],
      ["rate", "rate", "share"],
    ]),
    draw: (cells, width) =>
      bars(cells, width, {
        name: "layer",
        value: "rate",
        unit: "share",
        tip: (row) =>
          `${row.layer}: ${percent(row.rate)}\n${counted(row.spikes, "spike")} of ${counted(row.neurons, "neuron")}`,
      }),
  });
  figure("activity", {
    title: "Synaptic operations by layer",
    half: true,
    note: "Operations that arrive at a layer's neurons.",
    rows: () => rows,
    columns: columnsOf([
      ["layer", "layer", "word"],
      ["synaptic_operations", "synaptic operations", "count"],
      ["packets", "packets sent", "count"],
    ]),
    draw: (cells, width) =>
      bars(cells, width, {
        name: "layer",
        value: "synaptic_operations",
        unit: "",
        tip: (row) => `${row.layer}: ${counted(row.synaptic_operations, "operation")}`,
      }),
  });
}

/** Who fires when, in the first image or sample: a row a neuron, layers one above the other. */
function raster(run) {
  const found = run.raster;
  if (!found) {
    const note = "A raster of spikes needs the spikes: snnc run --spikes writes them into the folder of results.";
    place("activity").append(element("p", { class: "notice" }, note));
    return;
  }
  const color = categories(found.layers.map((layer) => layer.name));
  const state = { layer: "all" };
  const layers = () => found.layers.filter((layer) => state.layer === "all" || layer.name === state.layer);
  const rows = () =>
    layers().flatMap((layer) =>
      layer.spikes.map(([timestep, index]) => ({ layer: layer.name, neuron: layer.picked[index], timestep, index })),
    );
  const control = choice(
    "Layer",
    [["all", "all layers"], ...found.layers.map((layer) => [layer.name, layer.name])],
    (layer) => {
      state.layer = layer;
      made.redraw();
    },
  );
  const picked = Math.max(...found.layers.map((layer) => layer.picked.length));
  const cut = found.shown < found.timesteps ? ` The first ${count(found.shown)} of ${count(found.timesteps)}.` : "";
  const images = run.report.totals.images !== undefined;
  const how = images ? "Timesteps are those of the layer, pass after pass." : "Timesteps count from the layer's first.";
  const made = figure("activity", {
    title: `Raster of the first ${images ? "image" : "sample"}`,
    note: `Up to ${picked} neurons of each layer, evenly among all. ${how}${cut}`,
    controls: [control],
    rows,
    legend: legendOf(
      found.layers.map((layer) => layer.name),
      color,
    ),
    columns: columnsOf([
      ["layer", "layer", "word"],
      ["neuron", "neuron", "count"],
      ["timestep", "timestep", "count"],
    ]),
    draw: (cells, width) => drawRaster(layers(), cells, { width, timesteps: found.shown, color }),
  });
}

function drawRaster(layers, cells, { width, timesteps, color }) {
  const starts = new Map();
  let lines = 0;
  for (const layer of layers) {
    starts.set(layer.name, lines);
    lines += layer.picked.length + 2;
  }
  const line = (row) => starts.get(row.layer) + row.index;
  const tall = layers.length === 1 ? 9 : 4;
  const made = chart({
    width,
    height: Math.max(140, lines * tall + 70),
    marginLeft: 24,
    marginBottom: 46,
    x: {
      label: "timestep",
      labelOffset: 40,
      labelArrow: "none",
      domain: [-0.5, timesteps - 0.5],
      tickFormat: count,
      ticks: d3.ticks(0, timesteps - 1, Math.min(timesteps, Math.floor(width / 70))).filter(Number.isInteger),
    },
    y: { axis: null, domain: [lines, -1] },
    marks: [
      Plot.ruleY([...starts.values()].slice(1), { y: (start) => start - 1.5, stroke: "var(--line)" }),
      Plot.tip(
        cells,
        Plot.pointer({
          x: "timestep",
          y: line,
          title: (row) => `${row.layer}, neuron ${row.neuron}: timestep ${row.timestep}`,
          fill: "var(--raised)",
        }),
      ),
    ],
  });
  const [x, y] = ["x", "y"].map((axis) => made.scale(axis).apply);
  const side = Math.max(1, Math.min(24, 0.7 * (x(1) - x(0))));
  const height = Math.max(1.5, 0.8 * Math.abs(y(1) - y(0)));
  const paths = d3.groups(cells, (row) => row.layer);
  // A path a layer: thousands of elements would be slow.
  const marks = d3.select(made).insert("g", ":first-child").selectAll("path").data(paths).join("path");
  marks.attr("fill", ([layer]) => color(layer));
  marks.attr("d", ([, own]) =>
    own
      .map((row) => `M${(x(row.timestep) - side / 2).toFixed(1)},${(y(line(row)) - height / 2).toFixed(1)}`)
      .map((start) => `${start}h${side.toFixed(1)}v${height.toFixed(1)}h${(-side).toFixed(1)}z`)
      .join(""),
  );
  return made;
}

function mapping(run) {
  const limits = (run.report.mapping.limits ?? []).filter((limit) => limit.of);
  const rows = limits.flatMap((limit) =>
    [
      ["least", limit.min],
      ["mean", limit.mean],
      ["fullest core", limit.max],
    ].map(([which, value]) => ({ limit: limit.limit, which, used: value, of: limit.of, share: value / limit.of })),
  );
  const color = (which) => ({ least: "#3f9b6c", mean: "#3b82c4", "fullest core": "#d0721f" })[which];
  if (!rows.length) return;
  figure("mapping", {
    title: "Use of each limit of a core",
    note: "As a share of the target's limit, over the cores in use.",
    rows: () => rows,
    legend: legendOf(["least", "mean", "fullest core"], color),
    columns: columnsOf([
      ["limit", "limit", "word"],
      ["which", "of", "word"],
      ["used", "used", "count"],
      ["of", "limit", "count"],
      ["share", "share", "share"],
    ]),
    draw: (cells, width) =>
      dots(cells, width, { name: "limit", value: "share", fill: "which", color, format: percent }),
  });
}

function constants(run) {
  const flat = (list) =>
    (list ?? []).map((constant) => ({ ...constant, low: constant.range?.low, high: constant.range?.high }));
  const columns = (charged) =>
    columnsOf([
      ["name", "constant", "word"],
      ["provenance", "provenance", "word"],
      ["value", "value", "count"],
      ["unit", "unit", "word"],
      ["low", "lowest", "count"],
      ["high", "highest", "count"],
      ...charged,
      ["source", "source", "word"],
      ["range_source", "source of the range", "word"],
    ]);
  const charged = [
    ["events", "events", "count"],
    ["energy_j", "energy", "J"],
  ];
  const [energies, times] = [flat(run.report.energy_constants), flat(run.report.time_constants)];
  place("constants").append(dataOf("Energy constants", columns(charged), () => energies, true));
  if (times.length) place("constants").append(dataOf("Time constants", columns([]), () => times, true));
}

function single(run) {
  if (run.report.totals.images !== undefined) images(run);
  else samples(run);
  chip(run);
  energy(run);
  time(run);
  activity(run);
  rates(run);
  raster(run);
  mapping(run);
  tornado(run);
  constants(run);
}
