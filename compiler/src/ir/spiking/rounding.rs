//! What the rounding of a layer decided, kept with its integers: it cannot be read back from them.

use serde::{Deserialize, Serialize};

use super::{Bias, NeuronFormat};

/// Decisions about one population. What the chip computes does not depend on them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Rounding {
    /// How membranes exactly at the threshold are handled. `None` of a read-out, and of integers that were made by
    /// hand.
    pub ties: Option<Ties>,
    /// Weights other than 0 that became 0.
    pub zeroed: u64,
    /// Weights other than 0 in the trained network.
    pub weights: u64,
    /// What membranes are in the trained network. `None` of a read-out, whose membranes [`super::Readout::scale`]
    /// describes, and of integers that were made by hand.
    #[serde(default)]
    pub membrane: Option<MembraneUnit>,
}

/// What the integers of a population's membranes are in the trained network: membrane = integer x `scale` + `rest`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MembraneUnit {
    /// One a channel, above 0.
    pub scale: Vec<f64>,
    /// One a channel: where a membrane is whose integer is 0.
    pub rest: Vec<f64>,
}

/// How a layer's ties are handled: trained neurons fire at `v >= threshold`, some chips only above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ties {
    /// The chip fires at its threshold, as the trained neuron does.
    Inclusive,
    /// Strict, threshold mantissa one lower.
    Threshold,
    /// Strict, constant input the next higher that the format holds.
    Bias,
    /// Strict, and the host writes the input: it rounds such that the neuron fires when the trained one does.
    Written,
    /// Inclusive, threshold mantissa one higher: the trained neuron fires above its threshold only.
    Above,
    /// Strict, as the trained neuron or not corrected: a membrane exactly at the threshold does not fire.
    Strict,
}

impl Ties {
    /// A description in words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Inclusive => "inclusive",
            Self::Threshold => "strict, threshold - 1",
            Self::Bias => "strict, bias + 1",
            Self::Written => "strict, input written alike",
            Self::Above => "inclusive, threshold + 1",
            Self::Strict => "strict",
        }
    }
}

/// What all membranes of a population are multiples of, whatever the spikes.
pub fn membrane_grid(format: &NeuronFormat, decay: u32, input_shift: u32, bias: &Bias) -> i64 {
    let inputs = 1i64 << input_shift;
    let keeps = decay == 0 || decay == 1 << format.decay_bits;
    match bias {
        _ if !keeps => 1,
        Bias::Host => 1,
        Bias::Zero => inputs,
        Bias::Channel(values) | Bias::Neuron(values) => {
            let step = |value: &i32| 1i64 << value.trailing_zeros().min(30);
            values.iter().map(step).fold(inputs, i64::min)
        }
    }
}
