//! The mapping report: what was used, how far packets go, and how far that is from the lower bounds.
//!
//! Traffic assumes that every neuron fires once ("all-fire"), so that mappings compare without a recorded run, or
//! takes the spikes of a recorded one.

mod bounds;
mod hops;
mod relays;
mod text;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use snnc_targets::schema::KernelSharing;
use snnc_targets::{LinkKind, Target};

pub use hops::bound as hops_bound;
pub use relays::RelayFigures;

use super::estimate::Estimate;
use super::partition::Rates;
use super::partition::search::Objective;
use super::route::{self, TableUse};
use super::traffic::CoreTraffic;
use crate::ir::CoreId;
use crate::ir::program::Program;
use crate::ir::program::trees::MulticastTrees;
use crate::ir::program::usage::{CoreUsage, Limit, core_use};
use crate::ir::spiking::{HostWork, SpikingIr};

/// Figures of a mapped model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MappingReport {
    /// Name of the model.
    pub model: String,
    /// Name of the target.
    pub target: String,
    /// Cores in use.
    pub cores: usize,
    /// Chips in use.
    pub chips: usize,
    /// Cores of the chips present: boards have whole rows of chips.
    pub cores_available: usize,
    /// Least cores that could hold the model, by limit.
    pub core_bounds: Vec<LowerBound>,
    /// Use of each limit over the cores in use.
    pub limits: Vec<LimitUse>,
    /// Weights and synapses.
    pub synapses: SynapseFigures,
    /// Expected traffic.
    pub traffic: TrafficFigures,
    /// Layers in the order in which they run.
    pub layers: Vec<LayerFigures>,
    /// What the host computes beside the chip, in a pass of each network.
    pub host: Vec<HostWork>,
    /// Neurons that repeat spikes which wait longer than the chip's delays.
    pub relays: RelayFigures,
    /// What the mapping was made for, and what it is expected to take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<Expected>,
}

/// What a mapping was made for, and what it is expected to take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Expected {
    /// What the mapping makes small.
    pub objective: Objective,
    /// What was not searched for the objective, and why, in sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exceptions: Vec<String>,
    /// Time and energy of an item, their bounds, and what they wait for.
    #[serde(flatten)]
    pub estimate: Estimate,
}

/// A named lower bound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LowerBound {
    /// The limit that it follows from.
    pub by: String,
    /// The bound.
    pub least: u64,
}

/// Use of one limit over the cores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LimitUse {
    /// Name of the limit.
    pub limit: String,
    /// Least use of a core.
    pub min: u64,
    /// Mean over the cores in use.
    pub mean: f64,
    /// Largest use of a core.
    pub max: u64,
    /// The target's limit.
    pub of: Option<u64>,
}

/// Weights and synapses, and what they take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SynapseFigures {
    /// Distinct weights of the model.
    pub weights: u64,
    /// Unrolled synapses, borders cut.
    pub synapses: u64,
    /// Bits in use by the target's accounting.
    pub stored_bits: u64,
    /// Bits if every core stored each kernel once.
    pub shared_bits: u64,
    /// Bits if every synapse were stored.
    pub unshared_bits: u64,
}

/// Expected traffic: every neuron fires once, or as often as in an image of a recorded run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrafficFigures {
    /// Whether spikes are those of a recorded run.
    pub measured: bool,
    /// Packets: one for every spike and destination axon.
    pub packets: u64,
    /// No mapping onto such cores needs fewer.
    pub packets_bound: u64,
    /// Packets x hops; link crossings of trees on a multicast target.
    pub hops: u64,
    /// No placement of these cores needs fewer.
    pub hops_bound: u64,
    /// Packets that stay within a tile.
    pub within_tile: u64,
    /// Packets that cross a chip border (counted once for each crossing).
    pub chip_crossings: u64,
    /// Packets on the busiest link.
    pub max_link: u64,
    /// Mean over the links in use.
    pub mean_link: f64,
    /// Multicast targets only: hops and loads above are then those of trees, each crossed once a spike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multicast: Option<TableUse>,
}

/// Figures of one layer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LayerFigures {
    /// `network.layer`.
    pub name: String,
    /// `[c, h, w]`.
    pub shape: [usize; 3],
    /// Neurons.
    pub neurons: usize,
    /// Cores that hold some of them.
    pub cores: usize,
    /// Largest tile, `[c, h, w]`.
    pub tile: [u32; 3],
    /// Largest synapse memory of such a core, in bits.
    pub synapse_bits_max: u64,
    /// Expected packets that its neurons send.
    pub packets: u64,
}

impl MappingReport {
    /// Computes the figures of a verified program.
    pub fn new(ir: &SpikingIr, program: &Program, rates: &Rates) -> Self {
        let uses: Vec<CoreUsage> = program.chip_cores().map(|(core, _)| program.core_use(core)).collect();
        let topology = program.topology();
        let chips = program.chip_cores().map(|(core, _)| topology.chip_of(program.sites[core]));
        let chips: BTreeSet<u32> = chips.collect();
        Self {
            model: ir.model.name.clone(),
            target: program.target.name.clone(),
            cores: uses.len(),
            chips: chips.len(),
            cores_available: topology.sites() as usize,
            core_bounds: bounds::cores(ir, &program.target),
            limits: limits(&uses, &program.target),
            synapses: synapses(ir, program),
            traffic: traffic(ir, program, rates),
            layers: layers(program, &uses, rates),
            relays: RelayFigures::of(&ir.model),
            host: ir.model.networks.keys().flat_map(|network| ir.model.host_work(network)).collect(),
            expected: None,
        }
    }

