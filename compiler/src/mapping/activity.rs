//! When and where neurons are expected to fire: what the work of cores is foreseen with, timestep by timestep.
//!
//! All figures are of one item of the workload (an image, a sample), passes summed: spikes of a population by timestep
//! of its window and position, its channels together. Recorded by a short run, or spread evenly over the window where
//! only rates are known. Positions are those that the outside knows ([`Population::outside`]).
//!
//! Passes of an item are not alike: where an image is generated, layers fire more from pass to pass. Cores that are
//! evenly busy with the sum of all passes are not so in each of them, so recorded activity also has the passes in
//! some [`phases`](Activity::phases), each of passes that follow each other.

use serde::Serialize;
use snnc_targets::entity::EntityMap;

use super::partition::Rates;
use crate::ir::spiking::{Population, SpikingModel};
use crate::ir::{NetworkId, PopulationId};

/// Where an [`Activity`] comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ActivitySource {
    /// Every neuron fires once in a pass, evenly over its window.
    Uniform,
    /// Rates of an earlier run's report, evenly over the window.
    Profile,
    /// A short run of the workload, timestep by timestep.
    Recorded,
}

/// Expected spikes of every population.
#[derive(Debug, Clone, PartialEq)]
pub struct Activity {
    /// Where it comes from.
    pub source: ActivitySource,
    populations: EntityMap<PopulationId, PopulationActivity>,
    passes: EntityMap<NetworkId, f64>,
    /// Parts of the item, in order; empty where it is one.
    phases: Vec<Self>,
}

/// Expected spikes of one population in an item.
#[derive(Debug, Clone, PartialEq)]
pub struct PopulationActivity {
    start: u32,
    steps: u32,
    positions: usize,
    spikes: Spikes,
}

#[derive(Debug, Clone, PartialEq)]
enum Spikes {
    /// So many at every position in every timestep of the window.
    Even(f32),
    /// `[timestep of the window][position]`.
    Recorded(Vec<f32>),
}

impl PopulationActivity {
    /// Spikes of all channels at a position in a timestep of the pass.
    pub fn at(&self, timestep: u32, position: usize) -> f32 {
        match &self.spikes {
            _ if !self.active(timestep) => 0.0,
            Spikes::Even(each) => *each,
            Spikes::Recorded(all) => all[(timestep - self.start) as usize * self.positions + position],
        }
    }

    /// Spikes of all positions and channels in a timestep of the pass.
    pub fn total(&self, timestep: u32) -> f64 {
        match &self.spikes {
            _ if !self.active(timestep) => 0.0,
            Spikes::Even(each) => f64::from(*each) * self.positions as f64,
            Spikes::Recorded(all) => {
                let first = (timestep - self.start) as usize * self.positions;
                all[first..first + self.positions].iter().map(|&s| f64::from(s)).sum()
            }
        }
    }

    /// Whether the population is updated in a timestep of the pass.
    pub fn active(&self, timestep: u32) -> bool {
        (self.start..self.start + self.steps).contains(&timestep)
    }

    /// Spikes of all channels at each position in a timestep of the pass, if positions do not all fire alike.
    pub fn recorded(&self, timestep: u32) -> Option<&[f32]> {
        match &self.spikes {
            Spikes::Recorded(all) if self.active(timestep) => {
                let first = (timestep - self.start) as usize * self.positions;
                Some(&all[first..first + self.positions])
            }
            Spikes::Even(_) | Spikes::Recorded(_) => None,
        }
    }
}

/// What was recorded in some passes of an item.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedPhase {
    /// Spikes by population, `[timestep of the window][position]`, passes summed.
    pub spikes: EntityMap<PopulationId, Vec<f32>>,
    /// Passes of each network.
    pub passes: EntityMap<NetworkId, f64>,
}

