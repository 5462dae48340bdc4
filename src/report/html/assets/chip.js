// The chip: the mesh of tiles with their cores, coloured by what a core holds or did, and the links between tiles.
"use strict";

/** What cores can be coloured by. `by` names the column of cores.csv that has it pass by pass. */
const METRICS = {
  layer: { name: "Layer", kind: "word" },
  neurons: { name: "Neurons", kind: "count" },
  memory: { name: "Synapse memory", kind: "count", unit: "bits" },
  synaptic_operations: { name: "Synaptic operations", kind: "count", by: "synaptic_operations" },
  spikes: { name: "Spikes", kind: "count", by: "spikes" },
  energy_j: { name: "Energy", kind: "J", by: "energy_j" },
  busy: { name: "Busiest unit: share of the time", kind: "share" },
};

/** The largest use of a limit whose name contains `word`. */
function used(core, word) { return core.used?.find((limit) => limit.limit.includes(word))?.used ?? null; }

/** A flat row a core, out of the parts of the report that tell of it. */
function coreRows(report) {
  const busy = new Map((report.time.utilisation?.cores ?? []).map((core) => [core.core, core]));
  return report.cores.filter((core) => core.tile).map((core) => {
    const share = busy.get(core.core);
    const units = share ? ["synapse", "neuron", "axon_in", "axon_out", "delivery"].map((unit) => share[unit]) : [];
    return {
      core: core.core, chip: core.chip, x: core.tile[0], y: core.tile[1], slot: core.slot, port: core.port ?? false,
      layer: core.layers[0] ?? "", layers: core.layers.join(", "),
      neurons: d3.sum(core.parts, (part) => part.neurons), memory: used(core, "synapse memory"),
      synaptic_operations: core.synaptic_operations, spikes: core.spikes, energy_j: core.energy_j,
      packets_sent: core.packets_sent, packets_received: core.packets_received,
      busy: units.length ? d3.max(units) : null, unit: share?.busiest ?? null, of: core,
    };
  });
}

/** The layers of a core as bands, as wide as their share of its neurons. */
function bandsOf(core) {
  const sums = d3.rollups(core.of.parts, (parts) => d3.sum(parts, (part) => part.neurons), (part) => part.layer);
  const all = d3.sum(sums, ([, neurons]) => neurons) || 1;
  const inner = core.side - 0.6;
  let done = 0;
  return sums.map(([layer, neurons]) => {
    const band = { layer, x: core.left + 0.3 + (inner * done) / all, y: core.top + 0.3, width: (inner * neurons) / all, height: inner };
    done += neurons;
    return band;
  });
}

/** Where cores lie in their tile of 40 x 40: a near-square grid with a gap for links. */
function layOut(cores, perTile) {
  const across = Math.ceil(Math.sqrt(perTile));
  const side = 32 / across;
  for (const core of cores) {
    core.left = core.x * 40 + 4 + (core.slot % across) * side;
    core.top = core.y * 40 + 4 + Math.floor(core.slot / across) * side;
    core.side = side;
  }
  return cores;
}

