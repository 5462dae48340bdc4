// How many neurons of each layer fire in each timestep of an image or sample: a row a layer, a column a timestep.
"use strict";

/** Colours of a heat map; a path each, as thousands of elements would be slow. */
const RATE_LEVELS = 32;

class RatesView {
  constructor(run, all, layers) {
    this.item = run.report.totals.images !== undefined ? "image" : "sample";
    this.pass = this.item === "image" ? "iteration" : "pass";
    this.all = all;
    this.layers = layers;
    this.state = { item: all[0][this.item], pass: "all", own: false };
  }

  mount() {
    const { item, pass, all } = this;
    const items = [...new Set(all.map((row) => row[item]))];
    const network = new Map(all.map((row) => [row[pass], row.network]));
    this.key = element("span", { class: "ramp" });
    const controls = [
      items.length > 1 &&
        choice(
          "Rates of",
          items.map((value) => [value, `${item} ${value}`]),
          (value) => this.set({ item: Number(value) }),
        ),
      network.size > 1 &&
        choice(
          "in",
          [["all", `all ${pass}s`], ...[...network].map(([value, name]) => [value, `${pass} ${value}: ${name}`])],
          (value) => this.set({ pass: value }),
        ),
      this.layers.length > 1 && checkbox("Each layer against its own maximum", false, (own) => this.set({ own })),
      this.key,
    ].filter(Boolean);
    this.figure = figure("activity", {
      title: "Rates by layer and timestep",
      note: "Share of a layer's neurons that fire in a timestep; of spikes from outside, of the input's elements.",
      controls,
      rows: () => this.rows(),
      columns: columnsOf([
        [item, item, "count"],
        [pass, pass, "count"],
        ["network", "network", "word"],
        ["timestep", "timestep", "count"],
        ["layer", "layer", "word"],
        ["spikes", "spikes", "count"],
        ["rate", "rate", "share"],
      ]),
      draw: (rows, width) => this.draw(rows, width),
    });
    this.figure.id = "rates";
  }

  set(change) {
    Object.assign(this.state, change);
    this.figure.redraw();
  }

  /** A row for each layer and timestep that are shown; `number` counts the timesteps. */
  rows() {
    const { item, pass, state } = this;
    const chosen = this.all.filter(
      (row) => row[item] === state.item && (state.pass === "all" || row[pass] === Number(state.pass)),
    );
    return chosen.flatMap((row, number) =>
      this.layers
        .map((layer) => ({ layer, spikes: row[`spikes.${layer.name}`] }))
        .filter(({ spikes }) => spikes !== null && spikes !== undefined)
        .map(({ layer, spikes }) => ({
          [item]: row[item],
          [pass]: row[pass],
          network: row.network,
          timestep: row.timestep,
          layer: layer.name,
          spikes,
          rate: spikes / layer.neurons,
          number,
        })),
    );
  }

  draw(rows, width) {
    const { pass, state } = this;
    const names = this.layers.map((layer) => layer.name).filter((name) => rows.some((row) => row.layer === name));
    const columns = (d3.max(rows, (row) => row.number) ?? 0) + 1;
    const marginLeft = marginFor(names, width);
    const most = d3.max(rows, (row) => row.rate) || 1;
    const own = d3.rollup(
      rows,
      (cells) => d3.max(cells, (row) => row.rate) || 1,
      (row) => row.layer,
    );
    this.tellKey(most);
    const made = chart({
      width,
      height: names.length * 24 + 70,
      marginLeft,
      marginBottom: 46,
      x: {
        label: "timestep",
        labelOffset: 40,
        labelArrow: "none",
        domain: [-0.5, columns - 0.5],
        tickFormat: count,
        ticks: d3.ticks(0, columns - 1, Math.min(columns, Math.floor(width / 80))).filter(Number.isInteger),
      },
      y: {
        type: "band",
        label: null,
        domain: names,
        tickSize: 0,
        padding: 0.12,
        tickFormat: (text) => shorten(text, marginLeft),
      },
      marks: [
        Plot.tip(
          rows,
          Plot.pointer({
            x: "number",
            y: "layer",
            title: (row) =>
              `${row.layer}: ${percent(row.rate)}, ${counted(row.spikes, "spike")}\n` +
              `${pass} ${row[pass]} (${row.network}), timestep ${row.timestep}`,
            fill: "var(--raised)",
          }),
        ),
      ],
    });
    const [x, y] = ["x", "y"].map((axis) => made.scale(axis));
    const side = x.apply(1) - x.apply(0);
    const level = (row) => Math.round(((RATE_LEVELS - 1) * row.rate) / (state.own ? own.get(row.layer) : most));
    const cell = (row) =>
      `M${(x.apply(row.number) - side / 2).toFixed(2)},${y.apply(row.layer).toFixed(1)}` +
      `h${side.toFixed(2)}v${y.bandwidth.toFixed(1)}h${(-side).toFixed(2)}z`;
    const paths = d3.select(made).insert("g", ":first-child").selectAll("path").data(d3.groups(rows, level)).join("path");
    // Without blurred edges, as columns may be narrower than a pixel.
    paths.attr("shape-rendering", "crispEdges");
    paths.attr("fill", ([at]) => ramp(at / (RATE_LEVELS - 1))).attr("d", ([, cells]) => cells.map(cell).join(""));
    return made;
  }

  /** What colours mean. */
  tellKey(most) {
    const swatch = element("i");
    swatch.style.background = `linear-gradient(90deg, ${[0, 0.25, 0.5, 0.75, 1].map(ramp).join(",")})`;
    this.key.replaceChildren("0 %", swatch, this.state.own ? "a layer's maximum" : percent(most));
  }
}

function rates(run) {
  const all = rowsOf(run.timesteps);
  const layers = run.report.layers.filter((layer) => run.timesteps?.columns[`spikes.${layer.name}`]);
  if (all.length && layers.length) new RatesView(run, all, layers).mount();
}
