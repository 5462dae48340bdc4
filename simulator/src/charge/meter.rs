//! The meter: takes each pass's counts, times it, and enters it into a record. It only observes.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use snnc_compiler::ir::program::Program;

use super::energy_model::EnergyModel;
use super::tally::{of_step, summed};
use super::timesteps::Timesteps;
use super::{Charged, CrossbarExpansion, Ledger, PaperFigure, Prices, TallyByIteration, host_macs};
use snnc_targets::{Diagnostic, EnergyEvent, Target};

use crate::counts::{Grain, PassCounts, SliceTable};
use crate::execute::slice::SliceTrace;
use crate::noc::Noc;
use crate::time::cycle::{PassActivity, PassPlace, Watcher};
use crate::time::{Analytic, Cycle, Fidelity, LayerTimes, PacketDestinations, PassTime};

/// What happened and what it cost: one item of a workload, or the sum of several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeterRecord {
    /// How time was modelled.
    pub fidelity: Fidelity,
    /// Which item of the workload, for the choice of sampled timesteps; 0 for sums.
    pub item: u64,
    /// Seed of the workload, for the same choice; 0 for sums.
    pub seed: u64,
    /// Events and time.
    pub tally: TallyByIteration,
    /// Energy.
    pub ledger: Ledger,
    /// The energy of `ledger` by constant of the target.
    pub charged: Charged,
    /// Energy with every constant at the lowest, and with every constant at the highest value of its range; of times as
    /// well where the meter times passes there ([`Meter::other_times`]).
    pub bounds: [Ledger; 2],
    /// Time at each of [`Meter::other_times`], ps.
    pub at_other_times_ps: Vec<u128>,
    /// Whose work timesteps wait for, at the nominal times, then at the lowest and at the highest where passes are
    /// timed there; empty without a time.
    pub layers: Vec<LayerTimes>,
    /// Multiply-accumulates that the host spent on direct-coded layers; see [`PaperFigure`].
    pub host_macs: u128,
    /// Timesteps, busiest links and slowest packets.
    pub timesteps: Timesteps,
    /// Time of the parts of a pass that has not ended: its static energy is charged when it does.
    pub open_ps: u64,
    /// The same at [`Meter::other_times`].
    pub open_at_other_times_ps: Vec<u64>,
}

impl MeterRecord {
    /// Adds another record of the same meter. Sums keep no single timesteps.
    pub fn merge(&mut self, other: &Self) {
        self.tally.merge(&other.tally);
        self.ledger.merge(&other.ledger);
        self.charged.merge(&other.charged);
        self.bounds.iter_mut().zip(&other.bounds).for_each(|(a, b)| a.merge(b));
        self.at_other_times_ps.iter_mut().zip(&other.at_other_times_ps).for_each(|(a, b)| *a += b);
        self.layers.iter_mut().zip(&other.layers).for_each(|(a, b)| a.merge(b));
        self.host_macs += other.host_macs;
        self.timesteps.merge(&other.timesteps);
    }

    /// Energy of operations as SNN papers give it.
    pub fn paper_figure(&self) -> PaperFigure {
        let accumulates = self.tally.total().total().events[EnergyEvent::SynapticOperation];
        PaperFigure { accumulates, multiply_accumulates: self.host_macs }
    }
}

/// Times at which passes are timed besides the nominal ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OtherTime {
    /// Every constant of time at that end of its range which makes times short: queues at their deepest.
    Lowest,
    /// Every constant of time at the other end.
    Highest,
    /// One constant of time, by its name, at its lowest value.
    LowestOf(String),
    /// One constant of time at its highest value.
    HighestOf(String),
}

/// Times and charges the passes of one program. Shared by threads; each has its own [`MeterRecord`].
#[derive(Debug, Clone, PartialEq)]
pub struct Meter {
    fidelity: Fidelity,
    slices: SliceTable,
    network: Noc,
    /// None where passes are not timed.
    routes: Option<PacketDestinations>,
    analytic: Analytic,
    cycle: Option<Cycle>,
    crossbar_expansion: Option<CrossbarExpansion>,
    energy_model: EnergyModel,
    /// At the lowest and at the highest values; none if no constant has a range.
    energy_model_bounds: Option<[EnergyModel; 2]>,
    other_times: Vec<OtherTime>,
    /// Whether each constant with a range was asked about.
    each_constant: bool,
    /// By network index.
    macs: Vec<u128>,
    /// Populations of the program.
    populations: usize,
}

