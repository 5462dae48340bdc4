//! Packets between slices and cores in a timestep or a pass, kept by sending slice.
//!
//! Most slices send every spike to all cores that they reach, so one number tells all of their flows. A pass of a large
//! program has millions of flows, and models of time look at each timestep: what is told by one number is counted as
//! one.

use std::sync::Arc;

use snnc_compiler::ir::CoreId;

/// Packets from one slice to one core, sent in a timestep or a whole pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SliceFlow {
    /// Sending slice ([`super::SliceIndex`]).
    pub source: u32,
    /// Receiving core.
    pub target: CoreId,
    /// Packets.
    pub packets: u64,
}

/// The cores that each slice of a program reaches, ascending.
pub type ReachedCores = Arc<Vec<Vec<CoreId>>>;

/// Packets of a timestep or a pass.
#[derive(Debug, Clone, Default)]
pub struct Flows {
    reached: ReachedCores,
    /// Slices that sent as many packets to each core that they reach, ascending, and how many.
    even: Vec<(u32, u64)>,
    /// Flows of the other slices.
    single: Vec<SliceFlow>,
}

impl Flows {
    /// No packets, of a program whose slices reach these cores.
    pub fn new(reached: ReachedCores) -> Self {
        Self { reached, even: Vec::new(), single: Vec::new() }
    }

    /// Adds the packets of a slice, if there are any; slices come in order. `packets` are by the cores that it reaches.
    pub fn push_source(&mut self, source: u32, packets: &[u64]) {
        match packets.first() {
            Some(&first) if packets.iter().all(|&packets| packets == first) => self.push_even(source, first),
            _ => {
                let cores = self.reached.get(source as usize).map_or(&[][..], Vec::as_slice);
                let flow = |(&target, &packets)| SliceFlow { source, target, packets };
                self.single.extend(cores.iter().zip(packets).map(flow).filter(|flow| flow.packets > 0));
            }
        }
    }

    /// Adds so many packets to each core that a slice reaches; slices come in order.
    pub fn push_even(&mut self, source: u32, packets: u64) {
        if packets > 0 {
            self.even.push((source, packets));
        }
    }

    /// Slices that sent as many packets to each core that they reach, those cores, and how many.
    pub fn even(&self) -> impl Iterator<Item = (u32, &[CoreId], u64)> {
        self.even.iter().map(|&(source, packets)| (source, self.reached[source as usize].as_slice(), packets))
    }

    /// Flows of the other slices.
    pub fn single(&self) -> &[SliceFlow] {
        &self.single
    }

    /// All packets.
    pub fn packets(&self) -> u64 {
        let single: u64 = self.single.iter().map(|flow| flow.packets).sum();
        single + self.even().map(|(_, cores, packets)| cores.len() as u64 * packets).sum::<u64>()
    }

    /// Every flow, ordered by source and then as the slice's flows were added: by target.
    pub fn iter(&self) -> std::vec::IntoIter<SliceFlow> {
        let even = self.even().flat_map(|(source, cores, packets)| {
            cores.iter().map(move |&target| SliceFlow { source, target, packets })
        });
        let mut all: Vec<SliceFlow> = self.single.iter().copied().chain(even).collect();
        all.sort_by_key(|flow| flow.source);
        all.into_iter()
    }
}

impl IntoIterator for &Flows {
    type Item = SliceFlow;
    type IntoIter = std::vec::IntoIter<SliceFlow>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Extend<SliceFlow> for Flows {
    fn extend<I: IntoIterator<Item = SliceFlow>>(&mut self, flows: I) {
        self.single.extend(flows);
    }
}

impl FromIterator<SliceFlow> for Flows {
    fn from_iter<I: IntoIterator<Item = SliceFlow>>(flows: I) -> Self {
        Self { single: flows.into_iter().collect(), ..Self::default() }
    }
}

/// The same packets, however they are kept.
impl PartialEq for Flows {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Flows {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flows_are_the_same_whether_one_number_tells_them_or_each_its_own() {
        let core = |number| CoreId(number);
        let reached = Arc::new(vec![vec![core(1), core(4)], vec![core(0)], vec![core(2), core(3)], vec![]]);
        let mut flows = Flows::new(reached);
        flows.push_source(0, &[3, 3]);
        flows.push_source(1, &[0]);
        flows.push_source(2, &[0, 7]);
        flows.push_source(3, &[]);
        let flow = |source, target, packets| SliceFlow { source, target: core(target), packets };
        let all = [flow(0, 1, 3), flow(0, 4, 3), flow(2, 3, 7)];
        assert_eq!(flows.iter().collect::<Vec<_>>(), all);
        assert_eq!((flows.even().count(), flows.single().len(), flows.packets()), (1, 1, 13));
        assert_eq!(flows, all.into_iter().collect());
        assert_ne!(flows, all[..2].iter().copied().collect());
    }
}
