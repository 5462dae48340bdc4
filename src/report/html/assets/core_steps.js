// What each core did in each timestep of a pass, of all images or samples: 16 bits a figure.
"use strict";

/** What is recorded by timestep, by the names that METRICS has in `step`. */
const STEP_FIGURES = { spikes: "count", synaptic_operations: "count", busy_s: "s" };

const STEP_COLUMNS = columnsOf([
  ["pass", "pass", "count"],
  ["step", "timestep", "count"],
  ["core", "core", "count"],
  ["spikes", "spikes", "count"],
  ["synaptic_operations", "synaptic operations", "count"],
  ["busy_s", "busiest unit", "s"],
]);

/** The words of a figure. */
function wordsOf(packed) {
  const bytes = Uint8Array.from(atob(packed.data), (letter) => letter.charCodeAt(0));
  return Uint16Array.from({ length: bytes.length / 2 }, (_, i) => bytes[2 * i] | (bytes[2 * i + 1] << 8));
}

/** Figures of a run by pass, timestep and core. */
class CoreSteps {
  constructor(data) {
    this.data = data;
    this.words = Object.fromEntries(Object.keys(STEP_FIGURES).map((name) => [name, wordsOf(data[name])]));
    let first = 0;
    this.passes = new Map();
    for (const { pass, timesteps } of data.passes) {
      this.passes.set(pass, { first, timesteps });
      first += timesteps;
    }
  }

  /** Timesteps of a pass that are known. */
  timesteps(pass) {
    return this.passes.get(pass)?.timesteps ?? 0;
  }

  /** A figure of a core in a timestep of a pass. */
  of(name, pass, step, core) {
    const { first, timesteps } = this.passes.get(pass) ?? { first: 0, timesteps: 0 };
    if (step >= timesteps || core >= this.data.cores) return 0;
    return this.words[name][(first + step) * this.data.cores + core] * this.data[name].unit;
  }

  /** The same over all timesteps of a pass. */
  inPass(name, pass, core) {
    return d3.sum(d3.range(this.timesteps(pass)), (step) => this.of(name, pass, step, core));
  }

  /** The largest figure of a core in a timestep of a pass, so that colours compare between its timesteps. */
  most(name, pass) {
    const { first, timesteps } = this.passes.get(pass) ?? { first: 0, timesteps: 0 };
    const { cores } = this.data;
    return (d3.max(this.words[name].subarray(first * cores, (first + timesteps) * cores)) ?? 0) * this.data[name].unit;
  }

  /** To what figures are rounded, or nothing where they are exact. */
  rounding(name) {
    const { unit } = this.data[name];
    const exact = unit <= (STEP_FIGURES[name] === "s" ? 1e-12 : 1);
    return exact ? null : WRITE[STEP_FIGURES[name]](unit);
  }

  /** A row for each timestep of a pass and core that did something. */
  rows(pass) {
    const { cores } = this.data;
    const cells = d3.cross(d3.range(this.timesteps(pass)), d3.range(cores));
    const figures = (step, core) =>
      Object.fromEntries(Object.keys(STEP_FIGURES).map((name) => [name, this.of(name, pass, step, core)]));
    return cells
      .map(([step, core]) => ({ pass, step, core, ...figures(step, core) }))
      .filter((row) => row.spikes || row.synaptic_operations || row.busy_s);
  }
}
