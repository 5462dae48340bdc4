//! Which channels of a convolution connect: equal groups, in each of which every source channel joins every target
//! channel.
//!
//! One group of all channels is an ordinary convolution, a group a channel a depthwise one, and that with a kernel of
//! one tap joins neurons one to one. Everything that counts or expands synapses asks this type for the channels, as it
//! asks [`super::AxisMap`] for rows and columns.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Channel groups of a convolution. Channels before the first group and behind the last take no part: those of a
/// concatenation under a grouped convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ChannelMap {
    /// Groups, at least 1.
    pub groups: usize,
    /// First source channel of the first group.
    pub first_input: usize,
    /// Source channels of a group, at least 1.
    pub inputs: usize,
    /// First target channel of the first group.
    pub first_output: usize,
    /// Target channels of a group, at least 1.
    pub outputs: usize,
}

impl ChannelMap {
    /// All source channels with all target channels.
    pub fn dense(inputs: usize, outputs: usize) -> Self {
        Self::grouped(1, inputs, outputs)
    }

    /// So many groups of `inputs` source channels and `outputs` target channels each.
    pub fn grouped(groups: usize, inputs: usize, outputs: usize) -> Self {
        Self { groups, first_input: 0, inputs, first_output: 0, outputs }
    }

    /// Each channel with itself.
    pub fn one_to_one(channels: usize) -> Self {
        Self::grouped(channels, 1, 1)
    }

    /// Source channels of all groups.
    pub fn sources(&self) -> Range<usize> {
        self.first_input..self.first_input + self.groups * self.inputs
    }

    /// Target channels of all groups.
    pub fn targets(&self) -> Range<usize> {
        self.first_output..self.first_output + self.groups * self.outputs
    }

    /// Target channels that a source channel joins; empty for a channel outside the groups.
    pub fn targets_of(&self, input: usize) -> Range<usize> {
        if !self.sources().contains(&input) {
            return self.first_output..self.first_output;
        }
        let first = self.first_output + (input - self.first_input) / self.inputs * self.outputs;
        first..first + self.outputs
    }

    /// Source channels that join some of a range of target channels: those of the groups that it touches.
    pub fn sources_of(&self, outputs: &Range<usize>) -> Range<usize> {
        let reached = common(outputs, &self.targets());
        if reached.is_empty() {
            return self.first_input..self.first_input;
        }
        let first = (reached.start - self.first_output) / self.outputs;
        let end = (reached.end - self.first_output).div_ceil(self.outputs);
        self.first_input + first * self.inputs..self.first_input + end * self.inputs
    }

    /// Pairs of channels that join: synapses of a pair of positions and a tap.
    pub fn pairs(&self) -> usize {
        self.groups * self.inputs * self.outputs
    }

    /// Whether it joins all of so many source channels with all of so many target channels.
    pub fn joins_all(&self, inputs: usize, outputs: usize) -> bool {
        self.groups == 1 && (self.inputs, self.outputs) == (inputs, outputs)
    }

    /// Where a range of target channels must be cut so that each piece of it lies in one group or is whole groups.
    pub fn cuts_of(&self, outputs: &Range<usize>) -> impl Iterator<Item = usize> + use<> {
        let reached = common(outputs, &self.targets());
        group_cuts(&reached, self.first_output, self.outputs)
    }
}

/// Where a range must be cut so that each piece lies in one group of `size` or is whole groups, counted from `first`.
pub fn group_cuts(range: &Range<usize>, first: usize, size: usize) -> impl Iterator<Item = usize> + use<> {
    let from_first = |at: usize| at.saturating_sub(first);
    let low = first + from_first(range.start).div_ceil(size) * size;
    let high = first + from_first(range.end) / size * size;
    let cuts = if low > high { [range.start; 2] } else { [low, high] };
    let (inside, twice) = (range.start + 1..range.end, cuts[0] == cuts[1]);
    cuts.into_iter().take(if twice { 1 } else { 2 }).filter(move |cut| inside.contains(cut))
}

/// What two ranges have in common.
pub fn common(a: &Range<usize>, b: &Range<usize>) -> Range<usize> {
    let start = a.start.max(b.start);
    start..a.end.min(b.end).max(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_name_the_same_pairs() {
        for (groups, inputs, outputs) in [(1, 5, 3), (4, 1, 1), (3, 2, 4), (2, 3, 1)] {
            for (first_input, first_output) in [(0, 0), (2, 0), (0, 3), (1, 5)] {
                let map = ChannelMap { groups, first_input, inputs, first_output, outputs };
                let mut pairs = 0;
                for input in 0..20 {
                    for output in 0..20 {
                        // The definition: both in the groups, and in the same.
                        let inside = input >= first_input && output >= first_output;
                        let group = |at: usize, first: usize, size: usize| at.wrapping_sub(first) / size;
                        let (a, b) =
                            (group(input, first_input, inputs), group(output, first_output, outputs));
                        let joins = inside && a == b && a < groups;
                        assert_eq!(map.targets_of(input).contains(&output), joins);
                        assert_eq!(map.sources_of(&(output..output + 1)).contains(&input), joins);
                        pairs += usize::from(joins);
                    }
                }
                assert_eq!(pairs, map.pairs());
            }
        }
    }

    #[test]
    fn pieces_lie_in_one_group_or_are_whole_groups() {
        let map = ChannelMap { groups: 4, first_input: 0, inputs: 1, first_output: 2, outputs: 3 };
        for start in 0..16 {
            for end in start + 1..=16 {
                let mut edges: Vec<usize> = map.cuts_of(&(start..end)).collect();
                edges.extend([start, end]);
                edges.sort_unstable();
                for piece in edges.windows(2) {
                    let reached = common(&(piece[0]..piece[1]), &map.targets());
                    let groups = map.sources_of(&reached).len();
                    assert!(piece[0] < piece[1]);
                    assert!(groups <= 1 || reached.len() == groups * 3, "{start}..{end}: {piece:?}");
                }
                assert!(edges.len() <= 4);
            }
        }
        assert_eq!(ChannelMap::dense(4, 9).cuts_of(&(2..7)).count(), 0);
    }
}
