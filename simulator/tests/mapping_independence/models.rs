//! Random model files over every layer, neuron and read-out of docs/model.md: whatever lowers runs alike on the chip,
//! in the spiking IR's interpreter and core by core; and where rounding loses nothing, as the float reference.

mod random_model;

use std::collections::BTreeMap;

use snnc_compiler::driver::{CompileOptions, compile};
use snnc_compiler::frontend::LoadedModel;
use snnc_compiler::ir::NetworkId;
use snnc_compiler::ir::spiking::{Bias, Connectivity, SpikingIr, Ties, membrane_grid};
use snnc_compiler::layers::Op;
use snnc_compiler::mapping::effort::Effort;
use snnc_compiler::mapping::partition::search::SearchOptions;
use snnc_compiler::reference::Interpreter;
use snnc_simulator::execute::Chip;
use snnc_targets::Code;
use snnc_targets::schema::ThresholdComparison;

use self::random_model::{RandomModel, random_model};
use super::agreement::agree;
use super::common::random::cases;
use super::common::{self, Random};

const NET: NetworkId = NetworkId(0);
/// What every weight of an exact network is a multiple of.
const GRID: f64 = 1.0 / 16.0;

/// All that a model file may write, but for what only generating models have.
const OPERATIONS: &[&str] = &[
    "Input(constant)",
    "Input(spikes)",
    "Conv1d",
    "Conv2d",
    "ConvTranspose2d",
    "Linear",
    "Flatten",
    "Reshape",
    "Sparse",
    "BatchNorm",
    "Scale",
    "AvgPool2d",
    "SumPool2d",
    "Upsample",
    "Add",
    "Concat",
    "Dropout",
    "Delay",
    "recurrence",
    "Lif",
    "If",
    "Leaky",
    "Leaky(alpha)",
    "Neuron",
    "MaxPool2d",
    "MeanOverTime",
    "SumOverTime",
    "LastOverTime",
    "LeakySumOverTime",
    "WeightedSum",
    "FirstSpike",
    "Add(constant)",
];

/// Whether integers say exactly what the floats said: every weight and bias in model units is on the grid of the
/// trained ones, from which a rounding step of 8 bits leads away.
fn keeps_all(ir: &SpikingIr) -> bool {
    let on_grid = |value: f64| (value / GRID - (value / GRID).round()).abs() < 1e-9;
    let unit = |id: snnc_compiler::ir::PopulationId, channel: usize| {
        let population = &ir.model.populations[id];
        population.rounding.membrane.as_ref().map(|membrane| membrane.scale[channel])
    };
    let kernels = ir.projections.values().all(|projection| {
        let population = &ir.model.populations[projection.target];
        let shift = f64::from(1u32 << population.input_shift);
        let of = |channel: usize, weight: i16| {
            // Read-outs are compared through their spikes alone.
            unit(projection.target, channel).is_none_or(|scale| on_grid(f64::from(weight) * shift * scale))
        };
        match &projection.connectivity {
            Connectivity::Sparse(sparse) => sparse.weights.iter().all(|&weight| of(0, weight)),
            Connectivity::Conv(conv) => {
                let kernel = &conv.kernel;
                let taps = kernel.height * kernel.width;
                kernel.weights.chunks_exact(kernel.channels.outputs).enumerate().all(|(row, weights)| {
                    let targets = kernel.channels.targets_of(kernel.channels.first_input + row / taps);
                    targets.zip(weights).all(|(channel, &weight)| of(channel, weight))
                })
            }
        }
    });
    let biases = ir.model.populations.iter().all(|(id, population)| match &population.bias {
        Bias::Channel(values) | Bias::Neuron(values) => values.iter().enumerate().all(|(i, &bias)| {
            let channel = i * population.shape.channels / values.len();
            unit(id, channel).is_none_or(|scale| on_grid(f64::from(bias) * scale))
        }),
        Bias::Zero | Bias::Host => true,
    });
    kernels && biases
}