function chip(run) {
  const { report } = run;
  const mesh = report.mapping.mesh;
  const holder = place("chip");
  if (!mesh) {
    holder.append(element("p", { class: "notice" }, "This report does not say where cores sit: an older snnc wrote it."));
    return;
  }
  const cores = layOut(coreRows(report), mesh.cores_per_tile);
  const byCore = new Map(cores.map((core) => [core.core, core]));
  const links = report.time.utilisation?.links ?? [];
  const passes = passesOf(run);
  const state = { metric: "layer", pass: 0, links: links.length > 0, whole: false, at: null, kept: null };
  const limitOf = new Map((report.mapping.limits ?? []).filter((limit) => limit.of).map((limit) => [limit.limit, limit.of]));
  const layers = [...new Set(report.layers.map((layer) => layer.name))];
  const layerColor = categories(layers);

  const available = Object.entries(METRICS).filter(([key]) => key === "layer" || cores.some((core) => core[key] !== null));
  const pick = choice("Colour by", available.map(([key, metric]) => [key, metric.name]), (key) => { state.metric = key; paint(); });
  const step = report.totals.images !== undefined ? "iteration" : "pass";
  const passText = (value) => (value === 0 ? `all ${step}s` : `${step} ${value - 1}: ${passes.names[value - 1]}`);
  const controls = [pick];
  let walk = null;
  if (passes.names.length > 1) {
    walk = slider(step === "pass" ? "Pass" : "Iteration", passes.names.length, 0, passText, (value) => { state.pass = value; paint(); });
    controls.push(walk, player(walk, passes.names.length));
  }
  if (links.length) controls.push(checkbox("Links by load", true, (on) => { state.links = on; paint(); }));
  const crop = boundsOf(cores, links, mesh);
  const partial = (crop[2] - crop[0]) * (crop[3] - crop[1]) < 0.7 * mesh.columns * mesh.rows;
  if (partial) controls.push(checkbox("The whole board", false, (on) => { state.whole = on; paint(); }));

  const svg = d3.create("svg").attr("tabindex", 0).attr("role", "application")
    .attr("aria-label", "Chip. Arrow keys walk from core to core, Enter keeps the core's details, Escape lets them go.");
  const details = element("div", { class: "details", "aria-live": "polite", id: "core-details" });
  const key = element("div", { class: "controls", id: "chip-key" });
  const board = element("div", { class: "chip", id: "chip-view" }, svg.node(), details);
  holder.append(element("div", { class: "controls", id: "chip-controls" }, ...controls), key, board);

  drawBoard(svg, mesh);
  const lines = svg.append("g").selectAll("line").data(links).join("line").attr("class", "link");
  lines.each(function lay(link) { placeLink(this, link, mesh); });
  lines.append("title").text((link) => `${link.from} to ${link.to}: ${count(link.packets)} packets, ${percent(link.busy)} of the time`);
  const squares = svg.append("g").selectAll("rect").data(cores).join("rect")
    .attr("class", (core) => (core.port ? "core port" : "core")).attr("data-core", (core) => core.core)
    .attr("x", (core) => core.left).attr("y", (core) => core.top)
    .attr("width", (core) => core.side).attr("height", (core) => core.side)
    .on("pointerenter", (_, core) => show(core)).on("click", (_, core) => keep(core));
  const bands = svg.append("g").attr("class", "bands").selectAll("rect").data(cores.flatMap((core) => bandsOf(core))).join("rect")
    .attr("class", "band").attr("x", (band) => band.x).attr("y", (band) => band.y)
    .attr("width", (band) => band.width).attr("height", (band) => band.height).attr("fill", (band) => layerColor(band.layer));
  const ring = svg.append("g").selectAll("rect").data([0, 1]).join("rect").attr("fill", "none").attr("pointer-events", "none")
    .attr("class", (which) => `core ${which ? "kept" : "at"}`);
  svg.on("pointerleave", () => show(state.kept)).on("keydown", (event) => pressed(event));

  function value(core) {
    const by = METRICS[state.metric].by;
    if (!state.pass || !by) return core[state.metric];
    return passes.of(state.pass - 1, core.core)?.[by] ?? 0;
  }

  function paint() {
    const metric = METRICS[state.metric];
    const most = d3.max(cores, value) || 1;
    const ramp = (share) => d3.interpolateViridis(0.08 + 0.9 * share);
    squares.attr("fill", (core) => {
      if (state.metric === "layer") return "var(--tile)";
      const found = value(core);
      return found === null ? "var(--tile)" : ramp(found / most);
    });
    bands.attr("visibility", state.metric === "layer" ? "visible" : "hidden");
    const busiest = d3.max(links, (link) => link.packets) || 1;
    lines.attr("visibility", state.links ? "visible" : "hidden")
      .attr("stroke-width", (link) => 0.6 + 3 * (link.packets / busiest))
      .attr("opacity", (link) => 0.35 + 0.65 * (link.packets / busiest));
    const [x0, y0, x1, y1] = state.whole || !partial ? [0, 0, mesh.columns, mesh.rows] : crop;
    svg.attr("viewBox", [x0 * 40 - 4, y0 * 40 - 4, (x1 - x0) * 40 + 8, (y1 - y0) * 40 + 8].join(" "));
    key.replaceChildren(keyOf(metric, most, ramp), ...(links.length && state.links ? [`Busiest link: ${count(busiest)} packets`] : []));
    if (state.pass && !metric.by) key.append(element("span", {}, "(the same in every pass)"));
    show(state.at ?? state.kept);
  }

  function keyOf(metric, most, ramp) {
    if (state.metric === "layer") return legendOf(layers, layerColor)();
    const swatch = element("i");
    swatch.style.background = `linear-gradient(90deg, ${[0, 0.25, 0.5, 0.75, 1].map(ramp).join(",")})`;
    return element("span", { class: "ramp" }, "0", swatch, `${WRITE[metric.kind](most)} ${metric.unit ?? ""}`.trim());
  }

  function show(core) {
    state.at = core;
    ring.each(function surround(which) {
      const around = which ? state.kept : core;
      d3.select(this).attr("visibility", around ? "visible" : "hidden").attr("data-around", around?.core ?? null)
        .attr("x", around?.left ?? 0).attr("y", around?.top ?? 0).attr("width", around?.side ?? 0).attr("height", around?.side ?? 0);
    });
    details.replaceChildren(...(core ? contents(core, state.pass ? passes.of(state.pass - 1, core.core) : null, passText(state.pass), limitOf) : [
      element("h3", {}, "No core chosen"), element("p", {}, `${count(cores.filter((c) => !c.port).length)} cores are in use.`),
    ]));
  }

  function keep(core) {
    state.kept = state.kept === core ? null : core;
    show(core);
  }

  function pressed(event) {
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (ways[event.key]) show(nearest(cores, state.at ?? state.kept, ways[event.key]));
    else if (event.key === "Enter" || event.key === " ") { if (state.at) keep(state.at); }
    else if (event.key === "Escape") { state.kept = null; show(null); }
    else return;
    event.preventDefault();
  }

  const shownColumns = [
    ["core", "core", "count"], ["chip", "chip", "count"], ["x", "column", "count"], ["y", "row", "count"], ["layers", "layers", "word"],
    ["neurons", "neurons", "count"], ["memory", "synapse memory, bits", "count"], ["spikes", "spikes", "count"],
    ["synaptic_operations", "synaptic operations", "count"], ["packets_sent", "packets sent", "count"],
    ["packets_received", "packets received", "count"], ["energy_j", "energy", "J"], ["busy", "busiest unit", "share"],
  ].map(([column, name, kind]) => ({ key: column, name, kind }));
  const lists = element("div", { class: "lists" }, dataOf("Cores", shownColumns, () => cores, true));
  holder.append(lists);
  if (links.length) {
    const flat = links.map((link) => ({ ...link, from: link.from.join(", "), to: link.to.join(", ") }));
    const columns = [["from", "from column, row", "word"], ["to", "to column, row", "word"], ["kind", "kind", "word"],
      ["packets", "packets", "count"], ["busy", "busy", "share"]].map(([column, name, kind]) => ({ key: column, name, kind }));
    lists.append(dataOf("Links that packets crossed", columns, () => flat, true));
  }
  paint();
}

