//! Slices as the cores hold them: channels of one slice send alike and receive alike.
//!
//! A kernel of several groups joins a channel to its own group alone. A slice is cut so that for every projection that
//! it reads it lies in one group or is whole groups, which one synapse list says; and so that for every slice that it
//! feeds all of its channels reach that slice or none does, so that no spike is sent where it meets no synapse. Targets
//! come after their sources, so going once from the last population to the first settles all; in cycles this is
//! repeated until no slice is cut any more. Without groups nothing is cut.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use snnc_targets::entity::EntityMap;

use crate::ir::channels::ChannelMap;
use crate::ir::program::Slice;
use crate::ir::spiking::{Projection, SpikingIr};
use crate::ir::{CoreId, PopulationId};

/// The slices of each core, cut where groups of channels ask for it; neurons stay on their cores.
pub fn refined(ir: &SpikingIr, cores: &EntityMap<CoreId, Vec<Slice>>) -> EntityMap<CoreId, Vec<Slice>> {
    let mut refined = cores.clone();
    if ir.projections.values().all(|p| groups(ir, p).is_none()) {
        return refined;
    }
    let mut senders: BTreeMap<PopulationId, BTreeSet<u32>> = BTreeMap::new();
    let count = |cores: &EntityMap<CoreId, Vec<Slice>>| cores.values().map(Vec::len).sum::<usize>();
    let cycles = ir.projections.values().any(|p| p.source >= p.target);
    loop {
        let before = count(&refined);
        cut_backwards(ir, &mut senders, &mut refined);
        if !cycles || count(&refined) == before {
            return refined;
        }
    }
}

/// Cuts the slices of all populations, the last first; `senders` are channels where what they feed begins or ends.
fn cut_backwards(
    ir: &SpikingIr,
    senders: &mut BTreeMap<PopulationId, BTreeSet<u32>>,
    refined: &mut EntityMap<CoreId, Vec<Slice>>,
) {
    let populations: Vec<PopulationId> = ir.model.populations.keys().collect();
    for &population in populations.iter().rev() {
        let incoming: Vec<(PopulationId, ChannelMap)> = ir
            .projections
            .values()
            .filter(|p| p.target == population)
            .filter_map(|p| Some((p.source, groups(ir, p)?)))
            .collect();
        let maps: Vec<ChannelMap> = incoming.iter().map(|&(_, map)| map).collect();
        let boundaries = senders.get(&population).cloned().unwrap_or_default();
        for slices in refined.values_mut() {
            let pieces = |slice: &Slice| match slice.population == population {
                true => with_channels(slice, pieces(&slice.channels, &boundaries, &maps)),
                false => vec![slice.clone()],
            };
            *slices = slices.iter().flat_map(pieces).collect();
            for slice in slices.iter().filter(|slice| slice.population == population) {
                for (source, map) in &incoming {
                    let reached = sources_of(map, &slice.channels);
                    senders.entry(*source).or_default().extend([reached.start, reached.end]);
                }
            }
        }
    }
}

/// The channels of a projection whose kernel does not join all with all.
pub fn groups(ir: &SpikingIr, projection: &Projection) -> Option<ChannelMap> {
    let channels = |id| ir.model.populations[id].shape.channels;
    let map = projection.conv()?.kernel.channels;
    (!map.joins_all(channels(projection.source), channels(projection.target))).then_some(map)
}

/// Source channels that reach some channels.
pub fn sources_of(map: &ChannelMap, channels: &Range<u32>) -> Range<u32> {
    let sources = map.sources_of(&(channels.start as usize..channels.end as usize));
    sources.start as u32..sources.end as u32
}

/// Some channels cut at the boundaries of what they feed, and so that each piece suits the groups that feed it.
pub fn pieces(channels: &Range<u32>, boundaries: &BTreeSet<u32>, maps: &[ChannelMap]) -> Vec<Range<u32>> {
    let mut cuts: BTreeSet<u32> = boundaries.range(channels.start + 1..channels.end).copied().collect();
    loop {
        let whole = between(channels, &cuts);
        let own = |piece: &Range<u32>| piece.start as usize..piece.end as usize;
        let needed = whole.iter().flat_map(|piece| maps.iter().flat_map(move |map| map.cuts_of(&own(piece))));
        let before = cuts.len();
        cuts.extend(needed.map(|cut| cut as u32));
        // A cut for one projection can part the groups of another.
        if cuts.len() == before {
            return whole;
        }
    }
}

fn between(channels: &Range<u32>, cuts: &BTreeSet<u32>) -> Vec<Range<u32>> {
    let mut start = channels.start;
    let ends = cuts.iter().copied().chain([channels.end]);
    ends.map(|end| std::mem::replace(&mut start, end)..end).collect()
}

fn with_channels(slice: &Slice, pieces: Vec<Range<u32>>) -> Vec<Slice> {
    pieces.into_iter().map(|channels| Slice { channels, ..slice.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_suit_all_groups_at_once() {
        let maps = [ChannelMap::grouped(4, 1, 3), ChannelMap::grouped(6, 1, 2)];
        // Groups of 3 and of 2 have 6 in common; 4 is a boundary of what the channels feed.
        let found = pieces(&(0..12), &BTreeSet::from([4]), &maps);
        assert_eq!(found, [0..2, 2..3, 3..4, 4..6, 6..12]);
        assert_eq!(pieces(&(1..3), &BTreeSet::new(), &maps), [1..2, 2..3]);
        assert_eq!(pieces(&(0..12), &BTreeSet::new(), &[]), vec![0..12]);
    }
}
