//! Every pass as a step of the pipeline: its name, types, verifier and text.

use std::borrow::Cow;
use std::fmt::Write;

use snnc_targets::Diagnostics;
use snnc_targets::entity::EntityMap;
use snnc_targets::text_table::{TextTable, left, right};

use super::{Ids, Pass, PassInfo, Prepared};
use crate::graph::Graph;
use crate::ir::spiking::{Network, NeuronFormat, SpikingIr, SpikingModel};
use crate::passes::TargetRules;
use crate::passes::collect::{Collected, NeuronLayer};
use crate::passes::{calibrate, collect, constants, feedback, host_tail, quantise, relays, schedule};
use crate::workload::{Recorder, RecordingObserver, Workload};

/// See [`host_tail`].
pub(super) struct SplitHostTail {
    /// Whether the workload has the host compute what follows the read-outs.
    pub has_tail: bool,
}

/// A graph for the chip, and what the host computes behind it.
pub(super) struct Split<'a> {
    pub graph: Cow<'a, Graph>,
    pub tail: Option<host_tail::Tail>,
}

impl<'a> Pass<'a> for SplitHostTail {
    const INFO: PassInfo = PassInfo {
        name: host_tail::NAME,
        takes: "layer graph",
        gives: "layer graph for the chip",
        description: host_tail::DESCRIPTION,
    };
    type Input = &'a Graph;
    type Output = Split<'a>;

    fn run(&mut self, graph: &'a Graph) -> Result<Split<'a>, Diagnostics> {
        if !self.has_tail {
            return Ok(Split { graph: Cow::Borrowed(graph), tail: None });
        }
        let (chip, tail) = host_tail::run(graph)?;
        Ok(Split { graph: Cow::Owned(chip), tail })
    }

    fn verify(_: &'a Graph, split: &Split<'a>) -> Result<(), Diagnostics> {
        split.graph.verify()
    }

    fn text(_: &'a Graph, split: &Split<'a>) -> String {
        let mut text = split.graph.table().unwrap_or_else(|problems| problems.to_string());
        if let Some(tail) = &split.tail {
            let _ = writeln!(text, "  the host: {tail}");
        }
        text
    }
}

/// See [`collect`].
pub(super) struct CollectNeurons;

impl<'a> Pass<'a> for CollectNeurons {
    const INFO: PassInfo = PassInfo {
        name: collect::NAME,
        takes: "layer graph for the chip",
        gives: "neurons and float kernels",
        description: collect::DESCRIPTION,
    };
    type Input = &'a Graph;
    type Output = Collected;

    fn run(&mut self, graph: &'a Graph) -> Result<Collected, Diagnostics> {
        collect::run(graph)
    }

    fn verify(_: &'a Graph, collected: &Collected) -> Result<(), Diagnostics> {
        collected.verify()
    }

    fn text(_: &'a Graph, collected: &Collected) -> String {
        collected.to_string()
    }
}

/// See [`feedback`].
pub(super) struct AcceptFeedback {
    /// Whether loops may be longer on the chip than in the network.
    pub accepted: bool,
}

impl<'a> Pass<'a> for AcceptFeedback {
    const INFO: PassInfo = PassInfo {
        name: feedback::NAME,
        takes: "neurons and float kernels",
        gives: "neurons and float kernels in loops of the chip",
        description: feedback::DESCRIPTION,
    };
    type Input = &'a Collected;
    type Output = Cow<'a, Collected>;

    fn run(&mut self, collected: &'a Collected) -> Result<Cow<'a, Collected>, Diagnostics> {
        Ok(feedback::run(collected, self.accepted))
    }

    fn verify(_: &'a Collected, collected: &Cow<'a, Collected>) -> Result<(), Diagnostics> {
        collected.verify()
    }

    fn text(_: &'a Collected, collected: &Cow<'a, Collected>) -> String {
        collected.to_string()
    }
}

/// See [`constants`].
pub(super) struct InsertConstants<'t> {
    pub target: &'t TargetRules,
}

impl<'a> Pass<'a> for InsertConstants<'_> {
    const INFO: PassInfo = PassInfo {
        name: constants::NAME,
        takes: "neurons and float kernels in loops of the chip, target",
        gives: "neurons and float kernels without constants in currents",
        description: constants::DESCRIPTION,
    };
    type Input = &'a Collected;
    type Output = Cow<'a, Collected>;

    fn run(&mut self, collected: &'a Collected) -> Result<Cow<'a, Collected>, Diagnostics> {
        Ok(constants::run(collected, self.target))
    }

    fn verify(_: &'a Collected, collected: &Cow<'a, Collected>) -> Result<(), Diagnostics> {
        collected.verify()
    }

    fn text(_: &'a Collected, collected: &Cow<'a, Collected>) -> String {
        collected.to_string()
    }
}

/// See [`relays`].
pub(super) struct InsertRelays {
    /// Longest delay of the target.
    pub delay_max: u32,
    /// Whether relays may be added.
    pub wanted: bool,
}

impl<'a> Pass<'a> for InsertRelays {
    const INFO: PassInfo = PassInfo {
        name: relays::NAME,
        takes: "neurons and float kernels without constants in currents, target",
        gives: "neurons and float kernels with relays",
        description: relays::DESCRIPTION,
    };
    type Input = &'a Collected;
    type Output = Cow<'a, Collected>;

