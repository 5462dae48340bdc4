//! Samples on both sides: spikes layer by layer, read-outs, predictions.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use snnc_compiler::ir::NetworkId;
use snnc_compiler::ir::program::Program as Mapped;
use snnc_compiler::ir::spiking::HostWork;
use snnc_simulator::workload::{Samples, Workload};
use snnc_targets::{Diagnostic, Diagnostics};

use super::layer_sums::LayerSums;
use super::metrics::{Mean, ratio};
use super::sides::Sides;
use super::{LayerCheck, LayerComparison};
use crate::model::Model;
use crate::program::Program;
use crate::progress::{Progress, go_on};
use crate::report::data::Overflows;
use crate::samples::{Classification, EventSummary, prediction};
use crate::shard::Shard;
use crate::warnings::Warning;

/// The comparison of a network on a target over some samples.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SampleComparison {
    /// Name of the model.
    pub model: String,
    /// Name of the target.
    pub target: String,
    /// The network.
    pub network: String,
    /// Bits of a weight.
    pub weight_bits: u32,
    /// Samples compared.
    pub samples: u64,
    /// What became of the events that the samples are made of; set by who read them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<EventSummary>,
    /// Spiking layers, in order.
    pub layers: Vec<LayerComparison>,
    /// Each layer alone, in order.
    pub layerwise: Vec<LayerCheck>,
    /// The first layer that departs, and why; absent if all agree.
    pub departure: Option<String>,
    /// The read-out's values.
    pub readout: ReadoutComparison,
    /// The largest value of each read-out.
    pub predictions: PredictionComparison,
    /// All of [`SampleComparison::saturation`].
    pub overflows: u64,
    /// Values that left their width on the chip.
    pub saturation: Overflows,
    /// What may go wrong on other inputs.
    pub warnings: Vec<Warning>,
    /// What the host computes in floats on both sides, in a pass.
    pub host: Vec<HostWork>,
}

/// Values of the read-out over all samples.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReadoutComparison {
    /// Largest difference of a value.
    pub max_abs_error: f64,
    /// Root mean square difference.
    pub rms_error: f64,
}

/// Which value of the read-out is the largest.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PredictionComparison {
    /// Share of samples with the same prediction on both sides.
    pub agreement: f64,
    /// Share of samples whose label the float reference predicts; absent without labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy_float: Option<f64>,
    /// Share of samples whose label the chip predicts; absent without labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy_chip: Option<f64>,
    /// Predictions of the float reference against labels; absent without labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub float: Option<Classification>,
    /// Predictions of the chip against labels; absent without labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chip: Option<Classification>,
}

/// What some samples add up to.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct SampleSums {
    layers: LayerSums,
    max_abs_error: f64,
    squared_error: Mean,
    samples: u64,
    equal: u64,
    /// Label and prediction of samples whose label is known: float reference, chip.
    labelled: [Vec<(usize, usize)>; 2],
}

/// Compares a compiled network with its float reference over samples, whose labels may be known; steps are samples.
///
/// # Errors
/// [`snnc_targets::Code::Argument`] for a program that was read from a file, or what the float reference refuses,
/// [`snnc_targets::Code::Stopped`] if the progress says so.
pub fn compare_samples(
    model: &Model,
    program: &Program,
    samples: &Samples,
    labels: Option<&[usize]>,
    progress: &dyn Progress,
) -> Result<SampleComparison, Diagnostics> {
    let mut all = SampleSums::default();
    let mut made = |one| {
        all.merge(one);
        Ok(())
    };
    compare_samples_shard(model, program, (samples, labels), Shard::WHOLE, &mut made, progress)?;
    Ok(all.comparison(program.mapped(), samples.network(), labels.is_some()))
}

