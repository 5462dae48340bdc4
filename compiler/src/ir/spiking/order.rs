//! Numbering the neurons of irregular populations anew.
//!
//! The order of neurons that only sparse projections touch is free. A mapping chooses it so that every core holds
//! consecutive neurons; [`Population::order`] remembers the numbers by which users know them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{Bias, Connectivity, Population, SpikingIr, sparse};
use crate::ir::PopulationId;

/// For each population numbered anew: the present number of its new neuron i.
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
        let touched = self.projections.values().filter(|p| p.source == id || p.target == id);
        let regular = touched.into_iter().any(|p| p.sparse().is_none());
        regular.then(|| "a convolution needs the neurons in their places".into())
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
        if self.shape.channels != 1 || self.shape.height != 1 {
            return Some(format!("{} is no single line of neurons, which alone has an order", self.shape));
        }
        let mut seen = vec![false; order.len()];
        let fresh = |&i: &u32| seen.get_mut(i as usize).is_some_and(|seen| !std::mem::replace(seen, true));
        let whole = order.len() == self.shape.len() && order.iter().all(fresh);
        (!whole).then(|| format!("order is no permutation of {} neurons", self.shape.len()))
    }

    fn reorder(&mut self, order: &[u32]) {
        if let Bias::Neuron(values) = &mut self.bias {
            *values = order.iter().map(|&i| values[i as usize]).collect();
        }
        self.order = Some(order.iter().map(|&i| self.outside(i as usize) as u32).collect());
    }
}
