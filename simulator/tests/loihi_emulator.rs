//! Loihi's integer rules, spike for spike and voltage for voltage, against what nengo-loihi's emulator recorded
//! (`data/README.md`): the chip's executor and both oracles, mapped on one core and on several.
//!
//! The target is `loihi-like` but for one number: a synapse list of Loihi has a weight exponent of its own. Here all
//! weights of a target population share theirs, so they are given in the smallest unit, 2^6, and as wide as that takes.

use std::io::{Cursor, Read};

use safetensors::{SafeTensors, tensor::TensorView};
use snnc_compiler::driver::{CompileOptions, map};
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::spiking::{
    Bias, Connectivity, Network, NeuronFormat, NeuronModel, Population, Projection, Reset, SparseSynapses,
    SpikingIr, SpikingModel, SynapticCurrent, Window,
};
use snnc_compiler::ir::{NetworkId, PopulationId, Shape};
use snnc_compiler::mapping::effort::Effort;
use snnc_compiler::mapping::partition::search::SearchOptions;
use snnc_simulator::execute::{Chip, oracle, plain};
use snnc_targets::entity::EntityMap;
use snnc_targets::{Target, registry};

const DATA: &[u8] = include_bytes!("data/loihi_emulator.zip");
/// Recorded timesteps.
const STEPS: usize = 300;
/// Neurons of a block whose voltages were recorded.
const TRACED: usize = 8;
const NET: NetworkId = NetworkId(0);

/// What the emulator recorded of a block.
struct Recorded {
    /// By timestep and neuron.
    spikes: Vec<Vec<bool>>,
    /// By timestep, of the first neurons.
    voltages: Vec<Vec<i32>>,
}

/// A recorded network.
struct Golden {
    name: String,
    ir: SpikingIr,
    blocks: Vec<Recorded>,
}

fn numbers(view: &TensorView) -> Vec<i32> {
    view.data().as_chunks().0.iter().map(|bytes| i32::from_le_bytes(*bytes)).collect()
}

fn target() -> Target {
    let mut target = registry::load("loihi-like").unwrap();
    target.synapses.weight_bits.0 = 16;
    target.check("loihi-like with wide weights").unwrap();
    target
}

/// The recorded networks in the target's integers.
fn goldens(target: &Target) -> Vec<Golden> {
    let mut archive = zip::ZipArchive::new(Cursor::new(DATA)).unwrap();
    let read = |i| {
        let (mut file, mut bytes) = (archive.by_index(i).unwrap(), Vec::new());
        file.read_to_end(&mut bytes).unwrap();
        golden(target, file.name(), &SafeTensors::deserialize(&bytes).unwrap())
    };
    (0..20).map(read).collect()
}

fn golden(target: &Target, name: &str, file: &SafeTensors) -> Golden {
    let mut ir = SpikingIr {
        model: SpikingModel {
            name: name.into(),
            neuron: NeuronFormat::new(&target.neuron, target.synapses.weight_bits.get()),
            networks: EntityMap::new(),
            populations: EntityMap::new(),
            inputs: Vec::new(),
            readouts: Vec::new(),
            workload: None,
        },
        projections: EntityMap::new(),
    };
    ir.model.networks.push(Network { name: "net".into(), timesteps: STEPS as u32, pass_steps: 0 });
    let mut blocks = Vec::new();
    while let Ok(bias) = file.tensor(&format!("{}.bias", blocks.len())) {
        let block = blocks.len();
        let biases = numbers(&bias);
        blocks.push(recorded(file, block, biases.len()));
        ir.model.populations.push(population(target, file, block, biases));
    }
    for source in 0..blocks.len() {
        for to in 0..blocks.len() {
            if let Ok(weights) = file.tensor(&format!("{source}-{to}.weights")) {
                let connectivity = Connectivity::Sparse(synapses(&weights));
                let (source, target) = (PopulationId(source as u32), PopulationId(to as u32));
                ir.projections.push(Projection { source, target, delay: 1, connectivity });
            }
        }
    }
    shorten(&mut ir.model, STEPS as u32);
    ir.verify().unwrap();
    Golden { name: name.into(), ir, blocks }
}

/// Gives all windows so many timesteps. Every network has a projection, whose last spikes arrive a timestep later.
fn shorten(model: &mut SpikingModel, steps: u32) {
    model.populations.values_mut().for_each(|population| population.window.steps = steps);
    model.networks[NET].pass_steps = steps + 1;
}

fn recorded(file: &SafeTensors, block: usize, neurons: usize) -> Recorded {
    let (spiked, voltage) = (format!("{block}.spiked"), format!("{block}.voltage"));
    let (spiked, voltage) = (file.tensor(&spiked).unwrap(), numbers(&file.tensor(&voltage).unwrap()));
    let fired = |row: &[u8]| (0..neurons).map(|i| row[i / 8] >> (i % 8) & 1 == 1).collect();
    let spikes: Vec<Vec<bool>> = spiked.data().chunks(neurons.div_ceil(8)).map(fired).collect();
    let traced = voltage.len() / STEPS;
    assert!(spikes.len() == STEPS && traced == neurons.min(TRACED));
    Recorded { spikes, voltages: voltage.chunks(traced).map(<[i32]>::to_vec).collect() }
}

