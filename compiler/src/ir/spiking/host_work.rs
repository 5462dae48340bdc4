//! What the host computes beside the chip, by layer, in operations a pass: counted from the stages that it runs, as it
//! runs them ([`super::host`]). None of it is part of the chip's energy or time.
//!
//! A multiply-add is one product added to a sum; a product alone counts as one. Taps that fall on padding are skipped.
//! What a workload itself computes between passes is no layer and is left out.

use serde::{Deserialize, Serialize};
use snnc_targets::text_table::{TextTable, left, right};

use super::{HostInput, HostStage, HostTail, SpikingModel};
use crate::ir::{AxisMap, NetworkId, PopulationId, Shape};

/// One task of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostWork {
    /// `network.layer` that it feeds or reads; of a tail behind the read-outs the network.
    pub layer: String,
    /// What the host does for it.
    pub task: HostTask,
    /// Multiply-adds in a pass of the network.
    pub multiply_adds_per_pass: u64,
    /// Rows of a table looked up in a pass.
    pub lookups_per_pass: u64,
}

/// Kinds of tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostTask {
    /// Ids are replaced by rows of a table.
    Embedding,
    /// A convolution or linear layer with constant input (direct coding).
    Convolution,
    /// Currents are turned into integers that the chip takes as biases.
    BiasScaling,
    /// Membranes are turned into values: times scale, plus offset.
    ReadoutScaling,
    /// Read-outs mixed into features.
    Mixing,
    /// The nearest row of a codebook.
    NearestCode,
}

impl HostTask {
    /// Its name in a report.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Embedding => "embedding",
            Self::Convolution => "convolution",
            Self::BiasScaling => "bias scaling",
            Self::ReadoutScaling => "read-out scaling",
            Self::Mixing => "mixing of features",
            Self::NearestCode => "nearest code",
        }
    }
}

impl SpikingModel {
    /// What the host computes in a pass of a network, in the order of inputs, stages and read-outs.
    pub fn host_work(&self, network: NetworkId) -> Vec<HostWork> {
        let mut all = Vec::new();
        for input in self.inputs.iter().filter(|i| self.populations[i.population].network == network) {
            self.input_work(input, &mut all);
        }
        for readout in self.readouts.iter().filter(|r| self.populations[r.population].network == network) {
            let values = self.populations[readout.population].shape.len() as u64;
            let layer = self.layer_name(readout.population);
            all.push(HostWork::new(layer, HostTask::ReadoutScaling, values, 0));
        }
        all
    }

    /// Multiply-adds of the host in a pass of a network, by the population that it feeds before the pass, and by the
    /// population that it reads after it; the sum is that of [`SpikingModel::host_work`].
    pub fn host_multiply_adds(&self, network: NetworkId) -> [Vec<(PopulationId, u64)>; 2] {
        let own = |population: PopulationId| self.populations[population].network == network;
        let before = self.inputs.iter().filter(|input| own(input.population)).map(|input| {
            let mut tasks = Vec::new();
            self.input_work(input, &mut tasks);
            (input.population, tasks.iter().map(|work| work.multiply_adds_per_pass).sum())
        });
        let after = self.readouts.iter().filter(|readout| own(readout.population));
        let after = after.map(|r| (r.population, self.populations[r.population].shape.len() as u64));
        [before.collect(), after.collect()]
    }

    fn input_work(&self, input: &HostInput, all: &mut Vec<HostWork>) {
        let layer = self.layer_name(input.population);
        let mut shape = input.input;
        for stage in &input.stages {
            all.push(match stage {
                HostStage::Embedding { width, .. } => {
                    let lookups = shape.positions() as u64;
                    shape = Shape::new(*width, shape.height, shape.width);
                    HostWork::new(layer.clone(), HostTask::Embedding, 0, lookups)
                }
                HostStage::Conv { map, channels, outputs, .. } => {
                    shape = Shape::new(*outputs, map.rows.output, map.cols.output);
                    let taps = connections(&map.rows) * connections(&map.cols);
                    let products = taps * channels.pairs() as u64;
                    HostWork::new(layer.clone(), HostTask::Convolution, products, 0)
                }
            });
        }
        all.push(HostWork::new(layer, HostTask::BiasScaling, shape.len() as u64, 0));
    }
}

