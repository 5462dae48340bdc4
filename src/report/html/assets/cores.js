// What cores hold and did: a flat row a core, their passes, and the details of one.
"use strict";

/**
 * What cores can be coloured by. `by` names the column of cores.csv that has it pass by pass, `step` the figure of
 * CoreSteps that has it timestep by timestep; `part` is the kind of what a pass or timestep has, where that differs,
 * and `fixed` says that it is the same in all.
 */
const METRICS = {
  layer: { name: "Layer", kind: "word" },
  neurons: { name: "Neurons", kind: "count", fixed: true },
  memory: { name: "Synapse memory", kind: "count", unit: "bits", fixed: true },
  synaptic_operations: {
    name: "Synaptic operations",
    kind: "count",
    by: "synaptic_operations",
    step: "synaptic_operations",
  },
  spikes: { name: "Spikes", kind: "count", by: "spikes", step: "spikes" },
  energy_j: { name: "Energy", kind: "J", by: "energy_j" },
  busy: { name: "Busiest unit: how long busy", kind: "share", step: "busy_s", part: "s" },
};

/** The largest use of a limit whose name contains `word`. */
function used(core, word) {
  return core.used?.find((limit) => limit.limit.includes(word))?.used ?? null;
}

/** A flat row a core, out of the parts of the report that tell of it. */
function coreRows(report) {
  const busy = new Map((report.time.utilisation?.cores ?? []).map((core) => [core.core, core]));
  return report.cores
    .filter((core) => core.tile)
    .map((core) => {
      const share = busy.get(core.core);
      const units = share ? ["synapse", "neuron", "axon_in", "axon_out", "delivery"].map((unit) => share[unit]) : [];
      return {
        core: core.core,
        chip: core.chip,
        x: core.tile[0],
        y: core.tile[1],
        slot: core.slot,
        port: core.port ?? false,
        layer: core.layers[0] ?? "",
        layers: core.layers.join(", "),
        neurons: d3.sum(core.parts, (part) => part.neurons),
        memory: used(core, "synapse memory"),
        synaptic_operations: core.synaptic_operations,
        spikes: core.spikes,
        energy_j: core.energy_j,
        packets_sent: core.packets_sent,
        packets_received: core.packets_received,
        busy: units.length ? d3.max(units) : null,
        unit: share?.busiest ?? null,
        of: core,
      };
    });
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

/** What a core holds and did; `inPart` are names and texts of what it did in the pass or timestep that is shown. */
function contents(core, inPart, limitOf) {
  const row = (name, text) =>
    element("tr", {}, element("th", { scope: "row" }, name), element("td", { class: "figure" }, text));
  const rows = [
    row("chip, column, row", `${core.chip}, ${core.x}, ${core.y}`),
    row("neurons", count(core.neurons)),
    row("spikes", count(core.spikes)),
    row("synaptic operations", count(core.synaptic_operations)),
    row("packets sent", count(core.packets_sent)),
    row("packets received", count(core.packets_received)),
    row("energy", si(core.energy_j, "J")),
  ];
  if (core.busy !== null) rows.push(row(`busiest unit: ${core.unit}`, percent(core.busy)));
  for (const limit of core.of.used ?? [])
    rows.push(
      row(
        `uses: ${limit.limit}`,
        limitOf.has(limit.limit) ? `${count(limit.used)} of ${count(limitOf.get(limit.limit))}` : count(limit.used),
      ),
    );
  rows.push(...inPart.map(([name, text]) => row(name, text)));
  const range = ([first, end]) => (end - first === 1 ? String(first) : `${first}–${end - 1}`);
  const parts = core.of.parts
    .slice(0, 20)
    .map((part) =>
      element(
        "li",
        {},
        `${part.layer}: ${counted(part.neurons, "neuron")}, channels ${range(part.channels)}, `,
        `rows ${range(part.rows)}, columns ${range(part.columns)}`,
      ),
    );
  const more = core.of.parts.length > 20 ? [element("li", {}, `and ${core.of.parts.length - 20} more parts`)] : [];
  return [
    element("h3", {}, core.port ? "Input port" : `Core ${core.core}`),
    element("table", {}, element("tbody", {}, ...rows)),
    element("h3", {}, "Holds"),
    element("ul", {}, ...parts, ...more),
  ];
}
