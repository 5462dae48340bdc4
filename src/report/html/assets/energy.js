// Where the joules of a run went.
"use strict";

function energy(run) {
  const { report } = run;
  const rows = report.layers.flatMap((layer) =>
    COMPONENTS.map((component) => ({
      layer: layer.name,
      component,
      energy_j: layer.energy_by_component_j[component] ?? 0,
    })),
  );
  const state = { share: false };
  const shown = () => {
    if (!state.share) return rows;
    const sums = d3.rollup(
      rows,
      (own) => d3.sum(own, (row) => row.energy_j),
      (row) => row.layer,
    );
    return rows.map((row) => ({ ...row, share: row.energy_j / (sums.get(row.layer) || 1) }));
  };
  const energyColumns = [
    { key: "layer", name: "layer", kind: "word" },
    { key: "component", name: "component", kind: "word" },
    { key: "energy_j", name: "energy", kind: "J" },
  ];
  const byLayer = figure("energy", {
    title: "Energy by layer and component",
    columns: energyColumns,
    rows: shown,
    legend: legendOf(COMPONENTS, componentColor),
    controls: [
      choice(
        "Show",
        [
          ["joules", "Joules"],
          ["share", "Shares of a layer"],
        ],
        (value) => {
          state.share = value === "share";
          byLayer.redraw();
        },
      ),
    ],
    draw: (cells, width) =>
      bars(cells, width, {
        name: "layer",
        value: state.share ? "share" : "energy_j",
        fill: "component",
        unit: state.share ? "share" : "J",
        order: COMPONENTS,
        color: componentColor,
        tip: (row) =>
          `${row.layer}\n${row.component}: ${si(row.energy_j, "J")}${state.share ? `, ${percent(row.share)}` : ""}`,
      }),
  });
  flow(report);
  const parts = COMPONENTS.map((component) => ({
    component,
    energy_j: report.energy_j[component],
    share: report.energy_j[component] / (report.totals.energy_j || 1),
  }));
  figure("energy", {
    title: "Energy by component",
    half: true,
    rows: () => parts,
    columns: [
      { key: "component", name: "component", kind: "word" },
      { key: "energy_j", name: "energy", kind: "J" },
      { key: "share", name: "share", kind: "share" },
    ],
    draw: (cells, width) =>
      bars(cells, width, {
        name: "component",
        value: "energy_j",
        fill: "component",
        unit: "J",
        color: componentColor,
        tip: (row) => `${row.component}: ${si(row.energy_j, "J")} (${percent(row.share)})`,
      }),
  });
  const largest = report.energy_constants
    .filter((constant) => constant.energy_j > 0)
    .sort((a, b) => b.energy_j - a.energy_j)
    .slice(0, 12);
  figure("energy", {
    title: "Energy by constant",
    half: true,
    note: "The constants that came to most; the bar of each is what was charged with it.",
    rows: () => largest,
    columns: [
      { key: "name", name: "constant", kind: "word" },
      { key: "provenance", name: "provenance", kind: "word" },
      { key: "events", name: "events", kind: "count" },
      { key: "energy_j", name: "energy", kind: "J" },
    ],
    draw: (cells, width) =>
      bars(cells, width, {
        name: "name",
        value: "energy_j",
        unit: "J",
        tip: (row) =>
          `${row.name} (${row.provenance})\n${count(row.events)} x ${si(row.value, row.unit)} = ${si(row.energy_j, "J")}`,
      }),
  });
  byPass(report);
}

/** Energy and spikes of each pass of an image or sample. */
function byPass(report) {
  const passes = report.iterations ?? report.passes ?? [];
  if (passes.length < 2) return;
  const name = report.iterations ? "iteration" : "pass";
  const rows = passes.flatMap((pass, index) =>
    COMPONENTS.map((component) => ({
      pass: index,
      network: pass.network,
      component,
      energy_j: pass.energy_by_component_j[component] ?? 0,
      spikes: pass.spikes,
    })),
  );
  figure("energy", {
    title: `Energy by ${name}`,
    note: "Summed over the images or samples.",
    rows: () => rows,
    legend: legendOf(COMPONENTS, componentColor),
    columns: [
      { key: "pass", name, kind: "count" },
      { key: "network", name: "network", kind: "word" },
      { key: "component", name: "component", kind: "word" },
      { key: "energy_j", name: "energy", kind: "J" },
    ],
    draw: (cells, width) =>
      chart({
        width,
        height: 270,
        marginLeft: 64,
        marginBottom: 46,
        x: {
          labelOffset: 40,
          label: name,
          tickFormat: count,
          ticks: d3
            .ticks(0, passes.length - 1, Math.min(passes.length, Math.floor(width / 50)))
            .filter(Number.isInteger),
        },
        y: { grid: true, label: null, tickFormat: (y) => tick(y, "J") },
        marks: [
          Plot.rectY(cells, {
            x1: (row) => row.pass - 0.45,
            x2: (row) => row.pass + 0.45,
            y: "energy_j",
            z: "component",
            order: COMPONENTS,
            fill: (row) => componentColor(row.component),
            title: (row) => `${name} ${row.pass} (${row.network})\n${row.component}: ${si(row.energy_j, "J")}`,
            tip: { fill: "var(--raised)" },
          }),
          Plot.ruleY([0], { stroke: "var(--soft)" }),
        ],
      }),
  });
}