/// Neurons of a block; their `refract_delay` counts the step of the spike.
fn population(target: &Target, file: &SafeTensors, block: usize, biases: Vec<i32>) -> Population {
    let number = |key: &str| numbers(&file.tensor(&format!("{block}.{key}")).unwrap())[0];
    let threshold = number("vth") as u32;
    assert_eq!(threshold % (1 << target.neuron.threshold_shift.get()), 0);
    assert_eq!(number("vmax"), (1 << (target.neuron.state_bits.get() - 1)) - 1);
    let floor = (1 - number("vmin")).ilog2();
    assert_eq!(1 - (1 << floor), number("vmin"));
    let spec = target.neuron.synaptic_current.as_ref().unwrap();
    Population {
        network: NET,
        name: format!("block{block}"),
        shape: Shape::new(1, 1, biases.len()),
        dynamics: NeuronModel::Refractory {
            current: Some(SynapticCurrent::new(spec, number("decay_u") as u32)),
            decay: number("decay_v") as u32,
            thresholds: vec![threshold >> target.neuron.threshold_shift.get()],
            reset: Reset::Zero,
            refractory: number("refract_delay") as u32 - 1,
            floor: Some(floor),
        },
        input_shift: target.neuron.weight_shift.get(),
        bias: Bias::Neuron(biases),
        window: Window { start: 0, steps: 0 },
        order: None,
        rounding: Default::default(),
    }
}

/// Synapses of the weights `[source, target]` other than 0.
fn synapses(weights: &TensorView) -> SparseSynapses {
    let values: Vec<i16> =
        weights.data().as_chunks().0.iter().map(|bytes| i16::from_le_bytes(*bytes)).collect();
    let mut sparse = SparseSynapses::default();
    for row in values.chunks(weights.shape()[1]) {
        let all = row.iter().enumerate().map(|(target, &weight)| (target as u32, weight));
        sparse.push_row(all.filter(|(_, weight)| *weight != 0));
    }
    sparse
}

/// The network on cores of at most so many neurons.
fn mapped(golden: &Golden, target: &Target, neurons: u32) -> Program {
    let mut target = target.clone();
    target.core.neurons.0 = neurons;
    let search = SearchOptions { effort: Effort::Fast, ..SearchOptions::default() };
    map(&golden.ir, &target, CompileOptions { search, ..CompileOptions::default() }).unwrap()
}

impl Golden {
    fn blocks(&self) -> impl Iterator<Item = (PopulationId, &Recorded)> {
        (0..).map(PopulationId).zip(&self.blocks)
    }

    /// Compares the voltages of a timestep, those of the whole block given.
    fn voltages(&self, step: usize, id: PopulationId, found: &[i32]) {
        let expected = &self.blocks[id.0 as usize].voltages[step];
        assert_eq!(found[..expected.len()], expected[..], "{} {id}, timestep {step}", self.name);
    }

    /// Compares the membranes of slices, local neuron order, with the voltages of a timestep.
    fn membranes(&self, chip: &Chip, step: usize, membranes: &[impl AsRef<[i32]>]) {
        for (id, _) in self.blocks() {
            let population = &chip.program.model.populations[id];
            let mut found = vec![0; population.shape.len()];
            for (index, own) in membranes.iter().enumerate() {
                let slice = &chip.table.slice(&chip.program, index).slice;
                if slice.population == id {
                    let outside = slice.cols.clone().map(|i| population.outside(i as usize));
                    outside.zip(own.as_ref()).for_each(|(neuron, &v)| found[neuron] = v);
                }
            }
            self.voltages(step, id, &found);
        }
    }

    fn spikes(&self, id: PopulationId, found: &[Vec<bool>]) {
        let expected = &self.blocks[id.0 as usize].spikes;
        let differs = found.iter().zip(expected).position(|(found, expected)| found != expected);
        assert!(found.len() == STEPS && differs.is_none(), "{} {id}, timestep {differs:?}", self.name);
    }

    /// The chip's executor, in one go.
    fn chip(&self, program: &Program) {
        let chip = Chip::new(program.clone());
        let outcome = chip.run(NET, &[]).unwrap();
        self.blocks().for_each(|(id, _)| self.spikes(id, &chip.spikes(&outcome, id)));
    }