impl Activity {
    /// Rates spread evenly: over the window, the channels and the positions, one pass an item.
    pub fn even(model: &SpikingModel, rates: &Rates) -> Self {
        let of = |(id, p): (PopulationId, &Population)| {
            let fires = p.dynamics.fires() || p.dynamics.is_port();
            let spikes = if fires { rates.of(id) * p.shape.channels as f64 } else { 0.0 };
            PopulationActivity {
                start: p.window.start,
                steps: p.window.steps,
                positions: p.shape.positions(),
                spikes: Spikes::Even((spikes / f64::from(p.window.steps.max(1))) as f32),
            }
        };
        Self {
            source: if rates.is_uniform() { ActivitySource::Uniform } else { ActivitySource::Profile },
            populations: model.populations.iter().map(of).collect(),
            passes: model.networks.values().map(|_| 1.0).collect(),
            phases: Vec::new(),
        }
    }

    /// Spikes of an item, `[timestep of the window][position]` by population, and passes of each network in it.
    /// Networks that ran in no pass keep what [`Activity::even`] says of uniform rates.
    ///
    /// # Panics
    /// If some population's spikes are not one for each timestep and position.
    pub fn recorded(
        model: &SpikingModel,
        spikes: EntityMap<PopulationId, Vec<f32>>,
        passes: EntityMap<NetworkId, f64>,
    ) -> Self {
        let mut activity = Self::even(model, &Rates::default());
        activity.source = ActivitySource::Recorded;
        for (id, recorded) in spikes.iter() {
            let network = model.populations[id].network;
            if passes[network] > 0.0 {
                let own = &mut activity.populations[id];
                assert_eq!(recorded.len(), own.steps as usize * own.positions, "spikes of every position");
                own.spikes = Spikes::Recorded(recorded.clone());
            }
        }
        activity.passes = passes.values().map(|&n| if n > 0.0 { n } else { 1.0 }).collect();
        activity
    }

    /// The sum of `phases`, each of which is spikes and passes as [`Activity::recorded`] takes them. Networks that
    /// ran in some phase do nothing in the phases in which they did not run.
    ///
    /// # Panics
    /// If some population's spikes are not one for each timestep and position.
    pub fn in_phases(model: &SpikingModel, phases: Vec<RecordedPhase>) -> Self {
        let mut spikes: EntityMap<PopulationId, Vec<f32>> = model
            .populations
            .values()
            .map(|p| vec![0.0; p.window.steps as usize * p.shape.positions()])
            .collect();
        let mut passes: EntityMap<NetworkId, f64> = model.networks.values().map(|_| 0.0).collect();
        for phase in &phases {
            for (id, own) in phase.spikes.iter() {
                spikes[id].iter_mut().zip(own).for_each(|(sum, spikes)| *sum += spikes);
            }
            phase.passes.iter().for_each(|(id, own)| passes[id] += own);
        }
        let mut whole = Self::recorded(model, spikes, passes.clone());
        // What no phase ran is the same in all that are looked at: it counts in the first.
        whole.phases = phases
            .into_iter()
            .enumerate()
            .map(|(index, phase)| {
                let mut own = Self::recorded(model, phase.spikes, phase.passes.clone());
                let ran = |(id, &passes): (NetworkId, &f64)| match passes > 0.0 {
                    true => phase.passes[id],
                    false => f64::from(u8::from(index == 0)),
                };
                own.passes = passes.iter().map(ran).collect();
                own
            })
            .collect();
        whole
    }

    /// The parts of an item in which passes are taken to be alike, in order; the item itself if it has no others. A
    /// network of no [passes](Activity::passes) does nothing in a phase.
    pub fn phases(&self) -> &[Self] {
        if self.phases.is_empty() { std::slice::from_ref(self) } else { &self.phases }
    }

    /// Of a population.
    pub fn of(&self, population: PopulationId) -> &PopulationActivity {
        &self.populations[population]
    }

    /// Passes of a network in an item.
    pub fn passes(&self, network: NetworkId) -> f64 {
        self.passes[network]
    }

