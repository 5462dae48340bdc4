//! Numbering the neurons of irregular populations, and the channels of maps, anew.
//!
//! The order of neurons that only sparse projections touch is free. A mapping chooses it so that every core holds
//! consecutive neurons. The order of channels is free where every kernel joins all channels with all: slices are ranges
//! of channels, so a mapping puts channels of one threshold side by side ([`SpikingIr::by_threshold`]).
//! [`Population::order`] remembers the numbers by which users know them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{Bias, Connectivity, Convolution, Kernel, Population, Projection, SpikingIr, sparse};
use crate::ir::PopulationId;

/// For each population numbered anew: the present number of its new neuron i, or of its new channel i if it has
/// several.
pub type Orders = BTreeMap<PopulationId, Vec<u32>>;

impl SpikingIr {
    /// Why a population cannot be numbered by `order`.
    pub fn order_problem(&self, id: PopulationId, order: &[u32]) -> Option<String> {
        let Some(population) = self.model.populations.get(id) else {
            return Some("does not exist".into());
        };
        if let Some(problem) = population.order_problem(order) {
            return Some(problem);
        }
        let mut touched = self.projections.values().filter(|p| p.source == id || p.target == id);
        if population.shape.channels == 1 {
            let regular = touched.any(|p| p.sparse().is_none());
            return regular.then(|| "a convolution needs the neurons in their places".into());
        }
        let inputs = self.model.inputs.iter().map(|host| host.population);
        if inputs.chain(self.model.readouts.iter().map(|r| r.population)).any(|host| host == id) {
            return Some("the host writes or reads its channels in their places".into());
        }
        let grouped = touched.any(|p| !self.joins_all_channels(p));
        grouped.then(|| "a kernel that does not join all channels needs them in their places".into())
    }

    /// Whether a projection is a kernel that joins all channels of its source with all of its target.
    fn joins_all_channels(&self, projection: &Projection) -> bool {
        let channels = |id: PopulationId| self.model.populations[id].shape.channels;
        let kernel = projection.conv().map(|conv| &conv.kernel.channels);
        kernel.is_some_and(|map| map.joins_all(channels(projection.source), channels(projection.target)))
    }

    /// Orders that put channels of equal thresholds side by side, lowest first, of the populations whose channels may
    /// change places and do.
    pub fn by_threshold(&self) -> Orders {
        let of = |(id, population): (PopulationId, &Population)| {
            let thresholds = population.dynamics.thresholds();
            let mut order: Vec<u32> = (0..thresholds.len() as u32).collect();
            order.sort_by_key(|&channel| thresholds[channel as usize]);
            let free = !order.is_sorted() && population.shape.channels > 1;
            (free && self.order_problem(id, &order).is_none()).then_some((id, order))
        };
        self.model.populations.iter().filter_map(of).collect()
    }

    /// Whether a population's neurons may be numbered anew: only sparse projections touch it, and some do.
    pub fn order_is_free(&self, id: PopulationId) -> bool {
        let mut touched = self.projections.values().filter(|p| p.source == id || p.target == id).peekable();
        let port = self.model.populations[id].dynamics.is_port();
        !port && touched.peek().is_some() && touched.all(|p| p.sparse().is_some())
    }

