//! Which channels two kernels in a row join.

use std::ops::Range;

use crate::ir::channels::{ChannelMap, group_cuts};

/// Which channels two kernels in a row join, as maps that join nothing else: `first`, then `second`.
pub(super) fn joined(first: &ChannelMap, second: &ChannelMap) -> Vec<ChannelMap> {
    if (first.inputs, first.outputs) == (1, 1) {
        let mut all = parts(second, &first.targets());
        all.iter_mut().for_each(|part| part.first_input += first.first_input);
        return all;
    }
    let groups = (0..second.groups).filter_map(|group| {
        let own = group * second.inputs..(group + 1) * second.inputs;
        let sources = first.sources_of(&own);
        let outputs = second.targets_of(own.start);
        (!sources.is_empty()).then(|| ChannelMap {
            groups: 1,
            first_input: sources.start,
            inputs: sources.len(),
            first_output: outputs.start,
            outputs: outputs.len(),
        })
    });
    let mut all: Vec<ChannelMap> = Vec::new();
    for next in groups {
        match all.last_mut() {
            // All target channels of both read the same source channels.
            Some(last) if last.groups == 1 && last.sources() == next.sources() => {
                last.outputs += next.outputs
            }
            // One more group of the same size.
            Some(last)
                if (last.inputs, last.outputs) == (next.inputs, next.outputs)
                    && last.sources().end == next.first_input =>
            {
                last.groups += 1;
            }
            _ => all.push(next),
        }
    }
    all
}

/// How some of a convolution's source channels, counted from the first of them, join its target channels. Whole groups
/// are one part; a group that a concatenation cuts is a part of its own.
fn parts(all: &ChannelMap, inputs: &Range<usize>) -> Vec<ChannelMap> {
    let mut start = inputs.start;
    let ends = group_cuts(inputs, 0, all.inputs).chain([inputs.end]);
    let part = |end: usize| {
        let own = std::mem::replace(&mut start, end)..end;
        let groups = (own.len() / all.inputs).max(1);
        ChannelMap {
            groups,
            first_input: own.start - inputs.start,
            inputs: own.len() / groups,
            first_output: all.targets_of(own.start).start,
            outputs: all.outputs,
        }
    };
    ends.map(part).collect()
}
