//! The timeline: JSON of the trace-event format, as Chrome's `about:tracing` and Perfetto read it.
//!
//! A process a core with a track for each of its units, a process `network` with a track for each link, a process
//! `chip` with the timesteps. Recorded timesteps stand one after another, each with its barrier; microseconds of
//! simulated time. A unit's slice is what it was busy with; a neuron unit's slices are the updates of a layer, and
//! within them the times at which a full queue stopped it.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use serde::Serialize;
use snnc_simulator::time::cycle::{LinkWork, StepPlace, StepRecord, Unit, UnitWork};
use snnc_targets::topology::Direction;
use snnc_targets::{Code, Diagnostic, Link, Subject, output::Unfinished};

use super::Names;

/// Most events of a file; about 450 MB.
const MOST: u64 = 4_000_000;

/// Processes: the chip, its network, then the cores.
const CHIP: u32 = 0;
const NETWORK: u32 = 1;
const CORES: u32 = 2;

/// A complete event, or the name of a process or track.
#[derive(Serialize)]
struct Event<'a> {
    name: &'a str,
    ph: &'a str,
    pid: u32,
    tid: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    ts: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dur: Option<f64>,
    args: serde_json::Value,
}

/// Where a packet went: a core, or several on a tree.
#[derive(Debug, Clone, Copy, Default)]
struct FlowTarget {
    core: u32,
    cores: u32,
}

impl FlowTarget {
    fn add(&mut self, core: u32) {
        (self.core, self.cores) = (core, self.cores + 1);
    }
}

impl std::fmt::Display for FlowTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.cores > 1 { write!(f, "{} cores", self.cores) } else { write!(f, "core {}", self.core) }
    }
}

/// The file in the making.
#[derive(Debug)]
pub struct EventFile {
    file: Unfinished,
    /// Events written, and events that those asked for so far can come to.
    written: u64,
    planned: u64,
    /// Where the next timestep begins, ps.
    begin_ps: u64,
    /// Tracks that have a name.
    named: BTreeSet<(u32, u32)>,
}

impl EventFile {
    /// Begins `path`.
    ///
    /// # Errors
    /// [`Code::OutputFailed`].
    pub fn create(path: &Path) -> Result<Self, Diagnostic> {
        let file = Unfinished::create(path)?;
        let mut events = Self { file, written: 0, planned: 0, begin_ps: 0, named: BTreeSet::new() };
        events.raw(b"{\"displayTimeUnit\":\"ns\",\"traceEvents\":[")?;
        events.name("process_name", (CHIP, 0), "chip")?;
        events.name("thread_name", (CHIP, 0), "timesteps")?;
        events.name("process_name", (NETWORK, 0), "network")?;
        Ok(events)
    }

    /// Counts a timestep with so many packets and crossings of links that is going to be added.
    ///
    /// # Errors
    /// [`Code::Argument`] if the file would hold too many events.
    pub fn plan(&mut self, at: StepPlace, packets: u64, crossings: u64) -> Result<(), Diagnostic> {
        // Each packet is made, decoded and integrated, and its maker may have been stopped before it.
        self.planned += 4 * packets + crossings;
        if self.planned <= MOST {
            return Ok(());
        }
        let message = format!(
            "the trace would hold {} events by image {}, pass {}, timestep {}; at most {MOST} are written",
            self.planned, at.image, at.iteration, at.step
        );
        Err(Diagnostic::new(Code::Argument, Subject::argument("--trace-events"), message).hint(
            "choose less, for example `--trace-images 0 --trace-passes 10 --trace-timesteps 3..5`; `--trace FILE` \
             has no such limit",
        ))
    }

    /// Adds a timestep.
    ///
    /// # Errors
    /// [`Code::OutputFailed`].
    pub fn add(&mut self, names: &Names, at: StepPlace, step: &StepRecord) -> Result<(), Diagnostic> {
        let name = format!("image {} pass {} timestep {}", at.image, at.iteration, at.step);
        let network = &names.program.model.networks[at.network].name;
        let args = serde_json::json!({ "network": network, "packets": step.made.len() });
        self.slice(&name, (CHIP, 0), 0, step.time_ps, args)?;
        self.slice(
            "barrier",
            (CHIP, 0),
            step.time_ps,
            step.time_ps + step.barrier_ps,
            serde_json::json!({}),
        )?;
        let mut targets = vec![FlowTarget::default(); step.made.len()];
        step.arrived.iter().for_each(|packet| targets[packet.number as usize].add(packet.core));
        step.work.iter().try_for_each(|work| self.work(names, step, &targets, work))?;
        step.crossed.iter().try_for_each(|crossed| self.crossing(names, step, &targets, crossed))?;
        self.begin_ps += step.time_ps + step.barrier_ps;
        Ok(())
    }

