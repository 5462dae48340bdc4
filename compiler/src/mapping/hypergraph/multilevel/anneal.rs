//! Simulated annealing of a partition by moves and exchanges: the refinement that copes with full blocks.
//!
//! A proposal takes a random vertex to the block of a random pin of one of its nets; if that block is full, a random
//! vertex of it comes back in exchange. Limits may be exceeded at a price, which rises while they are and sinks
//! while they are not, so that the search passes through illegal partitions but does not end in one.
//! Temperature falls geometrically, by multiplication only: no libm decides. The best legal partition seen at the
//! end of a temperature step is what remains.

use super::counts::PinCounts;
use super::exchange::ExchangePrice;
use super::state::PartitionState;
use crate::mapping::MappingObserver;
use crate::mapping::hypergraph::graph::{BlockId, VertexId};
use crate::random::SplitMix64;

/// How long, and between which temperatures; these are in units of the mean change of cost of a proposal.
#[derive(Debug, Clone, Copy)]
pub struct PartitionAnnealing {
    /// VertexExchanges in total.
    pub proposals: u64,
    /// First temperature.
    pub start: f64,
    /// Last temperature.
    pub end: f64,
    /// Steps of the observer for each temperature: net visits that it is expected to take.
    pub visits: u64,
}

/// Temperature steps.
pub const STEPS: u64 = 128;
/// Steps at the end in which the price of excess only rises.
const CLOSING: u64 = 32;
/// By step. The rise is slow: coarse vertices may have no legal packing at all, and a price that only grows would
/// then destroy the rest.
const PRICE_RISE: f64 = 1.03;
const PRICE_FALL: f64 = 0.9;

/// A vertex, where it goes, and who comes back.
#[derive(Debug, Clone, Copy)]
struct VertexExchange {
    vertex: VertexId,
    to: BlockId,
    back: Option<VertexId>,
}

/// Improves `state`; a legal state stays legal and does not become worse. The observer is told of each temperature.
pub fn anneal<C: PinCounts>(
    state: &mut PartitionState<'_, C>,
    schedule: PartitionAnnealing,
    random: &mut SplitMix64,
    observer: &dyn MappingObserver,
) {
    let mut search = ExchangeSearch::new(state.graph.incidence.nets());
    let Some(scale) = search.typical(state, random) else {
        observer.skip(schedule.visits * STEPS);
        return;
    };
    let mean = |r: usize| {
        let graph = state.graph;
        graph.vertex_weights.iter().skip(r).step_by(graph.resources).sum::<u64>() / graph.vertices() as u64
    };
    // One mean vertex too many costs about as much as a typical change.
    let over = state.excess_units((0..state.graph.resources).map(mean)).max(1);
    let mut price = scale / over as f64;
    let mut temperature = schedule.start * scale;
    let cooling = cooling(schedule.end / schedule.start);
    let mut best = (state.excess() == 0).then(|| (state.cost(), state.blocks().to_vec()));
    for step in 0..STEPS {
        for _ in 0..schedule.proposals / STEPS {
            if let Some(proposal) = propose(state, random) {
                search.decide(state, proposal, temperature, price, random);
            }
        }
        observer.advance(schedule.visits);
        temperature *= cooling;
        if state.excess() > 0 {
            price *= PRICE_RISE;
        } else {
            if step + CLOSING < STEPS {
                price *= PRICE_FALL;
            }
            if best.as_ref().is_none_or(|(cost, _)| state.cost() < *cost) {
                best = Some((state.cost(), state.blocks().to_vec()));
            }
        }
    }
    if let Some((_, blocks)) = best {
        for (v, block) in blocks.into_iter().enumerate() {
            state.shift(VertexId(v as u32), block);
        }
    }
}

/// The factor whose `STEPS`th power is `ratio` (in (0, 1)), by bisection.
fn cooling(ratio: f64) -> f64 {
    let power = |x: f64| (0..STEPS.ilog2()).fold(x, |x, _| x * x);
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if power(middle) < ratio { low = middle } else { high = middle }
    }
    high
}

