// The chip: the mesh of tiles with their cores, coloured by what a core holds or did, in the whole run, a pass or a
// timestep of it, and the links between tiles.
"use strict";

const CORE_COLUMNS = columnsOf([
  ["core", "core", "count"],
  ["chip", "chip", "count"],
  ["x", "column", "count"],
  ["y", "row", "count"],
  ["layers", "layers", "word"],
  ["neurons", "neurons", "count"],
  ["memory", "synapse memory, bits", "count"],
  ["spikes", "spikes", "count"],
  ["synaptic_operations", "synaptic operations", "count"],
  ["packets_sent", "packets sent", "count"],
  ["packets_received", "packets received", "count"],
  ["energy_j", "energy", "J"],
  ["busy", "busiest unit", "share"],
]);

const LINK_COLUMNS = columnsOf([
  ["from", "from column, row", "word"],
  ["to", "to column, row", "word"],
  ["kind", "kind", "word"],
  ["packets", "packets", "count"],
  ["busy", "busy", "share"],
]);

/** The picture of a chip with its controls; `at` is the core pointed at, `kept` the one that was chosen. */
class ChipView {
  constructor(run, mesh) {
    const { report } = run;
    this.mesh = mesh;
    this.cores = layOut(coreRows(report), mesh.cores_per_tile);
    this.links = report.time.utilisation?.links ?? [];
    this.passes = passesOf(run);
    this.step = report.totals.images !== undefined ? "iteration" : "pass";
    this.items = report.totals.images !== undefined ? "images" : "samples";
    this.coreSteps = run.core_steps ? new CoreSteps(run.core_steps) : null;
    this.layers = [...new Set(report.layers.map((layer) => layer.name))];
    this.layerColor = categories(this.layers);
    const limits = (report.mapping.limits ?? []).filter((limit) => limit.of);
    this.limitOf = new Map(limits.map((limit) => [limit.limit, limit.of]));
    this.crop = boundsOf(this.cores, this.links, mesh);
    const [x0, y0, x1, y1] = this.crop;
    this.partial = (x1 - x0) * (y1 - y0) < 0.7 * mesh.columns * mesh.rows;
    // Pass and timestep from 1; 0 stands for all of them.
    const links = this.links.length > 0;
    this.state = { metric: "layer", pass: 0, timestep: 0, links, whole: false, at: null, kept: null };
  }

  /** Puts everything into the section of the chip. */
  mount(holder) {
    const svg = d3.create("svg").attr("tabindex", 0).attr("role", "application");
    const through = this.coreSteps ? " Page Up and Page Down walk through timesteps." : "";
    svg.attr("aria-label", `Chip. Arrow keys walk from core to core, Enter keeps a core, Escape lets it go.${through}`);
    this.svg = svg;
    this.details = element("div", { class: "details", "aria-live": "polite", id: "core-details" });
    this.key = element("div", { class: "controls", id: "chip-key" });
    const controls = element("div", { class: "controls", id: "chip-controls" }, ...this.controls());
    const board = element("div", { class: "chip", id: "chip-view" }, svg.node(), this.details);
    holder.append(controls, this.key, board, this.lists());
    drawBoard(svg, this.mesh);
    this.drawLinks();
    this.drawCores();
    svg.on("pointerleave", () => this.show(this.state.kept)).on("keydown", (event) => this.pressed(event));
    this.paint();
  }

  /** Changes what is shown. */
  set(change) {
    Object.assign(this.state, change);
    this.paint();
  }

  passText(value) {
    return value === 0 ? `all ${this.step}s` : `${this.step} ${value - 1}: ${this.passes.names[value - 1]}`;
  }

  /** The pass whose timesteps the slider walks through: the one that is shown, else the first. */
  passOfSteps() {
    return Math.max(0, this.state.pass - 1);
  }

  timestepText(value) {
    const all = this.coreSteps.timesteps(this.passOfSteps());
    if (all === 0) return "not recorded";
    return value === 0 ? `all ${count(all)}` : `timestep ${value - 1} of ${count(all)}`;
  }

  controls() {
    const known = ([key]) => key === "layer" || this.cores.some((core) => core[key] !== null);
    const metrics = Object.entries(METRICS).filter(known);
    const named = metrics.map(([key, metric]) => [key, metric.name]);
    const controls = [choice("Colour by", named, (metric) => this.set({ metric }))];
    const most = this.passes.names.length;
    if (most > 1) {
      const name = this.step === "pass" ? "Pass" : "Iteration";
      const walk = slider(
        name,
        most,
        0,
        (value) => this.passText(value),
        (pass) => this.setPass(pass),
      );
      controls.push(walk, player(walk, most));
      this.passWalk = walk;
    }
    if (this.coreSteps) controls.push(...this.timestepControls());
    if (this.links.length) controls.push(checkbox("Links by load", true, (links) => this.set({ links })));
    if (this.partial) controls.push(checkbox("The whole board", false, (whole) => this.set({ whole })));
    return controls;
  }

