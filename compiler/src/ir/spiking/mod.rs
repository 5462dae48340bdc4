//! The spiking IR: integer populations and projections with shared kernels. It knows no core.
//!
//! Spikes, read-outs and synaptic-operation counts of any legal mapping follow from this alone. Kernels are stored
//! once; the synapses of a convolution are an iterator ([`Convolution::map`] x kernel), never a list. Irregular
//! connections are lists ([`SparseSynapses`]), one synapse an entry.
//!
//! Time: a spike sent in timestep s is integrated in s + delay. A pass starts with all state 0. Population p is
//! updated in the timesteps of its [`Window`] only; input that arrives outside is an error that [`verify`] finds.
//!
//! Cycles ([`super::components`]): a recurrent spike sent in timestep s acts in s + delay as well, so the last ones of
//! a window arrive after it: no window could hold them all. Within a cycle, and only there, that is no error. Such a
//! spike is sent and received and its synapses are walked, all of which is counted; it changes no neuron. The pass
//! lasts until the last spike has arrived.

mod format;
pub mod host;
mod host_tail;
mod host_work;
mod neuron;
pub mod order;
pub mod parts;
mod projection;
pub mod reach;
mod rounding;
pub mod sparse;
pub mod verify;
pub mod zeros;

pub use crate::neuron::TrainedNeuron;
pub use format::NeuronFormat;
pub use host_tail::HostTail;
pub use host_work::{HostTask, HostWork};
pub use neuron::{NeuronModel, SynapticCurrent};
pub use projection::{Connectivity, Convolution, Kernel, Projection};
pub use rounding::{MembraneUnit, Rounding, Ties, membrane_grid};
use serde::{Deserialize, Serialize};
use snnc_targets::entity::EntityMap;
use snnc_targets::schema::NeuronSpec;
pub use snnc_targets::schema::Reset;
use snnc_targets::{Place, Subject};
pub use sparse::SparseSynapses;

use super::channels::ChannelMap;
use super::workload::WorkloadSpec;
use super::{ConvMap, NetworkId, PopulationId, ProjectionId, Shape};

/// A whole model in integers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpikingIr {
    /// Networks, populations, host inputs and read-outs.
    pub model: SpikingModel,
    /// Projections, grouped by nothing; ids are dense.
    pub projections: EntityMap<ProjectionId, Projection>,
}

/// A model without its synapses, which the spiking IR and the program share: networks, populations, what the host
/// writes and reads. The text form calls it `Model`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename = "Model")]
pub struct SpikingModel {
    /// Name of the model.
    pub name: String,
    /// Neuron arithmetic of the target that the integers were made for.
    pub neuron: NeuronFormat,
    /// Networks.
    pub networks: EntityMap<NetworkId, Network>,
    /// Populations of all networks in the order in which they run: sources before targets, those of a cycle side by
    /// side.
    pub populations: EntityMap<PopulationId, Population>,
    /// Host-written biases.
    pub inputs: Vec<HostInput>,
    /// Membranes that the host reads.
    pub readouts: Vec<Readout>,
    /// What drives it; none if that is left to who runs it.
    pub workload: Option<WorkloadSpec>,
}

/// One network: a pass runs its populations from cleared membranes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Network {
    /// Name, for example `sdid`.
    pub name: String,
    /// Timesteps of the trained network, T.
    pub timesteps: u32,
    /// Timesteps of a pass on the chip: T plus the depth of the pipeline, and until the last spike has arrived.
    pub pass_steps: u32,
}

/// Neurons of one layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Population {
    /// Its network.
    pub network: NetworkId,
    /// Layer name, unique within the network.
    pub name: String,
    /// `[c, h, w]`.
    pub shape: Shape,
    /// Neuron model.
    pub dynamics: NeuronModel,
    /// Left shift of the summed weights before they join the membrane.
    pub input_shift: u32,
    /// Input other than spikes.
    pub bias: Bias,
    /// When it is updated.
    pub window: Window,
    /// A mapping may number the neurons of an irregular population, or the channels of maps, anew ([`order`]): neuron
    /// (of one channel) or channel (of several) i is `order[i]` to the outside, that is in host inputs, read-outs,
    /// reported spikes and the unit of membranes. None: the numbers are the same.
    #[serde(default)]
    pub order: Option<Vec<u32>>,
    /// What rounding decided.
    #[serde(default)]
    pub rounding: Rounding,
}

impl Population {
    /// The number that the outside knows a neuron by, flat `[c, h, w]`.
    pub fn outside(&self, neuron: usize) -> usize {
        match &self.order {
            None => neuron,
            Some(order) if self.shape.channels == 1 => order[neuron] as usize,
            Some(order) => {
                let positions = self.shape.positions();
                order[neuron / positions] as usize * positions + neuron % positions
            }
        }
    }

    /// The number that the outside knows a position by, flat `[h, w]`: only neurons of a line change places.
    pub fn outside_position(&self, position: usize) -> usize {
        if self.shape.channels == 1 { self.outside(position) } else { position }
    }
}

/// Constant input of each step of the window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bias {
    /// None.
    Zero,
    /// One value a channel, mantissa << exponent already applied.
    Channel(Vec<i32>),
    /// One value a neuron, `[c, h, w]` row-major, mantissa << exponent already applied.
    Neuron(Vec<i32>),
    /// One value a neuron, written by the host before each pass ([`HostInput`]).
    Host,
}

/// Timesteps `start .. start + steps` of a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// First timestep with an update.
    pub start: u32,
    /// Number of timesteps.
    pub steps: u32,
}

impl Window {
    /// First timestep after it.
    pub fn end(self) -> u32 {
        self.start + self.steps
    }