/** Passes of cores.csv: their names, and what a core did in one. */
function passesOf(run) {
  const rows = rowsOf(run.cores);
  const names = [];
  const found = new Map();
  for (const row of rows) {
    const pass = row.iteration ?? row.pass;
    names[pass] = row.network;
    found.set(`${pass} ${row.core}`, row);
  }
  return { names: Array.from(names, (name) => name ?? ""), of: (pass, core) => found.get(`${pass} ${core}`) ?? null };
}

/** Tiles, and a frame around each chip. */
function drawBoard(svg, mesh) {
  const across = mesh.columns / mesh.chip_columns;
  const defs = svg.append("defs").append("pattern").attr("id", "tiles").attr("width", 40).attr("height", 40)
    .attr("patternUnits", "userSpaceOnUse");
  defs.append("rect").attr("class", "tile").attr("x", 3).attr("y", 3).attr("width", 34).attr("height", 34).attr("rx", 2);
  for (let number = 0; number < mesh.chips; number += 1) {
    const [x, y] = [(number % across) * mesh.chip_columns, Math.floor(number / across) * mesh.chip_rows];
    const frame = () => svg.append("rect").attr("x", x * 40).attr("y", y * 40)
      .attr("width", mesh.chip_columns * 40).attr("height", mesh.chip_rows * 40).attr("rx", 3);
    frame().attr("class", "board");
    frame().attr("fill", "url(#tiles)");
  }
}

