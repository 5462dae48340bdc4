//! The passes in their order, and the reasons for it. Compiling, checking a model, the comparison layer by layer and
//! the encoder all run this list, as far as they need it.
//!
//! | pass | why here |
//! |---|---|
//! | `split-host-tail` | first: what follows the read-outs never runs on the chip, so no later pass knows it |
//! | `collect-neurons` | before anything that counts neurons or synapses; folding is exact, and rounding comes later |
//! | `accept-feedback` | before relays, which ask how long spikes wait; loops have all their layers now |
//! | `insert-constants` | before relays, through which the spikes of what it adds may have to wait |
//! | `insert-relays` | knows only sources and delays; before recording, so that relays have recorded spikes too |
//! | `record-activity` | on the collected floats, which the host can evaluate fast; rounding looks at it |
//! | `schedule` | needs the kernels' sources, no weights; windows bound the sums that rounding must hold |
//! | `quantise` | last, for all networks together: integers in the target's widths |
//!
//! After every pass its result is verified, here and not by who calls; a wrong result is the compiler's fault
//! (`E0014`). A pass may not:
//!
//! * know on which core a neuron will be (what passes read of a target is in [`TargetRules`]);
//! * change or repeat what an earlier pass made;
//! * round a weight or a threshold before `quantise`;
//! * look at another network before `quantise`: each network can say by itself what it lacks;
//! * know what a network is for, such as a denoiser or a classifier: that is the workload's.

mod steps;

use std::borrow::Cow;

use indexmap::IndexMap;
use serde::Serialize;
use snnc_targets::near::near;
use snnc_targets::{Code, Diagnostic, Diagnostics, NamedPart, Subject, Target};

use super::collect::Collected;
use super::feedback::{self, LongerLoop};
use super::host_tail::Tail;
use super::{LowerOptions, TargetRules, calibrate, schedule, weight_bits};
use crate::frontend::LoadedModel;
use crate::graph::Graph;
use crate::ir::spiking::{HostTail, SpikingIr};
use crate::workload::Workload;
use steps::{
    AcceptFeedback, CollectNeurons, InsertConstants, InsertRelays, Quantise, RecordActivity, ScheduleNetwork,
    SplitHostTail,
};

/// What a pass is called, and what it makes of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PassInfo {
    /// As `--emit-after` names it.
    pub name: &'static str,
    /// Its input.
    pub takes: &'static str,
    /// Its output.
    pub gives: &'static str,
    /// What it does.
    pub description: &'static str,
}

/// All passes, in order.
pub const PASSES: [PassInfo; 8] = [
    SplitHostTail::INFO,
    CollectNeurons::INFO,
    AcceptFeedback::INFO,
    InsertConstants::INFO,
    InsertRelays::INFO,
    RecordActivity::INFO,
    ScheduleNetwork::INFO,
    Quantise::INFO,
];

/// One value in, one out.
trait Pass<'a> {
    /// What it is called and does.
    const INFO: PassInfo;
    /// What it takes.
    type Input: Copy;
    /// What it gives.
    type Output;

    /// Does it.
    fn run(&mut self, input: Self::Input) -> Result<Self::Output, Diagnostics>;

    /// All invariants of what it gave.
    fn verify(input: Self::Input, output: &Self::Output) -> Result<(), Diagnostics>;

    /// What it gave, for people.
    fn text(input: Self::Input, output: &Self::Output) -> String;
}

/// A network before integers.
struct Prepared<'m> {
    graph: &'m Graph,
    /// What the host computes behind its read-outs.
    tail: Option<Tail>,
    collected: Collected,
    schedule: schedule::WindowSchedule,
    recorded: Vec<calibrate::RecordedPass>,
    /// Value ranges of its input channels, where they are known.
    ranges: Option<Vec<(f64, f64)>>,
}

/// What all passes give.
pub struct Lowered {
    /// The networks in integers.
    pub ir: SpikingIr,
    /// What the host computes behind the read-outs of networks, where a workload has it do so.
    pub host_tails: Vec<HostTail>,
}

impl Prepared<'_> {
    /// What the host computes behind the read-outs that the network was given in `ir`.
    fn host_tail(&mut self, ir: &SpikingIr) -> Option<HostTail> {
        let (id, _) = ir.model.networks.iter().find(|(_, network)| network.name == self.graph.name)?;
        self.tail.take()?.resolve(&ir.model, id)
    }
}

/// Runs passes, verifies after each, and writes down what one of them gave.
#[derive(Default)]
struct Runner {
    /// The pass after which the values are wanted, and nothing else.
    wanted: Option<&'static str>,
    text: String,
    last: &'static str,
}

impl Runner {
    fn step<'a, P: Pass<'a>>(&mut self, mut pass: P, input: P::Input) -> Result<P::Output, Diagnostics> {
        let output = pass.run(input)?;
        P::verify(input, &output)?;
        self.last = P::INFO.name;
        if self.over() {
            self.text += &P::text(input, &output);
        }
        Ok(output)
    }