impl Meter {
    /// Prepares routes, prices and times; `slices` is the program's slice numbering.
    ///
    /// # Errors
    /// What [`Cycle::new`] refuses, if `fidelity` asks for it.
    pub fn new(program: &Program, slices: &SliceTable, fidelity: Fidelity) -> Result<Self, Diagnostic> {
        Self::with_ends(program, slices, fidelity, false)
    }

    /// Like [`Meter::new`]; with `each` it also times every pass with each constant of time at each end of its range.
    /// Where times are simulated, each end is a simulation of its own.
    ///
    /// # Errors
    /// Those of [`Meter::new`].
    pub fn with_ends(
        program: &Program,
        slices: &SliceTable,
        fidelity: Fidelity,
        each: bool,
    ) -> Result<Self, Diagnostic> {
        let others = other_times(program, fidelity, each);
        let (other_times, targets): (Vec<OtherTime>, Vec<Target>) = others.into_iter().unzip();
        let cycle = match fidelity {
            Fidelity::Cycle { every } => Some(Cycle::new(program, slices, every)?.at(program, &targets)?),
            Fidelity::None | Fidelity::Analytic => None,
        };
        let timings = targets.iter().map(Target::timing).collect();
        Ok(Self {
            fidelity,
            other_times,
            each_constant: each,
            slices: slices.clone(),
            network: Noc::new(program, slices),
            routes: (fidelity != Fidelity::None).then(|| PacketDestinations::new(program)),
            analytic: Analytic::new(program, slices).at(timings),
            cycle,
            crossbar_expansion: CrossbarExpansion::new(program, slices),
            energy_model: EnergyModel::new(program, slices, program.target.energy()),
            energy_model_bounds: (!program.target.energy.ranges.is_empty()).then(|| {
                program.target.energy_bounds().map(|energy| EnergyModel::new(program, slices, energy))
            }),
            macs: program.model.networks.keys().map(|network| host_macs(program, network)).collect(),
            populations: program.model.populations.len(),
        })
    }

    /// Whether the meter was asked what each constant with a range moves; no constant of time need have one.
    pub fn asks_each_constant(&self) -> bool {
        self.each_constant
    }

    /// At how many times it is kept whose work timesteps wait for: none, the nominal, or that and both ends.
    fn layer_times(&self) -> usize {
        if self.fidelity == Fidelity::None { 0 } else { 1 + self.other_times.len().min(2) }
    }

    /// The slice numbering.
    pub fn slices(&self) -> &SliceTable {
        &self.slices
    }

    /// The routes.
    pub fn network(&self) -> &Noc {
        &self.network
    }

    /// Whether [`Meter::add_pass`] looks at traces; if not, it may be given none.
    pub fn reads_traces(&self) -> bool {
        let timed = |routes: &PacketDestinations| self.cycle.is_some() || !routes.next_step();
        self.routes.as_ref().is_some_and(timed) || self.crossbar_expansion.is_some()
    }

    /// How finely passes must be counted for [`Meter::add_pass`].
    pub fn grain(&self) -> Grain {
        if self.fidelity == Fidelity::None { Grain::Pass } else { Grain::Timestep }
    }

    /// A record without passes.
    pub fn record(&self) -> MeterRecord {
        self.item(0)
    }

    /// Whether a record that was read from a file can be that of an item of at most so many passes which this meter
    /// charged: the same kind of time, and as many networks, slices, links and times as the program has.
    pub fn admits(&self, record: &MeterRecord, passes: usize) -> bool {
        let (slices, links) = (self.slices.cores.len(), self.network.links().len());
        let known = |core: u32| self.slices.cores.iter().any(|found| found.0 == core);
        let MeterRecord { tally, ledger, bounds, timesteps, .. } = record;
        let others = self.other_times.len();
        record.fidelity == self.fidelity
            && tally.fits(self.macs.len(), slices, passes)
            && std::iter::once(ledger).chain(bounds).all(|ledger| ledger.fits(slices, passes))
            && [record.at_other_times_ps.len(), record.open_at_other_times_ps.len()] == [others, others]
            && record.layers.len() == self.layer_times()
            && record.layers.iter().all(|times| times.layers.len() == self.populations)
            && (timesteps.link_packets.is_empty() || timesteps.link_packets.len() == links)
            && (timesteps.slowest.iter())
                .all(|slow| (slow.packet.slice as usize) < slices && known(slow.packet.core))
    }