/// As [`compare_samples`], but only the samples of a part, one after another, each as what it adds to the sums.
///
/// # Errors
/// Those of [`compare_samples`] and of `made`.
pub fn compare_samples_shard(
    model: &Model,
    program: &Program,
    (samples, labels): (&Samples, Option<&[usize]>),
    shard: Shard,
    made: &mut dyn FnMut(SampleSums) -> Result<(), Diagnostic>,
    progress: &dyn Progress,
) -> Result<(), Diagnostics> {
    let mapped = program.mapped();
    mapped.needs_timesteps()?;
    let own: Vec<u64> = (0..samples.len()).filter(|&index| shard.holds(index as usize)).collect();
    progress.begin(own.len() as u64);
    let sides = Sides::new(model.loaded(), (program.spiking()?.clone(), mapped))?;
    let one = |&index: &u64| -> Result<SampleSums, Diagnostic> {
        go_on(progress)?;
        let mut sums = SampleSums { samples: 1, ..SampleSums::default() };
        let values = samples.sample(index);
        let pass = (samples.network(), &*values);
        let answers = sides.pass(&mut sums.layers, pass, None, true)?;
        for (a, b) in answers.float.iter().zip(&answers.chip) {
            sums.max_abs_error = sums.max_abs_error.max((a - b).abs());
            sums.squared_error.add((a - b) * (a - b));
        }
        let predicted = [&answers.float, &answers.chip].map(|values| prediction(values));
        sums.equal = u64::from(predicted[0] == predicted[1]);
        if let Some(label) = labels.and_then(|labels| labels.get(index as usize)) {
            sums.labelled = predicted.map(|class| vec![(*label, class)]);
        }
        progress.advance(1);
        Ok(sums)
    };
    // As many samples at once as there are cores: one under way holds the spikes of its pass.
    for chunk in own.chunks(rayon::current_num_threads().max(1)) {
        let each: Vec<SampleSums> = chunk.par_iter().map(one).collect::<Result<_, _>>()?;
        each.into_iter().try_for_each(&mut *made)?;
    }
    Ok(())
}

impl SampleSums {
    /// Whether sums that were read from a file can be those of a model with so many populations.
    pub fn fits(&self, populations: usize) -> bool {
        self.layers.fits(populations)
    }

    /// Adds the sums of later samples.
    pub fn merge(&mut self, other: Self) {
        self.layers.merge(other.layers);
        self.max_abs_error = self.max_abs_error.max(other.max_abs_error);
        self.squared_error.merge(other.squared_error);
        self.samples += other.samples;
        self.equal += other.equal;
        self.labelled.iter_mut().zip(other.labelled).for_each(|(all, more)| all.extend(more));
    }

    /// The comparison that they amount to; `labelled` says whether labels are known.
    pub fn comparison(self, program: &Mapped, network: NetworkId, labelled: bool) -> SampleComparison {
        let Overflows { accumulator, state, bias } = self.layers.saturation;
        let [float, chip] = self.labelled.map(|pairs| labelled.then(|| Classification::of_pairs(&pairs)));
        let accuracy = |side: &Option<Classification>| side.as_ref().map(Classification::accuracy);
        SampleComparison {
            model: program.model.name.clone(),
            target: program.target.name.clone(),
            network: program.model.networks[network].name.clone(),
            weight_bits: program.model.neuron.weight_bits,
            samples: self.samples,
            events: None,
            layers: self.layers.layers(program),
            departure: self.layers.departure(),
            readout: ReadoutComparison {
                max_abs_error: self.max_abs_error,
                rms_error: self.squared_error.get().sqrt(),
            },
            predictions: PredictionComparison {
                agreement: ratio(self.equal, self.samples),
                accuracy_float: accuracy(&float),
                accuracy_chip: accuracy(&chip),
                float,
                chip,
            },
            overflows: accumulator + state + bias,
            saturation: self.layers.saturation,
            warnings: crate::warnings::of(&program.warnings()),
            host: program.model.host_work(network),
            layerwise: self.layers.checks.into_values().collect(),
        }
    }
}