    /// The chip's membranes timestep by timestep: those after passes of 1, 2, ... timesteps; of large networks, whose
    /// passes take long, now and then.
    fn chip_step_by_step(&self, program: &Program, first: usize) {
        let small = self.blocks.iter().map(|block| block.spikes[0].len()).sum::<usize>() <= 60;
        let every = if small { 1 } else { 30 };
        for steps in (first % every + 1..=STEPS).step_by(every) {
            let mut program = program.clone();
            shorten(&mut program.model, steps as u32);
            let chip = Chip::new(program);
            let outcome = chip.run(NET, &[]).unwrap();
            let membranes: Vec<_> = outcome.traces.iter().map(|trace| trace.membranes.clone()).collect();
            self.membranes(&chip, steps - 1, &membranes);
        }
    }

    fn core_by_core(&self, program: &Program) {
        let chip = Chip::new(program.clone());
        let seen = |step: u32, state: &plain::PlainOutcome| {
            if (step as usize) < STEPS {
                self.membranes(&chip, step as usize, &state.membranes);
            }
        };
        let outcome = plain::run_observed(&chip, NET, &[], seen);
        for (id, block) in self.blocks() {
            let mut found = vec![vec![false; block.spikes[0].len()]; STEPS];
            for (index, fired) in outcome.fired.iter().enumerate() {
                let slice = &chip.table.slice(&chip.program, index).slice;
                for (step, spike) in
                    fired.iter().enumerate().flat_map(|(t, all)| all.iter().map(move |s| (t, s)))
                {
                    if slice.population == id {
                        let neuron = (slice.cols.start + spike.position) as usize;
                        found[step][chip.program.model.populations[id].outside(neuron)] = true;
                    }
                }
            }
            self.spikes(id, &found);
        }
    }

    fn spiking_ir(&self) -> u64 {
        let traces = oracle::run_observed(&self.ir, NET, &[], |step, traces| {
            for (&id, trace) in traces.iter().filter(|_| (step as usize) < STEPS) {
                self.voltages(step as usize, id, &trace.membranes);
            }
        });
        self.blocks().for_each(|(id, _)| self.spikes(id, &traces[&id].spikes));
        traces.values().map(|trace| trace.events.accumulator_overflows).sum()
    }
}

#[test]
fn both_oracles_give_the_recorded_spikes_and_voltages() {
    let target = target();
    let (mut fired, mut overflowed) = (0, Vec::new());
    for golden in goldens(&target) {
        fired += golden.blocks.iter().flat_map(|b| b.spikes.iter().flatten()).filter(|&&fired| fired).count();
        overflowed.extend(Some(golden.name.clone()).filter(|_| golden.spiking_ir() > 0));
        let one = mapped(&golden, &target, 1024);
        golden.core_by_core(&one);
        let some = mapped(&golden, &target, 30);
        golden.core_by_core(&some);
        assert!(
            one.cores.len() == 1 && (some.cores.len() > 1 || one.cores.values().all(|c| c.neurons() <= 30))
        );
    }
    // What the recording says of itself.
    assert_eq!(overflowed, ["net011.safetensors", "net019.safetensors"]);
    assert_eq!(fired, 79_884);
}

#[test]
fn the_chip_gives_the_recorded_spikes_and_voltages_on_one_core_and_on_several() {
    let target = target();
    for (i, golden) in goldens(&target).into_iter().enumerate() {
        let one = mapped(&golden, &target, 1024);
        golden.chip(&one);
        golden.chip_step_by_step(&one, i + 5);
        golden.chip_step_by_step(&mapped(&golden, &target, 30), i);
        golden.chip(&mapped(&golden, &target, 12));
    }
}

/// A rule that differs in one number gives other spikes or voltages.
#[test]
fn other_rules_are_caught() {
    let target = target();
    type Change = fn(&mut Target);
    let changes: [(Change, &str); 3] = [
        (
            |t| t.neuron.synaptic_current.as_mut().unwrap().decay_offset.0 = 0,
            "no offset of the current's decay",
        ),
        (|t| t.neuron.accumulator_bits.0 = 24, "sums of 23 bits and sign"),
        (
            |t| t.neuron.accumulator_overflow.0 = snnc_targets::schema::Overflow::Saturate,
            "sums that saturate",
        ),
    ];
    let of = |target: &Target| goldens(target).pop().unwrap();
    let caught = |golden: &Golden| {
        let traces = oracle::run(&golden.ir, NET, &[]);
        golden.blocks().any(|(id, block)| traces[&id].spikes != block.spikes)
    };
    assert!(!caught(&of(&target)));
    for (change, name) in changes {
        let mut other = target.clone();
        change(&mut other);
        assert!(caught(&of(&other)), "{name}");
    }
    let change: [fn(&mut u32, &mut Option<u32>); 2] = [|steps, _| *steps += 1, |_, floor| *floor = None];
    for change in change {
        let mut other = of(&target);
        for population in other.ir.model.populations.values_mut() {
            let NeuronModel::Refractory { refractory, floor, .. } = &mut population.dynamics else {
                continue;
            };
            change(refractory, floor);
        }
        assert!(caught(&other), "refractory steps or floor");
    }
}