/** A link runs between the middles of its tiles, beside the link of the other direction. */
function placeLink(line, link, mesh) {
  const [[x0, y0], [x1, y1]] = [link.from, link.to];
  // A torus joins the ends of a row: such a link is drawn as a stub at both.
  const wraps = Math.abs(x1 - x0) > 1 && Math.abs(x1 - x0) === mesh.columns - 1 ? [Math.sign(x0 - x1), 0]
    : Math.abs(y1 - y0) > 1 && Math.abs(y1 - y0) === mesh.rows - 1 ? [0, Math.sign(y0 - y1)] : null;
  const [dx, dy] = wraps ?? [x1 - x0, y1 - y0];
  const [sx, sy] = [Math.sign(dx), Math.sign(dy)];
  const beside = 2.2;
  const [ax, ay] = [x0 * 40 + 20 + sx * 15 - sy * beside, y0 * 40 + 20 + sy * 15 + sx * beside];
  const length = wraps ? 5 : 40 * Math.max(Math.abs(dx), Math.abs(dy)) - 30;
  d3.select(line).attr("x1", ax).attr("y1", ay).attr("x2", ax + sx * length).attr("y2", ay + sy * length);
}

/** Tiles in use, with one around: first and last column and row. */
function boundsOf(cores, links, mesh) {
  const xs = [...cores.map((core) => core.x), ...links.flatMap((link) => [link.from[0], link.to[0]])];
  const ys = [...cores.map((core) => core.y), ...links.flatMap((link) => [link.from[1], link.to[1]])];
  const from = (values) => Math.max(0, (d3.min(values) ?? 0) - 1);
  const to = (values, most) => Math.min(most, (d3.max(values) ?? 0) + 2);
  return [from(xs), from(ys), to(xs, mesh.columns), to(ys, mesh.rows)];
}

/** The next core in a direction; the first one if none is chosen. */
function nearest(cores, from, [dx, dy]) {
  if (!from) return cores[0];
  const cost = (core) => {
    const [along, across] = [(core.left - from.left) * dx + (core.top - from.top) * dy, Math.abs((core.left - from.left) * dy) + Math.abs((core.top - from.top) * dx)];
    return along > 0.5 ? along + 4 * across : Infinity;
  };
  const best = d3.least(cores, cost);
  return best && cost(best) < Infinity ? best : from;
}

/** What a core holds and did. */
function contents(core, inPass, passText, limitOf) {
  const row = (name, text) => element("tr", {}, element("th", { scope: "row" }, name), element("td", { class: "figure" }, text));
  const rows = [
    row("chip, column, row", `${core.chip}, ${core.x}, ${core.y}`), row("neurons", count(core.neurons)), row("spikes", count(core.spikes)),
    row("synaptic operations", count(core.synaptic_operations)), row("packets sent", count(core.packets_sent)),
    row("packets received", count(core.packets_received)), row("energy", si(core.energy_j, "J")),
  ];
  if (core.busy !== null) rows.push(row(`busiest unit: ${core.unit}`, percent(core.busy)));
  for (const limit of core.of.used ?? []) rows.push(row(`uses: ${limit.limit}`, limitOf.has(limit.limit) ? `${count(limit.used)} of ${count(limitOf.get(limit.limit))}` : count(limit.used)));
  if (inPass) {
    rows.push(row(`${passText}: spikes`, count(inPass.spikes)), row(`${passText}: synaptic operations`, count(inPass.synaptic_operations)),
      row(`${passText}: energy`, si(inPass.energy_j, "J")));
  }
  const range = ([first, end]) => (end - first === 1 ? String(first) : `${first}–${end - 1}`);
  const parts = core.of.parts.slice(0, 20).map((part) => element("li", {},
    `${part.layer}: ${count(part.neurons)} neurons, channels ${range(part.channels)}, rows ${range(part.rows)}, columns ${range(part.columns)}`));
  const more = core.of.parts.length > 20 ? [element("li", {}, `and ${core.of.parts.length - 20} more parts`)] : [];
  return [element("h3", {}, core.port ? "Input port" : `Core ${core.core}`), element("table", {}, element("tbody", {}, ...rows)),
    element("h3", {}, "Holds"), element("ul", {}, ...parts, ...more)];
}
