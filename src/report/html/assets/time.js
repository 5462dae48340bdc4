// What timesteps waited for, how busy units were, and timesteps one by one.
"use strict";

const BOUND_COLORS = {
  synapse: "#3b82c4",
  neuron: "#d0721f",
  axon_in: "#3f9b6c",
  axon_out: "#2a9aa5",
  link: "#b0569e",
  delivery: "#a38c14",
  barrier: "#7d8590",
};
function boundColor(name) {
  return BOUND_COLORS[name] ?? "#c2534f";
}

function time(run) {
  const { report } = run;
  if (report.totals.time_s === null || report.totals.time_s === undefined) {
    place("time").append(element("p", { class: "notice" }, "Time was not modelled: the run had --timing none."));
    return;
  }
  const parts = [
    { part: "timesteps", time_s: report.totals.time_s - report.time.host_s - report.time.barrier_s },
    { part: "barriers", time_s: report.time.barrier_s },
    { part: "host transfers", time_s: report.time.host_s },
  ];
  figure("time", {
    title: "Where the time went",
    half: true,
    rows: () => parts,
    columns: [
      { key: "part", name: "part", kind: "word" },
      { key: "time_s", name: "time", kind: "s" },
    ],
    draw: (cells, width) =>
      bars(cells, width, {
        name: "part",
        value: "time_s",
        unit: "s",
        tip: (row) => `${row.part}: ${si(row.time_s, "s")}`,
      }),
  });
  const bounds = report.time.bounds.filter((bound) => bound.timesteps > 0);
  figure("time", {
    title: "What timesteps waited for",
    half: true,
    rows: () => bounds,
    columns: [
      { key: "bound", name: "waited for", kind: "word" },
      { key: "timesteps", name: "timesteps", kind: "count" },
    ],
    draw: (cells, width) =>
      bars(cells, width, {
        name: "bound",
        value: "timesteps",
        fill: "bound",
        unit: "",
        color: boundColor,
        tip: (row) => `${row.bound}: ${counted(row.timesteps, "timestep")}`,
      }),
  });
  layerTimes(run);
  const units = report.time.utilisation?.units ?? [];
  const ends = units.flatMap((unit) => [
    { unit: unit.unit, which: "mean", share: unit.mean, cores: unit.cores },
    { unit: unit.unit, which: "busiest core", share: unit.most, cores: unit.cores },
  ]);
  const endColor = (which) => (which === "mean" ? "#3b82c4" : "#d0721f");
  figure("time", {
    title: "How busy units were",
    half: true,
    note: "Share of the time of all timesteps: mean over the cores whose unit did something, and the busiest core.",
    rows: () => ends,
    legend: legendOf(["mean", "busiest core"], endColor),
    columns: [
      { key: "unit", name: "unit", kind: "word" },
      { key: "which", name: "of", kind: "word" },
      { key: "share", name: "share", kind: "share" },
    ],
    draw: (cells, width) =>
      dots(cells, width, { name: "unit", value: "share", fill: "which", color: endColor, format: percent }),
  });
  latencies(report);
  durations(run);
  timesteps(run);
}

/** How many timesteps, or images or samples, took how long. */
function durations(run) {
  const item = run.report.totals.images !== undefined ? "image" : "sample";
  const own = (run.report.per_image ?? run.report.per_sample ?? []).map((found) => found.time_s);
  const sets = [
    ["timesteps", "timesteps", rowsOf(run.timesteps).map((row) => row.time_s)],
    ["items", `${item}s`, own.length > 1 ? own : []],
  ].filter(([, , times]) => times.length);
  if (!sets.length) return;
  const state = { of: sets[0][0] };
  const binned = () => {
    const [, name, times] = sets.find(([key]) => key === state.of);
    const [low, high] = d3.extent(times);
    const bins = d3
      .bin()
      .domain([low, high])
      .thresholds(Math.min(40, Math.ceil(Math.sqrt(times.length))))(times);
    return bins.map((bin) => ({ from_s: bin.x0, to_s: bin.x1, many: bin.length, name }));
  };
  const label = (row) => `${si(row.from_s, "s")} to ${si(row.to_s, "s")}: ${count(row.many)} ${row.name}`;
  const made = figure("time", {
    title: `How long timesteps${sets.length > 1 ? ` and ${item}s` : ""} took`,
    half: true,
    note: "Times in classes of equal width.",
    controls: [
      choice(
        "Of",
        sets.map(([key, name]) => [key, name]),
        (of) => {
          state.of = of;
          made.redraw();
        },
      ),
    ].filter(() => sets.length > 1),
    rows: binned,
    columns: columnsOf([
      ["name", "of", "word"],
      ["from_s", "from", "s"],
      ["to_s", "to", "s"],
      ["many", "how many", "count"],
    ]),
    draw: (cells, width) =>
      chart({
        width,
        height: 250,
        marginLeft: 64,
        marginBottom: 46,
        marginRight: 24,
        x: {
          label: "time",
          labelOffset: 40,
          labelArrow: "none",
          tickFormat: (x) => tick(x, "s"),
          ticks: Math.max(2, Math.floor(width / 110)),
        },
        y: { grid: true, label: null, tickFormat: (y) => tick(y, "") },
        marks: [
          Plot.rectY(cells, {
            x1: "from_s",
            x2: (row) => (row.to_s > row.from_s ? row.to_s : row.from_s * 1.001 + 1e-15),
            y: "many",
            fill: "var(--accent)",
            inset: 0.5,
            title: label,
            tip: { fill: "var(--raised)" },
          }),
          Plot.ruleY([0], { stroke: "var(--soft)" }),
        ],
      }),
  });
}