    /// A record of item `item` of a workload that draws nothing, without passes.
    pub fn item(&self, item: u64) -> MeterRecord {
        self.seeded(item, 0)
    }

    /// A record of item `item` of a workload whose draws follow from `seed`, without passes.
    pub fn seeded(&self, item: u64, seed: u64) -> MeterRecord {
        let slices = self.slices.cores.len();
        MeterRecord {
            fidelity: self.fidelity,
            item,
            seed,
            tally: TallyByIteration::new(self.macs.len(), slices),
            ledger: Ledger::new(slices),
            charged: Charged::default(),
            bounds: [Ledger::new(slices), Ledger::new(slices)],
            layers: vec![LayerTimes::new(self.populations); self.layer_times()],
            host_macs: 0,
            timesteps: Timesteps::default(),
            at_other_times_ps: vec![0; self.other_times.len()],
            open_ps: 0,
            open_at_other_times_ps: vec![0; self.other_times.len()],
        }
    }

    /// The prices of events.
    pub fn prices(&self) -> &Prices {
        &self.energy_model.prices
    }

    /// Static power of the whole board, W.
    pub fn static_watts(&self) -> f64 {
        self.energy_model.static_split.watts()
    }

    /// At which other times passes are timed: none if the target gives no ranges of times that this run reads, or times
    /// are simulated and ends were not asked for; the lowest and the highest first.
    pub fn other_times(&self) -> &[OtherTime] {
        &self.other_times
    }

    /// The analytic formula.
    pub fn analytic(&self) -> &Analytic {
        &self.analytic
    }

    /// The cycle-accurate model, if the fidelity asks for it.
    pub fn cycle(&self) -> Option<&Cycle> {
        self.cycle.as_ref()
    }

    /// Enters a pass, or a part of one after those before it, as the item's `iteration`-th (from 0; the decoder's pass
    /// follows the denoiser's). Returns its time, unless the fidelity is [`Fidelity::None`]. `traces` are the spikes of
    /// the same pass, by slice; counts are of [`Meter::grain`] or finer.
    pub fn add_pass(
        &self,
        record: &mut MeterRecord,
        iteration: usize,
        counts: &PassCounts,
        traces: &[SliceTrace],
    ) -> Option<PassTime> {
        let time = self.add_watched(record, iteration, (counts, traces), None);
        time.expect("nobody watches, so nobody fails")
    }

    /// Like [`Meter::add_pass`], before a watcher's eyes.
    ///
    /// # Errors
    /// The watcher's; nothing was entered then.
    pub fn add_watched(
        &self,
        record: &mut MeterRecord,
        iteration: usize,
        (counts, traces): (&PassCounts, &[SliceTrace]),
        watcher: Option<&mut dyn Watcher>,
    ) -> Result<Option<PassTime>, Diagnostic> {
        let time = self.time(record, iteration, (counts, traces), watcher)?;
        let mut slices = summed(&self.network, counts);
        let work = self.crossbar_expansion.as_ref().map(|expansion| {
            expansion.expand_packets(&mut slices);
            expansion.expand_work(&slices, traces)
        });
        let charged = work.as_deref().unwrap_or(&slices);
        let bounds =
            self.energy_model_bounds.as_ref().map_or([&self.energy_model; 2], |[low, high]| [low, high]);
        // Static energy is rounded once a pass, so that parts cost what the whole does.
        record.open_ps = record.open_ps.saturating_add(time.as_ref().map_or(0, PassTime::total_ps));
        let static_ps = (time.is_some() && counts.ends).then(|| std::mem::take(&mut record.open_ps));
        let ends_ps = self.other_times_of(record, time.as_ref(), counts.ends);
        let static_aj = self.energy_model.charge(&mut record.ledger, iteration, charged, static_ps);
        record.charged.add_events(&self.energy_model.prices, charged);
        record.charged.add_static(static_aj);
        let bounds = bounds.into_iter().zip(&mut record.bounds).zip(ends_ps);
        for ((model, ledger), end_ps) in bounds {
            model.charge(ledger, iteration, charged, end_ps.or(static_ps));
        }
        record.tally.add_pass(iteration, &slices, counts, time.as_ref());
        if counts.start == 0 {
            record.host_macs += self.macs[counts.network.0 as usize];
        }
        if let (Some(time), Some(routes)) = (&time, &self.routes) {
            record.layers.iter_mut().zip(&time.layers).for_each(|(sum, more)| sum.merge(more));
            let energy_aj = |step| self.step_energy_aj(counts, time, step);
            let populations = &self.slices.populations;
            let cores = match record.timesteps.by_core {
                0 => Vec::new(),
                most => self.analytic.cores(&self.network, routes, (counts, traces), most),
            };
            record.timesteps.add_pass(
                (record.item, iteration),
                populations,
                (counts, time),
                cores,
                energy_aj,
            );
        }
        Ok(time)
    }

