//! What the host writes before a pass and reads after it, and the workload that drives it.

use std::collections::{BTreeMap, BTreeSet};

use snnc_targets::{NamedPart, Place, Subject};

use super::{Checker, holds, joins_within, volume};
use crate::ir::spiking::{Bias, HostInput, HostStage, Readout, SpikingModel, TrainedNeuron};
use crate::ir::{PopulationId, Shape};

/// Most values of a map between two stages of the host: half a gigabyte.
const HOST_MAP_MAX: usize = 1 << 26;

impl Checker {
    /// What the host writes and reads exists.
    pub(super) fn host_ends(&mut self, model: &SpikingModel) {
        let inputs = model.inputs.iter().map(|input| input.population);
        let readouts = model.readouts.iter().map(|readout| readout.population);
        let inputs = inputs.map(|id| (Subject::HostInput(id), id));
        for (subject, population) in inputs.chain(readouts.map(|id| (Subject::Readout(id), id))) {
            let exists = model.populations.get(population).is_some();
            self.need(exists, &subject.into(), || "population does not exist".into());
        }
    }

    pub(super) fn host_side(&mut self, model: &SpikingModel) {
        let (mut written, mut shapes) = (BTreeSet::new(), BTreeMap::new());
        for input in &model.inputs {
            let place = Subject::HostInput(input.population).into();
            self.host_input(model, input, &place);
            written.insert(input.population);
            // A pass is given one input.
            let network = model.populations[input.population].network;
            let first = *shapes.entry(network).or_insert(input.input);
            self.need(input.input == first, &place, || {
                format!("takes shape {}, another input of {network} takes {first}", input.input)
            });
            let constant = model.port_of(network).is_none();
            self.need(constant, &place, || format!("{network} takes spikes from outside as well"));
        }
        self.need(written.len() == model.inputs.len(), &NamedPart::HostInputs.into(), || {
            "a population is written twice".into()
        });
        let hosted: BTreeSet<PopulationId> =
            model.populations.iter().filter(|(_, p)| p.bias == Bias::Host).map(|(id, _)| id).collect();
        self.need(hosted == written, &NamedPart::HostInputs.into(), || {
            format!("populations with host biases {hosted:?}, host inputs for {written:?}")
        });
        for readout in &model.readouts {
            self.readout(model, readout);
        }
        self.workload(model);
    }

    fn host_input(&mut self, model: &SpikingModel, input: &HostInput, place: &Place) {
        let population = &model.populations[input.population];
        let mut shapes = vec![input.input];
        for stage in &input.stages {
            let next = shapes.last().filter(|&&shape| holds(shape, HOST_MAP_MAX));
            shapes.extend(next.and_then(|&shape| stage_output(stage, shape)));
        }
        let (last, whole) = (shapes.last(), shapes.len() == 1 + input.stages.len());
        let large = shapes.iter().find(|&&shape| exceeds(shape, HOST_MAP_MAX));
        match large.filter(|&shape| !whole || last != Some(shape) || *shape == population.shape) {
            Some(shape) => {
                let message = format!("the host computes a map {shape}, at most {HOST_MAP_MAX} values");
                self.unsupported(model, population, message);
            }
            None => {
                self.need(whole && last == Some(&population.shape), place, || {
                    format!("stages turn {} into {shapes:?}, expected {}", input.input, population.shape)
                });
            }
        }
        let scaled =
            input.scale.len() == population.shape.channels && input.scale.iter().all(|s| s.is_finite());
        self.need(scaled, place, || "expected one finite scale a channel".into());
        let sane = |n: &TrainedNeuron| {
            let optional = [n.tau, n.subtract, n.current].into_iter().flatten();
            let finite = optional.chain([n.threshold, n.reset]).all(f64::is_finite);
            finite && n.tau.is_none_or(|tau| tau >= 1.0) && n.threshold > n.reset
        };
        let neuron = input.neuron.as_ref().is_none_or(|n| sane(n) && population.dynamics.fires());
        self.need(neuron, place, || {
            "expected a firing population and a trained neuron with tau >= 1 and a threshold above its reset"
                .into()
        });
    }

    fn readout(&mut self, model: &SpikingModel, readout: &Readout) {
        let place = Subject::Readout(readout.population).into();
        let population = &model.populations[readout.population];
        self.need(!population.dynamics.fires(), &place, || {
            "population fires; read-outs are integrators".into()
        });
        let n = population.shape.channels;
        let finite = readout.scale.iter().chain(&readout.offset).all(|v| v.is_finite());
        self.need(readout.scale.len() == n && readout.offset.len() == n && finite, &place, || {
            "expected one finite scale and offset a channel".into()
        });
    }

    fn workload(&mut self, model: &SpikingModel) {
        let problems = model.workload.iter().flat_map(|workload| workload.problems(model.networks.len()));
        problems.for_each(|problem| self.need(false, &NamedPart::Workload.into(), || problem));
    }
}

/// Whether a shape holds more than `most` elements.
fn exceeds(shape: Shape, most: usize) -> bool {
    !holds(shape, most) && ![shape.channels, shape.height, shape.width].contains(&0)
}

/// Output shape of a host stage, or `None` if the stage contradicts its input or itself.
fn stage_output(stage: &HostStage, input: Shape) -> Option<Shape> {
    match stage {
        HostStage::Embedding { rows, width, table } => (input.channels == 1
            && rows.checked_mul(*width) == Some(table.len())
            && *rows >= 1
            && table.iter().all(|v| v.is_finite()))
        .then(|| Shape::new(*width, input.height, input.width)),
        HostStage::Conv { map, channels, outputs, weights, bias } => {
            let sane = [map.rows, map.cols].iter().all(|a| {
                a.stride >= 1
                    && [a.stride, a.padding, a.dilation, a.output, a.kernel, a.first_tap]
                        .iter()
                        .all(|&n| n <= 1 << 16)
            });
            // The host reads every channel; those that no kernel reaches are the bias.
            let all = channels.first_input == 0
                && channels.groups.checked_mul(channels.inputs) == Some(input.channels);
            let fits = all
                && joins_within(channels, input.channels, *outputs)
                && volume(channels, map.rows.kernel, map.cols.kernel) == Some(weights.len())
                && bias.len() == *outputs
                && (map.rows.input, map.cols.input) == (input.height, input.width)
                && weights.iter().chain(bias).all(|v| v.is_finite());
            (sane && fits).then(|| Shape::new(*outputs, map.rows.output, map.cols.output))
        }
    }
}
