//! Executes a program from its cores' own memories, in the target's integers.
//!
//! A pass goes component by component of the network ([`snnc_compiler::ir::components`]). A population without a
//! cycle comes after its sources, so all spikes that reach a slice are known before it runs its whole window
//! ([`pass`]); populations of a cycle run timestep by timestep, all together ([`recurrent`]). Within a slice, per
//! timestep: packets -> axon -> synapse list -> accumulators -> neurons -> spikes. Slices that receive the same
//! packets are fused and run as one ([`fused`]). Fused slices of one population run in parallel; every group of fused
//! slices writes only its own state, so threads cannot change a result.
//!
//! Oracles, plain and never optimised: [`plain`] moves explicit packets between cores, timestep by timestep, and
//! [`oracle`] interprets the spiking IR without any core.

mod counting;
pub mod fused;
pub mod host_input;
pub mod incoming;
pub mod kernels;
pub mod oracle;
pub mod packet_counter;
pub mod part;
pub mod pass;
pub mod plain;
mod port;
pub mod record;
mod recurrent;
pub mod share;
pub mod slice;
pub mod spikes;
mod zeros;

use std::sync::Arc;

use snnc_compiler::ir::components::PopulationComponent;
use snnc_compiler::ir::program::trees::MulticastTrees;
use snnc_compiler::ir::program::{Program, Slice};
use snnc_compiler::ir::spiking::Population;
use snnc_compiler::ir::{NetworkId, PopulationId};
use snnc_targets::{Code, Diagnostic, Subject};

use crate::counts::{Grain, PassCounts, SliceIndex, SliceTable};
use crate::exchange::Exchange;
use crate::spike_train::{FlatTrain, SpikeTrain};
use fused::FusedSlices;
use kernels::level::SimdLevel;
use packet_counter::PacketCounter;
pub use part::Carry;
use part::PassPart;
pub use pass::ChipPass;
pub use pass::PassInput;
use record::SliceTraces;
use share::{CoreOwners, Share};
use zeros::ZeroOperations;

/// A program ready to run.
#[derive(Debug)]
pub struct Chip {
    /// The program, verified.
    pub program: Arc<Program>,
    /// Numbering of its slices.
    pub table: SliceTable,
    /// By population: its slices, fused where they receive the same packets.
    fusions: Arc<Vec<Vec<FusedSlices>>>,
    /// Its slices.
    slices: Arc<Vec<Slice>>,
    /// By population: its slices, whoever runs them.
    members: Vec<Vec<SliceIndex>>,
    /// How its packets are counted.
    packet_counter: PacketCounter,
    /// By population: whether some receiver reads its spikes by position.
    indexed: Vec<bool>,
    /// By slice: whether some receiver reads its spikes one by one.
    listed: Vec<bool>,
    /// Instructions that the inner loops use.
    level: SimdLevel,
    /// What runs by itself, in order.
    components: Vec<PopulationComponent>,
    /// Timesteps after the window of each population in which spikes still arrive.
    late: Vec<u32>,
    /// Timesteps from a spike to its integration, at most.
    longest_delay: u32,
    /// Timesteps of a part of a pass; 0: as memory allows.
    part_steps: u32,
    /// Multicast trees, if the target has them.
    trees: Option<MulticastTrees>,
    /// By population: whether the membranes after each timestep are recorded.
    watched: Vec<bool>,
    /// By network: multiply-adds of the host before and after a pass, by slice.
    host_multiply_adds: Vec<[Vec<u64>; 2]>,
    /// By network: whether a pass is so little work that one thread runs it.
    light: Vec<bool>,
    /// Weights of 0 that the chip does not have; none where it stores them.
    zeros: Option<ZeroOperations>,
    /// What this rank runs of the program, if there are several.
    share: Option<Share>,
}

/// Work of a pass, as [`KernelChoice::light_work`] counts it, which takes one thread about as long as it takes to wake
/// another one a few times.
const LIGHT_WORK: u64 = 1 << 18;
/// Synapses of which some fire in a timestep, at about the cost of a neuron's update.
const SYNAPSES_AN_UPDATE: u64 = 64;

/// How a chip is executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KernelChoice {
    /// Instructions of the inner loops.
    pub level: SimdLevel,
    /// Whether sums are gathered by rows where they can be; else all are scattered packet by packet.
    pub rows: bool,
    /// Passes of no more work run on one thread: neurons and synapses / 64 in each timestep.
    pub light_work: u64,
}