    /// Whether the pass whose values are wanted has run.
    fn over(&self) -> bool {
        self.wanted == Some(self.last)
    }
}

/// The networks of a model on their way to a target.
struct Lowering<'m> {
    model: &'m LoadedModel,
    workload: &'m dyn Workload,
    target: &'m TargetRules,
    options: LowerOptions,
}

impl<'m> Lowering<'m> {
    /// All passes; nothing if the runner wanted what an earlier pass gives.
    fn run(&self, runner: &mut Runner) -> Result<Option<Lowered>, Diagnostics> {
        windows_expected(self.target)?;
        let bits = weight_bits(self.target, self.options)?;
        let mut recorder = self.workload.recorder(self.options.passes(bits));
        let (mut prepared, mut problems) = (Vec::new(), Diagnostics::default());
        for name in self.workload.networks() {
            match self.network(runner, name, &mut *recorder) {
                Ok(network) => prepared.extend(network),
                Err(found) => problems.merge(found),
            }
        }
        if runner.over() {
            return problems.into_result(None);
        }
        // Networks that got here tell what rounding finds even if others did not.
        let workload = problems.0.is_empty().then_some(self.workload);
        let quantise = Quantise { name: &self.model.name, target: self.target, bits, workload };
        match runner.step(quantise, prepared.as_slice()) {
            Ok(ir) => {
                let host_tails = prepared.iter_mut().filter_map(|network| network.host_tail(&ir)).collect();
                problems.into_result(Some(Lowered { ir, host_tails }))
            }
            Err(found) => {
                problems.merge(found);
                Err(problems)
            }
        }
    }

    /// A network up to integers; none if the runner wanted what an earlier pass gives.
    fn network(
        &self,
        runner: &mut Runner,
        name: &str,
        recorder: &mut dyn crate::workload::Recorder,
    ) -> Result<Option<Prepared<'m>>, Diagnostics> {
        let graph = graph(self.model, name)?;
        let Some((collected, tail)) = collected(runner, graph, self.workload)? else { return Ok(None) };
        if runner.over() {
            return Ok(None);
        }
        let delay_max = self.target.delay_max;
        let accepted = (self.options.feedback_chip, !self.options.no_relays);
        let Some(collected) = on_target(runner, collected, self.target, accepted)? else { return Ok(None) };
        if runner.over() {
            return Ok(None);
        }
        let recorded = runner.step(RecordActivity { recorder }, &collected)?;
        if runner.over() {
            return Ok(None);
        }
        let schedule = runner.step(ScheduleNetwork { delay_max }, &collected)?;
        let ranges = self.workload.input_ranges(graph);
        Ok(Some(Prepared { graph, tail, collected, schedule, recorded, ranges }))
    }
}

/// The neurons of a graph, and what the host computes behind its read-outs; nothing if the runner wanted what an
/// earlier pass gives.
fn collected(
    runner: &mut Runner,
    graph: &Graph,
    workload: &dyn Workload,
) -> Result<Option<(Collected, Option<Tail>)>, Diagnostics> {
    let has_tail = workload.has_host_tail(&graph.name);
    let split = runner.step(SplitHostTail { has_tail }, graph)?;
    if runner.over() {
        return Ok(None);
    }
    let collected = runner.step(CollectNeurons, &*split.graph)?;
    Ok(Some((collected, split.tail)))
}

/// The neurons of a network as a target can have them: with the chip's delays in loops that are too short, if that is
/// accepted, and with those that the target needs beside them. Nothing if the runner wanted what an earlier pass gives.
fn on_target(
    runner: &mut Runner,
    collected: Collected,
    target: &TargetRules,
    (feedback, relays): (bool, bool),
) -> Result<Option<Collected>, Diagnostics> {
    let with = |added: Cow<'_, Collected>| match added {
        Cow::Owned(added) => Some(added),
        Cow::Borrowed(_) => None,
    };
    let longer = with(runner.step(AcceptFeedback { accepted: feedback }, &collected)?);
    let collected = longer.unwrap_or(collected);
    if runner.over() {
        return Ok(None);
    }
    let added = with(runner.step(InsertConstants { target }, &collected)?);
    let collected = added.unwrap_or(collected);
    if runner.over() {
        return Ok(None);
    }
    let delay_max = target.delay_max;
    let added = with(runner.step(InsertRelays { delay_max, wanted: relays }, &collected)?);
    Ok(Some(added.unwrap_or(collected)))
}

fn graph<'m>(model: &'m LoadedModel, name: &str) -> Result<&'m Graph, Diagnostic> {
    model.graphs.get(name).ok_or_else(|| {
        Diagnostic::new(Code::ModelInvalid, NamedPart::Pipeline, format!("no network is called \"{name}\""))
    })
}