    /// Whether timestep `step` is inside.
    pub fn contains(self, step: u32) -> bool {
        (self.start..self.end()).contains(&step)
    }
}

/// A population whose biases the host computes in f64 from the network's input, once a pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostInput {
    /// The population; its bias is [`Bias::Host`].
    pub population: PopulationId,
    /// Shape of the network's input.
    pub input: Shape,
    /// Applied in order; the last gives the population's shape.
    pub stages: Vec<HostStage>,
    /// Integer units per unit of input current, one a channel: bias = encode(current x scale).
    pub scale: Vec<f64>,
    /// The neuron that the current drives in the trained network, so that the host can round such that the chip's fires
    /// when it does. None: to nearest.
    #[serde(default)]
    pub neuron: Option<TrainedNeuron>,
}

/// A float layer that the host computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum HostStage {
    /// `[1, h, w]` of row numbers to `[width, h, w]`; table `[rows, width]` row-major.
    Embedding {
        /// Rows.
        rows: usize,
        /// Columns.
        width: usize,
        /// `[rows, width]`.
        table: Vec<f64>,
    },
    /// A convolution; weights `[source channels, kernel rows, kernel columns, target channels of a group]`, bias
    /// `[outputs]`.
    Conv {
        /// Geometry.
        map: ConvMap,
        /// Which channels connect.
        channels: ChannelMap,
        /// Target channels.
        outputs: usize,
        /// Target channels fastest.
        weights: Vec<f64>,
        /// One an output.
        bias: Vec<f64>,
    },
}

/// What the host reads at the end of a population's window: value = membrane x scale + offset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Readout {
    /// The population, an integrator.
    pub population: PopulationId,
    /// One a channel.
    pub scale: Vec<f64>,
    /// One a channel.
    pub offset: Vec<f64>,
}

impl SpikingModel {
    /// `network.layer`.
    pub fn layer_name(&self, population: PopulationId) -> String {
        let p = &self.populations[population];
        format!("{}.{}", self.networks[p.network].name, p.name)
    }

    /// The layer of a population, as a place for diagnostics.
    pub fn layer_place(&self, population: PopulationId) -> Place {
        let p = &self.populations[population];
        Subject::layer(&self.networks[p.network].name, &p.name).into()
    }

    /// What its neurons need and a chip lacks.
    pub fn lacking(&self, chip: &NeuronSpec) -> impl Iterator<Item = (PopulationId, String)> {
        self.populations.iter().filter_map(|(id, p)| Some((id, p.dynamics.lacking(chip)?)))
    }

    /// The populations that are spikes from outside, at most one a network.
    pub fn ports(&self) -> impl Iterator<Item = (PopulationId, &Population)> {
        self.populations.iter().filter(|(_, p)| p.dynamics.is_port())
    }

    /// The spikes from outside that a network takes, if it takes any.
    pub fn port_of(&self, network: NetworkId) -> Option<(PopulationId, &Population)> {
        self.ports().find(|(_, p)| p.network == network)
    }

    /// The population of a network's first read-out.
    pub fn readout_of(&self, network: NetworkId) -> Option<&Population> {
        self.readouts.iter().map(|r| &self.populations[r.population]).find(|p| p.network == network)
    }

    /// Populations of a network, ascending.
    pub fn populations_of(&self, network: NetworkId) -> impl Iterator<Item = (PopulationId, &Population)> {
        self.populations.iter().filter(move |(_, p)| p.network == network)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition: the smallest exponent whose mantissa fits.
    fn plain(format: &NeuronFormat, value: f64) -> (i32, bool) {
        let most = f64::from((1i32 << (format.bias_mantissa_bits - 1)) - 1);
        let mantissa = |e: u32| (value / f64::from(1u32 << e)).round_ties_even();
        match (0..=format.bias_exponent_max).find(|&e| mantissa(e).abs() <= most) {
            Some(e) => ((mantissa(e) as i32) << e, false),
            None => (((most * value.signum()) as i32) << format.bias_exponent_max, true),
        }
    }

    #[test]
    fn the_next_bias_is_the_next_that_the_format_holds() {
        let target = snnc_targets::registry::load("loihi-like").unwrap();
        let format = NeuronFormat::new(&target.neuron, 8);
        let next = |values: [i32; 4]| values.map(|value| format.above(value).unwrap());
        assert_eq!(next([0, -1, 4094, -4096]), [1, 0, 4095, -4095]);
        // 4096 takes exponent 1, 8192 exponent 2, 487680 exponent 7.
        assert_eq!(next([4095, 4096, 8192, 487_680]), [4096, 4098, 8196, 487_808]);
        assert_eq!(format.above(4095 << 7), None);
    }

    #[test]
    fn biases_take_the_smallest_exponent_that_fits() {
        let target = snnc_targets::registry::load("loihi-like").unwrap();
        let mut format = NeuronFormat::new(&target.neuron, 8);
        for (bits, exponent) in [(2, 0), (2, 29), (9, 3), (13, 7), (24, 7)] {
            (format.bias_mantissa_bits, format.bias_exponent_max) = (bits, exponent);
            let near = |power: i32| [-1.0, -0.5, -0.25, 0.0, 0.5, 1.0].map(|off| 2f64.powi(power) + off);
            let others = [0.0, -0.0, f64::MIN_POSITIVE / 4.0, f64::INFINITY, f64::NAN, 1e300];
            for value in (-3..34).flat_map(near).chain(others) {
                for value in [value, -value, value * 1.3, value * 0.499] {
                    assert_eq!(format.encode_bias(value), plain(&format, value), "{value} {bits} {exponent}");
                }
            }
        }
    }
}
