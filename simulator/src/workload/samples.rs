//! Samples: constant inputs or spike trains for one network, one pass each, all state cleared between them. Spike
//! trains are given or drawn.

use std::borrow::Cow;

use serde::Serialize;
use snnc_compiler::ir::spike_source::SpikeSource;
use snnc_compiler::ir::spiking::SpikingModel;
use snnc_compiler::ir::{NetworkId, Shape};
use snnc_targets::{Code, Diagnostic, NamedPart, Subject};

use super::sources::DrawnTrain;
use super::{Course, Workload};
use crate::spike_train::{PackedTrain, PackedTrains, SpikeTrain};

/// Inputs of a network.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Samples {
    network: NetworkId,
    input: Shape,
    /// Timesteps of a spike train; none of a constant input.
    steps: Option<u32>,
    readout: Shape,
    content: SampleContent,
}

/// What the samples are.
#[derive(Debug, Clone, PartialEq, Serialize)]
enum SampleContent {
    /// Constant inputs, one after the other, `[n, c, h, w]`.
    Maps(Vec<f64>),
    /// Spikes that are given.
    Trains(PackedTrains),
    /// Spikes that are drawn, of so many samples. Values are those of the maps that rates are taken from,
    /// `[n, c, h, w]`.
    Drawn { source: SpikeSource, values: Vec<f64>, samples: u64 },
}

impl Samples {
    /// Feeds `values`, `[n, c, h, w]` row-major, to a network of a verified model; `[n, t, c, h, w]` to one that takes
    /// spikes.
    ///
    /// # Errors
    /// Those of [`Samples::shapes`]; [`Code::LayerShape`] for values that are no whole number of samples, or none;
    /// [`Code::Argument`] for a sample with a value that is not finite, or spikes other than 0 and 1.
    pub fn new(model: &SpikingModel, network: NetworkId, values: Vec<f64>) -> Result<Self, Diagnostic> {
        let (input, _) = Self::shapes(model, network)?;
        let Some(steps) = Self::timesteps(model, network) else {
            check_maps(model, network, input, &values)?;
            return Self::with(model, network, SampleContent::Maps(values));
        };
        let each = input.len() * steps as usize;
        whole(model, network, (input, each), &values)?;
        if let Some(at) = values.iter().position(|&value| value != 0.0 && value != 1.0) {
            let message = format!("sample {} holds {} at value {}", at / each, values[at], at % each);
            let place = Subject::Network(model.networks[network].name.clone());
            return Err(Diagnostic::new(Code::Argument, place, message)
                .hint("the network takes spikes, which are 0 or 1"));
        }
        let mut trains = PackedTrains::new(input, steps);
        trains.resize(values.len() / each);
        for at in (0..values.len()).filter(|&at| values[at] != 0.0) {
            trains.set((at / each, at % each / input.len()), at % input.len());
        }
        Self::with(model, network, SampleContent::Trains(trains))
    }

    /// Feeds spike trains to a network of a verified model that takes them.
    ///
    /// # Errors
    /// Those of [`Samples::shapes`]; [`Code::LayerShape`] for trains of another shape or length, or none.
    pub fn of_trains(
        model: &SpikingModel,
        network: NetworkId,
        trains: PackedTrains,
    ) -> Result<Self, Diagnostic> {
        let (input, _) = Self::shapes(model, network)?;
        let fits = Self::timesteps(model, network)
            .is_some_and(|steps| !trains.is_empty() && trains.sides() == (input, steps));
        if !fits {
            let (shape, steps) = trains.sides();
            let message = format!("{} trains of {steps} timesteps of {shape}", trains.len());
            let place = Subject::Network(model.networks[network].name.clone());
            return Err(Diagnostic::new(Code::LayerShape, place, message));
        }
        Self::with(model, network, SampleContent::Trains(trains))
    }