  /** The slider over the timesteps of a pass. */
  timestepControls() {
    const most = this.coreSteps.timesteps(0);
    const walk = slider(
      "Timestep",
      most,
      0,
      (value) => this.timestepText(value),
      (timestep) => this.setTimestep(timestep),
    );
    walk.id = "chip-timesteps";
    this.stepWalk = walk;
    const play = player(walk, () => this.coreSteps.timesteps(this.passOfSteps()), "Play timesteps");
    return [walk, play];
  }

  /** Shows a pass, or all; the timesteps are then those of that pass. */
  setPass(pass) {
    this.state.pass = pass;
    if (this.stepWalk) {
      const timestep = pass === 0 ? 0 : Math.min(this.state.timestep, this.coreSteps.timesteps(pass - 1));
      this.stepWalk.limit(this.coreSteps.timesteps(this.passOfSteps()), timestep);
      this.state.timestep = timestep;
    }
    this.paint();
  }

  /** Shows a timestep of the pass, or all. Of all passes the first one is taken, as a timestep is one of a pass. */
  setTimestep(timestep) {
    this.state.timestep = timestep;
    if (timestep > 0 && this.state.pass === 0 && this.passWalk) this.passWalk.set(1);
    else this.paint();
  }

  drawLinks() {
    const { mesh } = this;
    this.lines = this.svg.append("g").selectAll("line").data(this.links).join("line").attr("class", "link");
    this.lines.each(function lay(link) {
      placeLink(this, link, mesh);
    });
    const text = (link) => `${counted(link.packets, "packet")}, ${percent(link.busy)} of the time`;
    this.lines.append("title").text((link) => `${link.from} to ${link.to}: ${text(link)}`);
  }

  drawCores() {
    const boxes = (data, name) => {
      const made = this.svg.append("g").selectAll("rect").data(data).join("rect").attr("class", name);
      return made;
    };
    this.squares = boxes(this.cores, (core) => (core.port ? "core port" : "core"));
    surround(this.squares, (core) => core);
    this.squares.attr("data-core", (core) => core.core);
    this.squares.on("pointerenter", (_, core) => this.show(core)).on("click", (_, core) => this.keep(core));
    this.bands = boxes(this.cores.flatMap(bandsOf), "band");
    surround(this.bands, (band) => band);
    this.bands.attr("fill", (band) => this.layerColor(band.layer));
    this.rings = boxes(["at", "kept"], (which) => `core ${which}`)
      .attr("fill", "none")
      .attr("pointer-events", "none");
  }

  /** A core's value of the metric that is shown. */
  value(core) {
    const { metric, pass, timestep } = this.state;
    const { by, step } = METRICS[metric];
    if (timestep && step) return this.coreSteps.of(step, this.passOfSteps(), timestep - 1, core.core);
    if (pass && by) return this.passes.of(pass - 1, core.core)?.[by] ?? 0;
    if (pass && step && this.coreSteps) return this.coreSteps.inPass(step, pass - 1, core.core);
    return core[metric];
  }

  /** The value that has the brightest colour; that of a pass for all of its timesteps. */
  brightest() {
    const { metric, timestep } = this.state;
    const { step } = METRICS[metric];
    if (timestep && step) return this.coreSteps.most(step, this.passOfSteps());
    return d3.max(this.cores, (core) => this.value(core));
  }

  paint() {
    const { state, mesh } = this;
    const byLayer = state.metric === "layer";
    const most = byLayer ? 1 : this.brightest() || 1;
    this.squares.attr("fill", (core) => {
      const found = byLayer ? null : this.value(core);
      return found === null ? "var(--tile)" : ramp(found / most);
    });
    this.bands.attr("visibility", byLayer ? "visible" : "hidden");
    const busiest = d3.max(this.links, (link) => link.packets) || 1;
    this.lines.attr("visibility", state.links ? "visible" : "hidden");
    this.lines.attr("stroke-width", (link) => 0.6 + 3 * (link.packets / busiest));
    this.lines.attr("opacity", (link) => 0.35 + 0.65 * (link.packets / busiest));
    const [x0, y0, x1, y1] = state.whole || !this.partial ? [0, 0, mesh.columns, mesh.rows] : this.crop;
    this.svg.attr("viewBox", [x0 * 40 - 4, y0 * 40 - 4, (x1 - x0) * 40 + 8, (y1 - y0) * 40 + 8].join(" "));
    this.explain(most, busiest);
    this.show(state.at ?? state.kept);
  }

