//! The numbers and lists of a program, to be changed one by one: damage that stays a program.

use snnc_compiler::ir::program::{Core, CoreSlice, Program, SynapseRun, WeightMemory};
use snnc_compiler::ir::spiking::{Bias, HostStage};

use crate::random::Random;

/// A number of a program.
pub enum Number<'p> {
    /// An index, a count or a width.
    U32(&'p mut u32),
    /// A side of a shape.
    Usize(&'p mut usize),
    /// A bias.
    I32(&'p mut i32),
    /// A weight.
    /// Any weight of a core.
    Weight(&'p mut WeightMemory),
    /// A factor of the host.
    F64(&'p mut f64),
}

/// A value near another, or at a border.
pub fn changed(random: &mut Random, value: u64) -> u64 {
    match random.below(6) {
        0 => value.wrapping_add(1),
        1 => value.wrapping_sub(1),
        2 => value.wrapping_mul(2),
        3 => value ^ 1 << random.below(32),
        _ => random.edge(),
    }
}

/// Numbers of one part of a program, drawn anew each time so that small parts are met as often as large ones.
pub fn of<'p>(random: &mut Random, program: &'p mut Program) -> Vec<Number<'p>> {
    let core = random.below(program.cores.len());
    match random.below(10) {
        0 => target(program),
        1 => model(program),
        2 => host(program),
        3 => {
            let sites = program.sites.values_mut().map(|site| Number::U32(&mut site.0));
            sites.chain([Number::U32(&mut program.chips)]).collect()
        }
        part => match program.cores.values_mut().nth(core) {
            Some(core) => of_core(part, core),
            None => Vec::new(),
        },
    }
}

fn of_core(part: usize, core: &mut Core) -> Vec<Number<'_>> {
    match part {
        4 => vec![Number::Weight(&mut core.weights)],
        5 => {
            let axons = core.axons.iter_mut();
            axons
                .flat_map(|a| {
                    [&mut a.first_atom, &mut a.atoms, &mut a.delay, &mut a.first_entry, &mut a.entries]
                })
                .map(Number::U32)
                .collect()
        }
        6 => core.entries.iter_mut().flat_map(|e| [&mut e.list, &mut e.target]).map(Number::U32).collect(),
        7 => {
            let lists = core.lists.iter_mut().flat_map(|l| {
                let own =
                    [&mut l.projection.0, &mut l.slice, &mut l.weights, &mut l.atoms, &mut l.atom_stride];
                let groups = [&mut l.first_atom, &mut l.group, &mut l.shift];
                own.into_iter().chain(groups)
            });
            lists.map(Number::U32).collect()
        }
        8 => core.slices.iter_mut().flat_map(boxes).map(Number::U32).collect(),
        _ => {
            let slices = core.slices.iter_mut().flat_map(|s| {
                let to = s.destinations.iter_mut().flat_map(|d| [&mut d.core.0, &mut d.axon]);
                to.chain(&mut s.route_starts).collect::<Vec<_>>()
            });
            slices.map(Number::U32).collect()
        }
    }
}

fn boxes(placed: &mut CoreSlice) -> Vec<&mut u32> {
    let slice = &mut placed.slice;
    vec![
        &mut placed.first_neuron,
        &mut slice.population.0,
        &mut slice.channels.start,
        &mut slice.channels.end,
        &mut slice.rows.start,
        &mut slice.rows.end,
        &mut slice.cols.start,
        &mut slice.cols.end,
    ]
}

fn target(program: &mut Program) -> Vec<Number<'_>> {
    let target = &mut program.target;
    let (t, c, s, n) = (&mut target.topology, &mut target.core, &mut target.synapses, &mut target.neuron);
    let own = [
        &mut t.mesh_columns.0,
        &mut t.mesh_rows.0,
        &mut t.cores_per_tile.0,
        &mut t.chip_columns.0,
        &mut t.chips_max.0,
        &mut c.neurons.0,
        &mut c.input_axons.0,
        &mut c.output_axons.0,
        &mut s.weight_bits.0,
        &mut s.index_bits.0,
        &mut s.delay_max.0,
        &mut n.state_bits.0,
        &mut n.accumulator_bits.0,
        &mut n.weight_shift.0,
        &mut n.threshold_mantissa_bits.0,
        &mut n.threshold_shift.0,
        &mut n.decay_bits.0,
        &mut n.bias_mantissa_bits.0,
        &mut n.bias_exponent_max.0,
    ];
    let f = &mut program.model.neuron;
    let format = [
        &mut f.weight_bits,
        &mut f.state_bits,
        &mut f.accumulator_bits,
        &mut f.weight_shift,
        &mut f.threshold_mantissa_bits,
        &mut f.decay_bits,
        &mut f.bias_mantissa_bits,
    ];
    let optional = [&mut n.refractory_max, &mut n.floor_exponent_max];
    let optional = optional.into_iter().flatten().map(|most| &mut most.0);
    own.into_iter().chain(format).chain(optional).map(Number::U32).collect()
}