    /// Feeds spikes that are drawn to a network of a verified model: `samples` of them, or if rates are of an input as
    /// many as there are maps in `values`, `[n, c, h, w]`. `seed` replaces that of the source.
    ///
    /// # Errors
    /// Those of [`Samples::shapes`]; [`Code::Unsupported`] for a network without a source, [`Code::LayerShape`] for
    /// values that are no whole maps, [`Code::Argument`] for a rate of more than a spike a timestep.
    pub fn drawn(
        model: &SpikingModel,
        network: NetworkId,
        (samples, values): (u64, Vec<f64>),
        seed: Option<u64>,
    ) -> Result<Self, Diagnostic> {
        let (input, _) = Self::shapes(model, network)?;
        let place = || Subject::Network(model.networks[network].name.clone());
        let source = Self::source(model, network)?;
        let (Some(source), Some(steps)) = (source, Self::timesteps(model, network)) else {
            let message = "draws no spikes: its input has no source";
            return Err(Diagnostic::new(Code::Unsupported, place(), message));
        };
        let source = SpikeSource { seed: seed.unwrap_or(source.seed), ..source };
        let mut samples = samples;
        if source.of_input {
            check_maps(model, network, input, &values)?;
            samples = (values.len() / input.len()) as u64;
            for (sample, map) in (0..).zip(values.chunks_exact(input.len())) {
                DrawnTrain::new((input, steps), source, sample, map).map_err(|(at, rate)| {
                    let message =
                        format!("sample {sample} holds {} at value {at}: {rate} spikes a timestep", map[at]);
                    Diagnostic::new(Code::Argument, place(), message).hint(
                        "0 to 1 is expected of value times rate; scale the values or the rate of the source",
                    )
                })?;
            }
        }
        Self::with(model, network, SampleContent::Drawn { source, values, samples })
    }

    fn with(model: &SpikingModel, network: NetworkId, content: SampleContent) -> Result<Self, Diagnostic> {
        let (input, readout) = Self::shapes(model, network)?;
        Ok(Self { network, input, steps: Self::timesteps(model, network), readout, content })
    }

    /// What the spikes of a network are drawn from; none if they are given, or its input is no spikes.
    ///
    /// # Errors
    /// [`Code::ProgramInvalid`] for a source whose numbers are none.
    pub fn source(model: &SpikingModel, network: NetworkId) -> Result<Option<SpikeSource>, Diagnostic> {
        SpikeSource::of(model.workload.as_ref(), network)
            .map_err(|message| Diagnostic::new(Code::ProgramInvalid, NamedPart::Workload, message))
    }

    /// Shapes of what a network takes and of its read-out.
    ///
    /// # Errors
    /// [`Code::Argument`] for a network that the model does not have, [`Code::Unsupported`] for one that the host
    /// does not feed, or that has no read-out or several.
    pub fn shapes(model: &SpikingModel, network: NetworkId) -> Result<(Shape, Shape), Diagnostic> {
        let Some(named) = model.networks.get(network) else {
            let message = format!("the program has {} networks", model.networks.len());
            return Err(Diagnostic::new(Code::Argument, Subject::IrNetwork(network, None), message));
        };
        let refused = |message: String| {
            Diagnostic::new(Code::Unsupported, Subject::Network(named.name.clone()), message)
        };
        let own = |population| model.populations[population].network == network;
        let written = model.inputs.iter().find(|input| own(input.population)).map(|input| input.input);
        let input = written.or_else(|| Some(model.port_of(network)?.1.shape));
        let input = input.ok_or_else(|| refused("takes no input, so samples cannot be fed to it".into()))?;
        let readouts: Vec<Shape> = (model.readouts.iter())
            .filter(|readout| own(readout.population))
            .map(|readout| model.populations[readout.population].shape)
            .collect();
        match readouts[..] {
            [readout] => Ok((input, readout)),
            _ => Err(refused(format!("has {} read-outs, samples are answered by one", readouts.len()))),
        }
    }

    /// Timesteps of a sample of a network that takes spikes; none if its input is constant.
    pub fn timesteps(model: &SpikingModel, network: NetworkId) -> Option<u32> {
        Some(model.port_of(network)?.1.window.steps)
    }

    /// The network that is fed.
    pub fn network(&self) -> NetworkId {
        self.network
    }

    /// Shape of a sample, or of each of its timesteps.
    pub fn input_shape(&self) -> Shape {
        self.input
    }

    /// Values of a sample: elements of its map, in each timestep of a spike train.
    pub fn elements(&self) -> usize {
        self.input.len() * self.steps.unwrap_or(1) as usize
    }

    /// Shape of the network's read-out.
    pub fn readout_shape(&self) -> Shape {
        self.readout
    }