  /** What colours and lines mean. */
  explain(most, busiest) {
    const { metric, pass, timestep, links } = this.state;
    const { kind, unit = "", by, step, part = kind, fixed } = METRICS[metric];
    const ofPass = pass && (by || (step && this.coreSteps));
    const partial = (timestep && step) || ofPass;
    if (metric === "layer") {
      this.key.replaceChildren(legendOf(this.layers, this.layerColor)());
    } else {
      const swatch = element("i");
      swatch.style.background = `linear-gradient(90deg, ${[0, 0.25, 0.5, 0.75, 1].map(ramp).join(",")})`;
      this.key.replaceChildren(
        element("span", { class: "ramp" }, "0", swatch, `${WRITE[partial ? part : kind](most)} ${unit}`.trim()),
      );
    }
    if (this.links.length && links) this.key.append(`Busiest link of the whole run: ${counted(busiest, "packet")}`);
    const told = [];
    if (timestep && step) {
      const rounding = this.coreSteps.rounding(step);
      told.push(
        `sums over all ${this.items}; the colours of all timesteps of this ${this.step} compare`,
        rounding ? `figures of a timestep are rounded to multiples of ${rounding}` : "figures are exact",
      );
    } else if (fixed || metric === "layer") {
      if (pass || timestep) told.push(`the same in every ${timestep ? "timestep" : this.step}`);
    } else if (timestep) told.push(`not known by timestep: of the whole ${ofPass ? this.step : "run"}`);
    else if (pass && !partial) told.push("of the whole run");
    if (told.length) this.key.append(element("span", {}, `(${told.join("; ")})`));
  }

  /** Tells of a core, or of none. */
  show(core) {
    const { state } = this;
    state.at = core;
    this.rings.each(function follow(which) {
      const around = which === "kept" ? state.kept : core;
      const ring = d3.select(this).attr("data-around", around?.core ?? null);
      ring.attr("visibility", around ? "visible" : "hidden");
      if (around) surround(ring, () => around);
    });
    const cores = this.cores.filter((other) => !other.port).length;
    const none = () => [
      element("h3", {}, "No core chosen"),
      element("p", {}, cores === 1 ? "One core is in use." : `${count(cores)} cores are in use.`),
    ];
    const told = core ? contents(core, this.inPart(core), this.limitOf) : none();
    this.details.replaceChildren(...told);
  }

  /** What a core did in the pass, and in the timestep, that is shown. */
  inPart(core) {
    const { pass, timestep } = this.state;
    const text = this.passText(pass);
    const did = pass ? this.passes.of(pass - 1, core.core) : null;
    const rows = did
      ? [
          [`${text}: spikes`, count(did.spikes)],
          [`${text}: synaptic operations`, count(did.synaptic_operations)],
          [`${text}: energy`, si(did.energy_j, "J")],
        ]
      : [];
    if (timestep) {
      const of = (figure) => this.coreSteps.of(figure, this.passOfSteps(), timestep - 1, core.core);
      rows.push(
        [`timestep ${timestep - 1}: spikes`, count(of("spikes"))],
        [`timestep ${timestep - 1}: synaptic operations`, count(of("synaptic_operations"))],
        [`timestep ${timestep - 1}: busiest unit`, si(of("busy_s"), "s")],
      );
    }
    return rows;
  }

  keep(core) {
    this.state.kept = this.state.kept === core ? null : core;
    this.show(core);
  }

  pressed(event) {
    const { state } = this;
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (ways[event.key]) {
      this.show(nearest(this.cores, state.at ?? state.kept, ways[event.key]));
    } else if (event.key === "Enter" || event.key === " ") {
      if (state.at) this.keep(state.at);
    } else if (this.stepWalk && ["PageUp", "PageDown"].includes(event.key)) {
      const most = this.coreSteps.timesteps(this.passOfSteps());
      const next = this.state.timestep + (event.key === "PageDown" ? 1 : -1);
      this.stepWalk.set(Math.max(0, Math.min(most, next)));
    } else if (event.key === "Escape") {
      state.kept = null;
      this.show(null);
    } else {
      return;
    }
    event.preventDefault();
  }

  /** Cores and links as tables and CSV files. */
  lists() {
    const lists = element("div", { class: "lists" });
    lists.append(dataOf("Cores", CORE_COLUMNS, () => this.cores, true));
    const steps = () => this.coreSteps.rows(this.passOfSteps());
    if (this.coreSteps) lists.append(dataOf(`Cores by timestep of the ${this.step} shown`, STEP_COLUMNS, steps, true));
    const ends = (link) => ({ ...link, from: link.from.join(", "), to: link.to.join(", ") });
    const links = () => this.links.map(ends);
    if (this.links.length) lists.append(dataOf("Links that packets crossed", LINK_COLUMNS, links, true));
    return lists;
  }
}

/** Colour of a share of the largest value. */
function ramp(share) {
  return d3.interpolateViridis(0.08 + 0.9 * share);
}

/** Puts rectangles where boxes lie. */
function surround(rectangles, boxOf) {
  rectangles.attr("x", (datum) => boxOf(datum).left).attr("y", (datum) => boxOf(datum).top);
  rectangles.attr("width", (datum) => boxOf(datum).width).attr("height", (datum) => boxOf(datum).height);
}

function chip(run) {
  const { mesh } = run.report.mapping;
  const holder = place("chip");
  if (mesh) {
    new ChipView(run, mesh).mount(holder);
    return;
  }
  const old = "This report does not say where cores sit: an older snnc wrote it.";
  holder.append(element("p", { class: "notice" }, old));
}
