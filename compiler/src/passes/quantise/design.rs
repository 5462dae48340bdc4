//! What a layer's weights were multiplied with: recorded input activity as a sparse matrix.
//!
//! A sample is one (pass, timestep, target position); a row is one (input channel, tap) of the layer's kernels or one
//! synapse, source after source. Read-outs sum over time, so their samples do too, and only positions whose values
//! are used count.

use crate::passes::calibrate::{ReachTable, RecordedPass};
use crate::passes::collect::{Collected, NeuronKind, NeuronLayer};

/// Most samples of a layer: later passes are left out, so that memory stays bounded.
const MOST_SAMPLES: usize = 1 << 22;

/// One active (row, sample).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ActiveSample {
    /// Sample.
    pub sample: u32,
    /// Activity.
    pub value: f32,
}

/// Activity by row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Design {
    /// Number of samples.
    pub samples: usize,
    /// One a kernel row; samples ascending and distinct.
    pub rows: Vec<Vec<ActiveSample>>,
}

impl Design {
    /// The activity into `layer` in the recorded passes.
    pub fn new(network: &Collected, layer: &NeuronLayer, passes: &[RecordedPass]) -> Self {
        let positions = layer.shape.positions();
        let steps = if layer.kind.fires() { network.timesteps } else { 1 };
        let passes = &passes[..passes.len().min(MOST_SAMPLES / (steps * positions).max(1))];
        let mut design = Self { samples: passes.len() * steps * positions, rows: Vec::new() };
        for source in &layer.sources {
            let from = network.layers[source.source].shape;
            let reach = ReachTable::new(&source.wiring, from);
            let mut rows = vec![Vec::new(); source.rows().count()];
            for (p, pass) in passes.iter().enumerate() {
                let late = source.delay as usize;
                let acting = (late..network.timesteps).zip(&pass.spikes[source.source]);
                for (t, spikes) in acting {
                    let (value, group) = factor(&layer.kind, t);
                    for &spike in spikes {
                        reach.each(spike, from, |row, y, x| {
                            let position = y * layer.shape.width + x;
                            if layer.kind.fires() || matters(pass, position) {
                                let sample = ((p * steps + group) * positions + position) as u32;
                                rows[row].push(ActiveSample { sample, value });
                            }
                        });
                    }
                }
            }
            design.rows.extend(rows.into_iter().map(merged));
        }
        design
    }

    /// Variance of each row's activity; a row that was never active counts as a hundredth of the mean, so that its
    /// weights are not arbitrary.
    pub fn variances(&self) -> Vec<f64> {
        let samples = self.samples.max(1) as f64;
        let variance = |row: &Vec<ActiveSample>| {
            let values = || row.iter().map(|entry| f64::from(entry.value));
            values().map(|v| v * v).sum::<f64>() / samples - (values().sum::<f64>() / samples).powi(2)
        };
        let mut variances: Vec<f64> = self.rows.iter().map(variance).collect();
        let mean = variances.iter().sum::<f64>() / variances.len().max(1) as f64;
        let least = if mean > 0.0 { mean / 100.0 } else { 1.0 };
        variances.iter_mut().for_each(|v| *v = v.max(least));
        variances
    }
}

/// Whether a read-out's position is used; all are where nothing is known.
fn matters(pass: &RecordedPass, position: usize) -> bool {
    pass.relevant.get(position).copied().unwrap_or(true)
}

/// With what factor a timestep enters, and into which step's samples.
fn factor(kind: &NeuronKind, t: usize) -> (f32, usize) {
    match kind {
        NeuronKind::Firing { .. } | NeuronKind::Port => (1.0, t),
        NeuronKind::Mean | NeuronKind::Sum => (1.0, 0),
        NeuronKind::Weighted { coefficients } => {
            let newest = coefficients.last().copied().unwrap_or(1.0);
            ((coefficients[t] / newest) as f32, 0)
        }
    }
}

/// Sorted by sample, equal samples added.
fn merged(mut entries: Vec<ActiveSample>) -> Vec<ActiveSample> {
    entries.sort_by_key(|entry| entry.sample);
    let mut merged: Vec<ActiveSample> = Vec::with_capacity(entries.len());
    for entry in entries {
        match merged.last_mut() {
            Some(last) if last.sample == entry.sample => last.value += entry.value,
            _ => merged.push(entry),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::channels::ChannelMap;
    use crate::ir::{AxisMap, ConvMap, Shape};
    use crate::neuron::TrainedNeuron;
    use crate::passes::calibrate::RecordedSpike;
    use crate::passes::collect::{KernelWiring, SourceKernel};

    fn layer(kind: NeuronKind, sources: Vec<SourceKernel>) -> NeuronLayer {
        let (shape, bias) = (Shape::new(1, 1, 2), vec![0.0]);
        NeuronLayer { name: "l".into(), shape, kind, sources, bias, host: None, relay: None }
    }

    /// Two timesteps of two positions into a 1 x 1 kernel.
    fn network(kind: NeuronKind) -> Collected {
        let axis = AxisMap::pointwise;
        let map = ConvMap { rows: axis(1), cols: axis(2) };
        let source = SourceKernel {
            source: 0,
            delay: 0,
            wiring: KernelWiring::Conv { map, channels: ChannelMap::dense(1, 1) },
            weights: vec![1.0].into(),
        };
        let lif = NeuronKind::from(TrainedNeuron::lif(2.0, 1.0, 0.0));
        let layers = vec![layer(lif, Vec::new()), layer(kind, vec![source])];
        Collected { network: "n".into(), timesteps: 2, layers }
    }

    #[test]
    fn neurons_see_timesteps_and_read_outs_their_sum_where_it_is_used() {
        let spike = |position| RecordedSpike { position, channel: 0 };
        let spikes = vec![vec![vec![spike(0), spike(1)], vec![spike(0)]], Vec::new()];
        let pass = RecordedPass { spikes, output: Vec::new(), relevant: vec![true, false] };
        let entries = |kind| {
            let network = network(kind);
            let design = Design::new(&network, &network.layers[1], std::slice::from_ref(&pass));
            (design.samples, design.rows[0].iter().map(|e| (e.sample, e.value)).collect::<Vec<_>>())
        };
        let lif = NeuronKind::from(TrainedNeuron::lif(2.0, 1.0, 0.0));
        assert_eq!(entries(lif), (4, vec![(0, 1.0), (1, 1.0), (2, 1.0)]));
        assert_eq!(entries(NeuronKind::Mean), (2, vec![(0, 2.0)]));
        assert_eq!(entries(NeuronKind::Weighted { coefficients: vec![0.25, 0.5] }), (2, vec![(0, 1.5)]));
    }
}
