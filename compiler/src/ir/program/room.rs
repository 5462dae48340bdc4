//! What a pass keeps while it runs: a bit a neuron and timestep, a row of counts a slice and timestep. A file can ask
//! for more of both than any memory holds, in a few bytes.

use snnc_targets::{Code, Diagnostic, Subject};

use super::Program;

/// Most neurons times timesteps of a pass: their spikes take 4 GiB.
const SPIKES_MAX: u64 = 1 << 35;
/// Most slices times timesteps of a pass: their counts take 4 GiB.
const COUNTS_MAX: u64 = 1 << 26;

/// Whether each network's pass can be kept.
///
/// # Errors
/// [`Code::Unsupported`] with the network and what it would take.
pub(super) fn check(program: &Program) -> Result<(), Diagnostic> {
    let model = &program.model;
    let mut spikes = vec![0u64; model.networks.len()];
    for population in model.populations.values() {
        let taken = population.shape.len() as u64 * u64::from(population.window.steps);
        spikes[population.network.0 as usize] += taken;
    }
    let slices = program.cores.values().map(|core| core.slices.len() as u64).sum::<u64>();
    for (network, spikes) in model.networks.values().zip(spikes) {
        let counts = slices.saturating_mul(network.pass_steps.into());
        for (what, taken, most) in
            [("neurons", spikes, SPIKES_MAX), ("slices of layers on cores", counts, COUNTS_MAX)]
        {
            if taken > most {
                let steps = network.pass_steps;
                let message = format!(
                    "{what} x timesteps of a pass of {steps} are {taken}, at most {most} are simulated"
                );
                return Err(Diagnostic::new(
                    Code::Unsupported,
                    Subject::Network(network.name.clone()),
                    message,
                )
                .hint("use fewer timesteps, or simulate the networks one by one"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use snnc_targets::entity::EntityMap;

    use super::*;
    use crate::ir::spiking::{Bias, Network, NeuronFormat, NeuronModel, Population, SpikingModel, Window};
    use crate::ir::{NetworkId, Shape};

    /// One population of `neurons` for so many timesteps, on no core.
    fn program(neurons: usize, steps: u32) -> Program {
        let target = snnc_targets::registry::load("loihi-like").unwrap();
        let population = Population {
            network: NetworkId(0),
            name: "sum".into(),
            shape: Shape::new(1, 1, neurons),
            dynamics: NeuronModel::integrator(0),
            input_shift: 0,
            bias: Bias::Zero,
            window: Window { start: 0, steps },
            order: None,
            rounding: Default::default(),
        };
        let model = SpikingModel {
            name: "long".into(),
            neuron: NeuronFormat::new(&target.neuron, 8),
            networks: vec![Network { name: "net".into(), timesteps: steps, pass_steps: steps }].into(),
            populations: vec![population].into(),
            inputs: Vec::new(),
            readouts: Vec::new(),
            workload: None,
        };
        let (cores, sites) = (EntityMap::new(), EntityMap::new());
        Program { target, model, kernel_parts: Default::default(), cores, sites, chips: 1, held: None }
    }

    #[test]
    fn passes_that_nothing_could_keep_are_refused() {
        check(&program(1 << 19, 1 << 16)).unwrap();
        let error = check(&program(1 << 20, 1 << 16)).unwrap_err();
        assert_eq!((error.code, error.place.subject()), (Code::Unsupported, &Subject::Network("net".into())));
        assert!(error.message.contains("of a pass of 65536 are 68719476736"), "{error}");
    }
}
