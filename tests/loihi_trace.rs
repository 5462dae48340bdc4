//! The register of a neuron on a Loihi 2 chip, as the authors of NIR recorded it (`data/nir/README.md`), against the
//! chip's executor and both oracles: every spike, and every value but where the chip keeps something else in it.

use std::path::Path;

use snnc_compiler::driver::{CompileOptions, map};
use snnc_compiler::frontend::nir::node::{NirFile, NirNode};
use snnc_compiler::ir::spiking::{
    Bias, Connectivity, Network, NeuronFormat, NeuronModel, Population, Projection, SparseSynapses,
    SpikingIr, SpikingModel, Window,
};
use snnc_compiler::ir::{NetworkId, PopulationId, Shape};
use snnc_simulator::execute::{Chip, oracle, plain};
use snnc_targets::Target;
use snnc_targets::entity::EntityMap;

const NET: NetworkId = NetworkId(0);
/// The neuron, behind the port.
const NEURON: PopulationId = PopulationId(1);
/// Seconds of a timestep of the recording.
const STEP: f64 = 1e-4;
/// The recording's threshold, of which the integers of a membrane are fractions.
const THRESHOLD: f64 = 1600.0;
/// What the register reads in the step of a spike: the chip's count of refractory steps, one, in bit 7.
const AFTER_A_SPIKE: i32 = 128;

/// The recording: input, register and spike of each timestep.
fn recorded() -> Vec<(f64, i32, bool)> {
    let text = include_str!("data/nir/lif_loihi2.csv");
    let line = |line: &str| {
        let mut fields = line.split(',').map(|field| field.parse::<f64>().unwrap());
        let mut next = || fields.next().unwrap();
        (next(), next() as i32, next() == 1.0)
    };
    text.lines().map(line).collect()
}

/// The numbers of `lif_norse.nir` in Loihi's integers: decay in 4096ths, cut off as the chip's tools do; weight and
/// threshold in units of 2^6.
fn integers() -> (u32, i16, u32) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/nir/lif_norse.nir");
    let file = NirFile::read(&path).unwrap();
    let NirNode::Neuron(neuron) = &file.graph.nodes["1"] else { panic!("node 1 is a LIF") };
    let NirNode::Linear { weight, .. } = &file.graph.nodes["0"] else { panic!("node 0 is an Affine") };
    let moved = STEP / neuron.tau.as_ref().unwrap().data.get(0);
    let threshold = neuron.fires.as_ref().unwrap().0.data.get(0);
    let weight = weight.data.get(0) * neuron.r.data.get(0) * moved / threshold * THRESHOLD / 64.0;
    ((moved * 4096.0) as u32, weight.round() as i16, (THRESHOLD / 64.0) as u32)
}

/// Spikes from outside on the neuron.
fn network(target: &Target, steps: u32) -> SpikingIr {
    let (decay, weight, threshold) = integers();
    assert_eq!((decay, weight, threshold), (163, 10, 25));
    let population = |name: &str, dynamics, input_shift| Population {
        network: NET,
        name: name.into(),
        shape: Shape::new(1, 1, 1),
        dynamics,
        input_shift,
        bias: Bias::Zero,
        window: Window { start: 0, steps },
        order: None,
        rounding: Default::default(),
    };
    let mut ir = SpikingIr {
        model: SpikingModel {
            name: "lif".into(),
            neuron: NeuronFormat::new(&target.neuron, target.synapses.weight_bits.get()),
            networks: EntityMap::new(),
            populations: EntityMap::new(),
            inputs: Vec::new(),
            readouts: Vec::new(),
            workload: None,
        },
        projections: EntityMap::new(),
    };
    ir.model.networks.push(Network { name: "net".into(), timesteps: steps, pass_steps: steps + 1 });
    ir.model.populations.push(population("input", NeuronModel::Port, 0));
    let neuron = NeuronModel::lif(decay, vec![threshold]);
    ir.model.populations.push(population("neuron", neuron, target.neuron.weight_shift.get()));
    let mut synapses = SparseSynapses::default();
    synapses.push_row([(0, weight)]);
    let connectivity = Connectivity::Sparse(synapses);
    ir.projections.push(Projection { source: PopulationId(0), target: NEURON, delay: 1, connectivity });
    ir.verify().unwrap();
    ir
}

#[test]
fn the_register_of_a_neuron_on_loihi_2_holds_the_membrane_in_every_timestep() {
    let recorded = recorded();
    let input: Vec<f64> = recorded.iter().map(|step| step.0).collect();
    let spikes: Vec<usize> = (0..recorded.len()).filter(|&t| recorded[t].2).collect();
    assert_eq!((recorded.len(), &*spikes), (1000, &[461, 511, 711, 761][..]));
    let expected = |t: usize| match recorded[t] {
        (_, register, true) => register - AFTER_A_SPIKE,
        (_, register, false) => register,
    };
    for name in ["loihi-like", "loihi2-like"] {
        let target = snnc::target(name).unwrap();
        let ir = network(&target, 1000);
        let chip = Chip::new(map(&ir, &target, CompileOptions::default()).unwrap());
        let slice = (0..chip.table.len())
            .find(|&i| chip.table.slice(&chip.program, i).slice.population == NEURON)
            .unwrap();

        let traces = oracle::run_observed(&ir, NET, &input, |step, traces| {
            if let Some(t) = Some(step as usize).filter(|&t| t < 1000) {
                assert_eq!(traces[&NEURON].membranes, [expected(t)], "{name}, timestep {t}");
            }
        });
        let fired: Vec<bool> = traces[&NEURON].spikes.iter().map(|step| step[0]).collect();
        assert_eq!((0..1000).filter(|&t| fired[t]).collect::<Vec<_>>(), spikes, "{name}");

        plain::run_observed(&chip, NET, &input, |step, state| {
            if let Some(t) = Some(step as usize).filter(|&t| t < 1000) {
                assert_eq!(state.membranes[slice], [expected(t)], "{name}, timestep {t}");
                assert_eq!(!state.fired[slice][t].is_empty(), recorded[t].2, "{name}, timestep {t}");
            }
        });

        let outcome = chip.run(NET, &input).unwrap();
        let fired = chip.spikes(&outcome, NEURON);
        assert_eq!((0..1000).filter(|&t| fired[t][0]).collect::<Vec<_>>(), spikes, "{name}");
        // The executor shows membranes after a pass: passes that end behind and before each spike, and in between.
        for steps in spikes.iter().flat_map(|&t| [t, t + 1, t + 2, t + 20]).chain([61, 85, 330, 1000]) {
            let chip =
                Chip::new(map(&network(&target, steps as u32), &target, CompileOptions::default()).unwrap());
            let outcome = chip.run(NET, &input[..steps]).unwrap();
            assert_eq!(*outcome.traces[slice].membranes, [expected(steps - 1)], "{name}, {steps} timesteps");
        }
    }
}