fn propose<C: PinCounts>(state: &PartitionState<'_, C>, random: &mut SplitMix64) -> Option<VertexExchange> {
    let incidence = &state.graph.incidence;
    let vertex = VertexId(random.below(incidence.vertices()) as u32);
    let nets = incidence.nets_of(vertex);
    let to = if nets.is_empty() || random.below(64) == 0 {
        BlockId(random.below(state.count()) as u32)
    } else {
        let pins = incidence.pins_of(nets[random.below(nets.len())]);
        state.block(pins[random.below(pins.len())])
    };
    if to == state.block(vertex) {
        return None;
    }
    let members = state.members(to);
    let alone = members.is_empty() || random.below(8) == 0 || state.fits(vertex, to);
    let back = (!alone).then(|| members[random.below(members.len())]);
    Some(VertexExchange { vertex, to, back })
}

/// What proposals cost, and whether they pass.
struct ExchangeSearch {
    price: ExchangePrice,
}

impl ExchangeSearch {
    fn new(nets: usize) -> Self {
        Self { price: ExchangePrice::new(nets) }
    }

    /// Mean absolute change of cost over some proposals; `None` if nothing can change.
    fn typical<C: PinCounts>(
        &mut self,
        state: &PartitionState<'_, C>,
        random: &mut SplitMix64,
    ) -> Option<f64> {
        let (mut sum, mut count) = (0, 0);
        for _ in 0..2048 {
            if let Some(proposal) = propose(state, random) {
                let delta = self.delta(state, proposal);
                sum += delta.unsigned_abs();
                count += u64::from(delta != 0);
            }
        }
        (count > 0).then(|| sum as f64 / count as f64)
    }

    /// Change of cost.
    #[inline]
    fn delta<C: PinCounts>(&mut self, state: &PartitionState<'_, C>, proposal: VertexExchange) -> i64 {
        let VertexExchange { vertex, to, back } = proposal;
        match back {
            Some(back) => self.price.delta(state, vertex, to, back),
            None => state.delta(vertex, to),
        }
    }

    /// Carries the proposal out or leaves it.
    fn decide<C: PinCounts>(
        &mut self,
        state: &mut PartitionState<'_, C>,
        proposal: VertexExchange,
        temperature: f64,
        price: f64,
        random: &mut SplitMix64,
    ) {
        let VertexExchange { vertex, to, back } = proposal;
        let from = state.block(vertex);
        let delta = self.delta(state, proposal);
        let excess = state.scalar_excess_delta(vertex, to, back);
        let luck = random.unit();
        let shared = !state.graph.shared.is_empty();
        // Covers are counted by doing it; the most that they could give back is what both blocks exceed by.
        let relief = if shared { state.excess_of(from) + state.excess_of(to) } else { 0 };
        let hoped = delta as f64 + price * (excess as f64 - relief as f64);
        if !accepted(hoped, temperature, luck) {
            return;
        }
        let before = state.excess();
        state.shift(vertex, to);
        if let Some(back) = back {
            state.shift(back, from);
        }
        if shared {
            let excess = state.excess() as f64 - before as f64;
            if !accepted(delta as f64 + price * excess, temperature, luck) {
                state.shift(vertex, from);
                if let Some(back) = back {
                    state.shift(back, to);
                }
            }
        }
    }
}

/// Whether a change for the worse passes: with about exp(-change / temperature), as (1 + x/32)^-32, which needs no
/// libm and is the same on every machine.
fn accepted(change: f64, temperature: f64, luck: f64) -> bool {
    if change <= 0.0 {
        return true;
    }
    let x = change / temperature;
    if x > 24.0 {
        return false;
    }
    let power = (0..5).fold(1.0 + x / 32.0, |p, _| p * p);
    luck * power < 1.0
}