impl HostTail {
    /// What the host makes of the read-outs in a pass.
    pub fn host_work(&self, model: &SpikingModel) -> Vec<HostWork> {
        let name = &model.networks[self.network].name;
        let positions = model.readout_of(self.network).map_or(0, |p| p.shape.positions()) as u64;
        let mixed = positions * (self.width * self.features.len()) as u64;
        // Distances are sums of squares over all rows of the codebook.
        let compared = positions * self.codebook.len() as u64;
        vec![
            HostWork::new(name.clone(), HostTask::Mixing, mixed, 0),
            HostWork::new(name.clone(), HostTask::NearestCode, compared, 0),
        ]
    }
}

impl HostWork {
    /// A row a task: layer, task, operations in a pass.
    pub fn table(tasks: &[Self]) -> TextTable {
        let mut table = TextTable::new(4, [left(""), left(""), right(""), left("")]);
        for work in tasks {
            let (operations, kind) = match (work.multiply_adds_per_pass, work.lookups_per_pass) {
                (0, lookups) => (lookups, "lookups"),
                (multiply_adds, _) => (multiply_adds, "multiply-adds"),
            };
            table.row([&work.layer, work.task.describe(), &operations.to_string(), kind]);
        }
        table
    }

    fn new(layer: String, task: HostTask, multiply_adds_per_pass: u64, lookups_per_pass: u64) -> Self {
        Self { layer, task, multiply_adds_per_pass, lookups_per_pass }
    }
}

/// (source, target) pairs along one axis.
fn connections(axis: &AxisMap) -> u64 {
    (0..axis.input).map(|i| axis.reach(i, 0..axis.output).len() as u64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::ConvMap;
    use crate::ir::channels::ChannelMap;
    use crate::ir::spiking::host;

    /// Pairs of an output and a tap that meet an input, looked for from the outputs.
    fn pairs(axis: &AxisMap) -> u64 {
        let meets = |output: usize, tap: usize| {
            (0..axis.input).any(|input| {
                let (from, to) = if axis.transposed { (input, output) } else { (output, input) };
                from * axis.stride + tap * axis.dilation == to + axis.padding
            })
        };
        let all = (0..axis.output).flat_map(|output| (0..axis.kernel).map(move |tap| (output, tap)));
        all.filter(|&(output, tap)| meets(output, tap)).count() as u64
    }

    #[test]
    fn products_are_those_of_taps_that_meet_the_input() {
        for (kernel, stride, padding, dilation) in [(3, 1, 1, 1), (3, 2, 1, 1), (2, 2, 0, 1), (3, 1, 2, 2)] {
            let (input, transposed) = (7, false);
            let output = AxisMap::conv_output(input, kernel, stride, padding, dilation).unwrap();
            let down = AxisMap { kernel, first_tap: 0, stride, padding, dilation, transposed, input, output };
            let up = AxisMap { transposed: true, input: 4, output: 4 * stride, ..down };
            for axis in [down, up] {
                assert_eq!(connections(&axis), pairs(&axis), "{axis:?}");
                // With inputs and weights of 1 the sum of all outputs is the number of products.
                let (map, weights) = (ConvMap { rows: axis, cols: axis }, vec![1.0; 2 * kernel * kernel * 3]);
                let channels = ChannelMap::dense(2, 3);
                let stage = HostStage::Conv { map, channels, outputs: 3, weights, bias: vec![0.0; 3] };
                let shape = Shape::new(2, axis.input, axis.input);
                let sum: f64 =
                    host::through(std::slice::from_ref(&stage), shape, &vec![1.0; shape.len()]).iter().sum();
                assert_eq!(sum as u64, pairs(&axis).pow(2) * 6);
            }
        }
    }

    #[test]
    fn a_row_names_layer_task_and_operations() {
        let tasks = [
            HostWork::new("net.conv".into(), HostTask::Embedding, 0, 4),
            HostWork::new("net.conv".into(), HostTask::Convolution, 96, 0),
        ];
        assert_eq!(
            HostWork::table(&tasks).lines().collect::<Vec<_>>(),
            ["    net.conv  embedding     4  lookups", "    net.conv  convolution  96  multiply-adds",]
        );
    }
}
