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
          `${row.layer}: ${percent(row.rate)}\n${count(row.spikes)} spikes of ${count(row.neurons)} neurons`,
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
        tip: (row) => `${row.layer}: ${count(row.synaptic_operations)} operations`,
      }),
  });
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
  const rows = run.report.energy_constants.map((constant) => ({
    ...constant,
    low: constant.range?.low,
    high: constant.range?.high,
  }));
  const columns = columnsOf([
    ["name", "constant", "word"],
    ["provenance", "provenance", "word"],
    ["value", "value, J or W", "count"],
    ["unit", "unit", "word"],
    ["low", "lowest", "count"],
    ["high", "highest", "count"],
    ["events", "events", "count"],
    ["energy_j", "energy", "J"],
    ["source", "source", "word"],
    ["range_source", "source of the range", "word"],
  ]);
  place("constants").append(dataOf("Energy constants", columns, () => rows, true));
}

function single(run) {
  if (run.report.totals.images !== undefined) images(run);
  else samples(run);
  chip(run);
  energy(run);
  time(run);
  activity(run);
  mapping(run);
  constants(run);
}