    /// The report with what the mapping is expected to take.
    #[must_use]
    pub fn with_estimate(
        mut self,
        (objective, exceptions): (Objective, Vec<String>),
        estimate: Option<Estimate>,
    ) -> Self {
        self.expected = estimate.map(|estimate| Expected { objective, exceptions, estimate });
        self
    }
}

/// How much of each limit the cores of a program use.
pub fn limits(uses: &[CoreUsage], target: &Target) -> Vec<LimitUse> {
    Limit::ALL.iter().map(|&limit| limit_use(limit, uses, target)).collect()
}

fn limit_use(limit: Limit, uses: &[CoreUsage], target: &Target) -> LimitUse {
    let values: Vec<u64> = uses.iter().map(|u| u.get(limit)).collect();
    LimitUse {
        limit: limit.to_string(),
        min: values.iter().copied().min().unwrap_or(0),
        mean: values.iter().sum::<u64>() as f64 / values.len().max(1) as f64,
        max: values.iter().copied().max().unwrap_or(0),
        of: limit.of(target),
    }
}

/// Synapse memory of all cores under another sharing rule, in bits.
fn bits_as(program: &Program, sharing: KernelSharing) -> u64 {
    let mut target = program.target.clone();
    target.synapses.kernel_sharing.0 = sharing;
    program.chip_cores().map(|(_, core)| core_use(core, &target, &program.model).synapse_bits).sum()
}

fn synapses(ir: &SpikingIr, program: &Program) -> SynapseFigures {
    SynapseFigures {
        weights: ir.projections.values().map(|p| p.weights().len() as u64).sum(),
        synapses: ir.projections.values().map(|p| p.synapses()).sum(),
        stored_bits: bits_as(program, program.target.synapses.kernel_sharing.get()),
        shared_bits: bits_as(program, KernelSharing::Ideal),
        unshared_bits: bits_as(program, KernelSharing::Unshared),
    }
}

fn traffic(ir: &SpikingIr, program: &Program, rates: &Rates) -> TrafficFigures {
    let traffic = CoreTraffic::expected(&program.cores, rates);
    let packets = traffic.packets();
    let whole = |count: u64| (count as f64 / rates.scale()).round() as u64;
    let topology = program.topology();
    let mut links = vec![0u64; topology.links()];
    let (mut hops, mut within_tile, mut chip_crossings) = (0, traffic.local, 0);
    for (&(from, to), &packets) in &traffic.flows {
        let mut length = 0;
        for (link, kind) in topology.path(program.sites[from], program.sites[to]) {
            links[link.0 as usize] += packets;
            length += 1;
            chip_crossings += if kind == LinkKind::Chip { packets } else { 0 };
        }
        hops += packets * length;
        within_tile += if length == 0 { packets } else { 0 };
    }
    let mut least_hops = hops_bound(&traffic.among(program.chip_cores().count()), &topology);
    let mut multicast = None;
    if let Some(trees) = MulticastTrees::of(program) {
        multicast = Some(route::table_use(program, &trees, whole(hops)));
        let loads = route::loads(program, &trees, rates);
        (links, chip_crossings, least_hops) = (loads.links, loads.chip_crossings, loads.least_hops);
        hops = links.iter().sum();
    }
    let used = links.iter().filter(|&&load| load > 0).count();
    TrafficFigures {
        measured: !rates.is_uniform(),
        packets: whole(packets),
        packets_bound: bounds::packets(ir, &program.target, rates).floor() as u64,
        hops: whole(hops),
        hops_bound: whole(least_hops),
        within_tile: whole(within_tile),
        chip_crossings: whole(chip_crossings),
        max_link: whole(links.iter().copied().max().unwrap_or(0)),
        mean_link: hops as f64 / rates.scale() / used.max(1) as f64,
        multicast,
    }
}

/// Expected packets times hops; link crossings of trees on a multicast target.
pub fn packet_hops(program: &Program, rates: &Rates) -> f64 {
    if let Some(trees) = MulticastTrees::of(program) {
        return route::loads(program, &trees, rates).links.iter().sum::<u64>() as f64;
    }
    let topology = program.topology();
    let flows = CoreTraffic::expected(&program.cores, rates).flows;
    let hops = |(from, to)| u64::from(topology.distance(program.sites[from], program.sites[to]));
    flows.into_iter().map(|(pair, packets)| packets as f64 * hops(pair) as f64).sum()
}

fn layers(program: &Program, uses: &[CoreUsage], rates: &Rates) -> Vec<LayerFigures> {
    let figures = |(id, population): (_, &crate::ir::spiking::Population)| {
        let held = || {
            program.cores.iter().flat_map(move |(core, c)| {
                c.slices.iter().filter(move |s| s.slice.population == id).map(move |s| (core, s))
            })
        };
        let cores: BTreeSet<CoreId> =
            held().map(|(core, _)| core).filter(|&core| !program.is_port(core)).collect();
        let most = |size: fn(&crate::ir::program::Slice) -> u32| {
            held().map(|(_, s)| size(&s.slice)).max().unwrap_or(0)
        };
        LayerFigures {
            name: program.model.layer_name(id),
            shape: [population.shape.channels, population.shape.height, population.shape.width],
            neurons: population.shape.len(),
            cores: cores.len(),
            tile: [
                most(|s| s.atoms()),
                most(|s| s.rows.end - s.rows.start),
                most(|s| s.cols.end - s.cols.start),
            ],
            synapse_bits_max: cores.iter().map(|c| uses[c.0 as usize].synapse_bits).max().unwrap_or(0),
            packets: (held()
                .map(|(_, s)| s.destinations.len() as u64 * u64::from(s.slice.atoms()))
                .sum::<u64>() as f64
                * rates.of(id))
            .round() as u64,
        }
    };
    program.model.populations.iter().map(figures).collect()
}