    /// Enters a pass or a part of one at the other times; the lowest and the highest of a pass that ends, if there are.
    fn other_times_of(
        &self,
        record: &mut MeterRecord,
        time: Option<&PassTime>,
        ends: bool,
    ) -> [Option<u64>; 2] {
        let others = time.map_or(&[][..], |time| &time.at_other_times_ps);
        for (open, &more) in record.open_at_other_times_ps.iter_mut().zip(others) {
            *open = open.saturating_add(more);
        }
        if !ends || others.is_empty() {
            return [None; 2];
        }
        let whole: Vec<u64> = record.open_at_other_times_ps.iter_mut().map(std::mem::take).collect();
        record.at_other_times_ps.iter_mut().zip(&whole).for_each(|(sum, &ps)| *sum += u128::from(ps));
        [whole.first().copied(), whole.get(1).copied()]
    }

    /// Attojoules of a timestep; none where a chip repeats work.
    fn step_energy_aj(&self, counts: &PassCounts, time: &PassTime, step: usize) -> Option<u128> {
        if self.crossbar_expansion.is_some() {
            return None;
        }
        let EnergyModel { prices, static_split } = &self.energy_model;
        let happened = of_step(&self.network, &counts.steps[step], time.hops[step]);
        let statics: u128 = static_split.energies(time.steps[step].own_ps()).iter().sum();
        Some(prices.breakdown(&happened).total() + statics)
    }

    fn time(
        &self,
        record: &MeterRecord,
        iteration: usize,
        (counts, traces): (&PassCounts, &[SliceTrace]),
        watcher: Option<&mut dyn Watcher>,
    ) -> Result<Option<PassTime>, Diagnostic> {
        let Some(routes) = &self.routes else { return Ok(None) };
        assert_eq!(counts.steps.len(), counts.timesteps, "time is of passes counted by timestep");
        let mut time = self.analytic.pass(&self.network, routes, counts, traces);
        if let Some(cycle) = &self.cycle {
            let first = record.tally.iterations.iter().map(|iteration| iteration.timesteps).sum();
            let pass = PassActivity { table: &self.slices, routes, counts, traces };
            let at = PassPlace { seed: record.seed, image: record.item, iteration, first };
            cycle.refine(pass, at, watcher, &mut time)?;
        }
        Ok(Some(time))
    }
}

/// The ends of the target's ranges of times, with the target there; with `each` also those of each range by itself.
/// Simulated times have them only then, since every end is a simulation of its own; the formula has those of constants
/// that it reads.
fn other_times(program: &Program, fidelity: Fidelity, each: bool) -> Vec<(OtherTime, Target)> {
    let target = &program.target;
    let simulated = match fidelity {
        Fidelity::None => return Vec::new(),
        Fidelity::Analytic => false,
        Fidelity::Cycle { .. } if each => true,
        Fidelity::Cycle { .. } => return Vec::new(),
    };
    let read: HashSet<String> =
        target.time_constants().into_iter().filter(|c| simulated || c.in_formula).map(|c| c.name).collect();
    let ranges: Vec<_> = target.time_ranges().into_iter().filter(|(name, _)| read.contains(name)).collect();
    if ranges.is_empty() {
        return Vec::new();
    }
    let all = [OtherTime::Lowest, OtherTime::Highest].into_iter().zip(target.at_time_bounds());
    let one = ranges.iter().filter(|_| each).flat_map(|(name, range)| {
        let names = [OtherTime::LowestOf(name.clone()), OtherTime::HighestOf(name.clone())];
        names.into_iter().zip(target.at_time_ends(name, range))
    });
    all.chain(one).collect()
}

#[cfg(test)]
mod tests;