fn model(program: &mut Program) -> Vec<Number<'_>> {
    let mut all = Vec::new();
    for network in program.model.networks.values_mut() {
        all.extend([Number::U32(&mut network.timesteps), Number::U32(&mut network.pass_steps)]);
    }
    for p in program.model.populations.values_mut() {
        let sides = [&mut p.shape.channels, &mut p.shape.height, &mut p.shape.width];
        all.extend(sides.map(Number::Usize));
        let own = [&mut p.network.0, &mut p.input_shift, &mut p.window.start, &mut p.window.steps];
        all.extend(own.map(Number::U32));
        all.extend(p.dynamics.numbers_mut().into_iter().map(Number::U32));
        if let Bias::Channel(values) | Bias::Neuron(values) = &mut p.bias {
            all.extend(values.iter_mut().map(Number::I32));
        }
        all.extend(p.order.iter_mut().flatten().map(Number::U32));
    }
    all
}

fn host(program: &mut Program) -> Vec<Number<'_>> {
    let model = &mut program.model;
    let mut all = Vec::new();
    for input in &mut model.inputs {
        all.push(Number::U32(&mut input.population.0));
        let sides = [&mut input.input.channels, &mut input.input.height, &mut input.input.width];
        all.extend(sides.map(Number::Usize));
        all.extend(input.scale.iter_mut().map(Number::F64));
        for stage in &mut input.stages {
            match stage {
                HostStage::Embedding { rows, width, .. } => all.extend([rows, width].map(Number::Usize)),
                HostStage::Conv { map, channels, outputs, .. } => {
                    for axis in [&mut map.rows, &mut map.cols] {
                        let own =
                            [&mut axis.kernel, &mut axis.first_tap, &mut axis.stride, &mut axis.padding];
                        all.extend(own.map(Number::Usize));
                        let own = [&mut axis.dilation, &mut axis.input, &mut axis.output];
                        all.extend(own.map(Number::Usize));
                    }
                    let own = [&mut channels.groups, &mut channels.first_input, &mut channels.inputs];
                    all.extend(own.map(Number::Usize));
                    let own = [&mut channels.first_output, &mut channels.outputs, outputs];
                    all.extend(own.map(Number::Usize));
                }
            }
        }
    }
    for readout in &mut model.readouts {
        all.push(Number::U32(&mut readout.population.0));
        all.extend(readout.scale.iter_mut().map(Number::F64));
    }
    if let Some(workload) = &mut model.workload {
        for driven in workload.networks.values_mut() {
            all.push(Number::U32(&mut driven.network.0));
            all.extend(driven.ranges.iter_mut().flat_map(|(low, high)| [low, high]).map(Number::F64));
        }
        all.extend(workload.numbers.values_mut().map(Number::F64));
    }
    all
}

/// Repeats, drops or exchanges elements of a list.
pub fn rearrange(random: &mut Random, program: &mut Program) {
    let core = random.below(program.cores.len());
    let Some(core) = program.cores.values_mut().nth(core) else { return };
    let placed = random.below(core.slices.len());
    match random.below(9) {
        0 => moved(random, &mut core.slices),
        1 => moved(random, &mut core.lists),
        2 => moved(random, &mut core.axons),
        3 => moved(random, &mut core.entries),
        4 => core.weights.edit(|weights| moved(random, weights)),
        5 => core.lists.iter_mut().take(1 + random.below(9)).for_each(|list| {
            let mut runs: Vec<SynapseRun> = list.runs.iter().collect();
            moved(random, &mut runs);
            let changed = random.below(runs.len());
            if let Some(run) = runs.get_mut(changed) {
                let number = match random.below(4) {
                    0 => &mut run.target,
                    1 => &mut run.weight,
                    2 => &mut run.len,
                    _ => &mut 0,
                };
                *number = changed_u32(random, *number);
            }
            list.runs = runs.into();
        }),
        6 => moved(random, &mut program.model.inputs),
        7 => moved(random, &mut program.model.readouts),
        _ => {
            if let Some(placed) = core.slices.get_mut(placed) {
                moved(random, &mut placed.destinations);
            }
        }
    }
}

fn changed_u32(random: &mut Random, value: u32) -> u32 {
    changed(random, value.into()) as u32
}

fn moved<T: Clone>(random: &mut Random, list: &mut Vec<T>) {
    if list.is_empty() {
        return;
    }
    let (a, b) = (random.below(list.len()), random.below(list.len()));
    match random.below(3) {
        0 => list.swap(a, b),
        1 => drop(list.remove(a)),
        _ => list.insert(b, list[a].clone()),
    }
}
