//! Spiking-Diffusion's loop as a workload: absorbing-state diffusion over a grid of tokens, then decoding to an image.
//!
//! [`Diffusion`] is the loop itself; its only randomness are the [`Uniforms`]: counter-based ([`PhiloxUniforms`]) or
//! recorded ([`RecordedUniforms`]), so image i is the same in any batch and on any number of threads.

mod diffusion;
mod draw;
mod philox;
mod pixels;
mod recorded;
mod uniforms;

use snnc_compiler::ir::spiking::SpikingModel;
use snnc_compiler::ir::workload::WorkloadSpec;
use snnc_compiler::ir::{NetworkId, Shape};
use snnc_targets::{Code, Diagnostic, Diagnostics, NamedPart, Subject};

pub use diffusion::{Diffusion, GeneratedImage, LoopParameters};
pub use draw::draw;
pub use philox::PhiloxUniforms;
pub use pixels::pixels;
pub use recorded::RecordedUniforms;
pub use uniforms::Uniforms;

use super::{Course, Workload};

/// What the workload is called in a program.
const KIND: &str = "generation";
/// Most iterations, and most rows or columns of tokens.
const MOST: f64 = (1u32 << 20) as f64;

/// Images from a loop that fits its networks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Generation {
    /// The loop's constants.
    pub parameters: LoopParameters,
    /// Input `[2, h, w]` (tokens, t), read-out `[codes, h, w]`.
    pub denoiser: NetworkId,
    /// Input `[1, h, w]` (tokens), read-out `[c, H, W]`.
    pub decoder: NetworkId,
    /// Shape of the decoder's read-out, `[c, H, W]`.
    pub image: Shape,
    /// Seed of the random streams, one an image.
    pub seed: u64,
    /// Number of images.
    pub images: u64,
}

impl Generation {
    /// `images` images by the loop of a verified model.
    ///
    /// # Errors
    /// [`Code::Unsupported`] if the model has none; [`Code::ProgramInvalid`] for each number out of range and each
    /// network that the loop cannot drive.
    pub fn new(model: &SpikingModel, seed: u64, images: u64) -> Result<Self, Diagnostics> {
        let refused = |message: String| {
            let place = Subject::Model(model.name.clone());
            Diagnostics::from(
                Diagnostic::new(Code::Unsupported, place, message).hint("add a `pipeline` to the model file"),
            )
        };
        let spec = match &model.workload {
            None => return Err(refused("has no generation pipeline".into())),
            Some(spec) if spec.kind != KIND => {
                return Err(refused(format!("is driven by `{}`, which generates no images", spec.kind)));
            }
            Some(spec) => spec,
        };
        let mut check = WorkloadCheck { model, spec, found: Diagnostics::default() };
        let parameters = check.parameters();
        let (denoiser, decoder) = (check.network("denoiser"), check.network("decoder"));
        let image = check.networks(&parameters, denoiser, decoder);
        check.found.into_result(Self { parameters, denoiser, decoder, image, seed, images })
    }

    /// The loop with another softmax temperature than the model's: below 1 it draws the likelier tokens more often.
    ///
    /// # Errors
    /// [`Code::Argument`] for one that is not a positive number.
    pub fn at_temperature(mut self, temperature: f64) -> Result<Self, Diagnostic> {
        if !(temperature.is_finite() && temperature > 0.0) {
            let place = Subject::value("--temperature", temperature);
            return Err(Diagnostic::new(Code::Argument, place, "expected a positive number")
                .hint("1.0 samples from the softmax as it is; left out, it is the model's"));
        }
        self.parameters.temperature = temperature;
        Ok(self)
    }
}

impl Workload for Generation {
    type Item = GeneratedImage;

    fn item_name(&self) -> &'static str {
        "image"
    }

    fn len(&self) -> u64 {
        self.images
    }

    fn passes(&self) -> u64 {
        self.parameters.iterations as u64 + 1
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    fn begin(&self, index: u64) -> impl Course<Item = GeneratedImage> {
        Diffusion::new(self, PhiloxUniforms::new(self.seed, index))
    }
}

