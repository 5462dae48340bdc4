//! Rules of channel groups: in the spiking IR, in a program, and between the two.

use snnc_compiler::driver::assemble;
use snnc_compiler::ir::channels::ChannelMap;
use snnc_compiler::ir::program::{Program, Slice};
use snnc_compiler::ir::spiking::{Kernel, SpikingIr};
use snnc_compiler::ir::{CoreId, PopulationId, ProjectionId};
use snnc_compiler::mapping::{Partition, Placement};
use snnc_targets::{Code, Site};

use crate::common::{network, target};
use crate::support::{FIRST, SECOND, SUM, conv, refuses};

/// The small network with 2 groups of 2 channels into 3 each, then 3 groups of 2 into 1 each, and a skip of all channels.
fn grouped() -> SpikingIr {
    let mut ir = network();
    for (id, channels) in [(0, ChannelMap::grouped(2, 2, 3)), (1, ChannelMap::grouped(3, 2, 1))] {
        let weights = (0..channels.pairs() * 9).map(|i| (i * 41 % 255) as i16 - 127).collect();
        conv(&mut ir, ProjectionId(id)).kernel = Kernel { channels, height: 3, width: 3, weights };
    }
    ir.verify().unwrap();
    ir
}

fn bad(what: &str, expected: &str, breaks: impl FnOnce(&mut SpikingIr)) {
    refuses(Code::SpikingIr, what, expected, grouped(), breaks, SpikingIr::verify);
}

#[test]
fn groups_lie_inside_both_populations_and_have_a_weight_for_each_pair() {
    fn channels(ir: &mut SpikingIr) -> &mut ChannelMap {
        &mut conv(ir, ProjectionId(0)).kernel.channels
    }
    bad("no group", "joins channels outside", |ir| channels(ir).groups = 0);
    bad("empty group", "joins channels outside", |ir| channels(ir).inputs = 0);
    bad("no target", "joins channels outside", |ir| channels(ir).outputs = 0);
    bad("source outside", "joins channels outside", |ir| channels(ir).first_input = 1);
    bad("target outside", "joins channels outside", |ir| channels(ir).first_output = 1);
    bad("without end", "joins channels outside", |ir| channels(ir).first_output = usize::MAX);
    bad("more groups than weights", "kernel of 2 groups [2, 3, 3, 3] holds 107 weights", |ir| {
        conv(ir, ProjectionId(0)).kernel.weights.pop();
    });
    // Groups need not take all channels.
    let mut ir = grouped();
    *channels(&mut ir) = ChannelMap { groups: 1, first_input: 1, inputs: 2, first_output: 3, outputs: 3 };
    conv(&mut ir, ProjectionId(0)).kernel.weights.truncate(54);
    ir.verify().unwrap();
}

fn all(population: PopulationId, channels: std::ops::Range<u32>) -> Slice {
    Slice { population, channels, rows: 0..5, cols: 0..5 }
}

fn built(cores: Vec<Vec<Slice>>) -> Program {
    let sites = |_: &_| Ok(Placement { chips: 1, sites: (0..cores.len() as u32).map(Site).collect() });
    let partition = Partition { cores: cores.clone().into(), ..Partition::default() };
    assemble(&grouped(), &target(), &partition, sites).unwrap()
}

/// A core a layer.
fn program() -> Program {
    built(vec![vec![all(FIRST, 0..4)], vec![all(SECOND, 0..6)], vec![all(SUM, 0..3)]])
}

const SECOND_CORE: CoreId = CoreId(1);

#[test]
fn lists_of_groups_stay_in_range() {
    let bad = |what: &str, expected: &str, breaks: &dyn Fn(&mut Program)| {
        refuses(Code::ProgramInvalid, what, expected, program(), breaks, Program::verify);
    };
    bad("no group", "in groups of 0", &|p| p.cores[SECOND_CORE].lists[0].group = 0);
    bad("group over the end", "4 source channels in groups of 3", &|p| {
        p.cores[SECOND_CORE].lists[0].group = 3
    });
    bad("shift", "of a slice of 150", &|p| p.cores[SECOND_CORE].lists[0].shift = 150);
    bad("atoms before the list's", "outside the list's 1+4", &|p| {
        p.cores[SECOND_CORE].lists[0].first_atom = 1
    });
}

#[test]
fn lists_of_groups_are_those_of_the_spiking_ir() {
    let bad = |what: &str, expected: &str, breaks: &dyn Fn(&mut Program)| {
        refuses(Code::ProgramInvalid, what, expected, program(), breaks, |p| {
            p.verify().expect("only the comparison with the spiking IR can see this");
            p.verify_against(&grouped())
        });
    };
    let list = &program().cores[SECOND_CORE].lists[0];
    assert_eq!((list.first_atom, list.atoms, list.group, list.shift), (0, 4, 2, 3));
    bad("shift", "does not carry", &|p| p.cores[SECOND_CORE].lists[0].shift = 2);
    bad("group", "does not carry", &|p| p.cores[SECOND_CORE].lists[0].group = 4);
    bad("smaller group", "does not carry", &|p| p.cores[SECOND_CORE].lists[0].group = 1);
    bad("weight of the second group", "weights differ", &|p| {
        let last = p.cores[SECOND_CORE].weights.len() - 1;
        p.cores[SECOND_CORE].weights[last] += 1;
    });
    bad("target of another channel", "differ from those", &|p| {
        // One channel further, as if the groups were numbered from there on.
        let lists = &mut p.cores[SECOND_CORE].lists;
        lists.iter_mut().flat_map(|list| &mut list.runs).for_each(|run| run.len -= 1);
    });
}

/// A foreign partition cuts groups: its slices are cut once more, and no channel sends where it meets no synapse.
#[test]
fn slices_of_any_author_are_cut_where_groups_end() {
    let program =
        built(vec![vec![all(FIRST, 0..4)], vec![all(SECOND, 0..4)], vec![all(SECOND, 4..6), all(SUM, 0..3)]]);
    let channels = |core: u32| -> Vec<_> {
        program.cores[CoreId(core)]
            .slices
            .iter()
            .map(|s| (s.slice.population, s.slice.channels.clone()))
            .collect()
    };
    // Groups of the first kernel end in channels 2 and 3, those of the second in 2, 4 and 1, 2.
    assert_eq!(channels(0), [(FIRST, 0..2), (FIRST, 2..4)]);
    assert_eq!(channels(1), [(SECOND, 0..3), (SECOND, 3..4)]);
    assert_eq!(channels(2), [(SECOND, 4..6), (SUM, 0..3)]);
    let sent = |core: u32, slice: usize| -> Vec<u32> {
        let routes = program.cores[CoreId(core)].slices[slice].routes(12);
        routes.iter().map(|to| to.core.0).collect()
    };
    // The skip to the sum, and the core with the own group.
    assert_eq!(sent(0, 0), [1, 2]);
    assert_eq!(sent(0, 1), [1, 2, 2]);
    assert_eq!(sent(1, 0), [2]);
    let stored: usize = program.cores.values().map(|core| core.weights.len()).sum();
    assert_eq!(stored, 9 * (2 * 2 * 3 + 3 * 2 + 4 * 3));
}
