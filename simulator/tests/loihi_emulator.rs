//! Loihi's integer rules, spike for spike and voltage for voltage, against what nengo-loihi's emulator recorded
//! (`data/README.md`): the chip's executor and both oracles, mapped on one core and on several.

use std::io::{Cursor, Read};

use crate::recorded::{Golden, NET, Recorded, golden, shorten, target};
use safetensors::SafeTensors;
use snnc_compiler::driver::{CompileOptions, map};
use snnc_compiler::ir::PopulationId;
use snnc_compiler::ir::program::Program;
use snnc_compiler::ir::spiking::NeuronModel;
use snnc_compiler::mapping::effort::Effort;
use snnc_compiler::mapping::partition::search::SearchOptions;
use snnc_simulator::execute::{Chip, oracle, plain};
use snnc_targets::Target;

const DATA: &[u8] = include_bytes!("data/loihi_emulator.zip");
/// Recorded timesteps.
const STEPS: usize = 300;

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
fn the_chip_and_both_oracles_give_the_recorded_spikes_and_voltages_on_one_core_and_on_several() {
    let target = target();
    let (mut fired, mut overflowed) = (0, Vec::new());
    for (i, golden) in goldens(&target).into_iter().enumerate() {
        fired += golden.blocks.iter().flat_map(|b| b.spikes.iter().flatten()).filter(|&&fired| fired).count();
        overflowed.extend(Some(golden.name.clone()).filter(|_| golden.spiking_ir() > 0));
        let programs = [mapped(&golden, &target, 1024), mapped(&golden, &target, 30)];
        let neurons: usize = golden.blocks.iter().map(|block| block.spikes[0].len()).sum();
        let cores = programs.each_ref().map(|program| program.cores.len());
        assert!(cores[0] == 1 && cores[1] >= neurons.div_ceil(30), "{} {cores:?}", golden.name);
        for (program, first) in programs.iter().zip([i + 5, i]) {
            golden.core_by_core(program);
            golden.chip(program);
            golden.chip_step_by_step(program, first);
        }
    }
    // What the recording says of itself.
    assert_eq!(overflowed, ["net011.safetensors", "net019.safetensors"]);
    assert_eq!(fired, 79_884);
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