impl Default for KernelChoice {
    /// The fastest loops of this processor.
    fn default() -> Self {
        Self { level: SimdLevel::best(), rows: true, light_work: LIGHT_WORK }
    }
}

/// What a pass gave.
#[derive(Debug, Clone)]
pub struct PassOutcome {
    /// Values of the network's read-outs, `[c, h, w]` row-major each, in the order of [`Model::readouts`].
    ///
    /// [`Model::readouts`]: snnc_compiler::ir::spiking::SpikingModel::readouts
    pub readouts: Vec<Vec<f64>>,
    /// Event counts.
    pub counts: PassCounts,
    /// Spikes by slice (empty for slices of other networks).
    pub traces: SliceTraces,
}

/// Runs the next part of a pass.
pub type RunPart<'a, 'c> = &'a mut (dyn FnMut() -> ChipPass<'c> + Send);

/// The slices of each of so many populations.
fn members(table: &SliceTable, populations: usize) -> Vec<Vec<SliceIndex>> {
    let mut members = vec![Vec::new(); populations];
    for (slice, population) in table.populations.iter().enumerate() {
        members[population.0 as usize].push(slice);
    }
    members
}

impl Chip {
    /// Indexes a verified program, which is shared and not copied.
    pub fn new(program: impl Into<Arc<Program>>) -> Self {
        Self::with(program, KernelChoice::default())
    }

    /// Indexes a verified program that will run with chosen inner loops; results do not depend on them.
    pub fn with(program: impl Into<Arc<Program>>, choice: KernelChoice) -> Self {
        Self::build(program.into(), choice, None)
    }

    /// Indexes a verified program for a rank that runs the cores which `owners` gives it; all ranks must do so, and run
    /// the same passes, one at a time. Outcomes are those of one process, but for membranes in traces, which are those
    /// of the rank's own neurons.
    pub fn shared(
        program: impl Into<Arc<Program>>,
        choice: KernelChoice,
        (owners, exchange): (&CoreOwners, Arc<dyn Exchange>),
    ) -> Self {
        Self::build(program.into(), choice, Some((owners, exchange)))
    }

    fn build(
        program: Arc<Program>,
        choice: KernelChoice,
        ranks: Option<(&CoreOwners, Arc<dyn Exchange>)>,
    ) -> Self {
        let table = SliceTable::new(&program);
        let slices = record::slices(&program, &table);
        let mut connections = incoming::index(&program, &table);
        let share = ranks
            .map(|(owners, exchange)| Share::new(&program, (&table, slices.as_slice()), owners, exchange));
        if let Some(share) = &share {
            share.keep_own(&mut connections);
        }
        let fusions = fused::index((&program, &table), &connections, choice, share.as_ref());
        let mut chip = Self {
            slices,
            packet_counter: PacketCounter::new(&program, &table, &connections),
            indexed: vec![false; fusions.len()],
            listed: vec![false; table.len()],
            components: program.components().all,
            late: vec![0; fusions.len()],
            watched: vec![false; fusions.len()],
            longest_delay: connections.iter().flatten().map(|connection| connection.delay).max().unwrap_or(0),
            part_steps: 0,
            host_multiply_adds: Vec::new(),
            light: Vec::new(),
            trees: MulticastTrees::of(&program),
            level: choice.level,
            zeros: ZeroOperations::new(&program, &table, &connections),
            members: members(&table, fusions.len()),
            share,
            table,
            fusions: Arc::new(fusions),
            program,
        };
        for fused in chip.fusions.iter().flatten() {
            for connection in fused.slices.iter().flat_map(|&slice| &connections[slice]) {
                let [source, target] =
                    [connection.source, fused.slices[0]].map(|slice| chip.table.populations[slice]);
                let end = |population| chip.program.model.populations[population].window.end();
                let late = &mut chip.late[target.0 as usize];
                *late = (end(source) + connection.delay).saturating_sub(end(target)).max(*late);
                if fused.reads_positions() {
                    chip.indexed[chip.table.populations[connection.source].0 as usize] = true;
                } else if fused.reads_lists() {
                    chip.listed[connection.source] = true;
                }
            }
        }
        for source in chip.zeros.iter().flat_map(ZeroOperations::sources) {
            chip.listed[source] = true;
        }
        if let Some(share) = &chip.share {
            let mut values = chip.late.clone();
            values.push(chip.longest_delay);
            share.greatest(&mut values);
            chip.longest_delay = values.pop().unwrap_or(0);
            chip.late = values;
        }
        let networks: Vec<NetworkId> = chip.program.model.networks.keys().collect();
        chip.host_multiply_adds =
            networks.iter().map(|&network| counting::host_multiply_adds(&chip, network)).collect();
        let is_light = |&network: &NetworkId| chip.work_of_pass(network) <= choice.light_work;
        chip.light = networks.iter().map(is_light).collect();
        chip
    }