/** Dots on a line: several figures of one name. */
function dots(rows, width, { name, value, fill, color, format }) {
  const names = [...new Set(rows.map((row) => row[name]))];
  const marginLeft = marginFor(names, width);
  return chart({
    width,
    height: names.length * 26 + 50,
    marginLeft,
    marginRight: 32,
    x: {
      grid: true,
      label: null,
      zero: true,
      tickFormat: format,
      ticks: Math.max(2, Math.floor((width - marginLeft) / 90)),
    },
    y: { label: null, domain: names, tickSize: 0, tickFormat: (text) => shorten(text, marginLeft) },
    marks: [
      Plot.ruleX([0], { stroke: "var(--soft)" }),
      Plot.ruleY(
        d3.rollups(
          rows,
          (own) => d3.extent(own, (row) => row[value]),
          (row) => row[name],
        ),
        { y: (own) => own[0], x1: (own) => own[1][0], x2: (own) => own[1][1], stroke: "var(--soft)" },
      ),
      Plot.dot(rows, {
        x: value,
        y: name,
        fill: (row) => color(row[fill]),
        r: 5,
        title: (row) => `${row[name]}, ${row[fill]}: ${format(row[value])}`,
        tip: { fill: "var(--raised)" },
      }),
    ],
  });
}

function latencies(report) {
  const simulated = report.time.simulated;
  if (!simulated || !simulated.latency_histogram.length) return;
  const rows = simulated.latency_histogram;
  const [mean, empty, longest] = [simulated.latency_mean_s, simulated.zero_load_mean_s, simulated.latency_max_s];
  const told = `mean ${si(mean, "s")}, in an empty network ${si(empty, "s")}, longest ${si(longest, "s")}`;
  figure("time", {
    title: "Latency of simulated packets",
    half: true,
    note: `${counted(simulated.packets, "packet")}: ${told}.`,
    rows: () => rows,
    columns: [
      { key: "below_s", name: "shorter than", kind: "s" },
      { key: "packets", name: "packets", kind: "count" },
    ],
    draw: (cells, width) =>
      chart({
        width,
        height: 250,
        marginLeft: 64,
        marginBottom: 64,
        x: {
          label: "shorter than",
          labelAnchor: "right",
          type: "band",
          tickFormat: (x) => si(x, "s").replace(/\.\d+/, ""),
          tickRotate: -50,
        },
        y: { grid: true, label: null, tickFormat: (y) => tick(y, "") },
        marks: [
          Plot.barY(cells, {
            x: "below_s",
            y: "packets",
            fill: "var(--accent)",
            title: (row) => `shorter than ${si(row.below_s, "s")}: ${counted(row.packets, "packet")}`,
            tip: { fill: "var(--raised)" },
          }),
          Plot.ruleY([0], { stroke: "var(--soft)" }),
        ],
      }),
  });
}

/** Most timesteps that are drawn as bars; more are a line without colours. */
const BARS_MAX = 3000;