    /// Ends the file and names it; its events.
    ///
    /// # Errors
    /// [`Code::OutputFailed`].
    pub fn finish(mut self) -> Result<u64, Diagnostic> {
        self.raw(b"\n]}\n")?;
        self.file.finish()?;
        Ok(self.written)
    }

    fn work(
        &mut self,
        names: &Names,
        step: &StepRecord,
        targets: &[FlowTarget],
        work: &UnitWork,
    ) -> Result<(), Diagnostic> {
        let track = (CORES + work.core, work.unit as u32);
        if self.named.insert(track) {
            let core = format!("core {}", work.core);
            self.name("process_name", track, &core)?;
            self.name("thread_name", track, work.unit.name())?;
        }
        let (from, until) = (work.from * step.clock_ps, work.until * step.clock_ps);
        if work.stopped {
            return self.slice("stopped: queue full", track, from, until, serde_json::json!({}));
        }
        if work.unit == Unit::Neuron {
            return self.slice(
                &names.layers[work.number as usize],
                track,
                from,
                until,
                serde_json::json!({}),
            );
        }
        let made = &step.made[work.number as usize];
        let name = match work.unit {
            Unit::AxonOut => format!("to {}", targets[work.number as usize]),
            _ => format!("from core {}", names.core(made.slice)),
        };
        let args = serde_json::json!({ "packet": work.number, "layer": names.layers[made.slice as usize] });
        self.slice(&name, track, from, until, args)
    }

    fn crossing(
        &mut self,
        names: &Names,
        step: &StepRecord,
        targets: &[FlowTarget],
        crossed: &LinkWork,
    ) -> Result<(), Diagnostic> {
        let track = (NETWORK, crossed.router * Direction::COUNT as u32 + crossed.direction);
        if self.named.insert(track) {
            let topology = names.program.topology();
            let (x, y) = (crossed.router % topology.width(), crossed.router / topology.width());
            let to = topology.end_of(Link(track.1));
            self.name("thread_name", track, &format!("({x}, {y}) to ({}, {})", to.x, to.y))?;
        }
        let source = names.core(step.made[crossed.number as usize].slice);
        let name = format!("core {source} to {}", targets[crossed.number as usize]);
        let (from, until) = (crossed.from * step.clock_ps, crossed.until * step.clock_ps);
        self.slice(&name, track, from, until, serde_json::json!({ "packet": crossed.number }))
    }

    /// Times from the timestep's beginning, ps.
    fn slice(
        &mut self,
        name: &str,
        (pid, tid): (u32, u32),
        from: u64,
        until: u64,
        args: serde_json::Value,
    ) -> Result<(), Diagnostic> {
        let micro = |ps: u64| Some(ps as f64 / 1e6);
        let (ts, dur) = (micro(self.begin_ps + from), micro(until - from));
        self.event(&Event { name, ph: "X", pid, tid, ts, dur, args })
    }

    fn name(&mut self, what: &str, (pid, tid): (u32, u32), name: &str) -> Result<(), Diagnostic> {
        let args = serde_json::json!({ "name": name });
        self.event(&Event { name: what, ph: "M", pid, tid, ts: None, dur: None, args })
    }

    fn event(&mut self, event: &Event) -> Result<(), Diagnostic> {
        self.raw(if self.written == 0 { b"\n" } else { b",\n" })?;
        self.written += 1;
        serde_json::to_writer(&mut self.file, event).map_err(|e| self.file.failed(&e))
    }

    fn raw(&mut self, bytes: &[u8]) -> Result<(), Diagnostic> {
        self.file.write_all(bytes).map_err(|e| self.file.failed(&e))
    }
}