    fn run(&mut self, collected: &'a Collected) -> Result<Cow<'a, Collected>, Diagnostics> {
        relays::run(collected, self.delay_max, self.wanted)
    }

    fn verify(_: &'a Collected, collected: &Cow<'a, Collected>) -> Result<(), Diagnostics> {
        collected.verify()
    }

    fn text(_: &'a Collected, collected: &Cow<'a, Collected>) -> String {
        collected.to_string()
    }
}

/// See [`calibrate`].
pub(super) struct RecordActivity<'r> {
    pub recorder: &'r mut dyn Recorder,
}

impl<'a> Pass<'a> for RecordActivity<'_> {
    const INFO: PassInfo = PassInfo {
        name: calibrate::NAME,
        takes: "neurons and float kernels with relays",
        gives: "recorded spikes",
        description: calibrate::DESCRIPTION,
    };
    type Input = &'a Collected;
    type Output = Vec<calibrate::RecordedPass>;

    fn run(&mut self, collected: &'a Collected) -> Result<Vec<calibrate::RecordedPass>, Diagnostics> {
        Ok(self.recorder.record(&collected.network, collected))
    }

    fn verify(collected: &'a Collected, recorded: &Vec<calibrate::RecordedPass>) -> Result<(), Diagnostics> {
        calibrate::verify(collected, recorded)
    }

    fn text(collected: &'a Collected, recorded: &Vec<calibrate::RecordedPass>) -> String {
        let mut table = TextTable::new(2, [left(""), right(""), left("")]);
        for (index, layer) in collected.layers.iter().enumerate().filter(|_| !recorded.is_empty()) {
            let spikes =
                |pass: &calibrate::RecordedPass| pass.spikes[index].iter().map(Vec::len).sum::<usize>();
            let all = recorded.iter().map(spikes).sum::<usize>();
            table.row([&layer.name, &all.to_string(), "spikes"]);
        }
        format!("network {}: {} passes recorded\n{table}", collected.network, recorded.len())
    }
}

/// See [`schedule`].
pub(super) struct ScheduleNetwork {
    /// Longest delay of the target.
    pub delay_max: u32,
}

impl<'a> Pass<'a> for ScheduleNetwork {
    const INFO: PassInfo = PassInfo {
        name: schedule::NAME,
        takes: "neurons and float kernels with relays, target",
        gives: "windows and delays",
        description: schedule::DESCRIPTION,
    };
    type Input = &'a Collected;
    type Output = schedule::WindowSchedule;

    fn run(&mut self, collected: &'a Collected) -> Result<schedule::WindowSchedule, Diagnostics> {
        schedule::run(collected, self.delay_max)
    }

    fn verify(collected: &'a Collected, schedule: &schedule::WindowSchedule) -> Result<(), Diagnostics> {
        schedule.verify(collected)
    }

    fn text(collected: &'a Collected, schedule: &schedule::WindowSchedule) -> String {
        let mut table = TextTable::new(2, [left(""), left("")]);
        for (index, layer) in collected.layers.iter().enumerate() {
            let window = schedule.windows[index];
            let mut when = format!("timesteps {} to {}", window.start, window.end());
            for (source, delay) in layer.sources.iter().zip(&schedule.delays[index]) {
                let _ = write!(when, ", {} after {delay}", collected.layers[source.source].name);
            }
            table.row([&layer.name, &when]);
        }
        format!("network {}: {} timesteps a pass\n{table}", collected.network, schedule.pass_steps)
    }
}

/// See [`quantise`].
pub(super) struct Quantise<'a> {
    /// Name of the model.
    pub name: &'a str,
    pub target: &'a TargetRules,
    /// Of weights.
    pub bits: u32,
    /// What drives the program; none if a network is missing, and so the program.
    pub workload: Option<&'a dyn Workload>,
}

impl<'a> Pass<'a> for Quantise<'_> {
    const INFO: PassInfo = PassInfo {
        name: quantise::NAME,
        takes: "neurons and float kernels with relays, recorded spikes, windows and delays, target",
        gives: "spiking IR",
        description: quantise::DESCRIPTION,
    };
    type Input = &'a [Prepared<'a>];
    type Output = SpikingIr;

    fn run(&mut self, networks: &'a [Prepared<'a>]) -> Result<SpikingIr, Diagnostics> {
        let mut ir = self.empty();
        let (mut ids, mut problems) = (Ids::new(), Diagnostics::default());
        let observer = self.workload.map_or(&() as &dyn RecordingObserver, |workload| workload.observer());
        let layers = networks.iter().flat_map(|network| &network.collected.layers);
        observer.rounding(layers.map(NeuronLayer::weights).sum());
        for Prepared { graph, collected, schedule, recorded, ranges, .. } in networks {
            let id = ir.model.networks.push(Network {
                name: graph.name.clone(),
                timesteps: graph.timesteps as u32,
                pass_steps: schedule.pass_steps,
            });
            ids.insert(graph.name.clone(), id);
            let ranges = ranges.as_deref();
            let done =
                quantise::run(&mut ir, id, collected, schedule, ranges, (recorded, observer), self.target);
            problems.0.extend(done.err().unwrap_or_default().0);
        }
        problems.into_result(())?;
        ir.model.workload = self.workload.and_then(|workload| workload.spec(&ids));
        Ok(ir)
    }

    fn verify(_: &'a [Prepared<'a>], ir: &SpikingIr) -> Result<(), Diagnostics> {
        ir.verify()
    }

    fn text(_: &'a [Prepared<'a>], ir: &SpikingIr) -> String {
        ir.to_text()
    }
}

impl Quantise<'_> {
    fn empty(&self) -> SpikingIr {
        SpikingIr {
            model: SpikingModel {
                name: self.name.to_owned(),
                neuron: NeuronFormat::new(&self.target.neuron, self.bits),
                networks: EntityMap::new(),
                populations: EntityMap::new(),
                inputs: Vec::new(),
                readouts: Vec::new(),
                workload: None,
            },
            projections: EntityMap::new(),
        }
    }
}