/// Whether the comparison of every layer is that of its trained neurons, membranes exactly at the threshold included.
fn compares_alike(ir: &SpikingIr, model: &LoadedModel) -> bool {
    let format = &ir.model.neuron;
    let strict = |name: &str| {
        let graph = &model.graphs["net"];
        graph.find(name).is_some_and(|layer| matches!(graph.net[layer].op, Op::Leaky(_)))
    };
    ir.model.populations.values().all(|p| match p.rounding.ties {
        None | Some(Ties::Inclusive | Ties::Above) => true,
        Some(Ties::Threshold) => {
            membrane_grid(format, p.dynamics.decay(), p.input_shift, &p.bias) >= 1 << format.threshold_shift
        }
        Some(Ties::Strict) => strict(&p.name),
        Some(Ties::Bias | Ties::Written) => false,
    })
}

/// Compiles a model; nothing if the chip cannot run it, which must be said as such.
fn compiled(
    random: &mut Random,
    made: &RandomModel,
    target: &snnc_targets::Target,
) -> Option<(SpikingIr, snnc_compiler::ir::program::Program)> {
    let neurons_max = random.one_in(2).then(|| random.between(4, 40) as u32);
    let search = SearchOptions { neurons_max, effort: Effort::Fast, ..SearchOptions::default() };
    match compile(&made.model, target, CompileOptions { search, ..CompileOptions::default() }) {
        Ok((ir, program, _)) => Some((ir, program)),
        Err(problems) => {
            let told = problems
                .codes()
                .into_iter()
                .all(|code| [Code::Unsupported, Code::Quantise, Code::DoesNotFit].contains(&code));
            assert!(told, "{problems}\n{}", made.text);
            None
        }
    }
}

#[test]
fn models_of_every_layer_and_neuron_run_as_the_spiking_ir_says() {
    let (mut used, mut fired, mut ran, mut refused) = (BTreeMap::<&str, usize>::new(), 0, 0, 0);
    cases(160, 1000, |random| {
        let target = common::target(random, 1024);
        let mut target = common::with_all_models(random, target);
        target.core.threshold_profiles = None;
        // Strict neurons have no form on inclusive chips whose thresholds have a grid.
        if !random.one_in(4) {
            target.neuron.threshold_comparison.0 = ThresholdComparison::Strict;
        }
        let made = random_model(random, false);
        let Some((ir, program)) = compiled(random, &made, &target) else {
            refused += 1;
            return;
        };
        let input = common::input(random, &ir);
        let spikes: Vec<u64> = [1, 2]
            .map(|threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| agree(&ir, &program, &input))
            })
            .into();
        assert_eq!(spikes[0], spikes[1]);
        fired += spikes[0];
        ran += 1;
        made.used.into_iter().for_each(|(kind, count)| *used.entry(kind).or_default() += count);
    });
    let missing: Vec<&&str> = OPERATIONS.iter().filter(|kind| !used.contains_key(**kind)).collect();
    assert!(missing.is_empty(), "never ran: {missing:?}; {used:?}");
    assert!(fired > 2_000 && ran > 2 * refused, "{fired} spikes, {ran} ran, {refused} refused");
}

#[test]
fn what_rounding_keeps_whole_fires_as_the_float_reference() {
    let (mut compared, mut fired) = (0, 0);
    cases(120, 1100, |random| {
        let chips = ["spinnaker2-like", "loihi2-like"];
        let target = snnc_targets::registry::load(chips[random.between(0, 1)]).unwrap();
        let made = random_model(random, true);
        let Some((ir, program)) = compiled(random, &made, &target) else { return };
        if !keeps_all(&ir) || !compares_alike(&ir, &made.model) {
            return;
        }
        let input = common::input(random, &ir);
        let graph = &made.model.graphs["net"];
        let trace = Interpreter::new(graph).unwrap().pass(&input).unwrap();
        let chip = Chip::new(program);
        let outcome = chip.run(NET, &input).unwrap();
        let events = outcome.counts.steps.iter().flat_map(|step| &step.events);
        if events.map(|e| e.accumulator_overflows + e.state_saturations).sum::<u64>() > 0 {
            return;
        }
        for (id, population) in ir.model.populations_of(NET).filter(|(_, p)| p.dynamics.fires()) {
            let Some(float) = trace.spikes(&population.name) else { continue };
            let found = chip.spikes(&outcome, id);
            assert!(found == float, "{}\n{}", population.name, made.text);
            fired += float.iter().flatten().filter(|&&spike| spike).count();
        }
        compared += 1;
    });
    assert!(compared > 30 && fired > 1_000, "{compared} networks, {fired} spikes");
}