    /// Spikes of a neuron in an item, by population.
    pub fn rates(&self, model: &SpikingModel) -> Rates {
        let rate = |(id, p): (PopulationId, &Population)| {
            let own = &self.populations[id];
            let spikes: f64 = (own.start..own.start + own.steps).map(|step| own.total(step)).sum();
            (id, spikes / p.shape.len().max(1) as f64)
        };
        Rates::of_neurons(model.populations.iter().map(rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Shape;
    use crate::ir::spiking::{Bias, Network, NeuronFormat, NeuronModel, Window};

    fn model() -> SpikingModel {
        let target = snnc_targets::registry::load("loihi-like").unwrap();
        let population = |name: &str, dynamics| Population {
            network: NetworkId(0),
            name: name.into(),
            shape: Shape::new(4, 1, 3),
            dynamics,
            input_shift: 6,
            bias: Bias::Zero,
            window: Window { start: 2, steps: 5 },
            order: None,
            rounding: Default::default(),
        };
        SpikingModel {
            name: "m".into(),
            neuron: NeuronFormat::new(&target.neuron, 8),
            networks: vec![Network { name: "n".into(), timesteps: 5, pass_steps: 7 }].into(),
            populations: vec![
                population("a", NeuronModel::lif(2048, vec![200; 4])),
                population("b", NeuronModel::integrator(0)),
            ]
            .into(),
            inputs: Vec::new(),
            readouts: Vec::new(),
            workload: None,
        }
    }

    #[test]
    fn even_activity_is_the_rate_over_the_window_and_an_integrator_is_silent() {
        let activity = Activity::even(&model(), &Rates::default());
        let first = activity.of(PopulationId(0));
        // 4 channels fire once in 5 timesteps.
        assert_eq!((first.at(1, 0), first.at(2, 0), first.at(6, 2), first.at(7, 0)), (0.0, 0.8, 0.8, 0.0));
        assert!((first.total(4) - 2.4).abs() < 1e-6);
        assert_eq!(activity.of(PopulationId(1)).total(4), 0.0);
        assert!((activity.rates(&model()).of(PopulationId(0)) - 1.0).abs() < 1e-6);
        assert_eq!(activity.source, ActivitySource::Uniform);
    }

    #[test]
    fn recorded_spikes_are_found_at_their_timestep_and_position() {
        let mut spikes = vec![0.0; 15];
        spikes[3 + 2] = 6.0;
        let spikes: EntityMap<PopulationId, Vec<f32>> = vec![spikes, vec![0.0; 15]].into();
        let activity = Activity::recorded(&model(), spikes.clone(), vec![49.0].into());
        let first = activity.of(PopulationId(0));
        assert_eq!((first.at(3, 2), first.at(3, 1), first.at(4, 2)), (6.0, 0.0, 0.0));
        assert_eq!((first.total(3), activity.passes(NetworkId(0))), (6.0, 49.0));
        assert!((activity.rates(&model()).of(PopulationId(0)) - 0.5).abs() < 1e-6);
        // What did not run is taken to be uniform.
        let idle = Activity::recorded(&model(), spikes, vec![0.0].into());
        assert_eq!(idle.of(PopulationId(0)), Activity::even(&model(), &Rates::default()).of(PopulationId(0)));
    }
    #[test]
    fn phases_add_up_and_a_network_rests_where_it_did_not_run() {
        let phase = |each: f32, passes: f64| RecordedPhase {
            spikes: vec![vec![each; 15], vec![0.0; 15]].into(),
            passes: vec![passes].into(),
        };
        let activity = Activity::in_phases(&model(), vec![phase(1.0, 2.0), phase(4.0, 3.0), phase(0.0, 0.0)]);
        assert_eq!((activity.of(PopulationId(0)).at(3, 1), activity.passes(NetworkId(0))), (5.0, 5.0));
        let of = |phase: &Activity| (phase.of(PopulationId(0)).at(3, 1), phase.passes(NetworkId(0)));
        let phases: Vec<(f32, f64)> = activity.phases().iter().map(of).collect();
        assert_eq!(phases[..2], [(1.0, 2.0), (4.0, 3.0)]);
        assert_eq!(phases[2].1, 0.0);
        let even = Activity::even(&model(), &Rates::default());
        assert_eq!(even.phases(), std::slice::from_ref(&even));
    }
}