    /// The values of a sample, `[c, h, w]` or `[t, c, h, w]`.
    pub fn sample(&self, index: u64) -> Cow<'_, [f64]> {
        match (self.map(index), self.train(index)) {
            (_, Some(train)) => Cow::Owned(train.train().values()),
            (map, None) => Cow::Borrowed(map),
        }
    }

    /// The map of a sample; empty if there is none.
    fn map(&self, index: u64) -> &[f64] {
        let each = self.input.len();
        match &self.content {
            SampleContent::Maps(values) | SampleContent::Drawn { values, .. } if !values.is_empty() => {
                &values[index as usize * each..(index as usize + 1) * each]
            }
            _ => &[],
        }
    }

    /// The spikes of a sample; none if it is a map.
    fn train(&self, index: u64) -> Option<SampleTrain<'_>> {
        match &self.content {
            SampleContent::Maps(_) => None,
            SampleContent::Trains(trains) => Some(SampleTrain::Packed(trains.train(index as usize))),
            SampleContent::Drawn { source, .. } => {
                let sides = (self.input, self.steps.unwrap_or_default());
                let drawn = DrawnTrain::new(sides, *source, index, self.map(index));
                Some(SampleTrain::Drawn(drawn.expect("rates were checked when the samples were made")))
            }
        }
    }
}

/// Whether values are maps that a network can be given.
fn check_maps(
    model: &SpikingModel,
    network: NetworkId,
    input: Shape,
    values: &[f64],
) -> Result<(), Diagnostic> {
    whole(model, network, (input, input.len()), values)?;
    let Some(at) = values.iter().position(|value| !value.is_finite()) else { return Ok(()) };
    let (sample, value) = (at / input.len(), values[at]);
    let message = format!("sample {sample} holds {value} at value {}", at % input.len());
    let place = Subject::Network(model.networks[network].name.clone());
    Err(Diagnostic::new(Code::Argument, place, message).hint("inputs are finite numbers"))
}

/// Whether values are a whole number of samples of `each` values.
fn whole(
    model: &SpikingModel,
    network: NetworkId,
    (input, each): (Shape, usize),
    values: &[f64],
) -> Result<(), Diagnostic> {
    if !values.is_empty() && values.len().is_multiple_of(each) {
        return Ok(());
    }
    let message = format!("{} values found, {each} expected for each sample {input}", values.len());
    let place = Subject::Network(model.networks[network].name.clone());
    Err(Diagnostic::new(Code::LayerShape, place, message))
}

/// The spikes of a sample.
enum SampleTrain<'s> {
    Packed(PackedTrain<'s>),
    Drawn(DrawnTrain),
}

impl SampleTrain<'_> {
    fn train(&self) -> &dyn SpikeTrain {
        match self {
            Self::Packed(train) => train,
            Self::Drawn(train) => train,
        }
    }
}

impl Workload for Samples {
    /// The read-out, `[c, h, w]`.
    type Item = Vec<f64>;

    fn item_name(&self) -> &'static str {
        "sample"
    }

    fn len(&self) -> u64 {
        match &self.content {
            SampleContent::Maps(values) => (values.len() / self.input.len()) as u64,
            SampleContent::Trains(trains) => trains.len() as u64,
            SampleContent::Drawn { samples, .. } => *samples,
        }
    }

    fn passes(&self) -> u64 {
        1
    }

    fn seed(&self) -> u64 {
        match &self.content {
            SampleContent::Drawn { source, .. } => source.seed,
            SampleContent::Maps(_) | SampleContent::Trains(_) => 0,
        }
    }

    fn begin(&self, index: u64) -> impl Course<Item = Vec<f64>> {
        let input = Some((self.map(index), self.train(index)));
        Sample { network: self.network, input, readout: Vec::new() }
    }
}

/// One pass.
struct Sample<'s> {
    network: NetworkId,
    /// Its map and its spikes, of which it has one or the other, until they are answered.
    input: Option<(&'s [f64], Option<SampleTrain<'s>>)>,
    readout: Vec<f64>,
}

impl Course for Sample<'_> {
    type Item = Vec<f64>;

    fn input(&mut self) -> Option<(NetworkId, &[f64])> {
        self.input.as_ref().map(|&(map, _)| (self.network, map))
    }

    fn train(&self) -> Option<(NetworkId, &dyn SpikeTrain)> {
        let (_, train) = self.input.as_ref()?;
        Some((self.network, train.as_ref()?.train()))
    }

    fn answer(&mut self, readouts: &[Vec<f64>]) -> Result<(), Diagnostic> {
        self.input = None;
        self.readout = readouts.first().cloned().unwrap_or_default();
        Ok(())
    }

    fn finish(self) -> Vec<f64> {
        self.readout
    }
}