/// Lowers the networks that a workload runs on the chip: all passes.
///
/// # Errors
/// [`Code::Unsupported`], [`Code::Quantise`], [`Code::ModelInvalid`] or those of shape inference; [`Code::SpikingIr`]
/// if a pass broke an invariant.
pub fn lower(
    model: &LoadedModel,
    workload: &dyn Workload,
    target: &Target,
    options: LowerOptions,
) -> Result<Lowered, Diagnostics> {
    let target = &TargetRules::from(target);
    let lowered = Lowering { model, workload, target, options }.run(&mut Runner::default())?;
    Ok(lowered.expect("a runner that wants nothing runs all passes"))
}

/// A network's neurons, whatever the target: the passes up to `collect-neurons`.
///
/// # Errors
/// As [`lower`].
pub fn neurons(model: &LoadedModel, workload: &dyn Workload, name: &str) -> Result<Collected, Diagnostics> {
    let collected = collected(&mut Runner::default(), graph(model, name)?, workload)?;
    Ok(collected.expect("a runner that wants nothing runs all passes").0)
}

/// A network's neurons on a target that was lowered for: with those that it needs beside them, and with the chip's
/// delays in loops that are too short, as they could not have been lowered otherwise.
///
/// # Errors
/// As [`lower`].
pub fn neurons_on(
    model: &LoadedModel,
    workload: &dyn Workload,
    name: &str,
    target: &Target,
) -> Result<Collected, Diagnostics> {
    let collected = neurons(model, workload, name)?;
    let collected = on_target(&mut Runner::default(), collected, &target.into(), (true, true))?;
    Ok(collected.expect("a runner that wants nothing runs all passes"))
}

/// The loops of the networks of a model that are longer on the chip than in the trained network, if the chip's delays
/// are accepted.
///
/// # Errors
/// As [`lower`].
pub fn longer_loops(model: &LoadedModel, workload: &dyn Workload) -> Result<Vec<LongerLoop>, Diagnostics> {
    let mut longer = Vec::new();
    for name in workload.networks() {
        longer.extend(feedback::longer_loops(&neurons(model, workload, name)?));
    }
    Ok(longer)
}

/// What the pass of that name gives, for people.
///
/// # Errors
/// [`Code::Argument`] for an unknown name; as [`lower`] for the passes up to that one.
pub fn emit_after(
    pass: &str,
    model: &LoadedModel,
    workload: &dyn Workload,
    target: &Target,
    options: LowerOptions,
) -> Result<String, Diagnostics> {
    let info = find(pass)?;
    let mut runner = Runner { wanted: Some(info.name), ..Runner::default() };
    let target = &TargetRules::from(target);
    Lowering { model, workload, target, options }.run(&mut runner)?;
    Ok(runner.text)
}

/// The pass of that name.
///
/// # Errors
/// [`Code::Argument`] with near names, or all.
pub fn find(pass: &str) -> Result<PassInfo, Diagnostic> {
    let names = PASSES.map(|info| info.name);
    PASSES.into_iter().find(|info| info.name == pass).ok_or_else(|| {
        let all = names.join(", ");
        let hint = match near(pass, &names) {
            Some(near) => format!("near names: {near}; the passes are {all}"),
            None => format!("the passes are {all}"),
        };
        Diagnostic::new(Code::Argument, Subject::value("--emit-after", pass), "no pass has this name")
            .hint(hint)
    })
}

/// Whether what a pass gives can depend on recorded activity: that of the recording, and of those after it.
pub fn sees_activity(info: PassInfo) -> bool {
    PASSES.iter().skip_while(|pass| **pass != RecordActivity::INFO).any(|pass| *pass == info)
}

/// Refuses targets whose cores cannot leave a population alone outside its window.
fn windows_expected(target: &TargetRules) -> Result<(), Diagnostic> {
    if target.neuron.active_windows.get() {
        return Ok(());
    }
    let message = "its cores update every population in every timestep, which would integrate biases outside \
                   the window";
    Err(Diagnostic::new(Code::Unsupported, Subject::target(&target.name), message)
        .hint("only targets with `active_windows: (true, ...)` are supported"))
}

/// Networks by name, as they were numbered.
type Ids = IndexMap<String, crate::ir::NetworkId>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passes_have_names_of_their_own_that_can_be_asked_for() {
        for info in PASSES {
            assert_eq!(find(info.name).unwrap(), info);
            assert_eq!(PASSES.iter().filter(|other| other.name == info.name).count(), 1);
        }
        let error = find("colect-neurons").unwrap_err();
        assert_eq!(error.code, Code::Argument);
        assert!(
            error
                .hint
                .unwrap()
                .starts_with("near names: `collect-neurons`; the passes are split-host-tail, ")
        );
    }

    #[test]
    fn activity_is_seen_from_its_recording_on() {
        assert_eq!(PASSES.map(sees_activity), [false, false, false, false, false, true, true, true]);
    }

    #[test]
    fn each_takes_what_one_before_it_gives() {
        for (i, info) in PASSES.iter().enumerate().skip(1) {
            let given =
                |part: &str| part == "target" || PASSES[..i].iter().any(|before| before.gives == part);
            assert!(info.takes.split(", ").all(given), "{info:?}");
        }
    }
}