/** Timesteps of one image or sample, one by one. */
function timesteps(run) {
  const all = rowsOf(run.timesteps);
  if (!all.length) return;
  const item = run.report.totals.images !== undefined ? "image" : "sample";
  const pass = item === "image" ? "iteration" : "pass";
  const items = [...new Set(all.map((row) => row[item]))];
  const state = { item: items[0], pass: "all" };
  const rows = () =>
    all
      .filter((row) => row[item] === state.item && (state.pass === "all" || row[pass] === Number(state.pass)))
      .map((row, index) => ({ ...row, number: index }));
  const passes = [...new Set(all.map((row) => row[pass]))];
  const network = new Map(all.map((row) => [row[pass], row.network]));
  const controls = () =>
    [
      items.length > 1
        ? choice(
            `Of ${item}`,
            items.map((value) => [value, `${item} ${value}`]),
            (value) => {
              state.item = Number(value);
              redraw();
            },
          )
        : null,
      passes.length > 1
        ? choice(
            "",
            [["all", `all ${pass}s`], ...passes.map((value) => [value, `${pass} ${value}: ${network.get(value)}`])],
            (value) => {
              state.pass = value;
              redraw();
            },
          )
        : null,
    ].filter(Boolean);
  const columns = columnsOf([
    [item, item, "count"],
    [pass, pass, "count"],
    ["network", "network", "word"],
    ["timestep", "timestep", "count"],
    ["time_s", "time", "s"],
    ["bound", "waited for", "word"],
    ["packets", "packets", "count"],
    ["spikes", "spikes", "count"],
    ["power_w", "power", "W"],
  ]);
  const present = [...new Set(all.map((row) => row.bound))];
  const where = (row) => `${pass} ${row[pass]} (${row.network}), timestep ${row.timestep}`;
  const drawn = [];
  const redraw = () => drawn.forEach((made) => made.redraw());
  const over = (key, unit, color, text) => (cells, width) => {
    // Thin bars touch, and are drawn a pixel wider: parts of pixels would be faint.
    const thin = cells.length * 4 > width;
    return chart({
      width,
      height: 270,
      marginLeft: 64,
      marginBottom: 46,
      x: {
        labelOffset: 40,
        label: "timestep",
        tickFormat: count,
        ticks: d3
          .ticks(0, Math.max(1, cells.length - 1), Math.min(cells.length, Math.floor(width / 70)))
          .filter(Number.isInteger),
      },
      y: { grid: true, label: null, tickFormat: (y) => tick(y, unit) },
      marks:
        cells.length > BARS_MAX
          ? [
              Plot.lineY(cells, {
                x: "number",
                y: key,
                stroke: "var(--accent)",
                curve: "step",
                title: text,
                tip: { fill: "var(--raised)" },
              }),
            ]
          : [
              Plot.rectY(cells, {
                x1: (row) => row.number - 0.5,
                x2: (row) => row.number + 0.5,
                y: key,
                fill: color,
                insetLeft: thin ? 0 : 0.5,
                stroke: thin ? color : null,
                strokeWidth: 1,
                shapeRendering: thin ? "crispEdges" : null,
                title: text,
                tip: { fill: "var(--raised)", stroke: "var(--line)" },
              }),
              Plot.ruleY([0], { stroke: "var(--soft)" }),
            ],
    });
  };
  drawn.push(
    figure("time", {
      title: "Timesteps one by one",
      note: "How long each timestep took, coloured by what it waited for.",
      controls: controls(),
      columns,
      rows,
      legend: legendOf(present, boundColor),
      draw: over(
        "time_s",
        "s",
        (row) => boundColor(row.bound),
        (row) => `${where(row)}\n${si(row.time_s, "s")}, waited for ${row.bound}\n${counted(row.packets, "packet")}`,
      ),
    }),
  );
  if (all.some((row) => row.power_w !== undefined && row.power_w !== null)) {
    drawn.push(
      figure("energy", {
        title: "Power by timestep",
        note:
          "Joules of what happened in a timestep and of the static power meanwhile, over its time; without transfers " +
          "of the host. Synaptic operations count where neurons integrate them, a timestep after their packets took " +
          `the time, so a pass ends in a peak. The ${item} and ${pass} are those chosen below, under Time.`,
        columns,
        rows,
        draw: over(
          "power_w",
          "W",
          () => "#d0721f",
          (row) => `${where(row)}\n${si(row.power_w, "W")} for ${si(row.time_s, "s")}`,
        ),
      }),
    );
  }
  if (all[0].spikes !== undefined) {
    drawn.push(
      figure("activity", {
        title: "Spikes by timestep",
        note: `The ${item} and ${pass} are those chosen above, under Time.`,
        columns,
        rows,
        draw: over(
          "spikes",
          "",
          () => "#3b82c4",
          (row) => `${where(row)}\n${counted(row.spikes, "spike")}, ${counted(row.packets, "packet")}`,
        ),
      }),
    );
  }
}