    /// Work of a pass of a network: see [`KernelChoice::light_work`].
    fn work_of_pass(&self, network: NetworkId) -> u64 {
        let of_population = |(id, population): (PopulationId, &Population)| {
            let fused = self.fusions[id.0 as usize].iter();
            let synapses: u64 = fused.map(|fused| fused.synapses(&self.slices)).sum();
            let each = population.shape.len() as u64 + synapses / SYNAPSES_AN_UPDATE;
            each.saturating_mul(population.window.steps.into())
        };
        let works = self.program.model.populations_of(network).map(of_population);
        works.fold(0, u64::saturating_add)
    }

    /// Whether one thread runs the passes of a network, whatever threads there are: they are too short to be shared.
    pub fn runs_on_one_thread(&self, network: NetworkId) -> bool {
        self.light.get(network.0 as usize).copied().unwrap_or_default()
    }

    /// Threads that share the work of a pass of a network.
    fn threads(&self, network: NetworkId) -> usize {
        if self.runs_on_one_thread(network) { 1 } else { rayon::current_num_threads() }
    }

    /// Whether other ranks run a part of the program, so that passes must run one at a time.
    pub fn is_shared(&self) -> bool {
        self.share.is_some()
    }

    /// Whether a slice runs here.
    fn owns(&self, slice: SliceIndex) -> bool {
        self.share.as_ref().is_none_or(|share| share.owns(slice))
    }