struct WorkloadCheck<'m> {
    model: &'m SpikingModel,
    spec: &'m WorkloadSpec,
    found: Diagnostics,
}

impl WorkloadCheck<'_> {
    fn need(&mut self, ok: bool, message: impl FnOnce() -> String) {
        if !ok {
            self.found.push(Diagnostic::new(Code::ProgramInvalid, NamedPart::Generation, message()));
        }
    }

    fn parameters(&mut self) -> LoopParameters {
        let temperature = self.spec.numbers.get("temperature").copied().unwrap_or(f64::NAN);
        self.need(temperature.is_finite() && temperature > 0.0, || {
            format!("temperature is {temperature}, expected a positive number")
        });
        LoopParameters {
            rows: self.count("rows", MOST),
            columns: self.count("columns", MOST),
            mask: self.count("mask", f64::from(u32::MAX)) as u32,
            iterations: self.count("iterations", MOST),
            temperature,
        }
    }

    /// A whole number of 1 to `most`; 1 if it is not.
    fn count(&mut self, name: &str, most: f64) -> usize {
        let number = self.spec.numbers.get(name).copied().unwrap_or(f64::NAN);
        let fits = number.fract() == 0.0 && (1.0..=most).contains(&number);
        self.need(fits, || format!("{name} is {number}, expected a whole number of 1 to {most}"));
        if fits { number as usize } else { 1 }
    }

    fn network(&mut self, role: &str) -> NetworkId {
        let driven = self.spec.networks.get(role);
        self.need(driven.is_some(), || format!("there is no {role}"));
        driven.map_or(NetworkId(0), |driven| driven.network)
    }

    /// What the loop gives the networks and takes from them fits; the shape of the images.
    fn networks(&mut self, p: &LoopParameters, denoiser: NetworkId, decoder: NetworkId) -> Shape {
        let grid = |channels| Shape::new(channels, p.rows, p.columns);
        let logits = grid(p.mask as usize);
        self.need(self.readout(denoiser) == Some(logits), || {
            format!("the denoiser must have one read-out of shape {logits}")
        });
        for (role, network, input) in [("denoiser", denoiser, grid(2)), ("decoder", decoder, grid(1))] {
            self.need(self.fed(network, input), || format!("the {role}'s inputs must have shape {input}"));
        }
        let image = self.readout(decoder);
        self.need(image.is_some(), || "the decoder must have one read-out".into());
        image.unwrap_or(grid(1))
    }

    /// Shape of a network's only read-out.
    fn readout(&self, network: NetworkId) -> Option<Shape> {
        let all = self.model.readouts.iter().map(|readout| &self.model.populations[readout.population]);
        let mut own = all.filter(|population| population.network == network);
        own.next().filter(|_| own.next().is_none()).map(|population| population.shape)
    }

    /// Whether a network has inputs, all of this shape.
    fn fed(&self, network: NetworkId, shape: Shape) -> bool {
        let all = self.model.inputs.iter();
        let mut own = all.filter(|input| self.model.populations[input.population].network == network);
        own.clone().next().is_some() && own.all(|input| input.input == shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_temperature_is_taken_if_it_is_positive() {
        let parameters = LoopParameters { rows: 1, columns: 2, mask: 5, iterations: 2, temperature: 0.65 };
        let (network, image) = (NetworkId(0), Shape::new(1, 4, 8));
        let own = Generation { parameters, denoiser: network, decoder: network, image, seed: 1, images: 2 };
        let other = own.at_temperature(1.5).unwrap();
        assert_eq!((other.parameters.temperature, other.parameters.mask), (1.5, 5));
        for odd in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(own.at_temperature(odd).unwrap_err().code, Code::Argument, "{odd}");
        }
    }
}