    /// The networks with some populations numbered anew; [`SpikingIr::order_problem`] must find none.
    pub fn reordered(&self, orders: &Orders) -> Cow<'_, Self> {
        if orders.is_empty() {
            return Cow::Borrowed(self);
        }
        let mut ir = Self { model: self.model.clone(), projections: Default::default() };
        for (&id, order) in orders {
            ir.model.populations[id].reorder(order);
        }
        for projection in self.projections.values() {
            let of = |id| orders.get(&id).map(Vec::as_slice);
            let (source, target) = (of(projection.source), of(projection.target));
            ir.projections.push(match &projection.connectivity {
                Connectivity::Sparse(sparse) if source.is_some() || target.is_some() => super::Projection {
                    connectivity: Connectivity::Sparse(sparse.renumbered(source, target)),
                    ..*projection
                },
                Connectivity::Conv(conv) if source.is_some() || target.is_some() => super::Projection {
                    connectivity: Connectivity::Conv(with_channels(conv, source, target)),
                    ..*projection
                },
                _ => projection.clone(),
            });
        }
        Cow::Owned(ir)
    }

    /// How `model`, a reordered copy of this IR's, numbers its populations: the orders that lead there.
    pub fn orders_of(&self, model: &super::SpikingModel) -> Orders {
        let pairs = self.model.populations.iter().zip(model.populations.values());
        let order = |((id, from), to): ((PopulationId, &Population), &Population)| {
            let to = to.order.as_ref().filter(|_| from.order != to.order)?;
            // Goes through the users' numbers. An order that is no permutation is kept, so that the verifier finds it.
            let position = from.order.as_ref().map(|from| sparse::inverse(from));
            let through = |&outside: &u32| match &position {
                Some(position) => position.get(outside as usize).copied().unwrap_or(u32::MAX),
                None => outside,
            };
            Some((id, to.iter().map(through).collect()))
        };
        pairs.filter_map(order).collect()
    }
}

impl Population {
    /// Why `order` is no numbering of the population.
    pub fn order_problem(&self, order: &[u32]) -> Option<String> {
        if self.dynamics.is_port() {
            return Some("is spikes from outside, which keep their order".into());
        }
        if self.shape.channels == 1 && self.shape.height != 1 {
            return Some(format!("{} is one map, and no line of neurons, whose order is free", self.shape));
        }
        let (count, of) = match self.shape.channels {
            1 => (self.shape.len(), "neurons"),
            channels => (channels, "channels"),
        };
        let mut seen = vec![false; order.len()];
        let fresh = |&i: &u32| seen.get_mut(i as usize).is_some_and(|seen| !std::mem::replace(seen, true));
        let whole = order.len() == count && order.iter().all(fresh);
        (!whole).then(|| format!("order is no permutation of {count} {of}"))
    }

    fn reorder(&mut self, order: &[u32]) {
        // Neurons of a line, or of a channel, which stay together.
        let together = if self.shape.channels == 1 { 1 } else { self.shape.positions() };
        match &mut self.bias {
            Bias::Neuron(values) => {
                let own =
                    |&i: &u32| values[i as usize * together..(i as usize + 1) * together].iter().copied();
                *values = order.iter().flat_map(own).collect();
            }
            Bias::Channel(values) if self.shape.channels > 1 => {
                *values = order.iter().map(|&i| values[i as usize]).collect();
            }
            Bias::Channel(_) | Bias::Zero | Bias::Host => {}
        }
        if self.shape.channels > 1 {
            self.dynamics.reorder_channels(order);
        }
        let before = self.order.take();
        let outside = |&i: &u32| before.as_ref().map_or(i, |before| before[i as usize]);
        self.order = Some(order.iter().map(outside).collect());
    }
}

/// A convolution that joins all channels, between populations whose channels are numbered anew.
fn with_channels(conv: &Convolution, sources: Option<&[u32]>, targets: Option<&[u32]>) -> Convolution {
    let kernel = &conv.kernel;
    let mut weights = Vec::with_capacity(kernel.weights.len());
    for input in 0..kernel.channels.inputs {
        let input = sources.map_or(input, |order| order[input] as usize);
        for tap in 0..kernel.height * kernel.width {
            let row = kernel.row(input, tap / kernel.width, tap % kernel.width);
            match targets {
                Some(order) => weights.extend(order.iter().map(|&output| row[output as usize])),
                None => weights.extend_from_slice(row),
            }
        }
    }
    Convolution { map: conv.map, kernel: Kernel { weights, ..*kernel } }
}