    /// The slices of a population, whoever runs them.
    fn slices_of(&self, population: PopulationId) -> impl Iterator<Item = SliceIndex> + '_ {
        self.members[population.0 as usize].iter().copied()
    }

    /// Runs one pass of a network on its constant input, `[c, h, w]` row-major, or on the spikes of every timestep,
    /// `[t, c, h, w]` of 0 and 1, and counts timestep by timestep. A network that takes neither is given any input.
    ///
    /// # Errors
    /// [`Code::Argument`] for a network that the program does not have, or spikes other than 0 and 1;
    /// [`Code::LayerShape`] for an input of another length.
    pub fn run(&self, network: NetworkId, input: &[f64]) -> Result<PassOutcome, Diagnostic> {
        Ok(self.start(network, input)?.count(Grain::Timestep))
    }

    /// Runs one pass as [`Chip::run`] does, but leaves counts and traces to [`ChipPass::count`].
    ///
    /// # Errors
    /// Those of [`Chip::run`].
    pub fn start(&self, network: NetworkId, input: &[f64]) -> Result<ChipPass<'_>, Diagnostic> {
        self.check_input(network, input)?;
        Ok(self.run_part((network, self.whole(network)), input, Carry::default()))
    }

    /// Runs a part of a pass on an input that was checked.
    fn run_part(&self, (network, part): (NetworkId, PassPart), input: &[f64], before: Carry) -> ChipPass<'_> {
        let flat = |shape| FlatTrain { shape, values: input };
        let train = self.program.model.port_of(network).map(|(_, port)| flat(port.shape));
        let train = train.as_ref().map(|train| train as &dyn SpikeTrain);
        ChipPass::run(self, (network, part), PassInput { values: input, train }, before)
    }

    /// As [`Chip::start`], of a network that takes spikes.
    ///
    /// # Errors
    /// [`Code::Argument`] for a network that the program does not have; [`Code::LayerShape`] for one that takes no
    /// spikes, or others.
    pub fn start_train(
        &self,
        network: NetworkId,
        train: &dyn SpikeTrain,
    ) -> Result<ChipPass<'_>, Diagnostic> {
        self.check_train(network, train)?;
        let part = self.whole(network);
        Ok(self.run_train((network, part), train, Carry::default()))
    }

    /// Runs a part of a pass on spikes that were checked.
    fn run_train(&self, of: (NetworkId, PassPart), train: &dyn SpikeTrain, before: Carry) -> ChipPass<'_> {
        ChipPass::run(self, of, PassInput { values: &[], train: Some(train) }, before)
    }

    /// Runs a pass part by part; `each` is given one after the other, before the next one runs. The read-outs. The pass
    /// goes on from `kept`, what the pass before it of the same network left, and leaves its own state there; without
    /// it all state is cleared.
    ///
    /// # Errors
    /// Those of [`Chip::start`] and [`Chip::start_train`].
    pub fn run_parts<'c>(
        &'c self,
        network: NetworkId,
        (input, kept): (PassInput<'_>, Option<&mut Carry>),
        each: &mut dyn FnMut(RunPart<'_, 'c>) -> Vec<Vec<f64>>,
    ) -> Result<Vec<Vec<f64>>, Diagnostic> {
        match input.train {
            Some(train) => self.check_train(network, train)?,
            None => self.check_input(network, input.values)?,
        }
        let keeps = kept.is_some();
        let mut nothing = Carry::default();
        let before = kept.unwrap_or(&mut nothing);
        before.keeps = keeps;
        let mut readouts = Vec::new();
        for part in self.parts(network) {
            readouts = each(&mut || {
                let carried = std::mem::take(before);
                let mut pass = match input.train {
                    Some(train) => self.run_train((network, part), train, carried),
                    None => self.run_part((network, part), input.values, carried),
                };
                if !part.ends || keeps {
                    *before = pass.carry();
                }
                pass
            });
        }
        Ok(readouts)
    }

    /// Whether an input is one of a network.
    fn check_input(&self, network: NetworkId, input: &[f64]) -> Result<(), Diagnostic> {
        let model = &self.program.model;
        let Some(of) = model.networks.get(network) else {
            let message = format!("the program has {} networks", model.networks.len());
            return Err(Diagnostic::new(Code::Argument, Subject::IrNetwork(network, None), message));
        };
        if let Some((_, port)) = model.port_of(network) {
            return self.check_spikes(network, port, input);
        }
        // All inputs of a network have one shape.
        let fed = model.inputs.iter().find(|host| model.populations[host.population].network == network);
        let Some(shape) = fed.map(|host| host.input).filter(|shape| shape.len() != input.len()) else {
            return Ok(());
        };
        let message = format!("{} input values found, {} expected for {shape}", input.len(), shape.len());
        Err(Diagnostic::new(Code::LayerShape, Subject::Network(of.name.clone()), message))
    }

    /// Records the membranes of these populations after each timestep, for [`Chip::membranes`]. It changes nothing
    /// else.
    #[must_use]
    pub fn watching(mut self, populations: &[PopulationId]) -> Self {
        populations.iter().for_each(|population| self.watched[population.0 as usize] = true);
        self
    }

    /// Whether the membranes of a population are recorded.
    pub fn watches(&self, population: PopulationId) -> bool {
        self.watched[population.0 as usize]
    }

    /// Membranes of a population that is watched after each timestep of its window, as far as the outcome is of these:
    /// integers of the chip, `[c, h, w]` row-major as the outside numbers neurons. Those of a neuron that fired are as
    /// its reset left them.
    ///
    /// # Panics
    /// If the population is not watched.
    pub fn membranes(&self, outcome: &PassOutcome, population: PopulationId) -> Vec<Vec<i32>> {
        assert!(self.watches(population), "membranes are recorded of populations that are watched");
        let from = &self.program.model.populations[population];
        let Some(record) = outcome.traces.population(population) else { return Vec::new() };
        let (shape, fusions) = (from.shape, &self.fusions[population.0 as usize]);
        let of_step = |step| {
            let mut membranes = vec![0; shape.len()];
            for (i, v) in record.membranes_after(fusions, step).into_iter().enumerate() {
                let (position, channel) = (i / shape.channels, i % shape.channels);
                membranes[from.outside(channel * shape.positions() + position)] = v;
            }
            membranes
        };
        (0..record.own_steps().len()).map(of_step).collect()
    }

    /// Spikes of a population in a pass: one flag a neuron, `[c, h, w]` row-major as the outside numbers them, for each
    /// timestep of its window, as far as the outcome is of these.
    pub fn spikes(&self, outcome: &PassOutcome, population: PopulationId) -> Vec<Vec<bool>> {
        let from = &self.program.model.populations[population];
        let Population { shape, window, .. } = from;
        let Some(record) = outcome.traces.population(population) else {
            return vec![vec![false; shape.len()]; window.steps as usize];
        };
        let mut spikes = vec![vec![false; shape.len()]; record.own_steps().len()];
        for (step, flags) in record.own_steps().zip(&mut spikes) {
            for position in 0..shape.positions() {
                for channel in 0..shape.channels {
                    let fired = record.spikes.bits(step, record.spikes.bit(position, channel), 1) == 1;
                    flags[from.outside(channel * shape.positions() + position)] = fired;
                }
            }
        }
        spikes
    }
}
